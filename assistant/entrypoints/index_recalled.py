"""`assistant index recalled`: given answers that their sources do not support any more."""

from __future__ import annotations

import json
from dataclasses import asdict

import click

from assistant.entrypoints.ending import errors


@click.command("recalled", epilog="\b\nExamples:\n  assistant index recalled\n  assistant index recalled --json")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on standard output.")
def recalled(*, as_json: bool) -> None:
    """List given answers whose sources changed or went, the latest found first.

    Each was checked again, sentence by sentence, on what its sources say now.
    """
    with errors():
        from assistant import settings as configuration  # noqa: PLC0415 - keeps `--help` quick
        from assistant import wiring  # noqa: PLC0415 - as above
        from assistant.workflows.recall import recalled as rows  # noqa: PLC0415 - as above

        found = rows(wiring.store(configuration.load()))
    if as_json:
        click.echo(json.dumps({"recalled": [asdict(row) for row in found]}, ensure_ascii=False, default=str))
        return
    if not found:
        click.echo("Every given answer is supported by its sources still.")
    for row in found:
        check = row.recheck
        click.echo(f"{row.question_id}  {check.state}  since {check.since:%Y-%m-%d %H:%M} UTC  {check.detail}")
        click.echo(f"    answered {row.answered_at:%Y-%m-%d} from {row.answered_from}; {row.thread_url or row.thread}")
