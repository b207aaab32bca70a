"""A GitLab project as a source: its closed issues, wiki and documentation files, followed from refresh to refresh."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from indexing.sources import Change, Checkpoint, items_of
from indexing.sources.gitlab_client import connect, is_missing, reading, server_time
from indexing.sources.gitlab_following import (
    Naming,
    ProjectParts,
    Readers,
    known_state,
    project_changes,
    readers_of,
    withdrawn,
)
from indexing.sources.gitlab_issues import IssueFilter
from indexing.sources.gitlab_people import Own
from indexing.sources.gitlab_reach import hidden_parts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from gitlab import Gitlab
    from gitlab.v4.objects import Project

    from indexing.sources import Item

__all__ = ["HIDDEN_AFTER", "READER", "GitLabProject", "IssueFilter", "ProjectParts", "connect", "is_over"]

READER = "gitlab 4"
"""Raised when what is read of an issue or page changes: everything is read anew then."""

HIDDEN_AFTER = timedelta(minutes=30)
"""A project that answers `not found` for this long is taken for hidden from us: nothing of it is shown any more.

GitLab says the same of a project that is gone and of one the token may not see any more, and a fault of rights is often
mended within minutes: until then the refresh fails, and what the project had stays. A refused token (401), a missing
scope or something in between (403) and a server in trouble say nothing of who may see the project: they only fail.
"""


@dataclass(frozen=True, slots=True)
class GitLabProject:
    """One project.

    A project that is made visible to fewer people than when it was read first, or whose issues, wiki or repository are,
    is hidden at once although the token still reads it: only its members may read it from then on.

    Attributes:
        url: Address of the instance.
        token: Read token (scope `read_api`).
        project: Full path, or id, of the project.
        name: Stands in `Document.source`, and in front of the path of pages.
        parts: What is read of it.
        several_projects: The project's path stands in the ids of its issues.
        for_everybody: Its documents are shown to everybody, not just to an audience of their own.
        own_tokens: Tokens of the assistant: what their users write is no answer of people.
        client: Makes the client.
        now: Clock in UTC.
    """

    url: str
    token: str = field(repr=False)
    project: str
    name: str = "gitlab"
    parts: ProjectParts = field(default_factory=ProjectParts)
    several_projects: bool = False
    for_everybody: bool = True
    own_tokens: tuple[str, ...] = field(default=(), repr=False)
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
        yield from items_of(self.changes(None, sweep=True))

    def changes(self, cursor: Mapping[str, object] | None, *, sweep: bool) -> Iterator[Change]:
        """See `FollowedSource.changes`.

        Raises:
            BuildRefused: GitLab does not answer, refuses the token, or hides the project for the first time.
        """
        from gitlab.exceptions import GitlabError  # noqa: PLC0415 - loaded only where GitLab is read

        before: dict[str, Any] = dict(cursor or {})
        with reading(self._place()):
            client = self.client(self.url, self.token)
            try:
                project = client.projects.get(self.project)
            except GitlabError as error:
                if is_missing(error):
                    yield from self._missing(before)
                raise
            state = known_state(before, project, self._naming())
            readers = self._readers(project)
            if self.for_everybody:
                readers = replace(readers, hidden=hidden_parts(project.attributes, state["reach"]))
            yield from project_changes(readers, state, server_time(client), sweep=sweep)

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

    def _naming(self) -> Naming:
        return Naming(self.name, self.several_projects)

    def _readers(self, project: Project) -> Readers:
        own = Own(lambda token: self.client(self.url, token), self.own_tokens)
        return readers_of(project, self._naming(), self.parts, own)

    def _missing(self, state: dict[str, Any]) -> Iterator[Change]:
        """Note since when the project is missing; after a while hide all that came from it."""
        since = str(state.setdefault("missing_since", self.now().isoformat(timespec="seconds")))
        if is_over(since, self.now()):
            yield from withdrawn(self._naming(), str(state.get("path") or self.project))
            state = {name: state[name] for name in ("missing_since", "id", "path", "reach") if name in state}
        yield Checkpoint(dict(state))

    def _place(self) -> str:
        return f"the GitLab project {self.project} at {self.url}"


def is_over(missing_since: str, now: datetime) -> bool:
    """Return whether something is missing for so long that it is taken for hidden."""
    return now - datetime.fromisoformat(missing_since) >= HIDDEN_AFTER
