"""What the store hands out: frozen records of a question's life."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
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
