"""`assistant index`: build the knowledge base and keep its versions."""

from __future__ import annotations

import contextlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from assistant.entrypoints.ending import DONE, NEGATIVE, errors

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from indexing.build import BuildReport, Progress
    from indexing.versions import Versions, VersionState

_INTERRUPTED = "stopped; the next build goes on where this one was"
_SHOWN = 10  # lines of a list in a report for people; --json has all

_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON object on standard output.")
_name = click.argument("name", required=False)


@click.group("index")
def index() -> None:
    """Build the knowledge base and keep its versions."""


@index.command(
    "build",
    epilog="""\b
Examples:
  assistant index build --docs docs
  assistant index build --docs handbook --docs wiki --issues closed-issues.jsonl
  assistant index build --docs docs --no-promote --json""",
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
@click.option("--no-promote", is_flag=True, help="Keep the new version aside instead of making it live.")
@_json
def build_index(docs: tuple[Path, ...], issues: tuple[Path, ...], *, no_promote: bool, as_json: bool) -> None:
    """Build a new index version from the sources and make it live.

    Only what changed is embedded again; when nothing changed, no version is made. Without --docs and --issues the
    sources of assistant.toml are used. A build that was stopped goes on where it stopped.
    """
    with errors(_INTERRUPTED):
        from assistant import settings as configuration  # noqa: PLC0415 - keeps `--help` quick
        from assistant import wiring  # noqa: PLC0415 - as above
        from indexing.build import build  # noqa: PLC0415 - as above

        settings = configuration.load()
        sources = wiring.sources(settings, list(docs), list(issues))
        with progress_bar() as told:
            report = build(
                sources,
                wiring.index_root(settings),
                wiring.embedder(settings),
                wiring.clean(settings),
                promote=not no_promote,
                on_progress=told,
            )
    _print_json(asdict(report)) if as_json else _print_report(report)


@index.command("list", epilog="\b\nExample:\n  assistant index list --json")
@_json
def list_versions(*, as_json: bool) -> None:
    """List all versions, oldest first; the live one is marked."""
    with errors(_INTERRUPTED):
        versions = _versions()
        states = versions.list()
        paused = versions.paused()
    if as_json:
        _print_json({"versions": [_state_fields(state) for state in states], "paused": paused})
        return
    if not states:
        click.echo("No version yet. Build one: assistant index build --docs DIR")
    for state in states:
        click.echo(_state_line(state))
    if paused:
        click.echo("Promotion is paused by a rollback: new versions stay aside until `assistant index resume`.")


@index.command("show", epilog="\b\nExamples:\n  assistant index show\n  assistant index show v0003 --json")
@_name
@_json
def show(name: str | None, *, as_json: bool) -> None:
    """Show what a version holds and what was left out of it (the live one when no NAME is given)."""
    with errors(_INTERRUPTED):
        versions = _versions()
        version = versions.open(name) if name else versions.open_live()
        skipped = version.catalog.skipped()
    manifest = asdict(version.manifest)
    if as_json:
        _print_json({**manifest, "damage": version.damage, "skipped": [asdict(item) for item in skipped]})
        return
    for line in version.damage:
        click.echo(f"Damaged: {line}", err=True)
    click.echo(f"{version.name}  built {version.manifest.created_at}  embedder {version.manifest.embedder}")
    for title, counts in (("Counts", version.manifest.counts), ("Documents by source", version.manifest.sources)):
        click.echo(f"{title}: " + ", ".join(f"{name} {count}" for name, count in counts.items()))
    for item in skipped:
        click.echo(f"Left out: {item.document}: {item.reason}")


@index.command("verify", epilog="\b\nExamples:\n  assistant index verify\n  assistant index verify v0002")
@_name
@_json
def verify(name: str | None, *, as_json: bool) -> None:
    """Read every file of a version and compare its checksum (all versions when no NAME is given).

    Ends with 3 when one is damaged.
    """
    from indexing.errors import DamagedIndex  # noqa: PLC0415 - keeps `--help` quick

    with errors(_INTERRUPTED):
        versions = _versions()
        problems: dict[str, str] = {}
        for each in [name] if name else versions.names():
            try:
                versions.verify(each)
                problems[each] = ""
            except DamagedIndex as error:
                problems[each] = str(error)
    if as_json:
        _print_json({"versions": [{"name": each, "problem": problem} for each, problem in problems.items()]})
    else:
        for each, problem in problems.items():
            click.echo(f"{each}  " + (f"damaged: {problem}" if problem else "whole"))
    raise SystemExit(NEGATIVE if any(problems.values()) else DONE)


@index.command("promote", epilog="\b\nExample:\n  assistant index promote v0004")
@click.argument("name")
def promote(name: str) -> None:
    """Make a version the live one, after reading every file of it."""
    with errors(_INTERRUPTED):
        _versions().promote(name)
    click.echo(f"{name} is live.")


@index.command("rollback", epilog="\b\nExample:\n  assistant index rollback")
def rollback() -> None:
    """Go back to the version that was live before, and pause promotion until `resume`."""
    with errors(_INTERRUPTED):
        name = _versions().rollback()
    click.echo(f"{name} is live again. New versions stay aside until `assistant index resume`.")


@index.command("resume", epilog="\b\nExample:\n  assistant index resume")
def resume() -> None:
    """Allow promotion again after a rollback."""
    with errors(_INTERRUPTED):
        was_paused = _versions().resume()
    click.echo("New versions are promoted again." if was_paused else "Promotion was not paused.")


@index.command("prune", epilog="\b\nExample:\n  assistant index prune --keep 2")
@click.option("--keep", type=click.IntRange(min=1), default=3, show_default=True, help="Newest versions to keep.")
def prune(keep: int) -> None:
    """Delete old versions; never the live one, nor the one a rollback goes to."""
    with errors(_INTERRUPTED):
        gone = _versions().prune(keep)
    click.echo(f"Deleted: {', '.join(gone)}" if gone else "Nothing to delete.")


def _versions() -> Versions:
    from assistant import settings as configuration  # noqa: PLC0415 - keeps `--help` quick
    from assistant import wiring  # noqa: PLC0415 - as above
    from indexing.versions import Versions  # noqa: PLC0415 - as above

    return Versions(wiring.index_root(configuration.load()))


@contextlib.contextmanager
def progress_bar(*, quiet: bool = False) -> Iterator[Callable[[Progress], None]]:
    """Show a bar on standard error; where that is no terminal, a line at each new stage; nothing when quiet."""
    from rich import progress as bars  # noqa: PLC0415 - keeps `--help` quick
    from rich.console import Console  # noqa: PLC0415 - as above

    names = {"read": "Reading documents", "embed": "Embedding chunks", "write": "Writing the version"}
    console = Console(stderr=True)
    columns = (
        bars.TextColumn("{task.description}"),
        bars.BarColumn(),
        bars.MofNCompleteColumn(),
        bars.TextColumn("{task.fields[rate]}"),
        bars.TimeRemainingColumn(),
    )
    with bars.Progress(*columns, console=console, disable=quiet or not console.is_terminal) as shown:
        tasks: dict[str, bars.TaskID] = {}

        def tell(step: Progress) -> None:
            if step.stage not in tasks:
                tasks[step.stage] = shown.add_task(names[step.stage], total=None, rate="")
                if not quiet and not console.is_terminal:
                    click.echo(f"{names[step.stage]} ...", err=True)
            task = tasks[step.stage]
            speed = shown.tasks[task].speed or 0.0
            rate = f"{speed:.0f}/s" if speed else ""
            shown.update(task, completed=step.done, total=step.total or None, rate=rate)

        yield tell


def _print_json(content: dict[str, Any]) -> None:
    click.echo(json.dumps(content, ensure_ascii=False, default=str))


def _print_report(report: BuildReport) -> None:
    state = "live" if report.promoted else "kept aside"
    what = "new version" if report.built else "nothing changed: still version"
    click.echo(f"{what} {report.version} ({state}): {report.documents} documents, {report.chunks} chunks".capitalize())
    click.echo(
        f"Documents: {report.added} added, {report.changed} changed, {report.removed} removed, "
        f"{report.unchanged} unchanged. Chunks: {report.chunks_embedded} embedded, {report.chunks_reused} reused. "
        f"{report.seconds:.1f} s"
    )
    if report.paused:
        click.echo("Promotion is paused by a rollback: run `assistant index resume` to promote again.")
    _print_some("Left out", [f"{item.document}: {item.reason}" for item in report.skipped])
    _print_some("Masked", [f"{hit.kind} in {hit.document}, line {hit.line}" for hit in report.masked])


def _print_some(title: str, lines: list[str]) -> None:
    for line in lines[:_SHOWN]:
        click.echo(f"{title}: {line}")
    if len(lines) > _SHOWN:
        click.echo(f"{title}: {len(lines) - _SHOWN} more (all of them: --json)")


def _state_fields(state: VersionState) -> dict[str, Any]:
    manifest = asdict(state.manifest) if state.manifest is not None else {}
    return {"name": state.name, "live": state.live, "problem": state.problem, **manifest}


def _state_line(state: VersionState) -> str:
    mark = "live" if state.live else "    "
    if state.manifest is None:
        return f"{state.name}  {mark}  damaged: {state.problem}"
    counts = state.manifest.counts
    held = f"{counts['pages']} pages, {counts['issues']} issues, {counts['chunks']} chunks"
    return f"{state.name}  {mark}  {state.manifest.created_at}  {held}"
