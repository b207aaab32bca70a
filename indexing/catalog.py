"""Documents, chunks and full text of one index version in a read-only SQLite file. The only user of sqlite-utils.

How the file is laid out and written stands in `indexing/catalog_file.py`.
"""

from __future__ import annotations

import itertools
import json
import sqlite3
import threading
from functools import cached_property
from typing import TYPE_CHECKING, Any

from sqlite_utils import Database

from indexing.catalog_rows import (
    FACTS,
    STORED,
    ChunkedDocument,
    DocumentFacts,
    StoredChunk,
    facts_of,
    stored_of,
)
from indexing.errors import DamagedIndex
from indexing.manifest import PUBLIC, Partition
from indexing.model import Chunk, Skipped
from indexing.naming import Collections
from indexing.scripts import character_pairs

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from indexing.model import Kind
    from indexing.numbers import DocumentNumbers

__all__ = ["Catalog", "ChunkedDocument", "DocumentFacts", "Scores", "StoredChunk"]

_TRIGRAM = 3
_MOST_PAIRS = 200  # of a question; more only make the search slow
_COUNTS = 100_000  # words whose number of chunks is remembered
_AT_ONCE = 500  # values of one query

Scores = dict[int, float]
"""Chunk id -> BM25, higher is better; in falling order."""

_QUESTION = """
PRAGMA temp_store = MEMORY;
CREATE VIRTUAL TABLE temp.question USING fts5(text, tokenize='porter unicode61 remove_diacritics 2');
CREATE VIRTUAL TABLE temp.question_words USING fts5vocab(temp, question, instance);
"""


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
        self._counts: dict[str, int] = {}
        self._connection = sqlite3.connect(
            f"{path.resolve().as_uri()}?mode=ro&immutable=1", uri=True, check_same_thread=False
        )
        self._database = Database(self._connection)
        try:
            self._connection.executescript(_QUESTION)
            query = "SELECT number, kind, audience, rows, holes, file FROM partitions ORDER BY number"
            self.partitions = tuple(Partition(*row) for row in self._database.execute(query).fetchall())
        except sqlite3.DatabaseError as error:
            raise DamagedIndex(f"{path} is no catalog: run `assistant index rollback`, or build again") from error

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def __len__(self) -> int:
        """Return the number of chunks."""
        return sum(partition.rows - partition.holes for partition in self.partitions)

    # -- what there is

    def ids(self, kind: Kind, audiences: Collection[str] = PUBLIC) -> tuple[range, ...]:
        """Return the ranges of chunk ids of that kind that these audiences may read; some ids in them are holes."""
        return tuple(part.ids for part in self.partitions if part.kind == kind and part.audience in audiences)

    def holes(self, partition: Partition) -> NDArray[np.int64]:
        """Return the rows of the partition that belong to no chunk any more, rising: int64."""
        import numpy as np  # noqa: PLC0415 - full text search alone does without

        found = self._rows(
            "SELECT id FROM holes WHERE id BETWEEN ? AND ?", (partition.ids.start, partition.ids.stop - 1)
        )
        return np.fromiter((row[0] for row in found), dtype=np.int64, count=len(found)) - partition.ids.start

    def content_hashes(self) -> dict[str, str]:
        """Return document id -> content hash."""
        return dict(self._rows("SELECT document, content_hash FROM documents"))

    def text_hashes(self) -> dict[bytes, int]:
        """Return hash of the embedded text -> id of a chunk that has it."""
        return dict(self._rows("SELECT text_hash, id FROM chunks"))

    def chunks_with(self, hashes: Iterable[bytes]) -> dict[bytes, int]:
        """Return, for those of the hashes that are here, the id of a chunk with that text."""
        query = "SELECT text_hash, min(id) FROM chunks WHERE text_hash IN ({}) GROUP BY text_hash"
        return dict(self._rows_in(query, hashes))

    def has_text(self, text_hash: bytes) -> bool:
        """Return whether some chunk has the text with this hash."""
        return bool(self._rows("SELECT 1 FROM chunks WHERE text_hash = ? LIMIT 1", (text_hash,)))

    def chunk_hashes(self, document: str) -> dict[int, bytes]:
        """Return ordinal -> hash of the embedded text, of one document; empty when it is not here."""
        query = """SELECT ordinal, text_hash FROM documents
            JOIN chunks ON chunks.id BETWEEN first_chunk AND first_chunk + documents.chunks - 1
            WHERE document = ? ORDER BY ordinal"""
        return dict(self._rows(query, (document,)))

    def skipped(self) -> tuple[Skipped, ...]:
        """Return what was left out, and why."""
        return tuple(Skipped(*row) for row in self._rows("SELECT document, reason FROM skipped"))

    # -- documents

    def document(self, name: str) -> DocumentFacts | None:
        """Return what is known of a document, or None when it is not here."""
        return self.documents([name]).get(name)

    def documents(self, names: Iterable[str]) -> dict[str, DocumentFacts]:
        """Return by `Document.id` what is known of those that are here."""
        rows = self._rows_in(f"SELECT {FACTS} FROM documents WHERE document IN ({{}})", names)  # noqa: S608 - our own
        return {row[0]: facts_of(row) for row in rows}

    def documents_of(self, source: str) -> tuple[DocumentFacts, ...]:
        """Return all documents of a source, by name."""
        query = f"SELECT {FACTS} FROM documents WHERE source = ? ORDER BY document"  # noqa: S608 - names of our own
        return tuple(facts_of(row) for row in self._rows(query, (source,)))

    def counts_by_source(self) -> dict[tuple[str, Kind], tuple[int, int]]:
        """Return the numbers of documents and of chunks by source and kind."""
        query = "SELECT source, kind, count(*), sum(chunks) FROM documents GROUP BY source, kind ORDER BY source, kind"
        return {(source, kind): (documents, chunks) for source, kind, documents, chunks in self._rows(query)}

    def chunked(
        self, partitions: Iterable[Partition], without: Collection[str] = frozenset()
    ) -> Iterator[ChunkedDocument]:
        """Yield the documents of these partitions as they were written, but for the `text` of each."""
        query = f"SELECT {FACTS} FROM documents WHERE kind = ? AND audience = ?"  # noqa: S608 - names of our own
        for partition in partitions:
            for row in self._rows(query, (partition.kind, partition.audience)):
                if row[0] not in without:
                    yield self._chunked(facts_of(row))

    def _chunked(self, facts: DocumentFacts) -> ChunkedDocument:
        query = "SELECT ordinal, headings, text, text_hash FROM chunks WHERE id BETWEEN ? AND ? ORDER BY id"
        rows = self._rows(query, (facts.first_chunk, facts.first_chunk + facts.chunks - 1))
        chunks = tuple(
            (Chunk(facts.document.id, ordinal, tuple(json.loads(headings)), text), text_hash)
            for ordinal, headings, text, text_hash in rows
        )
        return ChunkedDocument(facts.document, facts.content_hash, chunks)

    @cached_property
    def numbers(self) -> DocumentNumbers:
        """The number of the document of every chunk."""
        from indexing.numbers import DocumentNumbers  # noqa: PLC0415 - numpy is loaded where a question is asked

        query = "SELECT first_chunk, chunks FROM documents ORDER BY kind DESC, document"
        return DocumentNumbers(self._rows(query))

    @cached_property
    def collections(self) -> Collections:
        """The collection of every document, by number."""
        return Collections(self._rows("SELECT document, source FROM documents ORDER BY kind DESC, document"))

    @cached_property
    def unconfirmed(self) -> frozenset[int]:
        """Numbers (see `numbers`) of the issues that no responder stands behind."""
        found = self._rows("SELECT confirmed FROM documents ORDER BY kind DESC, document")
        return frozenset(number for number, (confirmed,) in enumerate(found) if not confirmed)

    def stored(self, ids: Iterable[int]) -> dict[int, StoredChunk]:
        """Return these chunks by id."""
        query = f"""SELECT {STORED} FROM chunks JOIN documents ON documents.id = document_id
            WHERE chunks.id IN ({{}})"""  # noqa: S608 - names of our own
        return {row[0]: stored_of(row) for row in self._rows_in(query, ids)}

    # -- full text

    def stems(self, text: str) -> list[str]:
        """Return the stems of the text in its order, as full text search sees them."""
        with self._lock, self._connection:
            self._connection.execute("DELETE FROM temp.question")
            self._connection.execute("INSERT INTO temp.question(text) VALUES (?)", (_storable(text),))
            found = self._connection.execute("SELECT term FROM temp.question_words ORDER BY offset").fetchall()
        return [row[0] for row in found]

    def counts(self, stems: Iterable[str]) -> dict[str, int]:
        """Return how many chunks hold each stem; 0 for an unknown word."""
        return {stem: self._count(stem) for stem in stems}

    def _count(self, stem: str) -> int:
        if stem not in self._counts:  # full text search counts by reading all that it has of the word
            if len(self._counts) >= _COUNTS:
                self._counts.clear()
            query = "SELECT doc FROM word_counts WHERE term = ?"
            self._counts[stem] = next(iter(self._rows(query, (stem,))), (0,))[0]
        return self._counts[stem]

    def match_words(
        self,
        terms: Sequence[str],
        ids: Sequence[range],
        limit: int,
        weights: tuple[float, float, float] = (1.0, 1.0, 1.0),
        needed: Sequence[str] = (),
    ) -> Scores:
        """Return the best chunks that hold any of the terms.

        Args:
            terms: Words or phrases; a term that stands twice counts twice.
            ids: Chunks to look at: ranges as `ids` gives them.
            limit: How many at most.
            weights: Of title, headings and text.
            needed: Terms of which a chunk must hold one to be looked at; none: any chunk.
        """
        columns = ", ".join(str(float(weight)) for weight in weights)
        expression = _any_of(terms)
        if expression and (bound := _any_of(needed)):
            expression = f"({bound}) AND ({expression})"
        return self._match("words", f"bm25(words, {columns})", expression, ids, limit)

    def match_substrings(self, parts: Sequence[str], ids: Sequence[range], limit: int) -> Scores:
        """Return the best chunks that hold any of the parts, inside words too; parts under 3 characters are ignored."""
        long = _any_of([part for part in parts if len(part) >= _TRIGRAM])
        return self._match("trigrams", "bm25(trigrams)", long, ids, limit)

    def match_unspaced(self, text: str, ids: Sequence[range], limit: int) -> Scores:
        """Return the best chunks for the Chinese, Japanese, ... parts of the text; empty when it has none."""
        pairs = dict.fromkeys(character_pairs(text))
        whole = [pair for pair in pairs if len(pair) > 1][:_MOST_PAIRS]
        # A last character alone would match everywhere; it is used when the run is one character long, as a prefix.
        expression = _any_of(whole or list(pairs)[:_MOST_PAIRS], end="" if whole else "*")
        return self._match("pairs", "bm25(pairs)", expression, ids, limit)

    def _match(self, table: str, score: str, expression: str, ids: Sequence[range], limit: int) -> Scores:
        if not expression:
            return {}
        # One query a range: full text search passes over the rows outside of it without scoring them.
        query = f"""SELECT rowid, -{score} AS score FROM {table} WHERE {table} MATCH ? AND rowid BETWEEN ? AND ?
            ORDER BY score DESC, rowid LIMIT ?"""  # noqa: S608 - table and score are names of our own
        found = [
            self._rows(query, (expression, part.start, part.stop - 1, limit)) for part in ids if part.stop > part.start
        ]
        best = found[0] if len(found) == 1 else sorted(itertools.chain(*found), key=lambda row: -row[1])[:limit]
        return dict(best)

    def holding(self, words: Sequence[str], runs: Sequence[range]) -> list[frozenset[str]]:
        """Return for each run of chunks which of the words stand in it, in any form that full text search knows."""
        query = "SELECT 1 FROM words WHERE words MATCH ? AND rowid BETWEEN ? AND ? LIMIT 1"
        asked = [(word, expression) for word in words if (expression := _any_of([word]))]
        return [
            frozenset(word for word, expression in asked if self._rows(query, (expression, run.start, run.stop - 1)))
            for run in runs
        ]

    # -- inside

    def _rows(self, query: str, values: tuple[Any, ...] = ()) -> list[Any]:
        try:
            with self._lock:
                return self._connection.execute(query, values).fetchall()
        except sqlite3.DatabaseError as error:
            raise DamagedIndex(
                f"{self._path} cannot be read any more ({error}): run `assistant index verify`"
            ) from error

    def _rows_in(self, query: str, values: Iterable[Any]) -> Iterator[Any]:
        """Yield the rows of a query with `IN ({})`, for any number of values."""
        left = iter(values)
        while some := tuple(itertools.islice(left, _AT_ONCE)):
            yield from self._rows(query.format(", ".join("?" * len(some))), some)


def _storable(text: str) -> str:
    """Return the text without what SQLite cannot take: lone surrogates, NUL."""
    return text.encode("utf-8", "replace").decode("utf-8").replace("\0", " ")


def _any_of(terms: Sequence[str], end: str = "") -> str:
    """Return the FTS5 expression for any of the terms; `*` at the end of each makes it a beginning of words."""
    return " OR ".join(_quoted(term) + end for term in terms if _storable(term).strip())


def _quoted(term: str) -> str:
    """Return the term as an FTS5 string: nothing in it is syntax."""
    return '"' + _storable(term).replace('"', '""') + '"'
