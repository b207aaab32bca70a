"""Bodies of webhooks, after `lib/gitlab/data_builder` and the samples of GitLab's documentation (18.9).

Keys whose value cannot be known here are there with an empty value, so that a reader finds the shape.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from assistant.sandbox.gitlab import entities, repository

if TYPE_CHECKING:
    from collections.abc import Mapping

    from assistant.sandbox.gitlab.store import Row, Store

Body = dict[str, Any]
_LEVELS = {"private": 0, "internal": 10, "public": 20}
_STATES = {"opened": 1, "closed": 2}
_NOWHERE = "0" * 40
_UNKNOWN_OF_ISSUES = (
    "last_edited_at",
    "last_edited_by_id",
    "relative_position",
    "milestone_id",
    "due_date",
    "duplicated_to_id",
    "human_total_time_spent",
    "human_time_estimate",
    "human_time_change",
    "weight",
    "health_status",
    "escalation_status",
    "escalation_policy",
)


@dataclass(frozen=True)
class Scene:
    """Where something happened, and who did it.

    Attributes:
        store: The memory.
        base_url: What links carry, no slash at the end.
        project: Row of the project.
        user: Id of who acts.
    """

    store: Store
    base_url: str
    project: Row
    user: int


@dataclass(frozen=True)
class Look:
    """An issue at one moment.

    Attributes:
        row: The issue.
        labels: As webhooks show them.
        assignees: Ids of users.
    """

    row: Row
    labels: tuple[Body, ...]
    assignees: tuple[int, ...]


def look(store: Store, issue: Row) -> Look:
    """Return the issue with what hangs on it, as it is now."""
    held = store.rows("SELECT user_id FROM issue_assignees WHERE issue_id = ? ORDER BY user_id", issue["id"])
    labels = tuple(_label(issue, row) for row in entities.labels_of(store, issue["id"]))
    return Look(issue, labels, tuple(int(row["user_id"]) for row in held))


def issue_body(scene: Scene, before: Look | None, now: Look) -> Body:
    """Return what is said of a new issue, or of one that is another than before."""
    place = _project(scene)
    opened = now.row["state"] == "opened"
    action = "open" if before is None else "update"
    if before is not None and before.row["state"] != now.row["state"]:
        action = "reopen" if opened else "close"
    people = [_person(scene.store, number) for number in now.assignees]
    return {
        "object_kind": "issue" if now.row["issue_type"] == "issue" else "work_item",
        "event_type": "confidential_issue" if now.row["confidential"] else "issue",
        "user": _person(scene.store, scene.user),
        "project": place,
        "object_attributes": _issue(scene, now)
        | {"action": action, "updated_by_id": scene.user if before is not None else None},
        "labels": list(now.labels),
        "changes": _changes(scene, before, now),
        "repository": _repository(place),
        "assignees": people,
        "assignee": people[0] if people else None,
    }


def note_body(scene: Scene, issue: Look, note: Row, action: str) -> Body:
    """Return what is said of a comment; `action` is create or update."""
    place = _project(scene)
    return {
        "object_kind": "note",
        "event_type": "confidential_note" if note["internal"] or issue.row["confidential"] else "note",
        "user": _person(scene.store, scene.user),
        "project_id": scene.project["id"],
        "project": place,
        "repository": _repository(place),
        "object_attributes": {
            **dict.fromkeys(("attachment", "line_code", "commit_id", "st_diff")),
            "id": note["id"],
            "internal": bool(note["internal"]),
            "note": note["body"],
            "noteable_type": "Issue",
            "author_id": note["author_id"],
            "created_at": _written(note["created_at"]),
            "updated_at": _written(note["updated_at"]),
            "project_id": scene.project["id"],
            "noteable_id": issue.row["id"],
            "discussion_id": note["discussion_id"],
            "system": False,
            "action": action,
            "url": f"{place['web_url']}/-/issues/{issue.row['iid']}#note_{note['id']}",
        },
        "issue": _issue(scene, issue) | {"position": 0, "branch_name": None},
    }


def wiki_body(scene: Scene, page: Mapping[str, Any], action: str) -> Body:
    """Return what is said of a wiki page; `action` is create, update or delete."""
    place = _project(scene)
    url = f"{place['web_url']}/-/wikis/{page['slug']}"
    return {
        "object_kind": "wiki_page",
        "user": _person(scene.store, scene.user),
        "project": place,
        "wiki": {
            "web_url": f"{place['web_url']}/-/wikis/home",
            "git_ssh_url": "",
            "git_http_url": f"{place['web_url']}.wiki.git",
            "path_with_namespace": f"{place['path_with_namespace']}.wiki",
            "default_branch": scene.project["default_branch"],
        },
        "object_attributes": {
            **{name: page[name] for name in ("title", "content", "format", "slug")},
            "message": f"{action} page",
            "url": url,
            "action": action,
            "diff_url": f"{url}/diff",
            "version_id": _NOWHERE,
        },
    }


def push_body(scene: Scene) -> Body:
    """Return what is said of a push to the default branch; the commits before the last are not known."""
    place = _project(scene)
    person = _person(scene.store, scene.user)
    snap = repository.snapshot(scene.project)
    head = snap.commit if snap else _NOWHERE
    return {
        "object_kind": "push",
        "event_name": "push",
        "before": _NOWHERE,
        "after": head,
        "ref": f"refs/heads/{scene.project['default_branch']}",
        "ref_protected": True,
        "checkout_sha": head,
        "message": None,
        "user_id": person["id"],
        "user_name": person["name"],
        "user_username": person["username"],
        "user_email": None,
        "user_avatar": None,
        "project_id": scene.project["id"],
        "project": place,
        "commits": [],
        "total_commits_count": 0,
        "push_options": {},
        "repository": _repository(place)
        | {"git_http_url": place["git_http_url"], "git_ssh_url": "", "visibility_level": place["visibility_level"]},
    }


def _project(scene: Scene) -> Body:
    row = scene.project
    full = str(row["full_path"])
    url = f"{scene.base_url}/{full}"
    return {
        "id": row["id"],
        "name": row["name"],
        "description": row["description"],
        "web_url": url,
        "avatar_url": None,
        "git_ssh_url": "",
        "git_http_url": f"{url}.git",
        "namespace": full.rpartition("/")[0],
        "visibility_level": _LEVELS.get(str(row["visibility"]), 0),
        "path_with_namespace": full,
        "default_branch": row["default_branch"],
        "ci_config_path": None,
        "homepage": url,
        "url": "",
        "ssh_url": "",
        "http_url": f"{url}.git",
    }


def _repository(place: Mapping[str, Any]) -> Body:
    return {name: place[name] for name in ("name", "url", "description", "homepage")}


def _person(store: Store, number: int) -> Body:
    row = store.get("users", number)
    shown = {name: row[name] for name in ("id", "name", "username")}
    return {**shown, "avatar_url": None, "email": "[REDACTED]"}


def _label(issue: Row, label: Row) -> Body:
    return {
        "id": label["id"],
        "title": label["name"],
        "color": label["color"],
        "project_id": issue["project_id"],
        "created_at": issue["created_at"],
        "updated_at": issue["created_at"],
        "template": False,
        "description": label["description"],
        "type": "ProjectLabel",
        "group_id": None,
    }


def _issue(scene: Scene, issue: Look) -> Body:
    row = issue.row
    return {
        **dict.fromkeys(_UNKNOWN_OF_ISSUES),
        **dict.fromkeys(("time_estimate", "total_time_spent", "time_change"), 0),
        **{name: row[name] for name in ("id", "iid", "title", "description", "project_id", "author_id", "state")},
        **{name: _written(row[name]) for name in ("created_at", "updated_at", "closed_at")},
        "assignee_ids": list(issue.assignees),
        "assignee_id": issue.assignees[0] if issue.assignees else None,
        "updated_by_id": None,
        "state_id": _STATES[str(row["state"])],
        "confidential": bool(row["confidential"]),
        "discussion_locked": bool(row["discussion_locked"]),
        "moved_to_id": row["moved_to_id"],
        "type": str(row["issue_type"]).capitalize(),
        "url": f"{scene.base_url}/{scene.project['full_path']}/-/issues/{row['iid']}",
        "severity": "unknown",
        "labels": list(issue.labels),
    }


def _changes(scene: Scene, before: Look | None, now: Look) -> Body:
    """Return what is another than before, by name; the state is told as its number."""
    names = ("title", "description", "confidential", "state", "updated_at", "closed_at")
    was = _issue(scene, before) if before is not None else {}
    is_now = _issue(scene, now)
    found = {}
    for name in names:
        if before is None or before.row[name] != now.row[name]:  # of times more is known than is written
            told = "state_id" if name == "state" else name
            found[told] = {"previous": was.get(told), "current": is_now[told]}
    if before is not None:
        found["updated_by_id"] = {"previous": None, "current": scene.user}
        if before.labels != now.labels:
            found["labels"] = {"previous": list(before.labels), "current": list(now.labels)}
    return found


def _written(stamp: str | None) -> str | None:
    """Return a time as webhooks write it."""
    return stamp[:19].replace("T", " ") + " UTC" if stamp else None
