"""Answered, asked back or abstained."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.core.decision import DecisionModel, Weights, decide, features
from assistant.core.evidence import Supported
from assistant.core.model import Abstained, Answered, NeedsDetail, Outcome, Question, ThreadRef
from assistant.workflows.answer import load_decision_model
from indexing.model import Chunk, Passage, Retrieval

MODEL = DecisionModel(
    Weights(("x",), (0.0,), (1.0,), (1.0,), 0.0, 0.5), Weights(("y",), (0.0,), (1.0,), (1.0,), 0.0, 0.5)
)
SUPPORTED = Supported("Clean up daily. [1]", (), 1.0)


def question(text: str, *details: str) -> Question:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    return Question("q", text, ThreadRef("console", "c", "t"), "a", now, details=details)


def retrieval(text: str = "Clean up the disk daily.", **found: float) -> Retrieval:
    passage = Passage(1, Chunk("doc", 0, ("Runner",), text), 1.0, "page", "Runner", "")
    return Retrieval((passage,), (), found)


def outcome(text: str, found: Retrieval, supported: Supported = SUPPORTED) -> Outcome:
    return decide(question(text), found, supported, MODEL)


def test_good_evidence_is_answered() -> None:
    assert isinstance(outcome("how do I clean the disk?", retrieval(x=2.0)), Answered)


def test_weak_evidence_is_an_abstention_with_the_answer_as_a_suggestion() -> None:
    found = outcome("how do I clean the disk?", retrieval(x=-0.5))
    assert isinstance(found, Abstained)
    assert found.reason == "weak_evidence"
    assert found.suggested is not None


def test_hopeless_evidence_suggests_nothing() -> None:
    found = outcome("how do I clean the disk?", retrieval(x=-3.0))
    assert isinstance(found, Abstained)
    assert found.suggested is None


def test_a_draft_of_which_nothing_is_left_is_never_answered() -> None:
    found = outcome("how do I clean the disk?", retrieval(x=3.0), Supported("", (), 0.0))
    assert isinstance(found, Abstained)
    assert found.reason == "unsupported_draft"


def test_nothing_found_scores_nothing() -> None:
    found = outcome("how do I clean the disk?", Retrieval((), (), {"x": 3.0}))
    assert found == Abstained("no_passages", 0.0)


def test_a_vague_report_is_asked_back_however_well_it_fits_a_page() -> None:
    assert isinstance(outcome("my pipeline fails", retrieval(x=3.0)), NeedsDetail)


def test_nobody_is_asked_back_who_has_added_detail() -> None:
    found = decide(question("my pipeline fails", "it is the test job"), retrieval(x=3.0), SUPPORTED, MODEL)
    assert isinstance(found, Answered)


def test_a_message_that_a_passage_holds_word_for_word_is_not_asked_back() -> None:
    text = "another operation is in progress for this release, all deploys fail"
    known = retrieval("It says: another operation is in progress for this release. Wait.", x=-3.0)
    assert isinstance(outcome(text, known), Abstained)
    assert isinstance(outcome(text, retrieval(x=-3.0)), NeedsDetail)


def test_a_chinese_question_is_judged_by_the_whole_search_unless_that_was_by_words_alone() -> None:
    assert isinstance(outcome("作业一直处于什么状态?", retrieval(x=3.0, y=-3.0)), Answered)
    assert features(question("作业一直处于什么状态?"), retrieval())["words_alone"] == 0.0


def test_one_shared_word_of_several_counts_as_none() -> None:
    assert features(question("how to bake daily bread"), retrieval())["first_line_found"] == 0.0
    assert features(question("clean disk"), retrieval())["first_line_found"] == pytest.approx(2 / 3)


@given(st.dictionaries(st.sampled_from(["x", "z"]), st.floats(allow_nan=False, allow_infinity=False)))
def test_a_score_stays_between_0_and_1_whatever_the_features(found: dict[str, float]) -> None:
    assert 0.0 < MODEL.full.score(found) < 1.0


def test_the_shipped_model_reads_only_features_that_exist() -> None:
    from indexing.retrieve import FEATURES  # noqa: PLC0415 - loads faiss

    shipped = load_decision_model()
    known = set(features(question("x"), retrieval())) | set(FEATURES)
    assert {*shipped.full.names, *shipped.lexical.names} <= known
    assert not any(name.startswith("dense") for name in shipped.lexical.names)
