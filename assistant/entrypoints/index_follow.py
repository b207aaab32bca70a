"""`assistant index sources` and `watch`: how the knowledge base follows what it is made of."""

from __future__ import annotations

import time
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from assistant.entrypoints.ending import errors
from assistant.entrypoints.index_printing import json_option, print_json, print_some
from assistant.entrypoints.index_progress import progress_bar

if TYPE_CHECKING:
    from collections.abc import Sequence

    from assistant.settings import Settings
    from assistant.workflows.reindex import Reindexing, Update

_LOOK_S = 5.0  # between two looks at what is due


@click.command("sources", epilog="\b\nExamples:\n  assistant index sources\n  assistant index sources --json")
@json_option
def sources(*, as_json: bool) -> None:
    """List the sources: last and next refresh, what each holds, what was left out and why."""
    with errors():
        from assistant import settings as configuration  # noqa: PLC0415 - keeps `--help` quick

        settings = configuration.load()
        rows = _rows(settings)
    if as_json:
        print_json({"sources": rows})
        return
    if not rows:
        click.echo("No source yet. Name them in assistant.toml ([[source]]), or: assistant index build --docs DIR")
    for row in rows:
        _print_row(row)


@click.command(
    "watch",
    epilog="\b\nExamples:\n  assistant index watch\n  assistant index watch --once",
)
@click.option("--once", is_flag=True, help="Refresh what is due now, and end.")
def watch(*, once: bool) -> None:
    """Keep refreshing every source when it is due, and print one line a change. Ctrl-C ends it.

    For a terminal; `assistant serve` does the same beside answering, and takes webhooks.
    """
    with errors():
        from assistant import logs, reindexing, wiring  # noqa: PLC0415 - keeps `--help` quick
        from assistant import settings as configuration  # noqa: PLC0415 - as above

        settings = configuration.load()
        logs.set_up(settings.log_level)
        with progress_bar(quiet=True) as told:
            run = reindexing.reindexing(settings, wiring.sources(settings), told)
        try:
            _watch(settings, run, once=once)
        except KeyboardInterrupt:
            click.echo("Stopped. What was begun goes on with the next update.")


def _watch(settings: Settings, run: Reindexing, *, once: bool) -> None:
    from assistant import reindexing  # noqa: PLC0415 - keeps `--help` quick

    click.echo(f"Watching {len(settings.source)} sources. Ctrl-C ends.", err=True)
    told: dict[str, str] = {}
    while True:
        due = reindexing.due_now(settings)
        if due:
            _refresh(settings, run, due, told)
        elif once:
            click.echo("Nothing is due.")
        if once:
            return
        time.sleep(_LOOK_S)


def _refresh(settings: Settings, run: Reindexing, due: Sequence[str], told: dict[str, str]) -> None:
    """Refresh what is due and print what changed; a trouble is printed once, until it is another one.

    Args:
        settings: As loaded.
        run: Brings the index up to date.
        due: Names of sources.
        told: What was printed last, by source; "" is the version.
    """
    from assistant import reindexing  # noqa: PLC0415 - keeps `--help` quick
    from assistant.errors import AssistantError  # noqa: PLC0415 - as above
    from indexing.errors import IndexingError  # noqa: PLC0415 - as above

    options = replace(reindexing.build_options(settings), only=frozenset(due), sweep=True, strict=False)
    try:
        update = run(options)
    except (AssistantError, IndexingError, OSError) as error:
        _say_once(told, "", f"not updated: {error}")
        return
    for source in update.build.sources:
        if source.state == "read":
            _say(f"{source.name}: {source.added} added, {source.changed} changed, {source.removed} removed")
        _say_once(told, source.name, f"{source.name}: {source.reason}" if source.reason else "")
    _say_once(told, "", _outcome(update))


def _outcome(update: Update) -> str:
    report = update.build
    if update.state == "unchanged":
        return ""
    if update.state == "live":
        recalled = f", {update.recalled} answers stood on what changed" if update.recalled else ""
        return f"{report.version} is live: {report.documents} documents, {report.chunks} chunks{recalled}"
    return f"{report.version} was kept aside: {update.reason}"


def _say_once(told: dict[str, str], about: str, line: str) -> None:
    if line and told.get(about) != line:
        _say(line)
    told[about] = line


def _say(line: str) -> None:
    click.echo(f"{datetime.now(UTC):%H:%M:%S}  {line}")


def _rows(settings: Settings) -> list[dict[str, Any]]:
    """Return one row a source: those that are set up, then those that were and still have documents."""
    from assistant import reindexing  # noqa: PLC0415 - keeps `--help` quick

    known = {state.name: (state, failures) for state, failures in reindexing.source_states(settings)}
    planned = {one.name: one for one in reindexing.schedules(settings, [state for state, _ in known.values()])}
    rows = []
    for name in [*planned, *(name for name in known if name not in planned)]:
        state, failures = known.get(name, (None, ()))
        plan = planned.get(name)
        following = plan.next if plan is not None else None
        row: dict[str, Any] = {"name": name, "configured": plan is not None, "documents": 0}
        row |= asdict(state) if state is not None else {}
        row["next"] = following.isoformat(timespec="seconds") if following is not None else ""
        row["failures"] = [asdict(failure) for failure in failures]
        rows.append(row)
    return rows


def _print_row(row: dict[str, Any]) -> None:
    read = f"read {_minute(row['last_success'])}" if row.get("last_success") else "never read"
    following = f"next {_minute(row['next'])}" if row["next"] else "due now" if row["configured"] else "not set up here"
    held = f"{row.get('pages', 0)} pages, {row.get('issues', 0)} issues"
    click.echo(f"{row['name']:20} {held:26} {read}, {following}")
    if row.get("held"):
        click.echo(f"  Held back: {row['held']}")
    if row.get("last_error"):
        click.echo(f"  Not read: {row['last_error']}")
    failures = [f"{one['document']}: {one['reason']} (since {_minute(one['since'])})" for one in row["failures"]]
    print_some("  Left out", failures)


def _minute(moment: str) -> str:
    return f"{datetime.fromisoformat(moment).astimezone(UTC):%Y-%m-%d %H:%M}" if moment else "never"
