"""Questions and what belongs to them: texts, answers, feedback, links."""

from __future__ import annotations

import secrets
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sqlalchemy import select, update

from assistant.codec import dump, load
from assistant.core.model import Decision, IssueRef, Question, ThreadRef
from assistant.errors import Rejected
from assistant.store.database import reading, wipe_deleted, writing
from assistant.store.records import MOVES, IssueLink, Progress, QuestionRecord
from assistant.store.retention import forget_person, purge
from assistant.store.standing import confirmed_answers, insert_answer, newest_questions
from assistant.store.statements import insert_once, unfinished_work
from assistant.store.tables import answers, feedback, links, people, questions, texts

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from datetime import datetime

    from sqlalchemy import Connection, Engine, Row

    from assistant.core.model import QuestionState
    from assistant.ports import Now
    from assistant.store.records import Arrival, ConfirmedAnswer, Verdict

ALPHABET = "23456789abcdefghjkmnpqrstuvwxyz"  # no 0/o, 1/l/i: people type these ids
ID_LENGTH = 8
POLL_S = 0.05


class Store:
    """Intention-named access to the state database.

    Methods that take a connection run inside the caller's transaction (`writing()`), so that state and work rows change
    together; the others open their own.
    """

    def __init__(self, engine: Engine, now: Now) -> None:
        self.engine = engine
        self.now = now

    def writing(self) -> AbstractContextManager[Connection]:
        """Open a transaction that writes."""
        return writing(self.engine)

    def reading(self) -> AbstractContextManager[Connection]:
        """Open a transaction that reads."""
        return reading(self.engine)

    def add_question(self, tx: Connection, arrival: Arrival, question_id: str) -> None:
        """Store the person (once), the question in state `asked`, and its text."""
        thread = arrival.thread
        person = self._person(tx, thread.platform, arrival.asker)
        now = self.now()
        tx.execute(
            questions.insert().values(
                id=question_id,
                person_id=person,
                platform=thread.platform,
                conversation=thread.conversation,
                thread=thread.thread,
                thread_url=thread.url,
                visibility=arrival.visibility,
                language=arrival.language,
                escalation=arrival.escalation,
                masked=list(arrival.masked),
                state="asked",
                awaiting="",
                rounds=0,
                changes=0,
                confirmed=False,
                asked_at=now,
                changed_at=now,
            )
        )
        self.add_text(tx, question_id, "question", arrival.text)

    def _person(self, tx: Connection, platform: str, handle: str) -> int:
        insert_once(tx, people, {"platform": platform, "handle": handle, "created_at": self.now()})
        query = select(people.c.id).where(people.c.platform == platform, people.c.handle == handle)
        return int(tx.execute(query).scalar_one())

    def add_text(self, tx: Connection, question_id: str, kind: str, body: str) -> int:
        """Store a text of, or for, the question's asker and return its id."""
        person = select(questions.c.person_id).where(questions.c.id == question_id).scalar_subquery()
        row = texts.insert().values(
            person_id=person, question_id=question_id, kind=kind, body=body, created_at=self.now()
        )
        return int(tx.execute(row.returning(texts.c.id)).scalar_one())

    def text(self, tx: Connection, text_id: int) -> str | None:
        """Return a text, or None when it was deleted."""
        return tx.scalar(select(texts.c.body).where(texts.c.id == text_id))

    def latest_text(self, tx: Connection, question_id: str, kind: str) -> str | None:
        """Return the newest text of this kind, or None."""
        query = select(texts.c.body).where(texts.c.question_id == question_id, texts.c.kind == kind)
        return tx.scalar(query.order_by(texts.c.id.desc()).limit(1))

    def question(self, tx: Connection, question_id: str) -> QuestionRecord:
        """Return the question with its state, locked until the transaction ends where the database can.

        Raises:
            Rejected: There is no such question.
        """
        query = (
            select(questions, people.c.handle)
            .join(people, people.c.id == questions.c.person_id)
            .where(questions.c.id == question_id)
        )
        if not tx.get_execution_options().get("reads_only"):
            query = query.with_for_update(of=questions)
        row = tx.execute(query).one_or_none()
        if row is None:
            raise Rejected(f"there is no question {question_id}; ids are shown with each answer")
        said = tx.execute(
            select(texts.c.kind, texts.c.body)
            .where(texts.c.question_id == question_id, texts.c.kind.in_(("question", "detail")))
            .order_by(texts.c.id)
        ).all()
        return _record(row, [(kind, body) for kind, body in said])

    def move(self, tx: Connection, record: QuestionRecord, state: QuestionState, **changed: Any) -> QuestionRecord:  # noqa: ANN401 - columns of several types
        """Change the question's state and count the change; `awaiting` is emptied unless given.

        Args:
            tx: The caller's transaction.
            record: As it was read in this transaction.
            state: The state to move to.
            **changed: `awaiting`, `rounds`, `confirmed`.

        Raises:
            Rejected: The life of a question has no such move, or somebody else moved it meanwhile.
        """
        if state not in MOVES[record.state]:
            raise Rejected(f"question {record.question.id} is {record.state}; it cannot become {state}")
        values: dict[str, Any] = {"awaiting": "", **changed, "state": state, "changes": record.changes + 1}
        done = tx.execute(
            update(questions)
            .where(questions.c.id == record.question.id, questions.c.changes == record.changes)
            .values(**values, changed_at=self.now())
        )
        if done.rowcount != 1:
            raise Rejected(f"question {record.question.id} was changed by somebody else just now; look at it again")
        return replace(record, **values)

    def add_masked(self, tx: Connection, record: QuestionRecord, masked: tuple[str, ...]) -> None:
        """Remember the kinds of secrets that a detail held."""
        every = sorted({*record.question.masked, *masked})
        tx.execute(update(questions).where(questions.c.id == record.question.id).values(masked=every))

    def add_answer(self, tx: Connection, question_id: str, decision: Decision) -> None:
        """Store a decision: its figures and what it stood on for good, its text until retention deletes it."""
        text_id = self.add_text(tx, question_id, "decision", dump(decision))
        insert_answer(tx, question_id, decision, text_id, self.now())

    def latest_decision(self, tx: Connection, question_id: str) -> Decision | None:
        """Return the newest decision, or None when there is none or its text was deleted."""
        query = (
            select(texts.c.body)
            .join(answers, answers.c.decision_text_id == texts.c.id)
            .where(answers.c.question_id == question_id)
            .order_by(answers.c.id.desc())
            .limit(1)
        )
        body = tx.scalar(query)
        return None if body is None else load(Decision, body)

    def confirmed_answers(self) -> tuple[ConfirmedAnswer, ...]:
        """Return the questions whose askers said that the answer solved them, with what it cited; newest first."""
        with self.reading() as tx:
            return confirmed_answers(tx)

    def newest_questions(self, count: int) -> tuple[str, ...]:
        """Return the texts of the newest questions, the newest first, each once; cleaned and masked."""
        with self.reading() as tx:
            return newest_questions(tx, count)

    def add_feedback(self, tx: Connection, question_id: str, verdict: Verdict) -> None:
        """Store what the asker said about the answer."""
        tx.execute(feedback.insert().values(question_id=question_id, verdict=verdict, created_at=self.now()))

    def wait_for_issue(self, tx: Connection, question_id: str, marker: str, *, awaiting: bool) -> bool:
        """Create the link in state `waiting`; False when the question has one already."""
        now = self.now()
        row = {"question_id": question_id, "state": "waiting", "marker": marker, "awaiting": awaiting}
        return insert_once(tx, links, {**row, "created_at": now, "changed_at": now})

    def put_issue(self, tx: Connection, question_id: str, issue: IssueRef | None) -> None:
        """Write the issue into the link, or `failed` when there will be none."""
        values: dict[str, Any] = {"state": "failed"}
        if issue is not None:
            values = {"state": issue.state, "project": issue.project, "iid": issue.iid, "url": issue.url}
        tx.execute(update(links).where(links.c.question_id == question_id).values(**values, changed_at=self.now()))

    def link(self, tx: Connection, question_id: str) -> IssueLink | None:
        """Return the pair question <-> issue, or None."""
        row = tx.execute(select(links).where(links.c.question_id == question_id)).one_or_none()
        if row is None:
            return None
        issue = None
        if row.iid is not None:
            issue = IssueRef(row.project, row.iid, row.url, "closed" if row.state == "closed" else "opened")
        return IssueLink(question_id, row.state, row.marker, row.awaiting, issue)

    def progress(self, question_id: str) -> Progress:
        """Return how far the question has come.

        Raises:
            Rejected: There is no such question.
        """
        with self.reading() as tx:
            record = self.question(tx, question_id)
            settled, error = unfinished_work(tx, question_id, self.now())
            return Progress(
                record=record,
                decision=self.latest_decision(tx, question_id),
                link=self.link(tx, question_id),
                settled=settled,
                error=error,
            )

    def wait_for_outcome(self, question_id: str, timeout_s: float) -> Progress:
        """Wait until nothing more will happen by itself, or the time is up (`settled` says which).

        For a process that added the question while another process does the work.
        """
        give_up = time.monotonic() + timeout_s
        while True:
            found = self.progress(question_id)
            if found.settled or time.monotonic() >= give_up:
                return found
            time.sleep(POLL_S)

    def forget(self, platform: str, handle: str) -> int:
        """Delete all text of, and written for, a person, and the name; return how many texts went."""
        with self.writing() as tx:
            gone = forget_person(tx, platform, handle)
        wipe_deleted(self.engine)
        return gone

    def purge_before(self, moment: datetime) -> int:
        """Delete texts and finished work rows older than the moment; return how many texts went."""
        with self.writing() as tx:
            gone = purge(tx, moment)
        wipe_deleted(self.engine)
        return gone


def new_question_id() -> str:
    """Return a fresh random id of 8 characters that people can read out and type."""
    return "".join(secrets.choice(ALPHABET) for _ in range(ID_LENGTH))


def _record(row: Row[Any], said: list[tuple[str, str]]) -> QuestionRecord:
    asked = [body for kind, body in said if kind == "question"]
    question = Question(
        id=row.id,
        text=asked[0] if asked else "",
        thread=ThreadRef(row.platform, row.conversation, row.thread, row.thread_url),
        asker=row.handle,
        asked_at=row.asked_at,
        visibility=row.visibility,
        language=row.language,
        details=tuple(body for kind, body in said if kind == "detail"),
        masked=tuple(row.masked),
    )
    return QuestionRecord(
        question=question,
        state=row.state,
        awaiting=row.awaiting,
        escalation=row.escalation,
        rounds=row.rounds,
        changes=row.changes,
        confirmed=row.confirmed,
        forgotten=not asked,
    )
