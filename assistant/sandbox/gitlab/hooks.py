"""Webhooks: who wants to hear of what, and their delivery: once, and what fails is lost, as with GitLab."""

from __future__ import annotations

import contextlib
import json
import threading
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx

from assistant.sandbox.gitlab import auth, hook_bodies
from assistant.sandbox.gitlab.paging import Listing, paginate
from assistant.sandbox.gitlab.parameters import PAGING, optional, required
from assistant.sandbox.gitlab.web import MAINTAINER, Answer, Call, Endpoint, not_found

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from assistant.sandbox.gitlab.hook_bodies import Body, Look, Scene
    from assistant.sandbox.gitlab.store import Row, Store

NAMES = {
    "push_events": "Push Hook",
    "issues_events": "Issue Hook",
    "confidential_issues_events": "Confidential Issue Hook",
    "note_events": "Note Hook",
    "confidential_note_events": "Confidential Note Hook",
    "wiki_page_events": "Wiki Page Hook",
}
"""Header of each event that is sent, by the flag that asks for it."""
_NEVER_SENT = (
    "tag_push_events",
    "merge_requests_events",
    "repository_update_events",
    "pipeline_events",
    "job_events",
    "deployment_events",
    "feature_flag_events",
    "releases_events",
    "milestone_events",
    "emoji_events",
    "resource_access_token_events",
)
_TIMEOUT_S = 10.0
_POLL_S = 0.05


def _hook(row: Row) -> dict[str, Any]:
    wanted = set(str(row["events"]).split())
    return {
        "id": row["id"],
        "url": row["url"],
        "name": None,
        "description": None,
        "project_id": row["project_id"],
        "created_at": row["created_at"],
        **{name: name in wanted for name in NAMES},
        **dict.fromkeys(_NEVER_SENT, False),
        "push_events_branch_filter": None,
        "branch_filter_strategy": "wildcard",
        "custom_webhook_template": None,
        "custom_headers": [],
        "url_variables": [],
        "enable_ssl_verification": True,
        "alert_status": "executable",
        "disabled_until": None,
    }


def _find(call: Call) -> Row:
    project = auth.project_of(call, MAINTAINER)
    row = call.store.row("SELECT * FROM hooks WHERE project_id = ? AND id = ?", project["id"], call.number("hook_id"))
    if row is None:
        raise not_found()
    return row


def create_hook(call: Call) -> Answer:
    """Add a webhook."""
    project = auth.project_of(call, MAINTAINER)
    wanted = [name for name in NAMES if call.params.get(name, name == "push_events")]
    row = {"project_id": project["id"], "url": call.params["url"], "token": call.params.get("token")}
    row |= {"signing_token": call.params.get("signing_token"), "events": " ".join(wanted)}
    number = call.store.insert("hooks", row | {"created_at": call.store.now()})
    return Answer(_hook(call.store.get("hooks", number)), 201)


def list_hooks(call: Call) -> Answer:
    """List the webhooks; their tokens are never shown."""
    project = auth.project_of(call, MAINTAINER)
    rows, headers = paginate(call, Listing("hooks", ["project_id = ?"], [project["id"]], descending=False))
    return Answer([_hook(row) for row in rows], headers=headers)


def get_hook(call: Call) -> Answer:
    """Return one webhook."""
    return Answer(_hook(_find(call)))


def delete_hook(call: Call) -> Answer:
    """Remove a webhook, and what still waits for it."""
    call.store.run("DELETE FROM hooks WHERE id = ?", _find(call)["id"])
    return Answer(status=204)


@dataclass(frozen=True)
class _Seen:
    """A project before a request.

    Attributes:
        issue: The issue that the request names.
        note: The comment that it names.
        pages: Wiki pages by id.
        last_issue: Highest id of an issue anywhere.
        last_note: Highest id of a comment anywhere.
    """

    issue: Look | None
    note: Row | None
    pages: Mapping[int, Row]
    last_issue: int
    last_note: int


def _seen(call: Call, project: Row) -> _Seen:
    store, iid, note = call.store, call.path.get("iid", ""), call.path.get("note_id", "")
    query = "SELECT * FROM issues WHERE project_id = ? AND iid = ?"
    issue = store.row(query, project["id"], call.number("iid")) if iid.isdecimal() else None
    return _Seen(
        hook_bodies.look(store, issue) if issue is not None else None,
        store.row("SELECT * FROM notes WHERE id = ?", call.number("note_id")) if note.isdecimal() else None,
        _pages(store, project),
        store.value("SELECT max(id) FROM issues"),
        store.value("SELECT max(id) FROM notes"),
    )


def _pages(store: Store, project: Row) -> dict[int, Row]:
    return {int(row["id"]): row for row in store.rows("SELECT * FROM wikis WHERE project_id = ?", project["id"])}


@contextlib.contextmanager
def watching(call: Call) -> Iterator[None]:
    """Queue the webhooks of what the block changes in the project that the call names.

    Nothing is sent of system notes, of reactions, nor of what is deleted except wiki pages; a comment that only moves
    its issue's `updated_at` is no change of the issue.
    """
    project = auth.find_project(call.store, call.path["id"]) if "id" in call.path else None
    wanted = project is not None and call.store.row("SELECT 1 FROM hooks WHERE project_id = ?", project["id"])
    if project is None or not wanted or call.request.method == "GET":
        yield
        return
    seen = _seen(call, project)
    yield
    scene = hook_bodies.Scene(call.store, call.base_url, project, call.user_id)
    for trigger, body in _events(scene, seen):
        _queue(scene, trigger, body)


def _events(scene: Scene, seen: _Seen) -> Iterator[tuple[str, Body]]:
    store, project = scene.store, scene.project
    query = "SELECT * FROM issues WHERE project_id = ? AND id > ? ORDER BY id"
    for row in store.rows(query, project["id"], seen.last_issue):
        body = hook_bodies.issue_body(scene, None, hook_bodies.look(store, row))
        yield _issue_trigger(row), body
    if seen.issue is not None:
        yield from _issue_events(scene, seen, seen.issue)
    now = _pages(store, project)
    for number in sorted({*seen.pages, *now}):
        old, new = seen.pages.get(number), now.get(number)
        if old is None and new is not None:
            yield "wiki_page_events", hook_bodies.wiki_body(scene, dict(new), "create")
        elif old is not None and new is None:
            yield "wiki_page_events", hook_bodies.wiki_body(scene, dict(old), "delete")
        elif old is not None and new is not None and tuple(old) != tuple(new):
            yield "wiki_page_events", hook_bodies.wiki_body(scene, dict(new), "update")


def _issue_events(scene: Scene, seen: _Seen, before: Look) -> Iterator[tuple[str, Body]]:
    store = scene.store
    row = store.row("SELECT * FROM issues WHERE id = ?", before.row["id"])
    if row is None:
        return
    now = hook_bodies.look(store, row)
    query = "SELECT * FROM notes WHERE issue_id = ? AND id > ? AND NOT system ORDER BY id"
    for note in store.rows(query, row["id"], seen.last_note):
        yield _note_trigger(row, note), hook_bodies.note_body(scene, now, note, "create")
    edited = store.row("SELECT * FROM notes WHERE id = ?", seen.note["id"]) if seen.note is not None else None
    if edited is not None and seen.note is not None and edited["body"] != seen.note["body"]:
        yield _note_trigger(row, edited), hook_bodies.note_body(scene, now, edited, "update")
    if _differs(before, now):
        yield _issue_trigger(row), hook_bodies.issue_body(scene, before, now)


def _issue_trigger(issue: Row) -> str:
    return "confidential_issues_events" if issue["confidential"] else "issues_events"


def _note_trigger(issue: Row, note: Row) -> str:
    return "confidential_note_events" if note["internal"] or issue["confidential"] else "note_events"


def _differs(before: Look, now: Look) -> bool:
    columns = [key for key in before.row.keys() if key != "updated_at"]  # noqa: SIM118 - a row of SQLite
    moved = (before.labels, before.assignees) != (now.labels, now.assignees)
    return moved or any(before.row[key] != now.row[key] for key in columns)


def push(store: Store, base_url: str, project: Row) -> int:
    """Send the webhook of a push to the default branch; return how many hooks hear of it."""
    scene = hook_bodies.Scene(store, base_url, project, store.value("SELECT min(id) FROM users"))
    return _queue(scene, "push_events", hook_bodies.push_body(scene))


def _queue(scene: Scene, trigger: str, body: Body) -> int:
    store, count = scene.store, 0
    for hook in store.rows("SELECT * FROM hooks WHERE project_id = ? ORDER BY id", scene.project["id"]):
        if trigger in str(hook["events"]).split():
            row = {"hook_id": hook["id"], "trigger": trigger, "event": NAMES[trigger], "key": str(uuid.uuid4())}
            row |= {"body": json.dumps(body), "status": "waiting", "created_at": store.now()}
            store.insert("hook_events", row)
            count += 1
    return count


@contextlib.contextmanager
def delivering(store: Store, instance: str) -> Iterator[None]:
    """Deliver what is queued, in a thread, until the block ends.

    Args:
        store: Holds the queue.
        instance: The address that `X-Gitlab-Instance` names.
    """
    stop = threading.Event()
    thread = threading.Thread(target=_deliver, args=(store, instance, stop), name="webhooks", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(_TIMEOUT_S)


def _deliver(store: Store, instance: str, stop: threading.Event) -> None:
    query = """SELECT hook_events.*, url, token, signing_token FROM hook_events JOIN hooks ON hooks.id = hook_id
        WHERE status = 'waiting' ORDER BY hook_events.id LIMIT 1"""
    with httpx.Client(timeout=_TIMEOUT_S, trust_env=False) as client:
        while not stop.is_set():
            row = store.row(query)
            if row is None:
                stop.wait(_POLL_S)
                continue
            headers = {"X-Gitlab-Instance": instance} | _headers(store, row)
            try:
                status = str(client.post(row["url"], content=row["body"], headers=headers).status_code)
            except (httpx.HTTPError, httpx.InvalidURL) as error:
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
    *(optional(name, "flag") for name in ("enable_ssl_verification", *NAMES, *_NEVER_SENT)),
)
ENDPOINTS = (
    Endpoint("GET", "/projects/{id}/hooks", list_hooks, PAGING),
    Endpoint("POST", "/projects/{id}/hooks", create_hook, _HOOK),
    Endpoint("GET", "/projects/{id}/hooks/{hook_id}", get_hook),
    Endpoint("DELETE", "/projects/{id}/hooks/{hook_id}", delete_hook),
)
