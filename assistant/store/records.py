"""What the store hands out: frozen records of a question's life."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from datetime import datetime

    from assistant.core.model import Decision, IssueRef, Question, QuestionState, ThreadRef, Visibility

Escalation = Literal["automatic", "confirm", "off"]
"""What happens to a question that people must answer: an issue at once, after the asker's yes, or none."""

Awaiting = Literal["", "detail", "confirm"]
"""What the asker has been asked for and has not given yet."""

Verdict = Literal["solved", "wrong", "people", "cancel"]
"""What the asker can say at every answer."""

MOVES: dict[QuestionState, frozenset[QuestionState]] = {
    "asked": frozenset({"asked", "answered", "needs_detail", "escalated", "declined"}),
    "needs_detail": frozenset({"needs_detail", "asked", "escalated", "declined"}),
    "answered": frozenset({"answered", "solved", "escalated", "declined"}),
    "escalated": frozenset({"solved"}),
    "declined": frozenset({"declined", "escalated", "solved"}),
    "solved": frozenset({"solved", "escalated", "declined"}),
}
"""The life of a question; a move to the same state changes only what the asker is asked for."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """A message that asks something, as it came in.

    Attributes:
        message_id: The platform's id of the message, unique in its conversation: a second delivery has no effect.
        text: Cleaned and masked.
        masked: Kinds of secrets that were removed from the text.
        escalation: The rule of the place it was asked in.
    """

    thread: ThreadRef
    message_id: str
    asker: str
    text: str
    visibility: Visibility = "private"
    language: str = "en"
    masked: tuple[str, ...] = ()
    escalation: Escalation = "automatic"

    @property
    def place(self) -> str:
        """`PLATFORM/CONVERSATION/MESSAGE_ID`, the unique name of the message."""
        return f"{self.thread.platform}/{self.thread.conversation}/{self.message_id}"


@dataclass(frozen=True, slots=True)
class QuestionRecord:
    """A question with its current state.

    Attributes:
        rounds: How often the asker was asked back; at most once.
        changes: Counts the changes of state; names the message that tells each of them.
        confirmed: The asker said yes to the exact text of the issue.
        forgotten: The text was deleted (retention, "forget me"); `question.text` is empty.
    """

    question: Question
    state: QuestionState
    awaiting: Awaiting
    escalation: Escalation
    rounds: int
    changes: int
    confirmed: bool
    forgotten: bool


@dataclass(frozen=True, slots=True)
class IssueLink:
    """The pair question <-> issue.

    Attributes:
        state: `waiting` in the outbox, `opened`, `closed`, or `failed` when GitLab refused it for good.
        awaiting: The issue waits for the asker's detail (`awaiting-feedback`).
        issue: None until it is opened.
    """

    question_id: str
    state: Literal["waiting", "opened", "closed", "failed"]
    marker: str
    awaiting: bool
    issue: IssueRef | None


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a question has come.

    Attributes:
        decision: The latest decision, or None while there is none (or its text was deleted).
        settled: Nothing more will happen without the asker, a timer or an outage ending.
        error: Why the oldest waiting row of this question waits, in one line, or empty.
    """

    record: QuestionRecord
    decision: Decision | None
    link: IssueLink | None
    settled: bool
    error: str


RecheckState = Literal["supported", "changed", "gone"]
"""What a newer index version says of a given answer: its sources still say it, say something else, or are gone."""


@dataclass(frozen=True, slots=True)
class Recheck:
    """What came of checking a given answer against an index version.

    Attributes:
        since: When it was first found so; stays while the state does.
        detail: What is not supported any more, without people's words, or empty.
    """

    index_version: str
    state: RecheckState
    since: datetime
    detail: str


@dataclass(frozen=True, slots=True)
class GivenAnswer:
    """An answer that somebody may rely on.

    Attributes:
        cited: Document and SHA-256 of the embedded text, of each chunk that the answer cites.
        before: What the last check found, or None.
    """

    id: int
    thread: ThreadRef
    cited: tuple[tuple[str, bytes], ...]
    before: Recheck | None


@dataclass(frozen=True, slots=True)
class RecalledAnswer:
    """An answer that its sources do not support any more.

    Attributes:
        thread: `PLATFORM/CONVERSATION/THREAD` where it was given.
        answered_from: Index version it was given from.
        documents: `Document.id` of what it cites.
    """

    question_id: str
    question_state: QuestionState
    thread: str
    thread_url: str
    answered_at: datetime
    answered_from: str
    documents: tuple[str, ...]
    recheck: Recheck


@dataclass(frozen=True, slots=True)
class ConfirmedAnswer:
    """A question whose asker said that the answer solved it: gold for the gate.

    Attributes:
        text: The question as first asked, cleaned and masked; of a follow-up what was searched.
        documents: `Document.id` of what the answer cited, the first citation first.
    """

    question_id: str
    text: str
    documents: tuple[str, ...]


AuditResult = Literal["started", "done", "failed", "refused", "joined"]
"""How a command ended. `started` without an end: it never finished (a crash, a kill). `joined`: the same was asked for
already, and was not begun twice."""


@dataclass(frozen=True, slots=True)
class AuditRow:
    """One admin command.

    Attributes:
        who: Stable id: `PLATFORM/USER ID`, or `cli/OS USER`.
        what: The command, such as `index promote`.
        ended_at: None while it runs, or when it never finished.
        detail: What it said at its end, or why it was refused.
    """

    id: int
    at: datetime
    ended_at: datetime | None
    who: str
    what: str
    arguments: tuple[str, ...]
    result: AuditResult
    detail: str
