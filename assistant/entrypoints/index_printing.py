"""What the `assistant index` commands print: one JSON object for programs, short lines for people."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from assistant.workflows.reindex import Update
    from indexing.build import BuildReport

SHOWN = 10
"""Lines of a list in a report for people; --json has all."""

json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON object on standard output.")


def print_json(content: Mapping[str, Any]) -> None:
    """Print one object on one line."""
    click.echo(json.dumps(content, ensure_ascii=False, default=_plain))


def print_some(title: str, lines: Sequence[str]) -> None:
    """Print the first lines of a list, each after the title, and how many more there are."""
    for line in lines[:SHOWN]:
        click.echo(f"{title}: {line}")
    if len(lines) > SHOWN:
        click.echo(f"{title}: {len(lines) - SHOWN} more (all of them: --json)")


def update_fields(update: Update) -> dict[str, Any]:
    """Return what `index build` and `index update` print as JSON."""
    fields = asdict(update)
    return {**fields.pop("build"), **fields}


def print_update(update: Update) -> None:
    """Print what an update came to."""
    report = update.build
    state = "live" if report.promoted else "kept aside"
    what = "new version" if report.built else "nothing changed: still version"
    if update.state == "live" and not report.built:
        what = "the sources are as in version"
    click.echo(f"{what} {report.version} ({state}): {report.documents} documents, {report.chunks} chunks".capitalize())
    click.echo(
        f"Documents: {report.added} added, {report.changed} changed, {report.removed} removed, "
        f"{report.unchanged} unchanged. Chunks: {report.chunks_embedded} embedded, {report.chunks_reused} reused. "
        f"{report.seconds:.1f} s"
    )
    _print_sources(report)
    print_some("Left out", [f"{item.document}: {item.reason}" for item in report.skipped])
    print_some("Masked", [f"{hit.kind} in {hit.document}, line {hit.line}" for hit in report.masked])
    print_some("Cut off, as it is too long", report.cut)
    print_some("Note", report.notes)
    _print_outcome(update)


def _print_sources(report: BuildReport) -> None:
    if len(report.sources) > 1:
        for source in report.sources:
            change = f"{source.added} added, {source.changed} changed, {source.removed} removed"
            told = change if source.state == "read" else source.state
            click.echo(f"  {source.name}: {source.documents} documents ({told})")
    for source in report.sources:
        if source.state in {"held", "failed"}:
            click.echo(f"{'Held back' if source.state == 'held' else 'Not read'}: {source.reason}")


def _print_outcome(update: Update) -> None:
    name = update.build.version
    if update.state == "paused":
        click.echo("Promotion is paused by a rollback: run `assistant index resume` to promote again.")
    if update.gate is not None and not update.gate.passed:
        print_gate(name, asdict(update.gate))
        click.echo(
            f"To see what changed: assistant index diff {update.gate.against or 'A'} {name}. "
            f"To make it live all the same: assistant index promote {name} --force"
        )
    elif update.state == "aside" and update.reason != "as was asked":
        click.echo(f"Kept aside: {update.reason}")
    print_recalled(update.recalled)
    if update.pruned:
        click.echo(f"Deleted old versions: {', '.join(update.pruned)}")


def print_recalled(count: int) -> None:
    """Print how many given answers do not stand on what they cited any more."""
    if count:
        click.echo(f"Answers that stood on what changed: {count} (assistant index recalled)")


def print_gate(name: str, report: Mapping[str, Any]) -> None:
    """Print the report of the gate on a version, as it is kept in ROOT/reports."""
    against = report.get("against") or ""
    result = "passed the gate" if report.get("passed") else "did not pass the gate"
    click.echo(f"{name} {result}" + (f", compared with {against}:" if against else ":"))
    for check in report.get("checks", ()):
        mark = "ok  " if check["passed"] else "FAIL"
        click.echo(f"  {mark} {check['name']}{_figures(check)}" + (f"  {check['detail']}" if check["detail"] else ""))
    worse = report.get("worse", ())
    for item in worse[:SHOWN]:
        _print_worse(item)
    if len(worse) > SHOWN:
        click.echo(f"  {len(worse) - SHOWN} more questions are answered worse (all of them: --json)")


def _print_worse(item: Mapping[str, Any]) -> None:
    rank = f"rank {item['rank_before'] or '-'} -> {item['rank_after'] or 'not found'}"
    question = " ".join(item["question"].split()) or f"question {item['id']} (assistant explain {item['id']})"
    click.echo(f"  worse ({item['origin']}), {rank}: {question[:100]}")
    click.echo(f"      found before: {', '.join(item['found_before']) or 'nothing'}")
    click.echo(f"      finds now:    {', '.join(item['found_after']) or 'nothing'}")
    for document in item["gone"]:
        click.echo(f"      {document} is not in it any more")


def _figures(check: Mapping[str, Any]) -> str:
    before, after, allowed = check["before"], check["after"], check["allowed"]
    if after is None:
        return ""
    figures = f"{_short(before)} -> {_short(after)}" if before is not None else _short(after)
    return f"  {figures}" + (f" (at least {_short(allowed)})" if allowed is not None else "")


def _short(value: float) -> str:
    return f"{value:.3f}".rstrip("0").rstrip(".")


def _plain(value: object) -> object:
    if isinstance(value, frozenset | set):
        return sorted(value)
    return str(value)
