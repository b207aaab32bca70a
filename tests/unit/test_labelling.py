"""Labels: questions with known answers divided in two, and what askers said of answers."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from assistant.core.decision import DecisionModel, Weights
from assistant.core.guarantee import Wish
from assistant.core.metrics import Judged
from assistant.core.model import Abstained, Answered, Citation, Decision, ThreadRef
from assistant.store import Arrival, Store, open_database
from assistant.store.feedback import JudgedAnswer, judged_answers
from assistant.workflows.calibrate import Calibrated, Refused, calibrate
from assistant.workflows.calibration_figures import figures
from assistant.workflows.calibration_report import report
from assistant.workflows.evaluate import Golden, Row
from assistant.workflows.labelling import is_for_fitting, labels_of
from indexing.model import RankedDocument, Retrieval
from tests.fakes.running_home import Clock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from assistant.store.records import Verdict

WEIGHTS = Weights(("x",), (0.0,), (1.0,), (2.0,), 0.0, 0.5)
MODEL = DecisionModel(WEIGHTS, replace(WEIGHTS, bias=-1.0))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    engine = open_database(f"sqlite:///{tmp_path}/state.db")
    yield Store(engine, Clock())
    engine.dispose()


def decision(x: float, *, answered: bool = True, words_alone: bool = False, by: str = "extractive") -> Decision:
    features = {"x": x, "words_alone": float(words_alone)}
    score = MODEL.weights(lexical_only=words_alone).score(features)
    cited = (Citation(1, "T", "", "docs/a.md", ""),)
    outcome = Answered("text [1]", cited, score) if answered else Abstained("unsupported_draft", score)
    found = Retrieval((), (RankedDocument("docs/a.md", "page", 1.0, "docs/a.md#0"),))
    return Decision(outcome, found, by, features=features)


def row(number: int, made: Decision, *gold: str, refusal_class: str = "") -> Row:
    golden = Golden(f"q{number}", "why?", frozenset(gold), "p", "en", refusal_class, needs_image=False)
    cited = tuple(one.document for one in made.outcome.citations) if isinstance(made.outcome, Answered) else ()
    name = "answered" if cited else "abstained"
    return Row(golden, Judged(golden.gold, (), name, cited, made.outcome.score, refusal_class), made)


def rows(count: int) -> list[Row]:
    """Sure answers are right; unsure ones are wrong, half of them to questions without an answer."""
    sure = [row(number, decision(1.0 + number % 7 / 7), "docs/a.md") for number in range(count)]
    unsure = [row(count + n, decision(-1.0 - n % 7 / 7), *(["docs/b.md"] * (n % 2))) for n in range(count)]
    return [*sure, *unsure]


def store_answer(store: Store, question_id: str, made: Decision, *verdicts: Verdict) -> None:
    with store.writing() as tx:
        store.add_question(tx, Arrival(ThreadRef("test", "C", question_id), question_id, "ada", "why?"), question_id)
        store.add_answer(tx, question_id, made)
        for verdict in verdicts:
            store.add_feedback(tx, question_id, verdict)


def test_a_third_of_the_questions_fits_and_the_same_ones_each_time() -> None:
    chosen = [number for number in range(3000) if is_for_fitting(f"q{number}")]
    assert 900 < len(chosen) < 1100
    labels = labels_of(rows(60), (), MODEL)
    assert all(is_for_fitting(label.id) for label in labels.fitting)
    assert not any(is_for_fitting(label.id) for label in labels.choosing)
    assert len(labels.fitting) + len(labels.choosing) == 120


def test_an_answer_to_an_unanswerable_question_is_wrong() -> None:
    made = row(1, decision(1.0), refusal_class="other product")
    label = (*labels_of([made], (), MODEL).fitting, *labels_of([made], (), MODEL).choosing)[0]
    assert (label.given, label.right, label.answerable) == (True, False, False)


def test_questions_that_were_answered_in_another_way_are_left_out_and_counted() -> None:
    others = [row(900, decision(1.0, words_alone=True), "docs/a.md"), row(901, decision(1.0, by="qwen"), "docs/a.md")]
    labels = labels_of([*rows(5), *others], (), MODEL)
    assert (labels.answered_by, labels.lexical_only) == ("extractive", False)
    assert labels.left_out == {"searched by words alone": 1, "answered by qwen": 1}


def test_a_question_for_which_nothing_was_found_is_left_unanswered_in_every_way() -> None:
    nothing = Decision(Abstained("no_passages", 0.0), Retrieval((), ()), "extractive", features={"words_alone": 0.0})
    labels = labels_of([*(row(n, decision(1.0, by="qwen"), "docs/a.md") for n in range(5)), row(9, nothing)], (), MODEL)
    assert labels.left_out == {}
    assert len(labels.fitting) + len(labels.choosing) == 6


def test_feedback_is_read_as_right_wrong_or_nothing(store: Store) -> None:
    store_answer(store, "right", decision(1.0), "solved")
    store_answer(store, "wrong", decision(1.0), "wrong")
    store_answer(store, "wrongsolved", decision(1.0), "wrong", "solved")
    store_answer(store, "changedmind", decision(1.0), "solved", "wrong")
    store_answer(store, "bypeople", decision(1.0), "people", "solved")
    store_answer(store, "silent", decision(1.0))
    store_answer(store, "cancelled", decision(1.0), "cancel")
    store_answer(store, "noanswer", decision(1.0, answered=False), "wrong")
    with store.reading() as tx:
        found = {one.question_id: one.right for one in judged_answers(tx)}
    assert found == {"right": True, "wrong": False, "wrongsolved": False, "changedmind": False}


def test_feedback_stays_when_its_text_was_deleted_but_is_no_label(store: Store) -> None:
    store_answer(store, "right", decision(1.0), "solved")
    store.forget("test", "ada")
    with store.reading() as tx:
        found = judged_answers(tx)
    assert found == (JudgedAnswer("right", right=True, decision=None),)
    assert labels_of(rows(5), found, MODEL).left_out == {"feedback: its text was deleted": 1}


def test_feedback_counts_only_for_the_way_and_the_weights_it_was_given_under() -> None:
    good = decision(1.0)
    other = replace(good, outcome=replace(good.outcome, score=0.3))
    judged = [
        JudgedAnswer("a", right=True, decision=good),
        JudgedAnswer("b", right=True, decision=other),
        JudgedAnswer("c", right=False, decision=replace(good, features={})),
        JudgedAnswer("d", right=False, decision=decision(1.0, words_alone=True)),
        JudgedAnswer("e", right=False, decision=decision(1.0, by="qwen")),
    ]
    labels = labels_of(rows(5), judged, MODEL)
    assert [(label.id, label.right) for label in labels.feedback] == [("a", True)]
    assert labels.left_out == {
        "feedback: decided by other weights": 1,
        "feedback: stored before features were kept": 1,
        "feedback: searched by words alone": 1,
        "feedback: answered by qwen": 1,
    }


def made(count: int, wish: Wish, judged: tuple[JudgedAnswer, ...] = ()) -> Calibrated | Refused:
    labels = labels_of(rows(count), judged, MODEL)
    return calibrate(labels, wish, MODEL, "onnx:384", ("v0001", "2026-11-21T12:00:00+00:00"))


def test_the_threshold_parts_right_from_wrong_and_the_figures_tell_what_it_costs() -> None:
    found = made(150, Wish(0.1))
    assert isinstance(found, Calibrated)
    told = figures(found)
    assert (told["risk"]["count"], told["coverage"]["share"]) == (0, pytest.approx(2 / 3, abs=0.08))
    assert told["thresholds"]["common"]["bound"] <= 0.1
    assert told["refused"][""]["share"] == 1.0
    assert told["brier"]["after"] < told["brier"]["before"]
    assert told["labels"]["questions"] == 300
    assert found.calibration.valid_for.embedder == "onnx:384"


@pytest.mark.slow
def test_the_report_shows_promise_figures_and_plots() -> None:
    found = made(150, Wish(0.1))
    assert isinstance(found, Calibrated)
    page = report(figures(found))
    assert page.count("<svg") == (2 if found.fitted.method == "score" else 3)
    assert "At most 10.0% of given answers wrong" in page
    assert "<script" not in page


def test_feedback_helps_to_fit_and_never_to_prove() -> None:
    judged = tuple(JudgedAnswer(f"f{n}", right=True, decision=decision(0.5)) for n in range(500))
    alone, with_feedback = made(150, Wish(0.1)), made(150, Wish(0.1), judged)
    assert isinstance(alone, Calibrated)
    assert isinstance(with_feedback, Calibrated)
    assert with_feedback.calibration.measured.counts["feedback_right"] == 500
    for name in ("choosing", "choosing_answers", "fitting_answers"):
        assert with_feedback.calibration.measured.counts[name] == alone.calibration.measured.counts[name]
    assert with_feedback.calibration.map != alone.calibration.map


def test_a_wish_that_the_labels_cannot_support_is_refused_with_what_would_be_enough() -> None:
    found = made(40, Wish(0.05))
    assert isinstance(found, Refused)
    assert "at least 59 answers without an error" in found.told
    assert f"there are {found.answers} to choose with" in found.told
    assert found.smallest_risk is not None
    assert f"The smallest risk they support is {found.smallest_risk:.0%}" in found.told
    assert found.needed is not None
    assert found.needed > 80
    assert "\n" not in found.told
    assert isinstance(made(40, Wish(found.smallest_risk)), Calibrated)
    assert isinstance(made(40, Wish(found.smallest_risk - 0.01)), Refused)
    assert isinstance(made(found.needed, Wish(0.05)), Calibrated)


def test_more_questions_do_not_help_where_answers_are_worse_than_the_wish() -> None:
    wrong = [row(number, decision(1.0 + number % 5), "docs/b.md") for number in range(300)]
    found = calibrate(labels_of(wrong, (), MODEL), Wish(0.2), MODEL, "e", ("v", "t"))
    assert isinstance(found, Refused)
    assert (found.smallest_risk, found.needed) == (None, None)
    assert "answers must get better" in found.told


def test_too_few_answers_to_fit_on_are_told() -> None:
    found = made(5, Wish(0.3))
    assert isinstance(found, Refused)
    assert "at least 20 are needed" in found.told
