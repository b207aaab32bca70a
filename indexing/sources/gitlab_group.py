"""All projects of a GitLab group, its subgroups included; each has a cursor of its own."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from indexing.errors import BuildRefused
from indexing.model import Document, Skipped
from indexing.sources import Change, Checkpoint, Present
from indexing.sources.gitlab_client import PAGE, connect, reading, server_time
from indexing.sources.gitlab_project import READER, ProjectParts, Readers, project_changes, readers_of, withdraw_all

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from gitlab import Gitlab
    from gitlab.v4.objects import Project

    from indexing.sources import Item


@dataclass(frozen=True, slots=True)
class GitLabGroup:
    """A group. A project that comes, goes, is renamed or archived is followed; one that fails does not stop the others.

    Attributes:
        url: Address of the instance.
        token: Read token (scope `read_api`).
        group: Full path of the group.
        name: Stands in `Document.source`, and with the project's path in front of the path of pages.
        parts: What is read of each project.
        client: Makes the client.
    """

    url: str
    token: str = field(repr=False)
    group: str
    name: str = "gitlab"
    parts: ProjectParts = field(default_factory=ProjectParts)
    client: Callable[[str, str], Gitlab] = connect

    @property
    def reader(self) -> str:
        """See `FollowedSource.reader`."""
        return f"{READER}: {self.url} group {self.group} {self.parts}"

    def items(self) -> Iterator[Item]:
        """Yield all documents, and what is left out with the reason.

        Raises:
            BuildRefused: The group, or one of its projects, cannot be read.
        """
        for change in self.changes(None, sweep=True):
            if isinstance(change, Document | Skipped):
                yield change

    def changes(self, cursor: Mapping[str, object] | None, *, sweep: bool) -> Iterator[Change]:
        """See `FollowedSource.changes`.

        Raises:
            BuildRefused: The group cannot be read; or, after all others were, some of its projects cannot.
        """
        states: dict[str, Any] = dict((cursor or {}).get("projects") or {})  # type: ignore[call-overload] # our own
        failed: list[str] = []
        with reading(f"the GitLab group {self.group} at {self.url}"):
            client = self.client(self.url, self.token)
            found = self._projects(client)
            for number in sorted(states.keys() - found.keys()):
                yield from self._left(states.pop(number))
            for number, path in found.items():
                state = states.setdefault(number, {"path": path})
                if state.get("path") != path:
                    yield from self._left(state)
                    state = states[number] = {"path": path}
                try:
                    yield from self._project(client, number, path, states, sweep=sweep)
                except BuildRefused as error:
                    failed.append(str(error))
                yield Checkpoint({"projects": dict(states)})
        if failed:
            raise BuildRefused("; ".join(failed))
        yield Checkpoint({"projects": dict(states)})

    def again(self, documents: frozenset[str]) -> Iterator[Change]:
        """Yield single issues as they are now; see `GitLabProject.again`.

        Raises:
            BuildRefused: GitLab cannot be read.
        """
        client = self.client(self.url, self.token)
        for document in sorted(documents):
            path, _, iid = document.removeprefix("issue:").rpartition("#")
            if document.startswith("issue:") and path and iid.isdecimal():
                with reading(f"the GitLab project {path} at {self.url}"):
                    readers = self._readers(client.projects.get(path), path)
                    if readers.issues is not None:
                        yield from readers.issues.one(int(iid))

    def _projects(self, client: Gitlab) -> dict[str, str]:
        listed = client.groups.get(self.group).projects.list(
            iterator=True, include_subgroups="true", archived="false", with_shared="false", per_page=PAGE
        )
        return {str(row.get_id()): str(row.attributes["path_with_namespace"]) for row in listed}

    def _project(
        self, client: Gitlab, number: str, path: str, states: dict[str, Any], *, sweep: bool
    ) -> Iterator[Change]:
        """Yield the changes of one project, its checkpoints inside those of the group."""
        with reading(f"the GitLab project {path} at {self.url}"):
            readers = self._readers(client.projects.get(int(number)), path)
            state = dict(states[number])
            for change in project_changes(readers, state, server_time(client), sweep=sweep):
                if isinstance(change, Checkpoint):
                    states[number] = {**change.cursor, "path": path}
                    yield Checkpoint({"projects": dict(states)})
                else:
                    yield change

    def _readers(self, project: Project, path: str) -> Readers:
        return readers_of(project, self.name, f"{self.name}/{path}/", self.parts, several_projects=True)

    def _left(self, state: Mapping[str, Any]) -> Iterator[Change]:
        """Yield that a project is not in the group any more, or has another path: nothing of it is shown."""
        path = state["path"]
        yield from withdraw_all(state, f"issue:{path}#", f"{path} left the group {self.group}")
        yield Present(f"issue:{path}#", frozenset())
        yield Present(f"{self.name}/{path}/", frozenset())
