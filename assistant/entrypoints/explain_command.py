"""`assistant explain`: one question end to end."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from assistant.entrypoints.ending import errors

if TYPE_CHECKING:
    from assistant.core.model import Decision
    from assistant.store import Progress

VERDICTS = {
    "kept": "a passage supports it",
    "uncited": "it cites no passage that was shown",
    "unsupported": "its words do not stand in what it cites",
    "other_literal": "a command, setting, name in code or quoted words do not stand there so",
    "other_number": "a number or its unit do not stand there so",
    "other_name": "a product or name does not stand there",
    "turned_round": "the passage says the opposite",
    "complaint": "it is what somebody complained of, not what helped",
    "leans_on_dropped": "it is not understood without a sentence that went",
    "unconfirmed_command": "a dangerous command from a source that nobody confirmed",
    "instruction": "it gives an order, or asks for a secret",
    "too_many_documents": "it would cite a fourth document",
    "no_answer": "supported, but what is left does not answer the question",
}
"""Verdict of the evidence check -> what it means."""


@click.command("explain", epilog="\b\nExamples:\n  assistant explain eq8pn9k3\n  assistant explain eq8pn9k3 --json")
@click.argument("question_id", metavar="ID")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on standard output.")
def explain(question_id: str, *, as_json: bool) -> None:
    """Show question ID: what was searched and found, what the model saw and wrote, each check, outcome, and issue."""
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
    return {**found, **outcome.as_json(record.question.id, decision, progress.link), **_stood_on(decision)}


def _stood_on(decision: Decision) -> dict[str, Any]:
    draft, retrieval = decision.draft, decision.retrieval
    suggested = getattr(decision.outcome, "suggested", None)
    features = decision.features or retrieval.features
    claims = [{"text": claim.text, "cites": list(claim.cites)} for claim in draft.claims] if draft else []
    return {
        "searched_for": decision.searched_for or None,
        "ranking": [{"document": r.document, "title": r.title, "score": r.score} for r in retrieval.ranking],
        "passages": [
            {"n": p.n, "document": p.chunk.document, "chunk": p.chunk.id, "score": round(p.score, 4)}
            for p in retrieval.passages
        ],
        "prompt": decision.prompt or None,
        "draft": {"written_by": draft.written_by, "found": draft.found, "claims": claims} if draft else None,
        "checks": [
            {
                "text": check.text,
                "cites": list(check.cites),
                "verdict": check.verdict,
                "means": VERDICTS.get(check.verdict, check.verdict),
                "support": check.support,
                "document": check.document or None,
            }
            for check in decision.checks
        ],
        "features": {name: round(value, 4) for name, value in features.items()},
        "threshold": decision.threshold,
        "suggested": suggested.text if suggested is not None else None,
    }


def _print(found: dict[str, Any]) -> None:
    click.echo(f"Question {found['id']}  {found['asked_at']}  {found['language']}")
    click.echo(f"State: {found['state']}" + (f", waits for {found['waits_for']}" if found["waits_for"] else ""))
    if found["error"]:
        click.echo(f"Waits because: {found['error']}")
    click.echo(f"\n{found['question']}\n")
    if found["outcome"] is None:
        click.echo("No decision is stored yet.")
        return
    if found["searched_for"]:
        click.echo(f"Searched for: {found['searched_for']}\n")
    _print_outcome(found)
    _print_found(found)
    _print_draft(found)
    if found["issue"]:
        click.echo(f"\nIssue: {found['issue']['state']} {found['issue']['url'] or ''}")


def _print_outcome(found: dict[str, Any]) -> None:
    why = f" ({found['reason']})" if found["reason"] else ""
    degraded = f", {found['degraded']}" if found["degraded"] else ""
    click.echo(f"Outcome: {found['outcome']}{why}, by {found['answered_by']}{degraded}")
    sure = f"score {found['score']}" + (
        f", confidence {found['confidence']:.3f}" if found["confidence"] is not None else ""
    )
    least = f"; {found['threshold']:.3f} was needed" if found["threshold"] is not None else ""
    click.echo(f"Decided by: {sure}{least}")
    click.echo(f"Features: {_pairs(found['features'])}")
    click.echo(f"Index {found['index_version']}; times in ms: {_pairs(found['timings_ms'])}")
    for title, text in (("Answer", found["answer"]), ("Suggested to the responder", found["suggested"])):
        if text:
            click.echo(f"\n{title}:\n{text}")
    for citation in found["citations"]:
        click.echo(f"\n[{citation['n']}] {citation['document']}: {citation['quote']}")


def _print_found(found: dict[str, Any]) -> None:
    click.echo("\nFound, best first:")
    for rank, row in enumerate(found["ranking"], start=1):
        click.echo(f"{rank:4}  {row['score']:8.3f}  {row['document']}  {row['title']}")
    click.echo("\nPassages that were shown:")
    for passage in found["passages"]:
        click.echo(f"{passage['n']:4}  {passage['score']:8.3f}  {passage['chunk']}")


def _print_draft(found: dict[str, Any]) -> None:
    if found["prompt"]:
        click.echo(f"\nThe model saw:\n{found['prompt']}")
    if found["draft"] is None:
        return
    said = "" if found["draft"]["found"] else ", who found no answer in the passages"
    click.echo(f"\nDraft by {found['draft']['written_by']}{said}:")
    for check in found["checks"]:
        cites = "".join(f"[{n}]" for n in check["cites"]) or "no citation"
        where = f" by {check['document']}" if check["document"] else ""
        click.echo(f"\n  {check['verdict']}, support {check['support']:.2f}: {check['means']}{where}")
        click.echo("".join(f"  | {line}\n" for line in f"{check['text']} {cites}".split("\n")), nl=False)


def _pairs(values: dict[str, float]) -> str:
    return ", ".join(f"{name} {value:g}" for name, value in values.items())
