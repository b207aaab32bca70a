"""JSON of users, issues, notes, labels: every key that GitLab 18.9 sends."""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from assistant.sandbox.gitlab.store import Row, Store
    from assistant.sandbox.gitlab.web import Call

_TASK = re.compile(r"^\s*(?:[-*+]|\d+[.)])\s+\[([ xX])\]\s", re.MULTILINE)


def user(call: Call, user_id: int | None) -> dict[str, Any] | None:
    """Return the short form of a user."""
    if user_id is None:
        return None
    row = call.store.get("users", user_id)
    picture = hashlib.sha256(str(row["email"]).encode()).hexdigest()
    return {
        "id": row["id"],
        "username": row["username"],
        "public_email": None,
        "name": row["name"],
        "state": row["state"],
        "locked": False,
        "avatar_url": f"{call.base_url}/-/avatars/{picture}.svg",
        "web_url": f"{call.base_url}/{row['username']}",
    }


def project_url(call: Call, project: Row) -> str:
    """Return the address of the project's page."""
    return f"{call.base_url}/{project['full_path']}"


def issue_url(call: Call, project: Row, issue: Row) -> str:
    """Return the address of the issue's page; `/-/issues/` or `/-/work_items/`, as switched."""
    part = "work_items" if call.request.app.state.work_item_urls else "issues"
    return f"{project_url(call, project)}/-/{part}/{issue['iid']}"


def labels_of(store: Store, issue_id: int) -> list[Row]:
    """Return the issue's labels, by name."""
    return store.rows(
        "SELECT labels.* FROM labels JOIN issue_labels ON label_id = labels.id WHERE issue_id = ? ORDER BY name",
        issue_id,
    )


def text_color(color: str) -> str:
    """Return black or white, whichever reads better on `#rrggbb`."""
    red, green, blue = (int(color[n : n + 2], 16) for n in (1, 3, 5))
    return "#1F1E24" if (red * 299 + green * 587 + blue * 114) / 1000 > 128 else "#FFFFFF"  # noqa: PLR2004 - mid grey


def label_details(label: Row) -> dict[str, Any]:
    """Return a label as `with_labels_details` shows it in an issue."""
    return {
        "id": label["id"],
        "name": label["name"],
        "description": label["description"],
        "description_html": label["description"] or "",
        "text_color": text_color(label["color"]),
        "color": label["color"],
        "archived": False,
    }


def milestone(call: Call, project: Row, row: Row | None) -> dict[str, Any] | None:
    """Return a milestone."""
    if row is None:
        return None
    today = call.store.now()[:10]
    keys = ("id", "iid", "project_id", "title", "description", "state", "created_at", "updated_at")
    return {key: row[key] for key in keys} | {
        "due_date": row["due_date"],
        "start_date": row["start_date"],
        "expired": bool(row["due_date"] and row["due_date"] < today),
        "web_url": f"{project_url(call, project)}/-/milestones/{row['iid']}",
    }


def _award_counts(store: Store, issue_id: int) -> dict[str, int]:
    rows = store.rows(
        "SELECT name, count(*) AS n FROM awards WHERE awardable_type = 'Issue' AND awardable_id = ? GROUP BY name",
        issue_id,
    )
    counts = {row["name"]: int(row["n"]) for row in rows}
    return {"upvotes": counts.get("thumbsup", 0), "downvotes": counts.get("thumbsdown", 0)}


def _people(call: Call, issue: Row) -> dict[str, Any]:
    assigned = call.store.rows("SELECT user_id FROM issue_assignees WHERE issue_id = ? ORDER BY user_id", issue["id"])
    assignees = [user(call, row["user_id"]) for row in assigned]
    return {
        "assignees": assignees,
        "author": user(call, issue["author_id"]),
        "assignee": assignees[0] if assignees else None,
        "closed_by": user(call, issue["closed_by_id"]),
    }


def _task_status(description: str | None) -> dict[str, int]:
    marks: list[str] = _TASK.findall(description or "")
    return {"count": len(marks), "completed_count": sum(mark in "xX" for mark in marks)}


def _api_links(call: Call, issue: Row) -> dict[str, Any]:
    project = f"{call.base_url}/api/v4/projects/{issue['project_id']}"
    own = f"{project}/issues/{issue['iid']}"
    return {
        "self": own,
        "notes": f"{own}/notes",
        "award_emoji": f"{own}/award_emoji",
        "project": project,
        "closed_as_duplicate_of": _original(call, issue),
    }


def _original(call: Call, issue: Row) -> str | None:
    original = call.store.row("SELECT project_id, iid FROM issues WHERE id = ?", issue["duplicate_of_id"])
    if original is None:
        return None
    return f"{call.base_url}/api/v4/projects/{original['project_id']}/issues/{original['iid']}"


def _counters(call: Call, issue: Row) -> dict[str, Any]:
    store, number = call.store, issue["id"]
    blockers = "SELECT count(*) FROM links WHERE target_id = ? AND link_type = 'blocks'"
    return {
        "user_notes_count": store.value("SELECT count(*) FROM notes WHERE issue_id = ? AND NOT system", number),
        "merge_requests_count": store.value("SELECT count(*) FROM merge_request_issues WHERE issue_id = ?", number),
        **_award_counts(store, number),
        "blocking_issues_count": store.value(
            "SELECT count(*) FROM links WHERE source_id = ? AND link_type = 'blocks'", number
        ),
        "has_tasks": bool(_task_status(issue["description"])["count"]),
        "task_status": _task_words(issue["description"]),
        "_blocked": store.value(blockers, number),
    }


def _task_words(description: str | None) -> str:
    tasks = _task_status(description)
    return f"{tasks['completed_count']} of {tasks['count']} checklist items completed" if tasks["count"] else ""


def issue(call: Call, project: Row, row: Row, *, details: bool = False) -> dict[str, Any]:
    """Return an issue.

    Args:
        call: The request.
        project: Its project.
        row: The issue.
        details: Show labels as objects in place of names.
    """
    labels = labels_of(call.store, row["id"])
    mile = call.store.row("SELECT * FROM milestones WHERE id = ?", row["milestone_id"])
    reference = f"#{row['iid']}"
    plain = ("id", "iid", "project_id", "title", "description", "state", "created_at", "updated_at", "closed_at")
    return {
        **{key: row[key] for key in plain},
        "labels": [label_details(label) if details else label["name"] for label in labels],
        "milestone": milestone(call, project, mile),
        **_people(call, row),
        "type": str(row["issue_type"]).upper(),
        **{key: value for key, value in _counters(call, row).items() if key != "_blocked"},
        "start_date": None,
        "due_date": row["due_date"],
        "confidential": bool(row["confidential"]),
        "discussion_locked": None if row["discussion_locked"] is None else bool(row["discussion_locked"]),
        "issue_type": row["issue_type"],
        "web_url": issue_url(call, project, row),
        "time_stats": {
            "time_estimate": 0,
            "total_time_spent": 0,
            "human_time_estimate": None,
            "human_total_time_spent": None,
        },
        "task_completion_status": _task_status(row["description"]),
        "_links": _api_links(call, row),
        "references": {
            "short": reference,
            "relative": reference,
            "full": f"{project['full_path']}{reference}",
        },
        "severity": "UNKNOWN",
        "moved_to_id": row["moved_to_id"],
        "imported": False,
        "imported_from": "none",
        "service_desk_reply_to": None,
    }


def note(call: Call, issue_row: Row, row: Row) -> dict[str, Any]:
    """Return a note of an issue."""
    return {
        "id": row["id"],
        "type": row["type"],
        "body": row["body"],
        "author": user(call, row["author_id"]),
        "created_at": row["created_at"],
        "updated_at": row["updated_at"],
        "system": bool(row["system"]),
        "noteable_id": issue_row["id"],
        "noteable_type": "Issue",
        "project_id": issue_row["project_id"],
        "resolvable": False,
        "confidential": bool(row["internal"]),
        "internal": bool(row["internal"]),
        "imported": False,
        "imported_from": "none",
        "noteable_iid": issue_row["iid"],
        "commands_changes": {},
    }


def parse_time(text: str) -> datetime:
    """Return a stamp as a moment in UTC."""
    return datetime.fromisoformat(text).astimezone(UTC)
