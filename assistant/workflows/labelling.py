"""Labels for a calibration: questions with known answers after they were asked, and what askers said of answers.

The questions are divided by a hash of their ids. One part, with all feedback, fits the map from scores to
probabilities; the other, which never fits anything, chooses the threshold. Feedback chooses none: only answers above
the threshold of their day ever got any, and who speaks up is no fair sample of those who ask.
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from assistant.core.calibration import groups_of
from assistant.core.model import Answered

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from assistant.core.decision import DecisionModel
    from assistant.core.model import Decision
    from assistant.store.feedback import JudgedAnswer
    from assistant.workflows.evaluate import Row

FITTING_SHARE = 1 / 3
"""Of the questions: a map of one number needs few labels, a proof needs many."""
_SAME = 1e-9


@dataclass(frozen=True, slots=True)
class Label:
    """A question with a known answer, after it was asked without a threshold.

    Attributes:
        given: A draft stands that would be the answer, whatever its score.
        right: It is strictly right.
        groups: See `core.calibration.groups_of`.
    """

    id: str
    score: float
    features: Mapping[str, float]
    given: bool
    right: bool
    answerable: bool
    refusal_class: str = ""
    groups: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Labels:
    """All labels of one way of answering.

    Attributes:
        feedback: Judged answers from the store.
        left_out: Why labels do not count -> how many.
    """

    answered_by: str
    lexical_only: bool
    fitting: tuple[Label, ...]
    choosing: tuple[Label, ...]
    feedback: tuple[Label, ...] = ()
    left_out: Mapping[str, int] | None = None


def without_thresholds(model: DecisionModel) -> DecisionModel:
    """Return the same weights, by which every draft that stands is given."""
    return replace(model, full=replace(model.full, threshold=0.0), lexical=replace(model.lexical, threshold=0.0))


def is_for_fitting(label_id: str) -> bool:
    """True for a third of all ids, the same in every run."""
    digest = hashlib.sha256(f"calibrate:{label_id}".encode()).digest()
    return int.from_bytes(digest[:8], "big") < FITTING_SHARE * 2**64


def labels_of(rows: Sequence[Row], judged: Iterable[JudgedAnswer], model: DecisionModel) -> Labels:
    """Return the labels of the way in which most questions were answered; the others are counted and left out.

    Args:
        rows: Asked without a threshold, see `without_thresholds`.
        judged: From the store.
        model: Weights in force; feedback on decisions that were made by others does not count.
    """
    ways = Counter(_way(row.decision) for row in rows)
    way = ways.most_common(1)[0][0]
    left_out: Counter[str] = Counter()
    kept: list[Label] = []
    for row in rows:
        if _way(row.decision) == way or not row.decision.retrieval.ranking:  # nobody writes where nothing was found
            kept.append(_label(row))
        else:
            left_out[_why(way, _way(row.decision))] += 1
    feedback: list[Label] = []
    for one in judged:
        why = _stale(one, way, model)
        if why or one.decision is None:
            left_out[f"feedback: {why}"] += 1
        else:
            feedback.append(_from_feedback(one, one.decision))
    fitting = tuple(label for label in kept if is_for_fitting(label.id))
    choosing = tuple(label for label in kept if not is_for_fitting(label.id))
    return Labels(way[0], way[1], fitting, choosing, tuple(feedback), dict(left_out))


def _way(decision: Decision) -> tuple[str, bool]:
    return decision.written_by, bool(decision.features.get("words_alone", 0.0))


def _why(way: tuple[str, bool], other: tuple[str, bool]) -> str:
    if way[0] != other[0]:
        return f"answered by {other[0]}"
    return "searched by words alone" if other[1] else "searched with vectors"


def _stale(judged: JudgedAnswer, way: tuple[str, bool], model: DecisionModel) -> str:
    """Return why a judged answer is no label for this way, or empty."""
    decision = judged.decision
    if decision is None:
        return "its text was deleted"
    if not decision.features:
        return "stored before features were kept"
    if _way(decision) != way:
        return _why(way, _way(decision))
    now = model.weights(lexical_only=way[1]).score(decision.features)
    return "" if math.isclose(now, decision.outcome.score, abs_tol=_SAME) else "decided by other weights"


def _label(row: Row) -> Label:
    outcome, golden = row.decision.outcome, row.golden
    answer = outcome if isinstance(outcome, Answered) else None
    return Label(
        id=golden.id,
        score=outcome.score,
        features=row.decision.features,
        given=answer is not None,
        right=answer is not None and row.judged.strictly_right,
        answerable=bool(golden.gold),
        refusal_class=golden.refusal_class,
        groups=groups_of(answer.citations, row.decision.retrieval.passages) if answer else (),
    )


def _from_feedback(judged: JudgedAnswer, decision: Decision) -> Label:
    return Label(
        id=judged.question_id,
        score=decision.outcome.score,
        features=decision.features,
        given=True,
        right=judged.right,
        answerable=True,
    )


def counts_of(labels: Labels) -> dict[str, int]:
    """Return how many labels of each sort there are."""
    every = labels.fitting + labels.choosing
    return {
        "questions": len(every),
        "answerable": sum(label.answerable for label in every),
        "fitting": len(labels.fitting),
        "fitting_answers": len(given_of(labels.fitting)),
        "choosing": len(labels.choosing),
        "choosing_answers": len(given_of(labels.choosing)),
        "feedback_right": sum(label.right for label in labels.feedback),
        "feedback_wrong": sum(not label.right for label in labels.feedback),
        "left_out": sum((labels.left_out or {}).values()),
    }


def given_of(labels: Iterable[Label]) -> list[Label]:
    """Return those whose question would be answered if no threshold stood in the way."""
    return [label for label in labels if label.given]
