"""Labels of a project and of an issue."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from assistant.sandbox.gitlab import auth, entities
from assistant.sandbox.gitlab.paging import Listing, paginate
from assistant.sandbox.gitlab.parameters import PAGING, optional, required
from assistant.sandbox.gitlab.web import (
    PLANNER,
    Answer,
    Call,
    Endpoint,
    bad_request,
    conflict,
    invalid,
    not_found,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from assistant.sandbox.gitlab.store import Row

DEFAULT_COLOR = "#6699cc"


def project_label(call: Call, row: Row, *, counts: bool = False) -> dict[str, Any]:
    """Return a label as the project's list shows it."""
    numbers = {}
    if counts:
        sql = "SELECT count(*) FROM issues JOIN issue_labels ON issue_id = issues.id WHERE label_id = ? AND state = ?"
        numbers = {
            "open_issues_count": call.store.value(sql, row["id"], "opened"),
            "closed_issues_count": call.store.value(sql, row["id"], "closed"),
            "open_merge_requests_count": 0,
        }
    return {
        **entities.label_details(row),
        **numbers,
        "subscribed": False,
        "priority": row["priority"],
        "is_project_label": True,
    }


def list_labels(call: Call) -> Answer:
    """List the project's labels by name."""
    project = auth.project_of(call)
    where, values = ["project_id = ?"], [project["id"]]
    if call.params.get("search"):
        where.append("name LIKE ? ESCAPE '\\'")
        values.append("%" + re.sub(r"([\\%_])", r"\\\1", call.params["search"]) + "%")
    rows, headers = paginate(call, Listing("labels", where, values, "name", descending=False))
    counts = bool(call.params.get("with_counts"))
    return Answer([project_label(call, row, counts=counts) for row in rows], headers=headers)


def _find(call: Call, project: Row) -> Row:
    name = call.path["name"]
    row = call.store.row("SELECT * FROM labels WHERE project_id = ? AND name = ?", project["id"], name)
    if row is None and name.isdigit():
        row = call.store.row("SELECT * FROM labels WHERE project_id = ? AND id = ?", project["id"], int(name))
    if row is None:
        raise not_found("Label")
    return row


def get_label(call: Call) -> Answer:
    """Return one label by name or id."""
    return Answer(project_label(call, _find(call, auth.project_of(call))))


def _checked_color(color: str) -> str:
    if not re.fullmatch(r"#(?:[0-9a-fA-F]{3}|[0-9a-fA-F]{6})", color):
        raise invalid(color=["must be a valid color code"])
    return color if len(color) == 7 else "#" + "".join(digit * 2 for digit in color[1:])  # noqa: PLR2004 - #rrggbb


def create_label(call: Call) -> Answer:
    """Create a label; a name that exists is 409."""
    project = auth.project_of(call, PLANNER)
    name = call.params["name"].strip()
    if call.store.row("SELECT 1 FROM labels WHERE project_id = ? AND name = ?", project["id"], name):
        raise conflict("Label already exists")
    if not name or "," in name:
        raise invalid(title=["can't be blank" if not name else "is invalid"])
    color = _checked_color(call.params["color"])
    number = add_label(call, project, name, color, call.params.get("description"))
    return Answer(project_label(call, call.store.get("labels", number)), 201)


def update_label(call: Call) -> Answer:
    """Rename, recolour or describe a label."""
    label = _find(call, auth.project_of(call, PLANNER))
    changes: dict[str, Any] = {}
    if call.params.get("new_name"):
        changes["name"] = call.params["new_name"]
    if call.params.get("color"):
        changes["color"] = _checked_color(call.params["color"])
    changes |= {key: call.params[key] for key in ("description", "priority") if key in call.params}
    if not changes:
        names = "new_name, color, description, priority"
        raise bad_request(f"{names} are missing, at least one parameter must be provided")
    call.store.update("labels", label["id"], changes)
    return Answer(project_label(call, call.store.get("labels", label["id"])))


def delete_label(call: Call) -> Answer:
    """Delete a label; it goes from its issues too."""
    label = _find(call, auth.project_of(call, PLANNER))
    call.store.run("DELETE FROM labels WHERE id = ?", label["id"])
    return Answer(status=204)


def add_label(call: Call, project: Row, name: str, color: str = DEFAULT_COLOR, description: str | None = None) -> int:
    """Store a label and return its id."""
    return call.store.insert(
        "labels", {"project_id": project["id"], "name": name, "color": color, "description": description}
    )


def find_or_create(call: Call, project: Row, names: Iterable[str]) -> list[int]:
    """Return the ids of the named labels.

    An unknown name is created when the caller may administer labels (Planner and up) and dropped in silence otherwise:
    `app/services/labels/find_or_create_service.rb`.
    """
    may_create = auth.level_of(call, project) >= PLANNER
    ids = []
    for name in names:
        row = call.store.row("SELECT id FROM labels WHERE project_id = ? AND name = ?", project["id"], name)
        if row:
            ids.append(int(row["id"]))
        elif may_create:
            ids.append(add_label(call, project, name))
    return ids


def set_labels(call: Call, issue: Row, wanted: Iterable[int]) -> bool:
    """Make the issue carry exactly these labels, record the events, and tell whether anything changed."""
    held = {label["id"] for label in entities.labels_of(call.store, issue["id"])}
    target = set(wanted)
    for label_id in sorted(target - held):
        call.store.run("INSERT INTO issue_labels (issue_id, label_id) VALUES (?, ?)", issue["id"], label_id)
    for label_id in sorted(held - target):
        call.store.run("DELETE FROM issue_labels WHERE issue_id = ? AND label_id = ?", issue["id"], label_id)
    for action, ids in (("add", target - held), ("remove", held - target)):
        for label_id in sorted(ids):
            event = {"issue_id": issue["id"], "user_id": call.user_id, "label_id": label_id, "action": action}
            call.store.insert("label_events", event | {"created_at": call.store.now()})
    return held != target


_FIELDS = (optional("description"), optional("priority", "number"))
ENDPOINTS = (
    Endpoint(
        "GET",
        "/projects/{id}/labels",
        list_labels,
        (*PAGING, optional("with_counts", "flag"), optional("search"), optional("include_ancestor_groups", "flag")),
    ),
    Endpoint("POST", "/projects/{id}/labels", create_label, (required("name"), required("color"), *_FIELDS)),
    Endpoint("GET", "/projects/{id}/labels/{name}", get_label, (optional("include_ancestor_groups", "flag"),)),
    Endpoint("PUT", "/projects/{id}/labels/{name}", update_label, (optional("new_name"), optional("color"), *_FIELDS)),
    Endpoint("DELETE", "/projects/{id}/labels/{name}", delete_label),
)
