"""Vectors of one index version. The only importer of faiss."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from indexing.errors import BuildRefused, DamagedIndex

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray


class Vectors:
    """An exact inner-product index; row i belongs to chunk i of the catalog.

    Exact search is right here: 100,000 chunks of 384 numbers take 19 ms a question, less than embedding it.

    Make one with `of` or `read`.
    """

    def __init__(self, index: Any) -> None:  # noqa: ANN401 - faiss publishes no types
        self._index = index

    @classmethod
    def of(cls, rows: NDArray[np.float32]) -> Vectors:
        """Return an index of the rows.

        Args:
            rows: float32, (chunks, dimension), rows L2-normalised, so that the inner product is the cosine.
        """
        import faiss  # noqa: PLC0415 - a quarter of a second that full text search alone can do without

        index = faiss.IndexFlatIP(rows.shape[1])
        index.add(np.ascontiguousarray(rows, dtype=np.float32))
        return cls(index)

    @classmethod
    def read(cls, path: Path) -> Vectors:
        """Return the index in the file, whose checksum the caller has verified: faiss itself trusts its input.

        Raises:
            DamagedIndex: faiss cannot read the file.
        """
        import faiss  # noqa: PLC0415 - as above

        try:
            return cls(faiss.read_index(str(path)))
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

    def rows(self, ids: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return the vectors of these chunks: float32, (len(ids), dimension)."""
        if len(ids) == 0:
            return np.empty((0, self.dimension), dtype=np.float32)
        return np.asarray(self._index.reconstruct_batch(np.asarray(ids, dtype=np.int64)), dtype=np.float32)

    def means(self, starts: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return the mean direction of each run of rows: float32, (len(starts), dimension), rows L2-normalised.

        Args:
            starts: First row of each run, rising; the last run ends with the last row. No run is empty.
        """
        sums = np.empty((len(starts), self.dimension), dtype=np.float32)
        ends = [*starts[1:].tolist(), len(self)]
        for number, (start, end) in enumerate(zip(starts.tolist(), ends, strict=True)):
            sums[number] = self._index.reconstruct_n(start, end - start).sum(axis=0)
        return np.asarray(sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-9), dtype=np.float32)

    def search(
        self, query: NDArray[np.float32], k: int, allowed: range | NDArray[np.int64] | None = None
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Return the ids of the nearest chunks and their cosines, best first, at most k.

        Args:
            query: float32, (dimension,), L2-normalised.
            k: How many at most.
            allowed: Ids that may be returned: a range with step 1, or any ids; None allows all.
        """
        total = len(self) if allowed is None else min(len(allowed), len(self))
        if min(k, total) == 0:
            return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.float32)
        parameters = None if allowed is None else _parameters(allowed)
        scores, ids = self._index.search(query[np.newaxis, :], min(k, total), params=parameters)
        found = ids[0] >= 0
        return ids[0][found], scores[0][found]


def _parameters(allowed: range | NDArray[np.int64]) -> Any:  # noqa: ANN401 - faiss publishes no types
    import faiss  # noqa: PLC0415 - as above

    selector: faiss.IDSelector
    if isinstance(allowed, range):
        selector = faiss.IDSelectorRange(allowed.start, allowed.stop)
    else:
        selector = faiss.IDSelectorBatch(np.asarray(allowed, dtype=np.int64))
    # faiss takes any fields of the parameters by name; the type checker sees none of them.
    return faiss.SearchParameters(sel=selector)  # type: ignore[call-arg]
