"""What askers said of answers, with the decision behind each: labels for the calibration."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from assistant.codec import load
from assistant.core.model import Decision
from assistant.store.tables import answers, feedback, texts

if TYPE_CHECKING:
    from sqlalchemy import Connection


@dataclass(frozen=True, slots=True)
class JudgedAnswer:
    """A given answer, and its asker's word on it.

    Attributes:
        right: True when it was confirmed, False when it was called wrong.
        decision: None when its text was deleted.
    """

    question_id: str
    right: bool
    decision: Decision | None


def judged_answers(tx: Connection) -> tuple[JudgedAnswer, ...]:
    """Return the last answer of each question whose asker judged it, by the id of the question.

    An answer is right when the first word on it was that it solved the question and none was that it is wrong. Who
    asked for people first was helped by them: what they confirm later is not the answer.
    """
    words = select(feedback.c.question_id, feedback.c.verdict).where(feedback.c.verdict != "cancel")
    said: dict[str, list[str]] = {}
    for question_id, verdict in tx.execute(words.order_by(feedback.c.id)):
        said.setdefault(question_id, []).append(verdict)
    judged = {
        question_id: "wrong" not in verdicts
        for question_id, verdicts in said.items()
        if verdicts[0] == "solved" or "wrong" in verdicts
    }
    last = select(func.max(answers.c.id)).group_by(answers.c.question_id)
    query = (
        select(answers.c.question_id, texts.c.body)
        .outerjoin(texts, texts.c.id == answers.c.decision_text_id)
        .where(answers.c.id.in_(last), answers.c.outcome == "answered")
        .order_by(answers.c.question_id)
    )
    return tuple(
        JudgedAnswer(row.question_id, judged[row.question_id], None if row.body is None else load(Decision, row.body))
        for row in tx.execute(query)
        if row.question_id in judged
    )
