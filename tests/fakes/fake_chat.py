"""A chat platform in memory that can be down or lose an answer; posting twice shows twice."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from assistant.errors import Rejected, Uncertain

if TYPE_CHECKING:
    from assistant.core.model import Message, ThreadRef


@dataclass
class FakeChat:
    """Behaves like a chat platform as far as the workflows can tell.

    Attributes:
        down: Raised by every call while it is set.
        lose_answers: So many next messages are shown, and their answers lost.
        edits: Every text that was put in the place of another, in order.
    """

    down: Exception | None = None
    lose_answers: int = 0
    shown: list[tuple[ThreadRef, str, Message]] = field(default_factory=list)
    edits: list[str] = field(default_factory=list)

    def post(self, thread: ThreadRef, message: Message, marker: str) -> str:
        if self.down is not None:
            raise self.down
        self.shown.append((thread, marker, message))
        if self.lose_answers > 0:
            self.lose_answers -= 1
            raise Uncertain("the answer was lost; look the message up before trying again")
        return str(len(self.shown))

    def find(self, thread: ThreadRef, marker: str) -> str | None:
        if self.down is not None:
            raise self.down
        for number, (where, found, _message) in enumerate(self.shown, start=1):
            if where.thread == thread.thread and found == marker:
                return str(number)
        return None

    def edit(self, thread: ThreadRef, message_id: str, message: Message) -> None:
        if self.down is not None:
            raise self.down
        number = int(message_id) if message_id.isdecimal() else 0
        if not 0 < number <= len(self.shown) or self.shown[number - 1][0] != thread:
            raise Rejected(f"there is no message {message_id} in this thread")
        self.shown[number - 1] = (thread, self.shown[number - 1][1], message)
        self.edits.append(message.text)

    def kinds(self, thread: str) -> list[str]:
        """Return the kinds of the messages in a thread, in order."""
        return [message.kind for where, _marker, message in self.shown if where.thread == thread]
