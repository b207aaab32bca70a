"""Projects, members, users, and what the instance says of itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from assistant.sandbox.gitlab import auth, entities
from assistant.sandbox.gitlab.paging import Listing, paginate
from assistant.sandbox.gitlab.parameters import PAGING, optional
from assistant.sandbox.gitlab.web import Answer, Call, Endpoint, not_found, unauthorized

if TYPE_CHECKING:
    from assistant.sandbox.gitlab.store import Row

VERSION = "18.9.0-pre"
REVISION = "0000standin"


def project(call: Call, row: Row) -> dict[str, Any]:
    """Return a project."""
    full = str(row["full_path"])
    group, _, path = full.rpartition("/")
    host = call.base_url.split("://", 1)[1]
    url = f"{call.base_url}/{full}"
    return {
        "id": row["id"],
        "description": row["description"],
        "name": row["name"],
        "name_with_namespace": f"{group} / {row['name']}",
        "path": path,
        "path_with_namespace": full,
        "created_at": row["created_at"],
        "default_branch": row["default_branch"] if row["repository"] else None,
        "tag_list": [],
        "topics": [],
        "ssh_url_to_repo": f"git@{host.split(':')[0]}:{full}.git",
        "http_url_to_repo": f"{url}.git",
        "web_url": url,
        "readme_url": f"{url}/-/blob/{row['default_branch']}/README.md" if row["repository"] else None,
        "forks_count": 0,
        "avatar_url": None,
        "star_count": 0,
        "last_activity_at": row["last_activity_at"],
        "visibility": row["visibility"],
        "namespace": {
            "id": row["id"] + 500,
            "name": group,
            "path": group.rsplit("/", 1)[-1],
            "kind": "group",
            "full_path": group,
            "parent_id": None,
        },
    }


def _full_project(call: Call, row: Row) -> dict[str, Any]:
    level = auth.level_of(call, row)
    counts = call.store.value("SELECT count(*) FROM issues WHERE project_id = ? AND state = 'opened'", row["id"])
    return project(call, row) | {
        "_links": {"self": f"{call.base_url}/api/v4/projects/{row['id']}"},
        "archived": bool(row["archived"]),
        "empty_repo": not row["repository"],
        "issues_enabled": True,
        "wiki_enabled": True,
        "issues_access_level": "enabled",
        "open_issues_count": counts,
        "permissions": {
            "project_access": {"access_level": level, "notification_level": 3} if level else None,
            "group_access": None,
        },
    }


def get_project(call: Call) -> Answer:
    """Return one project."""
    return Answer(_full_project(call, auth.project_of(call)))


def list_projects(call: Call) -> Answer:
    """List the projects the caller may see."""
    mine = "id IN (SELECT project_id FROM members WHERE user_id = ?)"
    public = "0" if call.params.get("membership") else "visibility = 'public'"
    where, values = [f"{mine} OR {public}"], [call.user_id]
    if call.params.get("search"):
        where.append("instr(lower(full_path), lower(?)) > 0")
        values.append(call.params["search"])
    rows, headers = paginate(call, Listing("projects", where, values, "id", keyset=("id",)))
    return Answer([project(call, row) for row in rows], headers=headers)


def _member(call: Call, row: Row) -> dict[str, Any]:
    return {
        **(entities.user(call, row["user_id"]) or {}),
        "access_level": row["access_level"],
        "created_at": row["created_at"],
        "expires_at": None,
        "membership_state": "active",
    }


def list_members(call: Call) -> Answer:
    """List the members."""
    found = auth.project_of(call)
    source = "(SELECT members.*, user_id AS id FROM members)"
    rows, headers = paginate(call, Listing(source, ["project_id = ?"], [found["id"]], descending=False))
    return Answer([_member(call, row) for row in rows], headers=headers)


def get_member(call: Call) -> Answer:
    """Return one member."""
    found = auth.project_of(call)
    row = call.store.row(
        "SELECT * FROM members WHERE project_id = ? AND user_id = ?", found["id"], call.number("user_id")
    )
    if row is None:
        raise not_found()
    return Answer(_member(call, row))


def get_user(call: Call) -> Answer:
    """Return the caller."""
    row = call.me
    public = {
        "bio": "",
        "location": "",
        "linkedin": "",
        "twitter": "",
        "discord": "",
        "website_url": "",
        "github": "",
        "job_title": "",
        "pronouns": None,
        "organization": "",
        "bot": bool(row["bot"]),
        "work_information": None,
        "local_time": None,
        "last_sign_in_at": None,
        "confirmed_at": row["created_at"],
        "last_activity_on": None,
        "email": row["email"],
        "commit_email": row["email"],
        "theme_id": 1,
        "color_scheme_id": 1,
        "projects_limit": 0,
        "current_sign_in_at": None,
        "identities": [],
        "can_create_group": False,
        "can_create_project": False,
        "two_factor_enabled": False,
        "external": bool(row["bot"]),
        "private_profile": False,
        "created_at": row["created_at"],
    }
    return Answer((entities.user(call, row["id"]) or {}) | public)


def get_other_user(call: Call) -> Answer:
    """Return what everybody may know of a user."""
    call.me  # noqa: B018 - for signed-in callers only
    row = call.store.row("SELECT * FROM users WHERE id = ?", call.number("user_id"))
    if row is None:
        raise not_found("User")
    return Answer((entities.user(call, row["id"]) or {}) | {"created_at": row["created_at"], "bot": bool(row["bot"])})


def list_users(call: Call) -> Answer:
    """List users, by exact user name when given."""
    call.me  # noqa: B018 - the list is for signed-in callers
    where, values = ["state = 'active'"], []
    if call.params.get("username"):
        where.append("username = ?")
        values.append(call.params["username"])
    rows, headers = paginate(call, Listing("users", where, values, keyset=("id",)))
    return Answer([entities.user(call, row["id"]) for row in rows], headers=headers)


def get_own_token(call: Call) -> Answer:
    """Return the token the caller uses."""
    token = call.token
    if token is None:
        raise unauthorized()
    expired = bool(token["expires_at"] and token["expires_at"] <= call.store.now()[:10])
    body = {
        "id": token["id"],
        "name": token["name"],
        "revoked": bool(token["revoked"]),
        "created_at": token["created_at"],
        "description": None,
        "scopes": str(token["scopes"]).split(),
        "user_id": token["user_id"],
        "last_used_at": token["last_used_at"],
        "active": not (token["revoked"] or expired),
        "expires_at": token["expires_at"],
    }
    return Answer(body)


def get_version(call: Call) -> Answer:
    """Return the version."""
    call.me  # noqa: B018 - for signed-in callers only
    return Answer({"version": VERSION, "revision": REVISION})


def get_metadata(call: Call) -> Answer:
    """Return version and edition."""
    call.me  # noqa: B018 - for signed-in callers only
    kas = {"enabled": False, "externalUrl": None, "externalK8sProxyUrl": None, "version": None}
    return Answer({"version": VERSION, "revision": REVISION, "kas": kas, "enterprise": False})


_MEMBERS = (*PAGING, optional("query"))
ENDPOINTS = (
    Endpoint("GET", "/version", get_version, scopes=("read_user",)),
    Endpoint("GET", "/metadata", get_metadata, scopes=("read_user",)),
    Endpoint("GET", "/user", get_user, scopes=("read_user",)),
    Endpoint("GET", "/users", list_users, (*PAGING, optional("username")), scopes=("read_user",)),
    Endpoint("GET", "/users/{user_id}", get_other_user, scopes=("read_user",)),
    Endpoint("GET", "/personal_access_tokens/self", get_own_token, scopes=("read_repository", "read_user")),
    Endpoint(
        "GET",
        "/projects",
        list_projects,
        (*PAGING, optional("search"), optional("membership", "flag"), optional("simple", "flag")),
    ),
    Endpoint("GET", "/projects/{id}", get_project, (optional("statistics", "flag"), optional("license", "flag"))),
    Endpoint("GET", "/projects/{id}/members", list_members, _MEMBERS),
    Endpoint("GET", "/projects/{id}/members/all", list_members, _MEMBERS),
    Endpoint("GET", "/projects/{id}/members/all/{user_id}", get_member),
    Endpoint("GET", "/projects/{id}/members/{user_id}", get_member),
)
