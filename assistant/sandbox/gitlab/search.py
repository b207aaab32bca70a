"""Search in a project, Markdown rendering, uploads."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bs4 import BeautifulSoup

from assistant.sandbox.gitlab import auth, entities, issue_filters, markdown, repository
from assistant.sandbox.gitlab.paging import Listing, paginate, slice_rows
from assistant.sandbox.gitlab.parameters import PAGING, Param, optional, required
from assistant.sandbox.gitlab.web import GUEST, MAINTAINER, Answer, Call, Endpoint, bad_request

if TYPE_CHECKING:
    from assistant.sandbox.gitlab.store import Row

SCOPES = ("issues", "notes", "blobs", "wiki_blobs", "milestones", "users")


@dataclass(frozen=True)
class UploadedFile:
    """A file of a multipart body.

    Attributes:
        name: File name as sent.
        content: Its bytes.
    """

    name: str
    content: bytes


def _found_in(text: str, query: str, path: str, more: dict[str, Any]) -> dict[str, Any] | None:
    """Return a blob hit: the lines around the first line that holds the query."""
    lines = text.splitlines()
    for number, line in enumerate(lines):
        if query.lower() in line.lower():
            start = max(0, number - 1)
            shown = "\n".join(lines[start : number + 2]) + "\n"
            name = path.rsplit(".", 1)[0]
            return {"basename": name, "data": shown, "path": path, "filename": path, "startline": start + 1} | more
    return None


def _blobs(project: Row, query: str) -> list[dict[str, Any]]:
    snap = repository.snapshot(project)
    hits = []
    for entry in snap.entries if snap else ():
        if snap and entry.kind == "blob":
            text = snap.read(entry).decode("utf-8", "replace")
            more = {"id": None, "ref": project["default_branch"], "project_id": project["id"]}
            hits.append(_found_in(text, query, entry.path, more))
    return [hit for hit in hits if hit]


def _wiki_blobs(call: Call, project: Row, query: str) -> list[dict[str, Any]]:
    pages = call.store.rows("SELECT * FROM wikis WHERE project_id = ? ORDER BY slug", project["id"])
    more = {"id": None, "ref": project["default_branch"], "project_id": project["id"], "group_id": None}
    hits = [_found_in(page["content"], query, f"{page['slug']}.md", more) for page in pages]
    return [hit for hit in hits if hit]


def _issues(call: Call, project: Row, query: str) -> Answer:
    found = issue_filters.visible(call, project)
    issue_filters.search_condition(found, query, "title,description")
    rows, headers = paginate(call, Listing("issues", found.where, found.values, "created_at"))
    return Answer([entities.issue(call, project, row) for row in rows], headers=headers)


def _notes(call: Call, project: Row, query: str) -> Answer:
    seen = issue_filters.visible(call, project)
    issues = f"SELECT id FROM issues WHERE {' AND '.join(f'({part})' for part in seen.where)}"  # noqa: S608 - literals
    where = [f"issue_id IN ({issues})", "NOT system", "body LIKE ? ESCAPE '\\'"]
    if not auth.sees_internal(call, project):
        where.append("NOT internal")
    rows, headers = paginate(call, Listing("notes", where, [*seen.values, issue_filters.like(query)]))
    body = [entities.note(call, call.store.get("issues", row["issue_id"]), row) for row in rows]
    return Answer(body, headers=headers)


def search_project(call: Call) -> Answer:
    """Search one scope of the project."""
    project = auth.project_of(call)
    scope, query = call.params["scope"], call.params["search"]
    if scope == "issues":
        return _issues(call, project, query)
    if scope == "notes":
        return _notes(call, project, query)
    hits: list[dict[str, Any]] = []
    if scope in ("blobs", "wiki_blobs"):
        hits = _blobs(project, query) if scope == "blobs" else _wiki_blobs(call, project, query)
    rows, headers = slice_rows(call, hits)
    return Answer(rows, headers=headers)


def _link_mentions(call: Call, html: str) -> str:
    soup = BeautifulSoup(html, "html.parser")
    for piece in soup.find_all(string=markdown.MENTION):
        if any(parent.name in ("pre", "code", "a") for parent in piece.parents):
            continue
        linked = re.sub(markdown.MENTION, lambda match: _mention(call, match), str(piece))
        piece.replace_with(BeautifulSoup(linked, "html.parser"))
    return str(soup)


def _mention(call: Call, match: re.Match[str]) -> str:
    row = call.store.row("SELECT id, username FROM users WHERE username = ?", match[1])
    if row is None:
        return match[0]
    href = f"{call.base_url}/{row['username']}"
    return f'<a class="gfm gfm-project_member" data-user="{row["id"]}" href="{href}">@{row["username"]}</a>'


def render_markdown(call: Call) -> Answer:
    """Return Markdown as HTML; a mention of an existing user is a link with GitLab's class."""
    html = markdown.safe_html(call.params["text"])
    return Answer({"html": _link_mentions(call, html) if call.params.get("gfm") else html}, 201)


def upload(call: Call) -> Answer:
    """Keep a file and return the Markdown that shows it."""
    project = auth.project_of(call, GUEST)
    file = call.params["file"]
    if not isinstance(file, UploadedFile):
        raise bad_request("file is invalid")
    name = re.sub(r"[^\w.\-]+", "_", file.name.rsplit("/", 1)[-1]) or "file"
    secret = secrets.token_hex(16)
    values = {"project_id": project["id"], "secret": secret, "filename": name, "content": file.content}
    number = call.store.insert("uploads", values | {"uploaded_by_id": call.me["id"], "created_at": call.store.now()})
    url = f"/uploads/{secret}/{name}"
    image = "!" if name.lower().endswith((".png", ".jpg", ".jpeg", ".gif", ".svg", ".webp")) else ""
    alt = name.rsplit(".", 1)[0] if image else name
    full_path = f"/-/project/{project['id']}{url}"
    return Answer(
        {"id": number, "alt": alt, "url": url, "full_path": full_path, "markdown": f"{image}[{alt}]({url})"}, 201
    )


def list_uploads(call: Call) -> Answer:
    """List the uploads: maintainers."""
    project = auth.project_of(call, MAINTAINER)
    rows, headers = paginate(call, Listing("uploads", ["project_id = ?"], [project["id"]]))
    body = [
        {
            "id": row["id"],
            "size": len(row["content"]),
            "filename": row["filename"],
            "created_at": row["created_at"],
            "uploaded_by": entities.user(call, row["uploaded_by_id"]),
        }
        for row in rows
    ]
    return Answer(body, headers=headers)


_SEARCH: tuple[Param, ...] = (*PAGING, required("search"), Param("scope", required=True, values=SCOPES))
_MORE: tuple[Param, ...] = (optional("state"), optional("confidential", "flag"), optional("ref"))
ENDPOINTS = (
    Endpoint("GET", "/projects/{id}/search", search_project, (*_SEARCH, *_MORE)),
    Endpoint("GET", "/projects/{id}/-/search", search_project, (*_SEARCH, *_MORE)),
    Endpoint("POST", "/markdown", render_markdown, (required("text"), optional("gfm", "flag"), optional("project"))),
    Endpoint("POST", "/projects/{id}/uploads", upload, (required("file", "file"),)),
    Endpoint("GET", "/projects/{id}/uploads", list_uploads, PAGING),
)
