"""Issues: list, read, open, change, delete; their events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from assistant.sandbox.gitlab import auth, entities, issue_changes, issue_filters, quick_actions
from assistant.sandbox.gitlab.paging import Listing, paginate
from assistant.sandbox.gitlab.parameters import PAGING, Param, optional, required
from assistant.sandbox.gitlab.web import (
    GUEST,
    OWNER,
    PLANNER,
    Answer,
    Call,
    Endpoint,
    bad_request,
    forbidden,
    invalid,
)

if TYPE_CHECKING:
    from assistant.sandbox.gitlab.store import Row

TYPES = ("issue", "incident", "test_case", "task", "ticket")
ORDERS = (
    "created_at",
    "due_date",
    "label_priority",
    "milestone_due",
    "popularity",
    "priority",
    "relative_position",
    "title",
    "updated_at",
    "weight",
    "id",
)
KEYSET_ORDERS = ("id", "title", "created_at", "updated_at", "due_date", "weight")
"""Orders with keyset paging since GitLab 18.3; another order falls back to offset pages in silence."""


def list_issues(call: Call) -> Answer:
    """List the project's issues that the caller may read."""
    project = auth.project_of(call)
    found = issue_filters.conditions_of(call, project)
    order = call.params.get("order_by") or "created_at"
    column = order if order in KEYSET_ORDERS else "created_at"
    keyset = KEYSET_ORDERS if order == column else ("-",)
    descending = call.params.get("sort") != "asc"
    listing = Listing("issues", found.where, found.values, column, descending, keyset)
    rows, headers = paginate(call, listing)
    details = bool(call.params.get("with_labels_details"))
    return Answer([entities.issue(call, project, row, details=details) for row in rows], headers=headers)


def _subscribed(call: Call, project: Row, issue: Row) -> dict[str, Any]:
    return entities.issue(call, project, issue) | {"subscribed": issue["author_id"] == call.user_id}


def get_issue(call: Call) -> Answer:
    """Return one issue."""
    project, issue = auth.issue_of(call)
    return Answer(_subscribed(call, project, issue))


def _wanted_iid(call: Call, project: Row) -> int:
    wanted = call.params.get("iid")
    last = call.store.value("SELECT last_iid FROM projects WHERE id = ?", project["id"])
    if wanted is None or auth.level_of(call, project) < OWNER:
        return last + 1
    if call.store.row("SELECT 1 FROM issues WHERE project_id = ? AND iid = ?", project["id"], wanted):
        raise invalid(iid=["has already been taken"])
    return int(wanted)


def _insert(call: Call, project: Row, title: str, description: str | None) -> Row:
    now, iid = call.store.now(), _wanted_iid(call, project)
    owner = auth.level_of(call, project) >= OWNER
    values = {
        "project_id": project["id"],
        "iid": iid,
        "title": title,
        "description": description,
        "issue_type": call.params.get("issue_type") or "issue",
        "confidential": int(bool(call.params.get("confidential"))),
        "author_id": call.me["id"],
        "created_at": call.params.get("created_at") if owner and call.params.get("created_at") else now,
        "updated_at": now,
    }
    call.store.run(
        "UPDATE projects SET last_activity_at = ?, last_iid = max(last_iid, ?) WHERE id = ?", now, iid, project["id"]
    )
    return call.store.get("issues", call.store.insert("issues", values))


def create_issue(call: Call) -> Answer:
    """Open an issue; quick actions in its description run with the caller's rights."""
    project = auth.project_of(call, GUEST)
    title = issue_changes.check_title(call.params["title"])
    text = issue_changes.check_description(call.params.get("description"))
    extraction = quick_actions.extract(text or "")
    issue = _insert(call, project, title, extraction.text if text is not None else None)
    names = ("labels", "assignee_ids", "milestone_id", "due_date", "weight")
    changes = {name: call.params[name] for name in names if call.params.get(name)}
    if call.params.get("assignee_id"):
        changes["assignee_ids"] = [call.params["assignee_id"]]
    before = issue["updated_at"]
    issue_changes.apply_changes(call, project, issue, changes)
    issue_changes.run_quick_actions(call, project, issue, extraction)
    call.store.update("issues", issue["id"], {"updated_at": before})
    _record_texts(call, issue["iid"], title, extraction.text)
    return Answer(_subscribed(call, project, call.store.get("issues", issue["id"])), 201)


def _record_texts(call: Call, iid: int, *texts: str | None) -> None:
    for text in texts:
        issue_changes.record_references(call, f"#{iid}", text or "")


def _checked_changes(call: Call, names: list[str]) -> dict[str, Any]:
    changes = {name: value for name, value in call.params.items() if name in names}
    if not changes:
        raise bad_request(f"{', '.join(names)} are missing, at least one parameter must be provided")
    if call.params.get("assignee_id") is not None:
        changes.setdefault("assignee_ids", [call.params["assignee_id"]])
    return changes


def update_issue(call: Call) -> Answer:
    """Change an issue; quick actions in a new description run."""
    project, issue = auth.issue_of(call)
    changes = _checked_changes(call, [param.name for param in CHANGES])
    if auth.level_of(call, project) < PLANNER and issue["author_id"] != call.me["id"]:
        raise forbidden()
    extraction = quick_actions.Extraction((), "")
    if changes.get("description"):
        extraction = quick_actions.extract(changes["description"])
        changes["description"] = extraction.text
    changes = issue_changes.allowed_changes(call, project, changes)
    issue_changes.apply_changes(call, project, issue, changes)
    issue_changes.run_quick_actions(call, project, issue, extraction)
    _record_texts(call, issue["iid"], changes.get("title"), changes.get("description"))
    return Answer(_subscribed(call, project, call.store.get("issues", issue["id"])))


def delete_issue(call: Call) -> Answer:
    """Delete an issue: owners and its author."""
    project, issue = auth.issue_of(call)
    if auth.level_of(call, project) < OWNER and issue["author_id"] != call.me["id"]:
        raise forbidden()
    call.store.run("DELETE FROM issues WHERE id = ?", issue["id"])
    return Answer(status=204)


def list_state_events(call: Call) -> Answer:
    """List who closed and reopened the issue, and when."""
    _, issue = auth.issue_of(call)
    rows, headers = paginate(
        call, Listing("state_events", ["issue_id = ?"], [issue["id"]], "created_at", descending=False)
    )
    body = [
        {
            "id": row["id"],
            "user": entities.user(call, row["user_id"]),
            "created_at": row["created_at"],
            "resource_type": "Issue",
            "resource_id": issue["id"],
            "source_commit": None,
            "source_merge_request_id": None,
            "state": row["state"],
        }
        for row in rows
    ]
    return Answer(body, headers=headers)


def list_label_events(call: Call) -> Answer:
    """List which labels were put on and taken off, by whom and when."""
    _, issue = auth.issue_of(call)
    rows, headers = paginate(
        call, Listing("label_events", ["issue_id = ?"], [issue["id"]], "created_at", descending=False)
    )
    body = []
    for row in rows:
        label = call.store.row("SELECT id, name, color, description FROM labels WHERE id = ?", row["label_id"])
        body.append(
            {
                "id": row["id"],
                "user": entities.user(call, row["user_id"]),
                "created_at": row["created_at"],
                "resource_type": "Issue",
                "resource_id": issue["id"],
                "label": dict(label) if label else None,
                "action": row["action"],
            }
        )
    return Answer(body, headers=headers)


COMMON: tuple[Param, ...] = (
    optional("description"),
    optional("assignee_ids", "numbers"),
    optional("assignee_id", "number"),
    optional("milestone_id", "number"),
    optional("labels", "words"),
    optional("add_labels", "words"),
    optional("remove_labels", "words"),
    optional("due_date"),
    optional("confidential", "flag"),
    optional("discussion_locked", "flag"),
    optional("issue_type", values=TYPES),
    optional("weight", "number"),
)
CHANGES: tuple[Param, ...] = (
    *COMMON,
    Param("title", filled=True),
    optional("state_event", values=("close", "reopen")),
    optional("updated_at", "time"),
)
OPENING: tuple[Param, ...] = (
    *COMMON,
    required("title"),
    optional("created_at", "time"),
    optional("iid", "number"),
    optional("merge_request_to_resolve_discussions_of", "number"),
    optional("discussion_to_resolve"),
)
FILTERS: tuple[Param, ...] = (
    *PAGING,
    optional("state", values=("opened", "closed", "all")),
    optional("order_by", values=ORDERS),
    optional("sort", values=("asc", "desc")),
    optional("labels", "words"),
    optional("iids", "numbers"),
    *(optional(name, "time") for name in ("created_after", "created_before", "updated_after", "updated_before")),
    *(optional(name) for name in ("search", "in", "milestone", "author_username", "assignee_id")),
    *(optional(name) for name in ("my_reaction_emoji", "due_date", "milestone_id")),
    optional("assignee_username", "words"),
    optional("author_id", "number"),
    optional("closed_by_id", "number"),
    optional("confidential", "flag"),
    optional("with_labels_details", "flag"),
    optional("issue_type", values=TYPES),
    optional("not", "object"),
    optional("scope", values=("created-by-me", "assigned-to-me", "created_by_me", "assigned_to_me", "all")),
)
_ONE = "/projects/{id}/issues/{iid}"
ENDPOINTS = (
    Endpoint("GET", "/projects/{id}/issues", list_issues, FILTERS),
    Endpoint("POST", "/projects/{id}/issues", create_issue, OPENING),
    Endpoint("GET", _ONE, get_issue),
    Endpoint("PUT", _ONE, update_issue, CHANGES),
    Endpoint("DELETE", _ONE, delete_issue),
    Endpoint("GET", f"{_ONE}/resource_state_events", list_state_events, PAGING),
    Endpoint("GET", f"{_ONE}/resource_label_events", list_label_events, PAGING),
)
