"""`assistant backup`: a home as one file."""

from __future__ import annotations

import json
from pathlib import Path

import click

from assistant.entrypoints.ending import errors


@click.command(
    "backup",
    epilog="""\b
Examples:
  assistant backup /backups/assistant-$(date +%F).tar
  assistant backup --no-index state.tar
  assistant backup --force latest.tar

The file holds people's questions and the key of the issues' markers: keep it as safe as the home. It holds no token and
not assistant.toml.""",
)
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--force", is_flag=True, help="Replace FILE when it exists.")
@click.option("--no-index", is_flag=True, help="Leave the knowledge base out; it can be built again from its sources.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on standard output.")
def backup(file: Path, *, force: bool, no_index: bool, as_json: bool) -> None:
    """Write state, transcript, key and live index version into FILE, also while the assistant runs."""
    with errors("stopped; nothing was written"):
        from assistant import logs, wiring  # noqa: PLC0415 - keeps `--help` quick
        from assistant import settings as configuration  # noqa: PLC0415 - as above
        from assistant.backup import Place, back_up  # noqa: PLC0415 - as above
        from assistant.entrypoints.asking import user  # noqa: PLC0415 - as above
        from assistant.errors import Rejected  # noqa: PLC0415 - as above
        from assistant.store import audited  # noqa: PLC0415 - as above

        settings = configuration.load()
        logs.set_up(settings.log_level)
        if file.exists() and not force:
            raise Rejected(f"{file} exists: give another name, or --force to replace it")
        place = Place(settings.home.resolve(), settings.database(), wiring.utc_now)
        place.check()  # or opening the state for the audit would make one
        with audited(wiring.store(settings), f"cli/{user()}", "backup") as entry:
            made = back_up(place, file, with_index=not no_index)
            entry.detail = f"{len(made.contents.files)} files, {made.size} bytes"
    if as_json:
        facts = {name: facts.size for name, facts in made.contents.files.items()}
        index = made.contents.index_version or None
        click.echo(json.dumps({"file": str(made.path), "bytes": made.size, "index_version": index, "files": facts}))
        return
    held = made.contents.index_version or "no index version"
    click.echo(f"{made.path}: {made.size / 1e6:.1f} MB, {len(made.contents.files)} files, state and {held}.")
