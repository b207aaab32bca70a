"""Wiki pages: not paged, no `updated_at`, slugs with slashes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from assistant.sandbox.gitlab import auth
from assistant.sandbox.gitlab.parameters import Param, optional, required
from assistant.sandbox.gitlab.web import DEVELOPER, Answer, Call, Endpoint, bad_request, invalid, not_found

if TYPE_CHECKING:
    from assistant.sandbox.gitlab.store import Row


def _page(row: Row, *, content: bool) -> dict[str, Any]:
    body = {"format": row["format"], "slug": row["slug"], "title": row["title"], "wiki_page_meta_id": row["id"]}
    return body | ({"content": row["content"], "encoding": "UTF-8", "front_matter": {}} if content else {})


def list_pages(call: Call) -> Answer:
    """List all pages by slug, with their text when asked."""
    project = auth.project_of(call)
    rows = call.store.rows("SELECT * FROM wikis WHERE project_id = ? ORDER BY slug", project["id"])
    return Answer([_page(row, content=bool(call.params.get("with_content"))) for row in rows])


def _find(call: Call, project: Row) -> Row:
    row = call.store.row("SELECT * FROM wikis WHERE project_id = ? AND slug = ?", project["id"], call.path["slug"])
    if row is None:
        raise not_found("Wiki Page")
    return row


def get_page(call: Call) -> Answer:
    """Return one page."""
    return Answer(_page(_find(call, auth.project_of(call)), content=True))


def slug_of(title: str) -> str:
    """Return the slug of a title: spaces become dashes, slashes stay."""
    return re.sub(r"\s+", "-", title.strip())


def create_page(call: Call) -> Answer:
    """Write a new page."""
    project = auth.project_of(call, DEVELOPER)
    slug = slug_of(call.params["title"])
    if not slug:
        raise invalid(title=["can't be blank"])
    if call.store.row("SELECT 1 FROM wikis WHERE project_id = ? AND slug = ?", project["id"], slug):
        raise bad_request(f"Duplicate page: A page with that title already exists in the file {slug}.md")
    values = {"project_id": project["id"], "slug": slug, "title": call.params["title"].rsplit("/", 1)[-1]}
    values |= {"content": call.params["content"], "format": call.params.get("format") or "markdown"}
    return Answer(_page(call.store.get("wikis", call.store.insert("wikis", values)), content=True), 201)


def update_page(call: Call) -> Answer:
    """Change a page's text or title."""
    row = _find(call, auth.project_of(call, DEVELOPER))
    changes = {name: call.params[name] for name in ("content", "format") if name in call.params}
    if call.params.get("title"):
        changes |= {"title": call.params["title"].rsplit("/", 1)[-1], "slug": slug_of(call.params["title"])}
    if not changes:
        raise bad_request("content, title, format are missing, at least one parameter must be provided")
    call.store.update("wikis", row["id"], changes)
    return Answer(_page(call.store.get("wikis", row["id"]), content=True))


def delete_page(call: Call) -> Answer:
    """Delete a page."""
    row = _find(call, auth.project_of(call, DEVELOPER))
    call.store.run("DELETE FROM wikis WHERE id = ?", row["id"])
    return Answer(status=204)


_FORMAT = optional("format", values=("markdown", "rdoc", "asciidoc", "org"))
_WRITING: tuple[Param, ...] = (optional("title"), optional("content"), _FORMAT)
_LIST = "/projects/{id}/wikis"
ENDPOINTS = (
    Endpoint("GET", _LIST, list_pages, (optional("with_content", "flag"),)),
    Endpoint("POST", _LIST, create_page, (required("title"), required("content"), _FORMAT)),
    Endpoint("GET", f"{_LIST}/{{slug}}", get_page, (optional("render_html", "flag"), optional("version"))),
    Endpoint("PUT", f"{_LIST}/{{slug}}", update_page, _WRITING),
    Endpoint("DELETE", f"{_LIST}/{{slug}}", delete_page),
)
