"""Nothing goes live that is worse than what is live."""

from __future__ import annotations

from dataclasses import replace

import pytest

from assistant.core.gate import (
    GateCheck,
    GateReport,
    GoldenQuestion,
    Holding,
    Limits,
    Origin,
    Probe,
    changed_citations,
    found_again,
    judge,
)

LIMITS = Limits(margin=0.05, shrink=0.2, configured=frozenset({"docs", "issues"}))


def holding(docs: int, issues: int, chunks: int = 600) -> Holding:
    """Return what a version of two sources holds."""
    return Holding({("docs", "page"): (docs, chunks), ("issues", "issue"): (issues, 0)})


LIVE = holding(100, 50)


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
    return judge(some, LIVE, candidate, LIMITS).passed


def test_the_first_version_has_nothing_to_be_worse_than() -> None:
    assert judge(probes(5, 5), None, LIVE, LIMITS).passed


def test_a_version_that_finds_the_same_goes_live() -> None:
    report = judge(probes(20, 0), LIVE, LIVE, LIMITS)
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
    failed = {check.name for check in judge(lower, LIVE, LIVE, LIMITS).checks if not check.passed}
    assert failed == {"hit@1 (file)", "mrr@10 (file)"}


def test_a_better_version_goes_live() -> None:
    better = [replace(probe, before=("docs/x.md",)) for probe in probes(10, 0)]
    assert passes(better)


@pytest.mark.parametrize(
    ("candidate", "expected"),
    [
        (holding(81, 50), True),
        (holding(79, 50), False),
        (holding(100, 0), False),
        (holding(100, 50, chunks=400), False),
        (holding(500, 50, chunks=2000), True),
    ],
)
def test_a_version_that_shrank_is_kept_aside(candidate: Holding, expected: bool) -> None:  # noqa: FBT001 - a case
    assert passes([], candidate) is expected


def test_somebody_may_say_that_it_may_shrink_but_not_that_it_may_find_less() -> None:
    limits = replace(LIMITS, force=True)
    report = judge([], LIVE, holding(10, 50, chunks=60), limits)
    assert report.passed
    assert any("--force" in check.detail for check in report.checks)
    assert not judge(probes(5, 1), LIVE, LIVE, limits).passed


def test_a_source_that_lost_one_kind_of_document_is_told_by_kind() -> None:
    live = Holding({("group", "page"): (100, 100), ("group", "issue"): (100, 100)})
    report = judge(
        [], live, Holding({("group", "issue"): (100, 100)}), replace(LIMITS, configured=frozenset({"group"}))
    )
    assert [check.name for check in report.failed] == ["pages of group", "chunks"]


def test_chunks_of_another_way_of_cutting_are_not_compared() -> None:
    assert passes([], replace(holding(100, 50, chunks=100), chunker="longer"))


def test_a_source_that_was_taken_out_of_the_settings_may_go() -> None:
    live = Holding({("docs", "page"): (100, 100), ("old", "page"): (100, 500)})
    candidate = Holding({("docs", "page"): (100, 100)})
    assert judge([], live, candidate, replace(LIMITS, configured=frozenset({"docs"}))).passed


def test_one_document_may_always_go_unless_it_was_the_last() -> None:
    live = Holding({("docs", "page"): (2, 2)})
    assert judge([], live, Holding({("docs", "page"): (1, 1)}), LIMITS).passed
    assert not judge([], live, Holding({}), LIMITS).passed


def test_a_version_that_does_not_find_its_own_documents_is_broken() -> None:
    assert found_again(20, 20).passed
    assert found_again(0, 0).passed
    broken = judge([], None, LIVE, LIMITS, [found_again(3, 20)])
    assert not broken.passed
    assert "3 of 20" in broken.failed[0].detail


def removed(origin: Origin) -> Probe:
    """Return a question whose only document left with the candidate."""
    return replace(probes(1, 1, origin)[0], held_before=frozenset({"docs/0.md"}))


def test_a_confirmed_answer_goes_with_its_document() -> None:
    report = judge([removed("confirmed"), *probes(5, 0, "confirmed")[1:]], LIVE, LIVE, LIMITS)
    assert report.passed
    assert all(
        "1 left out, as what answered them was removed at its source" in check.detail for check in figures(report)
    )


def test_a_question_of_the_file_whose_document_was_removed_holds_back_and_says_why() -> None:
    report = judge([removed("file"), *probes(5, 0)[1:]], LIVE, LIVE, LIMITS)
    assert [check.name for check in report.failed] == ["hit@5 (file)"]
    assert "removed at the source: docs/0.md (if it is right, take these questions out" in report.failed[0].detail
    assert report.worse[0].gone == ("docs/0.md",)


def test_a_question_that_only_moves_holds_nothing_back_when_it_is_the_only_one() -> None:
    questions = probes(5, 0)
    moved = replace(questions[0], after=("docs/new.md", "docs/0.md"))
    assert passes([moved, *questions[1:]])
    both = [replace(probe, after=("docs/new.md", *probe.after)) for probe in questions[:2]]
    assert not passes([*both, *questions[2:]])


def figures(report: GateReport) -> list[GateCheck]:
    return [check for check in report.checks if "hit" in check.name or "mrr" in check.name]


def test_a_report_names_what_got_worse_and_why_the_worst_first() -> None:
    gone, lower = removed("file"), replace(probes(2, 0)[1], after=("docs/x.md", "docs/1.md"))
    report = judge([lower, gone], LIVE, LIVE, LIMITS)
    assert [(worse.id, worse.rank_before, worse.rank_after, worse.gone) for worse in report.worse] == [
        ("q0", 1, None, ("docs/0.md",)),
        ("q1", 1, 2, ()),
    ]
    assert (report.worse[0].found_before, report.worse[0].found_after) == (
        ("docs/0.md", "docs/other.md"),
        ("docs/other.md",),
    )
    assert report.failed
    assert all(check.detail for check in report.failed)


def test_a_report_does_not_repeat_what_askers_wrote() -> None:
    report = judge(probes(5, 1, "confirmed"), LIVE, LIVE, LIMITS)
    assert [(worse.id, worse.question) for worse in report.worse] == [("q0", "")]
    assert judge(probes(5, 1), LIVE, LIVE, LIMITS).worse[0].question == "Question 0?"


def test_questions_whose_first_document_changed_are_told_whatever_the_gate_says() -> None:
    assert [probe.golden.id for probe in changed_citations(probes(5, 2))] == ["q0", "q1"]
