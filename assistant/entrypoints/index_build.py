"""`assistant index build` and `update`: from the sources to a version that passed the gate."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from assistant.entrypoints.ending import DONE, NEGATIVE, errors
from assistant.entrypoints.index_audit import audited
from assistant.entrypoints.index_printing import json_option, print_json, print_update, update_fields
from assistant.entrypoints.index_progress import progress_bar

if TYPE_CHECKING:
    from collections.abc import Sequence

    from assistant.settings import Settings
    from assistant.workflows.reindex import Update
    from indexing.build import BuildOptions
    from indexing.sources import Source

_INTERRUPTED = "stopped; the next build goes on where this one was"


@click.command(
    "build",
    epilog="""\b
Examples:
  assistant index build
  assistant index build --docs handbook --docs wiki --issues closed-issues.jsonl
  assistant index build --docs docs --no-promote --json

\b
Ends with 3 when the new version was kept aside: the gate found it worse, or a rollback has paused promotion.""",
)
@click.option(
    "--docs",
    multiple=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="A folder of Markdown files; may be given several times.",
)
@click.option(
    "--issues",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Closed issues as JSON Lines; may be given several times.",
)
@click.option("--no-promote", is_flag=True, help="Keep the new version aside, though it passes the gate.")
@click.option("--force", is_flag=True, help="Take sources as they are, though they lost much.")
@json_option
def build(docs: tuple[Path, ...], issues: tuple[Path, ...], *, no_promote: bool, force: bool, as_json: bool) -> None:
    """Read all sources whole, and make a new version live when it passes the gate.

    Only what changed is embedded again; when nothing changed, no version is made. Without --docs and --issues the
    sources of assistant.toml are used. A source that is held back or cannot be read stops the build (`update` goes on
    with what it had). A build that was stopped goes on where it stopped.
    """
    with errors(_INTERRUPTED):
        from assistant import logs, reindexing, wiring  # noqa: PLC0415 - keeps `--help` quick
        from assistant import settings as configuration  # noqa: PLC0415 - as above

        settings = configuration.load()
        logs.set_up(settings.log_level)
        sources = wiring.sources(settings, list(docs), list(issues))
        options = replace(reindexing.build_options(settings), force=force)
        with audited(settings, "build", _words(force=force, no_promote=no_promote)) as entry:
            update = _run(settings, sources, options, promote=not no_promote)
            if entry is not None:
                entry.detail = _in_short(update)
    _print(update, as_json=as_json)
    raise SystemExit(DONE if update.reason == "as was asked" else _code(update))


@click.command(
    "update",
    epilog="""\b
Examples:
  assistant index update
  assistant index update --source handbook
  assistant index update --sweep --json
  assistant index update --source issues --retry-failed

\b
Ends with 0 when what the sources hold is live, or nothing was due; with 3 when something was held back: a source,
or the new version. Other sources go on then.""",
)
@click.option("--source", "names", multiple=True, metavar="NAME", help="Refresh this source now; may be repeated.")
@click.option("--sweep", is_flag=True, help="Look at all of each source now, not just at what it says has changed.")
@click.option("--force", is_flag=True, help="Take sources as they are now, though they lost much.")
@click.option("--retry-failed", is_flag=True, help="Read again what was left out before, now.")
@json_option
def update(names: tuple[str, ...], *, sweep: bool, force: bool, retry_failed: bool, as_json: bool) -> None:
    """Refresh the sources that are due, and make a new version live when it passes the gate.

    With any option, sources are refreshed now, due or not. What cannot be read, or lost too much, keeps what it had,
    and the others go on.
    """
    with errors(_INTERRUPTED):
        from assistant import logs, reindexing, wiring  # noqa: PLC0415 - keeps `--help` quick
        from assistant import settings as configuration  # noqa: PLC0415 - as above

        settings = configuration.load()
        logs.set_up(settings.log_level)
        sources = wiring.sources(settings)
        _check_names(settings, names)
        only: tuple[str, ...] | None = names or None
        due = reindexing.due_now(settings, by_hand=True)
        if not (names or sweep or force or retry_failed):
            only, sweep = due, True
        sweep = sweep or not set(due).isdisjoint(names)  # a hint about a source that is due does not put its sweep off
        if only == ():
            _nothing_due(settings, as_json=as_json)
            return
        options = replace(
            reindexing.build_options(settings),
            only=None if only is None else frozenset(only),
            sweep=sweep,
            force=force,
            retry_failed=retry_failed,
            strict=False,
        )
        with audited(settings, "update", only or ()) as entry:
            done = _run(settings, sources, options)
            if entry is not None:
                entry.detail = _in_short(done)
    _print(done, as_json=as_json)
    raise SystemExit(_code(done))


def _run(settings: Settings, sources: Sequence[Source], options: BuildOptions, *, promote: bool = True) -> Update:
    from assistant.reindexing import reindexing  # noqa: PLC0415 - keeps `--help` quick

    with progress_bar() as told:
        return reindexing(settings, sources, told)(options, promote=promote)


def _check_names(settings: Settings, names: Sequence[str]) -> None:
    from assistant.errors import Rejected  # noqa: PLC0415 - keeps `--help` quick

    known = [source.name for source in settings.source]
    for name in names:
        if name not in known:
            raise Rejected(f"there is no source {name[:60]!r} in assistant.toml (there are: {', '.join(known)})")


def _nothing_due(settings: Settings, *, as_json: bool) -> None:
    from assistant import reindexing  # noqa: PLC0415 - keeps `--help` quick

    following = reindexing.next_refresh(settings)
    told = "Nothing is due" + (f": {following[0]} is next, at {following[1]:%H:%M} UTC" if following else "")
    if as_json:
        print_json({"state": "idle", "reason": told, "version": ""})
    else:
        click.echo(f"{told}. To refresh now: assistant index update --sweep, or --source NAME")


def _print(done: Update, *, as_json: bool) -> None:
    if as_json:
        print_json(update_fields(done))
    else:
        print_update(done)


def _code(done: Update) -> int:
    return NEGATIVE if done.troubled or done.state in {"aside", "paused"} else DONE


def _in_short(done: Update) -> str:
    told = [f"{done.build.version}: {done.state}", done.reason, *done.troubled]
    return "; ".join(filter(None, told))


def _words(**flags: bool) -> list[str]:
    return [f"--{name.replace('_', '-')}" for name, is_set in flags.items() if is_set]
