"""Milestones of a project."""

from __future__ import annotations

from typing import TYPE_CHECKING

from assistant.sandbox.gitlab import auth, entities
from assistant.sandbox.gitlab.paging import Listing, paginate
from assistant.sandbox.gitlab.parameters import PAGING, optional, required
from assistant.sandbox.gitlab.web import PLANNER, Answer, Call, Endpoint, invalid, not_found

if TYPE_CHECKING:
    from assistant.sandbox.gitlab.store import Value


def list_milestones(call: Call) -> Answer:
    """List the milestones."""
    project = auth.project_of(call)
    where: list[str] = ["project_id = ?"]
    values: list[Value] = [project["id"]]
    for name in ("state", "title"):
        if call.params.get(name):
            where.append(f"{name} = ?")
            values.append(call.params[name])
    rows, headers = paginate(call, Listing("milestones", where, values, descending=False))
    return Answer([entities.milestone(call, project, row) for row in rows], headers=headers)


def get_milestone(call: Call) -> Answer:
    """Return one milestone by its global id."""
    project = auth.project_of(call)
    row = call.store.row(
        "SELECT * FROM milestones WHERE project_id = ? AND id = ?", project["id"], call.number("milestone_id")
    )
    if row is None:
        raise not_found()
    return Answer(entities.milestone(call, project, row))


def create_milestone(call: Call) -> Answer:
    """Create a milestone."""
    project = auth.project_of(call, PLANNER)
    title = call.params["title"]
    if call.store.row("SELECT 1 FROM milestones WHERE project_id = ? AND title = ?", project["id"], title):
        raise invalid(title=["already being used for another group or project milestone."])
    iid = 1 + call.store.value("SELECT max(iid) FROM milestones WHERE project_id = ?", project["id"])
    now = call.store.now()
    values = {"project_id": project["id"], "iid": iid, "title": title, "created_at": now, "updated_at": now}
    values |= {name: call.params.get(name) for name in ("description", "due_date", "start_date")}
    row = call.store.get("milestones", call.store.insert("milestones", values))
    return Answer(entities.milestone(call, project, row), 201)


_LIST = "/projects/{id}/milestones"
ENDPOINTS = (
    Endpoint("GET", _LIST, list_milestones, (*PAGING, optional("state"), optional("title"))),
    Endpoint("GET", f"{_LIST}/{{milestone_id}}", get_milestone),
    Endpoint(
        "POST",
        _LIST,
        create_milestone,
        (required("title"), optional("description"), optional("due_date"), optional("start_date")),
    ),
)
