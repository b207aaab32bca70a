"""What a calibration promises and what was seen, as figures: all on the questions that fitted nothing."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from assistant.core.choosing import NEVER
from assistant.core.reliability import bins, brier, calibration_error, risk_coverage
from assistant.workflows.exact import interval, upper_bound
from assistant.workflows.labelling import counts_of, given_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from assistant.core.calibration import Calibration
    from assistant.core.guarantee import Labelled, Wish
    from assistant.core.reliability import CurvePoint
    from assistant.workflows.calibrate import Calibrated
    from assistant.workflows.labelling import Label


def figures(made: Calibrated) -> dict[str, Any]:
    """Return the object that `assistant calibrate --json` prints.

    wish          risk and assurance asked for
    thresholds    the common one (None: answers outside the groups are not given) and those of groups, each with the
                  answers that reach it, how many are wrong, and the bound of its risk
    risk          observed share of wrong answers among those given, with its exact interval
    coverage      share of answerable questions answered, with its exact interval
    brier, ece    of the score as it is (`before`) and of the confidence (`after`)
    curve         risk, coverage and bound (of that threshold alone) for every threshold
    refused       class of unanswerable question -> questions, share refused, exact interval
    labels        how many of each sort
    """
    calibration, testing = made.calibration, made.labels.choosing
    given = [label for label in testing if is_given(calibration, label)]
    wrong = sum(not label.right for label in given)
    answerable = [label for label in testing if label.answerable]
    covered = sum(is_given(calibration, label) for label in answerable)
    before, after = score_pairs(testing), confidence_pairs(calibration, testing)
    return {
        "wish": asdict(made.wish),
        "thresholds": _thresholds(made),
        "risk": _share(wrong, len(given)),
        "coverage": _share(covered, len(answerable)),
        "brier": {"before": brier(before), "after": brier(after)},
        "ece": {"before": calibration_error(before), "after": calibration_error(after)},
        "refused": _refused(calibration, testing),
        "labels": counts_of(made.labels),
        "left_out": dict(made.labels.left_out or {}),
        "map": {"method": made.fitted.method, "log_loss": dict(made.fitted.losses)},
        "reliability": {"before": _bins(before), "after": _bins(after)},
        "curve": [_point(point, made.wish) for point in curve(calibration, testing)],
        "valid_for": asdict(calibration.valid_for),
        "index_version": calibration.measured.index_version,
        "made_at": calibration.measured.made_at,
    }


def is_given(calibration: Calibration, label: Label) -> bool:
    """True when the answer to this question would be given."""
    confidence = calibration.confidence(label.score, label.features)
    return label.given and confidence >= calibration.threshold_for(label.groups)


def score_pairs(labels: Sequence[Label]) -> list[Labelled]:
    """Return score and rightness of each answer: the score taken for a probability."""
    return [(label.score, label.right) for label in given_of(labels)]


def confidence_pairs(calibration: Calibration, labels: Sequence[Label]) -> list[Labelled]:
    """Return confidence and rightness of each answer."""
    return [(calibration.confidence(label.score, label.features), label.right) for label in given_of(labels)]


def curve(calibration: Calibration, labels: Sequence[Label]) -> tuple[CurvePoint, ...]:
    """Return risk over coverage for every threshold; see `core.reliability.risk_coverage`."""
    answers = [
        (calibration.confidence(label.score, label.features), label.right, label.answerable)
        for label in given_of(labels)
    ]
    return risk_coverage(answers, sum(label.answerable for label in labels))


def _point(point: CurvePoint, wish: Wish) -> dict[str, Any]:
    """Return a point with the bound that its threshold would have if it were the only one."""
    return {**asdict(point), "bound": upper_bound(round(point.risk * point.given), point.given, wish.doubt)}


def _thresholds(made: Calibrated) -> dict[str, Any]:
    common = made.thresholds.common
    return {
        "common": None if made.calibration.threshold == NEVER or common is None else asdict(common),
        "groups": [asdict(one) for one in made.calibration.group_thresholds],
        "groups_tried": list(made.thresholds.tried),
        "promises": made.thresholds.promises,
    }


def _share(count: int, of: int) -> dict[str, Any]:
    return {"count": count, "of": of, "share": count / of if of else None, "interval": interval(count, of)}


def _refused(calibration: Calibration, labels: Sequence[Label]) -> dict[str, Any]:
    asked = Counter(label.refusal_class for label in labels if not label.answerable)
    refused = Counter(
        label.refusal_class for label in labels if not label.answerable and not is_given(calibration, label)
    )
    return {name: _share(refused[name], count) for name, count in sorted(asked.items())}


def _bins(pairs: Sequence[Labelled]) -> list[dict[str, Any]]:
    return [
        {
            "confidence": part.confidence,
            "answers": part.answers,
            "right": part.right,
            "share": part.right / part.answers,
            "interval": interval(part.right, part.answers),
        }
        for part in bins(pairs)
    ]
