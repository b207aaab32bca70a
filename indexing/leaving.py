"""What leaves the store during a refresh: noted first, so that the guard can hold it back, or dropped at once.

Dropped past the guard is what may not be shown any more, and what the source itself explains.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from indexing.errors import DamagedIndex
from indexing.versions import Step, Versions
from indexing.withdrawn import Withdrawn

if TYPE_CHECKING:
    from pathlib import Path

    from indexing.source_store import SourceStore
    from indexing.sources import Present


@dataclass(slots=True)
class Counts:
    """What a refresh of one source came to so far.

    Attributes:
        before: `Document.id` -> hash of the content, of what the source held.
        seen: Documents that were read.
        parts: What the source listed completely; see `Present.part`.
    """

    before: dict[str, str]
    added: int = 0
    changed: int = 0
    removed: int = 0
    seen: set[str] = field(default_factory=set)
    parts: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Leaving:
    """Lets documents of one source go.

    Attributes:
        root: The index root.
        source: Name of the source.
        counts: Of this refresh; changed here.
        on_step: See `indexing.versions.Step`.
    """

    root: Path
    store: SourceStore
    source: str
    counts: Counts
    on_step: Step

    def listed(self, listing: Present) -> None:
        """Let go what a complete listing does not hold."""
        counts = self.counts
        counts.parts.add(listing.part)
        here = {document for document in counts.before.keys() | counts.seen if document.startswith(listing.part)}
        gone = here - listing.documents
        self.store.leaves(self.source, dict.fromkeys(gone, "not there any more"))
        self.store.keep_left_out(self.source, listing.part, listing.documents)
        if listing.withdrawn:
            older = {one for one in indexed_by(self.root, self.source) if one.startswith(listing.part)}
            self._hide(older - listing.documents | gone)
        if listing.withdrawn or listing.certain:
            self._drop(gone)

    def other_parts(self) -> None:
        """Let go what belongs to no listed part: it was read with other settings, such as another form of names."""
        if self.counts.parts:
            parts = tuple(self.counts.parts)
            others = {one for one in self.counts.before.keys() - self.counts.seen if not one.startswith(parts)}
            self.store.leaves(self.source, dict.fromkeys(others, "the source is set up in another way now"))
            self._drop(others)

    def withdraw(self, document: str) -> None:
        """Hide a document at once, in every version; the guard does not hold this back."""
        is_here = document in self.counts.before or document in self.counts.seen
        if is_here or was_indexed(self.root, document):  # else it was never shown
            self._hide({document})
            self._drop({document})

    def _hide(self, documents: set[str]) -> None:
        Withdrawn(self.root).add(documents)
        self.on_step("document withdrawn")
        self.store.set_returned(documents, returned=False)

    def _drop(self, documents: set[str]) -> None:
        self.counts.removed += self.store.drop_leaving(self.source, documents)
        for document in documents:
            self.counts.before.pop(document, None)
            self.counts.seen.discard(document)


def indexed_by(root: Path, source: str) -> set[str]:
    """Return the documents of a source that a version below the index root holds."""
    versions = Versions(root)
    found: set[str] = set()
    for version in versions.names():
        with contextlib.suppress(DamagedIndex):  # no question is ever answered from it
            found |= {facts.document.id for facts in versions.open(version).catalog.documents_of(source)}
    return found


def was_indexed(root: Path, document: str) -> bool:
    """Return whether a version below the index root holds the document, an old one too."""
    versions = Versions(root)
    for version in versions.names():
        try:
            if versions.open(version).catalog.document(document) is not None:
                return True
        except DamagedIndex:
            return True  # it cannot be told: rather hide one that never was
    return False
