"""A threshold keeps the wished risk, with the wished assurance, on labels that are few."""

from __future__ import annotations

import math
import random
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.core.guarantee import (
    Wish,
    answers_at_rate,
    answers_needed,
    fixed_sequence,
    guaranteed_risk,
    thresholds_to_test,
)
from assistant.workflows.exact import interval, upper_bound

if TYPE_CHECKING:
    from collections.abc import Callable

    from assistant.core.guarantee import Labelled

WISH = Wish(0.2, 0.95)
RUNS = 1000
FITTING, TESTING = 100, 300


def seeded(seed: int) -> random.Random:
    return random.Random(seed)  # noqa: S311 - draws data for a simulation


def drawn(chance: random.Random, count: int) -> list[Labelled]:
    """Answers whose confidence is uniform and true: one of confidence c is right with probability c."""
    confidences = [chance.random() for _ in range(count)]
    return [(confidence, chance.random() < confidence) for confidence in confidences]


def true_risk(threshold: float) -> float:
    """Of the answers that reach it, the mean of 1 - c: half of what is missing to 1."""
    return (1.0 - threshold) / 2.0


def by_sequence(chance: random.Random) -> float | None:
    beforehand = [confidence for confidence, _ in drawn(chance, FITTING)]
    thresholds = thresholds_to_test(beforehand, TESTING / FITTING, WISH, upper_bound)
    found = fixed_sequence(drawn(chance, TESTING), thresholds, WISH, upper_bound)
    return found.threshold if found else None


def by_selection(chance: random.Random) -> float | None:
    found = guaranteed_risk(drawn(chance, TESTING), WISH, upper_bound)
    return found.threshold if found else None


def by_eye(chance: random.Random) -> float | None:
    """The naive way: the lowest threshold at which the share of wrong answers seen is what was wished."""
    labelled = sorted(drawn(chance, TESTING), reverse=True)
    wrong, lowest = 0, None
    for count, (confidence, right) in enumerate(labelled, start=1):
        wrong += not right
        if wrong <= WISH.max_risk * count:
            lowest = confidence
    return lowest


def broken_and_given(way: Callable[[random.Random], float | None]) -> tuple[float, float]:
    """Return the share of runs whose true risk is above the wish, and the mean share of answers that are given."""
    found = [way(seeded(run)) for run in range(RUNS)]
    broken = sum(threshold is not None and true_risk(threshold) > WISH.max_risk for threshold in found)
    given = math.fsum(1.0 - threshold for threshold in found if threshold is not None)
    return broken / RUNS, given / RUNS


def allowed() -> float:
    """The doubt, and three standard errors of a share over so many runs."""
    return WISH.doubt + 3.0 * math.sqrt(WISH.doubt * WISH.assurance / RUNS)


@pytest.mark.slow
def test_both_ways_keep_the_promise_in_simulation_and_testing_in_sequence_gives_more_answers() -> None:
    broken, given_in_sequence = broken_and_given(by_sequence)
    assert broken <= allowed()
    broken, given_by_selection = broken_and_given(by_selection)
    assert broken <= allowed()
    assert given_in_sequence > given_by_selection + 0.02


def test_choosing_by_eye_breaks_the_promise() -> None:
    broken, _ = broken_and_given(by_eye)
    assert broken > 5 * allowed()


@pytest.mark.parametrize(
    ("wish", "answers"), [(Wish(0.05), 59), (Wish(0.10), 29), (Wish(0.20), 14), (Wish(0.05, 0.99), 90)]
)
def test_so_many_answers_without_an_error_are_needed(wish: Wish, answers: int) -> None:
    assert answers_needed(wish) == answers
    assert upper_bound(0, answers, wish.doubt) <= wish.max_risk < upper_bound(0, answers - 1, wish.doubt)
    assert answers_at_rate(wish, 0.0, upper_bound) == answers


def test_the_more_answers_are_wrong_the_more_are_needed_and_none_are_enough_above_the_wish() -> None:
    few, many = (answers_at_rate(Wish(0.1), rate, upper_bound) for rate in (0.02, 0.06))
    assert few is not None
    assert many is not None
    assert answers_needed(Wish(0.1)) < few < many
    assert answers_at_rate(Wish(0.1), 0.1, upper_bound) is None


def test_the_sequence_ends_at_the_first_threshold_that_fails_though_a_later_one_would_pass() -> None:
    good = [(0.9, True)] * 60
    bad, more = [(0.8, False)] * 30, [(0.7, True)] * 1000
    found = fixed_sequence([*good, *bad, *more], (0.9, 0.8, 0.7), Wish(0.1), upper_bound)
    assert found is not None
    assert (found.threshold, found.given, found.wrong) == (0.9, 60, 0)
    assert upper_bound(30, 1090, 0.05) < 0.1


def test_nothing_is_chosen_when_the_first_threshold_fails_or_there_is_nothing_to_choose_with() -> None:
    assert fixed_sequence([(0.9, False)] * 50, (0.9, 0.0), Wish(0.5), upper_bound) is None
    assert fixed_sequence([], (0.9, 0.0), Wish(0.5), upper_bound) is None
    assert guaranteed_risk([], Wish(0.5), upper_bound) is None
    assert thresholds_to_test([], 1.0, Wish(0.5), upper_bound) == ()


@given(st.lists(st.tuples(st.floats(0.0, 1.0), st.booleans()), max_size=120), st.integers(0, 1000))
def test_what_is_chosen_is_below_the_wish_and_counted_right(labelled: list[Labelled], seed: int) -> None:
    beforehand = [confidence for confidence, _ in drawn(seeded(seed), 40)]
    thresholds = thresholds_to_test(beforehand, len(labelled) / 40, WISH, upper_bound)
    assert list(thresholds) == sorted(thresholds, reverse=True)
    for found in (
        fixed_sequence(labelled, thresholds, WISH, upper_bound),
        guaranteed_risk(labelled, WISH, upper_bound),
    ):
        if found is not None:
            given_answers = [right for confidence, right in labelled if confidence >= found.threshold]
            assert (found.given, found.wrong) == (len(given_answers), given_answers.count(False))
            assert found.wrong / found.given < found.bound <= WISH.max_risk


def test_intervals_are_exact() -> None:
    assert interval(0, 0) is None
    assert interval(0, 59) == pytest.approx((0.0, 0.0606), abs=1e-4)
    assert interval(5, 10) == pytest.approx((0.1871, 0.8129), abs=1e-4)
    assert upper_bound(3, 3, 0.05) == 1.0
