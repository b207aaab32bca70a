"""Sources -> a new index version, incremental by content hash."""

from __future__ import annotations

import shutil
import time
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

from indexing.build_lock import building
from indexing.build_report import BuildOptions, BuildReport, Progress
from indexing.catalog import ChunkedDocument
from indexing.chunking import CHUNKER, MAX_CHUNKS, chunks
from indexing.collected import Collected
from indexing.collecting import Refresh
from indexing.embedding import Embedding
from indexing.errors import BuildRefused, DamagedIndex
from indexing.manifest import Manifest
from indexing.source_store import DamagedStore, SourceStore, set_aside
from indexing.versions import Versions, utc_now
from indexing.withdrawn import Withdrawn
from indexing.writing import BuildFacts, VersionChange, WrittenVersion, write_version

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from indexing.embedder import Embedder
    from indexing.index_version import IndexVersion
    from indexing.model import Clean, Document
    from indexing.sources import Source

__all__ = ["BuildOptions", "BuildReport", "Progress", "after_promotion", "build"]

_BYTES_A_CHUNK = 8000  # of catalog and full text, generously
_SPARE_BYTES = 50_000_000  # that a build leaves free on the disk


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
    """Refresh the sources, build a new index version from what they hold, and make it live.

    Vectors of chunks that did not change are taken from earlier versions; when no document changed, no version is made.
    A build that is killed leaves the live version as it was, and the next one goes on where it stopped.

    Args:
        sources: Of two documents with the same id in several sources, that of the first source counts.
        root: The index root.
        embedder: Makes the vectors.
        clean: Applied to title and text before anything is hashed or stored.
        promote: Make the version live, unless a rollback has paused promotion.
        on_progress: Called often, from this thread.
        options: See `BuildOptions`.

    Raises:
        BuildRefused: Another build runs, there is no document at all, the disk is full, or (strict) a source is held
            back or cannot be read.
    """
    chosen = options or BuildOptions()
    run = _Build(root, embedder, on_progress or (lambda _: None), chosen)
    try:
        with building(root, chosen.now):
            return run.build(sources, clean, promote=promote)
    except OSError as error:
        raise BuildRefused(f"{error.filename or root} cannot be used ({error.strerror}): is the disk full?") from error


def after_promotion(root: Path) -> None:
    """Show again, from the live version on, what was withdrawn and came back, when that version has it as it is now."""
    path, versions = root / STORE, Versions(root)
    live, hidden = versions.live(), Withdrawn(root).read()
    if not hidden or live is None or not path.exists():
        return
    store = SourceStore(path, utc_now)
    try:
        facts = versions.open(live).catalog.documents(hidden & store.returned())
        back = [name for name, one in facts.items() if store.holds(name, one.content_hash)]
        if back:
            Withdrawn(root).allow_from(back, live)
            with store.changing():
                store.set_returned(back, returned=False)
    finally:
        store.close()


STORE = "sources.sqlite"


@dataclass(slots=True)
class _Changed:
    """New and changed documents in chunks, and the vectors of these by the hash of their text."""

    documents: list[ChunkedDocument]
    vectors: dict[bytes, NDArray[np.float32]]
    embedded: int


class _Build:
    """One build: the parts it works with, and its steps."""

    def __init__(
        self, root: Path, embedder: Embedder, on_progress: Callable[[Progress], None], options: BuildOptions
    ) -> None:
        self.versions = Versions(root, options.now, options.on_step)
        self._root = root
        self._embedder = embedder
        self._on_progress = on_progress
        self._options = options

    def build(self, sources: Sequence[Source], clean: Clean, *, promote: bool) -> BuildReport:
        """Refresh, compare, embed, write, promote."""
        started = time.monotonic()
        store, note = self._store()
        try:
            collected = self._collect(sources, clean, store)
        except DamagedStore:
            store.close()
            kept = set_aside(self._root / STORE, self._options.now())
            store, note = self._store()[0], f"the store of the sources was damaged and set aside ({kept})"
            collected = self._collect(sources, clean, store)
        try:
            report = self._version(collected, store)
        finally:
            store.close()
        paused = self.versions.paused()
        if promote and not paused:
            self.versions.promote(report.version)
            after_promotion(self._root)
        return replace(
            report,
            paused=paused,
            promoted=self.versions.live() == report.version,
            seconds=round(time.monotonic() - started, 3),
            notes=(*([note] if note else ()), *collected.notes),
        )

    # -- refresh

    def _store(self) -> tuple[SourceStore, str]:
        path = self._root / STORE
        try:
            return SourceStore(path, self._options.now), ""
        except DamagedStore:
            kept = set_aside(path, self._options.now())
            note = f"the store of the sources was damaged and set aside ({kept}): everything was read again"
            return SourceStore(path, self._options.now), note

    def _collect(self, sources: Sequence[Source], clean: Clean, store: SourceStore) -> Collected:
        current = ""

        def tell(count: int) -> None:
            self._on_progress(Progress("read", count, 0, current))

        refresh = Refresh(self._root, store, clean, self._options, tell, self._options.on_step)
        reports = []
        for source in sources:
            current = source.name
            reports.append(refresh(source))
            self._options.on_step(f"source {source.name} refreshed")
        collected = Collected(tuple(reports), {})
        for name in dict.fromkeys(source.name for source in sources):
            collected.add(name, store)
        troubled = [report for report in reports if report.state in {"held", "failed"}]
        if self._options.strict and troubled:
            raise BuildRefused("; ".join(report.reason for report in troubled))
        if not collected.entries:
            reasons = "; ".join([report.reason for report in troubled] or collected.reasons())
            raise BuildRefused(
                f"no document to index, {len(collected.skipped)} were left out: {reasons or 'no source'}"
            )
        with store.changing():
            gone = store.forget_others({source.name for source in sources})
        collected.notes += [f"the source {name!r} is not configured any more: its documents left" for name in gone]
        return collected

    # -- compare

    def _newest(self, fingerprint: str = "") -> IndexVersion | None:
        """Return the newest whole version, live or not; given a fingerprint, of those that have it."""
        for name in reversed(self.versions.names()):
            try:
                version = self.versions.open(name)
            except DamagedIndex:
                continue  # `index list` tells of it; a build needs nothing of it
            if fingerprint in ("", version.manifest.fingerprint):
                return version
        return None

    def _version(self, collected: Collected, store: SourceStore) -> BuildReport:
        """Return the version that holds what was collected: the newest one, or a new one."""
        newest = self._newest()
        report = collected.compared(newest.catalog.content_hashes() if newest is not None else {})
        fingerprint = self._manifest("", "", WrittenVersion({}, {}, ())).fingerprint
        fits = newest is not None and newest.manifest.fingerprint == fingerprint
        if (
            newest is not None
            and fits
            and self._stored_alike(newest)
            and report.unchanged == report.documents
            and not report.removed
        ):
            count = newest.manifest.counts["chunks"]
            return replace(report, version=newest.name, chunks=count, chunks_reused=count)
        base = newest if fits else self._newest(fingerprint)
        return self._write(collected, base, report, store)

    def _stored_alike(self, version: IndexVersion) -> bool:
        partitions = (partition for partition in version.manifest.partitions if partition.rows)
        return all(version.vectors.of(part.number).stored_as == self._options.stored_as for part in partitions)

    # -- write

    def _write(
        self, collected: Collected, base: IndexVersion | None, report: BuildReport, store: SourceStore
    ) -> BuildReport:
        known = base.catalog.content_hashes() if base is not None else {}
        changed = self._changed(collected, known, base, store)
        cut = tuple(item.document.id for item in changed.documents if len(item.chunks) == MAX_CHUNKS)
        self._check_disk(base, sum(len(item.chunks) for item in changed.documents))
        masked = [asdict(secret) for secret in report.masked]
        facts = BuildFacts(report.skipped, masked, self._embedder.dimension, self._options.stored_as)
        self._on_progress(Progress("write", 0, 1))
        written: list[WrittenVersion] = []

        def write(directory: Path) -> None:
            change = VersionChange(changed.documents, known.keys() - collected.entries.keys())
            vectors = changed.vectors
            written.append(write_version(directory, base, change, lambda hashes: _stacked(vectors, hashes), facts))

        name = self.versions.publish(write, lambda name, at: self._manifest(name, at, written[0]))
        self._embedding().forget()
        self._on_progress(Progress("write", 1, 1))
        count = written[0].counts["chunks"]
        return replace(
            report,
            version=name,
            built=True,
            chunks=count,
            chunks_embedded=changed.embedded,
            chunks_reused=count - changed.embedded,
            cut=cut,
        )

    def _changed(
        self, collected: Collected, known: Mapping[str, str], base: IndexVersion | None, store: SourceStore
    ) -> _Changed:
        """Return the documents that are not in the base as they are now, with the vectors of their chunks."""
        by_source: dict[str, list[str]] = {}
        for name, entry in collected.entries.items():
            if known.get(name) != entry.content_hash:
                by_source.setdefault(entry.source, []).append(name)
        chunked = [
            _chunked(document, collected.entries[document.id].content_hash)
            for source, names in by_source.items()
            for document in store.documents(source, names)
        ]
        chunked.sort(key=lambda item: item.document.id)
        vectors, embedded = self._embedding().vectors(chunked, base or self._same_embedder())
        return _Changed(chunked, vectors, embedded)

    def _same_embedder(self) -> IndexVersion | None:
        """Return the newest version whose vectors can be used although its chunks were cut another way."""
        for name in reversed(self.versions.names()):
            try:
                version = self.versions.open(name)
            except DamagedIndex:
                continue  # as in `_newest`
            if version.manifest.embedder == self._embedder.fingerprint:
                return version
        return None

    def _check_disk(self, base: IndexVersion | None, new_chunks: int) -> None:
        """Refuse before anything is written when the disk has no room for the version."""
        held = sum(facts.size for facts in base.manifest.files.values()) if base is not None else 0
        needed = held + new_chunks * (_BYTES_A_CHUNK + 4 * self._embedder.dimension) + _SPARE_BYTES
        free = shutil.disk_usage(self._root).free
        if free < needed:
            raise BuildRefused(
                f"{self._root} has {free // 1_000_000} MB free, a new version needs about {needed // 1_000_000} MB: "
                "make room, or run `assistant index prune --keep 2`"
            )

    def _embedding(self) -> Embedding:
        return Embedding(self._embedder, self._root / "cache", self._on_progress, self._options.on_step)

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
            self._options.embedder_name,
        )


def _chunked(document: Document, content_hash: str) -> ChunkedDocument:
    return ChunkedDocument(document, content_hash, tuple((chunk, chunk.text_hash) for chunk in chunks(document)))


def _stacked(vectors: Mapping[bytes, NDArray[np.float32]], hashes: Sequence[bytes]) -> NDArray[np.float32]:
    import numpy as np  # noqa: PLC0415 - a rebuild with nothing changed needs no vector

    return np.stack([vectors[digest] for digest in hashes])
