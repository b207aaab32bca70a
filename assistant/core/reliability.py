"""How far probabilities may be trusted, and what a threshold costs: figures over answers known to be right or wrong."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from assistant.core.guarantee import Labelled

BINS = 10


@dataclass(frozen=True, slots=True)
class Bin:
    """Answers of like confidence: the mean of it, how many there are, and how many of them are right."""

    confidence: float
    answers: int
    right: int


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """What would be given at a threshold.

    Attributes:
        coverage: Share of answerable questions that get an answer, 0..1.
        risk: Share of given answers that are wrong, 0..1.
    """

    threshold: float
    given: int
    coverage: float
    risk: float


def brier(answers: Sequence[Labelled]) -> float | None:
    """Return the mean squared difference of confidence and rightness, 0..1, lower is better (Brier 1950)."""
    return _mean([(confidence - right) ** 2 for confidence, right in answers])


def bins(answers: Sequence[Labelled], count: int = BINS) -> tuple[Bin, ...]:
    """Return the answers in bins of equal size, the least sure first; equal confidences are never divided."""
    ordered = sorted(answers)
    found: list[Bin] = []
    start = 0
    for number in range(1, count + 1):
        end = max(start, round(number * len(ordered) / count))
        while start < end < len(ordered) and ordered[end][0] == ordered[end - 1][0]:
            end += 1
        if end > start:
            part = ordered[start:end]
            mean = math.fsum(confidence for confidence, _ in part) / len(part)
            found.append(Bin(mean, len(part), sum(right for _, right in part)))
        start = end
    return tuple(found)


def calibration_error(answers: Sequence[Labelled], count: int = BINS) -> float | None:
    """Return the expected calibration error over bins of equal size (Naeini, Cooper & Hauskrecht, AAAI 2015).

    The mean distance of confidence and share of right answers, weighted by the size of the bin; 0..1, lower is better.
    It is never 0 on few answers, however good the confidences.
    """
    if not answers:
        return None
    return math.fsum(abs(part.confidence * part.answers - part.right) for part in bins(answers, count)) / len(answers)


def risk_coverage(answers: Sequence[tuple[float, bool, bool]], answerable: int) -> tuple[CurvePoint, ...]:
    """Return a point for each distinct confidence, the highest first.

    Args:
        answers: Confidence, right, and whether the question is answerable.
        answerable: How many questions are, answered or not.
    """
    points: list[CurvePoint] = []
    wrong = covered = 0
    ordered = sorted(answers, key=lambda answer: -answer[0])
    for given, (confidence, right, is_answerable) in enumerate(ordered, start=1):
        wrong += not right
        covered += is_answerable
        if points and points[-1].threshold == confidence:
            points.pop()
        points.append(CurvePoint(confidence, given, covered / answerable if answerable else 0.0, wrong / given))
    return tuple(points)


def _mean(values: Sequence[float]) -> float | None:
    return math.fsum(values) / len(values) if values else None
