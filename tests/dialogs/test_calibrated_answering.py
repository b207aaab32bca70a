"""What a calibration changes for an asker: who gets an answer, and how sure it is said to be."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
import structlog

from assistant.calibrations import InForce, read, remove, write
from assistant.codec import dump, load
from assistant.core.calibration import (
    LOGIT,
    Calibration,
    GroupThreshold,
    Logistic,
    Measured,
    ValidFor,
    weights_hash,
)
from assistant.core.decision import DecisionModel, Weights
from assistant.core.model import Abstained, Answered, Decision, NeedsDetail, Question, ThreadRef
from assistant.errors import NotConfigured
from assistant.workflows.answer import Answering
from assistant.workflows.labelling import without_thresholds
from indexing.model import Chunk, Passage, Retrieval

if TYPE_CHECKING:
    from pathlib import Path


TEXT = "Old images fill the disk. Clean up daily with `docker image prune`."
WEIGHTS = Weights(("sure",), (0.0,), (1.0,), (1.0,), 0.0, 0.5)
MODEL = DecisionModel(WEIGHTS, WEIGHTS)
EMBEDDER = "onnx:384"
MEASURED = Measured(0.1, 0.95, "platt", (LOGIT,), {"questions": 100}, 60, 1, 0.09, "v0001", "2026-11-21T12:00:00+00:00")
VALID = ValidFor(EMBEDDER, "extractive", weights_hash(WEIGHTS))
BOLD = Calibration(Logistic((LOGIT,), (0.0,), (1.0,), (1.0,), -1.0), 0.6, VALID, MEASURED)
"""Every score is too bold by one unit of log odds; answers below 60 % are not given."""


def asked(text: str, sure: float, calibration: Calibration | None = BOLD, *, lexical: bool = False) -> Decision:
    passage = Passage(1, Chunk("docs/disk.md", 0, ("Disk",), TEXT), 5.0, "page", "Disk", "https://docs.example/disk")
    found = Retrieval((passage,), (), {"sure": sure}, "v0001", lexical_only=lexical)
    answering = Answering(lambda _text, _audiences: found, None, MODEL, calibrated=lambda _version, _by: calibration)
    return answering(Question("q1", text, ThreadRef("console", "c", "t"), "a", datetime(2026, 1, 1, tzinfo=UTC)))


def test_without_a_calibration_the_score_decides_and_confidence_is_null() -> None:
    decision = asked("how do I clean the disk of old images?", 0.5, None)
    assert isinstance(decision.outcome, Answered)
    assert decision.outcome.confidence is None


def test_with_one_the_confidence_decides_and_is_told() -> None:
    unsure = asked("how do I clean the disk of old images?", 0.5)
    assert isinstance(unsure.outcome, Abstained)
    assert unsure.outcome.confidence == pytest.approx(0.3775, abs=1e-4)
    assert unsure.outcome.suggested is not None
    sure = asked("how do I clean the disk of old images?", 2.0)
    assert isinstance(sure.outcome, Answered)
    assert sure.outcome.confidence == pytest.approx(0.7311, abs=1e-4)
    assert sure.outcome.score == asked("how do I clean the disk of old images?", 2.0, None).outcome.score


def test_a_group_with_a_threshold_of_its_own_is_held_to_that() -> None:
    kinder = replace(BOLD, group_thresholds=(GroupThreshold("kind:page", 0.3, 60, 1, 0.09),))
    assert isinstance(asked("how do I clean the disk of old images?", 0.5, kinder).outcome, Answered)


def test_the_way_of_searching_that_was_not_measured_has_no_confidence() -> None:
    decision = asked("how do I clean the disk of old images?", 0.5, lexical=True)
    assert isinstance(decision.outcome, Answered)
    assert decision.outcome.confidence is None


def test_a_vague_report_is_asked_back_however_sure_the_answer_is() -> None:
    outcome = asked("my pipeline fails", 3.0).outcome
    assert isinstance(outcome, NeedsDetail)
    assert outcome.confidence is not None


def test_a_decision_keeps_its_features_for_later_calibrations() -> None:
    decision = asked("how do I clean the disk of old images?", 0.5)
    assert decision.features["sure"] == 0.5
    assert decision.features["words_alone"] == 0.0
    assert load(Decision, dump(decision)).features == decision.features
    assert WEIGHTS.score(decision.features) == decision.outcome.score


def test_without_thresholds_every_draft_that_stands_is_given() -> None:
    passage = Passage(1, Chunk("docs/disk.md", 0, ("Disk",), TEXT), 5.0, "page", "Disk", "https://docs.example/disk")
    found = Retrieval((passage,), (), {"sure": -30.0})
    answering = Answering(lambda _text, _audiences: found, None, without_thresholds(MODEL))
    decision = answering(
        Question("q", "how do I clean the disk?", ThreadRef("console", "c", "t"), "a", datetime(2026, 1, 1, tzinfo=UTC))
    )
    assert isinstance(decision.outcome, Answered)


def in_force(path: Path, embedder: str | None = EMBEDDER, model: DecisionModel = MODEL) -> InForce:
    return InForce(path, model, lambda _version: embedder)


def test_a_calibration_is_written_read_and_taken_away(tmp_path: Path) -> None:
    path = tmp_path / "calibration.json"
    assert read(path) is None
    made = replace(BOLD, group_thresholds=(GroupThreshold("kind:page", 0.3, 60, 1, 0.09),))
    write(path, made)
    assert read(path) == made
    assert in_force(path)("v0001", "extractive") == made
    assert remove(path)
    assert not remove(path)
    assert in_force(path)("v0001", "extractive") is None


def test_a_new_calibration_counts_without_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "calibration.json"
    served = in_force(path)
    assert served("v0001", "extractive") is None
    write(path, BOLD)
    assert served("v0001", "extractive") == BOLD
    write(path, replace(BOLD, threshold=0.7))
    assert served("v0001", "extractive") == replace(BOLD, threshold=0.7)
    path.unlink()
    assert served("v0001", "extractive") is None


@pytest.mark.parametrize(
    ("served", "answered_by"),
    [
        ({"embedder": "int8:384"}, "extractive"),
        ({"embedder": None}, "extractive"),
        ({"model": DecisionModel(replace(WEIGHTS, bias=1.0), WEIGHTS)}, "extractive"),
        ({}, "qwen"),
    ],
    ids=["another-embedder", "unknown-version", "other-weights", "another-model"],
)
def test_what_does_not_fit_is_not_used_and_one_warning_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], served: dict[str, object], answered_by: str
) -> None:
    structlog.reset_defaults()  # whatever a fixture of another file has set up: the warning is wanted here
    path = tmp_path / "calibration.json"
    write(path, BOLD)
    asked_for = in_force(path, **served)  # type: ignore[arg-type] - each case names what it changes
    assert asked_for("v0001", answered_by) is None
    assert asked_for("v0001", answered_by) is None
    told = capsys.readouterr().out
    assert told.count("calibration.not_used") == 1
    assert "assistant calibrate" in told


@pytest.mark.parametrize("content", ["{", "[]", '{"format": 9}', '{"format": 1, "threshold": "x"}'])
def test_a_damaged_file_is_not_used_and_told_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str
) -> None:
    structlog.reset_defaults()  # as above
    path = tmp_path / "calibration.json"
    path.write_text(content, "utf-8")
    with pytest.raises(NotConfigured, match="assistant calibrate"):
        read(path)
    asked_for = in_force(path)
    assert [asked_for("v0001", "extractive"), asked_for("v0001", "extractive")] == [None, None]
    assert capsys.readouterr().out.count("calibration.not_used") == 1
