"""A threshold whose risk among given answers is below a wish, with a guarantee for a finite number of labels. Pure.

An answer is given when its confidence reaches the threshold; the risk is the share of given answers that are wrong.
Given how many answers reach a threshold, how many of them are wrong is binomial, so that the exact bound of Clopper &
Pearson (1934) holds for any one threshold fixed beforehand. Choosing among several on the same labels breaks it;
two ways repair that:

`fixed_sequence`   Learn then Test (Angelopoulos, Bates, Candès, Jordan & Lei, "Learn then Test: Calibrating Predictive
                   Algorithms to Achieve Risk Control", 2021, arXiv:2110.01052), with fixed-sequence testing: thresholds
                   are put in order on other labels, tested in that order at the full level, and the first that fails
                   ends it.
`guaranteed_risk`  Selection with guaranteed risk (Geifman & El-Yaniv, "Selective Classification for Deep Neural
                   Networks", NeurIPS 2017): a binary search over the labels' own confidences, the doubt shared out
                   among its steps.

In simulation both keep the promise, and the first gives more answers (`tests/unit/test_guarantee.py`), so it is used.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate

Bound = Callable[[float, float, float], float]
"""Wrong, given, doubt (0..1) -> upper bound of the risk that holds with probability 1 - doubt; 1 where none was given.
Both counts may be fractions, for predictions."""

Labelled = tuple[float, bool]
"""Confidence of an answer, and whether it is right."""

THRESHOLDS = 50
"""Tested at most; in simulation 10 gave up to 4 points less coverage, and 20 up to 2."""


_AS_LIKELY = 0.005  # of bounds as good as equal the one with most answers: chance moves it least
_FOUR_OF_FIVE = 0.8416  # standard deviations above the mean that four of five draws stay below


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked for.

    Attributes:
        max_risk: Share of given answers that may be wrong, 0..1, both excluded.
        assurance: Probability, over the draw of the labels, that this holds; 0..1, both excluded.
    """

    max_risk: float
    assurance: float = 0.95

    @property
    def doubt(self) -> float:
        """Probability with which the wish may fail."""
        return 1.0 - self.assurance

    def shared(self, parts: int) -> Wish:
        """Return the wish of each of several parts that must hold together (Bonferroni)."""
        return Wish(self.max_risk, 1.0 - self.doubt / parts)


@dataclass(frozen=True, slots=True)
class Chosen:
    """A threshold, and what reaches it among the labels that chose it.

    Attributes:
        bound: Upper bound of its risk; at most the wish.
    """

    threshold: float
    given: int
    wrong: int
    bound: float


def answers_needed(wish: Wish) -> int:
    """Return the number of answers that can prove the wish when not one of them is wrong: 59 for 5 % at 95 %."""
    return math.ceil(math.log(wish.doubt) / math.log1p(-wish.max_risk))


def answers_at_rate(wish: Wish, rate: float, bound: Bound, limit: int = 1_000_000) -> int | None:
    """Return how many answers probably prove the wish when this is their true risk; None when no number does.

    Probably: in four of five draws, the number of wrong ones being taken a little above its mean (normal
    approximation).

    Args:
        wish: To be proved.
        rate: Share of wrong ones, 0..1.
        bound: Exact.
        limit: Numbers above it are not looked for.
    """

    def proves(answers: int) -> bool:
        wrong = rate * answers + _FOUR_OF_FIVE * math.sqrt(answers * rate * (1.0 - rate))
        return bound(min(wrong, answers), answers, wish.doubt) <= wish.max_risk

    low, high = answers_needed(wish) - 1, answers_needed(wish)
    while not proves(high):
        low, high = high, 2 * high
        if high > limit:
            return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if proves(middle) else (middle, high)
    return high


def thresholds_to_test(confidences: Sequence[float], times: float, wish: Wish, bound: Bound) -> tuple[float, ...]:
    """Return the thresholds in the order in which they are to be tested, fixed on labels that do not test them.

    The strictest threshold is no good start: too few answers reach it to prove anything. The test begins where its
    proof is likeliest, judged by the confidences alone, and goes down from there to all answers.

    Args:
        confidences: Of answers that were not, and will not be, tested; their labels do not matter.
        times: How many answers there are to test for each of these.
        wish: To be tested.
        bound: Exact.
    """
    ordered = sorted(confidences, reverse=True)
    if not ordered:
        return ()
    places = sorted({round(step * (len(ordered) - 1) / (THRESHOLDS - 1)) for step in range(THRESHOLDS)})
    wrong = [0.0]
    for confidence in ordered:
        wrong.append(wrong[-1] + 1.0 - confidence)
    predicted = [bound(wrong[place + 1] * times, (place + 1) * times, wish.doubt) for place in places]
    start = max(n for n, found in enumerate(predicted) if found <= min(predicted) + _AS_LIKELY)
    return tuple(dict.fromkeys([*(ordered[place] for place in places[start:]), 0.0]))


class Counted:
    """Labelled answers, counted by threshold."""

    def __init__(self, labelled: Sequence[Labelled]) -> None:
        ordered = sorted(labelled, reverse=True)
        self.falling = [confidence for confidence, _ in ordered]
        self._rising = [-confidence for confidence in self.falling]
        self._wrong = list(accumulate((not right for _, right in ordered), initial=0))

    def reaching(self, threshold: float) -> tuple[int, int]:
        """Return how many answers reach the threshold, and how many of these are wrong."""
        given = bisect_right(self._rising, -threshold)
        return given, self._wrong[given]


def fixed_sequence(
    labelled: Sequence[Labelled], thresholds: Sequence[float], wish: Wish, bound: Bound
) -> Chosen | None:
    """Return the last threshold before the first that fails, or None when the first one fails.

    With probability `wish.assurance` the risk at it is at most `wish.max_risk`: to go wrong, the first threshold of the
    sequence whose risk is too high must pass, and that is one test.

    Args:
        labelled: Independent of the thresholds and of each other.
        thresholds: In the order of the test; see `thresholds_to_test`.
        wish: To be proved.
        bound: Exact.
    """
    chosen, counted = None, Counted(labelled)
    for threshold in thresholds:
        given, wrong = counted.reaching(threshold)
        found = bound(wrong, given, wish.doubt)
        if found > wish.max_risk:
            break
        chosen = Chosen(threshold, given, wrong, found)
    return chosen


def guaranteed_risk(labelled: Sequence[Labelled], wish: Wish, bound: Bound) -> Chosen | None:
    """Return the threshold that selection with guaranteed risk finds, or None.

    Args:
        labelled: Independent of how the confidences were made, and of each other.
        wish: To be proved.
        bound: Exact.
    """
    counted = Counted(labelled)
    ordered = counted.falling
    steps = max(1, math.ceil(math.log2(max(1, len(ordered)))))
    low, high, chosen = 0, len(ordered) - 1, None
    for _ in range(steps):
        if low > high:
            break
        middle = (low + high + 1) // 2
        given, wrong = counted.reaching(ordered[middle])
        found = bound(wrong, given, wish.doubt / steps)
        if found <= wish.max_risk:
            chosen, low = Chosen(ordered[middle], given, wrong, found), middle + 1
        else:
            high = middle - 1
    return chosen
