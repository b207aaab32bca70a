"""What the library speaks of: frozen data, no I/O, no third-party imports."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["page", "issue"]
"""A documentation page (file, wiki page) or a closed issue."""


ClosedAs = Literal["", "solved", "unsolved", "duplicate", "declined", "stale"]
"""How an issue ended: empty for pages. `unsolved`: closed, but nobody said what solved it; `declined`: wontfix,
invalid, by design; `stale`: closed for want of an answer."""


@dataclass(frozen=True, slots=True)
class Document:
    """One source page or closed issue, as Markdown.

    Attributes:
        id: Source name and path in it (`docs/a/b.md`), or `issue:IID` (with several projects
            `issue:GROUP/PROJECT#IID`).
        kind: Page or issue; the two are ranked apart and then merged.
        title: One line, never empty.
        url: Address a reader can open; empty when the source has none.
        text: Markdown without HTML comments, hidden elements and front matter.
        source: Name of the source that yielded it.
        labels: Issue labels, sorted; empty for pages.
        updated_at: ISO 8601 in UTC, or empty when unknown.
        audience: Who may read it: `public`, or a named audience.
        confirmed: For issues: a responder wrote or confirmed the resolution. True for pages.
        closed_as: How an issue ended; empty for pages.
        resolved_by: Why its resolution was taken for one, in words an admin reads, best reason first.
        duplicate_of: For duplicates: `Document.id` of the original, where it is known.
        author: For issues: 12 hex digits of the SHA-256 of who opened it, so that one person's issues can be told
            without keeping a name; else empty.
        opened_at: For issues: when it was opened, ISO 8601 in UTC; else empty. `updated_at` is when it was closed.
        asked_for: For issues: kinds of detail that a responder had to ask for (`version`, `log`, ...).
    """

    id: str
    kind: Kind
    title: str
    url: str
    text: str
    source: str
    labels: tuple[str, ...] = ()
    updated_at: str = ""
    audience: str = "public"
    confirmed: bool = True
    closed_as: ClosedAs = ""
    resolved_by: tuple[str, ...] = ()
    duplicate_of: str = ""
    author: str = ""
    opened_at: str = ""
    asked_for: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file or issue that was left out of the index, and why, in words an admin can act on."""

    document: str
    reason: str


@dataclass(frozen=True, slots=True)
class Chunk:
    """A stored, embedded piece of a document.

    Attributes:
        document: `Document.id`.
        ordinal: Position in the document, from 0.
        headings: Heading path from the document's title down to this piece; never empty.
        text: Markdown; about 150 words, code blocks whole.
    """

    document: str
    ordinal: int
    headings: tuple[str, ...]
    text: str

    @property
    def id(self) -> str:
        """`DOCUMENT#ORDINAL`, unique in one index version."""
        return f"{self.document}#{self.ordinal}"

    @property
    def embedded_text(self) -> str:
        """What is embedded and searched: the heading path, then the text."""
        return " > ".join(self.headings) + "\n" + self.text

    @property
    def text_hash(self) -> bytes:
        """SHA-256 of the embedded text: chunks with the same hash say the same and share a vector."""
        return hashlib.sha256(self.embedded_text.encode("utf-8", "surrogatepass")).digest()


@dataclass(frozen=True, slots=True)
class Passage:
    """A chunk returned for a question.

    Attributes:
        n: Number shown to the model and in citations, from 1.
        score: Fused score of this question's ranking, higher is better; only comparable within one question.
        confirmed, audience, closed_as, author, asked_for: See `Document`.
    """

    n: int
    chunk: Chunk
    score: float
    kind: Kind
    title: str
    url: str
    labels: tuple[str, ...] = ()
    updated_at: str = ""
    confirmed: bool = True
    audience: str = "public"
    closed_as: ClosedAs = ""
    author: str = ""
    asked_for: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RankedDocument:
    """A document in the ranking, by its best chunk. `asked_for`: see `Document`."""

    document: str
    kind: Kind
    score: float
    chunk: str
    title: str = ""
    url: str = ""
    audience: str = "public"
    asked_for: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Retrieval:
    """All that one question found.

    Attributes:
        passages: What the model sees, best first, `n` = 1, 2, ...
        ranking: Distinct documents, best chunk of each, one mixed list: at least 20, and at least 10 of each kind where
            they exist.
        features: Named numbers about the ranking for the evidence decision (names: `indexing/retrieve.py`).
        index_version: Name of the version that was searched.
        lexical_only: True while no embedding model is loaded (full text alone).
        timings_ms: Wall milliseconds by stage: `embed`, `dense`, `lexical`, `rerank`, `merge`; with a cross-encoder
            also `cross_encoder`, or `cross_encoder_failed` when it did not answer and the order stayed as it was.
    """

    passages: tuple[Passage, ...]
    ranking: tuple[RankedDocument, ...]
    features: Mapping[str, float] = field(default_factory=dict)
    index_version: str = ""
    lexical_only: bool = False
    timings_ms: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Cleaned:
    """Text after cleaning, and the kinds of secrets that were masked in it (`gitlab_token`, ...), one entry a hit."""

    text: str
    masked: tuple[str, ...] = ()


Clean = Callable[[str], Cleaned]
"""Given to a build by its caller: strips invisible characters and masks secrets before anything is stored."""
