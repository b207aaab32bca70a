"""Settings -> the parts of `assistant serve`: workers, what follows the sources, whether it is ready."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from assistant import wiring
from assistant.core.hooks import Place
from assistant.errors import TemporarilyUnavailable
from assistant.reindexing import due_now
from assistant.sourcing import several_projects
from assistant.store.database import check
from assistant.update_child import run_update_in_child
from assistant.work import WorkTable
from assistant.workflows.follow import Following
from indexing.leaving import was_indexed
from indexing.versions import Versions
from indexing.withdrawn import Withdrawn

if TYPE_CHECKING:
    from threading import Event

    from assistant.settings import Settings
    from assistant.workflows.worker import Worker


@dataclass(frozen=True, slots=True)
class Serving:
    """The running parts of a server.

    Attributes:
        worker: Works on questions, issues and refreshes that wait.
        following: Takes hints of webhooks and of the clock.
    """

    settings: Settings
    parts: wiring.Assistant
    worker: Worker
    following: Following

    def due(self) -> tuple[str, ...]:
        """Return the sources whose sweep is due."""
        return due_now(self.settings)

    def is_ready(self) -> bool:
        """Return whether questions can be answered: the database answers, and a version is live."""
        try:
            check(self.parts.store.engine)
        except TemporarilyUnavailable:
            return False
        return Versions(wiring.index_root(self.settings)).live() is not None


def serving(settings: Settings, stop: Event) -> Serving:
    """Build the parts.

    Args:
        settings: As loaded.
        stop: Set when the process is to end: a refresh that runs is ended then, and begun anew by the next start.

    Raises:
        NotConfigured: A setting is wrong; the message says how to mend it.
    """
    parts = wiring.assistant(settings, stop=stop)
    root, several = wiring.index_root(settings), several_projects(settings)

    def withdraw(project: str, iid: int) -> None:
        document = f"issue:{project}#{iid}" if several else f"issue:{iid}"
        if was_indexed(root, document):
            Withdrawn(root).add([document])

    def refresh(source: str) -> None:
        result = run_update_in_child(settings, [source], stop=stop.is_set)
        if result.state in {"busy", "failed", "stopped"}:
            raise TemporarilyUnavailable(f"the update of {source} did not come about: {result.reason}")

    work = WorkTable(parts.store.engine, wiring.utc_now)
    following = Following(work, places(settings), refresh, withdraw, wiring.utc_now)
    worker = replace(parts.worker, handlers={**parts.worker.handlers, **following.handlers()})
    return Serving(settings, parts, worker, following)


def places(settings: Settings) -> tuple[Place, ...]:
    """Return where the sources are read from that a webhook of GitLab can speak of."""
    found = []
    for source in settings.source:
        if source.type == "gitlab":
            found.append(Place(source.name, source.project or source.group, is_group=bool(source.group)))
        elif source.type == "git" and settings.gitlab_url and source.url.startswith(settings.gitlab_url.rstrip("/")):
            path = source.url.removeprefix(settings.gitlab_url.rstrip("/")).strip("/").removesuffix(".git")
            found.append(Place(source.name, path))
    return tuple(found)
