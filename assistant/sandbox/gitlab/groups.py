"""Groups: made of the paths of projects; what is in them can be listed."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any

from assistant.sandbox.gitlab import auth, projects
from assistant.sandbox.gitlab.paging import Listing, paginate
from assistant.sandbox.gitlab.parameters import PAGING, optional
from assistant.sandbox.gitlab.web import Answer, Call, Endpoint, not_found

if TYPE_CHECKING:
    from assistant.sandbox.gitlab.store import Row

_FIRST_ID = 900_000


def _visible(call: Call) -> list[Row]:
    """Return the projects that the caller may see."""
    rows = call.store.rows("SELECT * FROM projects ORDER BY id")
    return [row for row in rows if auth.level_of(call, row) or row["visibility"] == "public"]


def _paths(rows: list[Row]) -> set[str]:
    found = set()
    for row in rows:
        parts = str(row["full_path"]).split("/")[:-1]
        found |= {"/".join(parts[:depth]) for depth in range(1, len(parts) + 1)}
    return found


def _number(path: str) -> int:
    return _FIRST_ID + zlib.crc32(path.casefold().encode()) % 100_000


def _group_of(call: Call) -> tuple[str, list[Row]]:
    """Return the path of the group in the request, and the projects that the caller sees in all of GitLab."""
    rows = _visible(call)
    wanted = call.path["id"]
    for path in sorted(_paths(rows)):
        if wanted.casefold() == path.casefold() or wanted == str(_number(path)):
            return path, rows
    raise not_found("Group")


def get_group(call: Call) -> Answer:
    """Return a group."""
    path, _ = _group_of(call)
    body: dict[str, Any] = {
        "id": _number(path),
        "web_url": f"{call.base_url}/groups/{path}",
        "name": path.rsplit("/", 1)[-1],
        "path": path.rsplit("/", 1)[-1],
        "description": "",
        "visibility": "private",
        "full_name": path.replace("/", " / "),
        "full_path": path,
        "created_at": call.store.now(),
        "parent_id": _number(path.rpartition("/")[0]) if "/" in path else None,
    }
    return Answer(body)


def list_projects(call: Call) -> Answer:
    """List the projects of a group, those of its subgroups when asked."""
    path, rows = _group_of(call)
    deep = bool(call.params.get("include_subgroups"))
    archived = call.params.get("archived")
    chosen = [
        int(row["id"])
        for row in rows
        if (parent := str(row["full_path"]).rpartition("/")[0]) == path or (deep and parent.startswith(f"{path}/"))
        if archived is None or bool(row["archived"]) == archived
    ]
    marks = ", ".join(map(str, chosen)) or "NULL"
    found, headers = paginate(call, Listing("projects", [f"id IN ({marks})"], [], descending=False, keyset=("id",)))
    return Answer([projects.project(call, row) for row in found], headers=headers)


ENDPOINTS = (
    Endpoint("GET", "/groups/{id}", get_group, (optional("with_projects", "flag"),)),
    Endpoint(
        "GET",
        "/groups/{id}/projects",
        list_projects,
        (*PAGING, *(optional(name, "flag") for name in ("include_subgroups", "archived", "with_shared"))),
    ),
)
