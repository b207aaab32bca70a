"""`assistant backtest`: what would have come of the closed issues of the past."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from assistant.entrypoints.ending import errors

if TYPE_CHECKING:
    from datetime import datetime

    from assistant.workflows.backtest import Chosen

_DATE = click.DateTime(formats=["%Y-%m-%d"])


@click.command(
    "backtest",
    epilog="""\b
Examples:
  assistant backtest --report last-year.html
  assistant backtest --since 2026-01-01 --until 2026-07-01 --label runner
  assistant backtest --limit 200 --no-model --json | jq .overall
  assistant backtest --index-version v0004 --output v0004.json""",
)
@click.option("--since", type=_DATE, metavar="DATE", help="Only issues opened on this day or later (YYYY-MM-DD).")
@click.option("--until", type=_DATE, metavar="DATE", help="Only issues opened before this day.")
@click.option("--limit", type=click.IntRange(min=1), help="Only the so many issues that were opened last.")
@click.option("--label", default="", metavar="LABEL", help="Only issues with this label.")
@click.option("--audience", "audiences", multiple=True, metavar="NAME", help="Replay, and answer from, these too.")
@click.option("--report", type=click.Path(dir_okay=False, path_type=Path), help="Write a report to show around (HTML).")
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="Write the whole result here as JSON.")
@click.option("--model/--no-model", "use_model", default=True, help="Draft with the configured model, or quote.")
@click.option("--index-version", metavar="NAME", help="Index version to search; the live one by default.")
@click.option(
    "--pages",
    type=click.Choice(["as-now", "strict"]),
    default="as-now",
    show_default=True,
    help="Pages that changed later: answer from them as they read now, or leave them out.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on standard output.")
def backtest(  # noqa: PLR0913 - one argument an option
    *,
    since: datetime | None,
    until: datetime | None,
    limit: int | None,
    label: str,
    audiences: tuple[str, ...],
    report: Path | None,
    output: Path | None,
    use_model: bool,
    index_version: str | None,
    pages: str,
    as_json: bool,
) -> None:
    """Replay closed issues, each against the index as it stood the day before it was opened.

    It opens no issue, tells nobody and stores nothing.
    """
    with errors():
        from assistant.workflows.backtest import Chosen  # noqa: PLC0415 - keeps `--help` quick

        for path in (report, output):  # now, and not when all is asked
            if path is not None and not path.parent.is_dir():
                raise click.UsageError(f"{path} cannot be written: {path.parent} is no folder")
        chosen = Chosen(_day(since), _day(until), label, limit, frozenset({"public", *audiences}))
        result = _result(chosen, index_version, use_model=use_model, strict=pages == "strict")
        if output is not None:
            output.write_text(json.dumps(result, ensure_ascii=False, indent=1) + "\n", "utf-8")
        if report is not None:
            from assistant.reporting.backtest_report import report_of  # noqa: PLC0415 - loads matplotlib

            report.write_text(report_of(result), "utf-8")
    if as_json:
        click.echo(json.dumps(result, ensure_ascii=False))
    else:
        from assistant.entrypoints.backtest_printing import show  # noqa: PLC0415 - keeps `--help` quick

        show(result)
        for path in (report, output):
            if path is not None:
                click.echo(f"Written: {path}")


def _day(given: datetime | None) -> str:
    return given.date().isoformat() if given is not None else ""


def _result(chosen: Chosen, version: str | None, *, use_model: bool, strict: bool) -> dict[str, Any]:
    from assistant import logs, wiring  # noqa: PLC0415 - keeps `--help` quick
    from assistant import settings as configuration  # noqa: PLC0415 - as above
    from assistant.entrypoints.backtest_printing import asking  # noqa: PLC0415 - as above
    from assistant.workflows.backtest import replay  # noqa: PLC0415 - as above
    from assistant.workflows.backtest_summary import summary  # noqa: PLC0415 - as above

    settings = configuration.load()
    logs.set_up(settings.log_level)
    told = sorted(chosen.audiences - {"public"})
    past = wiring.past(settings, version=version, use_model=use_model, strict_pages=strict, told=told)
    with asking(len(chosen.of(past.issues))) as advance:
        rows = replay(past, chosen, advance)
    return summary(past, chosen, rows, strict_pages=strict)
