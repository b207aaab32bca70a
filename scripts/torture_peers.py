"""What a life meets: boundaries to be killed at, a harsh chat, and calls of chat and GitLab to be killed around."""

from __future__ import annotations

import os
import signal
import sqlite3
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sqlalchemy import event

from assistant.codec import dump

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime
    from pathlib import Path

    from sqlalchemy import Connection, Engine

    from assistant.core.model import IssueDraft, IssueRef, Message, ThreadRef
    from assistant.ports import Chat, Tracker


@dataclass
class Boundaries:
    """Counts the boundaries a life passes, and kills it -9 at one of them.

    Attributes:
        kill_at: Number of the boundary, from 1; 0 for none.
    """

    kill_at: int = 0
    passed: list[str] = field(default_factory=list)

    def __call__(self, name: str) -> None:
        """Pass a boundary."""
        self.passed.append(name)
        if len(self.passed) == self.kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    @contextmanager
    def around(self, name: str) -> Iterator[None]:
        """Pass one boundary before and one after the block."""
        self(f"before {name}")
        yield
        self(f"after {name}")

    def watch(self, engine: Engine) -> None:
        """Pass boundaries at every commit and after every statement that writes."""
        committing: list[bool] = []

        def before_commit(connection: Connection) -> None:
            if not connection.get_execution_options().get("reads_only"):
                committing.append(True)
                self("before commit")

        def after_commit(*_: object) -> None:
            if committing:
                committing.clear()
                self("after commit")

        def after_statement(*args: object) -> None:
            verb = str(args[2]).split(maxsplit=1)[0]
            if verb in {"INSERT", "UPDATE", "DELETE"}:
                self(f"after {verb}")

        event.listen(engine, "commit", before_commit)
        event.listen(engine, "checkin", after_commit)
        event.listen(engine, "after_cursor_execute", after_statement)


@dataclass
class JournalChat:
    """A platform that shows everything it is sent, twice if it is sent twice; its journal outlives our process."""

    path: Path

    def post(self, thread: ThreadRef, message: Message, marker: str) -> str:
        """See `ports.Chat`."""
        with self._open() as journal:
            row = (thread.thread, marker, message.kind, dump(message))
            return str(journal.execute("INSERT INTO shown VALUES (?, ?, ?, ?)", row).lastrowid)

    def find(self, thread: ThreadRef, marker: str) -> str | None:
        """See `ports.Chat`."""
        with self._open() as journal:
            query = "SELECT rowid FROM shown WHERE thread = ? AND marker = ?"
            row = journal.execute(query, (thread.thread, marker)).fetchone()
        return None if row is None else str(row[0])

    def shown(self) -> list[tuple[str, str, str]]:
        """Return (thread, marker, kind) of every message in order."""
        with self._open() as journal:
            return list(journal.execute("SELECT thread, marker, kind FROM shown ORDER BY rowid"))

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(self.path, timeout=30)) as connection, connection:
            connection.execute("CREATE TABLE IF NOT EXISTS shown (thread, marker, kind, message)")
            yield connection


@dataclass
class KillableChat:
    """Passes boundaries around every call."""

    chat: Chat
    boundaries: Boundaries
    look_up: bool

    def post(self, thread: ThreadRef, message: Message, marker: str) -> str:
        """See `ports.Chat`."""
        with self.boundaries.around("chat.post"):
            return self.chat.post(thread, message, marker)

    def find(self, thread: ThreadRef, marker: str) -> str | None:
        """See `ports.Chat`."""
        with self.boundaries.around("chat.find"):
            return self.chat.find(thread, marker) if self.look_up else None


@dataclass
class KillableTracker:
    """As `KillableChat`."""

    tracker: Tracker
    boundaries: Boundaries
    look_up: bool

    def open_issue(self, draft: IssueDraft) -> IssueRef:
        """See `ports.Tracker`."""
        with self.boundaries.around("gitlab.open_issue"):
            return self.tracker.open_issue(draft)

    def find_issue(self, marker: str, since: datetime) -> IssueRef | None:
        """See `ports.Tracker`."""
        with self.boundaries.around("gitlab.find_issue"):
            return self.tracker.find_issue(marker, since) if self.look_up else None

    def ensure_labels(self, names: Sequence[str]) -> tuple[str, ...]:
        """See `ports.Tracker`."""
        return self.tracker.ensure_labels(names)
