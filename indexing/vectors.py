"""Vectors of one partition of an index version. The only importer of faiss."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from indexing.errors import BuildRefused, DamagedIndex

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

StoredAs = Literal["float32", "int8"]
"""How numbers are stored: `int8` takes a quarter, and moves a cosine by about 0.001."""

_BLOCK = 65_536  # rows that are turned into numbers, or back, at once
_SAMPLE = 100_000  # rows that say which range the numbers of a dimension have
_OUTSIDE = 0.1  # of that range: new numbers farther out are not clipped, the range is measured anew


class Vectors:
    """An inner-product index over the rows of one partition. What was opened from a file is mapped, not read.

    Rows are never taken out: a row that must not be found any more is a hole, which the caller names when it searches.

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
        index = _empty(rows.shape[1], stored_as)
        if stored_as == "int8":
            step = max(1, len(rows) // _SAMPLE)
            index.train(_plain(rows[::step]) if len(rows) else np.zeros((1, rows.shape[1]), dtype=np.float32))
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

        Rows that are here are copied as they are stored. This index stays as it is.

        Args:
            rows: As in `of`.
        """
        stored_as = self.stored_as
        if stored_as == "int8" and not _fits(self._index, rows):
            return Vectors.of(np.concatenate([self.run(0, len(self)), rows]), "int8")
        index = _empty(self.dimension, stored_as)
        if stored_as == "int8":
            _take_ranges(index, self._index)
        if len(self):
            index.add_sa_codes(_codes(self._index))
        _add(index, rows)
        return Vectors(index)

    def means(self, starts: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return the mean direction of each run of rows: float32, (len(starts), dimension), rows L2-normalised.

        Args:
            starts: First row of each run, rising; the last run ends with the last row. No run is empty.
        """
        sums = np.empty((len(starts), self.dimension), dtype=np.float32)
        ends = [*starts[1:].tolist(), len(self)]
        for number, (start, end) in enumerate(zip(starts.tolist(), ends, strict=True)):
            sums[number] = self.run(start, end - start).sum(axis=0)
        return np.asarray(sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-9), dtype=np.float32)

    def search(
        self, query: NDArray[np.float32], k: int, holes: NDArray[np.int64] | range | None = None
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Return the numbers of the nearest rows and their cosines, best first, at most k.

        Args:
            query: float32, (dimension,), L2-normalised.
            k: How many at most.
            holes: Rows that must not be returned. (A range is the contrary: the only rows that may be.)
        """
        wanted = self._wanted(holes)
        total = len(self) if wanted is None else int(np.count_nonzero(wanted))
        if min(k, total) <= 0:
            return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.float32)
        with _one_thread():
            scores, ids = self._index.search(query[np.newaxis, :], min(k, total), params=_parameters(wanted))
        found = ids[0] >= 0
        return ids[0][found], scores[0][found]

    def _wanted(self, holes: NDArray[np.int64] | range | None) -> NDArray[np.bool_] | None:
        """Return for every row whether it may be found: bool, (rows,); None allows all."""
        if holes is None or (not isinstance(holes, range) and len(holes) == 0):
            return None
        if isinstance(holes, range):
            wanted = np.zeros(len(self), dtype=np.bool_)
            wanted[holes.start : holes.stop] = True
        else:
            wanted = np.ones(len(self), dtype=np.bool_)
            wanted[holes] = False
        return wanted


def _empty(dimension: int, stored_as: StoredAs) -> Any:  # noqa: ANN401 - faiss publishes no types
    import faiss  # noqa: PLC0415 - as above

    if stored_as == "float32":
        return faiss.IndexFlatIP(dimension)
    return faiss.IndexScalarQuantizer(dimension, faiss.ScalarQuantizer.QT_8bit, faiss.METRIC_INNER_PRODUCT)


def _plain(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.ascontiguousarray(rows, dtype=np.float32)


def _add(index: Any, rows: NDArray[np.float32]) -> None:  # noqa: ANN401 - as above
    for start in range(0, len(rows), _BLOCK):
        index.add(_plain(rows[start : start + _BLOCK]))


def _codes(index: Any) -> NDArray[np.uint8]:  # noqa: ANN401 - as above
    """Return the stored form of all rows, a view: uint8, (rows, bytes of a row)."""
    import faiss  # noqa: PLC0415 - as above

    size = int(index.code_size)
    flat: NDArray[np.uint8] = faiss.rev_swig_ptr(index.codes.data(), int(index.ntotal) * size)
    return flat.reshape(-1, size)


def _ranges(index: Any) -> NDArray[np.float32]:  # noqa: ANN401 - as above
    """Return the least number and the width of each dimension: float32, (2, dimension)."""
    import faiss  # noqa: PLC0415 - as above

    return np.asarray(faiss.vector_to_array(index.sq.trained), dtype=np.float32).reshape(2, -1)


def _take_ranges(index: Any, other: Any) -> None:  # noqa: ANN401 - as above
    import faiss  # noqa: PLC0415 - as above

    faiss.copy_array_to_vector(_ranges(other).ravel(), index.sq.trained)
    index.is_trained = True


def _fits(index: Any, rows: NDArray[np.float32]) -> bool:  # noqa: ANN401 - as above
    """Return whether no new number lies so far outside its dimension's range that clipping it would tell."""
    least, width = _ranges(index)
    slack = _OUTSIDE * width
    return len(rows) == 0 or bool(
        np.all(rows.min(axis=0) >= least - slack) and np.all(rows.max(axis=0) <= least + width + slack)
    )


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


def _parameters(wanted: NDArray[np.bool_] | None) -> Any:  # noqa: ANN401 - as above
    import faiss  # noqa: PLC0415 - as above

    if wanted is None:
        return None
    # faiss takes an array here, and any fields of the parameters by name; the type checker sees neither.
    selector = faiss.IDSelectorBitmap(np.packbits(wanted, bitorder="little"))  # type: ignore[call-arg, arg-type]
    return faiss.SearchParameters(sel=selector)  # type: ignore[call-arg]
