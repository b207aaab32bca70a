"""`assistant restore`: a backup becomes the home."""

from __future__ import annotations

import json
from pathlib import Path

import click

from assistant.entrypoints.ending import errors


@click.command(
    "restore",
    epilog="""\b
Examples:
  assistant restore /backups/assistant-2026-11-21.tar
  assistant restore --force latest.tar          the home that is there is kept aside

Stop the assistant first. Afterwards run `assistant index update --sweep`: what became confidential since the backup is
hidden again then.""",
)
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--force", is_flag=True, help="Replace the home that is there; it is kept aside.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on standard output.")
def restore(file: Path, *, force: bool, as_json: bool) -> None:
    """Put the backup FILE in the place of the home.

    Everything in it is verified first. What was in flight is looked up in GitLab and in the chat before it is sent.
    """
    with errors("stopped; the home is as it was"):
        from assistant import logs, wiring  # noqa: PLC0415 - keeps `--help` quick
        from assistant import settings as configuration  # noqa: PLC0415 - as above
        from assistant.backup import Place  # noqa: PLC0415 - as above
        from assistant.entrypoints.asking import user  # noqa: PLC0415 - as above
        from assistant.restoring import restore as put_back  # noqa: PLC0415 - as above
        from assistant.store.audit import audit  # noqa: PLC0415 - as above

        settings = configuration.load()
        logs.set_up(settings.log_level)
        place = Place(settings.home.resolve(), settings.database(), wiring.utc_now)
        done = put_back(file, place, force=force, wait_s=settings.uncertain_write_wait_s)
        told = f"backup of {done.contents.made_at}; {done.in_doubt} rows in flight are looked up first"
        audit(wiring.store(settings), f"cli/{user()}", "restore", "done", told)
    if as_json:
        kept = str(done.kept) if done.kept else None
        found = {"home": str(place.home), "made_at": done.contents.made_at, "in_doubt": done.in_doubt, "kept": kept}
        click.echo(json.dumps(found))
        return
    click.echo(
        f"{place.home} is as it was at {done.contents.made_at}; {done.in_doubt} rows in flight are looked up first."
    )
    if done.kept:
        click.echo(f"The home that stood there is kept: {done.kept}")
    click.echo("Now run: assistant index update --sweep (what became confidential meanwhile is hidden again then)")
