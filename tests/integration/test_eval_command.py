"""`assistant eval` over the sample's golden questions, with a small embedder."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner, Result

from assistant.entrypoints.cli import cli
from assistant.sandbox.demo import SAMPLE

if TYPE_CHECKING:
    from pathlib import Path

QUESTIONS = SAMPLE / "questions.jsonl"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("home")
    built = run(folder, "index", "build", "--docs", str(SAMPLE / "docs"), "--issues", str(SAMPLE / "issues.jsonl"))
    assert built.exit_code == 0, built.output
    return folder


def run(home: Path, *arguments: str) -> Result:
    return CliRunner().invoke(cli, arguments, env={"ASSISTANT_HOME": str(home), "ASSISTANT_EMBEDDER": "hashing"})


def test_the_object_has_all_figures_and_a_row_for_each_question(home: Path) -> None:
    done = run(home, "eval", "--questions", str(QUESTIONS), "--json")
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    asked = [json.loads(line) for line in QUESTIONS.read_text("utf-8").splitlines()]
    assert [row["id"] for row in found["questions"]] == [line["id"] for line in asked]
    assert set(found["questions"][0]) >= {"id", "outcome", "confidence", "score", "citations", "ranking", "latency_ms"}
    assert found["retrieval"]["questions"] == sum(line["answerable"] for line in asked)
    assert found["retrieval"]["mixed_hit@10"] > 0.8
    assert set(found["decision"]) >= {"coverage", "risk_strict", "risk_first", "aurc", "refused"}
    assert set(found["by"]) == {"product", "kind", "language"}
    assert set(found["by"]["language"]) >= {"en", "de", "zh"}
    assert set(found["latency_ms"]["total"]) == {"p50", "p95"}
    by_hand = [row for row in found["questions"] if row["gold"] and row["outcome"] == "answered"]
    assert found["decision"]["coverage"] == pytest.approx(len(by_hand) / found["retrieval"]["questions"])


def test_evaluating_stores_nothing(home: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in home.rglob("*") if path.is_file()}
    assert run(home, "eval", "--questions", str(QUESTIONS), "--limit", "3").exit_code == 0
    assert {path: path.stat().st_mtime_ns for path in home.rglob("*") if path.is_file()} == before


def test_a_person_reads_what_each_figure_means(home: Path, tmp_path: Path) -> None:
    done = run(home, "eval", "--questions", str(QUESTIONS), "--limit", "5", "--output", str(tmp_path / "result.json"))
    assert "the figure that counts" in done.stdout
    assert len(json.loads((tmp_path / "result.json").read_text())["questions"]) == 5


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ('{"question": "What?"', "line 2"),
        ('{"id": "x"}', "'question' is missing"),
        ('{"question": ""}', "is empty"),
        ('{"question": "What?", "gold": "docs/a.md"}', "no list"),
        ('{"question": "What?", "gold": [], "answerable": true}', "disagree"),
    ],
)
def test_a_malformed_line_is_named(home: Path, tmp_path: Path, line: str, told: str) -> None:
    path = tmp_path / "questions.jsonl"
    path.write_text('{"question": "How do I log in?", "gold": ["docs/start/accounts.md"]}\n' + line + "\n", "utf-8")
    done = run(home, "eval", "--questions", str(path))
    assert done.exit_code == 2
    assert told in done.stderr
    assert "line 2" in done.stderr


def test_an_unknown_version_is_told_in_one_line(home: Path) -> None:
    done = run(home, "eval", "--questions", str(QUESTIONS), "--index-version", "v9999")
    assert done.exit_code == 1
    assert "v9999" in done.stderr
