"""Pages for people: the issues of a project, one issue, a comment box, a close button.

The visitor acts as the responder; there is no login, since the server answers on loopback only. A form is taken only
from our own page (token, `Origin`), every text is escaped, and no script runs.
"""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.concurrency import run_in_threadpool
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from assistant.sandbox.gitlab import auth, hooks, issue_changes, notes, page_views, seed
from assistant.sandbox.gitlab.web import ApiError, Call, forbidden, not_found

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from starlette.requests import Request

    from assistant.sandbox.gitlab.store import Row, Store

PLACE = "assistant.sandbox.gitlab"
SECURITY = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
_TEMPLATES = Environment(loader=PackageLoader(PLACE), autoescape=True, undefined=StrictUndefined, trim_blocks=True)
_TEMPLATES.filters["spoken_time"] = page_views.spoken_time
Form = dict[str, list[str]]


def _render(request: Request, template: str, values: Mapping[str, Any], status: int = 200) -> Response:
    shared = {"visitor": request.state.visitor_name, "form_token": request.app.state.form_token}
    text = _TEMPLATES.get_template(template).render(**shared, **values)
    return HTMLResponse(text, status, SECURITY)


def _call(request: Request, params: Mapping[str, Any]) -> Call:
    store: Store = request.app.state.store
    user = store.row("SELECT * FROM users WHERE username = ?", seed.RESPONDER)
    request.state.visitor_name = user["name"] if user else "nobody"
    path = {"id": request.path_params.get("project", "").strip("/"), "iid": str(request.path_params.get("iid", ""))}
    return Call(store, request.app.state.external_url, path, params, user, None, request)


def _project_values(project: Row) -> dict[str, Any]:
    return {"project_name": project["name"], "project_path": project["full_path"]}


def home(request: Request, _: Form) -> Response:
    """Lead to the only project, or list the projects."""
    call = _call(request, {})
    mine = "SELECT projects.* FROM projects JOIN members ON project_id = id WHERE user_id = ? ORDER BY full_path"
    found = call.store.rows(mine, call.user_id)
    if len(found) == 1:
        return RedirectResponse(f"/{found[0]['full_path']}/-/issues", 302)
    return _render(request, "projects.html", {"projects": [dict(row) for row in found]})


def issue_list(request: Request, _: Form) -> Response:
    """Show the issues of a project."""
    state = request.query_params.get("state", "opened")
    page = request.query_params.get("page", "1")
    params = {
        "state": state if state in dict(page_views.STATES) else "opened",
        "search": request.query_params.get("search", "").strip(),
        "page": int(page) if page.isascii() and page.isdigit() and len(page) < 6 else 1,  # noqa: PLR2004 - pages enough
        "per_page": page_views.PER_PAGE,
    }
    call = _call(request, params)
    project = auth.project_of(call)
    return _render(request, "issues.html", _project_values(project) | page_views.issue_list(call, project))


def issue_page(request: Request, _: Form) -> Response:
    """Show one issue."""
    call = _call(request, {})
    project, issue = auth.issue_of(call)
    values = _project_values(project) | page_views.issue_page(call, project, issue)
    return _render(request, "issue.html", values | {"problem": "", "draft": ""})


def _back(project: Row, issue: Row, fragment: str = "") -> Response:
    return RedirectResponse(f"/{quote(project['full_path'])}/-/issues/{issue['iid']}{fragment}", 303)


def project_page(request: Request, _: Form) -> Response:
    """Lead from a project's address to its issues."""
    project = auth.project_of(_call(request, {}))
    return RedirectResponse(f"/{quote(project['full_path'])}/-/issues", 302)


def post_comment(request: Request, form: Form) -> Response:
    """Write a comment, and close or reopen when the other button was pressed."""
    body = "".join(form.get("body", []))
    call = _call(request, {"body": body, "internal": bool(form.get("internal"))})
    project, issue = auth.issue_of(call)
    event = "".join(form.get("event", []))
    if not body.strip() and event not in ("close", "reopen"):
        values = _project_values(project) | page_views.issue_page(call, project, issue)
        return _render(request, "issue.html", values | {"problem": "Please write a comment first.", "draft": body}, 400)
    fragment = "#activity"
    with hooks.watching(call):
        if body.strip():
            answer = notes.create_note(call)
            if "id" in answer.body:  # a comment of quick actions only leaves no note
                fragment = f"#note_{answer.body['id']}"
        if event in ("close", "reopen"):
            now = call.store.get("issues", issue["id"])
            issue_changes.apply_changes(call, project, now, {"state_event": event})
    return _back(project, issue, fragment)


def post_labels(request: Request, form: Form) -> Response:
    """Make the issue carry the ticked labels."""
    call = _call(request, {})
    project, issue = auth.issue_of(call)
    with hooks.watching(call):
        issue_changes.apply_changes(call, project, issue, {"labels": form.get("label", [])})
    return _back(project, issue)


def _check_form(request: Request, form: Form) -> None:
    origin = request.headers.get("Origin")
    same = origin is None or urlsplit(origin).netloc == request.headers.get("Host")
    sent = "".join(form.get("form_token", []))
    if not same or not hmac.compare_digest(sent.encode(), request.app.state.form_token.encode()):
        raise forbidden("this form is out of date; load the page again")


def _show_error(request: Request, error: ApiError) -> Response:
    request.state.visitor_name = getattr(request.state, "visitor_name", "nobody")
    missing = error.status == 404  # noqa: PLR2004 - plain HTTP
    text = "There is nothing at this address." if missing else str(error.body.get("message") or error.body.get("error"))
    title = "Page not found" if missing else "That did not work"
    return _render(request, "message.html", {"title": title, "text": text}, error.status)


def _view(function: Callable[[Request, Form], Response]) -> Callable[[Request], Awaitable[Response]]:
    def show(request: Request, form: Form) -> Response:
        store: Store = request.app.state.store
        try:
            with store.transaction():
                if request.method == "POST":
                    _check_form(request, form)
                return function(request, form)
        except ApiError as error:
            return _show_error(request, error)

    async def view(request: Request) -> Response:
        form: Form = {}
        if request.method == "POST":
            for name, value in (await request.form()).multi_items():
                form.setdefault(name, []).append(str(value).replace("\r\n", "\n"))
        return await run_in_threadpool(show, request, form)

    return view


def style(_: Request) -> Response:
    """Return the style sheet."""
    return Response(
        PackageLoader(PLACE).get_source(_TEMPLATES, "style.css")[0],
        media_type="text/css",
        headers={"X-Content-Type-Options": "nosniff"},
    )


def avatar(request: Request) -> Response:
    """Return a plain picture in a colour made from the name in the address."""
    hue = sum(str(request.path_params["name"]).encode()) * 37 % 360
    square = f'<rect width="8" height="8" fill="hsl({hue} 45% 45%)"/>'
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 8 8">{square}</svg>'
    return Response(svg, media_type="image/svg+xml", headers=SECURITY)


def download(request: Request, _: Form) -> Response:
    """Return an uploaded file, always as a download."""
    call = _call(request, {})
    row = call.store.row(
        "SELECT * FROM uploads WHERE project_id = ? AND secret = ? AND filename = ?",
        request.path_params["number"],
        request.path_params["secret"],
        request.path_params["name"],
    )
    if row is None:
        raise not_found()
    headers = SECURITY | {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(row['filename'])}"}
    return Response(row["content"], media_type="application/octet-stream", headers=headers)


_ISSUE = "/{project:path}/-/issues/{iid:int}"
ROUTES = [
    Route("/", _view(home)),
    Route("/-/assets/style.css", style),
    Route("/-/avatars/{name}.svg", avatar),
    Route("/-/project/{number:int}/uploads/{secret}/{name}", _view(download)),
    Route("/{project:path}/-/issues", _view(issue_list)),
    Route(_ISSUE, _view(issue_page)),
    Route("/{project:path}/-/work_items/{iid:int}", _view(issue_page)),
    Route(f"{_ISSUE}/notes", _view(post_comment), methods=["POST"]),
    Route(f"{_ISSUE}/labels", _view(post_labels), methods=["POST"]),
    Route("/{project:path}", _view(project_page)),
]
