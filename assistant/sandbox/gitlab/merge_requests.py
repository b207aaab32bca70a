"""Merge requests as far as issues tell of them: which ones close an issue, and which are related to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from assistant.sandbox.gitlab import auth, entities
from assistant.sandbox.gitlab.paging import Listing, paginate
from assistant.sandbox.gitlab.parameters import PAGING
from assistant.sandbox.gitlab.web import Answer, Call, Endpoint

if TYPE_CHECKING:
    from assistant.sandbox.gitlab.store import Row, Store


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
    where = "id IN (SELECT merge_request_id FROM merge_request_issues WHERE issue_id = ? AND (closes OR NOT ?))"
    listing = Listing("merge_requests", [where], [issue["id"], int(closing)], descending=False)
    rows, headers = paginate(call, listing)
    return Answer([_merge_request(call, project, row) for row in rows], headers=headers)


def list_closing(call: Call) -> Answer:
    """List the merge requests that close the issue when they are merged."""
    return _list(call, closing=True)


def list_related(call: Call) -> Answer:
    """List the merge requests that mention the issue, those that close it among them."""
    return _list(call, closing=False)


def add(store: Store, project: Row, values: dict[str, Any]) -> int:
    """Make a merge request that closes or mentions issues, by their numbers; for tests.

    Args:
        store: The memory.
        project: Where it is.
        values: `title`, `state`, `author_id`, `closes` and `mentions`.
    """
    last = store.value("SELECT max(iid) FROM merge_requests WHERE project_id = ?", project["id"])
    row = {"project_id": project["id"], "iid": last + 1, "title": str(values["title"])}
    row |= {"state": str(values.get("state") or "merged"), "author_id": values["author_id"]}
    number = store.insert("merge_requests", row | {"created_at": store.now()})
    for closes, name in ((1, "closes"), (0, "mentions")):
        for iid in values.get(name) or ():
            query = "SELECT id FROM issues WHERE project_id = ? AND iid = ?"
            link = {"merge_request_id": number, "issue_id": store.value(query, project["id"], iid), "closes": closes}
            store.insert("merge_request_issues", link)
    return int(last) + 1


_ISSUE = "/projects/{id}/issues/{iid}"
ENDPOINTS = (
    Endpoint("GET", f"{_ISSUE}/closed_by", list_closing, PAGING),
    Endpoint("GET", f"{_ISSUE}/related_merge_requests", list_related, PAGING),
)
