"""From labels to a confidence and a threshold that keeps a wished risk, or to a word why they do not support it."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import TYPE_CHECKING

from assistant.core.calibration import Calibration, GroupThreshold, Measured, ValidFor, weights_hash
from assistant.core.choosing import NEVER, Scored, Thresholds, choose
from assistant.core.guarantee import Wish, answers_at_rate, answers_needed
from assistant.workflows.exact import upper_bound
from assistant.workflows.fitting import FIT_AT_LEAST, Example, fit_map
from assistant.workflows.labelling import FITTING_SHARE, counts_of, given_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from assistant.core.decision import DecisionModel
    from assistant.workflows.fitting import Fitted
    from assistant.workflows.labelling import Label, Labels

_HOPELESS = 0.99
_NO_NUMBER = "; more questions alone will hardly help: answers must get better, or the wish weaker"


@dataclass(frozen=True, slots=True)
class Refused:
    """The labels do not support the wish.

    Attributes:
        told: Why, and what would be enough, in one line.
        answers: There were to choose with.
        smallest_risk: The least that they support, in whole hundredths, or None.
        needed: Labelled questions that would be enough, about; None when no number is.
    """

    told: str
    answers: int
    smallest_risk: float | None = None
    needed: int | None = None


@dataclass(frozen=True, slots=True)
class Calibrated:
    """A calibration, with all that its report needs."""

    calibration: Calibration
    labels: Labels
    wish: Wish
    fitted: Fitted
    thresholds: Thresholds


def calibrate(
    labels: Labels, wish: Wish, model: DecisionModel, embedder: str, asked: tuple[str, str]
) -> Calibrated | Refused:
    """Return a calibration that keeps the wish, or why there is none.

    Args:
        labels: See `labels_of`.
        wish: Risk and assurance.
        model: Weights in force.
        embedder: Fingerprint of the embedder of the index version that was asked.
        asked: Name of that version, and the time, ISO 8601 in UTC.
    """
    examples = [
        Example(label.score, label.features, label.right) for label in given_of(labels.fitting + labels.feedback)
    ]
    if len(examples) < FIT_AT_LEAST:
        return _too_few_to_fit(labels, len(examples))
    fitted = fit_map(examples)
    weights = model.weights(lexical_only=labels.lexical_only)
    valid_for = ValidFor(embedder, labels.answered_by, weights_hash(weights), labels.lexical_only)
    measured = Measured(
        max_risk=wish.max_risk,
        assurance=wish.assurance,
        method=fitted.method,
        features=tuple(getattr(fitted.map, "names", ("score",))),
        counts=counts_of(labels),
        given=0,
        wrong=0,
        bound=0.0,
        index_version=asked[0],
        made_at=asked[1],
    )
    unset = Calibration(fitted.map, NEVER, valid_for, measured)
    fitting, choosing = scored(unset, labels.fitting), scored(unset, labels.choosing)
    found = choose(fitting, choosing, wish, upper_bound)
    if found is None:
        return _unsupported(labels, fitting, choosing, wish)
    return Calibrated(_with(unset, found), labels, wish, fitted, found)


def _with(unset: Calibration, found: Thresholds) -> Calibration:
    common = found.common
    own = tuple(GroupThreshold(name, one.threshold, one.given, one.wrong, one.bound) for name, one in found.own)
    every = [one for one in (common, *(one for _, one in found.own)) if one is not None]
    measured = replace(
        unset.measured,
        given=sum(one.given for one in every),
        wrong=sum(one.wrong for one in every),
        bound=max(one.bound for one in every),
    )
    threshold = NEVER if common is None else common.threshold
    return replace(unset, threshold=threshold, measured=measured, group_thresholds=own)


def scored(calibration: Calibration, labels: Iterable[Label]) -> list[Scored]:
    """Return the answers of the labels with their confidences."""
    return [
        Scored(calibration.confidence(label.score, label.features), label.right, label.groups)
        for label in given_of(labels)
    ]


def _too_few_to_fit(labels: Labels, answers: int) -> Refused:
    asked = len(labels.fitting) + len(labels.choosing)
    needed = math.ceil(FIT_AT_LEAST / max(answers, 1) * asked) if answers else math.ceil(FIT_AT_LEAST / FITTING_SHARE)
    told = (
        f"nothing can be fitted: {answers} answers of the {len(labels.fitting)} questions that are set aside for it, "
        f"at least {FIT_AT_LEAST} are needed. About {needed} labelled questions would be enough; there are {asked}"
    )
    return Refused(told, len(given_of(labels.choosing)), None, needed)


def _unsupported(labels: Labels, fitting: list[Scored], choosing: list[Scored], wish: Wish) -> Refused:
    least = answers_needed(wish)
    smallest = _smallest_risk(fitting, choosing, wish)
    rate, surest = _surest(choosing, wish)
    enough = answers_at_rate(wish, rate, upper_bound) if surest else None
    asked = len(labels.fitting) + len(labels.choosing)
    needed = None if enough is None else max(math.ceil(enough / surest * asked), asked + 1)
    told = (
        f"at most {wish.max_risk:.1%} wrong with {wish.assurance:.0%} assurance needs at least {least} answers without "
        f"an error; there are {len(choosing)} to choose with, and of the surest {surest} {rate:.1%} are wrong. "
        + (f"The smallest risk they support is {smallest:.0%}" if smallest else "They support no risk at all")
        + (f"; about {needed} such questions would probably be enough, there are {asked}" if needed else _NO_NUMBER)
    )
    return Refused(told, len(choosing), smallest, needed)


def _surest(choosing: Sequence[Scored], wish: Wish) -> tuple[float, int]:
    """Return the share of wrong answers among the surest, and how many these are: where the bound is the lowest."""
    ordered = sorted(choosing, key=lambda answer: -answer.confidence)
    wrong = list(accumulate(not answer.right for answer in ordered))
    bounds = [upper_bound(count, given, wish.doubt) for given, count in enumerate(wrong, start=1)]
    if not bounds:
        return 1.0, 0
    best = bounds.index(min(bounds))
    return wrong[best] / (best + 1), best + 1


def _smallest_risk(fitting: list[Scored], choosing: list[Scored], wish: Wish) -> float | None:
    """Return the least risk, in hundredths, that would not be refused; it promises nothing, being looked for here."""
    for hundredth in range(math.ceil(wish.max_risk * 100), round(_HOPELESS * 100)):
        risk = hundredth / 100
        if risk > wish.max_risk and choose(fitting, choosing, Wish(risk, wish.assurance), upper_bound):
            return risk
    return None
