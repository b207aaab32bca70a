"""Vectors of one partition of an index version. The only importer of faiss."""

from __future__ import annotations

import contextlib
import math
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from indexing.errors import BuildRefused, DamagedIndex

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

StoredAs = Literal["float32", "int8"]
"""How numbers are stored: `int8` takes a quarter, and moves a cosine by about 0.001."""

EXACT_BELOW = 100_000
"""Rows from which a search looks at the nearest clusters alone.

Measured with vectors of real chunks (384 numbers), one thread: exact search takes 4.5 ms in 100,000 rows, 9 in
200,000, 53 in a million, beside 16 ms to embed the question; clusters take 2.3, 2.4 and 5.9 ms.
"""

_PROBED = 192
"""Clusters that a question looks into: recall@10 is .998, .997 and .999 there, and .99 with twice the noise in the
vectors, where 96 clusters, in half the time, fell to .96."""

_PER_CLUSTER = 40  # rows that each cluster's centre is learned from; 64 were no better
_BLOCK = 65_536  # rows that are turned into numbers, or back, at once
_CLIPPED = 0.02  # how far an appended row may be moved by ranges that were not made for it; storing it moves it by 0.01


class Vectors:
    """An inner-product index over the rows of one partition. What was opened from a file is mapped, not read.

    Rows are never taken out: a row that must not be found any more is a hole, which the caller names when it searches.

    Small partitions are searched exactly, large ones by clusters (faiss calls it IVF), see `EXACT_BELOW`. What else was
    measured: HNSW took six times the CPU to build (27 s for 200,000 rows) for the same recall and time of a search;
    product quantisation with refinement saved a third of a millisecond and lost a point of recall.

    Make one with `of`, `read` or `extended`.
    """

    def __init__(self, index: Any) -> None:  # noqa: ANN401 - faiss publishes no types
        self._index = index

    @classmethod
    def of(cls, rows: NDArray[np.float32], stored_as: StoredAs = "float32") -> Vectors:
        """Return an index of the rows.

        Args:
            rows: float32, (chunks, dimension), rows L2-normalised, so that the inner product is the cosine.
            stored_as: See `StoredAs`.
        """
        index = _empty(rows.shape[1], stored_as, _clusters(len(rows)))
        _train(index, rows)
        _add(index, rows)
        return cls(index)

    @classmethod
    def read(cls, path: Path, *, mapped: bool = True) -> Vectors:
        """Return the index in the file, whose checksum the caller has verified: faiss itself trusts its input.

        Args:
            path: The file. While it is mapped it may be unlinked, but not shortened or written.
            mapped: Leave the rows in the file, from where the system brings in what a search touches, and processes
                share it; False reads all of them into memory.

        Raises:
            DamagedIndex: faiss cannot read the file.
        """
        import faiss  # noqa: PLC0415 - a quarter of a second that full text search alone can do without

        try:
            return cls(faiss.read_index(str(path), faiss.IO_FLAG_MMAP_IFC if mapped else 0))
        except RuntimeError as error:
            raise DamagedIndex(f"{path} cannot be read: run `assistant index rollback`, or build again") from error

    def write(self, path: Path) -> None:
        """Write the index into a file.

        Raises:
            BuildRefused: The disk is full or cannot be written.
        """
        import faiss  # noqa: PLC0415 - as above

        try:
            faiss.write_index(self._index, str(path))
        except RuntimeError as error:
            raise BuildRefused(f"{path} cannot be written: is the disk full?") from error

    def __len__(self) -> int:
        return int(self._index.ntotal)

    @property
    def dimension(self) -> int:
        """Length of each vector."""
        return int(self._index.d)

    @property
    def stored_as(self) -> StoredAs:
        """How the numbers are stored."""
        return "int8" if hasattr(self._index, "sq") else "float32"

    def rows(self, ids: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return the vectors of these rows, as near as they are stored: float32, (len(ids), dimension)."""
        if len(ids) == 0:
            return np.empty((0, self.dimension), dtype=np.float32)
        return np.asarray(self._index.reconstruct_batch(np.asarray(ids, dtype=np.int64)), dtype=np.float32)

    def run(self, start: int, count: int) -> NDArray[np.float32]:
        """Return `count` vectors from row `start` on, those of one document: float32, (count, dimension)."""
        return self.rows(np.arange(start, start + count, dtype=np.int64))

    def extended(self, rows: NDArray[np.float32]) -> Vectors:
        """Return an index of the rows of this one and, after them, these: numbers of rows stay.

        Rows that are here are copied as they are stored; clusters and ranges of numbers are learned anew when the rows
        have become four times as many, or when new numbers do not fit. This index stays as it is.

        Args:
            rows: As in `of`.
        """
        index, clusters = self._index, _clusters(len(self) + len(rows))
        if clusters != getattr(index, "nlist", 0) or (self.stored_as == "int8" and not _fits(index, rows)):
            return Vectors.of(np.concatenate([self.run(0, len(self)), rows]), self.stored_as)
        copy = _empty(self.dimension, self.stored_as, clusters)
        _copy(index, copy)
        _add(copy, rows)
        return Vectors(copy)

    def search(
        self, query: NDArray[np.float32], k: int, holes: NDArray[np.int64] | None = None
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Return the numbers of the nearest rows and their cosines, best first, at most k.

        Args:
            query: float32, (dimension,), L2-normalised.
            k: How many at most.
            holes: Rows that must not be returned.
        """
        wanted = self._wanted(holes)
        total = len(self) if wanted is None else int(np.count_nonzero(wanted))
        if min(k, total) <= 0:
            return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.float32)
        with _one_thread():
            parameters = _parameters(wanted, is_clustered=hasattr(self._index, "nlist"))
            scores, ids = self._index.search(query[np.newaxis, :], min(k, total), params=parameters)
        found = ids[0] >= 0
        return ids[0][found], scores[0][found]

    def _wanted(self, holes: NDArray[np.int64] | None) -> NDArray[np.bool_] | None:
        """Return for every row whether it may be found: bool, (rows,); None allows all."""
        if holes is None or len(holes) == 0:
            return None
        wanted = np.ones(len(self), dtype=np.bool_)
        wanted[holes] = False
        return wanted


def _clusters(count: int) -> int:
    """Return how many clusters so many rows are put into, 0 for none: the power of two next to twice the square root.

    A function of the number alone, so that an index that grows step by step is laid out as one that is built at once.
    """
    return 0 if count < EXACT_BELOW else 1 << round(math.log2(2.0 * math.sqrt(count)))


def _empty(dimension: int, stored_as: StoredAs, clusters: int) -> Any:  # noqa: ANN401 - faiss publishes no types
    import faiss  # noqa: PLC0415 - as above

    metric, eight = faiss.METRIC_INNER_PRODUCT, faiss.ScalarQuantizer.QT_8bit
    flat = faiss.IndexFlatIP(dimension)
    if not clusters:
        return flat if stored_as == "float32" else faiss.IndexScalarQuantizer(dimension, eight, metric)
    index: Any
    if stored_as == "float32":
        index = faiss.IndexIVFFlat(flat, dimension, clusters, metric)
    else:
        index = faiss.IndexIVFScalarQuantizer(flat, dimension, clusters, eight, metric, False)  # noqa: FBT003 - by residual
    index.cp.spherical, index.cp.niter, index.cp.max_points_per_centroid = True, 10, _PER_CLUSTER
    return index


def _train(index: Any, rows: NDArray[np.float32]) -> None:  # noqa: ANN401 - as above
    """Learn the centres of clusters, from a sample that is the same each time, and the ranges of numbers."""
    import faiss  # noqa: PLC0415 - as above

    if hasattr(index, "nlist"):
        wanted = min(len(rows), _PER_CLUSTER * index.nlist)
        sample = np.sort(np.random.default_rng(0).choice(len(rows), wanted, replace=False))
        index.train(_plain(rows[sample]))
    if hasattr(index, "sq"):
        # Of all rows, not of a sample as faiss would take them: no number is clipped.
        least = rows.min(axis=0) if len(rows) else np.zeros(index.d)
        most = rows.max(axis=0) if len(rows) else least
        faiss.copy_array_to_vector(np.concatenate([least, most - least]).astype(np.float32), index.sq.trained)
        index.is_trained = True


def _plain(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.ascontiguousarray(rows, dtype=np.float32)


def _add(index: Any, rows: NDArray[np.float32]) -> None:  # noqa: ANN401 - as above
    import faiss  # noqa: PLC0415 - as above

    for start in range(0, len(rows), _BLOCK):
        index.add(_plain(rows[start : start + _BLOCK]))
    if hasattr(index, "nlist"):
        # Number of a row -> its place, for `rows`.
        index.set_direct_map_type(faiss.DirectMap.Array)  # type: ignore[attr-defined]


def _copy(index: Any, copy: Any) -> None:  # noqa: ANN401 - as above
    """Copy what was learned and the rows as they are stored; an index that is mapped cannot be added to."""
    import faiss  # noqa: PLC0415 - as above

    if hasattr(index, "sq"):
        faiss.copy_array_to_vector(_ranges(index).ravel(), copy.sq.trained)
    if hasattr(index, "nlist"):
        copy.quantizer.add(index.quantizer.reconstruct_n(0, index.nlist))
        old, new = index.invlists, copy.invlists
        for number in range(index.nlist):
            new.add_entries(number, old.list_size(number), old.get_ids(number), old.get_codes(number))
        copy.ntotal = index.ntotal
    elif index.ntotal:
        codes = faiss.rev_swig_ptr(index.codes.data(), index.ntotal * index.code_size)
        copy.add_sa_codes(codes.reshape(index.ntotal, index.code_size))
    copy.is_trained = True


def _ranges(index: Any) -> NDArray[np.float32]:  # noqa: ANN401 - as above
    """Return the least number and the width of each dimension: float32, (2, dimension)."""
    import faiss  # noqa: PLC0415 - as above

    return np.asarray(faiss.vector_to_array(index.sq.trained), dtype=np.float32).reshape(2, -1)


def _fits(index: Any, rows: NDArray[np.float32]) -> bool:  # noqa: ANN401 - as above
    """Return whether the ranges that numbers are stored in hold these rows too, nearly."""
    least, width = _ranges(index)
    moved = np.maximum(least - rows, 0.0) + np.maximum(rows - (least + width), 0.0)
    return bool(np.linalg.norm(moved, axis=1).max(initial=0.0) <= _CLIPPED)


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    """Keep faiss to the calling thread: one question only waits at the barrier of more (32 ms, not 9, in 200,000)."""
    import faiss  # noqa: PLC0415 - as above

    before = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)  # of the calling thread alone
    try:
        yield
    finally:
        faiss.omp_set_num_threads(before)


def _parameters(wanted: NDArray[np.bool_] | None, *, is_clustered: bool) -> Any:  # noqa: ANN401 - as above
    import faiss  # noqa: PLC0415 - as above

    # faiss takes an array here, and any fields of the parameters by name; the type checker sees neither.
    fields: dict[str, Any] = {"nprobe": _PROBED} if is_clustered else {}
    if wanted is not None:
        fields["sel"] = faiss.IDSelectorBitmap(np.packbits(wanted, bitorder="little"))  # type: ignore[call-arg, arg-type]
    return faiss.SearchParametersIVF(**fields) if is_clustered else faiss.SearchParameters(**fields)
