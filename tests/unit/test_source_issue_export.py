"""An export is read line by line: one bad line is named, and the rest goes on."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from indexing.errors import BuildRefused
from indexing.model import Document, Skipped
from indexing.sources.issue_export import IssueExport

if TYPE_CHECKING:
    from pathlib import Path

    from indexing.sources import Item

ISSUE: dict[str, Any] = {
    "iid": 1,
    "title": "Pages fail",
    "description": "Pages fail with 404.",
    "labels": ["support"],
    "state": "closed",
    "author": "ada",
    "created_at": "2026-01-01T00:00:00Z",
    "closed_at": "2026-01-02T00:00:00Z",
    "web_url": "https://gitlab.example/g/p/-/issues/1",
    "notes": [
        {"author": "rob", "role": "maintainer", "created_at": "2026-01-01T01:00:00Z", "body": "Set `pages: true`."}
    ],
}


def _export(tmp_path: Path, *records: Any) -> list[Item]:
    path = tmp_path / "issues.jsonl"
    path.write_bytes(b"".join(r if isinstance(r, bytes) else json.dumps(r).encode() + b"\n" for r in records))
    return list(IssueExport(path).items())


def _with(**fields: Any) -> dict[str, Any]:
    return {**ISSUE, **fields}


def test_closed_issues_become_documents(tmp_path: Path) -> None:
    (document,) = _export(tmp_path, ISSUE)
    assert isinstance(document, Document)
    assert document.id == "issue:1"
    assert document.source == "issues"
    assert "## Resolution\n\nSet `pages: true`." in document.text


def test_bad_lines_are_named_and_the_rest_goes_on(tmp_path: Path) -> None:
    items = _export(
        tmp_path,
        b"{broken\n",
        b"\n",
        b"[1, 2]\n",
        b"\xff\xfe\n",
        _with(iid="x"),
        _with(iid=True),
        {"title": "no number"},
        _with(notes=[{"author": "a", "body": 5}]),
        _with(notes="none"),
        b"[" * 100_000 + b"\n",
        ISSUE,
    )
    skipped = [item for item in items if isinstance(item, Skipped)]
    assert [item.document for item in skipped] == [f"issues:line {n}" for n in (1, 3, 4, 5, 6, 7, 8, 9, 10)]
    assert all(item.reason for item in skipped)
    assert "iid is missing" in skipped[5].reason
    assert [item.id for item in items if isinstance(item, Document)] == ["issue:1"]


@pytest.mark.parametrize("flag", [True, "true", "True", 1, "1", "yes", "sometimes", {"a": 1}])
def test_whatever_is_not_plainly_public_is_confidential(tmp_path: Path, flag: object) -> None:
    note = {"author": "rob", "body": "canary-7f3a-violet-otter, you can use it", "internal": flag}
    hidden, shown = _export(tmp_path, _with(confidential=flag), _with(iid=2, notes=[note]))
    assert isinstance(hidden, Skipped)
    assert isinstance(shown, Document)
    assert "canary" not in shown.text


@pytest.mark.parametrize("flag", [False, None, "false", 0, "0", ""])
def test_public_issues_may_say_so_in_many_ways(tmp_path: Path, flag: object) -> None:
    (document,) = _export(tmp_path, _with(confidential=flag))
    assert isinstance(document, Document)


def test_open_issues_stay_out(tmp_path: Path) -> None:
    (item,) = _export(tmp_path, _with(state="opened"))
    assert item == Skipped("issue:1", "not closed (its state is 'opened')")


def test_ids_name_the_project_when_several_appear(tmp_path: Path) -> None:
    items = _export(tmp_path, _with(project="g/one"), _with(references={"full": "g/two#1"}))
    assert [item.id for item in items if isinstance(item, Document)] == ["issue:g/one#1", "issue:g/two#1"]


def test_people_and_labels_may_be_objects_as_gitlab_writes_them(tmp_path: Path) -> None:
    note = {"author": {"username": "rob"}, "role": "developer", "body": "Set `pages: true`.", "created_at": ""}
    (document,) = _export(tmp_path, _with(author={"username": "ada"}, labels=[{"name": "pages"}], notes=[note]))
    assert isinstance(document, Document)
    assert document.labels == ("pages",)
    assert document.confirmed


def test_facts_about_people_and_the_end_of_an_issue_are_read_where_the_export_has_them(tmp_path: Path) -> None:
    answer = {"author": "eve", "body": "Set `pages: true`, then run it again.", "created_at": "2026-01-01T01:00:00Z"}
    closed = _with(notes=[answer], closed_by={"username": "rob", "role": "maintainer"})
    edited = {**answer, "edited_at": "2026-02-01T00:00:00Z"}
    young = {**answer, "author": {"username": "eve", "created_at": "2025-12-30T00:00:00Z"}}
    documents = _export(
        tmp_path, closed, _with(iid=2, notes=[answer], closed_by="ada"), {**closed, "iid": 3, "notes": [edited]},
        {**closed, "iid": 4, "notes": [young]}, {**closed, "iid": 5, "closed_by": "rob", "closed_by_role": "developer"},
    )  # fmt: skip
    assert [item.confirmed for item in documents if isinstance(item, Document)] == [True, False, False, False, True]


def test_the_original_of_a_duplicate_is_read(tmp_path: Path) -> None:
    api = "https://gitlab.example/api/v4/projects"
    links = {"self": f"{api}/5/issues/1", "closed_as_duplicate_of": f"{api}/5/issues/9"}
    elsewhere = {"self": f"{api}/5/issues/1", "closed_as_duplicate_of": f"{api}/6/issues/9"}
    documents = _export(
        tmp_path, _with(duplicate_of=9), _with(iid=2, _links={**links, "self": f"{api}/5/issues/2"}),
        _with(iid=3, _links=elsewhere), _with(iid=4, state_reason="duplicate"),
    )  # fmt: skip
    found = [(item.closed_as, item.duplicate_of) for item in documents if isinstance(item, Document)]
    assert found == [("duplicate", "issue:9"), ("duplicate", "issue:9"), ("solved", ""), ("duplicate", "")]


def test_merge_requests_that_solved_an_issue_are_read(tmp_path: Path) -> None:
    document, bad = _export(tmp_path, _with(solved_by=["merge request !3: Fix pages"]), _with(iid=2, solved_by="!3"))
    assert isinstance(document, Document)
    assert "Solved by merge request !3: Fix pages" in document.text
    assert bad == Skipped("issues:line 2", "not an issue: solved_by is no list of texts")


def test_addresses_that_are_no_web_addresses_are_dropped(tmp_path: Path) -> None:
    (document,) = _export(tmp_path, _with(web_url="javascript:alert(1)"))
    assert isinstance(document, Document)
    assert document.url == ""


def test_a_missing_export_refuses_the_build_instead_of_emptying_the_index(tmp_path: Path) -> None:
    with pytest.raises(BuildRefused, match="cannot be read"):
        list(IssueExport(tmp_path / "none.jsonl").items())
