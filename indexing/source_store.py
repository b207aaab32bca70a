"""What each source held when it was read last: cleaned documents, how far it was read, what could not be read.

ROOT/sources.sqlite   (WAL, synced at every commit; only cleaned and masked text reaches it)

    sources     one row a source: cursor, times, last error, why a refresh is held back
    documents   what the source holds
    leaving     documents that are gone at the source and leave with the next refresh that is not held back
    left_out    files and issues that were not taken, with the reason
    returned    documents that were withdrawn and may be shown again

A refresh is one transaction, or with a followed source one for each checkpoint, so that a crash loses little and a
reader never sees half of it. The file may be deleted at any time: everything is read again then.
"""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
from dataclasses import asdict
from datetime import UTC
from typing import TYPE_CHECKING, Any

from indexing.cleaning import MaskedSecret
from indexing.errors import BuildRefused
from indexing.model import Document, Skipped
from indexing.source_rows import SCHEMA, DamagedStore, Entry, LeftOut, SourceState

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
    from datetime import datetime
    from pathlib import Path

__all__ = ["DamagedStore", "Entry", "LeftOut", "SourceState", "SourceStore", "set_aside"]

_BUSY_S = 30.0
_AT_ONCE = 500  # values of one query


class SourceStore:
    """The store of one index root. One process writes at a time (the lock of a build); any number reads.

    Args:
        path: The file; made when it is missing.
        now: Clock in UTC.

    Raises:
        DamagedStore: The file is something else.
        BuildRefused: The disk is full or cannot be written.
    """

    def __init__(self, path: Path, now: Callable[[], datetime]) -> None:
        self._now = now
        with _translated(path):
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not path.exists():
                os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
            self._connection = sqlite3.connect(path, timeout=_BUSY_S, isolation_level=None)
            self._connection.executescript(f"PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; {SCHEMA}")
        self._path = path

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    # -- reading

    def states(self) -> tuple[SourceState, ...]:
        """Return all sources by name."""
        counts: dict[str, dict[str, int]] = {}
        for source, kind, count in self._rows("SELECT source, kind, count(*) FROM documents GROUP BY source, kind"):
            counts.setdefault(source, {})[kind] = count
        left_out = dict(self._rows("SELECT source, count(*) FROM left_out GROUP BY source"))
        query = "SELECT name, last_started, last_success, last_error, held, last_sweep FROM sources ORDER BY name"
        return tuple(
            SourceState(
                name=name,
                documents=sum(counts.get(name, {}).values()),
                pages=counts.get(name, {}).get("page", 0),
                issues=counts.get(name, {}).get("issue", 0),
                left_out=left_out.get(name, 0),
                last_started=started,
                last_success=success,
                last_error=error,
                held=held,
                last_sweep=sweep,
            )
            for name, started, success, error, held, sweep in self._rows(query)
        )

    def left_out(self, source: str) -> tuple[LeftOut, ...]:
        """Return what was not taken from the source."""
        query = "SELECT source, document, reason, since, tries FROM left_out WHERE source = ? ORDER BY document"
        return tuple(LeftOut(*row) for row in self._rows(query, (source,)))

    def entries(self, source: str) -> dict[str, Entry]:
        """Return `Document.id` -> what a build compares, in the order of ids."""
        query = "SELECT document, content_hash, kind FROM documents WHERE source = ? ORDER BY document"
        return {name: Entry(source, digest, kind) for name, digest, kind in self._rows(query, (source,))}

    def holds(self, document: str, content_hash: str) -> bool:
        """Return whether some source holds the document just so."""
        query = "SELECT 1 FROM documents WHERE document = ? AND content_hash = ?"
        return bool(self._rows(query, (document, content_hash)))

    def documents(self, source: str, names: Collection[str]) -> Iterator[Document]:
        """Yield these documents of the source."""
        wanted = list(names)
        for start in range(0, len(wanted), _AT_ONCE):
            part = wanted[start : start + _AT_ONCE]
            marks = ",".join("?" * len(part))
            query = f"SELECT body FROM documents WHERE source = ? AND document IN ({marks})"  # noqa: S608 - marks alone
            for (body,) in self._rows(query, (source, *part)):
                yield _document(body)

    def masked(self, source: str) -> list[MaskedSecret]:
        """Return the secrets that were masked in what the source holds."""
        query = "SELECT masked FROM documents WHERE source = ? AND masked != '[]' ORDER BY document"
        return [MaskedSecret(**secret) for (row,) in self._rows(query, (source,)) for secret in json.loads(row)]

    def cursor(self, source: str, reader: str) -> Mapping[str, object] | None:
        """Return how far the source was read by this reader; None when it must be read from the beginning."""
        rows = self._rows("SELECT cursor FROM sources WHERE name = ? AND reader = ?", (source, reader))
        return json.loads(rows[0][0]) if rows and rows[0][0] is not None else None

    def leaving(self, source: str) -> dict[str, str]:
        """Return the documents that are gone at the source and still here, with the reason."""
        return dict(self._rows("SELECT document, reason FROM leaving WHERE source = ?", (source,)))

    def returned(self) -> frozenset[str]:
        """Return documents that were withdrawn and may be shown again."""
        return frozenset(row[0] for row in self._rows("SELECT document FROM returned"))

    # -- writing: everything below runs inside `changing`

    @contextlib.contextmanager
    def changing(self) -> Iterator[None]:
        """One transaction: all of it or nothing.

        Raises:
            BuildRefused: The disk is full or cannot be written.
            DamagedStore: The file cannot be read any more.
        """
        with _translated(self._path):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                with contextlib.suppress(sqlite3.Error):  # a full disk has ended the transaction already
                    self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    def checkpoint(self) -> None:
        """Keep what was written so far, inside `changing`."""
        self._connection.execute("COMMIT")
        self._connection.execute("BEGIN IMMEDIATE")

    def begin(self, source: str, *, sweep: bool = True) -> None:
        """Note that a refresh begins, and whether it is a sweep."""
        self._connection.execute("INSERT OR IGNORE INTO sources(name) VALUES (?)", (source,))
        self._connection.execute("UPDATE sources SET last_started = ? WHERE name = ?", (self._time(), source))
        if sweep:
            self._connection.execute("UPDATE sources SET last_sweep = last_started WHERE name = ?", (source,))

    def end(self, source: str, *, error: str = "", held: str = "") -> None:
        """Note how a refresh ended."""
        self._connection.execute("INSERT OR IGNORE INTO sources(name) VALUES (?)", (source,))
        success = self._time() if not error else None
        self._connection.execute(
            "UPDATE sources SET last_success = coalesce(?, last_success), last_error = ?, held = ? WHERE name = ?",
            (success, error, held, source),
        )

    def read_to(self, source: str, reader: str, cursor: Mapping[str, object] | None) -> None:
        """Keep how far the source was read."""
        value = None if cursor is None else json.dumps(cursor)
        self._connection.execute("UPDATE sources SET reader = ?, cursor = ? WHERE name = ?", (reader, value, source))

    def put(self, source: str, document: Document, content_hash: str, masked: Iterable[MaskedSecret]) -> None:
        """Keep a document; it does not leave, and is not left out any more."""
        self._connection.execute(
            "INSERT OR REPLACE INTO documents(source, document, kind, content_hash, body, masked)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            (
                source,
                document.id,
                document.kind,
                content_hash,
                json.dumps(asdict(document), ensure_ascii=True),  # ASCII: lone surrogates survive
                json.dumps([asdict(secret) for secret in masked]),
            ),
        )
        self.stays(source, document.id)

    def stays(self, source: str, document: str) -> None:
        """Note that a document is there after all."""
        for table in ("leaving", "left_out"):
            self._connection.execute(
                f"DELETE FROM {table} WHERE source = ? AND document = ?",  # noqa: S608 - names of our own
                (source, document),
            )

    def leave_out(self, source: str, skipped: Skipped) -> None:
        """Keep what was not taken."""
        self._connection.execute(
            "INSERT INTO left_out(source, document, reason, since, tries) VALUES (?, ?, ?, ?, 1)"
            " ON CONFLICT(source, document) DO UPDATE SET reason = excluded.reason, tries = tries + 1",
            (source, skipped.document, skipped.reason, self._time()),
        )

    def leaves(self, source: str, gone: Mapping[str, str]) -> None:
        """Note documents that are gone at the source, with the reason; unknown ones are no error."""
        self._connection.executemany(
            "INSERT OR REPLACE INTO leaving(source, document, reason)"
            " SELECT source, document, ? FROM documents WHERE source = ? AND document = ?",
            [(reason, source, name) for name, reason in gone.items()],
        )

    def drop_leaving(self, source: str, only: Collection[str] | None = None) -> int:
        """Delete the documents that leave, or only these of them; return how many."""
        names = [name for name in self.leaving(source) if only is None or name in only]
        for table in ("documents", "leaving"):
            self._connection.executemany(
                f"DELETE FROM {table} WHERE source = ? AND document = ?",  # noqa: S608 - names of our own
                [(source, name) for name in names],
            )
        return len(names)

    def keep_left_out(self, source: str, part: str, names: Collection[str]) -> None:
        """Forget what was left out of this part and is not there any more."""
        gone = [row.document for row in self.left_out(source) if row.document.startswith(part)]
        self.forget_left_out(source, set(gone).difference(names))

    def forget_left_out(self, source: str, names: Iterable[str]) -> None:
        """Forget that these were left out."""
        self._connection.executemany(
            "DELETE FROM left_out WHERE source = ? AND document = ?", [(source, name) for name in names]
        )

    def set_returned(self, documents: Iterable[str], *, returned: bool) -> None:
        """Note that withdrawn documents may be shown again, or that this was done."""
        change = "INSERT OR IGNORE INTO returned VALUES (?)" if returned else "DELETE FROM returned WHERE document = ?"
        self._connection.executemany(change, [(name,) for name in documents])

    def forget_others(self, sources: Collection[str]) -> tuple[str, ...]:
        """Delete sources that are not configured any more; return their names."""
        gone = [name for (name,) in self._rows("SELECT name FROM sources") if name not in sources]
        for name in gone:
            for table, column in (("documents", "source"), ("leaving", "source"), ("left_out", "source")):
                self._connection.execute(f"DELETE FROM {table} WHERE {column} = ?", (name,))  # noqa: S608 - as above
            self._connection.execute("DELETE FROM sources WHERE name = ?", (name,))
        return tuple(gone)

    # -- inside

    def _time(self) -> str:
        return self._now().astimezone(UTC).isoformat(timespec="seconds")

    def _rows(self, query: str, values: tuple[Any, ...] = ()) -> list[Any]:
        with _translated(self._path):
            return self._connection.execute(query, values).fetchall()


def set_aside(path: Path, now: datetime) -> str:
    """Move a damaged store away and return its new name; the next one starts empty."""
    kept = path.with_name(f"{path.name}.damaged-{now.astimezone(UTC):%Y%m%dT%H%M%SZ}")
    path.replace(kept)
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    return kept.name


def _document(body: str) -> Document:
    fields = json.loads(body)
    listed = {name: tuple(fields.get(name, ())) for name in ("labels", "resolved_by", "asked_for")}
    return Document(**{**fields, **listed})


@contextlib.contextmanager
def _translated(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.OperationalError as error:
        raise BuildRefused(f"{path} cannot be used now ({error}): is the disk full?") from error
    except sqlite3.DatabaseError as error:
        raise DamagedStore(f"{path} is damaged ({error}): delete it, and the sources are read again") from error
