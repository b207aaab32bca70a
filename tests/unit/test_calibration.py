"""Confidence, and what a calibration is good for."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.core.calibration import (
    LOGIT,
    Calibration,
    GroupThreshold,
    Isotonic,
    Logistic,
    Measured,
    ValidFor,
    groups_of,
    numbers_of,
    weights_hash,
    why_unfit,
)
from assistant.core.decision import Weights
from assistant.core.model import Citation
from assistant.core.reliability import bins, brier, calibration_error, risk_coverage
from assistant.workflows.fitting import Example, fit_map
from indexing.model import Chunk, Passage

SAME = Logistic((LOGIT,), (0.0,), (1.0,), (1.0,), 0.0)
VALID = ValidFor("onnx:384", "extractive", "abcd")
WEIGHTS = Weights(("x",), (0.0,), (1.0,), (1.0,), 0.0, 0.5)
MEASURED = Measured(0.1, 0.95, "platt", (LOGIT,), {"questions": 100}, 60, 1, 0.09, "v0001", "2026-11-21T12:00:00+00:00")


def passage(document: str, *labels: str) -> Passage:
    return Passage(1, Chunk(document, 0, ("T",), "text"), 1.0, "page", "T", "", labels)


def cited(*documents: str) -> tuple[Citation, ...]:
    return tuple(Citation(n, "T", "", document, "") for n, document in enumerate(documents, start=1))


@given(st.floats(0.0, 1.0), st.floats(0.0, 1.0))
def test_a_higher_score_is_never_less_sure(one: float, other: float) -> None:
    steps = Isotonic((0.2, 0.4, 0.4001, 0.9), (0.1, 0.1, 0.6, 0.95))
    low, high = sorted((one, other))
    for map_ in (SAME, steps):
        below, above = (map_.probability(numbers_of(score, {})) for score in (low, high))
        assert 0.0 < below <= above < 1.0


def test_steps_are_joined_by_lines_and_flat_outside() -> None:
    steps = Isotonic((0.2, 0.4), (0.1, 0.5))
    told = [steps.probability(numbers_of(score, {})) for score in (0.0, 0.2, 0.3, 0.4, 1.0)]
    assert told == pytest.approx([0.1, 0.1, 0.3, 0.5, 0.5])


def test_the_threshold_of_the_first_group_counts_and_the_common_one_elsewhere() -> None:
    own = (GroupThreshold("label:ci", 0.4, 50, 1, 0.09), GroupThreshold("kind:page", 0.6, 50, 1, 0.09))
    made = Calibration(SAME, 0.9, VALID, MEASURED, own)
    assert made.threshold_for(("label:ci", "kind:page")) == 0.4
    assert made.threshold_for(("source:docs", "kind:page")) == 0.6
    assert made.threshold_for(("kind:issue",)) == 0.9
    assert made.threshold_for(()) == 0.9


@pytest.mark.parametrize(
    ("document", "groups"),
    [
        ("docs/ci/cache.md", ("source:docs", "kind:page")),
        ("issue:12", ("kind:issue",)),
        ("issue:platform/support#12", ("source:platform/support", "kind:issue")),
    ],
)
def test_an_answer_belongs_to_the_groups_of_its_first_cited_document(document: str, groups: tuple[str, ...]) -> None:
    passages = [passage("other.md", "wiki"), passage(document, "runner", "ci")]
    assert groups_of(cited(document, "other.md"), passages) == ("label:ci", "label:runner", *groups)
    assert groups_of((), passages) == ()


@pytest.mark.parametrize(
    ("now", "told"),
    [
        (VALID, ""),
        (replace(VALID, embedder="int8:384"), "another embedder"),
        (replace(VALID, answered_by="qwen"), "answers are by qwen"),
        (replace(VALID, weights="ffff"), "weights"),
        (replace(VALID, lexical_only=True), "words alone"),
    ],
)
def test_a_calibration_is_for_the_way_it_was_measured_alone(now: ValidFor, told: str) -> None:
    why = why_unfit(VALID, now)
    assert bool(why) == bool(told)
    assert told in why


def test_weights_are_known_by_what_was_fitted_not_by_their_threshold() -> None:
    assert weights_hash(WEIGHTS) == weights_hash(replace(WEIGHTS, threshold=0.9))
    assert weights_hash(WEIGHTS) != weights_hash(replace(WEIGHTS, bias=0.1))


def examples(count: int, *, overconfident: float = 1.0, features: int = 0) -> list[Example]:
    """Scores 1/count ... 1; the true chance to be right is nearer to one half by `overconfident`."""
    found = []
    for place in range(count):
        score = (place + 0.5) / count
        chance = 0.5 + (score - 0.5) / overconfident
        right = math.sin(place * 12.9898) * 43758.5453 % 1.0 < chance
        found.append(Example(score, {f"f{n}": math.cos(place * (n + 1)) for n in range(features)}, right))
    return found


def test_a_map_brings_bold_scores_back_to_what_came_true() -> None:
    told = examples(600, overconfident=4.0)
    fitted = fit_map(told[::2])
    held_out = told[1::2]
    before = [(one.score, one.right) for one in held_out]
    after = [(fitted.map.probability(numbers_of(one.score, {})), one.right) for one in held_out]
    error, old = calibration_error(after), calibration_error(before)
    assert error is not None
    assert old is not None
    assert error < old / 2
    assert (brier(after) or 0.0) < (brier(before) or 0.0)


def test_few_answers_choose_among_few_maps_and_many_among_all() -> None:
    assert set(fit_map(examples(60, features=2)).losses) == {"score", "platt"}
    assert set(fit_map(examples(500, features=2)).losses) == {"score", "platt", "isotonic", "features"}


def test_a_score_that_is_a_probability_already_stays_as_it_is() -> None:
    fitted = fit_map(examples(500))
    assert fitted.method == "score"
    assert [fitted.map.probability(numbers_of(score, {})) for score in (0.01, 0.5, 0.99)] == pytest.approx(
        [0.01, 0.5, 0.99]
    )


def test_features_decide_where_they_say_more_than_the_score() -> None:
    told = [replace(one, features={"known": float(one.right)}, score=0.5) for one in examples(300)]
    fitted = fit_map(told)
    assert fitted.method == "features"
    right, wrong = (fitted.map.probability(numbers_of(0.5, {"known": known})) for known in (1.0, 0.0))
    assert right > 0.9
    assert wrong < 0.1


def test_answers_that_are_all_right_are_never_sure() -> None:
    fitted = fit_map([replace(one, right=True) for one in examples(40)])
    confidence = fitted.map.probability(numbers_of(0.9, {}))
    assert 0.9 < confidence < 1.0


def test_a_score_that_says_nothing_never_turns_the_order_round() -> None:
    fitted = fit_map([replace(one, right=not one.right) for one in examples(100)])
    low, high = (fitted.map.probability(numbers_of(score, {})) for score in (0.1, 0.9))
    assert low <= high


def test_figures_of_confidences_by_hand() -> None:
    answers = [(0.9, True), (0.9, False), (0.1, False), (0.1, False)]
    assert brier(answers) == pytest.approx((0.01 + 0.81 + 0.01 + 0.01) / 4)
    assert [(part.answers, part.right) for part in bins(answers)] == [(2, 0), (2, 1)]
    assert calibration_error(answers) == pytest.approx((abs(0.2 - 0) + abs(1.8 - 1)) / 4)
    assert (brier([]), calibration_error([]), bins([])) == (None, None, ())


def test_the_curve_has_a_point_for_each_threshold_and_counts_answerable_questions() -> None:
    points = risk_coverage([(0.9, True, True), (0.5, False, False), (0.5, True, True), (0.2, False, True)], 4)
    assert [(p.threshold, p.given, p.coverage, p.risk) for p in points] == [
        (0.9, 1, 0.25, 0.0),
        (0.5, 3, 0.5, pytest.approx(1 / 3)),
        (0.2, 4, 0.75, 0.5),
    ]
    assert risk_coverage([], 0) == ()
