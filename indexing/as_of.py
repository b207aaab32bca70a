"""One index version as it stood on earlier days: what came later is left out inside the search."""

from __future__ import annotations

import bisect
from typing import TYPE_CHECKING

from indexing.manifest import PUBLIC

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from indexing.catalog_rows import DocumentFacts
    from indexing.model import Retrieval
    from indexing.retrieve import Retriever


def came_on(facts: DocumentFacts, *, strict_pages: bool = False) -> str:
    """Return from when on a document is in the index, ISO 8601 in UTC; empty: always.

    An issue is there from when it was closed. A page existed before its last change in an older form or not at all, and
    no index tells which; it counts as there, with the words of today.

    Args:
        facts: Of the document.
        strict_pages: Pages come with their last change instead.
    """
    return facts.document.updated_at if facts.document.kind == "issue" or strict_pages else ""


class AsOf:
    """Searches a version as it stood at a moment, which `go_to` sets; at first it is the whole version.

    What is rare or frequent is still counted over all of the version.

    Args:
        retriever: Of the version.
        documents: All that the version holds.
        strict_pages: See `came_on`.
    """

    def __init__(self, retriever: Retriever, documents: Sequence[DocumentFacts], *, strict_pages: bool = False) -> None:
        self._retriever = self._now = retriever
        self._came = {facts.document.id: came_on(facts, strict_pages=strict_pages) for facts in documents}
        runs = [
            (self._came[facts.document.id], range(facts.first_chunk, facts.first_chunk + facts.chunks))
            for facts in documents
            if facts.chunks
        ]
        runs.sort(key=lambda entry: entry[0])
        self._dates = [came for came, _ in runs]
        self._runs = [run for _, run in runs]
        self._shown = len(runs)
        self._moment = ""

    def go_to(self, moment: str) -> None:
        """Leave out what came at this moment or later; ISO 8601 in UTC, with or without a time of day."""
        shown = bisect.bisect_left(self._dates, moment)
        if shown != self._shown:
            self._now = self._retriever.without(self._runs[shown:])
        self._shown, self._moment = shown, moment

    def holds(self, document: str) -> bool:
        """Return whether a document was there at the moment."""
        came = self._came.get(document)
        return came is not None and (not self._moment or came < self._moment)

    def __call__(self, question: str, audiences: Collection[str] = PUBLIC) -> Retrieval:
        """Search as `Retriever` does, at the moment."""
        return self._now(question, audiences)

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32] | None:
        """Return vectors of texts, as `Retriever.embed`."""
        return self._retriever.embed(texts)
