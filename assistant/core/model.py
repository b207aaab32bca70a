"""What the bot speaks of: frozen data shared by every room."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from indexing.model import Retrieval

Visibility = Literal["public", "private"]
"""Who can read the place a question was asked in. Direct messages and terminals of one person are private."""

QuestionState = Literal["asked", "answered", "needs_detail", "escalated", "declined", "solved"]
"""Exactly one at any time; see the life of a question in the README."""


@dataclass(frozen=True, slots=True)
class ThreadRef:
    """A conversation thread on a chat platform.

    Attributes:
        platform: `console`, later `slack` and `teams`.
        conversation: Channel id, or the terminal's name.
        thread: Thread id within the conversation.
        url: Link to the thread; empty when the platform has none.
    """

    platform: str
    conversation: str
    thread: str
    url: str = ""


_PASTED_LINES = 3
"""Line ends from which a detail was pasted rather than written."""


@dataclass(frozen=True, slots=True)
class Question:
    """One asker's request. `text` and `details` are already cleaned and masked.

    Attributes:
        id: Short id people can type, unique in one home.
        details: What the asker added when asked back, in order.
        language: ISO 639-1 code for fixed texts (`en`, `de`, `zh`).
        masked: Kinds of secrets that were removed from the text.
        context: What was said before in the thread, oldest first: earlier questions, and what answered them.
    """

    id: str
    text: str
    thread: ThreadRef
    asker: str
    asked_at: datetime
    visibility: Visibility = "private"
    language: str = "en"
    details: tuple[str, ...] = ()
    masked: tuple[str, ...] = ()
    context: tuple[str, ...] = ()

    @property
    def full_text(self) -> str:
        """The question with the details that were added to it."""
        return "\n\n".join((self.text, *self.details))

    @property
    def search_text(self) -> str:
        """What is looked for: the newest detail first, as it says what the first words left open.

        A pasted log or configuration comes last: what stands first weighs most, and its lines drown the question.
        """
        newest_first = self.details[::-1]
        told = [detail for detail in newest_first if not _is_pasted(detail)]
        return "\n\n".join((*told, self.text, *filter(_is_pasted, newest_first)))


def _is_pasted(detail: str) -> bool:
    return "```" in detail or detail.count("\n") >= _PASTED_LINES


@dataclass(frozen=True, slots=True)
class Claim:
    """One sentence (or code block) of a draft, and the passages it cites by number."""

    text: str
    cites: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Draft:
    """Model output before checks.

    Attributes:
        found: The model's own word that the passages answer the question.
        written_by: Model name, or `extractive`.
    """

    claims: tuple[Claim, ...]
    found: bool
    written_by: str


@dataclass(frozen=True, slots=True)
class Citation:
    """Mark `[n]` to a passage the reader can open; `quote` supports the claim, `url` is the index's.

    Attributes:
        chunk: `Chunk.id` of the passage, so that the answer can be checked again when it changes.
    """

    n: int
    title: str
    url: str
    document: str
    quote: str
    chunk: str = ""


@dataclass(frozen=True, slots=True)
class Answered:
    """A draft that passed the evidence check: Markdown with `[n]` marks, and at most three cited documents."""

    text: str
    citations: tuple[Citation, ...]
    score: float
    confidence: float | None = None


@dataclass(frozen=True, slots=True)
class NeedsDetail:
    """One short question back. `missing` names what is asked for (`version`, `error_text`, `log`, ...)."""

    missing: tuple[str, ...]
    score: float
    confidence: float | None = None


@dataclass(frozen=True, slots=True)
class Abstained:
    """Choosing not to answer for lack of evidence: a value, never an error.

    Attributes:
        reason: `no_passages`, `weak_evidence`, `unsupported_draft` or `asked_for_people`.
        suggested: An answer below the threshold, prepared as a suggested reply for the responder.
    """

    reason: str
    score: float
    confidence: float | None = None
    suggested: Answered | None = None


@dataclass(frozen=True, slots=True)
class ClaimCheck:
    """What the evidence check said of one claim of a draft.

    Attributes:
        cites: Passage numbers that the draft gave.
        verdict: `kept`, or why it went: `uncited`, `unsupported`, `instruction`, `too_many_documents`, ...
        support: How well the best cited passage supports it, 0..1.
        document: The document that it is cited from at last; empty when it went.
    """

    text: str
    cites: tuple[int, ...]
    verdict: str
    support: float = 0.0
    document: str = ""


Outcome = Answered | NeedsDetail | Abstained

OutcomeName = Literal["answered", "needs_detail", "abstained"]


def outcome_name(outcome: Outcome) -> OutcomeName:
    """Return the outcome's name, as it is stored and printed."""
    if isinstance(outcome, Answered):
        return "answered"
    return "abstained" if isinstance(outcome, Abstained) else "needs_detail"


@dataclass(frozen=True, slots=True)
class Decision:
    """An outcome with all that it stood on, ready to be stored and explained.

    Attributes:
        written_by: Model name, or `extractive`.
        degraded: Why less than the configured way was used (`model_unavailable`, `unsupported_draft`,
            `lexical_only`), or empty.
        timings_ms: Wall milliseconds by stage: those of `Retrieval`, `model`, `evidence`, `total`.
        prompt: What the model saw; empty when none was asked. Kept for `explain`.
        searched_for: The standalone question that was searched, when it is not the asker's own text.
        draft: What was checked; None for decisions that were stored before it was kept.
        checks: What the evidence check said of each claim of the draft.
        features: Named numbers that the decision was made of; empty for decisions stored before they were kept.
        threshold: Which the confidence, or without one the score, had to reach; None as before.
    """

    outcome: Outcome
    retrieval: Retrieval
    written_by: str
    degraded: str = ""
    timings_ms: Mapping[str, float] = field(default_factory=dict)
    prompt: str = ""
    searched_for: str = ""
    draft: Draft | None = None
    checks: tuple[ClaimCheck, ...] = ()
    features: Mapping[str, float] = field(default_factory=dict)
    threshold: float | None = None


@dataclass(frozen=True, slots=True)
class IssueDraft:
    """What an escalation will send to GitLab: everything in it is already neutralised.

    Attributes:
        title: At most 255 characters, one line.
        description: GitLab Markdown holding `marker` on a line of its own that no user text can forge.
        labels: Label names; set through the API's field, never by quick action.
        marker: `assistant-ref: ID.MAC`; how an uncertain write is found again.
    """

    title: str
    description: str
    labels: tuple[str, ...]
    confidential: bool
    marker: str


@dataclass(frozen=True, slots=True)
class IssueRef:
    """An issue that exists in GitLab."""

    project: str
    iid: int
    url: str
    state: Literal["opened", "closed"] = "opened"


@dataclass(frozen=True, slots=True)
class Message:
    """What is told to the asker: Markdown for every chat platform to render its own way.

    Attributes:
        kind: Which change of the question it tells: `answered`, `needs_detail`, `abstained`, `issue_opened`,
            `issue_waiting`, `declined`, `solved`, `notice`, `rejected`.
        issue: The issue it speaks of, if any.
        issue_state: `opened`, `joined` or `waiting` where an issue was wanted, else empty.
    """

    kind: str
    text: str
    citations: tuple[Citation, ...] = ()
    issue: IssueRef | None = None
    issue_state: str = ""
    question_id: str = ""


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the report of `assistant doctor`.

    Attributes:
        name: What was looked at, e.g. `gitlab token`.
        state: `ok`, `warning` (works now) or `failed` (an admin must act).
        detail: What was found and, unless it is well, how to mend it.
    """

    name: str
    state: Literal["ok", "warning", "failed"]
    detail: str
