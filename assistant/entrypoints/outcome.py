"""What `assistant ask` prints: one outcome, for people and for programs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from assistant.core.model import Abstained, Answered, outcome_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from assistant.core.model import Citation, Decision
    from assistant.store import IssueLink, Progress

STATES = {"waiting": "waiting", "opened": "opened", "closed": "opened", "failed": "waiting"}


def as_json(question_id: str, decision: Decision, link: IssueLink | None) -> dict[str, Any]:
    """Return the object that `ask --json` prints."""
    outcome = decision.outcome
    answer = outcome if isinstance(outcome, Answered) else None
    return {
        "id": question_id,
        "outcome": outcome_name(outcome),
        "answer": answer.text if answer else None,
        "citations": [citation_fields(citation) for citation in answer.citations] if answer else [],
        "confidence": outcome.confidence,
        "score": round(outcome.score, 4),
        "passages": [
            {"document": p.chunk.document, "chunk": p.chunk.id, "score": round(p.score, 4)}
            for p in decision.retrieval.passages
        ],
        "ranking": [ranked.document for ranked in decision.retrieval.ranking],
        "issue": issue_fields(link),
        "index_version": decision.retrieval.index_version,
        "answered_by": decision.written_by,
        "degraded": decision.degraded or None,
        "reason": outcome.reason if isinstance(outcome, Abstained) else None,
        "missing": list(getattr(outcome, "missing", ())),
        "timings_ms": {stage: round(value, 2) for stage, value in decision.timings_ms.items()},
    }


def citation_fields(citation: Citation) -> dict[str, Any]:
    """Return a citation as a JSON object."""
    return {
        "n": citation.n,
        "title": citation.title,
        "url": citation.url,
        "document": citation.document,
        "quote": citation.quote,
    }


def issue_fields(link: IssueLink | None) -> dict[str, Any] | None:
    """Return the issue as a JSON object, or None."""
    if link is None:
        return None
    issue = link.issue
    return {
        "url": issue.url if issue else None,
        "iid": issue.iid if issue else None,
        "state": STATES[link.state],
    }


def sources(citations: Sequence[Citation]) -> list[str]:
    """Return one line for each citation: mark, title, where to open it."""
    return [f"[{citation.n}] {citation.title}  {_place(citation)}" for citation in citations]


def _place(citation: Citation) -> str:
    """Return the web address, or the path of a file as seen from here, or the document's name."""
    if not citation.url.startswith("file:"):
        return citation.url or citation.document
    path = Path(unquote(urlsplit(citation.url).path))
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


def is_answered(progress: Progress) -> bool:
    """True when the latest decision is an answer."""
    return progress.decision is not None and isinstance(progress.decision.outcome, Answered)
