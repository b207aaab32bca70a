"""The figures of an evaluation, by hand and by property."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.core import metrics
from assistant.core.metrics import Judged

if TYPE_CHECKING:
    from random import Random


def judged(gold: str = "", ranking: str = "", cited: str = "", score: float = 0.5, outcome: str = "answered") -> Judged:
    """Write documents as words: `p1` is a page, `i1` an issue."""
    names = {True: "issue:{}", False: "docs/{}"}
    read = [
        tuple(names[word.startswith("i")].format(word) for word in words.split()) for words in (gold, ranking, cited)
    ]
    kind = "" if gold else "other product"
    return Judged(frozenset(read[0]), read[1], outcome, read[2], score, kind)  # type: ignore[arg-type]


def test_a_hit_counts_from_its_rank_on() -> None:
    figures = metrics.retrieval_figures([judged("p9", "p1 p2 p9"), judged("p1", "p1 p2")])
    assert (figures["mixed_hit@1"], figures["mixed_hit@5"]) == (0.5, 1.0)
    assert figures["mrr@10"] == pytest.approx((1 / 3 + 1) / 2)


def test_issues_that_stand_before_a_page_do_not_count_against_its_own_kind() -> None:
    figures = metrics.retrieval_figures([judged("p1", "i1 i2 p1")])
    assert (figures["mixed_hit@1"], figures["own_kind_hit@1"]) == (0.0, 1.0)


def test_ndcg_is_one_only_when_all_gold_stands_first() -> None:
    gold = frozenset({"docs/p1", "docs/p2"})
    assert metrics.ndcg(gold, ("docs/p1", "docs/p2", "x")) == 1.0
    late = metrics.ndcg(gold, ("x", "docs/p1", "docs/p2"))
    assert late == pytest.approx((1 / math.log2(3) + 1 / 2) / (1 + 1 / math.log2(3)))


def test_coverage_counts_answerable_questions_and_risk_counts_given_answers() -> None:
    figures = metrics.decision_figures(
        [
            judged("p1", cited="p1"),
            judged("p1", cited="p2 p3 p1"),
            judged("p1", cited="p2 p3 p4 p1"),
            judged("p1", outcome="abstained"),
            judged(cited="p1"),
            judged(outcome="needs_detail"),
        ]
    )
    assert figures["coverage"] == 3 / 4
    assert figures["risk_strict"] == 2 / 4, "a fourth citation does not count, and an unanswerable one is always wrong"
    assert figures["risk_first"] == 3 / 4
    assert figures["refused"] == {"other product": {"questions": 2, "refused": 0.5}}


def test_aurc_by_hand() -> None:
    right, wrong = judged("p1", cited="p1", score=0.9), judged("p1", cited="p2", score=0.1)
    assert metrics.aurc([wrong, right]) == pytest.approx((0 + 1 / 2) / 2)
    reversed_ = [judged("p1", cited="p1", score=0.1), judged("p1", cited="p2", score=0.9)]
    assert metrics.aurc(reversed_) == pytest.approx((1 + 1 / 2) / 2)


rows = st.lists(st.tuples(st.booleans(), st.sampled_from([0.1, 0.5, 0.9])), min_size=1, max_size=30)


@given(rows, st.randoms())
def test_aurc_lies_between_nothing_and_all_and_does_not_hang_on_the_order(
    found: list[tuple[bool, float]], order: Random
) -> None:
    questions = [judged("p1", cited="p1" if right else "p2", score=score) for right, score in found]
    area = metrics.aurc(questions)
    assert area is not None
    assert 0 <= area <= 1
    order.shuffle(questions)
    assert metrics.aurc(questions) == pytest.approx(area)


def test_coverage_at_a_risk_is_the_largest_that_a_threshold_reaches_with_it() -> None:
    asked = [
        judged("p1", cited="p1", score=0.9),
        judged("p1", cited="p2", score=0.8),  # risk 1/2 here ...
        judged("p1", cited="p1", score=0.7),
        judged("p1", cited="p1", score=0.6),  # ... and 1/4 here
        judged(cited="p1", score=0.5, outcome="abstained"),
    ]
    assert metrics.coverage_at_risk(asked, 0.1) == 1 / 4
    assert metrics.coverage_at_risk(asked, 0.25) == 1.0, "the risk may be higher on the way"
    assert metrics.coverage_at_risk(asked[1:2], 0.3) == 0.0


def test_equal_scores_are_answered_together_because_no_threshold_divides_them() -> None:
    right, wrong = judged("p1", cited="p1", score=0.9), judged("p1", cited="p2", score=0.9)
    assert metrics.coverage_at_risk([right, wrong], 0.3) == metrics.coverage_at_risk([wrong, right], 0.3) == 0.0


def test_three_wrong_of_ten_are_a_risk_of_thirty_percent() -> None:
    asked = [judged("p1", cited="p2" if n < 3 else "p1", score=0.5) for n in range(10)]
    assert metrics.coverage_at_risk(asked, 0.3) == 1.0


@given(rows, st.sampled_from([0.1, 0.2, 0.3]))
def test_more_risk_never_buys_less_coverage(found: list[tuple[bool, float]], risk: float) -> None:
    questions = [judged("p1", cited="p1" if right else "p2", score=score) for right, score in found]
    careful, careless = metrics.coverage_at_risk(questions, risk), metrics.coverage_at_risk(questions, risk + 0.2)
    assert careful is not None
    assert careless is not None
    assert 0 <= careful <= careless <= 1


@given(st.lists(st.floats(0, 1e6), min_size=1), st.sampled_from([0.5, 0.95]))
def test_a_percentile_is_one_of_the_values_with_its_share_below(values: list[float], share: float) -> None:
    found = metrics.percentile(values, share)
    assert found in values
    assert sum(value <= found for value in values) >= share * len(values)


def test_without_questions_there_is_no_figure_and_no_error() -> None:
    assert metrics.retrieval_figures([])["mixed_hit@1"] is None
    assert metrics.decision_figures([])["aurc"] is None
    assert metrics.decision_figures([])["coverage@risk10"] is None
    assert metrics.percentile([], 0.5) is None
