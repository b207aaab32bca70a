"""Two evaluations of the same questions side by side: which figures there are, and which questions changed. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from assistant.core.metrics import GAINS, decision_figures, percentile, reciprocal_rank, retrieval_figures

if TYPE_CHECKING:
    from collections.abc import Sequence

    from assistant.core.metrics import Judged

LATENCIES = {"latency_p50_ms": 0.5, "latency_p95_ms": 0.95}
"""Figures of the whole time a question took, and the share of questions that were faster."""
SHARES = (*(name for name in GAINS if "hit@" in name), "coverage", "needs_detail", "risk_strict", "risk_first")
"""Figures that count questions, beside the refusals: exact intervals exist for them."""
FIGURES = {
    "mixed_hit@1": "a right document stands first in the one list",
    "mixed_hit@5": "... among the first five",
    "mixed_hit@10": "... among the first ten (the figure that counts)",
    "own_kind_hit@1": "a right document stands first of its own kind (pages, or issues)",
    "own_kind_hit@5": "... among the first five of its own kind",
    "own_kind_hit@10": "... among the first ten of its own kind",
    "mrr@10": "mean of 1/rank of the first right document",
    "ndcg@10": "rank-weighted share of right documents",
    "coverage": "share of answerable questions that were answered",
    "needs_detail": "share of answerable questions that were asked back",
    "risk_strict": "share of answers with no right document among their first three citations",
    "risk_first": "share of answers whose first citation is not a right document",
    "aurc": "area under risk over coverage; lower is better",
    "coverage@risk10": "coverage that a strict risk of 10 % would allow, answered in the order of the score",
    "coverage@risk20": "... of 20 %",
    "coverage@risk30": "... of 30 %",
    "latency_p50_ms": "milliseconds in which half of the questions were answered",
    "latency_p95_ms": "... 95 of 100",
}
"""What each figure means, in the order in which they are shown; refusals of each class come beside them."""
REFUSED = "refused "
"""What the name of a figure of refusals begins with; the class of the questions follows."""
_LOWER_IS_BETTER = ("risk_strict", "risk_first", "aurc", *LATENCIES)


@dataclass(frozen=True, slots=True)
class Asked:
    """A question of an evaluation and what came of it.

    Attributes:
        id: The question's, unique in its file.
        total_ms: Wall milliseconds it took; None when that was not kept.
    """

    id: str
    judged: Judged
    total_ms: float | None


@dataclass(frozen=True, slots=True)
class Changed:
    """Questions, by id, whose result is another one.

    Attributes:
        better: Answered rightly, or rightly no longer answered wrongly.
        worse: The reverse.
        found_earlier: A right document stands further up among the first ten.
        found_later: The reverse.
    """

    better: tuple[str, ...]
    worse: tuple[str, ...]
    found_earlier: tuple[str, ...]
    found_later: tuple[str, ...]


def higher_is_better(figure: str) -> bool | None:
    """Return whether more of a figure is better; None where it is neither: asking back may help or be a nuisance."""
    return None if figure == "needs_detail" else figure not in _LOWER_IS_BETTER


def figures(asked: Sequence[Asked]) -> dict[str, float | None]:
    """Return every figure that is compared, by name, in the order in which they are shown."""
    judged = [question.judged for question in asked]
    found, decided = retrieval_figures(judged), decision_figures(judged)
    refused = decided.pop("refused")
    timed = [question.total_ms for question in asked if question.total_ms is not None]
    flat = {name: value for name, value in {**found, **decided}.items() if name not in {"questions", "answers"}}
    if isinstance(refused, dict):
        flat |= {f"{REFUSED}{name}": of_class["refused"] for name, of_class in refused.items()}
    return flat | {name: percentile(timed, share) for name, share in LATENCIES.items()}  # type: ignore[return-value]


def changed(before: Sequence[Asked], after: Sequence[Asked]) -> Changed:
    """Return the questions whose result differs.

    Args:
        before: Judged by A.
        after: The same questions, in the same order, judged by B.
    """
    pairs = list(zip(before, after, strict=True))
    steps = [(a.id, _standing(b.judged) - _standing(a.judged)) for a, b in pairs]
    moves = [(a.id, _found(b.judged) - _found(a.judged)) for a, b in pairs]
    return Changed(
        tuple(name for name, step in steps if step > 0),
        tuple(name for name, step in steps if step < 0),
        tuple(name for name, move in moves if move > 0),
        tuple(name for name, move in moves if move < 0),
    )


def _standing(judged: Judged) -> int:
    """A wrong answer is the worst, none is better, a right one is the best."""
    if judged.outcome != "answered":
        return 0
    return 1 if judged.strictly_right else -1


def _found(judged: Judged) -> float:
    return reciprocal_rank(judged.gold, judged.ranking)
