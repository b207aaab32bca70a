"""Pass a question to people: open an issue once, and tell the asker.

escalate ──automatic──> link waiting + row open_issue ──> issue ──> link opened, asker told
    ├──confirm──> the exact text is shown; yes: as above; no, or no reply in time: declined
    └──off──> declined
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol

from assistant.codec import dump, load
from assistant.core.followup import standing_alone, with_earlier
from assistant.core.model import IssueDraft
from assistant.errors import Rejected
from assistant.store.context import with_context
from assistant.work import Task
from assistant.workflows import wording

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection

    from assistant.core.model import Decision, Question
    from assistant.ports import Tracker
    from assistant.store import QuestionRecord, Store
    from assistant.texts import Text
    from assistant.work import Job, Retry, WorkTable
    from assistant.workflows.telling import Telling

    class DraftIssue(Protocol):
        """Builds the draft; the decision is None when answering failed."""

        def __call__(
            self, question: Question, decision: Decision | None, *, awaiting: bool, confidential: bool
        ) -> IssueDraft:
            """Return the draft.

            Args:
                question: With its details.
                decision: What the asker was told, for the responder.
                awaiting: The issue waits for the asker's detail.
                confidential: Only members may see it.
            """


OPEN_ISSUE = "open_issue"
CONFIRM_TIMEOUT = "confirm_timeout"


@dataclass(frozen=True, slots=True)
class Escalation:
    """Opens issues.

    Attributes:
        draft_issue: Builds the draft (`core/escalation.py`).
        marker_for: Question id -> the marker line that finds the issue again.
        must_hide: Whether the question concerns security, so that its issue is confidential wherever it was asked.
        confirm_wait_s: Without a reply in this time a question that waits for a yes is declined.
        look_back_s: The look-up begins this long before the question was asked, as our clock and GitLab's may differ.
    """

    store: Store
    work: WorkTable
    telling: Telling
    tracker: Tracker
    draft_issue: DraftIssue
    marker_for: Callable[[str], str]
    must_hide: Callable[[Question], bool]
    confirm_wait_s: float = 24 * 3600.0
    look_back_s: float = 600.0

    def escalate(self, tx: Connection, record: QuestionRecord, why: Text, *, awaiting: bool = False) -> QuestionRecord:
        """Do with the question what the rule of its place says, and tell the asker.

        Args:
            tx: The caller's transaction.
            record: As it was read in this transaction.
            why: First words of the message.
            awaiting: The issue waits for the asker's detail.
        """
        if record.forgotten:
            return self.store.move(tx, record, "declined")  # nobody is left to be told
        if self.store.link(tx, record.question.id) is not None:  # solved, then not: people have its issue already
            record = self.store.move(tx, record, "escalated")
            self.telling.tell(tx, record, wording.noted(record.question))
            return record
        if record.escalation == "off":
            record = self.store.move(tx, record, "declined")
            self.telling.tell(tx, record, wording.not_answered(record.question, why))
            return record
        if record.escalation == "confirm" and not record.confirmed:
            return self._ask_for_yes(tx, record, why, awaiting=awaiting)
        record = self.open(tx, record, awaiting=awaiting)
        if not awaiting:  # the question back has said already that an issue will be opened
            self.telling.tell(tx, record, wording.passed_on(record.question, why))
        return record

    def open(self, tx: Connection, record: QuestionRecord, *, awaiting: bool = False) -> QuestionRecord:
        """Put the issue into the outbox."""
        question_id = record.question.id
        record = self.store.move(tx, record, "escalated", confirmed=record.confirmed)
        self.store.wait_for_issue(tx, question_id, self.marker_for(question_id), awaiting=awaiting)
        self.work.add(tx, Task(f"{OPEN_ISSUE}:{question_id}", OPEN_ISSUE, question_id, {}))
        return record

    def _ask_for_yes(self, tx: Connection, record: QuestionRecord, why: Text, *, awaiting: bool) -> QuestionRecord:
        draft = self.draft(tx, record, awaiting=awaiting)
        self.store.add_text(tx, record.question.id, "draft", dump(draft))
        record = self.store.move(tx, record, record.state, awaiting="confirm")
        self.telling.tell(tx, record, wording.confirm(record.question, why, draft))
        due = self.work.now() + timedelta(seconds=self.confirm_wait_s)
        payload = {"changes": record.changes}
        key = f"{CONFIRM_TIMEOUT}:{record.question.id}:{record.changes}"
        self.work.add(tx, Task(key, CONFIRM_TIMEOUT, record.question.id, payload, due_at=due))
        return record

    def decline_unconfirmed(self, job: Job) -> None:
        """Timer: the asker did not reply whether an issue is wanted."""
        with self.store.writing() as tx:
            self.work.finish(tx, job)
            record = self.store.question(tx, job.subject)
            if record.awaiting == "confirm" and record.changes == job.payload["changes"]:
                record = self.store.move(tx, record, "declined")
                self.telling.tell(tx, record, wording.declined(record.question))

    def draft(self, tx: Connection, record: QuestionRecord, *, awaiting: bool) -> IssueDraft:
        """Build the draft, no more visible than the place of the question; a text the asker has seen stays exact."""
        question = record.question
        shown = self.store.latest_text(tx, question.id, "draft") if record.confirmed else None
        if shown is not None:
            return load(IssueDraft, shown)
        whole = with_earlier(with_context(tx, question))
        if whole.context:  # a follow-up says little without the question before it, and must be as hidden as that
            question = whole
        # Where the asker is asked first, the text is drafted as it will be after a yes.
        private = question.visibility == "private" and record.escalation != "confirm"
        hidden = private or bool(question.masked) or self.must_hide(standing_alone(question))
        decision = self.store.latest_decision(tx, question.id)
        draft = self.draft_issue(question, decision, awaiting=awaiting, confidential=hidden)
        if draft.marker != self.marker_for(question.id):
            raise ValueError("the draft's marker is not the one that is looked up")
        return replace(draft, confidential=hidden)

    def open_issue(self, job: Job) -> None:
        """Open the issue, or find the one that an earlier try opened.

        Raises:
            AssistantError: As `Tracker.open_issue` and `Tracker.find_issue`.
        """
        with self.store.reading() as tx:
            record = self.store.question(tx, job.subject)
            link = self.store.link(tx, job.subject)
            if link is None:
                raise Rejected(f"question {job.subject} has no link to fill")
            draft = None if record.forgotten else self.draft(tx, record, awaiting=link.awaiting)
        if draft is None:  # "forget me" came before the issue: there is nothing to open and nobody to tell
            with self.store.writing() as tx:
                self.work.finish(tx, job)
                self.store.put_issue(tx, job.subject, None)
            return
        issue = None
        if job.look_first:
            since = record.question.asked_at - timedelta(seconds=self.look_back_s)
            issue = self.tracker.find_issue(draft.marker, since)
        if issue is None:
            self.work.ensure_lease(job)
            issue = self.tracker.open_issue(draft)
        with self.store.writing() as tx:
            self.work.finish(tx, job)
            record = self.store.question(tx, job.subject)
            self.store.put_issue(tx, job.subject, issue)
            said = wording.issue_opened(record.question, issue, confidential=draft.confidential)
            self.telling.tell(tx, record, said)

    def tell_waiting(self, tx: Connection, job: Job, retry: Retry) -> None:
        """Tell the asker, the first time only, that the issue waits for GitLab, or for an admin."""
        record = self.store.question(tx, job.subject)
        said = wording.issue_waiting(record.question, needs_admin=retry.needs_admin)
        self.telling.tell(tx, record, said)

    def tell_refused(self, tx: Connection, job: Job, _error: str) -> None:
        """Tell the asker that an admin has to look at it; the row stays as a dead letter."""
        record = self.store.question(tx, job.subject)
        self.store.put_issue(tx, job.subject, None)
        self.telling.tell(tx, record, wording.issue_refused(record.question))
