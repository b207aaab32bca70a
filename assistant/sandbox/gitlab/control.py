"""The stand-in's own switches below `/_fake`: records to read, faults, clock, users, content.

They are no part of GitLab. Records can always be read; the other switches work only with `--test-switches`, since they
make tokens and read folders. A request that comes from a web page is refused.

| call | does |
|---|---|
| `GET mentions`, `quick_actions`, `unknown_parameters`, `requests` | what was recorded, oldest first |
| `GET faults`, `DELETE faults`, `POST faults {kind, count, method, path, ...}` | see `Fault` in `faults.py` |
| `POST clock {now}` or `{advance_s}` or `{}` | stand still at, move on, back to real time |
| `POST limits {notes, issues, search, archive}` | calls a minute and user |
| `POST switches {work_item_urls, totals_up_to}` | web_url form; rows up to which totals are sent |
| `POST users {username, name, project, access_level, scopes, expires_at}` | a user with a role and a new token |
| `POST tokens {token, revoked, expires_at}` | revoke or expire a token |
| `POST projects {path, visibility, repository}` | a project; `repository` is a folder |
| `POST projects/change {path, visibility, archived, new_path}` | a project becomes hidden, archived or renamed |
| `POST issues/move {path, iid, to}` | an issue moves to another project |
| `POST merge_requests {path, title, state, closes, mentions}` | a merge request about issues |
| `POST push {path}` | sends the webhook of a push |
| `POST forget {}` | empties the records and switches |
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from assistant.sandbox.gitlab import auth, hooks, merge_requests, seed
from assistant.sandbox.gitlab.web import ApiError, write_error

if TYPE_CHECKING:
    from assistant.sandbox.gitlab.faults import FaultBox
    from assistant.sandbox.gitlab.limits import Limits
    from assistant.sandbox.gitlab.store import Row, Store

RECORDS = ("mentions", "quick_actions", "unknown_parameters", "requests")
Values = dict[str, Any]
Body = dict[str, Any] | list[dict[str, Any]]
Switch = Callable[[Request, Values], Body]


def _store(request: Request) -> Store:
    store: Store = request.app.state.store
    return store


def _records(table: str) -> Switch:
    def read(request: Request, _: Values) -> Body:
        return [dict(row) for row in _store(request).rows(f"SELECT * FROM {table} ORDER BY id")]  # noqa: S608 - RECORDS

    return read


def _health(request: Request, _: Values) -> Body:
    return {"ok": True, "instance": request.app.state.instance}


def _list_faults(request: Request, _: Values) -> Body:
    faults: FaultBox = request.app.state.faults
    return faults.waiting()


def _add_fault(request: Request, values: Values) -> Body:
    faults: FaultBox = request.app.state.faults
    faults.add(values)
    return faults.waiting()


def _clear_faults(request: Request, _: Values) -> Body:
    request.app.state.faults.clear()
    return []


def _clock(request: Request, values: Values) -> Body:
    clock = _store(request).clock
    if "now" in values:
        moment = datetime.fromisoformat(values["now"])
        clock.freeze(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
    elif "advance_s" in values:
        clock.advance(float(values["advance_s"]))
    else:
        clock.release()
    return {"now": _store(request).now()}


def _limits(request: Request, values: Values) -> Body:
    limits: Limits = request.app.state.limits
    limits.set(values)
    return dict(limits.per_minute)


def _switches(request: Request, values: Values) -> Body:
    state = request.app.state
    state.work_item_urls = bool(values.get("work_item_urls", state.work_item_urls))
    state.totals_up_to = int(values.get("totals_up_to", state.totals_up_to))
    return {"work_item_urls": state.work_item_urls, "totals_up_to": state.totals_up_to}


def _add_user(request: Request, values: Values) -> Body:
    store = _store(request)
    username = str(values["username"])
    user_id = seed.add_user(store, username, str(values.get("name") or username))
    project = auth.find_project(store, str(values.get("project") or seed.PROJECT))
    if project and values.get("access_level"):
        seed.add_member(store, int(project["id"]), user_id, int(values["access_level"]))
    scopes = values.get("scopes") or ["api"]
    token = auth.add_token(store, user_id, "made by a test", scopes, values.get("expires_at"))
    return {"id": user_id, "username": username, "token": token}


def _change_token(request: Request, values: Values) -> Body:
    store = _store(request)
    row = store.row("SELECT id FROM tokens WHERE digest = ?", auth.digest(str(values["token"])))
    if row is None:
        raise ApiError(404, {"error": "no such token"})
    changes: dict[str, Any] = {}
    if "revoked" in values:
        changes["revoked"] = int(bool(values["revoked"]))
    if "expires_at" in values:
        changes["expires_at"] = values["expires_at"]
    store.update("tokens", row["id"], changes)
    return {"id": row["id"]}


def _add_project(request: Request, values: Values) -> Body:
    store = _store(request)
    number = seed.add_project(store, str(values["path"]), visibility=str(values.get("visibility") or "private"))
    store.update("projects", number, {"repository": values.get("repository")})
    return {"id": number}


def _change_project(request: Request, values: Values) -> Body:
    store = _store(request)
    project = _project(store, values)
    changes: dict[str, Any] = {name: values[name] for name in ("visibility", "archived") if name in values}
    if "new_path" in values:
        changes["full_path"] = str(values["new_path"])
    store.update("projects", int(project["id"]), changes)
    return {"id": project["id"]}


def _move_issue(request: Request, values: Values) -> Body:
    store = _store(request)
    source, target = _project(store, values), _project(store, {"path": values["to"]})
    issue = store.row("SELECT * FROM issues WHERE project_id = ? AND iid = ?", source["id"], int(values["iid"]))
    if issue is None:
        raise ApiError(404, {"error": "no such issue"})
    iid = store.value("SELECT last_iid FROM projects WHERE id = ?", target["id"]) + 1
    copied = {key: issue[key] for key in ("title", "description", "issue_type", "author_id", "created_at")}
    number = store.insert("issues", copied | {"project_id": target["id"], "iid": iid, "updated_at": store.now()})
    store.update("projects", int(target["id"]), {"last_iid": iid})
    now = store.now()
    store.update(
        "issues", int(issue["id"]), {"moved_to_id": number, "state": "closed", "closed_at": now, "updated_at": now}
    )
    return {"iid": iid}


def _add_merge_request(request: Request, values: Values) -> Body:
    store = _store(request)
    author = store.value("SELECT min(id) FROM users")
    return {"iid": merge_requests.add(store, _project(store, values), {"author_id": author, **values})}


def _push(request: Request, values: Values) -> Body:
    store = _store(request)
    return {"sent": hooks.push(store, request.app.state.external_url, _project(store, values))}


def _project(store: Store, values: Values) -> Row:
    found = auth.find_project(store, str(values["path"]))
    if found is None:
        raise ApiError(404, {"error": "no such project"})
    return found


def _forget(request: Request, _: Values) -> Body:
    for table in RECORDS:
        _store(request).run(f"DELETE FROM {table}")  # noqa: S608 - RECORDS
    request.app.state.faults.clear()
    request.app.state.limits.set({})
    _store(request).clock.release()
    return {}


def _view(method: str, switch: Switch) -> Callable[[Request], Any]:
    def throw(request: Request, values: Values) -> Response:
        try:
            with _store(request).transaction():
                return JSONResponse(switch(request, values))
        except ApiError as error:
            return write_error(error)
        except (KeyError, TypeError, ValueError) as error:
            return write_error(ApiError(400, {"error": f"{type(error).__name__}: {error}"}))

    async def view(request: Request) -> Response:
        if method != "GET" and not request.app.state.test_switches:
            return write_error(ApiError(403, {"error": "switches are off; start with --test-switches"}))
        body = await request.body()
        return await run_in_threadpool(throw, request, json.loads(body) if body else {})

    return view


_SWITCHES: tuple[tuple[str, str, Switch], ...] = (
    ("GET", "health", _health),
    *(("GET", name, _records(name)) for name in RECORDS),
    ("GET", "faults", _list_faults),
    ("POST", "faults", _add_fault),
    ("DELETE", "faults", _clear_faults),
    ("POST", "clock", _clock),
    ("POST", "limits", _limits),
    ("POST", "switches", _switches),
    ("POST", "users", _add_user),
    ("POST", "tokens", _change_token),
    ("POST", "projects", _add_project),
    ("POST", "projects/change", _change_project),
    ("POST", "issues/move", _move_issue),
    ("POST", "merge_requests", _add_merge_request),
    ("POST", "push", _push),
    ("POST", "forget", _forget),
)
ROUTES = [Route(f"/_fake/{name}", _view(method, switch), methods=[method]) for method, name, switch in _SWITCHES]
