"""Webhooks: who wants to hear of what, the bodies, and their delivery: once, and what fails is lost, as with GitLab.

Bodies after `lib/gitlab/data_builder` and the samples of GitLab's documentation (18.9). Keys whose value cannot be
known here are there with an empty value, so that a reader finds the shape.
"""

from __future__ import annotations

import contextlib
import json
import threading
import uuid
from typing import TYPE_CHECKING, Any

import httpx

from assistant.sandbox.gitlab import auth, entities
from assistant.sandbox.gitlab.parameters import PAGING, optional, required
from assistant.sandbox.gitlab.web import MAINTAINER, Answer, Call, Endpoint, not_found

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from starlette.responses import Response

    from assistant.sandbox.gitlab.store import Row, Store

EVENTS = (
    "push_events",
    "issues_events",
    "confidential_issues_events",
    "note_events",
    "confidential_note_events",
    "wiki_page_events",
)
_TIMEOUT_S = 10.0
_POLL_S = 0.05
_LEVELS = {"private": 0, "internal": 10, "public": 20}
_STATES = {"opened": 1, "closed": 2}


# -- REST


def _hook(row: Row) -> dict[str, Any]:
    wanted = set(str(row["events"]).split())
    return {
        "id": row["id"],
        "url": row["url"],
        "project_id": row["project_id"],
        "created_at": row["created_at"],
        **{name: name in wanted for name in EVENTS},
        "enable_ssl_verification": True,
        "alert_status": "executable",
        "disabled_until": None,
    }


def create_hook(call: Call) -> Answer:
    """Add a webhook."""
    project = auth.project_of(call, MAINTAINER)
    wanted = [name for name in EVENTS if call.params.get(name, name == "push_events")]
    row = {"project_id": project["id"], "url": call.params["url"], "token": call.params.get("token")}
    row |= {"signing_token": call.params.get("signing_token"), "events": " ".join(wanted)}
    number = call.store.insert("hooks", row | {"created_at": call.store.now()})
    return Answer(_hook(call.store.get("hooks", number)), 201)


def list_hooks(call: Call) -> Answer:
    """List the webhooks."""
    project = auth.project_of(call, MAINTAINER)
    rows = call.store.rows("SELECT * FROM hooks WHERE project_id = ? ORDER BY id", project["id"])
    return Answer([_hook(row) for row in rows])


def delete_hook(call: Call) -> Answer:
    """Remove a webhook."""
    project = auth.project_of(call, MAINTAINER)
    row = call.store.row("SELECT * FROM hooks WHERE project_id = ? AND id = ?", project["id"], call.number("hook_id"))
    if row is None:
        raise not_found("Hook")
    call.store.run("DELETE FROM hooks WHERE id = ?", row["id"])
    return Answer(status=204)


# -- bodies


def _project(base_url: str, row: Row) -> dict[str, Any]:
    full = str(row["full_path"])
    url = f"{base_url}/{full}"
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


def _person(store: Store, number: int) -> dict[str, Any]:
    row = store.get("users", number)
    return {
        "id": row["id"],
        "name": row["name"],
        "username": row["username"],
        "avatar_url": None,
        "email": "[REDACTED]",
    }


def _labels(store: Store, issue: Row) -> list[dict[str, Any]]:
    return [
        {"id": label["id"], "title": label["name"], "color": label["color"], "project_id": issue["project_id"],
         "created_at": issue["created_at"], "updated_at": issue["created_at"], "template": False,
         "description": label["description"], "type": "ProjectLabel", "group_id": None}
        for label in entities.labels_of(store, issue["id"])
    ]  # fmt: skip


def _issue(store: Store, url: str, row: Row) -> dict[str, Any]:
    empty = [
        "assignee_id",
        "updated_by_id",
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
    ]
    return {
        **dict.fromkeys(empty),
        **{name: 0 for name in ("time_estimate", "total_time_spent", "time_change")},  # noqa: C420 - beside the others
        **{name: row[name] for name in ("id", "iid", "title", "description", "project_id", "author_id", "state")},
        "assignee_ids": [],
        "created_at": _written(row["created_at"]),
        "updated_at": _written(row["updated_at"]),
        "closed_at": _written(row["closed_at"]),
        "state_id": _STATES[str(row["state"])],
        "confidential": bool(row["confidential"]),
        "discussion_locked": bool(row["discussion_locked"]),
        "moved_to_id": row["moved_to_id"],
        "type": str(row["issue_type"]).capitalize(),
        "url": f"{url}/-/issues/{row['iid']}",
        "severity": "unknown",
        "escalation_status": None,
        "escalation_policy": None,
        "labels": _labels(store, row),
    }


def _written(stamp: str | None) -> str | None:
    """Return a time as webhooks write it."""
    return stamp[:19].replace("T", " ") + " UTC" if stamp else None


def _issue_event(call: Call, project: Row, before: Row | None, row: Row) -> tuple[str, dict[str, Any]]:
    changed = {}
    if before is not None:
        names = ("title", "description", "confidential", "state", "updated_at", "closed_at")
        changed = {
            name: {"previous": before[name], "current": row[name]} for name in names if before[name] != row[name]
        }
    action = "open" if before is None else "update"
    if before is not None and before["state"] != row["state"]:
        action = "close" if row["state"] == "closed" else "reopen"
    place = _project(call.base_url, project)
    kind = "issue" if row["issue_type"] == "issue" else "work_item"
    body = {
        "object_kind": kind,
        "event_type": "confidential_issue" if row["confidential"] else "issue",
        "user": _person(call.store, call.user_id),
        "project": place,
        "object_attributes": _issue(call.store, place["web_url"], row) | {"action": action},
        "labels": _labels(call.store, row),
        "changes": changed,
        "repository": _repository(place),
        "assignees": [],
        "assignee": None,
    }
    return ("confidential_issues_events" if row["confidential"] else "issues_events"), body


def _note_event(call: Call, project: Row, issue: Row, note: Row, action: str) -> tuple[str, dict[str, Any]]:
    place = _project(call.base_url, project)
    hidden = bool(note["internal"] or issue["confidential"])
    empty = dict.fromkeys(("attachment", "line_code", "commit_id", "st_diff"))
    body = {
        "object_kind": "note",
        "event_type": "confidential_note" if hidden else "note",
        "user": _person(call.store, call.user_id),
        "project_id": project["id"],
        "project": place,
        "repository": _repository(place),
        "object_attributes": empty
        | {
            "id": note["id"],
            "internal": bool(note["internal"]),
            "note": note["body"],
            "noteable_type": "Issue",
            "author_id": note["author_id"],
            "created_at": _written(note["created_at"]),
            "updated_at": _written(note["updated_at"]),
            "project_id": project["id"],
            "noteable_id": issue["id"],
            "discussion_id": note["discussion_id"],
            "system": False,
            "action": action,
            "url": f"{place['web_url']}/-/issues/{issue['iid']}#note_{note['id']}",
        },
        "issue": _issue(call.store, place["web_url"], issue) | {"position": 0, "branch_name": None},
    }
    return ("confidential_note_events" if hidden else "note_events"), body


def _wiki_event(call: Call, project: Row, page: Mapping[str, Any], action: str) -> tuple[str, dict[str, Any]]:
    place = _project(call.base_url, project)
    url = f"{place['web_url']}/-/wikis/{page['slug']}"
    body = {
        "object_kind": "wiki_page",
        "user": _person(call.store, call.user_id),
        "project": place,
        "wiki": {
            "web_url": f"{place['web_url']}/-/wikis/home",
            "git_ssh_url": "",
            "git_http_url": f"{place['web_url']}.wiki.git",
            "path_with_namespace": f"{place['path_with_namespace']}.wiki",
            "default_branch": project["default_branch"],
        },
        "object_attributes": {
            **{name: page[name] for name in ("title", "content", "format", "slug")},
            "message": f"{action} page",
            "url": url,
            "action": action,
            "diff_url": f"{url}/diff",
            "version_id": "0" * 40,
        },
    }
    return "wiki_page_events", body


def _repository(place: Mapping[str, Any]) -> dict[str, Any]:
    return {name: place[key] for name, key in
            (("name", "name"), ("url", "url"), ("description", "description"), ("homepage", "homepage"))}  # fmt: skip


def push(store: Store, base_url: str, project: Row) -> int:
    """Send the webhook of a push to the default branch; return how many hooks hear of it."""
    place = _project(base_url, project)
    user = store.row("SELECT * FROM users ORDER BY id LIMIT 1")
    assert user is not None  # noqa: S101 - the stand-in has users from its start
    body = {
        **{name: "push" for name in ("object_kind", "event_name")},  # noqa: C420 - beside the others
        "before": "0" * 40,
        "after": uuid.uuid4().hex + "0" * 8,
        "ref": f"refs/heads/{project['default_branch']}",
        "ref_protected": True,
        "checkout_sha": None,
        "message": None,
        "user_id": user["id"],
        "user_name": user["name"],
        "user_username": user["username"],
        "user_email": None,
        "user_avatar": None,
        "project_id": project["id"],
        "project": place,
        "commits": [],
        "total_commits_count": 0,
        "push_options": {},
        "repository": _repository(place)
        | {"git_http_url": place["git_http_url"], "git_ssh_url": "", "visibility_level": place["visibility_level"]},
    }
    return _queue(store, project, "push_events", body)


# -- what a request changes


def before(call: Call, endpoint: Endpoint) -> Row | None:
    """Return the issue that a request is about to change, or the page."""
    if endpoint.method == "GET" or "{id}" not in endpoint.path:
        return None
    project = auth.find_project(call.store, call.path["id"])
    if project is None:
        return None
    if "/issues/{iid}" in endpoint.path and call.path["iid"].isdecimal():
        query = "SELECT * FROM issues WHERE project_id = ? AND iid = ?"
        return call.store.row(query, project["id"], int(call.path["iid"]))
    if endpoint.path.endswith("/wikis/{slug}"):
        query = "SELECT * FROM wikis WHERE project_id = ? AND slug = ?"
        return call.store.row(query, project["id"], call.path["slug"])
    return None


def after(call: Call, endpoint: Endpoint, seen: Row | None, answer: Answer | Response) -> None:
    """Queue the webhooks of what a request changed."""
    if endpoint.method == "GET" or not isinstance(answer, Answer) or "{id}" not in endpoint.path:
        return
    project = auth.find_project(call.store, call.path["id"])
    if project is None or not call.store.row("SELECT 1 FROM hooks WHERE project_id = ?", project["id"]):
        return
    for trigger, body in _events(call, endpoint, project, seen, answer):
        _queue(call.store, project, trigger, body)


def _events(
    call: Call, endpoint: Endpoint, project: Row, seen: Row | None, answer: Answer
) -> Iterator[tuple[str, dict[str, Any]]]:
    body = answer.body if isinstance(answer.body, dict) else {}
    if "/wikis" in endpoint.path:
        action = {"POST": "create", "PUT": "update", "DELETE": "delete"}[endpoint.method]
        page = dict(seen) if endpoint.method == "DELETE" and seen is not None else body
        yield _wiki_event(call, project, page, action)
    elif endpoint.path.endswith("/issues"):
        yield _issue_event(call, project, None, call.store.get("issues", body["id"]))
    elif seen is not None and "/issues/{iid}" in endpoint.path and endpoint.method != "DELETE":
        now = call.store.row("SELECT * FROM issues WHERE id = ?", seen["id"])
        if "/notes" in endpoint.path and "id" in body and now is not None:
            action = "create" if endpoint.method == "POST" else "update"
            yield _note_event(call, project, now, call.store.get("notes", body["id"]), action)
        if now is not None and _differs(seen, now):
            yield _issue_event(call, project, seen, now)


def _differs(seen: Row, now: Row) -> bool:
    """Return whether more than the time of the last change is another one; labels move only that time."""
    ignored = set() if seen["updated_at"] != now["updated_at"] else {"updated_at"}
    return any(seen[key] != now[key] for key in seen.keys() if key not in ignored)  # noqa: SIM118 - a row of SQLite


# -- delivery


def _queue(store: Store, project: Row, trigger: str, body: Mapping[str, Any]) -> int:
    count = 0
    for hook in store.rows("SELECT * FROM hooks WHERE project_id = ?", project["id"]):
        if trigger in str(hook["events"]).split():
            row = {"hook_id": hook["id"], "trigger": trigger, "event": _NAMES[trigger], "key": str(uuid.uuid4())}
            row |= {"body": json.dumps(body, default=str), "status": "waiting", "created_at": store.now()}
            store.insert("hook_events", row)
            count += 1
    return count


_NAMES = {
    "push_events": "Push Hook",
    "issues_events": "Issue Hook",
    "confidential_issues_events": "Confidential Issue Hook",
    "note_events": "Note Hook",
    "confidential_note_events": "Confidential Note Hook",
    "wiki_page_events": "Wiki Page Hook",
}


@contextlib.contextmanager
def delivering(store: Store) -> Iterator[None]:
    """Deliver what is queued, in a thread, until the block ends."""
    stop = threading.Event()
    thread = threading.Thread(target=_deliver, args=(store, stop), name="webhooks", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(_TIMEOUT_S)


def _deliver(store: Store, stop: threading.Event) -> None:
    query = """SELECT hook_events.*, url, token, signing_token FROM hook_events JOIN hooks ON hooks.id = hook_id
        WHERE status = 'waiting' ORDER BY hook_events.id LIMIT 1"""
    with httpx.Client(timeout=_TIMEOUT_S, trust_env=False) as client:
        while not stop.is_set():
            row = store.row(query)
            if row is None:
                stop.wait(_POLL_S)
                continue
            try:
                status = str(client.post(row["url"], content=row["body"], headers=_headers(store, row)).status_code)
            except httpx.HTTPError as error:
                status = type(error).__name__  # lost, as GitLab loses it
            with store.transaction():
                store.run("UPDATE hook_events SET status = ? WHERE id = ?", status, row["id"])


def _headers(store: Store, row: Row) -> dict[str, str]:
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "GitLab/18.9.0-pre",
        "X-Gitlab-Event": str(row["event"]),
        "X-Gitlab-Webhook-UUID": str(uuid.uuid4()),
        "X-Gitlab-Event-UUID": str(uuid.uuid4()),
        "Idempotency-Key": str(row["key"]),
    }
    if row["token"]:
        headers["X-Gitlab-Token"] = str(row["token"])
    if row["signing_token"]:
        from standardwebhooks import Webhook  # noqa: PLC0415 - only where an instance signs

        at = store.clock.now()
        signature = Webhook(str(row["signing_token"])).sign(str(row["key"]), at, str(row["body"]))
        headers |= {"webhook-id": str(row["key"]), "webhook-timestamp": str(int(at.timestamp()))}
        headers["webhook-signature"] = signature
    return headers


_HOOK = (
    required("url"),
    optional("token"),
    optional("signing_token"),
    optional("enable_ssl_verification", "flag"),
    *(optional(name, "flag") for name in EVENTS),
)
ENDPOINTS = (
    Endpoint("GET", "/projects/{id}/hooks", list_hooks, PAGING),
    Endpoint("POST", "/projects/{id}/hooks", create_hook, _HOOK),
    Endpoint("DELETE", "/projects/{id}/hooks/{hook_id}", delete_hook),
)
