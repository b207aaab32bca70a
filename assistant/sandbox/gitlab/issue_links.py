"""Links between issues."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from assistant.sandbox.gitlab import auth, entities
from assistant.sandbox.gitlab.parameters import optional, required
from assistant.sandbox.gitlab.web import (
    GUEST,
    PLANNER,
    Answer,
    Call,
    Endpoint,
    bad_request,
    conflict,
    forbidden,
    not_found,
)

if TYPE_CHECKING:
    from assistant.sandbox.gitlab.store import Row

TYPES = ("relates_to", "blocks", "is_blocked_by")


def _link_type(link: Row, seen_from: int) -> str:
    if link["link_type"] == "blocks" and link["target_id"] == seen_from:
        return "is_blocked_by"
    return str(link["link_type"])


def _project_of_issue(call: Call, issue: Row) -> Row:
    return call.store.get("projects", issue["project_id"])


def _issue_json(call: Call, issue_id: int) -> dict[str, Any]:
    issue = call.store.get("issues", issue_id)
    return entities.issue(call, _project_of_issue(call, issue), issue)


def _link(call: Call, row: Row) -> dict[str, Any]:
    return {
        "id": row["id"],
        "source_issue": _issue_json(call, row["source_id"]),
        "target_issue": _issue_json(call, row["target_id"]),
        "link_type": row["link_type"],
        "link_created_at": row["created_at"],
        "link_updated_at": row["created_at"],
    }


def _links_of(call: Call, issue: Row) -> list[Row]:
    return call.store.rows("SELECT * FROM links WHERE ? IN (source_id, target_id) ORDER BY id", issue["id"])


def list_links(call: Call) -> Answer:
    """List the linked issues that the caller may read, oldest link first; not paged."""
    _, issue = auth.issue_of(call)
    body = []
    for row in _links_of(call, issue):
        other = call.store.get("issues", row["target_id"] if row["source_id"] == issue["id"] else row["source_id"])
        project = _project_of_issue(call, other)
        if auth.level_of(call, project) and auth.may_read_issue(call, project, other):
            more = {"issue_link_id": row["id"], "link_type": _link_type(row, issue["id"])}
            more |= {"link_created_at": row["created_at"], "link_updated_at": row["created_at"]}
            body.append(entities.issue(call, project, other) | more)
    return Answer(body)


def _target(call: Call) -> tuple[Row, Row]:
    path = {"id": call.params["target_project_id"], "iid": call.params["target_issue_iid"]}
    return auth.issue_of(replace(call, path=path))


def create_link(call: Call) -> Answer:
    """Link two issues: 409 when they are already linked, 403 without rights on both."""
    project, issue = auth.issue_of(call)
    target_project, target = _target(call)
    if auth.level_of(call, project) < GUEST or auth.level_of(call, target_project) < GUEST:
        raise forbidden()
    if issue["id"] == target["id"]:
        raise bad_request("Issue cannot be related to itself")
    both = "source_id = ? AND target_id = ?"
    pair = (issue["id"], target["id"])
    if call.store.row(f"SELECT 1 FROM links WHERE ({both}) OR ({both})", *pair, *reversed(pair)):  # noqa: S608 - literal
        raise conflict("Issue(s) already assigned")
    kind = call.params.get("link_type") or "relates_to"
    source, aim = (pair[1], pair[0]) if kind == "is_blocked_by" else pair
    stored = "relates_to" if kind == "relates_to" else "blocks"
    values = {"source_id": source, "target_id": aim, "link_type": stored, "created_at": call.store.now()}
    return Answer(_link(call, call.store.get("links", call.store.insert("links", values))), 201)


def _find(call: Call) -> tuple[Row, Row]:
    project, issue = auth.issue_of(call)
    number = call.number("link_id")
    for row in _links_of(call, issue):
        if row["id"] == number:
            return project, row
    raise not_found()


def get_link(call: Call) -> Answer:
    """Return one link."""
    return Answer(_link(call, _find(call)[1]))


def delete_link(call: Call) -> Answer:
    """Remove a link and return what it was."""
    project, row = _find(call)
    if auth.level_of(call, project) < PLANNER:
        raise forbidden()
    body = _link(call, row)
    call.store.run("DELETE FROM links WHERE id = ?", row["id"])
    return Answer(body)


_LINKS = "/projects/{id}/issues/{iid}/links"
ENDPOINTS = (
    Endpoint("GET", _LINKS, list_links),
    Endpoint(
        "POST",
        _LINKS,
        create_link,
        (required("target_project_id"), required("target_issue_iid"), optional("link_type", values=TYPES)),
    ),
    Endpoint("GET", f"{_LINKS}/{{link_id}}", get_link),
    Endpoint("DELETE", f"{_LINKS}/{{link_id}}", delete_link),
)
