"""`assistant index list`, `show`, `verify`, `promote`, `rollback`, `resume`, `prune`: versions and which is live."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from assistant.entrypoints.ending import DONE, NEGATIVE, errors
from assistant.entrypoints.index_audit import audited
from assistant.entrypoints.index_printing import json_option, print_gate, print_json, print_recalled
from assistant.entrypoints.index_progress import progress_bar

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from assistant.settings import Settings
    from indexing.versions import Versions, VersionState

_name = click.argument("name", required=False)


@click.command("list", epilog="\b\nExample:\n  assistant index list --json")
@json_option
def list_versions(*, as_json: bool) -> None:
    """List all versions, oldest first: which is live, and what the gate said."""
    with errors():
        versions = _versions(_settings())
        aside = versions.aside()
        rows = [_row(state, state.name in aside, _report(versions, state.name)) for state in versions.list()]
        paused = versions.paused()
    if as_json:
        print_json({"versions": rows, "paused": paused})
        return
    if not rows:
        click.echo("No version yet. Build one: assistant index build --docs DIR")
    for row in rows:
        click.echo(_line(row))
    if paused:
        click.echo("Promotion is paused by a rollback: new versions stay aside until `assistant index resume`.")


@click.command("show", epilog="\b\nExamples:\n  assistant index show\n  assistant index show v0003 --json")
@_name
@json_option
def show(name: str | None, *, as_json: bool) -> None:
    """Show what a version holds, what was left out of it, and what the gate said (of the live one without NAME)."""
    with errors():
        versions = _versions(_settings())
        version = versions.open(name) if name else versions.open_live()
        skipped = version.catalog.skipped()
        report = _report(versions, version.name)
    manifest = asdict(version.manifest)
    if as_json:
        left_out = [asdict(item) for item in skipped]
        print_json({**manifest, "damage": version.damage, "skipped": left_out, "gate": report})
        return
    for line in version.damage:
        click.echo(f"Damaged: {line}", err=True)
    click.echo(f"{version.name}  built {version.manifest.created_at}  embedder {version.manifest.embedder}")
    for title, counts in (("Counts", version.manifest.counts), ("Documents by source", version.manifest.sources)):
        click.echo(f"{title}: " + ", ".join(f"{name} {count}" for name, count in counts.items()))
    for item in skipped:
        click.echo(f"Left out: {item.document}: {item.reason}")
    if report is not None:
        print_gate(version.name, report)


@click.command("verify", epilog="\b\nExamples:\n  assistant index verify\n  assistant index verify v0002")
@_name
@json_option
def verify(name: str | None, *, as_json: bool) -> None:
    """Read every file of a version and compare its checksum (all versions when no NAME is given).

    Ends with 3 when one is damaged.
    """
    from indexing.errors import DamagedIndex  # noqa: PLC0415 - keeps `--help` quick

    with errors():
        versions = _versions(_settings())
        problems: dict[str, str] = {}
        for each in [name] if name else versions.names():
            try:
                versions.verify(each)
                problems[each] = ""
            except DamagedIndex as error:
                problems[each] = str(error)
    if as_json:
        print_json({"versions": [{"name": each, "problem": problem} for each, problem in problems.items()]})
    else:
        for each, problem in problems.items():
            click.echo(f"{each}  " + (f"damaged: {problem}" if problem else "whole"))
    raise SystemExit(NEGATIVE if any(problems.values()) else DONE)


@click.command(
    "promote",
    epilog="""\b
Examples:
  assistant index promote v0004
  assistant index promote v0004 --force

\b
Ends with 3 when the version does not pass the gate. --force makes it live all the same; a version whose files are
damaged never goes live.""",
)
@click.argument("name")
@click.option("--force", is_flag=True, help="Make it live though the gate found it worse than the live one.")
@json_option
def promote(name: str, *, force: bool, as_json: bool) -> None:
    """Make a version the live one, when it passes the gate."""
    with errors():
        settings = _settings()
        versions = _versions(settings)
        report = None if versions.live() == name else _judged(settings, versions, name, force=force)
        passed = report is None or bool(report["passed"])
        recalled = 0
        with audited(settings, "promote", [name, *(["--force"] if force else [])]) as entry:
            if passed or force:
                recalled = _promote(settings, versions, name)
            if entry is not None:
                entry.result = "done" if passed or force else "refused"
                entry.detail = "" if passed else "it did not pass the gate"
        paused = versions.paused()
    if as_json:
        print_json({"version": name, "live": passed or force, "paused": paused, "gate": report, "recalled": recalled})
    else:
        _print_promoted(name, report, live=passed or force, paused=paused)
        print_recalled(recalled)
    raise SystemExit(DONE if passed or force else NEGATIVE)


@click.command("rollback", epilog="\b\nExample:\n  assistant index rollback")
@json_option
def rollback(*, as_json: bool) -> None:
    """Go back to the version that was live before, and pause promotion until `resume`. Takes no second."""
    with errors():
        settings = _settings()
        # Before anything else: a rollback is needed when something is wrong, maybe with the state database too.
        name = _versions(settings).rollback()
        with audited(settings, "rollback") as entry:
            if entry is not None:
                entry.detail = f"{name} is live"
    if as_json:
        print_json({"version": name, "paused": True})
    else:
        click.echo(f"{name} is live again. New versions stay aside until `assistant index resume`.")
    with errors():  # last, as it reads the version whole
        from assistant import reindexing  # noqa: PLC0415 - keeps `--help` quick

        recalled = reindexing.recalled_by(settings, name)
    if not as_json:
        print_recalled(recalled)


@click.command("resume", epilog="\b\nExample:\n  assistant index resume")
@json_option
def resume(*, as_json: bool) -> None:
    """Allow promotion again after a rollback; the next update makes what it builds live when it passes the gate."""
    with errors():
        settings = _settings()
        was_paused = _versions(settings).resume()
        with audited(settings, "resume"):
            pass
    if as_json:
        print_json({"was_paused": was_paused})
    else:
        click.echo("New versions are promoted again." if was_paused else "Promotion was not paused.")


@click.command("prune", epilog="\b\nExamples:\n  assistant index prune\n  assistant index prune --keep 2")
@click.option("--keep", type=click.IntRange(min=1), help="Newest versions to keep; the setting keep_versions.")
@json_option
def prune(keep: int | None, *, as_json: bool) -> None:
    """Delete old versions; never the live one, nor the one a rollback goes to."""
    with errors():
        settings = _settings()
        with audited(settings, "prune") as entry:
            gone = _versions(settings).prune(keep or settings.keep_versions)
            if entry is not None:
                entry.detail = ", ".join(gone)
    if as_json:
        print_json({"deleted": gone})
    else:
        click.echo(f"Deleted: {', '.join(gone)}" if gone else "Nothing to delete.")


def _settings() -> Settings:
    from assistant import logs  # noqa: PLC0415 - keeps `--help` quick
    from assistant import settings as configuration  # noqa: PLC0415 - as above

    settings = configuration.load()
    logs.set_up(settings.log_level)
    return settings


def _versions(settings: Settings) -> Versions:
    from assistant import wiring  # noqa: PLC0415 - keeps `--help` quick
    from indexing.versions import Versions  # noqa: PLC0415 - as above

    return Versions(wiring.index_root(settings))


def _report(versions: Versions, name: str) -> Mapping[str, Any] | None:
    """Return what the gate said of a version, or None when it did not see it (or its report cannot be read)."""
    from indexing.errors import DamagedIndex  # noqa: PLC0415 - keeps `--help` quick

    try:
        return versions.read_report(name)
    except DamagedIndex:
        return None


def _judged(settings: Settings, versions: Versions, name: str, *, force: bool) -> Mapping[str, Any]:
    """Return what the gate says of a version against the live one; it is asked when it was not yet.

    One that did not pass is asked about again: the golden questions may have been mended. With force an old report
    will do, and none at all too: nothing needs a model then.
    """
    known = _report(versions, name)
    is_of_today = known is not None and known.get("against") == (versions.live() or "")
    if known is not None and (force or (is_of_today and known.get("passed"))):
        return known
    if force:
        versions.verify(name)
        return {"passed": False, "checks": (), "worse": (), "against": ""}
    from assistant import reindexing  # noqa: PLC0415 - keeps `--help` quick

    configured = {source.name for source in settings.source} or set(versions.open(name).manifest.sources)
    with progress_bar() as told:
        return asdict(reindexing.gate(settings, configured, told).check(name))


def _promote(settings: Settings, versions: Versions, name: str) -> int:
    """Make the version live; return how many given answers it takes back."""
    from assistant import reindexing  # noqa: PLC0415 - keeps `--help` quick

    versions.promote(name)
    return reindexing.after_promotion(settings, name)


def _print_promoted(name: str, report: Mapping[str, Any] | None, *, live: bool, paused: bool) -> None:
    if report is None:
        click.echo(f"{name} is live already.")
        return
    if not report["passed"] and report["checks"]:
        print_gate(name, report)
    if not live:
        click.echo(f"{name} was not made live. To do it all the same: assistant index promote {name} --force")
        return
    click.echo(f"{name} is live." if report["passed"] else f"Warning: {name} is live without having passed the gate.")
    if paused:
        click.echo("Promotion of new versions stays paused until `assistant index resume`.")


def _row(state: VersionState, is_aside: bool, report: Mapping[str, Any] | None) -> dict[str, Any]:  # noqa: FBT001 - two facts of one row
    manifest = asdict(state.manifest) if state.manifest is not None else {}
    where = "live" if state.live else "aside" if is_aside else "before"
    failed = [check["name"] for check in (report or {}).get("checks", ()) if not check["passed"]]
    gate = None if report is None else {"passed": bool(report.get("passed")), "failed": failed}
    return {"name": state.name, "live": state.live, "state": where, "problem": state.problem, "gate": gate, **manifest}


def _line(row: Mapping[str, Any]) -> str:
    mark = {"live": "live  ", "aside": "aside ", "before": "      "}[row["state"]]
    if row["problem"]:
        return f"{row['name']}  {mark}  damaged: {row['problem']}"
    counts = row["counts"]
    held = f"{counts['pages']} pages, {counts['issues']} issues, {counts['chunks']} chunks"
    return f"{row['name']}  {mark}  {row['created_at']}  {held}{_said(row['gate'])}"


def _said(gate: Mapping[str, Any] | None) -> str:
    if gate is None:
        return ""
    failed: Sequence[str] = gate["failed"]
    return "  passed the gate" if gate["passed"] else f"  did not pass: {', '.join(failed)}"
