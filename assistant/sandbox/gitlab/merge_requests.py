"""Merge requests as far as issues tell of them: which ones close an issue, and which are related to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from assistant.sandbox.gitlab import auth, entities
from assistant.sandbox.gitlab.parameters import PAGING
from assistant.sandbox.gitlab.web import Answer, Call, Endpoint

if TYPE_CHECKING:
    from assistant.sandbox.gitlab.store import Row


def _merge_request(call: Call, project: Row, row: Row) -> dict[str, Any]:
    return {
        "id": row["id"],
        "iid": row["iid"],
        "project_id": row["project_id"],
        "title": row["title"],
        "description": "",
        "state": row["state"],
        "created_at": row["created_at"],
        "updated_at": row["created_at"],
        "merged_at": row["created_at"] if row["state"] == "merged" else None,
        "author": entities.user(call, row["author_id"]),
        "web_url": f"{call.base_url}/{project['full_path']}/-/merge_requests/{row['iid']}",
    }


def _list(call: Call, *, closing: bool) -> Answer:
    project, issue = auth.issue_of(call)
    query = """SELECT merge_requests.* FROM merge_requests JOIN merge_request_issues ON merge_request_id = id
        WHERE issue_id = ? AND (closes OR NOT ?) ORDER BY id"""
    rows = call.store.rows(query, issue["id"], int(closing))
    return Answer([_merge_request(call, project, row) for row in rows])


def list_closing(call: Call) -> Answer:
    """List the merge requests that close the issue when they are merged."""
    return _list(call, closing=True)


def list_related(call: Call) -> Answer:
    """List the merge requests that mention the issue, those that close it among them."""
    return _list(call, closing=False)


def add(call_store: Any, project: Row, values: dict[str, Any]) -> int:  # noqa: ANN401 - the store, by a test's switch
    """Make a merge request that closes or mentions issues, by their numbers; for tests.

    Args:
        call_store: The memory.
        project: Where it is.
        values: `title`, `state`, `author_id`, `closes` and `mentions`.
    """
    last = call_store.value("SELECT max(iid) FROM merge_requests WHERE project_id = ?", project["id"])
    row = {"project_id": project["id"], "iid": last + 1, "title": str(values["title"])}
    row |= {"state": str(values.get("state") or "merged"), "author_id": values["author_id"]}
    number: int = call_store.insert("merge_requests", row | {"created_at": call_store.now()})
    for closes, name in ((1, "closes"), (0, "mentions")):
        for iid in values.get(name) or ():
            issue = call_store.row("SELECT id FROM issues WHERE project_id = ? AND iid = ?", project["id"], iid)
            link = {"merge_request_id": number, "issue_id": issue["id"], "closes": closes}
            call_store.insert("merge_request_issues", link)
    return int(last) + 1


_ISSUE = "/projects/{id}/issues/{iid}"
ENDPOINTS = (
    Endpoint("GET", f"{_ISSUE}/closed_by", list_closing, PAGING),
    Endpoint("GET", f"{_ISSUE}/related_merge_requests", list_related, PAGING),
)
