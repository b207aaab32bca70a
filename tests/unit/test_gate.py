"""Nothing goes live that is worse than what is live."""

from __future__ import annotations

from dataclasses import replace

import pytest

from assistant.core.gate import GoldenQuestion, Holding, Limits, Origin, Probe, changed_citations, judge

LIMITS = Limits(margin=0.05, shrink=0.2, configured=frozenset({"docs", "issues"}))
LIVE = Holding({"docs": 100, "issues": 50}, documents=150, chunks=600)


def probes(count: int, fallen: int, origin: Origin = "file") -> list[Probe]:
    """Return questions that all found their document first; of these `fallen` do not find it any more."""
    return [
        Probe(
            GoldenQuestion(f"q{number}", f"Question {number}?", frozenset({f"docs/{number}.md"}), origin),
            (f"docs/{number}.md", "docs/other.md"),
            ("docs/other.md",) if number < fallen else (f"docs/{number}.md",),
        )
        for number in range(count)
    ]


def passes(some: list[Probe], candidate: Holding = LIVE) -> bool:
    return judge(some, LIVE, candidate, (), LIMITS).passed


def test_the_first_version_has_nothing_to_be_worse_than() -> None:
    assert judge(probes(5, 5), None, LIVE, (), LIMITS).passed


def test_a_version_that_finds_the_same_goes_live() -> None:
    report = judge(probes(20, 0), LIVE, LIVE, (), LIMITS)
    assert report.passed
    assert report.questions == {"file": 20}
    assert report.worse == ()


def test_a_fall_within_the_margin_goes_live_and_one_beyond_it_does_not() -> None:
    assert passes(probes(20, 1))
    assert not passes(probes(20, 2))


def test_with_few_questions_of_people_one_miss_is_too_much() -> None:
    assert not passes(probes(5, 1))
    assert not passes(probes(5, 1, "confirmed"))


def test_of_drawn_questions_two_may_change_places_and_three_may_not() -> None:
    assert passes(probes(10, 2, "closed issues"))
    assert not passes(probes(10, 3, "closed issues"))


def test_each_set_is_judged_alone() -> None:
    assert not passes(probes(100, 0) + probes(5, 1, "confirmed"))


def test_a_rank_that_falls_within_the_first_five_shows_in_two_figures() -> None:
    lower = [replace(probe, after=("docs/x.md", *probe.before)) for probe in probes(10, 0)]
    failed = {check.name for check in judge(lower, LIVE, LIVE, (), LIMITS).checks if not check.passed}
    assert failed == {"hit@1 (file)", "mrr@10 (file)"}


def test_a_better_version_goes_live() -> None:
    better = [replace(probe, before=("docs/x.md",)) for probe in probes(10, 0)]
    assert passes(better)


@pytest.mark.parametrize(
    ("candidate", "expected"),
    [
        (Holding({"docs": 81, "issues": 50}, 131, 500), True),
        (Holding({"docs": 79, "issues": 50}, 129, 500), False),
        (Holding({"docs": 100, "issues": 0}, 100, 500), False),
        (Holding({"docs": 100, "issues": 50}, 150, 400), False),
        (Holding({"docs": 500, "issues": 50}, 550, 2000), True),
    ],
)
def test_a_version_that_shrank_is_kept_aside(candidate: Holding, expected: bool) -> None:  # noqa: FBT001 - a case
    assert passes([], candidate) is expected


def test_a_source_that_was_taken_out_of_the_settings_may_go() -> None:
    limits = replace(LIMITS, configured=frozenset({"docs"}))
    live = Holding({"docs": 100, "old": 10}, 110, 400)
    assert judge([], live, Holding({"docs": 100}, 100, 380), (), limits).passed


def test_one_document_may_always_go_unless_it_was_the_last() -> None:
    live = Holding({"docs": 2}, 2, 2)
    assert judge([], live, Holding({"docs": 1}, 1, 1), (), LIMITS).passed
    assert not judge([], live, Holding({}, 0, 0), (), LIMITS).passed


def test_a_report_names_what_got_worse_and_why_the_worst_first() -> None:
    gone, lower = probes(1, 1)[0], replace(probes(2, 0)[1], after=("docs/x.md", "docs/1.md"))
    report = judge([lower, gone], LIVE, LIVE, ["docs/1.md"], LIMITS)
    assert [(worse.id, worse.rank_before, worse.rank_after, worse.gone) for worse in report.worse] == [
        ("q0", 1, None, ("docs/0.md",)),
        ("q1", 1, 2, ()),
    ]
    failed = [check for check in report.checks if not check.passed]
    assert failed
    assert all(check.detail for check in failed)


def test_questions_whose_first_document_changed_are_told_whatever_the_gate_says() -> None:
    assert [probe.golden.id for probe in changed_citations(probes(5, 2))] == ["q0", "q1"]
