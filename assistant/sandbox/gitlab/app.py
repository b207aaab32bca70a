"""The web application: routes, and how a request becomes a call and a call an answer."""

from __future__ import annotations

import json
import secrets
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, UploadFile
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from assistant.sandbox.gitlab import (
    auth,
    awards,
    control,
    groups,
    hooks,
    issue_links,
    issues,
    labels,
    merge_requests,
    milestones,
    notes,
    pages,
    projects,
    repository_files,
    search,
    wikis,
)
from assistant.sandbox.gitlab.faults import FaultBox, FaultMiddleware
from assistant.sandbox.gitlab.limits import Limits
from assistant.sandbox.gitlab.paging import TOTALS_UP_TO
from assistant.sandbox.gitlab.parameters import check, nested
from assistant.sandbox.gitlab.web import (
    ApiError,
    Call,
    Endpoint,
    bad_request,
    unauthorized,
    write_answer,
    write_error,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

    from starlette.requests import Request
    from starlette.types import ASGIApp, Receive, Scope, Send

    from assistant.sandbox.gitlab.store import Row, Store

PREFIX = "/api/v4"
KEPT_REQUESTS = 10_000
LOOPBACK = ("127.0.0.1", "::1", "localhost")
ENDPOINTS: Sequence[Endpoint] = (
    *projects.ENDPOINTS,
    *labels.ENDPOINTS,
    *issues.ENDPOINTS,
    *notes.ENDPOINTS,
    *awards.ENDPOINTS,
    *issue_links.ENDPOINTS,
    *milestones.ENDPOINTS,
    *wikis.ENDPOINTS,
    *repository_files.ENDPOINTS,
    *search.ENDPOINTS,
    *groups.ENDPOINTS,
    *merge_requests.ENDPOINTS,
    *hooks.ENDPOINTS,
)


class OwnHostOnly:
    """Refuses requests that a web page elsewhere makes a browser send (rebound names, cross-site calls)."""

    def __init__(self, app: ASGIApp, hosts: frozenset[str]) -> None:
        self._app = app
        self._hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on when it names this host."""
        if scope["type"] == "http":
            headers = Headers(scope=scope)
            host = urlsplit(f"//{headers.get('host', '')}").hostname or ""
            foreign = scope["path"].startswith("/_fake") and "origin" in headers
            if host not in self._hosts or foreign:
                await Response("This server answers only to its own name.", 421)(scope, receive, send)
                return
        await self._app(scope, receive, send)


class UndecodedPaths:
    """Routes API requests by the path as it was sent, so that `group%2Fproject` stays one part."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        if scope["type"] == "http" and scope["path"].startswith(PREFIX):
            scope["path"] = scope["raw_path"].decode("ascii", "replace").split("?", 1)[0]
        await self._app(scope, receive, send)


async def _form_value(value: object) -> object:
    return search.UploadedFile(value.filename or "", await value.read()) if isinstance(value, UploadFile) else value


async def _given(request: Request) -> dict[str, Any]:
    given = nested(request.query_params.multi_items())
    given.pop("private_token", None)
    kind = request.headers.get("Content-Type", "").split(";")[0]
    if kind in ("application/x-www-form-urlencoded", "multipart/form-data"):
        return given | nested(
            [(name, await _form_value(value)) for name, value in (await request.form()).multi_items()]
        )
    body = await request.body()
    if kind != "application/json" or not body:
        return given
    try:
        values = json.loads(body)
    except ValueError as error:
        raise bad_request("Problems parsing JSON") from error
    if not isinstance(values, dict):
        raise bad_request("The request body must be an object")
    return given | values


def _answer(endpoint: Endpoint, request: Request, given: dict[str, Any], caller: dict[str, Row | None]) -> Response:
    """Do the whole request; runs in a worker thread with the store's lock held."""
    store: Store = request.app.state.store
    with store.transaction():
        caller["user"], token = auth.authenticate(store, request)
        auth.check_scope(endpoint, token)
        user = caller["user"]
        request.app.state.limits.check(endpoint, int(user["id"]) if user else 0, store.clock.now())
        params, complaints, unknown = check(endpoint.params, given)
        for name in unknown:
            row = {"method": endpoint.method, "route": endpoint.path, "name": name, "created_at": store.now()}
            store.insert("unknown_parameters", row)
        path = {name: unquote(value) for name, value in request.path_params.items()}
        call = Call(store, request.app.state.external_url, path, params, caller["user"], token, request, endpoint.path)
        if complaints:
            if caller["user"] is None and endpoint.method != "GET":
                raise unauthorized()
            raise bad_request(", ".join(complaints))
        with hooks.watching(call):
            answer = endpoint.function(call)
        return write_answer(answer, request)


def _record(request: Request, status: int, user: Row | None) -> None:
    store: Store = request.app.state.store
    row = {
        "method": request.method,
        "path": request.scope["raw_path"].decode("ascii", "replace"),
        "status": status,
        "username": user["username"] if user else None,
        "created_at": store.now(),
    }
    with store.transaction():
        number = store.insert("requests", row)
        store.run("DELETE FROM requests WHERE id <= ?", number - KEPT_REQUESTS)


def _view(endpoint: Endpoint) -> Callable[[Request], Awaitable[Response]]:
    """Return the asynchronous shell of an endpoint: it reads the body, then a thread does the work."""

    async def view(request: Request) -> Response:
        caller: dict[str, Row | None] = {"user": None}
        try:
            given = await _given(request)
            response = await run_in_threadpool(_answer, endpoint, request, given, caller)
        except ApiError as error:
            response = write_error(error)
        await run_in_threadpool(_record, request, response.status_code, caller["user"])
        response.headers["X-Request-Id"] = secrets.token_hex(13).upper()
        response.headers["X-Gitlab-Meta"] = json.dumps(
            {"correlation_id": response.headers["X-Request-Id"], "version": "1"}
        )
        response.headers["Vary"] = "Origin"
        return response

    return view


def _unknown_route(_: Request) -> Response:
    return write_error(ApiError(404, {"error": "404 Not Found"}))


def _api_routes() -> list[BaseRoute]:
    routes: list[BaseRoute] = [
        Route(PREFIX + endpoint.path, _view(endpoint), methods=[endpoint.method]) for endpoint in ENDPOINTS
    ]
    every = ["GET", "POST", "PUT", "PATCH", "DELETE"]
    return [*routes, Route(PREFIX + "/{rest:path}", _unknown_route, methods=every)]


def build(store: Store, external_url: str, instance: str = "", *, test_switches: bool = False) -> Starlette:
    """Return the application.

    Args:
        store: The memory; closed when the application ends.
        external_url: What links carry; may differ from the bind address.
        instance: Random word that tells this process from another.
        test_switches: Let tests throw the switches of `control.py`.
    """

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        with hooks.delivering(store, app.state.external_url):
            yield
        store.close()

    app = Starlette(routes=[*control.ROUTES, *_api_routes(), *pages.ROUTES], lifespan=lifespan)
    app.state.store = store
    app.state.external_url = external_url.rstrip("/")
    app.state.instance = instance
    app.state.work_item_urls = False
    app.state.totals_up_to = TOTALS_UP_TO
    app.state.test_switches = test_switches
    app.state.form_token = secrets.token_urlsafe(24)
    app.state.faults = FaultBox()
    app.state.limits = Limits()
    app.add_middleware(UndecodedPaths)
    app.add_middleware(FaultMiddleware, box=app.state.faults)
    hosts = frozenset({*LOOPBACK, urlsplit(external_url).hostname or ""})
    app.add_middleware(OwnHostOnly, hosts=hosts)
    return app
