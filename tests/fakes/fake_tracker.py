"""A tracker in memory that can be down, busy, refuse, lose an answer, or finish a lost request late."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from assistant.core.model import IssueDraft, IssueRef
from assistant.errors import Uncertain

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


@dataclass
class FakeTracker:
    """Behaves like GitLab as far as the workflows can tell.

    Attributes:
        now: The clock that stamps issues.
        down: Raised by every call while it is set.
        lose_answers: So many next issues are created, and their answers lost.
        ghost_s: A lost request becomes an issue only after so many seconds: GitLab was still working on it.
    """

    now: Callable[[], datetime]
    down: Exception | None = None
    lose_answers: int = 0
    ghost_s: float = 0.0
    opened: list[tuple[datetime, IssueDraft]] = field(default_factory=list)
    labels: set[str] = field(default_factory=set)

    def open_issue(self, draft: IssueDraft) -> IssueRef:
        if self.down is not None:
            raise self.down
        if self.lose_answers > 0:
            self.lose_answers -= 1
            self.opened.append((self.now() + timedelta(seconds=self.ghost_s), draft))
            raise Uncertain("the answer was lost; look the issue up before trying again")
        self.opened.append((self.now(), draft))
        return self._ref(len(self.opened))

    def find_issue(self, marker: str, since: datetime) -> IssueRef | None:
        if self.down is not None:
            raise self.down
        for iid, (created, draft) in enumerate(self.opened, start=1):
            if marker in draft.description.splitlines() and since <= created <= self.now():
                return self._ref(iid)
        return None

    def ensure_labels(self, names: Sequence[str]) -> tuple[str, ...]:
        if self.down is not None:
            raise self.down
        missing = tuple(name for name in names if name not in self.labels)
        self.labels.update(missing)
        return missing

    def _ref(self, iid: int) -> IssueRef:
        return IssueRef("platform/support", iid, f"https://gitlab.example/platform/support/-/issues/{iid}")
