"""A threshold for all answers, or one of its own for a group that can prove it."""

from __future__ import annotations

import math
import random

import pytest

from assistant.core.choosing import Scored, Thresholds, choose, groups_to_try
from assistant.core.guarantee import Wish
from assistant.workflows.exact import upper_bound

WISH = Wish(0.2, 0.9)
PAGES, ISSUES = "kind:page", "kind:issue"


def seeded(seed: int) -> random.Random:
    return random.Random(seed)  # noqa: S311 - draws data for a simulation


def drawn(chance: random.Random, count: int, issues_are_worse_by: float) -> list[Scored]:
    """Half pages, half issues; a page of confidence c is right with probability c, an issue less often."""
    found = []
    for _ in range(count):
        group, confidence = chance.choice((PAGES, ISSUES)), chance.random()
        right = chance.random() < confidence - (issues_are_worse_by if group == ISSUES else 0.0)
        found.append(Scored(confidence, right, ("source:docs", group)))
    return found


def true_risk(threshold: float, worse_by: float) -> float:
    return min(1.0, (1.0 - min(threshold, 1.0)) / 2.0 + worse_by)


def test_without_enough_answers_all_share_one_threshold_and_the_whole_assurance() -> None:
    weak = Wish(0.35, 0.9)
    found = choose(drawn(seeded(1), 60, 0.0), drawn(seeded(2), 200, 0.0), weak, upper_bound)
    assert found is not None
    assert (found.own, found.tried, found.promises) == ((), (), 1)
    assert found.common is not None
    assert found.common.bound <= weak.max_risk


def test_groups_that_are_alike_get_no_thresholds_of_their_own() -> None:
    fitting = drawn(seeded(3), 1000, 0.0)
    assert groups_to_try(fitting, 2.0, WISH, upper_bound) == ()


def test_a_group_that_is_right_more_often_gets_its_own_and_the_others_are_not_given() -> None:
    """Four of five issues are wrong more often than their confidence says: alone they prove nothing."""
    found = choose(drawn(seeded(4), 1000, 0.5), drawn(seeded(5), 2000, 0.5), WISH, upper_bound)
    assert found is not None
    assert [name for name, _ in found.own] == [PAGES]
    assert found.common is None
    assert found.promises == 3


def test_a_group_needs_the_guarantee_by_itself() -> None:
    """What the fitting part promises, the other part does not hold: the common threshold is left."""
    promised = drawn(seeded(6), 1000, 0.5)
    held = [Scored(one.confidence, one.right, (ISSUES,)) for one in drawn(seeded(7), 2000, 0.0)]
    broken = [Scored(0.9, right=False, groups=(PAGES,))] * 40
    assert PAGES in groups_to_try(promised, 2.0, WISH, upper_bound)
    found = choose(promised, [*held, *broken], WISH, upper_bound)
    assert found is not None
    assert found.own == ()
    assert PAGES in found.tried
    assert found.common is not None


def test_nothing_is_chosen_where_nothing_is_proved() -> None:
    assert choose(drawn(seeded(8), 100, 0.9), drawn(seeded(9), 200, 0.9), WISH, upper_bound) is None
    assert choose([], [], WISH, upper_bound) is None


def keeps_the_wish(found: Thresholds, worse_by: float) -> bool:
    """True when the true risk of each part is below the wish."""
    own = dict(found.own)
    by_group = {PAGES: 0.0, ISSUES: worse_by}
    risks = [true_risk(chosen.threshold, by_group[name]) for name, chosen in own.items()]
    left = [worse for name, worse in by_group.items() if name not in own]
    if found.common is not None and left:
        risks.append(math.fsum(true_risk(found.common.threshold, worse) for worse in left) / len(left))
    return all(risk <= WISH.max_risk for risk in risks)


@pytest.mark.slow
def test_all_promises_hold_together_in_simulation() -> None:
    runs, worse_by = 200, 0.15
    broken = tried = 0
    for run in range(runs):
        found = choose(drawn(seeded(run), 400, worse_by), drawn(seeded(runs + run), 800, worse_by), WISH, upper_bound)
        broken += found is not None and not keeps_the_wish(found, worse_by)
        tried += found is not None and bool(found.tried)
    assert tried > runs / 20, "the simulation says nothing of groups"
    assert broken / runs <= WISH.doubt + 3.0 * math.sqrt(WISH.doubt * WISH.assurance / runs)
