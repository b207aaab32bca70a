"""`assistant index` from a terminal: commands, exit codes, one line for each error."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner, Result

from assistant.entrypoints.index_command import index
from indexing.versions import Versions

if TYPE_CHECKING:
    from pathlib import Path


class Terminal:
    """Runs `assistant index ...` in a directory of its own."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.folder = folder
        self._environment = environment

    def run(self, *arguments: str, expect: int = 0) -> Result:
        result = CliRunner().invoke(index, arguments, env=self._environment)
        assert result.exit_code == expect, f"{result.output}\n{result.exception!r}"
        return result

    def json(self, *arguments: str) -> dict[str, Any]:
        content = json.loads(self.run(*arguments, "--json").stdout)
        assert isinstance(content, dict)
        return content

    def write(self, name: str, text: str) -> None:
        (self.folder / "docs" / f"{name}.md").write_text(text, encoding="utf-8")


@pytest.fixture
def terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Terminal:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "docs").mkdir()
    terminal = Terminal(tmp_path, {"ASSISTANT_HOME": str(tmp_path / "home"), "ASSISTANT_EMBEDDER": "hashing"})
    terminal.write("runner", "# Runner\n\nThe runner needs Docker.")
    terminal.write("empty", "")
    return terminal


def _issues(folder: Path) -> str:
    rows = [
        {"iid": 1, "title": "It hangs", "description": "The job hangs.", "state": "closed", "notes": []},
        {"iid": 2, "title": "Canary", "description": "canary", "state": "closed", "confidential": True, "notes": []},
    ]
    path = folder / "issues.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return str(path)


def test_a_build_reports_what_it_took_and_what_it_left_out(terminal: Terminal) -> None:
    report = terminal.json("build", "--docs", "docs", "--issues", _issues(terminal.folder))
    assert (report["version"], report["promoted"], report["pages"], report["issues"]) == ("v0001", True, 1, 1)
    assert {row["document"] for row in report["skipped"]} == {"docs/empty.md", "issue:2"}


def test_the_report_for_people_names_the_version_and_goes_to_standard_output(terminal: Terminal) -> None:
    result = terminal.run("build", "--docs", "docs")
    assert result.stdout.startswith("New version v0001 (live): 1 documents")
    assert "Left out: docs/empty.md" in result.stdout
    assert "Reading documents" in result.stderr


def test_a_second_build_of_the_same_says_that_nothing_changed(terminal: Terminal) -> None:
    terminal.run("build", "--docs", "docs")
    assert "Nothing changed: still version v0001" in terminal.run("build", "--docs", "docs").stdout


def test_versions_are_kept_aside_promoted_rolled_back_resumed_and_pruned(terminal: Terminal) -> None:
    terminal.run("build", "--docs", "docs")
    terminal.write("new", "# New\n\nSomething new.")
    assert not terminal.json("build", "--docs", "docs", "--no-promote")["promoted"]
    terminal.run("promote", "v0002")
    assert "v0001 is live again" in terminal.run("rollback").stdout
    listed = terminal.json("list")
    assert [(row["name"], row["live"]) for row in listed["versions"]] == [("v0001", True), ("v0002", False)]
    assert listed["paused"]
    assert "paused by a rollback" in terminal.run("list").stdout
    assert "promoted again" in terminal.run("resume").stdout
    assert "Nothing to delete" in terminal.run("prune").stdout
    terminal.run("promote", "v0002")
    terminal.write("newer", "# Newer\n\nNewer still.")
    terminal.run("build", "--docs", "docs")
    assert "Deleted: v0001" in terminal.run("prune", "--keep", "1").stdout


def test_show_tells_what_a_version_holds(terminal: Terminal) -> None:
    terminal.run("build", "--docs", "docs")
    shown = terminal.json("show")
    assert shown["counts"]["documents"] == 1
    assert shown["skipped"][0]["document"] == "docs/empty.md"
    assert "v0001  built" in terminal.run("show", "v0001").stdout


def test_a_damaged_version_is_named_by_verify_and_by_list(terminal: Terminal) -> None:
    terminal.run("build", "--docs", "docs")
    (terminal.folder / "home/index/versions/v0001/catalog.sqlite").write_bytes(b"x")
    assert "v0001  damaged" in terminal.run("verify", expect=3).stdout
    assert "catalog.sqlite" in terminal.run("show", expect=3).stderr
    assert "catalog.sqlite" in terminal.run("promote", "v0001", expect=3).stderr


@pytest.mark.parametrize(
    ("arguments", "code", "word"),
    [
        (["show"], 1, "assistant index build"),
        (["rollback"], 1, "assistant index build"),
        (["promote", "v0009"], 1, "v0009"),
        (["build"], 2, "--docs"),
        (["build", "--docs", "nowhere"], 2, "nowhere"),
        (["prune", "--keep", "0"], 2, "--keep"),
    ],
)
def test_an_error_is_one_line_that_says_how_to_mend_it(
    terminal: Terminal, arguments: list[str], code: int, word: str
) -> None:
    result = terminal.run(*arguments, expect=code)
    assert word in result.stderr
    assert result.stdout == ""
    assert "Traceback" not in result.output
    assert len([line for line in result.stderr.splitlines() if line.startswith("Error")]) == 1


def test_a_second_build_at_once_is_refused_in_one_line(terminal: Terminal) -> None:
    with Versions(terminal.folder / "home/index").building():
        assert "another build" in terminal.run("build", "--docs", "docs", expect=1).stderr


def test_every_command_has_help_with_an_example(terminal: Terminal) -> None:
    for name in ("build", "list", "show", "verify", "promote", "rollback", "resume", "prune"):
        assert f"assistant index {name}" in terminal.run(name, "--help").stdout
