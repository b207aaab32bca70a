"""REST calls on a project's repository: tree, files, archive."""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING, Any

from starlette.responses import Response

from assistant.sandbox.gitlab import auth, repository
from assistant.sandbox.gitlab.paging import decode_cursor, encode_cursor, links, page_url, per_page, slice_rows
from assistant.sandbox.gitlab.parameters import PAGING, Param, optional
from assistant.sandbox.gitlab.web import REPORTER, Answer, Call, Endpoint, forbidden, not_found

if TYPE_CHECKING:
    from assistant.sandbox.gitlab.repository import Entry, Snapshot
    from assistant.sandbox.gitlab.store import Row


def _snapshot(call: Call, ref: str | None, missing: str) -> tuple[Row, Snapshot]:
    project = auth.project_of(call)
    if auth.level_of(call, project) < REPORTER and project["visibility"] != "public":
        raise forbidden()
    snap = repository.snapshot(project)
    if snap is None or (ref and ref not in (project["default_branch"], "HEAD", snap.commit)):
        raise not_found(missing)
    return project, snap


def _tree_entry(entry: Entry) -> dict[str, str]:
    return {"id": entry.sha, "name": entry.name, "type": entry.kind, "path": entry.path, "mode": entry.mode}


def list_tree(call: Call) -> Answer:
    """List a folder; a path that is not there is 404."""
    _, snap = _snapshot(call, call.params.get("ref"), "Tree")
    path = (call.params.get("path") or "").strip("/")
    if path and not snap.find(path):
        raise not_found("invalid revision or path")
    entries = snap.below(path, recursive=bool(call.params.get("recursive")))
    pagination = call.params.get("pagination")
    if pagination == "none":
        return Answer([_tree_entry(entry) for entry in entries])
    if pagination == "keyset":
        return _keyset_tree(call, entries)
    rows, headers = slice_rows(call, entries)
    return Answer([_tree_entry(entry) for entry in rows], headers=headers)


def _keyset_tree(call: Call, entries: list[Entry]) -> Answer:
    start = 0
    if call.params.get("page_token"):
        last = decode_cursor(call.params["page_token"])[0]
        paths = [entry.path for entry in entries]
        start = paths.index(last) + 1 if last in paths else len(entries)
    rows = entries[start : start + per_page(call)]
    headers: dict[str, str] = {}
    if start + len(rows) < len(entries):
        onward = page_url(call, page_token=encode_cursor([rows[-1].path]), per_page=per_page(call))
        headers["Link"] = links([("next", onward)])
    return Answer([_tree_entry(entry) for entry in rows], headers=headers)


def _file(call: Call) -> tuple[dict[str, Any], bytes]:
    project, snap = _snapshot(call, call.params.get("ref"), "Commit")
    entry = snap.find(call.path["file_path"].lstrip("/"))
    if entry is None or entry.kind != "blob":
        raise not_found("File")
    content = snap.read(entry)
    facts = {
        "file_name": entry.name,
        "file_path": entry.path,
        "size": len(content),
        "encoding": "base64",
        "content_sha256": hashlib.sha256(content).hexdigest(),
        "ref": call.params.get("ref") or project["default_branch"],
        "blob_id": entry.sha,
        "commit_id": snap.commit,
        "last_commit_id": snap.commit,
        "execute_filemode": entry.mode == "100755",
    }
    return facts, content


def _fact_headers(facts: dict[str, Any]) -> dict[str, str]:
    names = {key: "X-Gitlab-" + "-".join(part.capitalize() for part in key.split("_")) for key in facts}
    texts = {key: str(value).lower() if isinstance(value, bool) else str(value) for key, value in facts.items()}
    return {names[key]: texts[key].encode("ascii", "xmlcharrefreplace").decode() for key in facts}


def get_file(call: Call) -> Answer:
    """Return a file's facts and its content in base64."""
    facts, content = _file(call)
    return Answer(facts | {"content": base64.b64encode(content).decode()}, headers=_fact_headers(facts))


def get_raw_file(call: Call) -> Response:
    """Return a file's bytes as text, whatever they are."""
    facts, content = _file(call)
    headers = _fact_headers(facts) | {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    return Response(content, headers=headers, media_type="text/plain")


def get_blob(call: Call) -> Response:
    """Return the bytes of a blob by its id."""
    _, snap = _snapshot(call, None, "Blob")
    for entry in snap.entries:
        if entry.kind == "blob" and entry.sha == call.path["sha"]:
            return Response(snap.read(entry), media_type="application/octet-stream")
    raise not_found("Blob")


def get_archive(call: Call) -> Response:
    """Return the repository as tar.gz, all below one top folder."""
    project, snap = _snapshot(call, call.params.get("sha"), "File")
    path = (call.params.get("path") or "").strip("/")
    ref = call.params.get("sha") or project["default_branch"]
    top = "-".join(
        [project["full_path"].rsplit("/", 1)[-1], ref, snap.commit, *([path.replace("/", "-")] if path else [])]
    )
    content = repository.archive(snap, top, path, call.params.get("exclude_paths") or [])
    headers = {"Content-Disposition": f'attachment; filename="{top}.tar.gz"'}
    return Response(content, headers=headers, media_type="application/octet-stream")


def get_commit(call: Call) -> Answer:
    """Return the commit that a branch or id names."""
    project, snap = _snapshot(call, call.path["sha"], "Commit")
    made = project["created_at"]
    person = {"name": "Stand-in", "email": "stand-in@example.com"}
    body: dict[str, Any] = {
        "id": snap.commit,
        "short_id": snap.commit[:8],
        "created_at": made,
        "parent_ids": [],
        "title": "Content of the folder",
        "message": "Content of the folder",
        **{f"{role}_{key}": value for role in ("author", "committer") for key, value in person.items()},
        "authored_date": made,
        "committed_date": made,
        "web_url": f"{call.base_url}/{project['full_path']}/-/commit/{snap.commit}",
        "status": None,
        "project_id": project["id"],
        "last_pipeline": None,
    }
    return Answer(body)


_REPOSITORY = "/projects/{id}/repository"
_READ = ("read_repository",)
_REF = optional("ref")
_ARCHIVE: tuple[Param, ...] = (
    optional("sha"),
    optional("path"),
    optional("exclude_paths", "words"),
    optional("include_lfs_blobs", "flag"),
)
_TREE: tuple[Param, ...] = (*PAGING, _REF, optional("path"), optional("recursive", "flag"), optional("page_token"))
ENDPOINTS = (
    Endpoint("GET", f"{_REPOSITORY}/tree", list_tree, _TREE),
    Endpoint("GET", f"{_REPOSITORY}/commits/{{sha}}", get_commit, (optional("stats", "flag"),), scopes=_READ),
    Endpoint("GET", f"{_REPOSITORY}/archive", get_archive, _ARCHIVE),
    Endpoint("GET", f"{_REPOSITORY}/archive.tar.gz", get_archive, _ARCHIVE),
    Endpoint("GET", f"{_REPOSITORY}/blobs/{{sha}}/raw", get_blob),
    Endpoint(
        "GET", f"{_REPOSITORY}/files/{{file_path}}/raw", get_raw_file, (_REF, optional("lfs", "flag")), scopes=_READ
    ),
    Endpoint("GET", f"{_REPOSITORY}/files/{{file_path}}", get_file, (Param("ref", required=True),), scopes=_READ),
)
