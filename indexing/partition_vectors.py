"""The vectors of one index version: a file for each partition, opened at its first use."""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING

import numpy as np

from indexing.manifest import ROWS_OF_A_PARTITION, Manifest, check_file
from indexing.vectors import Vectors

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from indexing.catalog import Catalog

_KEPT = 10_000  # documents whose direction is remembered: 15 MB


class PartitionVectors:
    """Searches and reads vectors by chunk id. Safe to share between threads.

    Args:
        path: Directory of the version.
        manifest: Of the version.
        catalog: Of the version: it knows the holes.
    """

    def __init__(self, path: Path, manifest: Manifest, catalog: Callable[[], Catalog]) -> None:
        self._path = path
        self._manifest = manifest
        self._catalog = catalog
        self._partitions = {partition.number: partition for partition in manifest.partitions}
        self._opened: dict[int, Vectors] = {}
        self._holes: dict[int, NDArray[np.int64]] = {}
        self._directions: dict[int, NDArray[np.float32]] = {}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        """Return the number of chunks."""
        return sum(partition.rows - partition.holes for partition in self._manifest.partitions)

    @property
    def dimension(self) -> int:
        """Length of each vector."""
        return self._manifest.dimension

    def of(self, partition: int) -> Vectors:
        """Return the vectors of a partition that has rows.

        Raises:
            DamagedIndex: The file was changed.
        """
        with self._lock:
            if partition not in self._opened:
                name = self._partitions[partition].file
                check_file(self._path, self._manifest, name)  # faiss trusts what it reads
                self._opened[partition] = Vectors.read(self._path / name, mapped=True)
            return self._opened[partition]

    def rows(self, ids: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return the vectors of these chunks: float32, (len(ids), dimension)."""
        ids = np.asarray(ids, dtype=np.int64)
        found = np.empty((len(ids), self.dimension), dtype=np.float32)
        numbers = ids // ROWS_OF_A_PARTITION
        for number in np.unique(numbers).tolist():
            here = numbers == number
            found[here] = self.of(number).rows(ids[here] % ROWS_OF_A_PARTITION)
        return found

    def directions(self, runs: Sequence[range]) -> NDArray[np.float32]:
        """Return the mean direction of each run of chunks, none empty: float32, (len(runs), dimension), normalised."""
        if not runs:
            return np.empty((0, self.dimension), dtype=np.float32)
        known = {run.start: self._directions.get(run.start) for run in runs}
        missing = [run for run in runs if known[run.start] is None]
        fresh = dict(zip((run.start for run in missing), self._means(missing), strict=True))
        self._directions.update(fresh)
        while len(self._directions) > _KEPT:
            with contextlib.suppress(KeyError, RuntimeError):  # another thread makes room at the same moment
                del self._directions[next(iter(self._directions))]
        return np.stack([fresh[start] if mean is None else mean for start, mean in known.items()])

    def _means(self, runs: Sequence[range]) -> NDArray[np.float32]:
        if not runs:
            return np.empty((0, self.dimension), dtype=np.float32)
        vectors = self.rows(np.concatenate([np.arange(run.start, run.stop, dtype=np.int64) for run in runs]))
        starts = np.cumsum([0, *(len(run) for run in runs[:-1])])
        sums = np.add.reduceat(vectors, starts, axis=0)
        return np.asarray(sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-9), dtype=np.float32)

    def search(
        self, query: NDArray[np.float32], k: int, ids: Sequence[range], left_out: NDArray[np.int64]
    ) -> dict[int, float]:
        """Return the nearest chunks by id with their cosines, best first, at most k.

        Args:
            query: float32, (dimension,), L2-normalised.
            k: How many at most.
            ids: Of the partitions to look at, as `Catalog.ids` gives them.
            left_out: Chunk ids that must not be returned, rising: int64.
        """
        found: list[tuple[int, float]] = []
        for part in ids:
            if len(part) == 0:
                continue
            number = part.start // ROWS_OF_A_PARTITION
            some = left_out[np.searchsorted(left_out, part.start) : np.searchsorted(left_out, part.stop)] - part.start
            holes = self._known_holes(number)
            rows, cosines = self.of(number).search(query, k, np.union1d(holes, some) if len(some) else holes)
            found += zip((rows + part.start).tolist(), cosines.tolist(), strict=True)
        if len(ids) > 1:
            found.sort(key=lambda entry: -entry[1])
        return dict(found[:k])

    def _known_holes(self, number: int) -> NDArray[np.int64]:
        if number not in self._holes:
            self._holes[number] = self._catalog().holes(self._partitions[number])
        return self._holes[number]
