"""Of a ranking the passages are picked that tell what helped, not only what was asked."""

from __future__ import annotations

from indexing.picking import PASSAGES, listed_of, picked_of
from indexing.ranking import Candidate


def _page(number: int, score: float) -> Candidate:
    return Candidate(number, "page", score, 0.5, 0.5, (number * 10, number * 10 + 1))


def _issue(number: int, score: float, chunks: tuple[int, ...]) -> Candidate:
    return Candidate(number, "issue", score, 0.5, 0.5, chunks)


def _origins(*candidates: Candidate) -> dict[int, int]:
    return {chunk: one.number for one in candidates for chunk in (*one.chunks, one.number * 10 + 9)}


def test_an_issue_found_by_its_problem_is_shown_with_what_solved_it() -> None:
    issue, page = _issue(1, 5.0, (10, 11)), _page(2, 4.0)
    picked = [chunk for chunk, _ in picked_of([issue, page], _origins(issue, page), {1: 19})]
    assert picked[:2] == [10, 19]
    assert 20 in picked


def test_an_issue_found_by_its_resolution_is_not_shown_twice() -> None:
    issue, page = _issue(1, 5.0, (19, 10)), _page(2, 4.0)
    picked = [chunk for chunk, _ in picked_of([issue, page], _origins(issue, page), {1: 19})]
    assert picked.count(19) == 1


def test_passages_are_few_and_both_kinds_are_among_them() -> None:
    pages = [_page(number, 9.0 - number) for number in range(1, 20)]
    issue = _issue(30, 0.5, (300,))
    picked = picked_of([*pages, issue], _origins(*pages, issue), {})
    assert len(picked) == PASSAGES
    assert picked[-1][0] == 300


def test_the_list_that_is_shown_holds_fifteen_of_a_kind() -> None:
    pages = [_page(number, 30.0 - number) for number in range(1, 25)]
    issues = [_issue(number, 1.0 - number / 100, (number,)) for number in range(100, 110)]
    kinds = [one.kind for one in listed_of([*pages, *issues])]
    assert (kinds.count("page"), kinds.count("issue")) == (15, 10)
