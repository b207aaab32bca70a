"""What changes an issue: fields, state, labels, people; and the quick actions that ask for such changes."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from assistant.sandbox.gitlab import auth, entities, labels, markdown, quick_actions
from assistant.sandbox.gitlab.store import Row, Value, placeholders
from assistant.sandbox.gitlab.web import PLANNER, Call, invalid

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_TITLE = 255
MAX_DESCRIPTION = 1_048_576
PLAIN_FIELDS = ("milestone_id", "due_date", "weight", "issue_type")
"""Columns that take the parameter's value as it is."""


def check_title(title: str) -> str:
    """Return the title on one line, or raise 400 when it is blank or longer than 255 characters."""
    title = " ".join(title.split("\n")).strip()
    if not title:
        raise invalid(title=["can't be blank"])
    if len(title) > MAX_TITLE:
        raise invalid(title=[f"is too long (maximum is {MAX_TITLE} characters)"])
    return title


def check_description(text: str | None) -> str | None:
    """Return the description, or raise 400 when it is larger than 1 MiB."""
    if text is not None and len(text.encode()) > MAX_DESCRIPTION:
        size = len(text.encode()) / MAX_DESCRIPTION
        raise invalid(description=[f"is too long ({size:.2f} MiB). The maximum size is 1 MiB."])
    return text


def new_discussion() -> str:
    """Return a discussion id: 40 hex digits."""
    return secrets.token_hex(20)


def system_note(call: Call, issue: Row, body: str) -> None:
    """Write a note that GitLab itself makes."""
    values: dict[str, Value] = {"issue_id": issue["id"], "author_id": call.user_id, "body": body, "system": 1}
    now = call.store.now()
    more: dict[str, Value] = {"discussion_id": new_discussion(), "created_at": now, "updated_at": now}
    call.store.insert("notes", values | more)


def record_references(call: Call, place: str, text: str) -> None:
    """Write down each mention and cross reference that GitLab would act on."""
    for kind, found in markdown.references(text):
        row: dict[str, Value] = {"user_id": call.user_id, "place": place, "kind": kind, "text": found}
        call.store.insert("mentions", row | {"created_at": call.store.now()})


def _set_state(call: Call, issue: Row, event: str | None) -> dict[str, Any]:
    now = call.store.now()
    if event == "close" and issue["state"] == "opened":
        change: dict[str, Any] = {"state": "closed", "closed_at": now, "closed_by_id": call.user_id}
    elif event == "reopen" and issue["state"] == "closed":
        change = {"state": "opened", "closed_at": None, "closed_by_id": None}
    else:
        return {}
    state = "closed" if event == "close" else "reopened"
    row = {"issue_id": issue["id"], "user_id": call.user_id, "state": state, "created_at": now}
    call.store.insert("state_events", row)
    return change


def _wanted_labels(call: Call, project: Row, issue: Row, changes: dict[str, Any]) -> set[int]:
    wanted = {int(label["id"]) for label in entities.labels_of(call.store, issue["id"])}
    if "labels" in changes:
        wanted = set(labels.find_or_create(call, project, changes["labels"] or []))
    wanted |= set(labels.find_or_create(call, project, changes.get("add_labels") or []))
    gone = changes.get("remove_labels") or []
    rows = call.store.rows(
        f"SELECT id FROM labels WHERE project_id = ? AND name IN ({placeholders(gone)})",  # noqa: S608 - only marks
        project["id"],
        *gone,
    )
    return wanted - {int(row["id"]) for row in rows}


def _set_assignees(call: Call, project: Row, issue: Row, wanted: Sequence[int]) -> bool:
    held = call.store.rows("SELECT user_id FROM issue_assignees WHERE issue_id = ?", issue["id"])
    members = call.store.rows("SELECT user_id FROM members WHERE project_id = ?", project["id"])
    target = sorted(set(wanted) & {row["user_id"] for row in members})[:1]  # one assignee, as without a licence
    if target == [row["user_id"] for row in held]:
        return False
    call.store.run("DELETE FROM issue_assignees WHERE issue_id = ?", issue["id"])
    for user_id in target:
        call.store.run("INSERT INTO issue_assignees (issue_id, user_id) VALUES (?, ?)", issue["id"], user_id)
        system_note(call, issue, f"assigned to @{call.store.get('users', user_id)['username']}")
    return True


def _plain_changes(call: Call, issue: Row, changes: dict[str, Any]) -> dict[str, Any]:
    wanted = {name: changes[name] for name in PLAIN_FIELDS if name in changes}
    wanted |= {
        name: int(changes[name]) for name in ("confidential", "discussion_locked") if changes.get(name) is not None
    }
    if changes.get("title") is not None:
        wanted["title"] = check_title(changes["title"])
    if "description" in changes:
        wanted["description"] = check_description(changes["description"])
    columns = {name: value for name, value in wanted.items() if issue[name] != value}
    _tell_in_notes(call, issue, columns)
    return columns


def _tell_in_notes(call: Call, issue: Row, columns: dict[str, Any]) -> None:
    if "title" in columns:
        system_note(call, issue, f"changed title from **{issue['title']}** to **{columns['title']}**")
    if "description" in columns:
        system_note(call, issue, "changed the description")
    if "confidential" in columns:
        seen = "confidential" if columns["confidential"] else "visible to everyone"
        system_note(call, issue, f"made the issue {seen}")


def allowed_changes(call: Call, project: Row, changes: dict[str, Any]) -> dict[str, Any]:
    """Return the changes without those that need Planner when the caller has less; GitLab drops them in silence."""
    if auth.level_of(call, project) >= PLANNER:
        return changes
    free = ("title", "description", "state_event")
    return {name: value for name, value in changes.items() if name in free}


def apply_changes(call: Call, project: Row, issue: Row, changes: dict[str, Any]) -> bool:
    """Carry out changes by parameter name; `updated_at` moves when something changed.

    Args:
        call: The request.
        project: The issue's project.
        issue: The issue as it is now.
        changes: Any of title, description, labels, add_labels, remove_labels, state_event, confidential, assignee_ids,
            milestone_id, due_date, weight, issue_type, discussion_locked.

    Returns:
        True when something changed.
    """
    columns = _plain_changes(call, issue, changes) | _set_state(call, issue, changes.get("state_event"))
    moved = labels.set_labels(call, issue, _wanted_labels(call, project, issue, changes))
    if changes.get("assignee_ids") is not None:
        moved = _set_assignees(call, project, issue, changes["assignee_ids"]) or moved
    if not (columns or moved):
        return False
    call.store.update("issues", issue["id"], columns | {"updated_at": call.store.now()})
    return True


def _label_names(argument: str | None) -> list[str]:
    found = quick_actions.label_arguments(argument or "")
    return list(dict.fromkeys(found))


def _assignees(call: Call, argument: str | None) -> list[int]:
    ids = []
    for word in (argument or "").split():
        name = word.lstrip("@")
        row = call.user if name == "me" else call.store.row("SELECT id FROM users WHERE username = ?", name)
        if row:
            ids.append(int(row["id"]))
    return ids


def _as_change(call: Call, command: str, argument: str | None) -> dict[str, Any]:
    """Return the change a command asks for; empty for a command that is only recorded."""
    title = (argument or "").strip()
    changes: dict[str, dict[str, Any]] = {
        "close": {"state_event": "close"},
        "duplicate": {"state_event": "close"},
        "reopen": {"state_event": "reopen"},
        "label": {"add_labels": _label_names(argument)},
        "labels": {"add_labels": _label_names(argument)},
        "unlabel": {"remove_labels": _label_names(argument)},
        "relabel": {"labels": _label_names(argument)},
        "assign": {"assignee_ids": _assignees(call, argument)},
        "reassign": {"assignee_ids": _assignees(call, argument)},
        "unassign": {"assignee_ids": []},
        "confidential": {"confidential": True},
        "title": {"title": title} if title else {},
    }
    return changes.get(command, {})


def _mark_duplicate(call: Call, project: Row, issue: Row, argument: str) -> None:
    """Note which issue of the same project this one repeats."""
    number = argument.strip().lstrip("#")
    query = "SELECT * FROM issues WHERE project_id = ? AND iid = ?"
    original = call.store.row(query, project["id"], int(number)) if number.isdecimal() else None
    if original is not None and original["id"] != issue["id"]:
        call.store.update("issues", issue["id"], {"duplicate_of_id": original["id"]})
        system_note(call, issue, f"marked this issue as a duplicate of #{number}")


def run_quick_actions(call: Call, project: Row, issue: Row, extraction: quick_actions.Extraction) -> dict[str, Any]:
    """Execute what a text asks for with the caller's rights, record every command, and return the changes made.

    Executed: close, reopen, duplicate, label, unlabel, relabel, assign, unassign, confidential, title. Others are only
    recorded.
    """
    done: dict[str, Any] = {}
    for command, argument in extraction.commands:
        if command == "duplicate" and auth.level_of(call, project) >= PLANNER:
            _mark_duplicate(call, project, call.store.get("issues", issue["id"]), argument or "")
        changes = allowed_changes(call, project, _as_change(call, command, argument))
        if changes:
            apply_changes(call, project, call.store.get("issues", issue["id"]), changes)
            done |= changes
        row: dict[str, Value] = {"user_id": call.user_id, "place": f"#{issue['iid']}", "command": command}
        more = {"argument": argument, "executed": int(bool(changes)), "created_at": call.store.now()}
        call.store.insert("quick_actions", row | more)
    return done
