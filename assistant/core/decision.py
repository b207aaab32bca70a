"""Answered, needs detail, or abstained: a logistic score over features of retrieval and draft.

The weights are fitted on labelled questions by `scripts/fit_decision`; the score is no calibrated probability.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from assistant.core.detail import missing_details
from assistant.core.model import Abstained, Answered, NeedsDetail
from assistant.core.terms import terms

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from assistant.core.evidence import Supported
    from assistant.core.model import Outcome, Question
    from indexing.model import Retrieval


VAGUE_TERMS = 3
"""A report of a problem in so few words fits many pages equally well, however well it fits one of them."""


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
    """Weights for the whole search and for full text alone, while no embedding model is loaded."""

    full: Weights
    lexical: Weights

    def weights(self, *, lexical_only: bool) -> Weights:
        """Return the weights that fit how the search was done."""
        return self.lexical if lexical_only else self.full


def features(question: Question, retrieval: Retrieval, supported: Supported) -> dict[str, float]:
    """Return the features of retrieval and draft.

    Those of the draft: `quote_coverage` (share of the question's distinct terms that stand in the answer),
    `first_line_coverage` (the same for its first line), `cited_documents`, `kept` and `log_terms`.
    """
    said = set(terms(supported.text)) | {t for citation in supported.citations for t in terms(citation.title)}
    asked = set(terms(question.full_text))
    first = set(terms(question.full_text.strip().split("\n", 1)[0]))
    return {
        **retrieval.features,
        "quote_coverage": len(asked & said) / len(asked) if asked else 0.0,
        "first_line_coverage": len(first & said) / len(first) if first else 0.0,
        "cited_documents": float(len({citation.document for citation in supported.citations})),
        "kept": supported.kept,
        "log_terms": math.log1p(len(asked)),
    }


def decide(question: Question, retrieval: Retrieval, supported: Supported, model: DecisionModel) -> Outcome:
    """Return the outcome.

    Args:
        question: Cleaned and masked.
        retrieval: What was found.
        supported: What is left of the draft after the evidence check.
        model: Fitted weights.
    """
    weights = model.weights(lexical_only=retrieval.lexical_only)
    score = weights.score(features(question, retrieval, supported)) if retrieval.passages else 0.0
    answer = Answered(supported.text, supported.citations, score) if supported.text else None
    missing = missing_details(question.full_text) if not question.details else ()
    vague = bool(missing) and len(set(terms(question.full_text))) <= VAGUE_TERMS
    if answer is not None and score >= weights.threshold and not vague:
        return answer
    if missing:
        return NeedsDetail(missing, score)
    return Abstained(_reason(retrieval.passages, answer), score, suggested=_half_good(answer, score, weights))


def _reason(passages: Sequence[object], answer: Answered | None) -> str:
    if not passages:
        return "no_passages"
    return "weak_evidence" if answer is not None else "unsupported_draft"


def _half_good(answer: Answered | None, score: float, weights: Weights) -> Answered | None:
    """Return the answer as a suggested reply when it comes halfway to the threshold."""
    return answer if answer is not None and score >= weights.threshold / 2 else None
