"""Index versions written straight from documents, without sources: for tests of storage alone."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from indexing.catalog import ChunkedDocument
from indexing.chunking import chunks
from indexing.manifest import Manifest
from indexing.writing import BuildFacts, VersionChange, write_version
from tests.fakes.tiny_embedder import TinyEmbedder

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from indexing.embedder import Embedder
    from indexing.index_version import IndexVersion
    from indexing.model import Document
    from indexing.vectors import StoredAs
    from indexing.versions import Versions
    from indexing.writing import WrittenVersion

EMBEDDER = TinyEmbedder(32)


def chunked(document: Document) -> ChunkedDocument:
    """Return the document in chunks, as a build does."""
    pieces = tuple((chunk, chunk.text_hash) for chunk in chunks(document))
    return ChunkedDocument(document, hashlib.sha256(repr(document).encode()).hexdigest(), pieces)


def vectors_of(
    items: Sequence[ChunkedDocument], embedder: Embedder = EMBEDDER
) -> Callable[[Sequence[bytes]], NDArray[np.float32]]:
    """Return what makes the vectors of just these documents; others are a KeyError."""
    texts = {digest: chunk.embedded_text for item in items for chunk, digest in item.chunks}
    return lambda hashes: embedder.encode([texts[digest] for digest in hashes])


def publish(  # noqa: PLR0913 - a test names only what its story is about
    versions: Versions,
    documents: Sequence[Document],
    drop: Collection[str] = (),
    *,
    previous: IndexVersion | None = None,
    stored_as: StoredAs = "float32",
    embedder: Embedder = EMBEDDER,
    embedder_name: str = "",
) -> str:
    """Write a version and return its name. Without `previous`, `documents` are all there are."""
    items = [chunked(document) for document in documents]
    written: list[WrittenVersion] = []

    def write(directory: Path) -> None:
        facts = BuildFacts((), (), embedder.dimension, stored_as)
        written.append(
            write_version(directory, previous, VersionChange(items, drop), vectors_of(items, embedder), facts)
        )

    def manifest(name: str, at: str) -> Manifest:
        (done,) = written
        return Manifest(
            name,
            at,
            embedder.fingerprint,
            embedder.dimension,
            "c",
            done.counts,
            done.sources,
            done.files,
            done.partitions,
            embedder_name,
        )

    return versions.publish(write, manifest)
