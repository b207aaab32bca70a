"""Reads the sources of a build: cleans each document, masks secrets, leaves out what may not get in."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING

from indexing.errors import BuildRefused
from indexing.model import Clean, Document, Skipped

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from indexing.sources import Item, Source


@dataclass(frozen=True, slots=True)
class MaskedSecret:
    """A secret that was masked: where and of what kind, never its value.

    `line` counts from 1 in the document's text; 0 is the title.
    """

    document: str
    line: int
    kind: str


@dataclass(slots=True)
class Collected:
    """What the sources yielded, cleaned; documents and the hashes of what they say by id."""

    documents: dict[str, Document] = field(default_factory=dict)
    hashes: dict[str, str] = field(default_factory=dict)
    skipped: list[Skipped] = field(default_factory=list)
    masked: list[MaskedSecret] = field(default_factory=list)


def collect(
    sources: Sequence[Source], clean: Clean, audiences: frozenset[str], on_document: Callable[[int], None]
) -> Collected:
    """Read all sources.

    Args:
        sources: Read in this order; of two documents with the same id the first counts.
        clean: Applied to title and text before anything is hashed.
        audiences: Audiences whose documents may get in.
        on_document: Called with the number of documents so far.

    Raises:
        BuildRefused: A source yields nothing, or there is no document at all.
    """
    collected = Collected()
    for source in sources:
        before = len(collected.documents) + len(collected.skipped)
        for item in source.items():
            _take(item, clean, audiences, collected)
            on_document(len(collected.documents))
        if len(collected.documents) + len(collected.skipped) == before:
            raise BuildRefused(f"the source {source.name!r} holds nothing to index: check its path or project")
    if not collected.documents:
        reasons = "; ".join(sorted({item.reason for item in collected.skipped})[:3])
        raise BuildRefused(f"no document to index, {len(collected.skipped)} were left out: {reasons or 'no source'}")
    return collected


def _take(item: Item, clean: Clean, audiences: frozenset[str], collected: Collected) -> None:
    if isinstance(item, Skipped):
        collected.skipped.append(item)
    # The sources leave these out already; a fault in one of them must not show to every reader.
    elif item.audience not in audiences:
        collected.skipped.append(Skipped(item.id, f"for the audience {item.audience!r} only"))
    elif item.id in collected.documents:
        collected.skipped.append(Skipped(item.id, "a document of the same name was read before it"))
    else:
        document, masked = _cleaned(item, clean)
        collected.masked.extend(masked)
        collected.documents[document.id] = document
        collected.hashes[document.id] = _content_hash(document)


def _content_hash(document: Document) -> str:
    return hashlib.sha256(json.dumps(asdict(document), sort_keys=True).encode()).hexdigest()


def _cleaned(document: Document, clean: Clean) -> tuple[Document, list[MaskedSecret]]:
    title, text = clean(document.title), clean(document.text)
    masked = [MaskedSecret(document.id, 0, kind) for kind in title.masked]
    if text.masked:
        masked += _located(document, clean, text.masked)
    one_line = " ".join(title.text.split()) or document.id
    return replace(document, title=one_line, text=text.text), masked


def _located(document: Document, clean: Clean, kinds: Sequence[str]) -> list[MaskedSecret]:
    """Return the line of each masked secret; one that spans lines (a private key) is told at line 1."""
    found = [
        MaskedSecret(document.id, number, kind)
        for number, line in enumerate(document.text.splitlines(), start=1)
        for kind in clean(line).masked
    ]
    missed = list(kinds)
    for secret in found:
        if secret.kind in missed:
            missed.remove(secret.kind)
    return found + [MaskedSecret(document.id, 1, kind) for kind in missed]
