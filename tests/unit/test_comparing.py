"""Comparing two evaluations: figures, intervals over resampled questions, and the questions that changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assistant.core.comparing import FIGURES, Asked, changed, figures, higher_is_better
from assistant.core.metrics import Judged
from assistant.workflows import resampling

if TYPE_CHECKING:
    from random import Random


def asked(name: str, gold: str = "", cited: str = "", outcome: str = "answered", score: float = 0.5) -> Asked:
    judged = Judged(
        frozenset(gold.split()),
        tuple(cited.split()),
        outcome,  # type: ignore[arg-type]
        tuple(cited.split()),
        score,
        "" if gold else "other product",
    )
    return Asked(name, judged, 10 * score)


questions = st.lists(
    st.builds(
        asked,
        st.just("q"),
        st.sampled_from(["", "a", "a b"]),
        st.sampled_from(["", "a", "b", "x a", "x y z a"]),
        st.sampled_from(["answered", "abstained", "needs_detail"]),
        st.sampled_from([0.0, 0.2, 0.4, 0.9]),
    ),
    min_size=2,
    max_size=12,
)


@settings(max_examples=200, deadline=None)
@given(questions, st.randoms(use_true_random=False))
def test_figures_of_a_resample_are_those_of_a_file_with_these_questions(found: list[Asked], random: Random) -> None:
    drawn = [random.randrange(len(found)) for _ in found]
    weights = np.bincount(drawn, minlength=len(found)).astype(float)[None, :]
    sample = resampling._Sample(found)  # noqa: SLF001 - the definitions of one figure in two places are held together
    computed = dict(zip(sample.names, sample.figures(weights)[:, 0], strict=True))
    by_hand = figures([found[n] for n in drawn])
    for name, value in computed.items():
        if np.isfinite(value):
            assert by_hand[name] == pytest.approx(value), name
        else:
            assert by_hand.get(name) is None, name


def many(right: int, wrong: int, unanswered: int = 0) -> list[Asked]:
    return [
        *(asked(f"r{n}", "a", "a") for n in range(right)),
        *(asked(f"w{n}", "a", "x") for n in range(wrong)),
        *(asked(f"u{n}", "a", "", "abstained") for n in range(unanswered)),
    ]


def test_the_interval_of_a_share_is_exact() -> None:
    low, high = resampling.intervals(many(right=59, wrong=0))["risk_strict"]
    assert low == 0
    assert high == pytest.approx(1 - 0.025 ** (1 / 59)), "Clopper and Pearson's, where nothing was wrong"


def test_an_interval_holds_the_figure_and_narrows_with_more_questions() -> None:
    few, lots = many(6, 4), many(60, 40)
    for name in ("mrr@10", "aurc", "risk_strict"):
        wide, narrow = resampling.intervals(few)[name], resampling.intervals(lots)[name]
        value = figures(few)[name]
        assert value is not None
        assert wide[0] <= value <= wide[1]
        assert narrow[1] - narrow[0] < wide[1] - wide[0]


def test_the_same_questions_give_the_same_interval_each_time() -> None:
    assert resampling.intervals(many(5, 3, 2)) == resampling.intervals(many(5, 3, 2))


def test_a_system_does_not_differ_from_itself() -> None:
    found = resampling.differences(many(5, 3, 2), many(5, 3, 2))
    assert found["risk_strict"] == found["aurc"] == found["mrr@10"] == (0.0, 0.0)


def test_pairs_show_a_small_difference_that_two_intervals_would_hide() -> None:
    before = many(right=40, wrong=40, unanswered=20)
    after = many(right=40, wrong=32, unanswered=20) + [asked(f"w{n}", "a", "a") for n in range(32, 40)]
    after.sort(key=lambda one: [other.id for other in before].index(one.id))
    low, high = resampling.differences(before, after)["mixed_hit@1"]
    assert 0 < low < 0.08 < high
    apart_a, apart_b = (resampling.intervals(some)["mixed_hit@1"] for some in (before, after))
    assert apart_a[1] > apart_b[0], "apart, the two could be the same"


def test_what_one_of_them_lacks_is_not_compared() -> None:
    assert "risk_strict" not in resampling.differences(many(0, 0, 5), many(0, 0, 5))
    assert resampling.intervals(many(1, 0)).keys() >= {"coverage"}, "a share of one question has an exact interval"


def test_few_answers_leave_an_interval_although_some_resamples_hold_none() -> None:
    before = many(right=1, wrong=0, unanswered=2)
    after = [asked(one.id, "a", "x" if one.id == "r0" else "", one.judged.outcome) for one in before]
    assert resampling.differences(before, after)["risk_strict"] == (1.0, 1.0)


def test_questions_that_changed_are_named_by_what_happened_to_them() -> None:
    before = [asked("a", "g", "g"), asked("b", "g", "x"), asked("c", "", "x"), asked("d", "g", "", "abstained")]
    after = [
        asked("a", "g", "g"),
        asked("b", "g", "", "abstained"),  # a wrong answer less
        asked("c", "", "", "abstained"),  # refused rightly
        asked("d", "g", "x"),  # a wrong answer more
    ]
    found = changed(before, after)
    assert (found.better, found.worse) == (("b", "c"), ("d",))
    assert (found.found_earlier, found.found_later) == ((), ())
    assert changed([asked("a", "g", "x g")], [asked("a", "g", "g")]).found_earlier == ("a",)


def test_a_comparison_of_other_questions_is_refused() -> None:
    with pytest.raises(ValueError, match="shorter"):
        changed(many(2, 0), many(1, 0))


def test_every_figure_that_is_shown_says_what_it_means() -> None:
    shown = [name for name in figures(many(2, 1)) if not name.startswith("refused ")]
    assert shown == list(FIGURES)


def test_less_risk_is_better_and_more_coverage_is() -> None:
    assert not higher_is_better("risk_strict")
    assert not higher_is_better("latency_p95_ms")
    assert higher_is_better("coverage@risk10")
    assert higher_is_better("refused other product")
    assert higher_is_better("needs_detail") is None
