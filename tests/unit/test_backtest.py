"""Back-test: which questions are asked, with which words, and how the outcomes are counted."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from assistant.core.backtest import (
    Replayed,
    by_label,
    by_month,
    by_quarter,
    counted,
    missed,
    rolling,
    told_by,
    wilson,
    worst,
)
from assistant.core.judging import Judgement
from assistant.errors import Rejected
from assistant.workflows.backtest import Chosen
from assistant.workflows.backtest_summary import clustered_interval
from indexing.catalog_rows import ChunkedDocument
from indexing.model import Chunk, Document

ROW = Replayed(
    document="issue:1",
    title="T",
    url="",
    opened_at="2026-03-05T10:00:00+00:00",
    labels=("ci", "support"),
    author="a",
    outcome="abstained",
    reason="weak_evidence",
    score=0.2,
    confidence=None,
    cited=(),
    right=(),
    judgement=None,
    miss="",
    milliseconds=1.0,
)


def answered(verdict: str, **changes: object) -> Replayed:
    judgement = Judgement(verdict, "cited")  # type: ignore[arg-type]
    return replace(ROW, outcome="answered", judgement=judgement, **changes)  # type: ignore[arg-type]


rows_of_all_kinds = st.lists(
    st.one_of(
        st.just(ROW),
        st.just(replace(ROW, outcome="needs_detail")),
        st.sampled_from(["rightly", "wrongly", "cannot_be_told"]).map(answered),
    ),
    max_size=30,
)


@given(rows_of_all_kinds)
def test_every_question_is_counted_once(rows: list[Replayed]) -> None:
    found = counted(rows)
    assert found.asked == found.answered + found.escalated + found.asked_back
    assert found.answered == found.rightly + found.wrongly + found.cannot_be_told


def test_how_often_it_is_wrong_is_told_of_answers_whose_right_document_is_known() -> None:
    rows = [answered("rightly"), answered("rightly", right=("x",)), answered("wrongly", right=("y",)), ROW]
    found = counted(rows).as_object()
    assert (found["led"], found["risk"], found["deflection"], found["confirmed_right"]) == (2, 0.5, 0.75, 0.5)
    assert counted([ROW]).as_object()["risk"] is None


@given(st.integers(0, 60), st.integers(0, 60))
def test_the_interval_of_a_share_is_wilson_s(count: int, more: int) -> None:
    of = count + more
    bounds = wilson(count, of)
    if of == 0:
        assert bounds is None
        return
    expected = binomtest(count, of).proportion_ci(method="wilson")
    assert bounds == pytest.approx((expected.low, expected.high), abs=1e-6)


def test_an_issue_counts_in_its_month_its_quarter_and_under_each_of_its_labels() -> None:
    rows = [ROW, replace(ROW, labels=("ci",), opened_at="2026-04-01T00:00:00+00:00"), replace(ROW, labels=())]
    assert {name: len(some) for name, some in by_month(rows).items()} == {"2026-03": 2, "2026-04": 1}
    assert {name: len(some) for name, some in by_quarter(rows).items()} == {"2026-Q1": 2, "2026-Q2": 1}
    labels = {name: len(some) for name, some in by_label(rows).items()}
    assert labels == {"ci": 2, "(no label)": 1, "support": 1}
    assert next(iter(labels)) == "ci"


@pytest.mark.parametrize(
    ("right", "held", "ranking", "cited", "why"),
    [
        ((), {"a"}, ["a"], ["b"], ""),
        (("a",), {"a"}, ["b", "a"], ["b", "a"], ""),
        (("a",), set(), ["b"], ["b"], "not_in_index"),
        (("a",), {"a"}, ["b"], ["b"], "not_found"),
        (("a",), {"a"}, ["b", "a"], ["b"], "not_cited"),
        (("a",), {"a"}, ["b", "a"], ["b", "c", "d", "a"], "not_cited"),
        (("a",), {"a"}, ["b", "a"], None, "weak_evidence"),
        (("a",), {"a"}, ["b"], None, "not_found"),
    ],
)
def test_a_miss_says_where_the_right_document_was_lost(
    right: tuple[str, ...], held: set[str], ranking: list[str], cited: list[str] | None, why: str
) -> None:
    assert missed(right, held.__contains__, ranking, cited) == why


def test_the_worst_miss_is_the_surest_wrong_answer() -> None:
    rows = [
        replace(ROW, document="idle", miss="weak_evidence", score=0.9),
        replace(ROW, document="fine", miss="not_in_index"),
        answered("wrongly", document="sure", score=0.8),
        answered("wrongly", document="less sure", score=0.99, confidence=0.7),
        answered("rightly", document="right", score=0.99),
        answered("cannot_be_told", document="unknown", score=0.99),
    ]
    assert [row.document for row in worst(rows)] == ["sure", "less sure", "idle"]


def test_shares_over_time_are_of_the_issues_asked_last() -> None:
    rows = [ROW] * 30 + [answered("rightly")] * 30
    found = rolling(rows)
    assert [one["deflection"] for one in found] == pytest.approx([0.0, 1 / 3, 2 / 3, 1.0])
    assert [one["before"] for one in found] == [0, 10, 20, 30]
    assert [one["asked"] for one in rolling([ROW] * 5)] == [5]


def test_who_asks_alike_questions_counts_as_one_when_shares_are_drawn_anew() -> None:
    apart = [answered("rightly", author=str(n)) if n % 2 else replace(ROW, author=str(n)) for n in range(60)]
    clustered = [replace(row, author=str(n % 2)) for n, row in enumerate(apart)]
    (low, high), (wide_low, wide_high) = clustered_interval(apart) or (0, 0), clustered_interval(clustered) or (0, 0)
    assert low < 0.5 < high
    assert wide_high - wide_low > 2 * (high - low)
    assert clustered_interval([]) is None


# -- the asker's words


def chunk(ordinal: int, headings: tuple[str, ...], text: str) -> Chunk:
    return Chunk("issue:1", ordinal, headings, text)


def test_the_question_is_what_the_asker_wrote_and_no_word_of_the_answer() -> None:
    told = told_by(
        "Runner fails",
        [
            chunk(0, ("Runner fails", "Problem"), "It fails since today."),
            chunk(1, ("Runner fails", "Problem"), "With this log."),
            chunk(2, ("Runner fails",), "## Environment\n\n- Version: 17.1\n\n## Resolution\n\nRestart it."),
            chunk(3, ("Runner fails",), "Then wait."),
            chunk(4, ("Runner fails", "Discussion"), "Thanks! See #7."),
        ],
    )
    assert told.question == "Runner fails\nIt fails since today.\n\nWith this log.\n- Version: 17.1"
    assert told.resolution == "Restart it.\n\nThen wait."
    assert told.discussion == "Thanks! See #7."


def test_an_issue_of_which_only_the_title_is_left_is_asked_by_its_title() -> None:
    told = told_by("Runner fails", [chunk(0, ("Runner fails", "Discussion"), "Me too.")])
    assert told.question == "Runner fails"
    assert told.resolution == ""


# -- which issues


def issue(iid: int, opened_at: str, *labels: str, audience: str = "public") -> ChunkedDocument:
    document = Document(f"issue:{iid}", "issue", f"T{iid}", "", "", "issues", labels, "", audience, opened_at=opened_at)
    return ChunkedDocument(document, "", ())


ISSUES = [
    issue(3, "2026-03-01T00:00:00+00:00", "ci"),
    issue(1, "2026-01-01T00:00:00+00:00", "runner"),
    issue(2, "2026-02-01T00:00:00+00:00", "ci"),
    issue(4, "2026-04-01T00:00:00+00:00", audience="staff"),
    issue(5, ""),
]


@pytest.mark.parametrize(
    ("chosen", "found"),
    [
        (Chosen(), [1, 2, 3]),
        (Chosen(since="2026-02-01"), [2, 3]),
        (Chosen(until="2026-03-01"), [1, 2]),
        (Chosen(label="ci"), [2, 3]),
        (Chosen(limit=1), [3]),
        (Chosen(audiences=frozenset({"public", "staff"})), [1, 2, 3, 4]),
    ],
    ids=["all", "since", "until", "label", "limit", "audiences"],
)
def test_issues_are_replayed_in_the_order_they_were_opened(chosen: Chosen, found: list[int]) -> None:
    assert [one.document.id for one in chosen.of(ISSUES)] == [f"issue:{n}" for n in found]


def test_an_index_without_dates_is_told_and_how_to_mend_it() -> None:
    with pytest.raises(Rejected, match="none with the date it was opened on"):
        Chosen().of([issue(5, "")])
    with pytest.raises(Rejected, match="0 closed issues"):
        Chosen().of([])


def test_a_choice_that_leaves_nothing_says_what_there_is() -> None:
    with pytest.raises(Rejected, match="opened from 2026-01-01 to 2026-04-01"):
        Chosen(since="2027-01-01").of(ISSUES)


def test_what_a_calibration_expects_to_be_right_is_the_mean_confidence_of_the_answers() -> None:
    sure, doubtful = answered("rightly", confidence=0.9), answered("cannot_be_told", confidence=0.5)
    abstained = replace(ROW, confidence=0.1)
    assert counted([sure, doubtful, abstained]).expected_right == pytest.approx(0.7)


def test_nothing_is_expected_where_an_answer_has_no_confidence() -> None:
    assert counted([answered("rightly", confidence=0.9), answered("rightly")]).expected_right is None
    assert counted([ROW]).expected_right is None
