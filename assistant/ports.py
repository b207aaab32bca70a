"""What the workflows need of the world. A port stands only where two implementations exist.

`Tracker` has one class behind it (`adapters/gitlab.py`); it is written down here because workflows may not import
adapters and the type checker needs its shape.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Protocol

from assistant.core.model import Decision, Draft, IssueDraft, IssueRef, Message, Question, ThreadRef
from indexing.model import Passage, Retrieval

Retrieve = Callable[[str, frozenset[str]], Retrieval]
"""Question text, and the audiences whose documents may be used -> what the live index version found."""

Answer = Callable[[Question], Decision]
"""Question -> decision; reads and computes, writes nothing outside."""

Now = Callable[[], datetime]
"""The injected clock, in UTC: tests move time."""


class LanguageModel(Protocol):
    """Writes a draft from passages. Two implementations: OpenAI-compatible server, extractive."""

    @property
    def name(self) -> str:
        """Model name shown as `answered_by`."""

    def draft(
        self,
        question: Question,
        passages: Sequence[Passage],
        on_text: Callable[[str], None] | None = None,
    ) -> tuple[Draft, str]:
        """Return the draft and the prompt it was made from (empty for extractive).

        Args:
            question: Cleaned and masked.
            passages: Best first, numbered from 1.
            on_text: Called with each piece of text as it streams in.

        Raises:
            TemporarilyUnavailable: The server is down, slow (time-out), or answered rubbish.
            AccessDenied: The server refused the key.
            NotConfigured: The server does not know the model.
        """


class Chat(Protocol):
    """A place people talk in. Implementations: console; Slack and Teams to come."""

    def post(self, thread: ThreadRef, message: Message, marker: str) -> str:
        """Post into the thread and return the message's id; `marker` is stored beside it and found again by `find`.

        Raises:
            Uncertain: The message may have been posted.
            TemporarilyUnavailable: It was not posted; try again.
            Rejected: The thread is gone.
        """

    def find(self, thread: ThreadRef, marker: str) -> str | None:
        """Return the id of our message that carries the marker, or None."""

    def edit(self, thread: ThreadRef, message_id: str, message: Message) -> None:
        """Put another text in the place of a message of ours; its marker stays. Doing it twice comes to the same.

        Raises:
            TemporarilyUnavailable: It may not have been changed; try again.
            Rejected: There is no such message of ours in the thread.
        """


class Tracker(Protocol):
    """The project of the issue tracker that escalations go to."""

    def open_issue(self, draft: IssueDraft) -> IssueRef:
        """Create the issue. Never retries by itself.

        Raises:
            Uncertain: The issue may have been created: look it up before trying again.
            TemporarilyUnavailable: It was not created (429, lock); try again after `retry_after_s`.
            AccessDenied: Token revoked or role too low.
            Rejected: GitLab refused the content; the message names what.
        """

    def find_issue(self, marker: str, since: datetime) -> IssueRef | None:
        """Return our issue whose description holds the marker line, created after `since`, or None."""

    def ensure_labels(self, names: Sequence[str]) -> tuple[str, ...]:
        """Create the labels that are missing and return those that were created."""
