"""Who calls, with which token, and what they may see and do."""

from __future__ import annotations

import hashlib
import secrets
from typing import TYPE_CHECKING

from assistant.sandbox.gitlab.web import (
    PLANNER,
    ApiError,
    Call,
    Endpoint,
    forbidden,
    not_found,
    unauthorized,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.requests import Request

    from assistant.sandbox.gitlab.store import Row, Store


def digest(token: str) -> str:
    """Return what is stored of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


def add_token(store: Store, user_id: int, name: str, scopes: Sequence[str], expires_at: str | None = None) -> str:
    """Make a token at run time and return its text, which is stored nowhere."""
    text = "standin-" + secrets.token_urlsafe(24)
    store.insert(
        "tokens",
        {
            "user_id": user_id,
            "name": name,
            "digest": digest(text),
            "scopes": " ".join(scopes),
            "created_at": store.now(),
            "expires_at": expires_at,
        },
    )
    return text


def _token_text(request: Request) -> str:
    bearer = request.headers.get("Authorization", "")
    if bearer.lower().startswith("bearer "):
        return bearer[7:].strip()
    return request.headers.get("PRIVATE-TOKEN") or request.query_params.get("private_token", "")


def _token_error(code: str, description: str, status: int = 401, **more: str) -> ApiError:
    return ApiError(status, {"error": code, "error_description": description, **more})


def authenticate(store: Store, request: Request) -> tuple[Row | None, Row | None]:
    """Return the user and token of the request; both None when no token was sent.

    Raises:
        ApiError: 401 for an unknown, revoked or expired token.
    """
    text = _token_text(request)
    if not text:
        return None, None
    token = store.row("SELECT * FROM tokens WHERE digest = ?", digest(text))
    if token is None:
        raise unauthorized()
    if token["revoked"]:
        raise _token_error("invalid_token", "Token was revoked. You have to re-authorize from the user.")
    if token["expires_at"] and token["expires_at"] <= store.now()[:10]:
        raise _token_error("invalid_token", "Token is expired. You can either do re-authorization or token refresh.")
    store.update("tokens", token["id"], {"last_used_at": store.now()})
    return store.get("users", token["user_id"]), token


def check_scope(endpoint: Endpoint, token: Row | None) -> None:
    """Let the token pass or raise 403 `insufficient_scope`."""
    if token is None:
        return
    reading = endpoint.method == "GET"
    allowed = ["api", *(["read_api"] if reading else []), *endpoint.scopes]
    if not set(allowed) & set(str(token["scopes"]).split()):
        raise _token_error(
            "insufficient_scope",
            "The request requires higher privileges than provided by the access token.",
            403,
            scope=" ".join(allowed),
        )


def access_level(store: Store, project: Row, user_id: int) -> int:
    """Return the user's access level in the project; 0 for none."""
    member = store.row("SELECT access_level FROM members WHERE project_id = ? AND user_id = ?", project["id"], user_id)
    return int(member["access_level"]) if member else 0


def find_project(store: Store, reference: str) -> Row | None:
    """Return a project by number or full path."""
    if reference.isdigit():
        return store.row("SELECT * FROM projects WHERE id = ?", int(reference))
    return store.row("SELECT * FROM projects WHERE full_path = ?", reference)


def project_of(call: Call, at_least: int = 0) -> Row:
    """Return the project in the path.

    Args:
        call: The request.
        at_least: Access level the caller needs for what follows.

    Raises:
        ApiError: 401 for an anonymous write, 404 when absent or not visible, 403 when the role is too low.
    """
    if call.user is None and call.request.method not in ("GET", "HEAD"):
        raise unauthorized()
    project = find_project(call.store, call.path["id"])
    if project is None:
        raise not_found("Project")
    level = access_level(call.store, project, call.user_id)
    if not level and not (project["visibility"] == "public" or (project["visibility"] == "internal" and call.user)):
        raise not_found("Project")
    if level < at_least:
        raise forbidden()
    return project


def level_of(call: Call, project: Row) -> int:
    """Return the caller's access level in the project."""
    return access_level(call.store, project, call.user_id)


def sees_internal(call: Call, project: Row) -> bool:
    """Tell whether the caller may read and write internal notes."""
    return level_of(call, project) >= PLANNER


def may_read_issue(call: Call, project: Row, issue: Row) -> bool:
    """Tell whether the caller may read the issue: a confidential one is for Planner and up, author and assignees."""
    if not issue["confidential"] or level_of(call, project) >= PLANNER:
        return True
    if not call.user_id:
        return False
    assigned = call.store.row(
        "SELECT 1 FROM issue_assignees WHERE issue_id = ? AND user_id = ?", issue["id"], call.user_id
    )
    return issue["author_id"] == call.user_id or assigned is not None


def issue_of(call: Call, name: str = "iid", what: str = "") -> tuple[Row, Row]:
    """Return the project and the issue in the path.

    Raises:
        ApiError: 404 when either is absent or not visible.
    """
    project = project_of(call)
    issue = call.store.row("SELECT * FROM issues WHERE project_id = ? AND iid = ?", project["id"], call.number(name))
    if issue is None or not may_read_issue(call, project, issue):
        raise not_found(what)
    return project, issue
