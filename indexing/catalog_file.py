"""Writes the SQLite file of a catalog: whole, or as the changes against the file of the version before.

Three full text tables, none of which stores the text again:

    words      porter stems of title, headings and text            (most questions)
    trigrams   any three characters                                (identifiers, flags, error messages, compounds)
    pairs      any two characters of scripts that write no spaces  (Chinese, Japanese, Thai, ...)
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
from typing import TYPE_CHECKING, Any

from indexing.catalog_rows import FACTS
from indexing.durable import copy_file
from indexing.errors import BuildRefused
from indexing.model import Chunk
from indexing.scripts import character_pairs

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from indexing.catalog_rows import ChunkedDocument
    from indexing.manifest import Partition
    from indexing.model import Skipped

_SCHEMA = """
CREATE TABLE partitions (number INTEGER PRIMARY KEY, kind TEXT NOT NULL, audience TEXT NOT NULL,
    rows INTEGER NOT NULL, holes INTEGER NOT NULL, file TEXT NOT NULL, UNIQUE (kind, audience));
CREATE TABLE holes (id INTEGER PRIMARY KEY);
CREATE TABLE documents (id INTEGER PRIMARY KEY, document TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, title TEXT NOT NULL,
    url TEXT NOT NULL, source TEXT NOT NULL, labels TEXT NOT NULL, updated_at TEXT NOT NULL, audience TEXT NOT NULL,
    confirmed INTEGER NOT NULL, closed_as TEXT NOT NULL, resolved_by TEXT NOT NULL, duplicate_of TEXT NOT NULL,
    author TEXT NOT NULL, opened_at TEXT NOT NULL, asked_for TEXT NOT NULL, content_hash TEXT NOT NULL,
    first_chunk INTEGER NOT NULL, chunks INTEGER NOT NULL);
CREATE TABLE chunks (id INTEGER PRIMARY KEY, document_id INTEGER NOT NULL REFERENCES documents(id),
    ordinal INTEGER NOT NULL, headings TEXT NOT NULL, text TEXT NOT NULL, text_hash BLOB NOT NULL);
CREATE TABLE skipped (document TEXT NOT NULL, reason TEXT NOT NULL);
CREATE TABLE build (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE VIEW searched AS SELECT chunks.id AS id, documents.title AS title, chunks.headings AS headings,
    chunks.text AS text FROM chunks JOIN documents ON documents.id = chunks.document_id;
CREATE VIRTUAL TABLE words USING fts5(title, headings, text, content='searched', content_rowid='id',
    tokenize='porter unicode61 remove_diacritics 2');
CREATE VIRTUAL TABLE trigrams USING fts5(title, headings, text, content='searched', content_rowid='id',
    tokenize='trigram');
CREATE VIRTUAL TABLE pairs USING fts5(text, content='', tokenize='unicode61');
CREATE VIRTUAL TABLE word_counts USING fts5vocab(words, row);
"""
_INDEXES = """
CREATE INDEX chunks_by_hash ON chunks(text_hash);
CREATE INDEX documents_in_order ON documents(kind DESC, document, first_chunk, chunks);
CREATE INDEX documents_by_source ON documents(source, kind);
"""
_FAST = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
PRAGMA temp_store = MEMORY;
PRAGMA cache_size = -200000;
PRAGMA secure_delete = ON;
"""  # the caller syncs the whole file once, and throws it away after any error; what is deleted is overwritten
_TABLES = ("words", "trigrams", "pairs")


@contextlib.contextmanager
def writing_catalog(path: Path, base: Path | None = None) -> Iterator[CatalogFile]:
    """Give a catalog file to write, and close it.

    Args:
        path: The new file.
        base: A catalog whose copy it starts as; None starts empty.

    Raises:
        BuildRefused: The disk is full or cannot be written.
    """
    try:
        if base is not None:
            copy_file(base, path)
        file = CatalogFile(sqlite3.connect(path), new=base is None)
        try:
            yield file
            file.finish()
        finally:
            file.close()
    except (sqlite3.OperationalError, OSError) as error:
        raise BuildRefused(f"{path} cannot be written ({error}): is the disk full?") from error


class CatalogFile:
    """A catalog that is being written. First `drop`, then `add`, then `describe`.

    Args:
        connection: To the file.
        new: The file is empty.
    """

    def __init__(self, connection: sqlite3.Connection, *, new: bool) -> None:
        self._connection = connection
        self._new = new
        self._has_dropped = False
        connection.executescript(_FAST)
        if new:
            connection.executescript(_SCHEMA)
        connection.execute("CREATE TEMP TABLE touched (id INTEGER PRIMARY KEY)")
        connection.commit()

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def drop(self, documents: Iterable[str]) -> None:
        """Take documents out, with all that full text knows of them; their rows become holes."""
        run = self._connection.execute
        ranges = [
            row
            for name in documents
            for row in run(
                "SELECT id, first_chunk, first_chunk + chunks - 1 FROM documents WHERE document = ?", (name,)
            )
        ]
        self._has_dropped = self._has_dropped or bool(ranges)
        run("DELETE FROM touched")
        for _, first, last in ranges:
            run("INSERT INTO touched SELECT id FROM chunks WHERE id BETWEEN ? AND ?", (first, last))
        # In the order of ids: full text search writes a piece of its own for each step back.
        for table in ("words", "trigrams"):
            run(
                f"INSERT INTO {table}({table}, rowid, title, headings, text)"  # noqa: S608 - names of our own
                " SELECT 'delete', touched.id, title, headings, text FROM touched JOIN searched USING (id) ORDER BY 2"
            )
        self._connection.executemany("INSERT INTO pairs(pairs, rowid, text) VALUES ('delete', ?, ?)", self._pairs())
        run("INSERT INTO holes SELECT id FROM touched")
        run("DELETE FROM chunks WHERE id IN (SELECT id FROM touched)")
        self._connection.executemany("DELETE FROM documents WHERE id = ?", [(number,) for number, _, _ in ranges])

    def fill(self, ids: range) -> None:
        """Forget the holes among these ids: their rows are given out anew."""
        self._connection.execute("DELETE FROM holes WHERE id BETWEEN ? AND ?", (ids.start, ids.stop - 1))

    def add(self, documents: Iterable[tuple[int, ChunkedDocument]]) -> None:
        """Put documents in, each with the id of its first chunk; ids rise."""
        run = self._connection.execute
        run("DELETE FROM touched")
        next_number = self.count("SELECT coalesce(max(id), -1) + 1 FROM documents")
        for number, (first, item) in enumerate(documents, start=next_number):
            marks = ", ".join("?" * 19)
            run(
                f"INSERT INTO documents (id, {FACTS}) VALUES ({marks})",  # noqa: S608 - names of our own
                (number, *_document_row(item), first, len(item.chunks)),
            )
            rows = _chunk_rows(first, number, item)
            self._connection.executemany("INSERT INTO chunks VALUES (?, ?, ?, ?, ?, ?)", rows)
            if not self._new:
                self._connection.executemany("INSERT INTO touched VALUES (?)", [(row[0],) for row in rows])
            self._connection.executemany("INSERT INTO pairs(rowid, text) VALUES (?, ?)", _pair_rows(first, item))
        for table in ("words", "trigrams"):
            if self._new:
                run(f"INSERT INTO {table}({table}) VALUES ('rebuild')")  # noqa: S608 - names of our own
            else:
                run(
                    f"INSERT INTO {table}(rowid, title, headings, text)"  # noqa: S608 - names of our own
                    " SELECT touched.id, title, headings, text FROM touched JOIN searched USING (id) ORDER BY 1"
                )

    def describe(
        self, partitions: Sequence[Partition], skipped: Iterable[Skipped], build: Mapping[str, Any]
    ) -> Mapping[str, int]:
        """Write what is not a document, and return the number of documents by source."""
        run, run_many = self._connection.execute, self._connection.executemany
        for table in ("partitions", "skipped", "build"):
            run(f"DELETE FROM {table}")  # noqa: S608 - names of our own
        rows = [(p.number, p.kind, p.audience, p.rows, p.holes, p.file) for p in partitions]
        run_many("INSERT INTO partitions VALUES (?, ?, ?, ?, ?, ?)", rows)
        run_many("INSERT INTO skipped VALUES (?, ?)", [(item.document, item.reason) for item in skipped])
        run_many("INSERT INTO build VALUES (?, ?)", [(key, json.dumps(value)) for key, value in build.items()])
        return dict(run("SELECT source, count(*) FROM documents GROUP BY source ORDER BY source").fetchall())

    def count(self, query: str, *values: object) -> int:
        """Return the number that the query selects."""
        return int(self._connection.execute(query, values).fetchone()[0])

    def finish(self) -> None:
        """Bring everything into the file."""
        if self._new:
            for table in _TABLES:
                self._connection.execute(f"INSERT INTO {table}({table}) VALUES ('optimize')")  # noqa: S608 - our own
            self._connection.executescript(_INDEXES)
        elif self._has_dropped:
            # Full text only marks as deleted: this takes words of what left, a secret maybe, out of the file.
            self._connection.execute("INSERT INTO words(words) VALUES ('optimize')")
        self._connection.commit()
        if self._new:
            self._connection.execute("VACUUM")

    def _pairs(self) -> Iterator[tuple[int, str]]:
        query = "SELECT id, headings, text FROM touched JOIN chunks USING (id) ORDER BY id"
        for identity, headings, text in self._connection.execute(query).fetchall():
            pairs = character_pairs(Chunk("", 0, tuple(json.loads(headings)), text).embedded_text)
            if pairs:
                yield identity, " ".join(pairs)


def _document_row(item: ChunkedDocument) -> tuple[Any, ...]:
    document = item.document
    return (
        document.id,
        document.kind,
        document.title,
        document.url,
        document.source,
        json.dumps(document.labels, ensure_ascii=False),
        document.updated_at,
        document.audience,
        int(document.confirmed),
        document.closed_as,
        json.dumps(document.resolved_by, ensure_ascii=False),
        document.duplicate_of,
        document.author,
        document.opened_at,
        json.dumps(document.asked_for),
        item.content_hash,
    )


def _chunk_rows(first: int, number: int, item: ChunkedDocument) -> list[tuple[Any, ...]]:
    return [
        (identity, number, chunk.ordinal, json.dumps(chunk.headings, ensure_ascii=False), chunk.text, text_hash)
        for identity, (chunk, text_hash) in enumerate(item.chunks, start=first)
    ]


def _pair_rows(first: int, item: ChunkedDocument) -> Iterator[tuple[int, str]]:
    for identity, (chunk, _) in enumerate(item.chunks, start=first):
        pairs = character_pairs(chunk.embedded_text)
        if pairs:
            yield identity, " ".join(pairs)
