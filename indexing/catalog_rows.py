"""What a catalog is asked to keep, and what it gives back: rows of its tables as frozen data."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from indexing.model import Chunk, Document

if TYPE_CHECKING:
    from collections.abc import Sequence

    from indexing.model import ClosedAs, Kind

FACTS = (
    "document, kind, title, url, source, labels, updated_at, audience, confirmed, closed_as, resolved_by,"
    " duplicate_of, author, opened_at, asked_for, content_hash, first_chunk, chunks"
)
"""The columns of `documents` that `facts_of` reads."""

STORED = (
    "chunks.id, document, ordinal, headings, text, kind, title, url, labels, updated_at, confirmed, audience,"
    " closed_as, duplicate_of, author, asked_for"
)
"""The columns of chunks joined with documents that `stored_of` reads."""


@dataclass(frozen=True, slots=True)
class ChunkedDocument:
    """A document on its way into a catalog.

    Attributes:
        document: Its text is not looked at: the chunks have it.
        content_hash: Hex SHA-256 of all that the document says.
        chunks: Its chunks, each with the SHA-256 of its embedded text.
    """

    document: Document
    content_hash: str
    chunks: tuple[tuple[Chunk, bytes], ...]


@dataclass(frozen=True, slots=True)
class DocumentFacts:
    """What a catalog knows of a document.

    Attributes:
        document: Without its text.
        content_hash: See `ChunkedDocument`.
        first_chunk: Id of its first chunk; the others follow.
        chunks: How many it has.
    """

    document: Document
    content_hash: str
    first_chunk: int
    chunks: int


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
    audience: str = "public"
    closed_as: ClosedAs = ""
    duplicate_of: str = ""
    author: str = ""
    asked_for: tuple[str, ...] = ()


def facts_of(row: Sequence[Any]) -> DocumentFacts:
    """Return the facts of a row of `FACTS`."""
    name, kind, title, url, source, labels, updated_at, audience, confirmed, closed_as, resolved_by = row[:11]
    document = Document(
        id=name,
        kind=kind,
        title=title,
        url=url,
        text="",
        source=source,
        labels=tuple(json.loads(labels)),
        updated_at=updated_at,
        audience=audience,
        confirmed=bool(confirmed),
        closed_as=closed_as,
        resolved_by=tuple(json.loads(resolved_by)),
        duplicate_of=row[11],
        author=row[12],
        opened_at=row[13],
        asked_for=tuple(json.loads(row[14])),
    )
    return DocumentFacts(document, content_hash=row[15], first_chunk=row[16], chunks=row[17])


def stored_of(row: Sequence[Any]) -> StoredChunk:
    """Return the chunk of a row of `STORED`."""
    identity, document, ordinal, headings, text, *facts = row
    kind, title, url, labels, updated_at, confirmed, audience, closed_as, duplicate_of, author, asked_for = facts
    chunk = Chunk(document=document, ordinal=ordinal, headings=tuple(json.loads(headings)), text=text)
    return StoredChunk(
        id=identity,
        chunk=chunk,
        kind=kind,
        title=title,
        url=url,
        labels=tuple(json.loads(labels)),
        updated_at=updated_at,
        confirmed=bool(confirmed),
        audience=audience,
        closed_as=closed_as,
        duplicate_of=duplicate_of,
        author=author,
        asked_for=tuple(json.loads(asked_for)),
    )
