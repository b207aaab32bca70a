"""The stand-in's memory: one SQLite file behind one lock, and a clock that tests can move."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from assistant.sandbox.gitlab import schema

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

Value = str | int | float | bytes | None
Row = sqlite3.Row


def stamp(moment: datetime) -> str:
    """Return the moment as GitLab writes it: UTC, milliseconds, `Z`; sorts as text."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Clock:
    """The current time, real plus an offset that tests set."""

    def __init__(self) -> None:
        self._offset = timedelta()
        self._frozen: datetime | None = None

    def now(self) -> datetime:
        """Return the time in UTC."""
        return self._frozen or datetime.now(UTC) + self._offset

    def freeze(self, moment: datetime) -> None:
        """Stand still at the moment until `advance` or `release`."""
        self._frozen = moment

    def advance(self, seconds: float) -> None:
        """Move on by the seconds (back when negative)."""
        if self._frozen:
            self._frozen += timedelta(seconds=seconds)
        else:
            self._offset += timedelta(seconds=seconds)

    def release(self) -> None:
        """Go back to the real time."""
        self._frozen = None
        self._offset = timedelta()


class Store:
    """Reads and writes of the SQLite file.

    One connection and one lock: requests run one after the other, so a test sees what it wrote.

    Attributes:
        clock: Source of every time stamp.
        lock: Held by `transaction`; re-entrant.
    """

    def __init__(self, file: Path | str) -> None:
        self.clock = Clock()
        self.lock = threading.RLock()
        self._connection = sqlite3.connect(file, check_same_thread=False, isolation_level=None)
        self._connection.row_factory = sqlite3.Row
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA synchronous=NORMAL")
        self._connection.execute("PRAGMA foreign_keys=ON")
        self._connection.executescript(schema.TABLES)
        self._add_later_columns()
        self._set_first_ids()

    def _add_later_columns(self) -> None:
        for table, column, kind in schema.LATER_COLUMNS:
            present = {row["name"] for row in self.rows(f"PRAGMA table_info({table})")}
            if column not in present:
                self.run(f"ALTER TABLE {table} ADD COLUMN {column} {kind}")

    def _set_first_ids(self) -> None:
        for table, first in schema.FIRST_IDS.items():
            if not self.row("SELECT 1 FROM sqlite_sequence WHERE name = ?", table):
                self.run("INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)", table, first)

    def now(self) -> str:
        """Return the clock's time as a stamp."""
        return stamp(self.clock.now())

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Hold the lock; commit at the end, roll back on an exception. Nested use joins the outer one."""
        with self.lock:
            if self._connection.in_transaction:
                yield
                return
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._connection.rollback()
                raise
            self._connection.commit()

    def rows(self, sql: str, *values: Value) -> list[Row]:
        """Return all rows of a query."""
        with self.lock:
            return self._connection.execute(sql, values).fetchall()

    def row(self, sql: str, *values: Value) -> Row | None:
        """Return the first row of a query, or None."""
        with self.lock:
            found: Row | None = self._connection.execute(sql, values).fetchone()
            return found

    def value(self, sql: str, *values: Value) -> int:
        """Return the one number a query counts or sums."""
        found = self.row(sql, *values)
        return int(found[0] or 0) if found else 0

    def run(self, sql: str, *values: Value) -> None:
        """Execute one statement."""
        with self.lock:
            self._connection.execute(sql, values)

    def insert(self, table: str, values: Mapping[str, Value]) -> int:
        """Insert one row and return its id; names come from this package's code, never from a request."""
        names = ", ".join(values)
        marks = ", ".join("?" * len(values))
        sql = f"INSERT INTO {table} ({names}) VALUES ({marks})"  # noqa: S608 - names are literals of this package
        with self.lock:
            return self._connection.execute(sql, tuple(values.values())).lastrowid or 0

    def update(self, table: str, row_id: int, values: Mapping[str, Value]) -> None:
        """Change columns of the row with this id; names come from this package's code."""
        sets = ", ".join(f"{name} = ?" for name in values)
        sql = f"UPDATE {table} SET {sets} WHERE id = ?"  # noqa: S608 - names are literals of this package
        self.run(sql, *values.values(), row_id)

    def get(self, table: str, row_id: int) -> Row:
        """Return the row with this id.

        Raises:
            LookupError: No such row.
        """
        found = self.row(f"SELECT * FROM {table} WHERE id = ?", row_id)  # noqa: S608 - table names are literals
        if found is None:
            raise LookupError(f"{table} has no row {row_id}")
        return found

    def close(self) -> None:
        """Close the file."""
        with self.lock:
            self._connection.close()


def placeholders(values: Sequence[object]) -> str:
    """Return `?, ?, ?` for an IN list; `NULL` for an empty one, which matches nothing."""
    return ", ".join("?" * len(values)) or "NULL"
