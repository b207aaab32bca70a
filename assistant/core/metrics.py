"""Figures over questions with known answers. Pure: every definition stands here once.

Gold is incomplete (other pages may answer too), so hit rates are lower bounds and strict risk has a floor: compare
systems with them, and read answers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from assistant.core.model import OutcomeName

CITED = 3
"""Cited documents that count."""
CUT_OFFS = (1, 5, 10)
AT_RISK = {"coverage@risk10": 0.1, "coverage@risk20": 0.2, "coverage@risk30": 0.3}
"""Strict risks at which coverage is told."""
_ROUNDING = 1e-9
"""3 wrong of 10 are 30 %, although 0.3 * 10 may be a little less than 3."""


@dataclass(frozen=True, slots=True)
class Judged:
    """One question after it was asked.

    Attributes:
        gold: Documents any one of which answers it; empty for unanswerable questions.
        ranking: Distinct documents, best first: the one list that is shown.
        outcome: What was decided.
        cited: Distinct documents of the answer in the order of their citations.
        score: Of the decision, 0..1.
        refusal_class: For unanswerable questions: `other product`, `same product`, `page removed`; else empty.
    """

    gold: frozenset[str]
    ranking: tuple[str, ...]
    outcome: OutcomeName
    cited: tuple[str, ...]
    score: float
    refusal_class: str = ""

    @property
    def answerable(self) -> bool:
        """True when a gold document exists."""
        return bool(self.gold)

    @property
    def strictly_right(self) -> bool:
        """True when a gold document is among the first three cited documents."""
        return bool(self.gold.intersection(self.cited[:CITED]))

    @property
    def first_right(self) -> bool:
        """True when the first cited document is gold."""
        return bool(self.gold.intersection(self.cited[:1]))


def kind_of(document: str) -> Literal["page", "issue"]:
    """Return the kind of a document by its name."""
    return "issue" if document.startswith("issue:") else "page"


def own_kind(judged: Judged) -> tuple[str, ...]:
    """Return the ranking restricted to the kinds of the gold."""
    kinds = {kind_of(document) for document in judged.gold}
    return tuple(document for document in judged.ranking if kind_of(document) in kinds)


def hit_at(gold: frozenset[str], ranking: Sequence[str], k: int) -> float:
    """Return 1 when a gold document is among the first k of the ranking, else 0."""
    return float(bool(gold.intersection(ranking[:k])))


def reciprocal_rank(gold: frozenset[str], ranking: Sequence[str], k: int = 10) -> float:
    """Return 1/rank of the first gold document among the first k, else 0 (averaged: mrr@k)."""
    return next((1.0 / rank for rank, document in enumerate(ranking[:k], start=1) if document in gold), 0.0)


def ndcg(gold: frozenset[str], ranking: Sequence[str], k: int = 10) -> float:
    """Return nDCG@k with binary gain (Järvelin & Kekäläinen 2002): 1 when all gold stands first."""
    gained = sum(1.0 / math.log2(rank + 1) for rank, d in enumerate(ranking[:k], start=1) if d in gold)
    ideal = sum(1.0 / math.log2(rank + 1) for rank in range(1, min(len(gold), k) + 1))
    return gained / ideal if ideal else 0.0


def gains(question: Judged) -> dict[str, float]:
    """Return what one answerable question adds to each retrieval figure, 0..1: the figure is their mean."""
    own = own_kind(question)
    return {
        **{f"mixed_hit@{k}": hit_at(question.gold, question.ranking, k) for k in CUT_OFFS},
        **{f"own_kind_hit@{k}": hit_at(question.gold, own, k) for k in CUT_OFFS},
        "mrr@10": reciprocal_rank(question.gold, question.ranking),
        "ndcg@10": ndcg(question.gold, question.ranking),
    }


GAINS = tuple(gains(Judged(frozenset(), (), "abstained", (), 0.0)))
"""Names of the retrieval figures."""


def retrieval_figures(questions: Sequence[Judged]) -> dict[str, float | int | None]:
    """Return hit@1, 5, 10 over the mixed list and over the gold's own kind, mrr@10 and ndcg@10 (mixed).

    Only answerable questions count; without one every figure is None.
    """
    asked = [gains(question) for question in questions if question.answerable]
    return {"questions": len(asked), **{name: _mean([found[name] for found in asked]) for name in GAINS}}


def decision_figures(questions: Sequence[Judged]) -> dict[str, object]:
    """Return coverage, risks, aurc, and refusals by class.

    coverage         share of answerable questions that were answered
    needs_detail     share of answerable questions that were asked back
    risk_strict      share of given answers (to any question) that are not strictly right
    risk_first       the same for the first citation
    aurc             see `aurc`
    coverage@risk10  see `coverage_at_risk`; the same for 20 and 30 %
    refused          class of unanswerable question -> share that was not answered, and how many there are
    """
    asked = [question for question in questions if question.answerable]
    given = [question for question in questions if question.outcome == "answered"]
    classes = sorted({question.refusal_class for question in questions if not question.answerable})
    return {
        "questions": len(questions),
        "coverage": _mean([float(q.outcome == "answered") for q in asked]),
        "needs_detail": _mean([float(q.outcome == "needs_detail") for q in asked]),
        "answers": len(given),
        "risk_strict": _mean([float(not q.strictly_right) for q in given]),
        "risk_first": _mean([float(not q.first_right) for q in given]),
        "aurc": aurc(questions),
        **{name: coverage_at_risk(questions, risk) for name, risk in AT_RISK.items()},
        "refused": {name: _refused(questions, name) for name in classes},
    }


def _refused(questions: Sequence[Judged], name: str) -> dict[str, float | int | None]:
    of_class = [question for question in questions if not question.answerable and question.refusal_class == name]
    return {"questions": len(of_class), "refused": _mean([float(q.outcome != "answered") for q in of_class])}


def aurc(questions: Sequence[Judged]) -> float | None:
    """Return the area under risk over coverage when questions are answered in the order of their score.

    The mean of `running_risks` (Geifman, Uziel & El-Yaniv 2019). Lower is better.
    """
    return _mean(running_risks(questions))


def running_risks(questions: Sequence[Judged]) -> list[float]:
    """Return the strict risk after each question, answered in the order of their score: risk over coverage.

    After each question, risk is the share of those so far that are not strictly right. A question without citations
    counts as not right. Equal scores count as their mean over all orders, so that no figure depends on the order of the
    file.
    """
    by_score: dict[float, list[float]] = {}
    for question in questions:
        by_score.setdefault(question.score, []).append(float(not question.strictly_right))
    risks: list[float] = []
    wrong, seen = 0.0, 0
    for score in sorted(by_score, reverse=True):
        tied = by_score[score]
        share = sum(tied) / len(tied)
        risks.extend((wrong + share * position) / (seen + position) for position in range(1, len(tied) + 1))
        wrong += sum(tied)
        seen += len(tied)
    return risks


def coverage_at_risk(questions: Sequence[Judged], risk: float) -> float | None:
    """Return the largest coverage of answerable questions at which the running strict risk is at most `risk`.

    All questions are answered in the order of their score, whatever was decided, as in `aurc`. A threshold cannot
    divide equal scores, so these are answered together: a point stands behind the last of them. The risk may be higher
    at a point before. 0 when no point is good enough; None without answerable questions. It is the best that this score
    could do on these very questions (the threshold is chosen on them), so it promises nothing for others.

    Args:
        questions: Judged.
        risk: Share of answers not strictly right, 0..1.
    """
    answerable = sum(question.answerable for question in questions)
    tied: dict[float, list[Judged]] = {}
    for question in questions:
        tied.setdefault(question.score, []).append(question)
    best = wrong = seen = covered = 0
    for score in sorted(tied, reverse=True):
        seen += len(tied[score])
        wrong += sum(not question.strictly_right for question in tied[score])
        covered += sum(question.answerable for question in tied[score])
        if wrong <= risk * seen + _ROUNDING:
            best = covered
    return best / answerable if answerable else None


def percentile(values: Sequence[float], share: float) -> float | None:
    """Return the value below which this share (0..1) of the values lies, by nearest rank; None without values."""
    if not values:
        return None
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def _mean(values: Sequence[float]) -> float | None:
    return math.fsum(values) / len(values) if values else None
