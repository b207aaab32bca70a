"""When a source is read again. Pure: `index watch` and the server ask the same function."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

AFTER_FAILURE = timedelta(minutes=5)
"""Until a source that could not be read is tried again, unless it is read more often anyway."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """A source and its last refresh.

    Attributes:
        every: Time between two sweeps.
        last: When the last sweep began; None when there was none.
        failed: It could not be read then.
    """

    name: str
    every: timedelta
    last: datetime | None = None
    failed: bool = False

    @property
    def next(self) -> datetime | None:
        """When it is due; None is at once."""
        if self.last is None:
            return None
        return self.last + (min(self.every, AFTER_FAILURE) if self.failed else self.every)


def due_sources(schedules: Iterable[Schedule], now: datetime) -> tuple[str, ...]:
    """Return the names of the sources that are due, those that wait longest first."""
    due = [(one.next, one.name) for one in schedules if one.next is None or one.next <= now]
    return tuple(name for _, name in sorted(due, key=lambda entry: (entry[0] is not None, entry[0] or now)))
