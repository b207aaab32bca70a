"""How far figures of an evaluation may be off by the choice of its questions: 95 % intervals.

Questions are resampled with replacement and every figure is computed anew; the middle 95 % of what comes out is the
interval (percentile bootstrap: Efron & Tibshirani 1993, ch. 13; for comparing systems on the same queries: Sakai 2006,
"Evaluating evaluation metrics based on the bootstrap"). Two systems are compared on the same resample, so what makes a
question hard for both cancels out. BCa intervals are not used: they do not exist where no question differs. Shares of
one evaluation get exact binomial intervals instead (Clopper & Pearson 1934), which hold near 0 and 1 too.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

from assistant.core.comparing import LATENCIES, REFUSED, SHARES, figures
from assistant.core.metrics import AT_RISK, GAINS, gains

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from assistant.core.comparing import Asked

    Floats = NDArray[np.float64]

LEVEL = 0.95
RESAMPLES = 5000
SEED = 20_061
_BATCH = 500
_ROUNDING = 1e-9

Interval = tuple[float, float]


def intervals(asked: Sequence[Asked]) -> dict[str, Interval]:
    """Return a 95 % interval for each figure of one evaluation that has a value; see `core.comparing.figures`."""
    sample = _Sample(asked)
    found = _resampled(len(asked), sample.names, sample.figures)
    for name, (hits, of) in sample.counts().items():
        if of:
            found[name] = _exact(hits, of)
    return found


def differences(before: Sequence[Asked], after: Sequence[Asked]) -> dict[str, Interval]:
    """Return a 95 % interval for the difference B - A of each figure that both have.

    Args:
        before: Questions as judged by A.
        after: The same questions in the same order, as judged by B.
    """
    import numpy as np  # noqa: PLC0415 - keeps `--help` quick

    a, b = _Sample(before), _Sample(after)
    names = [name for name in a.names if name in b.names]
    of_a, of_b = ([sample.names.index(name) for name in names] for sample in (a, b))

    def difference(weights: Floats) -> Floats:
        return np.asarray(b.figures(weights)[of_b] - a.figures(weights)[of_a])

    return _resampled(len(before), names, difference)


def _resampled(size: int, names: Sequence[str], statistic: Callable[[Floats], Floats]) -> dict[str, Interval]:
    """Resample questions and return the interval of each figure that is defined in at least half of the resamples."""
    import numpy as np  # noqa: PLC0415 - keeps `--help` quick
    from scipy.stats import DegenerateDataWarning, bootstrap  # noqa: PLC0415 - as above

    if size < 2:  # noqa: PLR2004 - one question says nothing about the others
        return {}

    def of_indices(index: NDArray[np.int64], axis: int) -> Floats:
        drawn = np.moveaxis(np.atleast_2d(index), axis, -1)
        rows = len(drawn)
        cells = (drawn + size * np.arange(rows)[:, None]).ravel()
        weights = np.bincount(cells, minlength=rows * size).reshape(rows, size)
        return statistic(weights.astype(np.float64))

    with warnings.catch_warnings():
        # scipy warns of figures that are not defined in some resample; the quantiles below leave these out
        warnings.simplefilter("ignore", DegenerateDataWarning)
        drawn = bootstrap(
            (np.arange(size),),
            of_indices,
            n_resamples=RESAMPLES,
            batch=_BATCH,
            vectorized=True,
            axis=-1,
            method="percentile",
            rng=np.random.default_rng(SEED),
        ).bootstrap_distribution
    found = {}
    for name, values in zip(names, drawn, strict=True):
        defined = values[np.isfinite(values)]  # no answer in a resample: no risk either
        if 2 * len(defined) >= len(values):
            low, high = np.quantile(defined, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
            found[name] = (float(low), float(high))
    return found


def _exact(hits: int, of: int) -> Interval:
    from scipy.stats import binomtest  # noqa: PLC0415 - keeps `--help` quick

    found = binomtest(hits, of).proportion_ci(LEVEL, method="exact")
    return float(found.low), float(found.high)


class _Sample:
    """The figures of an evaluation for any weights of its questions.

    They are those of `core.metrics`, computed for many resamples at a time; a test holds the two together.

    Attributes:
        names: Figures that have a value over all questions, in order.
    """

    def __init__(self, asked: Sequence[Asked]) -> None:
        import numpy as np  # noqa: PLC0415 - keeps `--help` quick

        judged = [question.judged for question in asked]
        self._answerable = np.array([q.answerable for q in judged], float)
        self._wrong = np.array([not q.strictly_right for q in judged], float)
        scores = np.array([q.score for q in judged])
        self._by_score = np.argsort(-scores, kind="stable")
        ordered = scores[self._by_score]
        self._ties = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
        self._total_ms = np.array([np.nan if q.total_ms is None else q.total_ms for q in asked], float)
        self._means = self._all_means(asked)
        self.names = [name for name, value in figures(asked).items() if value is not None]

    def _all_means(self, asked: Sequence[Asked]) -> dict[str, tuple[Floats, Floats]]:
        """Return for each figure that is a mean: value of each question, and 1 for those that count."""
        import numpy as np  # noqa: PLC0415 - keeps `--help` quick

        judged = [question.judged for question in asked]
        answered = np.array([q.outcome == "answered" for q in judged], float)
        gained = np.array([[found[name] for name in GAINS] for found in map(gains, judged)])
        means = {name: (gained[:, n], self._answerable) for n, name in enumerate(GAINS)}
        means["coverage"] = answered, self._answerable
        means["needs_detail"] = np.array([q.outcome == "needs_detail" for q in judged], float), self._answerable
        means["risk_strict"] = self._wrong, answered
        means["risk_first"] = np.array([not q.first_right for q in judged], float), answered
        for name in {q.refusal_class for q in judged if not q.answerable}:
            of_class = np.array([not q.answerable and q.refusal_class == name for q in judged], float)
            means[f"{REFUSED}{name}"] = 1 - answered, of_class
        return means

    def counts(self) -> dict[str, tuple[int, int]]:
        """Return for each figure that is a share: how many questions it counts, of how many."""
        return {
            name: (round(float(value @ counts)), round(float(counts.sum())))
            for name, (value, counts) in self._means.items()
            if name in SHARES or name.startswith(REFUSED)
        }

    def figures(self, weights: Floats) -> Floats:
        """Return figures, float64 (len(names), resamples), NaN where one is not defined.

        Args:
            weights: How often each question was drawn, float64 (resamples, questions).
        """
        import numpy as np  # noqa: PLC0415 - keeps `--help` quick

        found: dict[str, Floats] = {}
        with np.errstate(invalid="ignore", divide="ignore"):
            for name, (value, counts) in self._means.items():
                found[name] = (weights @ (value * counts)) / (weights @ counts)
            found |= self._along_scores(weights)
        found |= self._latencies(weights)
        return np.stack([found[name] for name in self.names])

    def _along_scores(self, weights: Floats) -> dict[str, Floats]:
        """Return aurc and the coverages at a risk; columns are groups of equal scores, best first."""
        import numpy as np  # noqa: PLC0415 - keeps `--help` quick

        def grouped(counts: Floats) -> Floats:
            return np.add.reduceat((weights * counts)[:, self._by_score], self._ties, axis=1)

        seen, wrong, covered = grouped(np.ones_like(self._wrong)), grouped(self._wrong), grouped(self._answerable)
        seen_so_far, wrong_so_far = seen.cumsum(axis=1), wrong.cumsum(axis=1)
        before, wrong_before = seen_so_far - seen, wrong_so_far - wrong
        share = np.divide(wrong, seen, out=np.zeros_like(wrong), where=seen > 0)
        # A group of w questions after c others of which a were wrong adds sum_{p=1..w} (a + share p) / (c + p).
        harmonic = np.r_[0.0, np.cumsum(1 / np.arange(1, len(self._wrong) + 1))]
        steps = harmonic[seen_so_far.astype(int)] - harmonic[before.astype(int)]
        area = (wrong + (wrong_before - share * before) * steps).sum(axis=1) / weights.sum(axis=1)
        covered_so_far = covered.cumsum(axis=1) / covered.sum(axis=1, keepdims=True)
        found = {"aurc": area}
        for name, risk in AT_RISK.items():
            is_good = wrong_so_far <= risk * seen_so_far + _ROUNDING
            found[name] = np.where(is_good, covered_so_far, 0.0 * covered_so_far).max(axis=1)
        return found

    def _latencies(self, weights: Floats) -> dict[str, Floats]:
        import numpy as np  # noqa: PLC0415 - keeps `--help` quick

        timed = np.flatnonzero(np.isfinite(self._total_ms))
        if not timed.size:
            return {}
        order = timed[np.argsort(self._total_ms[timed])]
        reached = weights[:, order].cumsum(axis=1)
        wanted = reached[:, -1:]
        return {
            name: self._total_ms[order][(reached >= np.maximum(1, np.ceil(share * wanted - _ROUNDING))).argmax(axis=1)]
            for name, share in LATENCIES.items()
        }
