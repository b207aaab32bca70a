"""A question comes in, is answered once, and the asker's replies move it on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from assistant.core.model import Abstained, Answered, NeedsDetail
from assistant.errors import NotConfigured, Rejected
from assistant.store.context import with_context
from assistant.store.questions import new_question_id
from assistant.texts import Text
from assistant.work import Task
from assistant.workflows import wording
from assistant.workflows.escalate import CONFIRM_TIMEOUT, OPEN_ISSUE
from assistant.workflows.telling import POST
from assistant.workflows.worker import Handler
from indexing.errors import DamagedIndex, NoIndex

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection

    from assistant.core.model import Decision, QuestionState
    from assistant.ports import Answer
    from assistant.store import Arrival, QuestionRecord, Store
    from assistant.store.records import Verdict
    from assistant.work import Job, WorkTable
    from assistant.workflows.escalate import Escalation
    from assistant.workflows.telling import Telling

ASK = "ask"
NEEDS_DETAIL_TIMEOUT = "needs_detail_timeout"
REPLIED: dict[Verdict, frozenset[QuestionState]] = {
    "solved": frozenset({"solved"}),
    "wrong": frozenset({"escalated"}),
    "people": frozenset({"escalated"}),
    "cancel": frozenset({"declined"}),
}
"""States in which the same word has no further effect: people click twice, and platforms deliver twice."""


@dataclass(frozen=True, slots=True)
class Asking:
    """The life of a question up to the issue.

    Attributes:
        answer: Reads and computes; writes nothing outside.
        needs_detail_after_s: Without a reply in this time a question back becomes an issue; 0 means at once.
        new_id: Makes question ids.
    """

    store: Store
    work: WorkTable
    telling: Telling
    escalation: Escalation
    answer: Answer
    needs_detail_after_s: float = 1800.0
    new_id: Callable[[], str] = new_question_id

    def receive(self, arrival: Arrival) -> str:
        """Take a question in, and return its id once it cannot be lost any more.

        Everything is one transaction; a second delivery of the same message has no effect and returns the same id.
        """
        key = f"{ASK}:{arrival.place}"
        question_id = self.new_id()
        with self.store.writing() as tx:
            if self.work.add(tx, Task(key, ASK, question_id, {})):
                self.store.add_question(tx, arrival, question_id)
                return question_id
            known = self.work.subject_of(tx, key)
        assert known is not None  # noqa: S101 - the row stood a moment ago, in the same transaction
        return known

    def add_detail(self, question_id: str, text: str, message_id: str, masked: tuple[str, ...] = ()) -> bool:
        """Add what the asker was asked for, and answer again; False when this message was added before.

        Raises:
            Rejected: The question does not wait for detail.
        """
        with self.store.writing() as tx:
            record = self.store.question(tx, question_id)
            thread = record.question.thread
            key = f"{ASK}:{thread.platform}/{thread.conversation}/{message_id}"
            if not self.work.add(tx, Task(key, ASK, question_id, {})):
                return False
            if record.awaiting != "detail":
                raise Rejected(f"question {question_id} is {record.state} and does not wait for more detail")
            self.store.add_text(tx, question_id, "detail", text)
            self.store.add_masked(tx, record, masked)
            self.work.cancel(tx, f"{NEEDS_DETAIL_TIMEOUT}:{question_id}:{record.changes}")
            self.store.move(tx, record, "asked")
            return True

    def confirm(self, question_id: str, *, yes: bool) -> QuestionState:
        """Open the issue whose exact text the asker was shown, or decline; a second word has no effect.

        Raises:
            Rejected: There is no such question.
        """
        with self.store.writing() as tx:
            record = self.store.question(tx, question_id)
            if record.awaiting != "confirm":
                return record.state
            self.work.cancel(tx, f"{CONFIRM_TIMEOUT}:{question_id}:{record.changes}")
            if not yes:
                return self._decline(tx, record).state
            confirmed = replace(record, confirmed=True)
            awaiting = record.state == "needs_detail"
            return self.escalation.escalate(tx, confirmed, Text.PASSED_ON, awaiting=awaiting).state

    def feedback(self, question_id: str, verdict: Verdict) -> QuestionState:
        """Take the asker's word on the answer and return the state that follows.

        Raises:
            Rejected: The word does not fit the question's state.
        """
        with self.store.writing() as tx:
            record = self.store.question(tx, question_id)
            if record.state in REPLIED[verdict]:
                return record.state
            self.store.add_feedback(tx, question_id, verdict)
            if verdict == "solved":
                record = self.store.move(tx, record, "solved")
                self.telling.tell(tx, record, wording.solved(record.question))
                return record.state
            if verdict == "cancel":
                return self._cancel(tx, record).state
            if record.awaiting == "confirm":
                raise Rejected(f"question {question_id} waits for a yes or no to the text of its issue")
            if verdict == "wrong" and record.state == "asked":
                raise Rejected(f"question {question_id} has no answer yet")
            why = Text.WRONG if verdict == "wrong" else Text.PASSED_ON
            return self.escalation.escalate(tx, record, why).state

    def _cancel(self, tx: Connection, record: QuestionRecord) -> QuestionRecord:
        if record.state == "answered" and not record.awaiting:
            raise Rejected(f"question {record.question.id} is answered; there is nothing to cancel")
        return self._decline(tx, record)

    def _decline(self, tx: Connection, record: QuestionRecord) -> QuestionRecord:
        record = self.store.move(tx, record, "declined")
        self.telling.tell(tx, record, wording.declined(record.question))
        return record

    def answer_question(self, job: Job) -> None:
        """Answer, and store decision, state and message in one transaction.

        Raises:
            AssistantError: What `answer` raises; the question keeps waiting.
        """
        with self.store.reading() as tx:
            asked = self.store.question(tx, job.subject)
            question = with_context(tx, asked.question)
        if asked.state != "asked" or asked.awaiting or asked.forgotten:
            with self.store.writing() as tx:
                self.work.finish(tx, job)
                self._drop_forgotten(tx, job.subject)
            return
        try:
            decision = self._at_most_one_round(asked, self.answer(question))
        except (NoIndex, DamagedIndex) as error:  # an admin mends it; meanwhile every question is kept
            raise NotConfigured(str(error)) from error
        with self.store.writing() as tx:
            self.work.finish(tx, job)
            record = self.store.question(tx, job.subject)
            if record.changes == asked.changes:  # else the asker said something meanwhile, and that stands
                self.store.add_answer(tx, job.subject, decision)
                self._follow(tx, record, decision)

    def _drop_forgotten(self, tx: Connection, question_id: str) -> None:
        record = self.store.question(tx, question_id)
        if record.forgotten and record.state == "asked":
            self.store.move(tx, record, "declined")  # nobody is left to be told

    def _at_most_one_round(self, record: QuestionRecord, decision: Decision) -> Decision:
        outcome = decision.outcome
        if not isinstance(outcome, NeedsDetail) or record.rounds == 0:
            return decision
        return replace(decision, outcome=Abstained("weak_evidence", outcome.score, outcome.confidence))

    def _follow(self, tx: Connection, record: QuestionRecord, decision: Decision) -> None:
        outcome = decision.outcome
        if isinstance(outcome, Answered):
            record = self.store.move(tx, record, "answered")
            self.telling.tell(tx, record, wording.answered(record.question, outcome, decision))
        elif isinstance(outcome, NeedsDetail):
            self._ask_back(tx, record, outcome)
        else:
            why = Text.PASSED_ON if outcome.reason == "asked_for_people" else Text.ABSTAINED
            self.escalation.escalate(tx, record, why)

    def _ask_back(self, tx: Connection, record: QuestionRecord, outcome: NeedsDetail) -> None:
        record = self.store.move(tx, record, "needs_detail", awaiting="detail", rounds=record.rounds + 1)
        wait_s = self.needs_detail_after_s
        self.telling.tell(tx, record, wording.asked_back(record.question, outcome, wait_s))
        key = f"{NEEDS_DETAIL_TIMEOUT}:{record.question.id}:{record.changes}"
        due = self.work.now() + timedelta(seconds=wait_s) if wait_s > 0 else None
        payload = {"changes": record.changes}
        self.work.add(tx, Task(key, NEEDS_DETAIL_TIMEOUT, record.question.id, payload, due_at=due))

    def detail_is_late(self, job: Job) -> None:
        """Timer: the asker did not reply; the question becomes an issue that waits for the asker."""
        with self.store.writing() as tx:
            self.work.finish(tx, job)
            record = self.store.question(tx, job.subject)
            if record.awaiting == "detail" and record.changes == job.payload["changes"]:
                self.escalation.escalate(tx, record, Text.ABSTAINED, awaiting=True)

    def answering_failed(self, tx: Connection, job: Job, _error: str) -> None:
        """Pass a question to people whose answering broke again and again; it is never lost."""
        record = self.store.question(tx, job.subject)
        if record.state == "asked" and not record.awaiting and not record.forgotten:
            self.escalation.escalate(tx, record, Text.PASSED_ON)

    def handlers(self, issue_wait_s: float = 75.0, post_wait_s: float = 0.0) -> dict[str, Handler]:
        """Return the handler of each kind of row.

        Args:
            issue_wait_s: How long GitLab may go on with a request whose answer was lost (its own limit is 60 s).
            post_wait_s: The same of the chat platform; 0 for the console, whose transcript is a file.
        """
        escalation = self.escalation
        return {
            ASK: Handler(self.answer_question, on_dead=self.answering_failed),
            NEEDS_DETAIL_TIMEOUT: Handler(self.detail_is_late),
            CONFIRM_TIMEOUT: Handler(escalation.decline_unconfirmed),
            POST: Handler(self.telling.post, uncertain_wait_s=post_wait_s),
            OPEN_ISSUE: Handler(
                escalation.open_issue,
                uncertain_wait_s=issue_wait_s,
                on_wait=escalation.tell_waiting,
                on_dead=escalation.tell_refused,
            ),
        }
