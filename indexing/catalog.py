"""Documents, chunks and full text of one index version in a read-only SQLite file. The only user of sqlite-utils.

Three full text tables, none of which stores the text again:

    words      porter stems of title, headings and text            (most questions)
    trigrams   any three characters                                (identifiers, flags, error messages, compounds)
    pairs      any two characters of scripts that write no spaces  (Chinese, Japanese, Thai, ...)
"""

from __future__ import annotations

import itertools
import json
import sqlite3
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlite_utils import Database

from indexing.errors import BuildRefused, DamagedIndex
from indexing.model import Chunk, Document, Kind, Skipped
from indexing.scripts import character_pairs

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

_TRIGRAM = 3
_MOST_PAIRS = 200  # of a question; more only make the search slow

Scores = dict[int, float]
"""Chunk id -> BM25, higher is better; in falling order."""

_SCHEMA = """
CREATE TABLE documents (id INTEGER PRIMARY KEY, document TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, title TEXT NOT NULL,
    url TEXT NOT NULL, source TEXT NOT NULL, labels TEXT NOT NULL, updated_at TEXT NOT NULL, audience TEXT NOT NULL,
    confirmed INTEGER NOT NULL, content_hash TEXT NOT NULL);
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

_QUESTION = """
PRAGMA temp_store = MEMORY;
CREATE VIRTUAL TABLE temp.question USING fts5(text, tokenize='porter unicode61 remove_diacritics 2');
CREATE VIRTUAL TABLE temp.question_words USING fts5vocab(temp, question, instance);
"""


@dataclass(frozen=True, slots=True)
class ChunkedDocument:
    """A document on its way into a catalog.

    Attributes:
        content_hash: Hex SHA-256 of all that the document says.
        chunks: Its chunks, each with the SHA-256 of its embedded text.
    """

    document: Document
    content_hash: str
    chunks: tuple[tuple[Chunk, bytes], ...]


@dataclass(frozen=True, slots=True)
class StoredChunk:
    """A chunk with what a passage tells of its document."""

    id: int
    chunk: Chunk
    kind: Kind
    title: str
    url: str
    labels: tuple[str, ...]
    updated_at: str
    confirmed: bool


def write_catalog(
    path: Path, documents: Sequence[ChunkedDocument], skipped: Iterable[Skipped], build: Mapping[str, Any]
) -> None:
    """Write a new catalog file. Chunk ids count from 0 in the order of `documents`, pages first.

    Raises:
        BuildRefused: The disk is full or cannot be written.
    """
    try:
        _write(path, documents, skipped, build)
    except sqlite3.OperationalError as error:
        raise BuildRefused(f"{path} cannot be written ({error}): is the disk full?") from error


def _write(
    path: Path, documents: Sequence[ChunkedDocument], skipped: Iterable[Skipped], build: Mapping[str, Any]
) -> None:
    connection = sqlite3.connect(path)
    connection.executescript("PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF;")  # the caller syncs the whole file once
    connection.executescript(_SCHEMA)
    database = Database(connection)
    with connection:
        database.table("documents").insert_all(_document_rows(documents))
        database.table("chunks").insert_all(_chunk_rows(documents))
        database.table("skipped").insert_all({"document": item.document, "reason": item.reason} for item in skipped)
        database.table("build").insert_all({"key": key, "value": json.dumps(value)} for key, value in build.items())
        connection.executemany("INSERT INTO pairs(rowid, text) VALUES (?, ?)", _pair_rows(documents))
        for table in ("words", "trigrams"):
            connection.execute(f"INSERT INTO {table}({table}) VALUES ('rebuild')")  # noqa: S608 - names of our own
        for table in ("words", "trigrams", "pairs"):
            connection.execute(f"INSERT INTO {table}({table}) VALUES ('optimize')")  # noqa: S608 - names of our own
    connection.execute("VACUUM")
    database.close()


def _document_rows(documents: Sequence[ChunkedDocument]) -> Iterable[dict[str, Any]]:
    for number, item in enumerate(documents):
        document = item.document
        yield {
            "id": number,
            "document": document.id,
            "kind": document.kind,
            "title": document.title,
            "url": document.url,
            "source": document.source,
            "labels": json.dumps(document.labels, ensure_ascii=False),
            "updated_at": document.updated_at,
            "audience": document.audience,
            "confirmed": int(document.confirmed),
            "content_hash": item.content_hash,
        }


def _numbered(documents: Sequence[ChunkedDocument]) -> Iterable[tuple[int, int, Chunk, bytes]]:
    ids = itertools.count()
    for number, item in enumerate(documents):
        for chunk, text_hash in item.chunks:
            yield next(ids), number, chunk, text_hash


def _chunk_rows(documents: Sequence[ChunkedDocument]) -> Iterable[dict[str, Any]]:
    for identity, number, chunk, text_hash in _numbered(documents):
        yield {
            "id": identity,
            "document_id": number,
            "ordinal": chunk.ordinal,
            "headings": json.dumps(chunk.headings, ensure_ascii=False),
            "text": chunk.text,
            "text_hash": text_hash,
        }


def _pair_rows(documents: Sequence[ChunkedDocument]) -> Iterable[tuple[int, str]]:
    for identity, _, chunk, _ in _numbered(documents):
        pairs = character_pairs(chunk.embedded_text)
        if pairs:
            yield identity, " ".join(pairs)


class Catalog:
    """Read-only view of a catalog file. Safe to share between threads.

    Args:
        path: The file, whose checksum the caller has verified.

    Raises:
        DamagedIndex: The file is no catalog.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._connection = sqlite3.connect(
            f"{path.resolve().as_uri()}?mode=ro&immutable=1", uri=True, check_same_thread=False
        )
        self._database = Database(self._connection)
        try:
            self._connection.executescript(_QUESTION)
            self._chunk_count = int(self._database.execute("SELECT count(*) FROM chunks").fetchone()[0])
            first_issue = (
                "SELECT min(chunks.id) FROM chunks JOIN documents d ON d.id = document_id WHERE kind = 'issue'"
            )
            boundary = self._database.execute(first_issue).fetchone()[0]
        except sqlite3.DatabaseError as error:
            raise DamagedIndex(f"{path} is no catalog: run `assistant index rollback`, or build again") from error
        self._boundary = self._chunk_count if boundary is None else int(boundary)

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def __len__(self) -> int:
        """Return the number of chunks."""
        return self._chunk_count

    def ids(self, kind: Kind) -> range:
        """Return the chunk ids of that kind: pages come first."""
        return range(self._boundary) if kind == "page" else range(self._boundary, self._chunk_count)

    def content_hashes(self) -> dict[str, str]:
        """Return document id -> content hash."""
        return dict(self._rows("SELECT document, content_hash FROM documents"))

    def text_hashes(self) -> dict[bytes, int]:
        """Return hash of the embedded text -> id of a chunk that has it."""
        return dict(self._rows("SELECT text_hash, id FROM chunks"))

    def skipped(self) -> tuple[Skipped, ...]:
        """Return what was left out, and why."""
        return tuple(Skipped(*row) for row in self._rows("SELECT document, reason FROM skipped"))

    def document_numbers(self) -> list[int]:
        """Return the number of its document for every chunk, by chunk id."""
        return [row[0] for row in self._rows("SELECT document_id FROM chunks ORDER BY id")]

    def stored(self, ids: Sequence[int]) -> dict[int, StoredChunk]:
        """Return these chunks by id."""
        query = f"""SELECT chunks.id, document, ordinal, headings, text, kind, title, url, labels, updated_at, confirmed
            FROM chunks JOIN documents ON documents.id = document_id
            WHERE chunks.id IN ({",".join(str(int(i)) for i in ids)})"""  # noqa: S608 - whole numbers alone
        return {row[0]: _stored(row) for row in self._rows(query)}

    def stems(self, text: str) -> list[str]:
        """Return the stems of the text in its order, as full text search sees them."""
        with self._lock, self._connection:
            self._connection.execute("DELETE FROM temp.question")
            self._connection.execute("INSERT INTO temp.question(text) VALUES (?)", (_storable(text),))
            found = self._connection.execute("SELECT term FROM temp.question_words ORDER BY offset").fetchall()
        return [row[0] for row in found]

    def counts(self, stems: Iterable[str]) -> dict[str, int]:
        """Return how many chunks hold each stem; 0 for an unknown word."""
        query = "SELECT doc FROM word_counts WHERE term = ?"
        return {stem: next(iter(self._rows(query, (stem,))), (0,))[0] for stem in stems}

    def match_words(
        self, terms: Sequence[str], ids: range, limit: int, weights: tuple[float, float, float] = (1.0, 1.0, 1.0)
    ) -> Scores:
        """Return the best chunks that hold any of the terms.

        Args:
            terms: Words or phrases; a term that stands twice counts twice.
            ids: Chunks to look at.
            limit: How many at most.
            weights: Of title, headings and text.
        """
        columns = ", ".join(str(float(weight)) for weight in weights)
        return self._match("words", f"bm25(words, {columns})", terms, ids, limit)

    def match_substrings(self, parts: Sequence[str], ids: range, limit: int) -> Scores:
        """Return the best chunks that hold any of the parts, inside words too; parts under 3 characters are ignored."""
        return self._match("trigrams", "bm25(trigrams)", [part for part in parts if len(part) >= _TRIGRAM], ids, limit)

    def match_unspaced(self, text: str, ids: range, limit: int) -> Scores:
        """Return the best chunks for the Chinese, Japanese, ... parts of the text; empty when it has none."""
        pairs = dict.fromkeys(character_pairs(text))
        whole = [pair for pair in pairs if len(pair) > 1][:_MOST_PAIRS]
        # A last character alone would match everywhere; it is used when the run is one character long, as a prefix.
        return self._match("pairs", "bm25(pairs)", whole or list(pairs)[:_MOST_PAIRS], ids, limit, prefix=not whole)

    def _match(  # noqa: PLR0913 - private, and all six say what the one query is
        self, table: str, score: str, terms: Sequence[str], ids: range, limit: int, *, prefix: bool = False
    ) -> Scores:
        expression = " OR ".join(_quoted(term) + ("*" if prefix else "") for term in terms if _storable(term).strip())
        if not expression or not ids:
            return {}
        query = f"""SELECT rowid, -{score} AS score FROM {table} WHERE {table} MATCH ? AND rowid BETWEEN ? AND ?
            ORDER BY score DESC, rowid LIMIT ?"""  # noqa: S608 - table and score are names of our own
        return dict(self._rows(query, (expression, ids.start, ids.stop - 1, limit)))

    def _rows(self, query: str, values: tuple[Any, ...] = ()) -> list[Any]:
        try:
            with self._lock:
                return self._connection.execute(query, values).fetchall()
        except sqlite3.DatabaseError as error:
            raise DamagedIndex(
                f"{self._path} cannot be read any more ({error}): run `assistant index verify`"
            ) from error


def _stored(row: tuple[Any, ...]) -> StoredChunk:
    identity, document, ordinal, headings, text, kind, title, url, labels, updated_at, confirmed = row
    chunk = Chunk(document=document, ordinal=ordinal, headings=tuple(json.loads(headings)), text=text)
    return StoredChunk(identity, chunk, kind, title, url, tuple(json.loads(labels)), updated_at, bool(confirmed))


def _storable(text: str) -> str:
    """Return the text without what SQLite cannot take: lone surrogates, NUL."""
    return text.encode("utf-8", "replace").decode("utf-8").replace("\0", " ")


def _quoted(term: str) -> str:
    """Return the term as an FTS5 string: nothing in it is syntax."""
    return '"' + _storable(term).replace('"', '""') + '"'
