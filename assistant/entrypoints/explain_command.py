"""`assistant explain`: one question end to end."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from assistant.entrypoints.ending import errors

if TYPE_CHECKING:
    from assistant.store import Progress


@click.command("explain", epilog="\b\nExamples:\n  assistant explain eq8pn9k3\n  assistant explain eq8pn9k3 --json")
@click.argument("question_id", metavar="ID")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on standard output.")
def explain(question_id: str, *, as_json: bool) -> None:
    """Show question ID: what was found with scores, what the model saw, the outcome, and its issue."""
    with errors():
        from assistant import settings as configuration  # noqa: PLC0415 - keeps `--help` quick
        from assistant import wiring  # noqa: PLC0415 - as above

        progress = wiring.store(configuration.load()).progress(question_id)
    found = _facts(progress)
    if as_json:
        click.echo(json.dumps(found, ensure_ascii=False))
    else:
        _print(found)


def _facts(progress: Progress) -> dict[str, Any]:
    from assistant.entrypoints import outcome  # noqa: PLC0415 - keeps `--help` quick

    record, decision = progress.record, progress.decision
    found: dict[str, Any] = {
        "id": record.question.id,
        "question": record.question.full_text,
        "asked_at": record.question.asked_at.isoformat(),
        "language": record.question.language,
        "masked": list(record.question.masked),
        "state": record.state,
        "waits_for": record.awaiting or None,
        "error": progress.error or None,
    }
    if decision is None:
        return {**found, "outcome": None, "issue": outcome.issue_fields(progress.link)}
    decided = outcome.as_json(record.question.id, decision, progress.link)
    ranked = [{"document": r.document, "title": r.title, "score": r.score} for r in decision.retrieval.ranking]
    features = {name: round(value, 4) for name, value in decision.retrieval.features.items()}
    return {**found, **decided, "ranking": ranked, "features": features, "prompt": decision.prompt or None}


def _print(found: dict[str, Any]) -> None:
    click.echo(f"Question {found['id']}  {found['asked_at']}  {found['language']}")
    click.echo(f"State: {found['state']}" + (f", waits for {found['waits_for']}" if found["waits_for"] else ""))
    if found["error"]:
        click.echo(f"Waits because: {found['error']}")
    click.echo(f"\n{found['question']}\n")
    if found["outcome"] is None:
        click.echo("No decision is stored yet.")
        return
    why = f" ({found['reason']})" if found["reason"] else ""
    click.echo(f"Outcome: {found['outcome']}{why}, score {found['score']}, by {found['answered_by']}")
    click.echo(f"Index {found['index_version']}; times in ms: {_pairs(found['timings_ms'])}")
    click.echo(f"Features: {_pairs(found['features'])}")
    click.echo("\nFound, best first:")
    for rank, row in enumerate(found["ranking"], start=1):
        click.echo(f"{rank:4}  {row['score']:8.3f}  {row['document']}  {row['title']}")
    for citation in found["citations"]:
        click.echo(f"\n[{citation['n']}] {citation['document']}: {citation['quote']}")
    if found["prompt"]:
        click.echo(f"\nThe model saw:\n{found['prompt']}")
    if found["issue"]:
        click.echo(f"\nIssue: {found['issue']['state']} {found['issue']['url'] or ''}")


def _pairs(values: dict[str, float]) -> str:
    return ", ".join(f"{name} {value:g}" for name, value in values.items())
