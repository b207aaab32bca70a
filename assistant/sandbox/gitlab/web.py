"""One API request: what a route declares, what its function gets, how its answer is written."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse, Response

if TYPE_CHECKING:
    from starlette.requests import Request

    from assistant.sandbox.gitlab.parameters import Param
    from assistant.sandbox.gitlab.store import Row, Store

GUEST, PLANNER, REPORTER, DEVELOPER, MAINTAINER, OWNER = 10, 15, 20, 30, 40, 50
"""GitLab's access levels."""


class ApiError(Exception):
    """An error answer.

    Attributes:
        status: HTTP status.
        body: JSON body, in one of GitLab's shapes.
        headers: Extra headers.
    """

    def __init__(self, status: int, body: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> None:
        super().__init__(str(body))
        self.status = status
        self.body = body
        self.headers = dict(headers or {})


def not_found(what: str = "") -> ApiError:
    """Return `404 WHAT Not Found`, or `404 Not found` when nothing is named; absent and not visible look alike."""
    return ApiError(404, {"message": f"404 {what} Not Found" if what else "404 Not found"})


def forbidden(reason: str = "") -> ApiError:
    """Return 403, with the reason where GitLab gives one."""
    return ApiError(403, {"message": f"403 Forbidden - {reason}" if reason else "403 Forbidden"})


def unauthorized() -> ApiError:
    """Return 401."""
    return ApiError(401, {"message": "401 Unauthorized"})


def conflict(reason: str) -> ApiError:
    """Return 409 with its reason."""
    return ApiError(409, {"message": reason})


def bad_request(error: str) -> ApiError:
    """Return 400 of a parameter check."""
    return ApiError(400, {"error": error})


def invalid(**problems: Sequence[str]) -> ApiError:
    """Return 400 of a model check: field name -> complaints."""
    return ApiError(400, {"message": {name: list(texts) for name, texts in problems.items()}})


@dataclass
class Call:
    """One authenticated request with checked parameters.

    Attributes:
        store: The memory; a transaction is open.
        base_url: `external_url`, no slash at the end: what links carry.
        path: Parts of the path, decoded.
        params: Declared parameters that were given, coerced.
        user: Row of `users`, or None for an anonymous caller.
        token: Row of `tokens`, or None.
        request: The HTTP request; its body is read.
        route: Path pattern, for records.
    """

    store: Store
    base_url: str
    path: Mapping[str, str]
    params: Mapping[str, Any]
    user: Row | None
    token: Row | None
    request: Request
    route: str = ""

    @property
    def user_id(self) -> int:
        """Id of the caller; 0 for anonymous."""
        return int(self.user["id"]) if self.user else 0

    @property
    def me(self) -> Row:
        """The caller.

        Raises:
            ApiError: 401 for an anonymous caller.
        """
        if self.user is None:
            raise unauthorized()
        return self.user

    def number(self, name: str) -> int:
        """Return a path part as a number; anything else is `404 Not found`."""
        text = self.path[name]
        if not (text.isascii() and text.isdigit()) or len(text) > 18:  # noqa: PLR2004 - SQLite's integers end there
            raise not_found()
        return int(text)


@dataclass
class Answer:
    """What a route function returns.

    Attributes:
        body: JSON value; None writes no body (204).
        status: HTTP status.
        headers: Extra headers, such as paging.
    """

    body: Any = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


Function = Callable[[Call], "Answer | Response"]


@dataclass(frozen=True)
class Endpoint:
    """One route of the API.

    Attributes:
        method: HTTP method.
        path: Pattern below `/api/v4`.
        function: Does the work.
        params: Declared parameters.
        scopes: Token scopes that open it; empty means `api` for writes and `read_api` or `api` for reads.
    """

    method: str
    path: str
    function: Function
    params: Sequence[Param] = ()
    scopes: Sequence[str] = ()


def write_answer(answer: Answer | Response, request: Request) -> Response:
    """Return the HTTP answer; a GET that the caller already holds (`If-None-Match`) becomes 304."""
    if isinstance(answer, Response):
        return answer
    if answer.body is None:
        return Response(status_code=answer.status, headers=answer.headers)
    response = JSONResponse(answer.body, answer.status, headers=answer.headers)
    response.headers["Cache-Control"] = "max-age=0, private, must-revalidate"
    if request.method == "GET" and answer.status == 200:  # noqa: PLR2004 - plain HTTP
        etag = 'W/"' + hashlib.sha256(bytes(response.body)).hexdigest()[:32] + '"'
        response.headers["ETag"] = etag
        if etag in request.headers.get("If-None-Match", ""):
            return Response(status_code=304, headers={"ETag": etag})
    return response


def write_error(error: ApiError) -> Response:
    """Return the HTTP answer of an error."""
    return Response(json.dumps(error.body), error.status, error.headers, "application/json")
