"""Which document a chunk belongs to, for a million chunks: two sorted arrays of documents, none of chunks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence


class DocumentNumbers:
    """Chunk id -> number of its document, counted from 0 in the order given.

    Args:
        runs: Id of the first chunk and number of chunks of each document; the chunks of a document follow one another.
    """

    def __init__(self, runs: Sequence[tuple[int, int]]) -> None:
        table = np.asarray(runs, dtype=np.int64).reshape(-1, 2)
        self._first, self._count = table[:, 0], table[:, 1]
        some = np.flatnonzero(self._count)  # a document without text has no chunk
        self._numbers = some[np.argsort(self._first[some])]
        self._starts = self._first[self._numbers]

    def __len__(self) -> int:
        """Return the number of documents."""
        return len(self._first)

    def __getitem__(self, chunk: int) -> int:
        """Return the number of the document of that chunk."""
        return self.of([chunk])[chunk]

    def of(self, chunks: Collection[int]) -> dict[int, int]:
        """Return chunk id -> number, for chunks that exist."""
        ids = np.fromiter(chunks, dtype=np.int64, count=len(chunks))
        places = np.searchsorted(self._starts, ids, side="right") - 1
        return dict(zip(ids.tolist(), self._numbers[places].tolist(), strict=True))

    def run(self, number: int) -> range:
        """Return the chunk ids of a document."""
        first = int(self._first[number])
        return range(first, first + int(self._count[number]))
