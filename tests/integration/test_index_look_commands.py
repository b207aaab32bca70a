"""`assistant index diff` and `findings`, as an admin reads them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from assistant.entrypoints.cli import cli

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result


@pytest.fixture
def docs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ASSISTANT_EMBEDDER", "hashing")
    folder = tmp_path / "docs"
    folder.mkdir()
    for name in ("runner", "registry", "cache", "network", "disk", "login"):
        write(folder, name, f"The {name} needs one setting. Set `{name}_limit` to 4 and restart the {name}.")
    return folder


def write(folder: Path, name: str, text: str) -> None:
    (folder / f"{name}.md").write_text(f"# About the {name}\n\n{text}\n", encoding="utf-8")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, list(arguments))


def json_of(*arguments: str) -> dict[str, Any]:
    done = run(*arguments, "--json")
    assert done.exit_code == 0, done.output
    content: dict[str, Any] = json.loads(done.stdout)
    return content


@pytest.fixture
def two_versions(docs: Path) -> None:
    assert run("index", "build", "--docs", str(docs)).exit_code == 0
    assert run("ask", "How do I limit the runner?", "--no-escalate").exit_code in {0, 3}
    (docs / "disk.md").unlink()
    write(docs, "runner", "The runner is limited elsewhere now, see the page about the cache.")
    write(docs, "limits", "How do I limit the runner? Set `concurrent` to 4 and limit the runner.")
    assert run("index", "build", "--docs", str(docs), "--force").exit_code == 0


@pytest.mark.usefixtures("two_versions")
def test_a_diff_names_what_was_gained_lost_and_changed() -> None:
    found = json_of("index", "diff", "v0001", "v0002")
    assert {(one["document"], one["fate"]) for one in found["documents"]} == {
        ("docs/limits.md", "gained"),
        ("docs/disk.md", "lost"),
        ("docs/runner.md", "changed"),
    }
    assert (found["unchanged"], found["embedder_changed"]) == (4, False)


@pytest.mark.usefixtures("two_versions")
def test_a_diff_asks_the_questions_of_people_in_both_and_shows_whose_first_document_changed() -> None:
    found = json_of("index", "diff", "v0001", "v0002")
    assert found["questions_asked"] == 1
    [row] = found["questions_changed"]
    assert (row["origin"], row["first_before"], row["first_after"]) == ("asked", "docs/runner.md", "docs/limits.md")
    told = run("index", "diff", "v0001", "v0002").stdout
    assert "1 of 1 questions find another document first." in told
    assert "docs/runner.md -> docs/limits.md" in told


@pytest.mark.usefixtures("two_versions")
def test_documents_alone_can_be_compared() -> None:
    found = json_of("index", "diff", "v0001", "v0002", "--no-questions")
    assert found["questions_asked"] == 0


@pytest.mark.usefixtures("two_versions")
def test_a_version_that_is_not_there_is_named() -> None:
    done = run("index", "diff", "v0001", "v0009")
    assert done.exit_code == 1
    assert "there is no index version 'v0009' (there are: v0001, v0002)" in done.stderr


def test_findings_name_documents_that_say_the_same(docs: Path) -> None:
    text = "Before the job starts the runner pulls the image and mounts the cache. " * 6
    write(docs, "one", text)
    write(docs, "two", text)
    assert run("index", "build", "--docs", str(docs)).exit_code == 0
    found = json_of("index", "findings", "--kind", "duplicate")
    assert [sorted(one["documents"]) for one in found["findings"]] == [["docs/one.md", "docs/two.md"]]
    assert "docs/one.md" in run("index", "findings").stdout
    assert json_of("index", "findings", "--kind", "conflict")["findings"] == []


def test_findings_without_an_index_say_how_to_make_one(docs: Path) -> None:
    assert docs
    done = run("index", "findings")
    assert done.exit_code == 1
    assert "run `assistant index build" in done.stderr
