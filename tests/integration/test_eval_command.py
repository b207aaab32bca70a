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


def test_every_figure_has_its_interval(home: Path) -> None:
    found = json.loads(run(home, "eval", "--questions", str(QUESTIONS), "--json").stdout)
    low, high = found["intervals"]["mixed_hit@10"]
    assert 0 < low <= found["retrieval"]["mixed_hit@10"] <= high <= 1
    for name in ("coverage", "risk_strict", "risk_first", "aurc", "coverage@risk20", "needs_detail"):
        low, high = found["intervals"][name]
        assert low <= found["decision"][name] <= high, name


def test_groups_have_the_same_figures_and_times_as_all_questions(home: Path) -> None:
    found = json.loads(run(home, "eval", "--questions", str(QUESTIONS), "--json").stdout)
    assert {"page", "issue"} <= found["by"]["kind"].keys()
    for group in (group for groups in found["by"].values() for group in groups.values()):
        assert group["retrieval"].keys() == found["retrieval"].keys()
        assert set(group["decision"]) >= {"coverage", "risk_strict", "aurc", "coverage@risk20", "needs_detail"}
        assert set(group["latency_ms"]["total"]) == {"p50", "p95"}


@pytest.fixture(scope="module")
def second_version(home: Path) -> str:
    """A version without the issues, kept aside."""
    built = run(home, "index", "build", "--docs", str(SAMPLE / "docs"), "--no-promote", "--force", "--json")
    assert built.exit_code == 0, built.output
    return next(line for line in run(home, "index", "list").stdout.split() if line.startswith("v0002"))


def test_two_versions_are_compared_figure_by_figure_and_question_by_question(home: Path, second_version: str) -> None:
    done = run(home, "eval", "--questions", str(QUESTIONS), "--compare", "v0001", second_version, "--json")
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert (found["a"]["index_version"], found["b"]["index_version"]) == ("v0001", second_version)
    hits = found["figures"]["mixed_hit@10"]
    assert hits["difference"] == pytest.approx(hits["b"] - hits["a"])
    assert hits["low"] <= hits["difference"] <= hits["high"] < 0, "answers that stand in issues are not found any more"
    assert (hits["beyond_chance"], hits["verdict"]) == (True, "worse")
    gold = {line["id"]: line["gold"] for line in map(json.loads, QUESTIONS.read_text("utf-8").splitlines())}
    lost = found["changed"]["found_later"]
    of_issues = [one for one in lost if any(name.startswith("issue:") for name in gold[one])]
    assert len(of_issues) > len(lost) / 2, "a few pages move as well, since words weigh otherwise without the issues"


def test_a_person_sees_which_differences_are_beyond_chance(home: Path, second_version: str) -> None:
    done = run(home, "eval", "--questions", str(QUESTIONS), "--compare", "v0001", second_version)
    assert done.exit_code == 0, done.output
    line = next(line for line in done.stdout.splitlines() if line.startswith("  mixed_hit@10"))
    assert line.endswith("worse")
    assert "One figure in twenty" in done.stdout
    assert "right document further down in B: " in done.stdout


def test_a_model_that_fails_is_not_taken_for_one_that_was_measured(home: Path) -> None:
    done = CliRunner().invoke(
        cli,
        ("eval", "--questions", str(QUESTIONS), "--limit", "3"),
        env={
            "ASSISTANT_HOME": str(home),
            "ASSISTANT_EMBEDDER": "hashing",
            "OPENAI_BASE_URL": "http://127.0.0.1:9/v1",
            "ASSISTANT_MODEL": "nobody",
        },
    )
    assert done.exit_code == 0, done.output
    assert "questions were not answered in the configured way: model_unavailable" in done.stdout


@pytest.mark.model
def test_versions_of_different_embedders_are_compared_each_searched_with_its_own(tmp_path: Path) -> None:
    docs = ("--docs", str(SAMPLE / "docs"))
    assert run(tmp_path, "index", "build", *docs).exit_code == 0
    built = CliRunner().invoke(
        cli,
        ("index", "build", *docs, "--no-promote", "--force"),
        env={"ASSISTANT_HOME": str(tmp_path), "ASSISTANT_EMBEDDER": "packaged-onnx"},
    )
    assert built.exit_code == 0, built.output
    done = run(tmp_path, "eval", "--questions", str(QUESTIONS), "--compare", "v0001", "v0002", "--json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["figures"]["mrr@10"]["difference"] != 0


def test_stored_results_are_compared_without_asking_again(home: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "first.json", tmp_path / "second.json"
    asked = ("eval", "--questions", str(QUESTIONS), "--limit", "8", "--output")
    assert run(home, *asked, str(first)).exit_code == 0
    found = json.loads(first.read_text("utf-8"))
    answered = next(row for row in found["questions"] if row["gold"])
    answered |= {"outcome": "answered", "would_cite": answered["gold"]}
    first.write_text(json.dumps(found), "utf-8")
    answered["would_cite"] = ["docs/elsewhere.md"]
    found["questions"].reverse()
    second.write_text(json.dumps(found), "utf-8")
    done = run(home, "eval", "--compare", str(first), str(second), "--json")
    assert done.exit_code == 0, done.output
    compared = json.loads(done.stdout)
    assert compared["changed"]["worse"] == [answered["id"]]
    assert compared["changed"]["better"] == compared["changed"]["found_later"] == []
    assert compared["figures"]["mrr@10"]["difference"] == 0


def test_a_stored_result_is_held_against_a_version(home: Path, tmp_path: Path) -> None:
    stored = tmp_path / "stored.json"
    run(home, "eval", "--questions", str(QUESTIONS), "--output", str(stored))
    few = ("eval", "--questions", str(QUESTIONS), "--limit", "6", "--json", "--compare", str(stored), "v0001")
    done = run(home, *few)
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert found["questions"] == 6
    assert found["figures"]["mixed_hit@5"]["difference"] == 0


def test_settings_files_are_compared_over_the_live_version(home: Path, tmp_path: Path) -> None:
    here, there = tmp_path / "here.toml", tmp_path / "there.toml"
    here.write_text('language = "de"\n', "utf-8")
    there.write_text("needs_detail_after = 5\n", "utf-8")
    done = run(
        home, "eval", "--questions", str(QUESTIONS), "--limit", "4", "--compare", str(here), str(there), "--json"
    )
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert [found[side]["index_version"] for side in "ab"] == ["v0001", "v0001"]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ('embeder = "hashing"\n', "did you mean embedder"),
        ('openai_api_key = "x"\n', "set OPENAI_API_KEY"),
        ('embedder = "packaged"\n', "the environment sets it too and wins"),
        ("model_timeout_s = 0\n", "model_timeout_s"),
        ("no toml", "cannot be read"),
    ],
    ids=["unknown", "secret", "environment", "wrong", "no-toml"],
)
def test_a_wrong_settings_file_is_told_by_its_name(home: Path, tmp_path: Path, content: str, told: str) -> None:
    path = tmp_path / "other.toml"
    path.write_text(content, "utf-8")
    done = run(home, "eval", "--questions", str(QUESTIONS), "--compare", str(path), "v0001")
    assert done.exit_code == 2
    assert told in done.stderr
    assert "Traceback" not in done.output


def test_a_page_to_show_around_holds_every_figure_and_asks_nobody_for_anything(home: Path, tmp_path: Path) -> None:
    page, stored = tmp_path / "page.html", tmp_path / "stored.json"
    done = run(home, "eval", "--questions", str(QUESTIONS), "--report", str(page), "--output", str(stored), "--json")
    assert done.exit_code == 0, done.output
    html = page.read_text("utf-8")
    for told in ("Risk over coverage", "mixed hit@10", "coverage@risk20", "own kind hit@10", "95 of 100"):
        assert told in html
    assert f"{json.loads(done.stdout)['decision']['aurc']:.3f}" in html
    assert "<script" not in html
    compared = tmp_path / "compared.html"
    done = run(home, "eval", "--compare", str(stored), str(stored), "--report", str(compared))
    assert done.exit_code == 0, done.output
    assert "beyond chance" in compared.read_text("utf-8")
    assert "<svg" in compared.read_text("utf-8")


@pytest.mark.parametrize(
    ("sides", "told"),
    [
        (("v0001", "v9999"), "v0001"),
        (("missing.json", "v0001"), "no file missing.json"),
        (("missing.toml", "v0001"), "no file missing.toml"),
    ],
    ids=["version", "result", "settings"],
)
def test_what_cannot_be_compared_is_told_with_what_can(home: Path, sides: tuple[str, str], told: str) -> None:
    done = run(home, "eval", "--questions", str(QUESTIONS), "--compare", *sides)
    assert done.exit_code == 2
    assert told in done.stderr


@pytest.mark.parametrize(
    ("second", "told"),
    [
        ("{}", "no result that can be compared"),
        ("[1]", "no result that can be compared"),
        ("{", "is no JSON"),
        ('{"questions": [{"id": "x"}]}', "--output FILE"),
    ],
    ids=["empty", "list", "cut", "older"],
)
def test_a_file_that_is_no_result_is_refused(home: Path, tmp_path: Path, second: str, told: str) -> None:
    path = tmp_path / "result.json"
    path.write_text(second, "utf-8")
    done = run(home, "eval", "--compare", str(path), str(path))
    assert done.exit_code == 2
    assert told in done.stderr


def test_results_of_other_questions_are_refused_by_name(home: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "first.json", tmp_path / "second.json"
    for path, limit in ((first, "3"), (second, "2")):
        run(home, "eval", "--questions", str(QUESTIONS), "--limit", limit, "--output", str(path))
    done = run(home, "eval", "--compare", str(first), str(second))
    assert done.exit_code == 2
    third = json.loads(QUESTIONS.read_text("utf-8").splitlines()[2])["id"]
    assert f"1 questions are only in {first} ({third})" in done.stderr


def test_questions_are_needed_unless_two_results_are_compared(home: Path) -> None:
    done = run(home, "eval", "--compare", "v0001", "v0001")
    assert done.exit_code == 2
    assert "--questions FILE is needed" in done.stderr
