"""Notes and discussions of issues."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from assistant.sandbox.gitlab import auth, entities, issue_changes, quick_actions
from assistant.sandbox.gitlab.paging import Listing, paginate, slice_rows
from assistant.sandbox.gitlab.parameters import PAGING, Param, optional, required
from assistant.sandbox.gitlab.web import (
    GUEST,
    MAINTAINER,
    Answer,
    ApiError,
    Call,
    Endpoint,
    forbidden,
    not_found,
)

if TYPE_CHECKING:
    from assistant.sandbox.gitlab.store import Row

MAX_BODY = 1_000_000
MAX_NOTES = 5_000
TOUCH_EVERY = timedelta(seconds=60)
"""A new note moves its issue's `updated_at` only when that is older (`throttled_touch.rb`)."""


def _visible(call: Call, project: Row) -> str:
    return "1" if auth.sees_internal(call, project) else "NOT internal"


def list_notes(call: Call) -> Answer:
    """List the notes, newest first unless asked otherwise."""
    project, issue = auth.issue_of(call, "iid", "Issue")
    where = ["issue_id = ?"]
    kind = call.params.get("activity_filter") or "all_notes"
    if kind != "all_notes":
        where.append("NOT system" if kind == "only_comments" else "system")
    order = call.params.get("order_by") or "created_at"
    descending = call.params.get("sort") != "asc"
    rows, headers = paginate(call, Listing("notes", where, [issue["id"]], order, descending))
    seen = auth.sees_internal(call, project)  # asked after paging, as in GitLab: a page may hold fewer than per_page
    body = [entities.note(call, issue, row) for row in rows if seen or not row["internal"]]
    return Answer(body, headers=headers)


def _note_of(call: Call, project: Row, issue: Row) -> Row:
    row = call.store.row("SELECT * FROM notes WHERE id = ? AND issue_id = ?", call.number("note_id"), issue["id"])
    if row is None or (row["internal"] and not auth.sees_internal(call, project)):
        raise not_found("Note")
    return row


def get_note(call: Call) -> Answer:
    """Return one note."""
    project, issue = auth.issue_of(call, "iid", "Issue")
    return Answer(entities.note(call, issue, _note_of(call, project, issue)))


def touch(call: Call, issue: Row) -> None:
    """Move the issue's `updated_at` as a new note does: at most once in 60 s."""
    now = call.store.clock.now()
    if entities.parse_time(issue["updated_at"]) < now - TOUCH_EVERY:
        call.store.update("issues", issue["id"], {"updated_at": call.store.now()})


def _checked_body(body: str) -> str:
    if not body.strip():
        raise ApiError(400, {"message": '400 Bad request - Note {:note=>["can\'t be blank"]}'})
    if len(body) > MAX_BODY:
        raise ApiError(
            400, {"message": f'400 Bad request - Note {{:note=>["is too long (maximum is {MAX_BODY} characters)"]}}'}
        )
    return body


def _check_writer(call: Call, project: Row, issue: Row) -> None:
    auth.project_of(call, GUEST)
    if call.params.get("internal") and not auth.sees_internal(call, project):
        raise forbidden()
    if call.store.value("SELECT count(*) FROM notes WHERE issue_id = ?", issue["id"]) >= MAX_NOTES:
        raise ApiError(400, {"message": '400 Bad request - Note {:base=>["Maximum number of comments exceeded"]}'})


def _insert(call: Call, issue: Row, body: str, discussion: str, kind: str | None) -> Row:
    now = call.store.now()
    internal = bool(call.params.get("internal") or call.params.get("confidential"))
    values = {
        "issue_id": issue["id"],
        "author_id": call.me["id"],
        "body": body,
        "internal": int(internal),
        "discussion_id": discussion,
        "type": kind,
        "created_at": now,
        "updated_at": now,
    }
    row = call.store.get("notes", call.store.insert("notes", values))
    touch(call, issue)
    return row


def _summary(changes: dict[str, Any], extraction: quick_actions.Extraction) -> Answer:
    words = [f"Applied {command}." for command, _ in extraction.commands]
    return Answer({"commands_changes": changes, "summary": words}, 202)


def _write(call: Call, kind: str | None, discussion: str | None = None) -> tuple[Row, Row, Row] | Answer:
    """Store a note, or run its commands when it holds nothing else."""
    project, issue = auth.issue_of(call, "iid", "Issue")
    _check_writer(call, project, issue)
    extraction = quick_actions.extract(_checked_body(call.params["body"]))
    changes = issue_changes.run_quick_actions(call, project, issue, extraction)
    if extraction.commands and not extraction.text.strip():
        return _summary(changes, extraction)
    row = _insert(call, issue, extraction.text, discussion or issue_changes.new_discussion(), kind)
    issue_changes.record_references(call, f"#{issue['iid']} note {row['id']}", row["body"])
    return project, issue, row


def create_note(call: Call) -> Answer:
    """Write a comment; one that is only quick actions is 202 without an id."""
    done = _write(call, None)
    if isinstance(done, Answer):
        return done
    return Answer(entities.note(call, done[1], done[2]), 201)


def _own_note(call: Call) -> tuple[Row, Row, Row]:
    project, issue = auth.issue_of(call, "iid", "Issue")
    row = _note_of(call, project, issue)
    others = row["author_id"] != call.me["id"]
    if row["system"] or (others and auth.level_of(call, project) < MAINTAINER):
        raise forbidden()
    return project, issue, row


def update_note(call: Call) -> Answer:
    """Change a note's text; quick actions in it run."""
    project, issue, row = _own_note(call)
    if "body" in call.params:
        extraction = quick_actions.extract(_checked_body(call.params["body"] or ""))
        changes = issue_changes.run_quick_actions(call, project, issue, extraction)
        if extraction.commands and not extraction.text.strip():
            call.store.run("DELETE FROM notes WHERE id = ?", row["id"])
            return _summary(changes, extraction)
        call.store.update("notes", row["id"], {"body": extraction.text, "updated_at": call.store.now()})
        touch(call, issue)
        issue_changes.record_references(call, f"#{issue['iid']} note {row['id']}", extraction.text)
    return Answer(entities.note(call, issue, call.store.get("notes", row["id"])))


def delete_note(call: Call) -> Answer:
    """Delete a note."""
    _, _, row = _own_note(call)
    call.store.run("DELETE FROM notes WHERE id = ?", row["id"])
    return Answer(status=204)


def _discussions(call: Call, project: Row, issue: Row) -> dict[str, list[Row]]:
    sql = f"SELECT * FROM notes WHERE issue_id = ? AND {_visible(call, project)} ORDER BY created_at, id"  # noqa: S608 - literals
    threads: dict[str, list[Row]] = {}
    for row in call.store.rows(sql, issue["id"]):
        threads.setdefault(row["discussion_id"], []).append(row)
    return threads


def _discussion(call: Call, issue: Row, key: str, rows: list[Row]) -> dict[str, Any]:
    return {
        "id": key,
        "individual_note": rows[0]["type"] is None,
        "notes": [entities.note(call, issue, row) for row in rows],
    }


def list_discussions(call: Call) -> Answer:
    """List the threads, oldest first; a lone comment is a thread of its own."""
    project, issue = auth.issue_of(call, "iid", "Issue")
    threads = _discussions(call, project, issue)
    keys, headers = slice_rows(call, list(threads))
    return Answer([_discussion(call, issue, key, threads[key]) for key in keys], headers=headers)


def _thread_of(call: Call) -> tuple[Row, str, list[Row]]:
    project, issue = auth.issue_of(call, "iid", "Issue")
    key = call.path["discussion_id"]
    rows = _discussions(call, project, issue).get(key)
    if rows is None:
        raise not_found("Discussion")
    return issue, key, rows


def get_discussion(call: Call) -> Answer:
    """Return one thread."""
    issue, key, rows = _thread_of(call)
    return Answer(_discussion(call, issue, key, rows))


def create_discussion(call: Call) -> Answer:
    """Start a thread."""
    done = _write(call, "DiscussionNote")
    if isinstance(done, Answer):
        return done
    _, issue, row = done
    return Answer(_discussion(call, issue, row["discussion_id"], [row]), 201)


def reply(call: Call) -> Answer:
    """Write into a thread; a lone comment becomes a thread by its first reply."""
    _, key, rows = _thread_of(call)
    done = _write(call, "DiscussionNote", key)
    if isinstance(done, Answer):
        return done
    call.store.update("notes", rows[0]["id"], {"type": "DiscussionNote"})
    return Answer(entities.note(call, done[1], done[2]), 201)


_NOTES = "/projects/{id}/issues/{iid}/notes"
_THREADS = "/projects/{id}/issues/{iid}/discussions"
_BODY = (
    required("body"),
    optional("internal", "flag"),
    optional("confidential", "flag"),
    optional("created_at", "time"),
)
ENDPOINTS = (
    Endpoint(
        "GET",
        _NOTES,
        list_notes,
        (
            *PAGING,
            optional("order_by", values=("created_at", "updated_at")),
            optional("sort", values=("asc", "desc")),
            optional("activity_filter", values=("all_notes", "only_comments", "only_activity")),
        ),
    ),
    Endpoint("POST", _NOTES, create_note, _BODY),
    Endpoint("GET", f"{_NOTES}/{{note_id}}", get_note),
    Endpoint(
        "PUT", f"{_NOTES}/{{note_id}}", update_note, (Param("body", filled=True), optional("confidential", "flag"))
    ),
    Endpoint("DELETE", f"{_NOTES}/{{note_id}}", delete_note),
    Endpoint("GET", _THREADS, list_discussions, PAGING),
    Endpoint("POST", _THREADS, create_discussion, _BODY),
    Endpoint("GET", f"{_THREADS}/{{discussion_id}}", get_discussion),
    Endpoint("POST", f"{_THREADS}/{{discussion_id}}/notes", reply, _BODY),
)
