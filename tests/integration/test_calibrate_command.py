"""`assistant calibrate` from labelled questions to answers with a confidence, over the sample."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner, Result

from assistant.entrypoints.cli import cli
from assistant.sandbox.demo import SAMPLE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

QUESTIONS = str(SAMPLE / "questions.jsonl")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("home")
    done = run(folder, "index", "build", "--docs", str(SAMPLE / "docs"), "--issues", str(SAMPLE / "issues.jsonl"))
    assert done.exit_code == 0, done.output
    return folder


@pytest.fixture
def home(built: Path) -> Iterator[Path]:
    yield built
    (built / "calibration.json").unlink(missing_ok=True)


def run(home: Path, *arguments: str, embedder: str = "hashing") -> Result:
    return CliRunner().invoke(cli, arguments, env={"ASSISTANT_HOME": str(home), "ASSISTANT_EMBEDDER": embedder})


def calibrated(home: Path, *more: str) -> Result:
    return run(home, "calibrate", "--questions", QUESTIONS, "--max-risk", "0.5", *more)


def asked(home: Path) -> dict[str, Any]:
    done = run(home, "ask", "How do I clear the cache of a runner?", "--no-escalate", "--dry-run", "--json")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_from_then_on_answers_carry_a_confidence_until_it_is_taken_away(home: Path) -> None:
    assert asked(home)["confidence"] is None
    done = calibrated(home)
    assert done.exit_code == 0, done.output
    assert "At most 50.0% wrong, with 95% assurance" in done.stdout
    assert "In force from now on." in done.stdout
    assert 0.0 <= asked(home)["confidence"] <= 1.0
    rows = json.loads(run(home, "eval", "--questions", QUESTIONS, "--limit", "5", "--json").stdout)["questions"]
    assert all(0.0 <= row["confidence"] <= 1.0 for row in rows)
    shown = run(home, "calibrate", "--show")
    assert "At most 50.0% wrong" in shown.stdout
    assert "calibration: at most 50.0% wrong" in run(home, "doctor").stdout
    assert run(home, "calibrate", "--remove").exit_code == 0
    assert asked(home)["confidence"] is None
    assert "No calibration" in run(home, "calibrate", "--show").stdout


def test_the_object_has_promise_figures_and_labels(home: Path) -> None:
    found = json.loads(calibrated(home, "--json").stdout)
    assert found["written"] is True
    assert set(found) >= {"wish", "thresholds", "risk", "coverage", "brier", "ece", "refused", "labels", "curve"}
    assert found["thresholds"]["common"]["bound"] <= 0.5
    low, high = found["risk"]["interval"]
    assert low <= found["risk"]["share"] <= high
    labels = found["labels"]
    assert labels["questions"] + labels["left_out"] == len(SAMPLE.joinpath("questions.jsonl").read_text().splitlines())
    assert json.loads(run(home, "calibrate", "--show", "--json").stdout)["calibration"]["threshold"] is not None


def test_a_dry_run_reports_and_puts_nothing_in_force(home: Path, tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    done = calibrated(home, "--dry-run", "--report", str(page))
    assert done.exit_code == 0, done.output
    assert "Nothing was put in force" in done.stdout
    assert "Calibrated confidence" in page.read_text("utf-8")
    assert not (home / "calibration.json").exists()


def test_a_wish_that_is_too_strong_is_refused_in_one_line_and_changes_nothing(home: Path, tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    calibrated(home)
    before = (home / "calibration.json").read_text("utf-8")
    arguments = ("calibrate", "--questions", QUESTIONS, "--max-risk", "0.05", "--report", str(page))
    done = run(home, *arguments)
    assert done.exit_code == 3
    assert done.stderr.count("\n") == 1
    assert "needs at least 59 answers without an error" in done.stderr
    assert "The smallest risk they support" in done.stderr
    assert (home / "calibration.json").read_text("utf-8") == before
    assert not page.exists()
    told = json.loads(run(home, *arguments, "--json").stdout)
    assert told["written"] is False
    assert told["refused"]["answers"] > 0


def test_with_another_model_the_calibration_is_not_used_and_doctor_says_what_to_do(home: Path) -> None:
    calibrated(home)
    other = {"ASSISTANT_MODEL": "other", "OPENAI_BASE_URL": "http://127.0.0.1:9/v1"}
    shown = CliRunner().invoke(cli, ["calibrate", "--show"], env={"ASSISTANT_HOME": str(home), **other})
    assert shown.exit_code == 3
    assert "NOT USED: answers are by other, the calibration was made with extractive" in shown.stdout
    doctor = CliRunner().invoke(cli, ["doctor", "--json"], env={"ASSISTANT_HOME": str(home), **other})
    line = next(check for check in json.loads(doctor.stdout)["checks"] if check["name"] == "calibration")
    assert line["state"] == "warning"
    assert "assistant calibrate" in line["detail"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((), "--questions and --max-risk"),
        (("--questions", QUESTIONS), "--questions and --max-risk"),
        (("--questions", QUESTIONS, "--max-risk", "0"), "0<x<1"),
        (("--questions", QUESTIONS, "--max-risk", "10"), "0<x<1"),
        (("--show", "--remove"), "one of"),
        (("--questions", QUESTIONS, "--max-risk", "0.5", "--report", "nowhere/at/all.html"), "no folder nowhere/at"),
    ],
)
def test_wrong_usage_is_told(home: Path, arguments: tuple[str, ...], told: str) -> None:
    done = run(home, "calibrate", *arguments)
    assert done.exit_code == 2
    assert told in done.stderr


def test_without_an_index_nothing_is_measured(tmp_path: Path) -> None:
    done = run(tmp_path, "calibrate", "--questions", QUESTIONS, "--max-risk", "0.5")
    assert done.exit_code == 1
    assert "assistant index build" in done.stderr


def test_a_damaged_file_is_told_in_one_line(home: Path) -> None:
    (home / "calibration.json").write_text("{", "utf-8")
    done = run(home, "calibrate", "--show")
    assert done.exit_code == 2
    assert "damaged" in done.stderr
    assert asked(home)["confidence"] is None
    assert run(home, "calibrate", "--remove").exit_code == 0
