"""What changed in one GitLab project since it was read: its cursor, and what reads its parts.

The cursor (JSON):

    id, path        of the project
    since           issues changed from here on are read by the next refresh
    begun, read_to  a first reading began then, and broke off at this `updated_at`
    marks           number -> `mark_of` of each issue that was read
    head, files     commit of the ref, and path -> hash of each file that was read
    pages           ids of wiki pages and files
    reach           who could see issues, wiki and files when they were read first; see `first_reach`
    earlier         parts under an earlier path of the project, which leave once the new ones are read
    missing_since   the project is not there, or hidden, since then
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from indexing.closed_issue import moment
from indexing.model import Document, Skipped
from indexing.sources import Change, Checkpoint, Present
from indexing.sources.gitlab_client import PAGE
from indexing.sources.gitlab_issues import OVERLAP, IssueFilter, IssueReader
from indexing.sources.gitlab_pages import FileReader, WikiReader
from indexing.sources.gitlab_people import People
from indexing.sources.gitlab_reach import first_reach
from indexing.sources.gitlab_thread import ThreadReader

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from gitlab.v4.objects import Project

    from indexing.sources.path_filter import PathFilter


@dataclass(frozen=True, slots=True)
class ProjectParts:
    """What is read of a project.

    Attributes:
        issues: None reads no issue.
        wiki: Whether to read the wiki.
        files: None reads no file of the repository.
        ref: Branch, tag or commit of the files; empty takes the default branch.
        page: Issues or files between two checkpoints, and issues of one answer.
    """

    issues: IssueFilter | None = field(default_factory=IssueFilter)
    wiki: bool = True
    files: PathFilter | None = None
    ref: str = ""
    page: int = PAGE


@dataclass(frozen=True, slots=True)
class Naming:
    """How documents of a project are named.

    Attributes:
        source: Stands in `Document.source`.
        several_projects: The project's path stands in the ids of its issues,
        in_group: and in those of its pages.
    """

    source: str
    several_projects: bool = False
    in_group: bool = False

    def issues(self, path: str) -> str:
        """Return what the ids of issues of this project begin with."""
        return f"issue:{path}#" if self.several_projects else "issue:"

    def pages(self, path: str) -> str:
        """Return what the ids of pages of this project begin with."""
        return f"{self.source}/{path}/" if self.in_group else f"{self.source}/"

    def parts(self, path: str) -> tuple[str, str]:
        """Return what all ids of this project begin with."""
        return self.issues(path), self.pages(path)


@dataclass(frozen=True, slots=True)
class Readers:
    """What reads the parts of one project.

    Attributes:
        prefix: What the ids of all its pages begin with.
        page: Issues or files between two checkpoints.
        hidden: Parts that too few people may see to be shown, with the reason, or none for those that are turned off:
            `issues`, `wiki`, `files`.
    """

    prefix: str
    issues: IssueReader | None
    wiki: WikiReader | None
    files: FileReader | None
    page: int
    hidden: Mapping[str, str] = field(default_factory=dict)


def readers_of(
    project: Project, naming: Naming, parts: ProjectParts, own: Callable[[], frozenset[str]] = frozenset
) -> Readers:
    """Return the readers of a project's parts.

    Args:
        project: With its attributes.
        naming: Of its documents.
        parts: What is read of it.
        own: Asks for the user names of the assistant itself.
    """
    path = path_of(project)
    source, prefix = naming.source, naming.pages(path)
    issues = None
    if parts.issues is not None:
        people = People(project, parts.issues.responders, parts.issues.bots, own)
        thread = ThreadReader(people, source, path, naming.several_projects, parts.issues.merge_requests)
        issues = IssueReader(project, naming.issues(path), parts.issues, thread, parts.page)
    wiki = WikiReader(project, source, prefix) if parts.wiki else None
    files = None
    if parts.files is not None:
        files = FileReader(project, source, prefix, parts.ref, parts.files, must_exist=not naming.in_group)
    return Readers(prefix, issues, wiki, files, parts.page)


def path_of(project: Project) -> str:
    """Return the full path of a project, as GitLab spells it."""
    return str(project.attributes.get("path_with_namespace") or project.get_id())


def known_state(state: Mapping[str, Any], project: Project, naming: Naming) -> dict[str, Any]:
    """Return the cursor to go on with: a project that was renamed, or another one of that path, is read anew."""
    number, path = project.get_id(), path_of(project)
    kept = {name: value for name, value in state.items() if name != "missing_since"}
    if kept.get("id", number) != number:
        kept = {}
    elif kept.get("path", path) != path:
        old = [part for part in naming.parts(kept["path"]) if part not in naming.parts(path)]
        kept = {"reach": kept["reach"], "earlier": [*kept.get("earlier", ()), *old]}
    return {"reach": first_reach(project.attributes), **kept, "id": number, "path": path}


def project_changes(readers: Readers, state: dict[str, Any], started: datetime, *, sweep: bool) -> Iterator[Change]:
    """Yield what changed in one project; `state` is its cursor, and is changed to what the next refresh needs.

    Args:
        readers: Of its parts.
        state: Without `since`, everything is read.
        started: GitLab's time at the beginning of this refresh.
        sweep: Compare complete listings too.
    """
    is_first = "since" not in state
    if is_first:  # what changed while it was read is read again, also when it broke off and went on later
        started = moment(str(state.setdefault("begun", started.isoformat()))) or started
    if readers.issues is not None:
        if "issues" in readers.hidden:
            yield from _hidden_issues(readers.issues, state, readers.hidden["issues"])
        else:
            yield from _issues(readers.issues, state, started, is_first=is_first, sweep=sweep)
    state["since"] = (started - OVERLAP).isoformat(timespec="seconds")
    for name in ("read_to", "begun"):
        state.pop(name, None)
    yield from _pages(readers, state, sweep=sweep or is_first)
    for part in state.pop("earlier", ()):
        yield Present(part, frozenset(), certain=True)
    yield Checkpoint(dict(state))


def withdrawn(naming: Naming, path: str) -> Iterator[Present]:
    """Yield that all documents of a project may not be shown any more."""
    for part in naming.parts(path):
        yield Present(part, frozenset(), withdrawn=True)


# --- issues


def _issues(
    reader: IssueReader, state: dict[str, Any], started: datetime, *, is_first: bool, sweep: bool
) -> Iterator[Change]:
    reader.marks = {int(iid): mark for iid, mark in state.get("marks", {}).items()}
    found = reader.closed(str(state.get("read_to", ""))) if is_first else reader.changed(str(state["since"]))
    for change in found:
        if isinstance(change, Checkpoint):
            at = str(change.cursor["read_to"])
            state.update({"read_to": at} if is_first else {"since": _earlier(at, started)})
            yield _kept(reader, state)
        else:
            yield change
    if is_first or sweep:
        for change in reader.compared():
            yield _kept(reader, state) if isinstance(change, Checkpoint) else change
    _kept(reader, state)


def _kept(reader: IssueReader, state: dict[str, Any]) -> Checkpoint:
    state["marks"] = {str(iid): mark for iid, mark in reader.marks.items()}
    return Checkpoint(dict(state))


def _earlier(read_to: str, started: datetime) -> str:
    """Return where to go on when a refresh breaks off: a comment that moved no time is not passed over."""
    latest = started - OVERLAP
    at = moment(read_to)
    return (latest if at is None else min(at, latest)).astimezone(UTC).isoformat()


def _hidden_issues(reader: IssueReader, state: dict[str, Any], reason: str) -> Iterator[Change]:
    had_some = bool(state.pop("marks", None)) or "since" not in state
    if reason:
        yield Skipped(reader.part, reason)
    if had_some:
        yield Present(reader.part, frozenset({reader.part}), withdrawn=True)


# --- pages


def _pages(readers: Readers, state: dict[str, Any], *, sweep: bool) -> Iterator[Change]:
    """Yield changed pages, and what pages there are."""
    wanted = {"wiki": readers.wiki, "files": readers.files}
    hidden = {part: why for part, why in readers.hidden.items() if wanted.get(part) is not None}
    pages = {f"{readers.prefix}{part}" for part in hidden}
    for part, reason in hidden.items():
        if reason:
            yield Skipped(f"{readers.prefix}{part}", reason)
    is_complete = True
    if readers.wiki is not None and "wiki" not in hidden:
        items = readers.wiki.items()
        for item in items or ():
            pages.add(item.id if isinstance(item, Document) else item.document)
            yield item
        is_complete = items is not None or sweep  # a wiki that answers nothing is believed by a sweep alone
    if readers.files is not None and "files" not in hidden:
        yield from _files(readers.files, state, readers.page)
        pages |= {readers.files.document_id(path) for path in state["files"]}
    elif "files" in state:
        del state["files"]
    if is_complete:
        is_less = bool(set(state.get("pages", ())) - pages)
        state["pages"] = sorted(pages)
        yield Present(readers.prefix, frozenset(pages), withdrawn=bool(hidden) and (is_less or sweep))


def _files(reader: FileReader, state: dict[str, Any], page: int) -> Iterator[Change]:
    head = reader.head()
    if state.get("head") == head and "files" in state:
        return
    before: dict[str, str] = state.get("files", {})
    now = reader.blobs() if head else {}
    state.pop("head", None)
    read = {path: blob for path, blob in before.items() if path in now}
    for count, (path, item) in enumerate(reader.changed(now, before), start=1):
        yield item
        read[path] = now[path]
        if count % page == 0:
            state["files"] = dict(read)
            yield Checkpoint(dict(state))
    state["head"], state["files"] = head, now
