"""The knowledge base follows its sources: webhooks make it fast, a sweep finds what they missed.

A hook becomes a row that is due at the end of the current slot of a few seconds; all hooks of a slot that concern one
source are one row, so that a storm of hooks is one refresh; none is lost, as the refresh begins after the last of them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import structlog

from assistant.core.hooks import sources_of
from assistant.store.database import writing
from assistant.work import Task
from assistant.workflows.worker import Handler

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from assistant.core.hooks import Hint, Place
    from assistant.ports import Now
    from assistant.work import Job, WorkTable

REFRESH = "refresh"
SLOT_S = 10.0
LONGEST_S = 6 * 3600.0
"""Longer than any refresh takes; a process that dies is noticed by its lock, not by this."""

log = structlog.get_logger(__name__)


@dataclass
class Following:
    """Turns hints and the clock into refreshes of sources.

    Attributes:
        places: Where the sources are read from.
        refresh: Refreshes a source and publishes what changed; returns when that is live or kept aside.
        withdraw: Hides an issue at once: project and number.
        now: Clock in UTC.
    """

    work: WorkTable
    places: Sequence[Place]
    refresh: Callable[[str], None]
    withdraw: Callable[[str, int], None]
    now: Now
    _begun: dict[str, datetime] = field(default_factory=dict, init=False)

    def receive(self, hint: Hint) -> tuple[str, ...]:
        """Take a hint in, and return the sources that will be refreshed; it cannot be lost any more then."""
        names = sources_of(hint, self.places)
        if names and hint.hidden and hint.issue:
            self.withdraw(hint.project, hint.issue)
        for name in names:
            self._add(name)
        return names

    def sweep(self, sources: Sequence[str]) -> None:
        """Refresh these sources, which are due."""
        for name in sources:
            self._add(name)

    def handlers(self) -> dict[str, Handler]:
        """Return what works on the rows."""
        return {REFRESH: Handler(self._run, lease_s=LONGEST_S)}

    def _add(self, source: str) -> None:
        slot = math.floor(self.now().timestamp() / SLOT_S) + 1
        due = datetime.fromtimestamp(slot * SLOT_S, UTC)
        task = Task(f"{REFRESH}:{source}:{slot}", REFRESH, source[:64], {"source": source}, lane=REFRESH, due_at=due)
        with writing(self.work.engine) as tx:
            self.work.add(tx, task)

    def _run(self, job: Job) -> None:
        source = str(job.payload["source"])
        slot_end = datetime.fromtimestamp(int(job.key.rpartition(":")[2]) * SLOT_S, UTC)
        if slot_end > self._begun.get(source, datetime.min.replace(tzinfo=UTC)):
            begun = self.now()
            self.refresh(source)
            self._begun[source] = begun
        else:
            log.info("refresh.covered", source=source)  # a refresh that began later has seen it
        with writing(self.work.engine) as tx:
            self.work.finish(tx, job)
