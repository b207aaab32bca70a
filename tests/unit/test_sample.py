"""The sample knowledge base is whole: what its questions and script point at exists, and nothing in it is real."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

SAMPLE = Path(__file__).parents[2] / "assistant" / "sandbox" / "sample"
GUIDES = Path(__file__).parents[2] / "docs"
DOCS = sorted((SAMPLE / "docs").rglob("*.md"))


def _rows(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (SAMPLE / name).read_text(encoding="utf-8").splitlines()]


def _documents() -> set[str]:
    """Return the ids of everything that may be indexed."""
    pages = {f"docs/{path.relative_to(SAMPLE / 'docs').as_posix()}" for path in DOCS}
    guides = {f"assistant/{path.relative_to(GUIDES).as_posix()}" for path in GUIDES.rglob("*.md")}
    solved = {f"issue:{row['iid']}" for row in _rows("issues.jsonl") if _may_be_indexed(row)}
    return pages | guides | solved


def _may_be_indexed(issue: dict[str, Any]) -> bool:
    return issue["state"] == "closed" and not issue.get("confidential", False)


def test_there_are_guides_in_three_languages() -> None:
    folders = Counter(path.parent.name if path.parent.name in {"de", "zh"} else "en" for path in DOCS)
    assert folders["en"] >= 20
    assert folders["de"] >= 6
    assert folders["zh"] >= 6


@pytest.mark.parametrize("path", DOCS, ids=lambda path: path.name)
def test_each_link_between_guides_leads_somewhere(path: Path) -> None:
    targets = re.findall(r"\]\((?!https?:)([^)#]+)", path.read_text(encoding="utf-8"))
    assert [target for target in targets if not (path.parent / target).is_file()] == []


def test_issues_have_the_shape_of_the_export() -> None:
    issues = _rows("issues.jsonl")
    assert 40 <= sum(map(_may_be_indexed, issues)) <= 60
    assert len({issue["iid"] for issue in issues}) == len(issues)
    for issue in issues:
        assert {"iid", "title", "description", "labels", "state", "author", "created_at", "closed_at", "web_url"} < set(
            issue
        )
        assert "support" in issue["labels"]
        assert issue["web_url"] == f"https://gitlab.example.com/platform/support/-/issues/{issue['iid']}"
        assert {note["role"] for note in issue["notes"]} <= {"maintainer", "author", "member"}
        written = [issue["created_at"], *(note["created_at"] for note in issue["notes"]), issue["closed_at"] or "9"]
        assert written == sorted(written)


def test_each_canary_stands_only_where_nobody_may_read_it() -> None:
    for issue in _rows("issues.jsonl"):
        if not _may_be_indexed(issue):
            assert "CANARY" in issue["title"] + issue["description"]
            continue
        assert "CANARY" not in issue["title"] + issue["description"]
        for note in issue["notes"]:
            assert ("CANARY" in note["body"]) == note.get("internal", False)


def test_questions_point_at_documents_that_exist() -> None:
    documents = _documents()
    questions = _rows("questions.jsonl")
    assert [gold for row in questions for gold in row["gold"] if gold not in documents] == []
    assert all(row["answerable"] == bool(row["gold"]) for row in questions)
    assert len({row["id"] for row in questions}) == len(questions)


def test_questions_cover_languages_kinds_and_what_cannot_be_answered() -> None:
    questions = _rows("questions.jsonl")
    languages = Counter(row["language"] for row in questions if row["answerable"])
    assert min(languages["de"], languages["zh"]) >= 6
    assert sum(row["answerable"] for row in questions) >= 40
    assert Counter(row.get("unanswerable_kind") for row in questions)["same product"] >= 5
    assert sum(not row["answerable"] for row in questions) >= 10


def test_the_script_has_each_outcome_and_each_language() -> None:
    turns = _rows("script.jsonl")
    documents = _documents()
    assert {turn["expect"] for turn in turns} == {"answered", "needs_detail", "abstained"}
    assert {turn["language"] for turn in turns} == {"en", "de", "zh"}
    for turn in turns:
        assert (turn["expect"] == "answered") == bool(turn.get("expect_document"))
        assert set(turn.get("expect_document", [])) <= documents
    assert sum("{{glpat}}" in turn["say"] for turn in turns) == 1


def test_every_address_in_the_sample_is_an_example() -> None:
    hosts: set[str] = set()
    for path in [*DOCS, *SAMPLE.glob("*.jsonl")]:
        hosts |= set(re.findall(r"https?://([a-z0-9.-]+\.[a-z]+)", path.read_text(encoding="utf-8")))
    real = {host for host in hosts if not re.search(r"(^|\.)example\.(com|org|internal)$|\.svc$", host)}
    assert real == set()
