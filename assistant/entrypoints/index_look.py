"""`assistant index diff` and `findings`: what changed between two versions, and what in one deserves a look."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from assistant.entrypoints.ending import errors
from assistant.entrypoints.index_printing import json_option, print_json, print_some
from assistant.entrypoints.index_progress import progress_bar

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from assistant.core.golden import Probe
    from assistant.settings import Settings
    from indexing.diff import VersionDiff
    from indexing.findings import Finding
    from indexing.index_version import IndexVersion

_ASKED = 50  # newest questions of people that are asked again
_LONGEST = 100  # characters of a question that are shown


@click.command(
    "diff",
    epilog="""\b
Examples:
  assistant index diff v0003 v0004
  assistant index diff v0003 v0004 --no-questions
  assistant index diff v0003 v0004 --json""",
)
@click.argument("before")
@click.argument("after")
@click.option("--no-questions", is_flag=True, help="Compare documents and chunks only; loads no embedding model.")
@json_option
def diff_versions(before: str, after: str, *, no_questions: bool, as_json: bool) -> None:
    """Show what version AFTER has gained, lost and changed against version BEFORE.

    Documents, chunks by what they say, and the questions that find another document first: golden ones, and the newest
    that people asked.
    """
    with errors():
        from assistant import settings as configuration  # noqa: PLC0415 - keeps `--help` quick
        from assistant import wiring  # noqa: PLC0415 - as above
        from indexing.diff import diff  # noqa: PLC0415 - as above
        from indexing.versions import Versions  # noqa: PLC0415 - as above

        settings = configuration.load()
        versions = Versions(wiring.index_root(settings))
        old, new = versions.open(before), versions.open(after)
        found = diff(old, new)
        probes = [] if no_questions else _probes(settings, old, new)
    moved = [_moved(probe) for probe in probes if probe.before[:1] != probe.after[:1]]
    if as_json:
        print_json({**asdict(found), "questions_asked": len(probes), "questions_changed": moved})
    else:
        _print_diff(found, len(probes), moved)


def _probes(settings: Settings, old: IndexVersion, new: IndexVersion) -> Sequence[Probe]:
    """Ask golden questions and the newest questions of people in both versions."""
    from assistant import reindexing, wiring  # noqa: PLC0415 - keeps `--help` quick
    from assistant.core.golden import GoldenQuestion  # noqa: PLC0415 - as above
    from assistant.workflows.golden import ask_both, from_issues  # noqa: PLC0415 - as above
    from indexing.build import Progress  # noqa: PLC0415 - as above

    golden = [*reindexing.golden_questions(settings), *from_issues(old, new)]
    known = {question.text for question in golden}
    store = wiring.store(settings)
    try:
        asked = [text for text in store.newest_questions(_ASKED) if text not in known]
    finally:
        store.engine.dispose()
    golden += [GoldenQuestion(f"asked {n}", text, frozenset(), "asked") for n, text in enumerate(asked, start=1)]
    with progress_bar() as told:
        total = 2 * len(golden)
        embedder_of = reindexing.embedder_of(settings)
        return ask_both(golden, old, new, embedder_of, lambda done: told(Progress("ask", done, total)))


def _moved(probe: Probe) -> dict[str, Any]:
    return {
        "id": probe.golden.id,
        "question": probe.golden.text,
        "origin": probe.golden.origin,
        "first_before": next(iter(probe.before), None),
        "first_after": next(iter(probe.after), None),
        "gold": sorted(probe.golden.gold),
    }


def _print_diff(found: VersionDiff, asked: int, moved: Sequence[Mapping[str, Any]]) -> None:
    gained, lost, changed = (found.of(fate) for fate in ("gained", "lost", "changed"))
    click.echo(
        f"{found.before} -> {found.after}: {len(gained)} documents gained, {len(lost)} lost, {len(changed)} changed, "
        f"{found.unchanged} unchanged; {found.chunks_gained} chunks gained, {found.chunks_lost} lost, "
        f"{found.chunks_kept} kept"
    )
    if found.embedder_changed:
        click.echo("The embedding model is another one: every vector was made anew.")
    for title, documents in (("Gained", gained), ("Lost", lost), ("Changed", changed)):
        print_some(title, [f"{one.document}  {one.title}  ({_chunks(one)})" for one in documents])
    if asked:
        click.echo(f"{len(moved)} of {asked} questions find another document first.")
    for row in moved[:20]:
        question = " ".join(row["question"].split())[:_LONGEST]
        click.echo(f"  {question}\n      {row['first_before'] or 'nothing'} -> {row['first_after'] or 'nothing'}")


def _chunks(one: Any) -> str:  # noqa: ANN401 - a DocumentDifference, imported for the type checker alone
    return f"+{one.chunks_gained} -{one.chunks_lost} ={one.chunks_kept} chunks"


@click.command(
    "findings",
    epilog="""\b
Examples:
  assistant index findings
  assistant index findings v0004 --kind stale
  assistant index findings --json""",
)
@click.argument("name", required=False)
@click.option("--kind", type=click.Choice(["duplicate", "conflict", "stale"]), help="Only these.")
@json_option
def list_findings(name: str | None, *, kind: str | None, as_json: bool) -> None:
    """List what deserves a look: documents that say the same, contradict each other, or are out of date.

    Of the live version without NAME. Each is a hint with its evidence; nothing is done about it.
    """
    with errors():
        from assistant import settings as configuration  # noqa: PLC0415 - keeps `--help` quick
        from assistant import wiring  # noqa: PLC0415 - as above
        from indexing.findings import findings  # noqa: PLC0415 - as above
        from indexing.versions import Versions  # noqa: PLC0415 - as above

        versions = Versions(wiring.index_root(configuration.load()))
        version = versions.open(name) if name else versions.open_live()
        found = [one for one in findings(version, now=wiring.utc_now()) if kind in {None, one.kind}]
    if as_json:
        print_json({"version": version.name, "findings": [asdict(one) for one in found]})
        return
    if not found:
        click.echo(f"{version.name}: nothing was found.")
    for one in found:
        _print_finding(one)


def _print_finding(one: Finding) -> None:
    click.echo(f"{one.kind}: {one.reason}")
    for number, document in enumerate(one.documents):
        said = f"  \u201c{one.evidence[number]}\u201d" if number < len(one.evidence) else ""
        click.echo(f"    {document}{said}")
