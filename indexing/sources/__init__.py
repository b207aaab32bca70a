"""Where documents come from. One bad file or issue yields `Skipped` with the reason, and the rest goes on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from indexing.model import Document, Skipped

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

Item = Document | Skipped


class Source(Protocol):
    """Where documents come from."""

    @property
    def name(self) -> str:
        """Name that stands in `Document.source`."""

    def items(self) -> Iterator[Item]:
        """Yield each document, and each one left out with the reason."""


@dataclass(frozen=True, slots=True)
class Gone:
    """A document that must leave the index: deleted, moved away, opened again.

    Attributes:
        document: `Document.id`.
        withdrawn: It may not be shown any more to those who could read it (made confidential, project made private):
            it leaves every version at once, not just the next one.
    """

    document: str
    reason: str
    withdrawn: bool = False


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What was yielded so far may be kept: reading can go on from this cursor, also after a crash.

    Attributes:
        cursor: JSON values; only the source understands them.
    """

    cursor: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Present:
    """A complete listing: what the source holds of this part now. Other documents of the part are gone.

    Attributes:
        part: What all ids of the part begin with, such as `issue:` or `handbook/wiki/`; empty for the whole source.
        documents: `Document.id` of each that is there, those that were left out included.
        certain: The source shows what became of the others (a project that was renamed or archived): no fault of it
            is likelier, and the guard against shrinking does not count them.
        withdrawn: The others may not be shown any more, also not those that only old versions hold.
    """

    part: str
    documents: frozenset[str]
    certain: bool = False
    withdrawn: bool = False


Change = Document | Skipped | Gone | Checkpoint | Present


@runtime_checkable
class FollowedSource(Source, Protocol):
    """A source that can tell what changed since it was read last."""

    @property
    def reader(self) -> str:
        """What a stored document depends on beside the source's content (filters, version of the reading code).

        When it changes, everything is read anew.
        """

    def changes(self, cursor: Mapping[str, object] | None, *, sweep: bool) -> Iterator[Change]:
        """Yield what is new, changed or gone since the cursor, and checkpoints in between; one stands at the end.

        Args:
            cursor: Of the last checkpoint; None reads everything, and ends with `Present` for each part.
            sweep: Also compare complete listings (`Present` for each part), which finds what was deleted or hidden.
                Documents of no listed part are those of other settings, and leave.

        Raises:
            BuildRefused: The source cannot be read now; what was yielded up to the last checkpoint counts.
        """


def items_of(changes: Iterable[Change]) -> Iterator[Item]:
    """Yield the documents among the changes, and what was left out: what `Source.items` tells of a followed source."""
    for change in changes:
        if isinstance(change, Document | Skipped):
            yield change
