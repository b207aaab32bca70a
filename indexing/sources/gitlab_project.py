"""A GitLab project as a source: its closed issues, wiki and documentation files, followed from refresh to refresh.

The cursor of a project (JSON):

    since           issues changed from here on are read by the next refresh
    read_to         a first reading of the issues broke off here
    known           numbers of the issues that are indexed
    head, files     commit of the ref, and path -> hash of each file that was read
    pages           ids of wiki pages and files
    missing_since   the project is not there, or hidden, since then
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from indexing.model import Document, Skipped
from indexing.sources import Change, Checkpoint, Gone, Present
from indexing.sources.gitlab_client import PAGE, connect, is_gone, reading, server_time
from indexing.sources.gitlab_issues import OVERLAP, IssueFilter, IssueReader
from indexing.sources.gitlab_pages import FileReader, WikiReader

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from gitlab import Gitlab
    from gitlab.v4.objects import Project

    from indexing.sources import Item
    from indexing.sources.path_filter import PathFilter

__all__ = ["GitLabProject", "IssueFilter", "ProjectParts", "connect", "project_changes", "withdraw_all"]

READER = "gitlab 2"
"""Raised when what is read of an issue or page changes: everything is read anew then."""

HIDDEN_AFTER = timedelta(minutes=30)
"""A project that answers `not found` for this long is taken for hidden from us: nothing of it is shown any more.

GitLab says the same of a project that is gone and of one the token may not see any more, and a fault of rights is often
mended within minutes: until then the refresh fails, and what the project had stays.
"""


@dataclass(frozen=True, slots=True)
class ProjectParts:
    """What is read of a project.

    Attributes:
        issues: None reads no issue.
        wiki: Whether to read the wiki.
        files: None reads no file of the repository.
        ref: Branch, tag or commit of the files; empty takes the default branch.
        page: Issues of one answer, and between two checkpoints.
    """

    issues: IssueFilter | None = field(default_factory=IssueFilter)
    wiki: bool = True
    files: PathFilter | None = None
    ref: str = ""
    page: int = PAGE


@dataclass(frozen=True, slots=True)
class GitLabProject:
    """One project.

    Attributes:
        url: Address of the instance.
        token: Read token (scope `read_api`).
        project: Full path, or id, of the project.
        name: Stands in `Document.source`, and in front of the path of pages.
        parts: What is read of it.
        several_projects: The project's path stands in the ids of its issues.
        client: Makes the client.
        now: Clock in UTC.
    """

    url: str
    token: str = field(repr=False)
    project: str
    name: str = "gitlab"
    parts: ProjectParts = field(default_factory=ProjectParts)
    several_projects: bool = False
    client: Callable[[str, str], Gitlab] = connect
    now: Callable[[], datetime] = lambda: datetime.now(UTC)

    @property
    def reader(self) -> str:
        """See `FollowedSource.reader`."""
        return f"{READER}: {self.url} {self.project} {self.parts} {self.several_projects}"

    def items(self) -> Iterator[Item]:
        """Yield all documents, and what is left out with the reason.

        Raises:
            BuildRefused: The project cannot be read.
        """
        for change in self.changes(None, sweep=True):
            if isinstance(change, Document | Skipped):
                yield change

    def changes(self, cursor: Mapping[str, object] | None, *, sweep: bool) -> Iterator[Change]:
        """See `FollowedSource.changes`.

        Raises:
            BuildRefused: GitLab does not answer, refuses the token, or hides the project for the first time.
        """
        from gitlab.exceptions import GitlabError  # noqa: PLC0415 - loaded only where GitLab is read

        state: dict[str, Any] = dict(cursor or {})
        with reading(self._place()):
            client = self.client(self.url, self.token)
            try:
                project = client.projects.get(self.project)
            except GitlabError as error:
                if is_gone(error):
                    yield from self._hidden(state)
                raise
            state.pop("missing_since", None)
            yield from project_changes(self._readers(project), state, server_time(client), sweep=sweep)

    def again(self, documents: frozenset[str]) -> Iterator[Change]:
        """Yield single issues as they are now; pages are read by every refresh anyway.

        Raises:
            BuildRefused: As `changes`.
        """
        with reading(self._place()):
            readers = self._readers(self.client(self.url, self.token).projects.get(self.project))
            if readers.issues is not None:
                for document in sorted(documents):
                    iid = document.removeprefix(readers.issues.part)
                    if iid != document and iid.isdecimal():
                        yield from readers.issues.one(int(iid))

    def _readers(self, project: Project) -> Readers:
        return readers_of(project, self.name, f"{self.name}/", self.parts, several_projects=self.several_projects)

    def _hidden(self, state: dict[str, Any]) -> Iterator[Change]:
        """Note since when the project is missing; after a while hide all that came from it."""
        since = state.setdefault("missing_since", self.now().isoformat(timespec="seconds"))
        if self.now() - datetime.fromisoformat(since) >= HIDDEN_AFTER:
            prefix = f"issue:{self.project}#" if self.several_projects else "issue:"
            yield from withdraw_all(state, prefix, f"{self.project} is gone, or hidden from the token, since {since}")
            state = {"missing_since": since}
        yield Checkpoint(dict(state))

    def _place(self) -> str:
        return f"the GitLab project {self.project} at {self.url}"


@dataclass(frozen=True, slots=True)
class Readers:
    """What reads the parts of one project.

    Attributes:
        prefix: What the ids of all its pages begin with.
    """

    prefix: str
    issues: IssueReader | None
    wiki: WikiReader | None
    files: FileReader | None


def readers_of(project: Project, source: str, prefix: str, parts: ProjectParts, *, several_projects: bool) -> Readers:
    """Return the readers of a project's parts."""
    wanted = parts.issues
    issues = IssueReader(project, source, wanted, several_projects, parts.page) if wanted is not None else None
    wiki = WikiReader(project, source, prefix) if parts.wiki else None
    files = FileReader(project, source, prefix, parts.ref, parts.files) if parts.files is not None else None
    return Readers(prefix, issues, wiki, files)


def project_changes(readers: Readers, state: dict[str, Any], started: datetime, *, sweep: bool) -> Iterator[Change]:
    """Yield what changed in one project; `state` is its cursor, and is changed to what the next refresh needs.

    Args:
        readers: Of its parts.
        state: Empty reads everything.
        started: GitLab's time at the beginning of this refresh.
        sweep: Compare complete listings too.
    """
    is_first = "since" not in state
    if readers.issues is not None:
        yield from _issues(readers.issues, state, is_first=is_first)
        if is_first or sweep:
            yield from _listed(readers.issues, state)
    state.pop("read_to", None)
    state["since"] = (started - OVERLAP).isoformat(timespec="seconds")
    yield from _pages(readers, state, sweep=sweep or is_first)
    yield Checkpoint(dict(state))


def withdraw_all(state: Mapping[str, Any], issues: str, reason: str) -> Iterator[Gone]:
    """Yield that all documents of a project are gone and may not be shown any more.

    Args:
        state: Its cursor.
        issues: What the ids of its issues begin with.
        reason: For the admin.
    """
    for iid in state.get("known", ()):
        yield Gone(f"{issues}{iid}", reason, withdrawn=True)
    for page in state.get("pages", ()):
        yield Gone(str(page), reason, withdrawn=True)


def _issues(reader: IssueReader, state: dict[str, Any], *, is_first: bool) -> Iterator[Change]:
    known = set(map(int, state.get("known", ())))
    if not is_first:
        found = reader.since(str(state["since"]))
    elif "read_to" in state:
        found = reader.goes_on(str(state["read_to"]))
    else:
        found = reader.all()
    for change in found:
        if isinstance(change, Checkpoint):
            at = str(change.cursor["read_to"])
            yield Checkpoint({**state, "known": sorted(known), **({"read_to": at} if is_first else {"since": at})})
            continue
        if isinstance(change, Document):
            known.add(int(change.id.removeprefix(reader.part)))
        elif isinstance(change, Gone):
            known.discard(int(change.document.removeprefix(reader.part)))
        yield change
    state["known"] = sorted(known)


def _listed(reader: IssueReader, state: dict[str, Any]) -> Iterator[Change]:
    for change in reader.listing(frozenset(map(int, state["known"]))):
        if isinstance(change, Present):
            present = {int(document.removeprefix(reader.part)) for document in change.documents}
            state["known"] = sorted(present & set(state["known"]))
        yield change


def _pages(readers: Readers, state: dict[str, Any], *, sweep: bool) -> Iterator[Change]:
    """Yield changed pages, and what pages there are."""
    pages: set[str] = set()
    is_complete = True
    if readers.wiki is not None:
        items = readers.wiki.items()
        for item in items or ():
            pages.add(item.id if isinstance(item, Document) else item.document)
            yield item
        is_complete = items is not None or sweep  # a wiki that answers nothing is believed by a sweep alone
    if readers.files is not None:
        yield from _files(readers.files, state)
        pages |= {readers.files.document_id(path) for path in state["files"]}
    if is_complete:
        state["pages"] = sorted(pages)
        yield Present(readers.prefix, frozenset(pages))


def _files(reader: FileReader, state: dict[str, Any]) -> Iterator[Change]:
    head = reader.head()
    if state.get("head") == head and "files" in state:
        return
    before: dict[str, str] = state.get("files", {})
    now = reader.blobs() if head else {}
    yield from reader.changed(now, before)
    state["head"], state["files"] = head, now
