"""Chat port for terminals.

A terminal cannot be asked what it showed, so a transcript in a SQLite file of its own is "the other side": posting is
inserting under a unique marker, and whoever shows the thread reads it from there.
"""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from assistant.codec import dump, load
from assistant.core.model import Message, ThreadRef
from assistant.errors import Rejected, TemporarilyUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_TABLE = """
CREATE TABLE IF NOT EXISTS transcript (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    conversation TEXT NOT NULL,
    thread TEXT NOT NULL,
    marker TEXT NOT NULL UNIQUE,
    message TEXT NOT NULL
)"""
BUSY_TIMEOUT_S = 30


@dataclass(frozen=True, slots=True)
class Shown:
    """A message in the transcript; `id` grows with time."""

    id: int
    thread: str
    message: Message


@dataclass(frozen=True, slots=True)
class ConsoleChat:
    """The terminal's side of a conversation, in a file that outlives the process and can be read from another one."""

    path: Path

    def post(self, thread: ThreadRef, message: Message, marker: str) -> str:
        """Append the message; posting under the same marker again changes nothing.

        Raises:
            TemporarilyUnavailable: The file cannot be written (disk full, locked).
        """
        with self._open() as connection:
            connection.execute(
                "INSERT INTO transcript (conversation, thread, marker, message) VALUES (?, ?, ?, ?)"
                " ON CONFLICT (marker) DO NOTHING",
                (thread.conversation, thread.thread, marker, dump(message)),
            )
        found = self.find(thread, marker)
        if found is None:
            raise TemporarilyUnavailable(f"the transcript {self.path} did not keep a message; check its disk")
        return found

    def find(self, thread: ThreadRef, marker: str) -> str | None:
        """Return the id of the message that carries the marker, or None."""
        del thread  # a marker is unique over all threads of this home
        with self._open() as connection:
            row = connection.execute("SELECT id FROM transcript WHERE marker = ?", (marker,)).fetchone()
        return None if row is None else str(row[0])

    def edit(self, thread: ThreadRef, message_id: str, message: Message) -> None:
        """Put another text in the place of a message; its marker stays.

        Raises:
            TemporarilyUnavailable: The file cannot be written (disk full, locked).
            Rejected: There is no such message in the thread.
        """
        where = (message_id, thread.conversation, thread.thread)
        with self._open() as connection:
            done = connection.execute(
                "UPDATE transcript SET message = ? WHERE CAST(id AS TEXT) = ? AND conversation = ? AND thread = ?",
                (dump(message), *where),
            )
        if done.rowcount != 1:
            raise Rejected(f"there is no message {message_id[:40]} in this thread")

    def read(self, thread: ThreadRef, after: int = 0) -> list[Shown]:
        """Return the messages of a thread with an id above `after`, oldest first."""
        with self._open() as connection:
            rows = connection.execute(
                "SELECT id, thread, message FROM transcript"
                " WHERE conversation = ? AND thread = ? AND id > ? ORDER BY id",
                (thread.conversation, thread.thread, after),
            ).fetchall()
        return [Shown(number, name, load(Message, body)) for number, name, body in rows]

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        connection: sqlite3.Connection | None = None
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            connection = sqlite3.connect(self.path, timeout=BUSY_TIMEOUT_S)
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=FULL")
            connection.execute(_TABLE)
            with connection:
                yield connection
        except (sqlite3.OperationalError, OSError) as error:
            raise TemporarilyUnavailable(f"the transcript {self.path} cannot be used now ({error})") from None
        finally:
            if connection is not None:
                connection.close()
