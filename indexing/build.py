"""Sources -> a new index version, incremental by content hash."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

import filelock

from indexing.catalog import ChunkedDocument
from indexing.chunking import CHUNKER, chunks
from indexing.collecting import Collected, MaskedSecret, collect
from indexing.embedding_cache import EmbeddingCache
from indexing.errors import BuildRefused, DamagedIndex
from indexing.manifest import Manifest
from indexing.versions import Step, Versions, utc_now
from indexing.writing import BuildFacts, VersionChange, WrittenVersion, write_version

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from indexing.embedder import Embedder
    from indexing.index_version import IndexVersion
    from indexing.model import Clean, Document, Skipped
    from indexing.sources import Source

_BATCH = 256  # chunks between two writes to the embedding cache: seconds of work lost at most


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a build is. `stage` is `read` (total unknown: 0), `embed` (chunks) or `write` (1)."""

    stage: str
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class BuildReport:
    """What a build did.

    Attributes:
        version: Name of the new version, or of the one that already holds just this.
        built: False when nothing had changed and no version was made.
        promoted: True when the version is live now.
        paused: True when a rollback has paused promotion: the version stays aside until `resume`.
        added, changed, removed, unchanged: Documents, compared with the newest version.
        seconds: Wall time.
    """

    version: str
    built: bool
    promoted: bool
    paused: bool
    documents: int
    pages: int
    issues: int
    chunks: int
    added: int
    changed: int
    removed: int
    unchanged: int
    chunks_embedded: int
    chunks_reused: int
    skipped: tuple[Skipped, ...]
    masked: tuple[MaskedSecret, ...]
    seconds: float


@dataclass(frozen=True, slots=True)
class BuildOptions:
    """What a build seldom needs to be told.

    Attributes:
        audiences: Audiences whose documents may enter the index.
        now: Clock in UTC.
        on_step: See `indexing.versions.Step`.
    """

    audiences: frozenset[str] = frozenset({"public"})
    now: Callable[[], datetime] = utc_now
    on_step: Step = lambda _: None


def build(  # noqa: PLR0913 - four parts and two choices, all of which a caller names
    sources: Sequence[Source],
    root: Path,
    embedder: Embedder,
    clean: Clean,
    *,
    promote: bool = True,
    on_progress: Callable[[Progress], None] | None = None,
    options: BuildOptions | None = None,
) -> BuildReport:
    """Build a new index version from the sources, and make it live.

    Vectors of chunks that did not change are taken from earlier versions; when no document changed, no version is made.
    A build that is killed leaves the live version as it was, and the next one goes on from the vectors already made.

    Args:
        sources: Read in this order; of two documents with the same id the first counts.
        root: The index root.
        embedder: Makes the vectors.
        clean: Applied to title and text before anything is hashed or stored.
        promote: Make the version live, unless a rollback has paused promotion.
        on_progress: Called often, from this thread.
        options: See `BuildOptions`.

    Raises:
        BuildRefused: Another build runs, a source yields nothing, or there is no document at all.
    """
    chosen = options or BuildOptions()
    run = _Build(root, embedder, on_progress or (lambda _: None), chosen)
    try:
        with run.versions.building():
            return run.build(sources, clean, promote=promote)
    except filelock.Timeout as error:
        raise BuildRefused("another build of this index is running: wait for it to end") from error


class _Build:
    """One build: the parts it works with, and its steps."""

    def __init__(
        self, root: Path, embedder: Embedder, on_progress: Callable[[Progress], None], options: BuildOptions
    ) -> None:
        self.versions = Versions(root, options.now, options.on_step)
        self._cache_directory = root / "cache"
        self._embedder = embedder
        self._on_progress = on_progress
        self._options = options

    def build(self, sources: Sequence[Source], clean: Clean, *, promote: bool) -> BuildReport:
        """Read, compare, embed, write, promote."""
        started = time.monotonic()
        collected = collect(
            sources, clean, self._options.audiences, lambda count: self._on_progress(Progress("read", count, 0))
        )
        newest = self._newest()
        report = self._compare(collected, newest)
        if newest is not None and report.unchanged == report.documents and not report.removed and self._fits(newest):
            count = newest.manifest.counts["chunks"]
            report = replace(report, version=newest.name, chunks=count, chunks_reused=count)
        else:
            report = self._write(collected, newest, report)
        paused = self.versions.paused()
        if promote and not paused:
            self.versions.promote(report.version)
        return replace(
            report,
            paused=paused,
            promoted=self.versions.live() == report.version,
            seconds=round(time.monotonic() - started, 3),
        )

    # -- compare

    def _newest(self) -> IndexVersion | None:
        """Return the newest whole version, live or not."""
        for name in reversed(self.versions.names()):
            try:
                return self.versions.open(name)
            except DamagedIndex:
                continue  # `index list` tells of it; a build needs nothing of it
        return None

    def _fits(self, version: IndexVersion) -> bool:
        expected = self._manifest(version.name, "", WrittenVersion({}, {}, ()))
        return version.manifest.fingerprint == expected.fingerprint

    def _compare(self, collected: Collected, newest: IndexVersion | None) -> BuildReport:
        old = newest.catalog.content_hashes() if newest is not None else {}
        new = collected.hashes
        pages = sum(document.kind == "page" for document in collected.documents.values())
        return BuildReport(
            version="",
            built=False,
            promoted=False,
            paused=False,
            documents=len(new),
            pages=pages,
            issues=len(new) - pages,
            chunks=0,
            added=len(new.keys() - old.keys()),
            changed=sum(old[name] != digest for name, digest in new.items() if name in old),
            removed=len(old.keys() - new.keys()),
            unchanged=sum(old.get(name) == digest for name, digest in new.items()),
            chunks_embedded=0,
            chunks_reused=0,
            skipped=tuple(collected.skipped),
            masked=tuple(collected.masked),
            seconds=0.0,
        )

    # -- write

    def _write(self, collected: Collected, newest: IndexVersion | None, report: BuildReport) -> BuildReport:
        base = newest if newest is not None and self._fits(newest) else None
        known = base.catalog.content_hashes() if base is not None else {}
        changed = [name for name, digest in collected.hashes.items() if known.get(name) != digest]
        chunked = [_chunked(collected.documents[name], collected.hashes[name]) for name in sorted(changed)]
        vectors, embedded = self._vectors(chunked, newest)
        masked = [asdict(secret) for secret in report.masked]
        facts = BuildFacts(report.skipped, masked, self._embedder.dimension)
        self._on_progress(Progress("write", 0, 1))
        written: list[WrittenVersion] = []

        def write(directory: Path) -> None:
            change = VersionChange(chunked, known.keys() - collected.hashes.keys())
            written.append(write_version(directory, base, change, lambda hashes: _stacked(vectors, hashes), facts))

        name = self.versions.publish(write, lambda name, at: self._manifest(name, at, written[0]))
        self._cache().clear()
        self._on_progress(Progress("write", 1, 1))
        count = written[0].counts["chunks"]
        return replace(
            report, version=name, built=True, chunks=count, chunks_embedded=embedded, chunks_reused=count - embedded
        )

    def _vectors(
        self, chunked: Sequence[ChunkedDocument], newest: IndexVersion | None
    ) -> tuple[dict[bytes, NDArray[np.float32]], int]:
        """Return the vectors of all chunks by the hash of their text, and how many had to be made."""
        texts = {digest: chunk.embedded_text for item in chunked for chunk, digest in item.chunks}
        known = self._reused(newest, texts) | self._cache().read()
        missing = sorted((digest for digest in texts if digest not in known), key=lambda digest: -len(texts[digest]))
        done = 0

        def tell(count: int) -> None:
            nonlocal done
            done += count
            self._on_progress(Progress("embed", done, len(missing)))

        for start in range(0, len(missing), _BATCH):
            batch = missing[start : start + _BATCH]
            fresh = dict(zip(batch, self._embedder.encode([texts[digest] for digest in batch], tell), strict=True))
            self._cache().add(fresh)
            self._options.on_step("batch embedded")
            known |= fresh
        return known, len(missing)

    def _reused(self, newest: IndexVersion | None, hashes: Iterable[bytes]) -> dict[bytes, NDArray[np.float32]]:
        if newest is None or newest.manifest.embedder != self._embedder.fingerprint:
            return {}
        return newest.known_vectors(hashes)

    def _cache(self) -> EmbeddingCache:
        return EmbeddingCache(self._cache_directory, self._embedder.fingerprint, self._embedder.dimension)

    def _manifest(self, name: str, at: str, written: WrittenVersion) -> Manifest:
        return Manifest(
            name,
            at,
            self._embedder.fingerprint,
            self._embedder.dimension,
            CHUNKER,
            written.counts,
            written.sources,
            written.files,
            written.partitions,
        )


def _chunked(document: Document, content_hash: str) -> ChunkedDocument:
    return ChunkedDocument(document, content_hash, tuple((chunk, chunk.text_hash) for chunk in chunks(document)))


def _stacked(vectors: Mapping[bytes, NDArray[np.float32]], hashes: Sequence[bytes]) -> NDArray[np.float32]:
    import numpy as np  # noqa: PLC0415 - a rebuild with nothing changed needs no vector

    return np.stack([vectors[digest] for digest in hashes])
