"""Confidence: the probability that an answer is right, and the threshold that keeps the wished risk. Pure.

A calibration belongs to the way it was measured: one embedder, one writer of drafts, one set of decision weights, and
one of the two ways to search (with vectors, or by words alone). For anything else it is not used, and confidence stays
null.
"""

from __future__ import annotations

import hashlib
import json
import math
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

from assistant.core.metrics import kind_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from assistant.core.decision import Weights
    from assistant.core.model import Citation
    from indexing.model import Passage

LOGIT = "logit_score"
"""Name of the score's log odds among the numbers that a map reads."""
SCORE = "score"
_LEAST = 1e-6  # log odds of 0 and 1 are infinite
_DEVIATIONS = 3.0  # as in the decision: what lies further out than was seen in fitting counts as this


@dataclass(frozen=True, slots=True)
class Logistic:
    """Logistic regression over standardised numbers: Platt's map when the log odds of the score are the only one.

    Source: Platt, "Probabilistic Outputs for Support Vector Machines", Advances in Large Margin Classifiers, 1999.
    """

    names: tuple[str, ...]
    mean: tuple[float, ...]
    scale: tuple[float, ...]
    weight: tuple[float, ...]
    bias: float

    def probability(self, numbers: Mapping[str, float]) -> float:
        """Return a probability, 0..1."""
        total = self.bias
        for name, mean, scale, weight in zip(self.names, self.mean, self.scale, self.weight, strict=True):
            deviation = (numbers.get(name, 0.0) - mean) / (scale or 1.0)
            total += weight * max(-_DEVIATIONS, min(_DEVIATIONS, deviation))
        return 1.0 / (1.0 + math.exp(-total))


@dataclass(frozen=True, slots=True)
class Isotonic:
    """A map that never falls, linear between its points.

    Source: Zadrozny & Elkan, "Transforming Classifier Scores into Accurate Multiclass Probability Estimates", KDD 2002.

    Attributes:
        scores: Ascending.
        probabilities: Of each score, never falling.
    """

    scores: tuple[float, ...]
    probabilities: tuple[float, ...]

    def probability(self, numbers: Mapping[str, float]) -> float:
        """Return a probability, 0..1."""
        score = numbers[SCORE]
        right = bisect_right(self.scores, score)
        if right in {0, len(self.scores)}:
            return self.probabilities[min(right, len(self.scores) - 1)]
        low, high = self.scores[right - 1], self.scores[right]
        share = (score - low) / (high - low)
        return self.probabilities[right - 1] * (1.0 - share) + self.probabilities[right] * share


@dataclass(frozen=True, slots=True)
class ValidFor:
    """The way that was measured; with any other the confidences mean nothing.

    Attributes:
        embedder: `Embedder.fingerprint` that the index version was built with.
        answered_by: Model name, or `extractive`.
        weights: `weights_hash` of the decision.
        lexical_only: Decided by words alone.
    """

    embedder: str
    answered_by: str
    weights: str
    lexical_only: bool = False


@dataclass(frozen=True, slots=True)
class Measured:
    """What the calibration stands on.

    Attributes:
        max_risk: Wished: share of given answers that may be wrong at most, 0..1.
        assurance: Probability with which the wish holds, 0..1.
        method: Of the map: `platt`, `isotonic` or `features`.
        features: Names of the numbers that the map reads.
        counts: How many questions, answers and labels there were, by name.
        given, wrong: Answers at the threshold, among the questions that chose it.
        bound: Upper bound of the risk at the threshold, 0..1.
        index_version: Version that was asked.
        made_at: ISO 8601 in UTC.
    """

    max_risk: float
    assurance: float
    method: str
    features: tuple[str, ...]
    counts: Mapping[str, int]
    given: int
    wrong: int
    bound: float
    index_version: str
    made_at: str


@dataclass(frozen=True, slots=True)
class GroupThreshold:
    """A threshold of its own for answers of one group, with the bound it has by itself; see `groups_of`."""

    group: str
    threshold: float
    given: int
    wrong: int
    bound: float


@dataclass(frozen=True, slots=True)
class Calibration:
    """A map from scores to probabilities, and the thresholds for a wished risk.

    Attributes:
        threshold: Least confidence at which an answer is given, unless its group has a threshold of its own.
        group_thresholds: The first whose group an answer belongs to decides.
    """

    map: Logistic | Isotonic
    threshold: float
    valid_for: ValidFor
    measured: Measured
    group_thresholds: tuple[GroupThreshold, ...] = field(default=())

    def confidence(self, score: float, features: Mapping[str, float]) -> float:
        """Return the probability that an answer with this score is right, 0..1."""
        return self.map.probability(numbers_of(score, features))

    def threshold_for(self, groups: Iterable[str]) -> float:
        """Return the least confidence at which an answer of these groups is given."""
        own = frozenset(groups)
        return next((one.threshold for one in self.group_thresholds if one.group in own), self.threshold)


Calibrated = Callable[[str, str], Calibration | None]
"""Index version, and who wrote the first draft (model name or `extractive`) -> the calibration of this way, if any."""


def numbers_of(score: float, features: Mapping[str, float]) -> dict[str, float]:
    """Return what maps read: the decision's features, the score and its log odds."""
    inside = min(1.0 - _LEAST, max(_LEAST, score))
    return {**features, SCORE: score, LOGIT: math.log(inside / (1.0 - inside))}


def groups_of(citations: Sequence[Citation], passages: Iterable[Passage]) -> tuple[str, ...]:
    """Return the groups of an answer, told by its first cited document: `label:…`, `source:…`, `kind:…`."""
    if not citations:
        return ()
    document = citations[0].document
    labels = {label for passage in passages if passage.chunk.document == document for label in passage.labels}
    source = document.removeprefix("issue:").rpartition("#")[0] if kind_of(document) == "issue" else document
    name = source if kind_of(document) == "issue" else source.split("/", 1)[0]
    of_source = (f"source:{name}",) if name else ()
    return (*(f"label:{label}" for label in sorted(labels)), *of_source, f"kind:{kind_of(document)}")


def weights_hash(weights: Weights) -> str:
    """Return 16 hex digits that name the weights of a decision; its threshold does not count."""
    fitted = {name: value for name, value in asdict(weights).items() if name != "threshold"}
    return hashlib.sha256(json.dumps(fitted, sort_keys=True).encode()).hexdigest()[:16]


def why_unfit(measured: ValidFor, now: ValidFor) -> str:
    """Return why a calibration is not for the present way of answering, or empty when it is."""
    if measured.embedder != now.embedder:
        return "another embedder or reranker is in use than the calibration was made with"
    if measured.answered_by != now.answered_by:
        return f"answers are by {now.answered_by}, the calibration was made with {measured.answered_by}"
    if measured.lexical_only != now.lexical_only:
        return "the search is by words alone" if now.lexical_only else "the calibration is for words alone"
    return "" if measured.weights == now.weights else "the weights of the decision are not those of the calibration"
