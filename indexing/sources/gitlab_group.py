"""All projects of a GitLab group, its subgroups included; each has a cursor of its own."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from indexing.errors import BuildRefused
from indexing.sources import Change, Checkpoint, Present, items_of
from indexing.sources.gitlab_client import PAGE, connect, is_missing, reading, server_time
from indexing.sources.gitlab_following import (
    Naming,
    ProjectParts,
    known_state,
    path_of,
    project_changes,
    readers_of,
    withdrawn,
)
from indexing.sources.gitlab_people import Own
from indexing.sources.gitlab_project import READER, is_over
from indexing.sources.gitlab_reach import hidden_parts, level_of, reach_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from gitlab import Gitlab
    from gitlab.v4.objects import Group, Project

    from indexing.sources import Item


@dataclass(frozen=True, slots=True)
class GitLabGroup:
    """A group. A project that comes, goes, is renamed or archived is followed; one that fails does not stop the others.

    A project that the group lists no more is asked for: one that answers (moved, archived, to be deleted) leaves; one
    that does not is hidden, or GitLab's answer was half, and as with a single project it is hidden after a while. What
    fewer people may see than the group itself is left out, unless the source has an audience of its own.

    Attributes:
        url: Address of the instance.
        token: Read token (scope `read_api`).
        group: Full path of the group.
        name: Stands in `Document.source`, and with the project's path in front of the path of pages.
        parts: What is read of each project.
        for_everybody: Its documents are shown to everybody, not just to an audience of their own.
        own_tokens: Tokens of the assistant: what their users write is no answer of people.
        client: Makes the client.
        now: Clock in UTC.
    """

    url: str
    token: str = field(repr=False)
    group: str
    name: str = "gitlab"
    parts: ProjectParts = field(default_factory=ProjectParts)
    for_everybody: bool = True
    own_tokens: tuple[str, ...] = field(default=(), repr=False)
    client: Callable[[str, str], Gitlab] = connect
    now: Callable[[], datetime] = lambda: datetime.now(UTC)

    @property
    def reader(self) -> str:
        """See `FollowedSource.reader`."""
        return f"{READER}: {self.url} group {self.group} {self.parts}"

    def items(self) -> Iterator[Item]:
        """Yield all documents, and what is left out with the reason.

        Raises:
            BuildRefused: The group, or one of its projects, cannot be read.
        """
        yield from items_of(self.changes(None, sweep=True))

    def changes(self, cursor: Mapping[str, object] | None, *, sweep: bool) -> Iterator[Change]:
        """See `FollowedSource.changes`.

        Raises:
            BuildRefused: The group cannot be read; or, after all others were, some of its projects cannot.
        """
        from gitlab.exceptions import GitlabError  # noqa: PLC0415 - loaded only where GitLab is read

        known: dict[str, Any] = dict(cursor or {})
        states: dict[str, Any] = dict(known.get("projects") or {})
        failed: list[str] = []
        with reading(self._place()):
            client = self.client(self.url, self.token)
            try:
                group = client.groups.get(self.group)
            except GitlabError as error:
                if is_missing(error):
                    yield from self._missing(known, states)
                raise
            started = server_time(client)
            found = self._projects(client, group)
        refresh = _Refresh(client, group, found, started, sweep, self._own())
        for number in sorted(states.keys() - found.keys()):
            yield from self._tried(self._absent(refresh, number, states), failed)
        for number in found:
            yield from self._tried(self._project(refresh, number, states), failed)
        if failed:
            raise BuildRefused("; ".join(failed))
        yield _kept(states)

    def again(self, documents: frozenset[str]) -> Iterator[Change]:
        """Yield single issues as they are now; see `GitLabProject.again`.

        Raises:
            BuildRefused: GitLab cannot be read.
        """
        client, own = self.client(self.url, self.token), self._own()
        for document in sorted(documents):
            path, _, iid = document.removeprefix("issue:").rpartition("#")
            if document.startswith("issue:") and path and iid.isdecimal():
                with reading(f"the GitLab project {path} at {self.url}"):
                    readers = readers_of(client.projects.get(path), self._naming(), self.parts, own)
                    if readers.issues is not None:
                        yield from readers.issues.one(int(iid))

    # -- the group

    def _projects(self, client: Gitlab, group: Group) -> dict[str, Project]:
        from gitlab.v4.objects import Project  # noqa: PLC0415 - as above

        listed = group.projects.list(
            iterator=True, include_subgroups="true", archived="false", with_shared="false", per_page=PAGE
        )
        facts = [row.attributes for row in listed]
        return {str(one["id"]): Project(client.projects, one) for one in facts if not _is_leaving(one)}

    def _missing(self, known: dict[str, Any], states: Mapping[str, Any]) -> Iterator[Change]:
        """Note since when the group is missing; after a while hide all that came from it."""
        since = str(known.setdefault("missing_since", self.now().isoformat(timespec="seconds")))
        if is_over(since, self.now()):
            for state in states.values():
                yield from withdrawn(self._naming(), state["path"])
            known = {"missing_since": since}
        yield Checkpoint(dict(known))

    # -- one project

    def _tried(self, changes: Iterator[Change], failed: list[str]) -> Iterator[Change]:
        """Yield the changes of one project; note why when it cannot be read."""
        try:
            yield from changes
        except BuildRefused as error:
            failed.append(str(error))

    def _project(self, refresh: _Refresh, number: str, states: dict[str, Any]) -> Iterator[Change]:
        """Yield the changes of one project, its checkpoints inside those of the group."""
        project = refresh.found[number]
        with reading(f"the GitLab project {path_of(project)} at {self.url}"):
            state = known_state(states.get(number, {}), project, self._naming())
            # A path that another project has by now is that one's, and its listing tells what is there.
            taken = {part for one in refresh.found.values() for part in self._naming().parts(path_of(one))}
            state["earlier"] = [part for part in state.get("earlier", ()) if part not in taken]
            readers = readers_of(project, self._naming(), self.parts, refresh.own)
            if self.for_everybody:
                allowed = dict.fromkeys(reach_of(project.attributes), level_of(refresh.group.attributes))
                readers = replace(readers, hidden=hidden_parts(project.attributes, allowed))
            for change in project_changes(readers, state, refresh.started, sweep=refresh.sweep):
                if isinstance(change, Checkpoint):
                    states[number] = change.cursor
                    yield _kept(states)
                else:
                    yield change

    def _absent(self, refresh: _Refresh, number: str, states: dict[str, Any]) -> Iterator[Change]:
        """Yield what became of a project that the group lists no more."""
        from gitlab.exceptions import GitlabError  # noqa: PLC0415 - as above

        state = dict(states[number])
        path = state["path"]
        with reading(f"the GitLab project {path} at {self.url}"):
            try:
                facts = refresh.client.projects.get(int(number)).attributes
            except GitlabError as error:
                if not is_missing(error):
                    raise
                since = str(state.setdefault("missing_since", self.now().isoformat(timespec="seconds")))
                if not is_over(since, self.now()):
                    states[number] = state
                    yield _kept(states)
                    raise
                yield from withdrawn(self._naming(), path)
            else:
                if refresh.holds(facts) and not _is_leaving(facts):
                    raise BuildRefused(f"the GitLab group {self.group} does not list its project {path} now")
                for part in self._naming().parts(path):
                    yield Present(part, frozenset(), certain=True)
        del states[number]
        yield _kept(states)

    def _naming(self) -> Naming:
        return Naming(self.name, several_projects=True, in_group=True)

    def _own(self) -> Own:
        return Own(lambda token: self.client(self.url, token), self.own_tokens)

    def _place(self) -> str:
        return f"the GitLab group {self.group} at {self.url}"


@dataclass(frozen=True, slots=True)
class _Refresh:
    """One refresh of a group.

    Attributes:
        found: Number -> each project that it lists.
        started: GitLab's time at the beginning.
    """

    client: Gitlab
    group: Group
    found: Mapping[str, Project]
    started: datetime
    sweep: bool
    own: Own

    def holds(self, facts: Mapping[str, Any]) -> bool:
        """Return whether a project is in the group, by its path."""
        path, group = str(facts.get("path_with_namespace")), str(self.group.attributes.get("full_path"))
        return path.casefold().startswith(f"{group.casefold()}/")


def _is_leaving(facts: Mapping[str, Any]) -> bool:
    """Return whether a project is archived, or waits for being deleted."""
    return bool(facts.get("archived") or facts.get("marked_for_deletion_on") or facts.get("marked_for_deletion_at"))


def _kept(states: Mapping[str, Any]) -> Checkpoint:
    return Checkpoint({"projects": dict(states)})
