"""From scores to probabilities: which map, fitted how. scikit-learn is used here and in scripts alone."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from assistant.core.calibration import LOGIT, Isotonic, Logistic, numbers_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

FIT_AT_LEAST = 20
"""Answers; fewer say too little of where right and wrong part."""
ISOTONIC_FROM = 200
"""Answers from which steps are tried: with fewer they follow chance."""
PER_FEATURE = 10
"""Answers of the rarer kind for each feature, from which all features are fitted again (Peduzzi et al. 1996)."""
FOLDS = 5
AS_IT_IS = Logistic((LOGIT,), (0.0,), (5.0,), (5.0,), 0.0)
"""The score for the probability, up to log odds of 15."""
_STRENGTH = 1.0  # inverse of the L2 penalty


@dataclass(frozen=True, slots=True)
class Example:
    """An answer that is known to be right or wrong, with its score and the features of its decision."""

    score: float
    features: Mapping[str, float]
    right: bool


@dataclass(frozen=True, slots=True)
class Fitted:
    """A map, how it was made (`score`, `platt`, `isotonic`, `features`), the log loss across folds of each tried."""

    map: Logistic | Isotonic
    method: str
    losses: Mapping[str, float]


def fit_map(examples: Sequence[Example]) -> Fitted:
    """Return a map by cross-validated log loss, among those that there are enough examples for.

    The simplest is taken whose loss is within one standard error, question by question, of the least (Breiman,
    Friedman, Olshen & Stone, Classification and Regression Trees, 1984): on few examples the others follow chance. The
    simplest is the score as it is.
    """
    ways = _ways(examples)
    losses = {name: _losses(way, examples) for name, way in ways.items()} if len(ways) > 1 else {}
    means = {name: math.fsum(found) / len(found) for name, found in losses.items()}
    best = min(means, key=means.__getitem__, default="platt")
    method = next((name for name in ways if not losses or _as_good(losses[name], losses[best])), best)
    return Fitted(ways[method](examples), method, means)


def _as_good(losses: Sequence[float], best: Sequence[float]) -> bool:
    """True when the mean difference of the losses is within its standard error."""
    differences = [loss - least for loss, least in zip(losses, best, strict=True)]
    mean = math.fsum(differences) / len(differences)
    variance = math.fsum((one - mean) ** 2 for one in differences) / max(1, len(differences) - 1)
    return mean <= math.sqrt(variance / len(differences))


def _ways(examples: Sequence[Example]) -> dict[str, Callable[[Sequence[Example]], Logistic | Isotonic]]:
    """Return what can be tried, the simplest first; Platt's map alone where right or wrong ones are too rare."""
    rarer = min(sum(one.right for one in examples), sum(not one.right for one in examples))
    if rarer < FOLDS:
        return {"platt": _platt}
    names = _varying(examples)
    ways: dict[str, Callable[[Sequence[Example]], Logistic | Isotonic]] = {"score": lambda _: AS_IT_IS, "platt": _platt}
    if len(examples) >= ISOTONIC_FROM:
        ways["isotonic"] = _isotonic
    if len(names) > 1 and rarer >= PER_FEATURE * len(names):
        ways["features"] = lambda some: _logistic(some, names)
    return ways


def _varying(examples: Sequence[Example]) -> tuple[str, ...]:
    """Return the log odds of the score, and the features that all examples have and that are not the same in all."""
    known = set.intersection(*(set(one.features) for one in examples)) if examples else set()
    names = [name for name in sorted(known) if len({one.features[name] for one in examples}) > 1]
    return (LOGIT, *names)


def _platt(examples: Sequence[Example]) -> Logistic:
    return _logistic(examples, (LOGIT,))


def _logistic(examples: Sequence[Example], names: tuple[str, ...]) -> Logistic:
    """Fit with Platt's targets, which are never quite 0 or 1, so that no confidence is either."""
    import numpy as np  # noqa: PLC0415 - keeps `--help` quick
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415 - as above

    rows = np.array([[_numbers(one)[name] for name in names] for one in examples])
    mean, scale = rows.mean(axis=0), rows.std(axis=0)
    scale[scale == 0.0] = 1.0
    right = sum(one.right for one in examples)
    high, low = (right + 1.0) / (right + 2.0), 1.0 / (len(examples) - right + 2.0)
    targets = np.array([high if one.right else low for one in examples])
    standard = (rows - mean) / scale
    model = LogisticRegression(C=_STRENGTH).fit(
        np.vstack([standard, standard]),
        np.repeat([1, 0], len(examples)),
        sample_weight=np.concatenate([targets, 1.0 - targets]),
    )
    weight = tuple(float(value) for value in model.coef_[0])
    if names == (LOGIT,):  # a score that is the higher the worse would turn the order of all answers round
        weight = (max(0.0, weight[0]),)
    return Logistic(names, _floats(mean), _floats(scale), weight, float(model.intercept_[0]))


def _isotonic(examples: Sequence[Example]) -> Isotonic:
    from sklearn.isotonic import IsotonicRegression  # noqa: PLC0415 - as above

    edge = 1.0 / (len(examples) + 2.0)
    model = IsotonicRegression(y_min=edge, y_max=1.0 - edge, out_of_bounds="clip")
    model.fit([one.score for one in examples], [float(one.right) for one in examples])
    return Isotonic(_floats(model.X_thresholds_), _floats(model.y_thresholds_))


def _losses(way: Callable[[Sequence[Example]], Logistic | Isotonic], examples: Sequence[Example]) -> list[float]:
    """Return the log loss of each example under a map that was not fitted on it, in stratified folds."""
    from sklearn.model_selection import StratifiedKFold  # noqa: PLC0415 - as above

    right = [one.right for one in examples]
    losses: list[float] = []
    for fit, held_out in StratifiedKFold(FOLDS, shuffle=True, random_state=0).split(right, right):
        found = way([examples[place] for place in fit])
        for place in held_out:
            probability = found.probability(_numbers(examples[place]))
            losses.append(-math.log(probability if right[place] else 1.0 - probability))
    return losses


def _numbers(example: Example) -> dict[str, float]:
    return numbers_of(example.score, example.features)


def _floats(values: Sequence[float]) -> tuple[float, ...]:
    return tuple(float(value) for value in values)
