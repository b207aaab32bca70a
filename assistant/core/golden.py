"""Questions with known answers, and what two index versions found for them: data, no more."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Origin = Literal["file", "confirmed", "closed issues", "asked"]
DEPTH = 10
"""Documents of a ranking that count."""


@dataclass(frozen=True, slots=True)
class GoldenQuestion:
    """A question and the documents that answer it.

    Attributes:
        origin: From a file of the admin, an answer that its asker confirmed, or a closed issue; `asked` by a person,
            with no known answer.
    """

    id: str
    text: str
    gold: frozenset[str]
    origin: Origin


@dataclass(frozen=True, slots=True)
class Probe:
    """What a golden question found: documents in the order of their rank, in the live version and in the candidate.

    Attributes:
        held_before: Golden documents that the live version holds.
        held_after: The same of the candidate.
    """

    golden: GoldenQuestion
    before: tuple[str, ...]
    after: tuple[str, ...]
    held_before: frozenset[str] = frozenset()
    held_after: frozenset[str] = frozenset()

    @property
    def gone(self) -> frozenset[str]:
        """Golden documents that left with this candidate."""
        return self.held_before - self.held_after

    @property
    def cannot_be_answered(self) -> bool:
        """True when all golden documents left with this candidate."""
        return bool(self.held_before) and not self.held_after
