"""The first documents of a ranking in a better order: a learnt sum of what the title of a question says of each.

A post is a title and a body. The body names the machine, what was tried and a log; the title says what is wanted. The
search listens to both, as it must find what the log alone tells of; of the ten documents that it puts first, those
that fit the title as well come before the others.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from numpy.typing import NDArray

    from indexing.catalog import Catalog
    from indexing.index_version import IndexVersion
    from indexing.ranking import Candidate

FIRST = 10
"""Documents that are put in order; which ten they are does not change."""

_SCORE, _COSINE, _WORDS = 0.65, 2.6, 1.0
"""Weights: listwise softmax regression over the first ten of 247 real questions, see `scripts/fit_reranking`."""
_MOST_WORDS = 12  # of a title that are looked for in a document
_MOST_CHUNKS = 200  # of a document that are compared with the title


class Reranker:
    """Reorders the first documents for one index version. Safe to share between threads.

    Args:
        version: Whose chunks are looked at.
    """

    def __init__(self, version: IndexVersion) -> None:
        self._version = version

    def __call__(
        self,
        ranked: Sequence[Candidate],
        title: NDArray[np.float32] | None,
        words: Mapping[str, float],
        doubtful: Collection[int],
    ) -> list[Candidate]:
        """Return the same documents, the first ten in a better order, with scores that fall with the place.

        Args:
            ranked: Best first.
            title: Vector of the question's title: float32, (dimension,), of length 1; None leaves the order as it is.
            words: Of the title, with the weight of each.
            doubtful: Numbers of documents that nobody of the support team confirmed: who writes one can choose its
                words, so none of them is put above the best of the others.
        """
        first = list(ranked[:FIRST])
        if title is None or not first:
            return list(ranked)
        cosines, shares = self._cosines(first, title), self._shares(first, words)
        scores = [
            _SCORE * one.score + _COSINE * cosine + _WORDS * share
            for one, cosine, share in zip(first, cosines, shares, strict=True)
        ]
        trusted = [score for one, score in zip(first, scores, strict=True) if one.number not in doubtful]
        most = [max(trusted) if trusted and one.number in doubtful else math.inf for one in first]
        scores = [min(score, bound) for score, bound in zip(scores, most, strict=True)]
        moved = [replace(one, score=score) for one, score in zip(first, scores, strict=True)]
        moved.sort(key=lambda one: (-one.score, one.number in doubtful))
        # What stands behind them goes on from the last of them, each as far below the next as it was.
        step = moved[-1].score - _SCORE * ranked[len(first) - 1].score
        return [*moved, *(replace(one, score=_SCORE * one.score + step) for one in ranked[len(first) :])]

    def _cosines(self, candidates: Sequence[Candidate], title: NDArray[np.float32]) -> list[float]:
        """Return for each document the best cosine of its chunks with the title."""
        runs = [self._catalog.numbers.run(one.number)[:_MOST_CHUNKS] for one in candidates]
        ids = np.concatenate([np.arange(run.start, run.stop, dtype=np.int64) for run in runs])
        found = self._version.vectors.rows(ids) @ title
        ends = np.cumsum([len(run) for run in runs])
        return [float(part.max(initial=0.0)) for part in np.split(found, ends[:-1])]

    def _shares(self, candidates: Sequence[Candidate], words: Mapping[str, float]) -> list[float]:
        """Return for each document which share of the title's words it holds, rare words counting more."""
        asked = sorted(words, key=lambda word: -words[word])[:_MOST_WORDS]
        total = sum(words[word] for word in asked)
        if total <= 0.0:
            return [0.0] * len(candidates)
        runs = [self._catalog.numbers.run(one.number) for one in candidates]
        held = self._catalog.holding(asked, runs)
        return [sum(words[word] for word in found) / total for found in held]

    @property
    def _catalog(self) -> Catalog:
        return self._version.catalog
