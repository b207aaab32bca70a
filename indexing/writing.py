"""Writes a new index version so that it shares with the one before what did not change.

The catalog is a copy of the catalog before, with the changes in it. Vectors lie in one file per partition: a partition
without change is the same file under a second name; one with changes gets new rows at its end, and rows of documents
that left stay behind as holes, until so many are holes that the partition is written anew.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from indexing.catalog_file import CatalogFile, writing_catalog
from indexing.durable import share_file
from indexing.errors import BuildRefused
from indexing.manifest import CATALOG, ROWS_OF_A_PARTITION, Partition

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from indexing.catalog import ChunkedDocument
    from indexing.durable import FileFacts
    from indexing.index_version import IndexVersion
    from indexing.model import Document, Kind, Skipped
    from indexing.vectors import StoredAs

_MOST_HOLES = 0.2  # of the rows of a partition; a search passes over them, and they take room
_MOST_MOVED = 0.5  # of all chunks; when more get another row, everything is written anew


@dataclass(frozen=True, slots=True)
class VersionChange:
    """How a new version differs from the one before.

    Attributes:
        put: Documents that are new or say something else now; one that exists already is replaced.
        drop: `Document.id` of those that leave; unknown ones are no error.
    """

    put: Sequence[ChunkedDocument]
    drop: Collection[str] = ()


@dataclass(frozen=True, slots=True)
class BuildFacts:
    """What a version says of its build.

    Attributes:
        skipped: All that was left out, and why.
        masked: One object for each masked secret: `document`, `line`, `kind`; never its value.
        dimension: Length of each vector.
        stored_as: How vectors are stored.
    """

    skipped: Sequence[Skipped]
    masked: Sequence[Mapping[str, object]]
    dimension: int
    stored_as: StoredAs = "float32"


@dataclass(frozen=True, slots=True)
class WrittenVersion:
    """What was written, for the manifest.

    Attributes:
        counts: See `Manifest.counts`.
        sources: Source name -> number of documents.
        partitions: By number.
        files: Facts of the files that are known without reading them: those shared with the version before.
    """

    counts: Mapping[str, int]
    sources: Mapping[str, int]
    partitions: tuple[Partition, ...]
    files: Mapping[str, FileFacts] = field(default_factory=dict)


def write_version(
    directory: Path,
    previous: IndexVersion | None,
    change: VersionChange,
    vectors_of: Callable[[Sequence[bytes]], NDArray[np.float32]],
    facts: BuildFacts,
) -> WrittenVersion:
    """Write catalog and vectors of a new version into an empty directory.

    Args:
        directory: Where they go.
        previous: A whole version with the same embedder and chunker; None when `change.put` is everything.
        change: Against `previous`.
        vectors_of: Returns the vectors of chunks by the hash of their text, in that order: float32, (len, dimension),
            rows L2-normalised. Asked for chunks of `change.put` alone.
        facts: What the version says of its build.

    Raises:
        BuildRefused: The disk is full or cannot be written.
    """
    plan = _planned(previous, change)
    base = plan.base
    with writing_catalog(directory / CATALOG, base.path / CATALOG if base else None) as file:
        file.drop(plan.leaving)
        for part in plan.parts:
            if part.old is None:
                file.fill(range(part.first_id, part.first_id + ROWS_OF_A_PARTITION))
        file.add(numbered for part in plan.parts for numbered in part.numbered())
        partitions = tuple(part.described(file) for part in plan.parts if part.holds_documents(file))
        counts = _counts(file, partitions, facts)
        sources = file.describe(partitions, facts.skipped, {"counts": counts, "masked": list(facts.masked)})
    files = _VectorFiles(directory, plan, vectors_of, facts).write()
    return WrittenVersion(counts, sources, partitions, files)


@dataclass(frozen=True, slots=True)
class _Part:
    """A partition to be written. `old` is what it goes on from; None starts with row 0."""

    number: int
    kind: Kind
    audience: str
    old: Partition | None
    documents: list[ChunkedDocument] = field(default_factory=list)

    @property
    def first_id(self) -> int:
        return self.number * ROWS_OF_A_PARTITION

    @property
    def file(self) -> str:
        return f"vectors-{self.number}.faiss"

    @property
    def hashes(self) -> list[bytes]:
        return [text_hash for item in self.documents for _, text_hash in item.chunks]

    @property
    def rows(self) -> int:
        return (self.old.rows if self.old else 0) + sum(len(item.chunks) for item in self.documents)

    def numbered(self) -> Iterator[tuple[int, ChunkedDocument]]:
        first = self.first_id + (self.old.rows if self.old else 0)
        for item in self.documents:
            yield first, item
            first += len(item.chunks)

    def holds_documents(self, file: CatalogFile) -> bool:
        query = "SELECT count(*) FROM documents WHERE kind = ? AND audience = ?"
        return file.count(query, self.kind, self.audience) > 0

    def described(self, file: CatalogFile) -> Partition:
        query = "SELECT count(*) FROM holes WHERE id >= ? AND id < ?"
        holes = file.count(query, self.first_id, self.first_id + ROWS_OF_A_PARTITION)
        return Partition(self.number, self.kind, self.audience, self.rows, holes, self.file if self.rows else "")


@dataclass(frozen=True, slots=True)
class _Plan:
    """What is written.

    Attributes:
        base: The version whose files are copied or shared; None writes everything anew.
        source: The version that has the vectors of documents that only move to other rows.
        leaving: Documents to take out of the copy.
        parts: By number.
        put: Of the change.
    """

    base: IndexVersion | None
    source: IndexVersion | None
    leaving: Collection[str]
    parts: Sequence[_Part]
    put: Sequence[ChunkedDocument]


def _planned(previous: IndexVersion | None, change: VersionChange) -> _Plan:
    if previous is None:
        return _Plan(None, None, (), _parts((), change.put), change.put)
    catalog, partitions = previous.catalog, previous.manifest.partitions
    leaving = catalog.documents([*change.drop, *(item.document.id for item in change.put)])
    gone: Counter[tuple[str, str]] = Counter()
    for facts in leaving.values():
        gone[facts.document.kind, facts.document.audience] += facts.chunks
    crowded = {p for p in partitions if p.holes + gone[p.kind, p.audience] > _MOST_HOLES * p.rows}
    moving = sum(p.rows - p.holes - gone[p.kind, p.audience] for p in crowded)
    if moving > _MOST_MOVED * len(catalog):
        everything = [*catalog.chunked(partitions, leaving), *change.put]
        return _Plan(None, previous, (), _parts((), everything), change.put)
    moved = list(catalog.chunked(crowded, leaving))
    kept = [_Part(p.number, p.kind, p.audience, None if p in crowded else p) for p in partitions]
    away = {*leaving, *(item.document.id for item in moved)}
    return _Plan(previous, previous, away, _parts(kept, [*moved, *change.put]), change.put)


def _parts(kept: Iterable[_Part], documents: Iterable[ChunkedDocument]) -> list[_Part]:
    """Return the partitions with their new documents; public ones come first, and pages before issues."""
    parts = {(part.kind, part.audience): part for part in kept}
    for item in sorted(documents, key=lambda item: _order(item.document)):
        document = item.document
        if (document.kind, document.audience) not in parts:
            number = 1 + max((part.number for part in parts.values()), default=-1)
            parts[document.kind, document.audience] = _Part(number, document.kind, document.audience, None)
        parts[document.kind, document.audience].documents.append(item)
    return sorted(parts.values(), key=lambda part: part.number)


def _order(document: Document) -> tuple[bool, str, bool, str]:
    return document.audience != "public", document.audience, document.kind != "page", document.id


def _counts(file: CatalogFile, partitions: Iterable[Partition], facts: BuildFacts) -> dict[str, int]:
    pages, issues = (file.count("SELECT count(*) FROM documents WHERE kind = ?", kind) for kind in ("page", "issue"))
    return {
        "documents": pages + issues,
        "pages": pages,
        "issues": issues,
        "chunks": sum(partition.rows - partition.holes for partition in partitions),
        "skipped": len(facts.skipped),
        "masked": len(facts.masked),
    }


class _VectorFiles:
    """Writes or shares the vector file of each partition."""

    def __init__(
        self,
        directory: Path,
        plan: _Plan,
        vectors_of: Callable[[Sequence[bytes]], NDArray[np.float32]],
        facts: BuildFacts,
    ) -> None:
        self._directory = directory
        self._plan = plan
        self._vectors_of = vectors_of
        self._facts = facts
        self._put = frozenset(text_hash for item in plan.put for _, text_hash in item.chunks) if plan.source else None

    def write(self) -> dict[str, FileFacts]:
        """Return the facts of the files that are shared."""
        shared = {}
        for part in self._plan.parts:
            if part.rows and self._unchanged(part):
                assert self._plan.base is not None  # noqa: S101 - only a partition of the base is unchanged
                self._share(self._plan.base, part)
                shared[part.file] = self._plan.base.manifest.files[part.file]
            elif part.rows:
                self._write(part)
        return shared

    def _unchanged(self, part: _Part) -> bool:
        if part.old is None or part.hashes or self._plan.base is None:
            return False
        return self._plan.base.vectors.of(part.number).stored_as == self._facts.stored_as

    def _share(self, base: IndexVersion, part: _Part) -> None:
        try:
            share_file(base.path / part.file, self._directory / part.file)
        except OSError as error:
            raise BuildRefused(f"{self._directory} cannot be written ({error}): is the disk full?") from error

    def _write(self, part: _Part) -> None:
        import numpy as np  # noqa: PLC0415 - a version whose vectors are all shared needs none

        from indexing.vectors import Vectors  # noqa: PLC0415 - as above

        rows, stored_as = self._rows(part.hashes), self._facts.stored_as
        if part.old is None or part.old.rows == 0 or self._plan.base is None:
            made = Vectors.of(rows, stored_as)
        else:
            old = self._plan.base.vectors.of(part.number)
            if old.stored_as == stored_as:
                made = old.extended(rows)
            else:
                made = Vectors.of(np.concatenate([old.run(0, len(old)), rows]), stored_as)
        made.write(self._directory / part.file)

    def _rows(self, hashes: Sequence[bytes]) -> NDArray[np.float32]:
        """Return the vectors of these chunks: those of the change from its maker, the others as they were."""
        import numpy as np  # noqa: PLC0415 - as above

        if self._put is None or self._plan.source is None:
            return self._vectors_of(hashes)
        rows = np.empty((len(hashes), self._facts.dimension), dtype=np.float32)
        new = np.fromiter((digest in self._put for digest in hashes), dtype=np.bool_, count=len(hashes))
        if new.any():
            rows[new] = self._vectors_of([digest for digest, is_new in zip(hashes, new, strict=True) if is_new])
        if not new.all():
            moved = [digest for digest, is_new in zip(hashes, new, strict=True) if not is_new]
            known = self._plan.source.known_vectors(moved)
            rows[~new] = np.stack([known[digest] for digest in moved])
        return rows
