"""What was said before a question in its thread, by its asker."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import select

from assistant.codec import load
from assistant.core.followup import TURNS, earlier_turn
from assistant.core.model import Answered, Decision
from assistant.store.tables import questions, texts

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from assistant.core.model import Question

REMEMBERED = timedelta(hours=24)
"""How long an earlier question is gone on from. Its words are kept with the follow-up too, so this bounds by how much
they can outlive their own question."""
TITLES = 3
"""Titles of cited documents that are remembered of an answer."""


def with_context(tx: Connection, question: Question) -> Question:
    """Return the question with what its asker asked before in the same thread, oldest first.

    Of the same person alone, so that "forget me" deletes a person's words wherever they were used again. A public
    question never gets what was asked privately. Kinds of secrets removed from the earlier texts count as its own:
    they stood beside the words that are used again.
    """
    own = tx.execute(
        select(texts.c.id, texts.c.person_id).where(texts.c.question_id == question.id, texts.c.kind == "question")
    ).one_or_none()
    if own is None:  # forgotten
        return question
    thread = question.thread
    query = (
        select(questions.c.id, questions.c.masked)
        .join(texts, texts.c.question_id == questions.c.id)
        .where(
            questions.c.person_id == own.person_id,
            questions.c.platform == thread.platform,
            questions.c.conversation == thread.conversation,
            questions.c.thread == thread.thread,
            questions.c.visibility.in_({question.visibility, "public"}),
            questions.c.asked_at >= question.asked_at - REMEMBERED,
            texts.c.kind == "question",
            texts.c.id < own.id,  # not the time: it may be the same, or set back
        )
        .order_by(texts.c.id.desc())
        .limit(TURNS)
    )
    earlier = tx.execute(query).all()[::-1]
    said = [part for row in earlier for part in _turn(tx, row.id, own.id)]
    masked = [kind for row in earlier for kind in row.masked]
    return replace(question, context=tuple(said), masked=(*question.masked, *masked))


def _turn(tx: Connection, question_id: str, before: int) -> tuple[str, ...]:
    """Return what was asked, with its details, and what answered it: all as it stood when the later text came in."""
    query = select(texts.c.kind, texts.c.body).where(texts.c.question_id == question_id, texts.c.id < before)
    said = tx.execute(query.order_by(texts.c.id)).all()
    asked = "\n".join(body for kind, body in said if kind in {"question", "detail"})
    decided = [body for kind, body in said if kind == "decision"]
    outcome = load(Decision, decided[-1]).outcome if decided else None
    cited = outcome.citations if isinstance(outcome, Answered) else ()
    return earlier_turn(asked, list(dict.fromkeys(citation.title for citation in cited))[:TITLES])
