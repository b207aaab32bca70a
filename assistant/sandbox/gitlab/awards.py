"""Emoji reactions on issues and notes: one vote per user, emoji and thing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from assistant.sandbox.gitlab import auth, entities
from assistant.sandbox.gitlab.paging import Listing, paginate
from assistant.sandbox.gitlab.parameters import PAGING, required
from assistant.sandbox.gitlab.web import GUEST, Answer, Call, Endpoint, not_found, unauthorized

if TYPE_CHECKING:
    from assistant.sandbox.gitlab.store import Row


def _award(call: Call, row: Row) -> dict[str, Any]:
    return {
        "id": row["id"],
        "name": row["name"],
        "user": entities.user(call, row["user_id"]),
        "created_at": row["created_at"],
        "updated_at": row["created_at"],
        "awardable_id": row["awardable_id"],
        "awardable_type": row["awardable_type"],
        "url": None,
    }


def _awardable(call: Call) -> tuple[str, int]:
    """Return type and global id of what the path names."""
    project, issue = auth.issue_of(call)
    if "note_id" not in call.path:
        return "Issue", int(issue["id"])
    note = call.store.row("SELECT * FROM notes WHERE id = ? AND issue_id = ?", call.number("note_id"), issue["id"])
    if note is None or (note["internal"] and not auth.sees_internal(call, project)):
        raise not_found()
    return "Note", int(note["id"])


def _own(call: Call) -> Row:
    kind, number = _awardable(call)
    row = call.store.row(
        "SELECT * FROM awards WHERE id = ? AND awardable_type = ? AND awardable_id = ?",
        call.number("award_id"),
        kind,
        number,
    )
    if row is None:
        raise not_found()
    return row


def list_awards(call: Call) -> Answer:
    """List the reactions."""
    where = ["awardable_type = ?", "awardable_id = ?"]
    rows, headers = paginate(call, Listing("awards", where, _awardable(call), descending=False))
    return Answer([_award(call, row) for row in rows], headers=headers)


def get_award(call: Call) -> Answer:
    """Return one reaction."""
    return Answer(_award(call, _own(call)))


def create_award(call: Call) -> Answer:
    """React; a second time with the same emoji is a 404 with GitLab's odd text.

    A reaction on an issue moves no `updated_at`; one on a note moves the note's.
    """
    auth.project_of(call, GUEST)
    kind, number = _awardable(call)
    name = call.params["name"].strip(":")
    where = "user_id = ? AND name = ? AND awardable_type = ? AND awardable_id = ?"
    if call.store.row(f"SELECT 1 FROM awards WHERE {where}", call.me["id"], name, kind, number):  # noqa: S608 - literal
        raise not_found("Award Emoji Name has already been taken")
    values = {"user_id": call.user_id, "name": name, "awardable_type": kind, "awardable_id": number}
    award_id = call.store.insert("awards", values | {"created_at": call.store.now()})
    if kind == "Note":
        call.store.update("notes", number, {"updated_at": call.store.now()})
    return Answer(_award(call, call.store.get("awards", award_id)), 201)


def delete_award(call: Call) -> Answer:
    """Take back one's own reaction; another's is 401."""
    row = _own(call)
    if row["user_id"] != call.me["id"]:
        raise unauthorized()
    call.store.run("DELETE FROM awards WHERE id = ?", row["id"])
    return Answer(status=204)


_ISSUE = "/projects/{id}/issues/{iid}"
_PLACES = (f"{_ISSUE}/award_emoji", f"{_ISSUE}/notes/{{note_id}}/award_emoji")
ENDPOINTS = (
    *(Endpoint("GET", place, list_awards, PAGING) for place in _PLACES),
    *(Endpoint("POST", place, create_award, (required("name"),)) for place in _PLACES),
    *(Endpoint("GET", f"{place}/{{award_id}}", get_award) for place in _PLACES),
    *(Endpoint("DELETE", f"{place}/{{award_id}}", delete_award) for place in _PLACES),
)
