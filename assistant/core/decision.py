"""Answered, needs detail, or abstained: a logistic score over features of the retrieval.

The weights are fitted on labelled questions by `scripts/fit_decision`; the score is no calibrated probability. With a
calibration the probability decides, against the threshold that was chosen for a wished risk; see `core.calibration`.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from assistant.core.calibration import groups_of
from assistant.core.detail import lacking
from assistant.core.model import Abstained, Answered, NeedsDetail
from assistant.core.terms import terms

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from assistant.core.calibration import Calibration
    from assistant.core.evidence import Supported
    from assistant.core.model import Outcome, Question
    from indexing.model import Retrieval


VAGUE_TERMS = 3
"""A report of a problem in so few words fits many pages equally well, however well it fits one of them."""

VERBATIM_WORDS = 6
"""Words in a row that a question and a passage share by quoting the same message, hardly ever by chance."""


@dataclass(frozen=True, slots=True)
class Weights:
    """A fitted logistic model.

    Attributes:
        names: Features, in the order of the other tuples.
        mean: Of each feature over the questions that were fitted on.
        scale: Standard deviation of each.
        weight: Of each standardised feature.
        bias: Added to the sum.
        threshold: Score (0..1) below which the assistant abstains.
    """

    names: tuple[str, ...]
    mean: tuple[float, ...]
    scale: tuple[float, ...]
    weight: tuple[float, ...]
    bias: float
    threshold: float

    def score(self, features: Mapping[str, float]) -> float:
        """Return the score in 0..1; a feature outside what was seen in fitting counts as three deviations at most."""
        total = self.bias
        for name, mean, scale, weight in zip(self.names, self.mean, self.scale, self.weight, strict=True):
            deviation = (features.get(name, 0.0) - mean) / (scale or 1.0)
            total += weight * max(-3.0, min(3.0, deviation))
        return 1.0 / (1.0 + math.exp(-total))


@dataclass(frozen=True, slots=True)
class DecisionModel:
    """Weights for the whole search, and for full text alone: no embedding model.

    Chinese questions that an English model cannot read are judged by the former: how far the first document stands out
    (`score_gap`) says nothing where hardly another one shares a sign with the question. Of 57 answerable and 10
    unanswerable ones 15 and 0 are answered, none wrongly; by the latter 25 and 5, 8 of them wrongly.
    """

    full: Weights
    lexical: Weights

    def weights(self, *, lexical_only: bool) -> Weights:
        """Return the weights that fit how the search was done."""
        return self.lexical if lexical_only else self.full


def features(question: Question, retrieval: Retrieval, supported: Supported | None = None) -> dict[str, float]:
    """Return the features of a retrieval: its own, and how much of the question stands in the passages.

    With what is left of a draft, also those of `core.evidence.FEATURES`.

    Those made here work in every script and count one term that is never found, so that a question of two words
    cannot reach 1 by chance; one shared word of several counts as none: `first_line_found` (share of the terms of
    the question's first line in the first passage), `first_line_shown` (the same in all passages) and `terms_shown`
    (share of all terms in all passages). `words_alone` is 1 when the search was one by full text alone; it
    chooses the weights.
    """
    passages = [frozenset(terms(passage.chunk.embedded_text)) for passage in retrieval.passages]
    shown = frozenset().union(*passages)
    asked = frozenset(terms(question.search_text))
    first = frozenset(terms(question.search_text.strip().split("\n", 1)[0]))
    return {
        **retrieval.features,
        **(supported.features if supported is not None else {}),
        "first_line_found": _share(first, passages[0] if passages else frozenset()),
        "first_line_shown": _share(first, shown),
        "terms_shown": _share(asked, shown),
        "words_alone": float(retrieval.lexical_only),
    }


def _share(wanted: frozenset[str], held: frozenset[str]) -> float:
    shared = len(wanted & held)
    return shared / (len(wanted) + 1) if shared >= min(2, len(wanted)) else 0.0


@dataclass(frozen=True, slots=True)
class Weighed:
    """What an answer is decided by.

    Attributes:
        features: By name; see `features`.
        score: Of the fitted weights, 0..1; 0 when nothing was found.
        confidence: Calibrated; None without a calibration that fits.
        threshold: Which the confidence, or else the score, must reach.
    """

    features: Mapping[str, float]
    score: float
    confidence: float | None
    threshold: float

    @property
    def sureness(self) -> float:
        """The confidence, or else the score."""
        return self.score if self.confidence is None else self.confidence


def weigh(
    question: Question,
    retrieval: Retrieval,
    supported: Supported,
    model: DecisionModel,
    calibration: Calibration | None = None,
) -> Weighed:
    """Return what an answer is decided by; for the arguments see `decide`."""
    found = features(question, retrieval, supported)
    weights = model.weights(lexical_only=bool(found["words_alone"]))
    score = weights.score(found) if retrieval.passages else 0.0
    if calibration is None or calibration.valid_for.lexical_only != bool(found["words_alone"]):
        return Weighed(found, score, None, weights.threshold)
    confidence = calibration.confidence(score, found) if supported.text else 0.0
    threshold = calibration.threshold_for(groups_of(supported.citations, retrieval.passages))
    return Weighed(found, score, confidence, threshold)


def decide(
    question: Question,
    retrieval: Retrieval,
    supported: Supported,
    model: DecisionModel,
    calibration: Calibration | None = None,
) -> Outcome:
    """Return the outcome.

    Args:
        question: Cleaned and masked.
        retrieval: What was found.
        supported: What is left of the draft after the evidence check.
        model: Fitted weights.
        calibration: Of this way of answering; None decides by the score and leaves confidence null.
    """
    weighed = weigh(question, retrieval, supported, model, calibration)
    score, confidence = weighed.score, weighed.confidence
    answer = Answered(supported.text, supported.citations, score, confidence) if supported.text else None
    known = question.details or _says_what_is_written(question.search_text, retrieval)
    lacks = None if known else lacking(question.search_text, retrieval.ranking)
    vague = lacks is not None and lacks.bare and len(set(terms(question.search_text))) <= VAGUE_TERMS
    if answer is not None and weighed.sureness >= weighed.threshold and not vague:
        return answer
    if lacks is not None and lacks.clearly:
        return NeedsDetail(lacks.missing, score, confidence)
    half_good = answer if weighed.sureness >= weighed.threshold / 2 else None  # a suggested reply for the responder
    return Abstained(_reason(retrieval.passages, answer), score, confidence, half_good)


def _says_what_is_written(text: str, retrieval: Retrieval) -> bool:
    """True when a run of words of the question stands in a passage: an error message that somebody has met before."""
    asked = _runs(text)
    return any(asked & _runs(passage.chunk.text) for passage in retrieval.passages)


def _runs(text: str) -> set[tuple[str, ...]]:
    words = re.findall(r"\w+", text.casefold())
    return {tuple(words[n : n + VERBATIM_WORDS]) for n in range(len(words) - VERBATIM_WORDS + 1)}


def _reason(passages: Sequence[object], answer: Answered | None) -> str:
    if not passages:
        return "no_passages"
    return "weak_evidence" if answer is not None else "unsupported_draft"
