"""What given answers stand on, and what came of checking them again."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, func, select, update

from assistant.codec import load
from assistant.core.model import Abstained, Answered, Decision, ThreadRef, outcome_name
from assistant.store.records import ConfirmedAnswer, GivenAnswer, RecalledAnswer, Recheck
from assistant.store.tables import answer_chunks, answers, questions, rechecks, texts

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from sqlalchemy import Connection, Row, Select


def insert_answer(tx: Connection, question_id: str, decision: Decision, text_id: int, now: datetime) -> None:
    """Store the figures of a decision, and which chunks it stood on."""
    outcome, retrieval = decision.outcome, decision.retrieval
    cited = outcome.citations if isinstance(outcome, Answered) else ()
    row = answers.insert().values(
        question_id=question_id,
        decision_text_id=text_id,
        outcome=outcome_name(outcome),
        reason=outcome.reason if isinstance(outcome, Abstained) else "",
        score=outcome.score,
        confidence=outcome.confidence,
        index_version=retrieval.index_version,
        answered_by=decision.written_by,
        degraded=decision.degraded,
        citations=[{"n": one.n, "document": one.document} for one in cited],
        passages=[{"n": p.n, "chunk": p.chunk.id, "score": p.score} for p in retrieval.passages],
        ranking=[{"document": r.document, "kind": r.kind, "score": r.score} for r in retrieval.ranking],
        timings_ms=dict(decision.timings_ms),
        created_at=now,
    )
    answer_id = int(tx.execute(row.returning(answers.c.id)).scalar_one())
    if isinstance(outcome, Answered):
        _insert_chunks(tx, answer_id, decision, outcome)


def _insert_chunks(tx: Connection, answer_id: int, decision: Decision, outcome: Answered) -> None:
    chunks = {citation.chunk for citation in outcome.citations if citation.chunk}
    # A citation that names no chunk stands on every passage of its document that the answer saw.
    documents = {citation.document for citation in outcome.citations if not citation.chunk}
    rows = {
        passage.chunk.id: {
            "answer_id": answer_id,
            "chunk": passage.chunk.id,
            "document": passage.chunk.document,
            "text_hash": passage.chunk.text_hash.hex(),
            "cited": passage.chunk.id in chunks or passage.chunk.document in documents,
        }
        for passage in decision.retrieval.passages
    }
    if rows:
        tx.execute(answer_chunks.insert(), list(rows.values()))


def given_answers(tx: Connection, since: datetime) -> Iterator[GivenAnswer]:
    """Yield the newest answer of each question that is answered or solved, given at or after the moment."""
    newest = select(func.max(answers.c.id)).group_by(answers.c.question_id)
    query = (
        select(
            answers.c.id,
            questions.c.platform,
            questions.c.conversation,
            questions.c.thread,
            questions.c.thread_url,
            answer_chunks.c.document,
            answer_chunks.c.text_hash,
            rechecks,
        )
        .join(questions, questions.c.id == answers.c.question_id)
        .join(answer_chunks, answer_chunks.c.answer_id == answers.c.id)
        .outerjoin(rechecks, rechecks.c.answer_id == answers.c.id)
        .where(
            answers.c.id.in_(newest),
            answers.c.outcome == "answered",
            answers.c.created_at >= since,
            questions.c.state.in_(("answered", "solved")),
            answer_chunks.c.cited,
        )
        .order_by(answers.c.id)
    )
    rows: list[Row[Any]] = []
    for row in tx.execute(query):
        if rows and rows[0].id != row.id:
            yield _given(rows)
            rows = []
        rows.append(row)
    if rows:
        yield _given(rows)


def _given(rows: list[Row[Any]]) -> GivenAnswer:
    first = rows[0]
    before = None
    if first.state is not None:
        before = Recheck(first.index_version, first.state, first.since, first.detail)
    cited = tuple((row.document, bytes.fromhex(row.text_hash)) for row in rows)
    thread = ThreadRef(first.platform, first.conversation, first.thread, first.thread_url)
    return GivenAnswer(first.id, thread, cited, before)


def decision_of(tx: Connection, answer_id: int) -> Decision | None:
    """Return the decision of an answer, or None when its text was deleted."""
    query = select(texts.c.body).join(answers, answers.c.decision_text_id == texts.c.id)
    body = tx.scalar(query.where(answers.c.id == answer_id))
    return None if body is None else load(Decision, body)


def put_recheck(tx: Connection, answer_id: int, found: Recheck) -> None:
    """Store what came of checking an answer again; it replaces what stood there."""
    values = {
        "index_version": found.index_version,
        "state": found.state,
        "since": found.since,
        "detail": found.detail,
    }
    done = tx.execute(update(rechecks).where(rechecks.c.answer_id == answer_id).values(**values))
    if done.rowcount != 1:
        tx.execute(rechecks.insert().values(answer_id=answer_id, **values))


def recalled_answers(tx: Connection) -> tuple[RecalledAnswer, ...]:
    """Return the answers that their sources do not support any more, the latest found first."""
    query = (
        select(
            rechecks,
            answers.c.question_id,
            answers.c.citations,
            answers.c.created_at,
            answers.c.index_version.label("given_from"),
            questions.c.state.label("question_state"),
            questions.c.platform,
            questions.c.conversation,
            questions.c.thread,
            questions.c.thread_url,
        )
        .join(answers, answers.c.id == rechecks.c.answer_id)
        .join(questions, questions.c.id == answers.c.question_id)
        .where(rechecks.c.state != "supported", questions.c.state.in_(("answered", "solved")))
        .order_by(rechecks.c.since.desc(), rechecks.c.answer_id.desc())
    )
    return tuple(
        RecalledAnswer(
            question_id=row.question_id,
            question_state=row.question_state,
            thread=f"{row.platform}/{row.conversation}/{row.thread}",
            thread_url=row.thread_url,
            answered_at=row.created_at,
            answered_from=row.given_from,
            documents=tuple(dict.fromkeys(one["document"] for one in row.citations)),
            recheck=Recheck(row.index_version, row.state, row.since, row.detail),
        )
        for row in tx.execute(query)
    )


def confirmed_answers(tx: Connection) -> tuple[ConfirmedAnswer, ...]:
    """Return what askers said was solved by an answer, the newest first; deleted texts are left out.

    Of a follow-up the text is what was searched: "and on Windows?" alone would find nothing when it is asked again.
    """
    decided = texts.alias("decided")
    newest = select(func.max(answers.c.id)).where(answers.c.outcome == "answered").group_by(answers.c.question_id)
    query = (
        _question_texts()
        .add_columns(answers.c.citations, decided.c.body.label("decision"))
        .join(answers, answers.c.question_id == questions.c.id)
        .join(decided, decided.c.id == answers.c.decision_text_id)
        .where(questions.c.state == "solved", answers.c.id.in_(newest))
        .order_by(questions.c.changed_at.desc(), questions.c.id)
    )
    return tuple(
        ConfirmedAnswer(
            row.id,
            json.loads(row.decision).get("searched_for") or row.body,
            tuple(dict.fromkeys(one["document"] for one in row.citations)),
        )
        for row in tx.execute(query)
    )


def newest_questions(tx: Connection, count: int) -> tuple[str, ...]:
    """Return the first words of the newest questions, the newest first, each text once."""
    query = _question_texts().order_by(questions.c.asked_at.desc(), questions.c.id)
    seen: dict[str, None] = {}
    for row in tx.execute(query):
        if len(seen) >= count:
            break
        seen.setdefault(row.body)
    return tuple(seen)


def _question_texts() -> Select[Any]:
    first = select(func.min(texts.c.id)).where(texts.c.kind == "question").group_by(texts.c.question_id)
    query = select(questions.c.id, texts.c.body).join(texts, texts.c.question_id == questions.c.id)
    return query.where(texts.c.id.in_(first))


def drop_rechecks(tx: Connection, moment: datetime) -> None:
    """Delete what is known of answers older than the moment: nobody will check them again."""
    old = select(answers.c.id).where(answers.c.created_at < moment)
    tx.execute(delete(rechecks).where(rechecks.c.answer_id.in_(old)))
    tx.execute(delete(answer_chunks).where(answer_chunks.c.answer_id.in_(old)))
