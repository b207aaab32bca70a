"""A second look at the first documents of a ranking: a cross-encoder reads each together with the question.

The order there was and the cross-encoder's are fused, so that neither decides alone. Scores stay where they are: the
first document has the first score, whichever it is, as what decides about an answer was fitted on such scores.
"""

from __future__ import annotations

import math
import threading
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from indexing.errors import NoCrossEncoder
from indexing.reranking import FIRST

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from indexing.catalog import Catalog
    from indexing.cross_encoder import CrossEncoder
    from indexing.query import Query
    from indexing.ranking import Candidate

RETRY_S = 60.0
"""After a failure: nobody waits for the cross-encoder again so soon."""

_K = 10.0  # of reciprocal rank fusion, as in `indexing/ranking.py`
_QUESTION = 600  # characters of a question that are read: some 150 tokens
_DENSER = 4  # times as many tokens a character where a script writes no spaces
_TEXT = 1200  # characters of a document's best chunk: with the question inside the 512 tokens that most models read


@dataclass
class SecondLook:
    """Asks a cross-encoder about the first ten documents. Safe to share between threads and index versions.

    Attributes:
        encoder: The model.
        on_failure: Told why it failed, once until it works again.
        clock: Seconds, never going back.
    """

    encoder: CrossEncoder
    on_failure: Callable[[str], None] = field(default=lambda _: None)
    clock: Callable[[], float] = time.monotonic
    _retry_at: float = field(default=-math.inf, init=False)
    _told: bool = field(default=False, init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False)

    def __call__(self, query: Query, ranked: Sequence[Candidate], catalog: Catalog) -> list[Candidate] | None:
        """Return the same documents, the first ten in the fused order; None when the cross-encoder does not answer.

        Args:
            query: What was asked.
            ranked: Best first, each with a chunk that was found.
            catalog: Of the version that was searched.
        """
        first = ranked[:FIRST]
        if not first:
            return list(ranked)
        if self.clock() < self._retry_at:
            return None
        stored = catalog.stored(one.chunks[0] for one in first)
        texts = [stored[one.chunks[0]].chunk.embedded_text[:_TEXT] for one in first]
        try:
            scores = self.encoder.score(_asked(query), texts)
        except NoCrossEncoder as error:
            self._failed(str(error))
            return None
        self._told = False
        return [*fused(first, scores, catalog.unconfirmed), *ranked[FIRST:]]

    def _failed(self, why: str) -> None:
        with self._lock:
            self._retry_at = self.clock() + RETRY_S
            tell, self._told = not self._told, True
        if tell:
            self.on_failure(why)


def fused(first: Sequence[Candidate], scores: Sequence[float], doubtful: Collection[int]) -> list[Candidate]:
    """Return the documents in the order of reciprocal rank fusion with the cross-encoder's, scores place by place.

    Of two that come out the same the cross-encoder's choice stands first, so that it can turn the first two round.

    Args:
        first: In the order of the search.
        scores: Of the cross-encoder, in the same order.
        doubtful: Numbers of documents that nobody confirmed: none of them is put above the best of the others, as who
            writes one can choose its words.

    Source of the method: Cormack et al., SIGIR 2009.
    """
    chosen = sorted(range(len(first)), key=lambda n: (-scores[n], n))
    places = {n: place for place, n in enumerate(chosen)}
    worth = [1.0 / (_K + n + 1) + 1.0 / (_K + places[n] + 1) for n in range(len(first))]
    is_doubtful = [one.number in doubtful for one in first]
    best = max((value for value, doubt in zip(worth, is_doubtful, strict=True) if not doubt), default=math.inf)
    bounded = [min(value, best) if doubt else value for value, doubt in zip(worth, is_doubtful, strict=True)]
    order = sorted(range(len(first)), key=lambda n: (-bounded[n], is_doubtful[n], places[n]))
    given = sorted((one.score for one in first), reverse=True)
    return [replace(first[n], score=score) for n, score in zip(order, given, strict=True)]


def _asked(query: Query) -> str:
    """Return the title and the start of the body."""
    return query.dense[: round(_QUESTION / (1.0 + (_DENSER - 1) * query.unspaced))]
