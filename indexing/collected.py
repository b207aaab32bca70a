"""What the sources of a build hold, before it is compared with a version."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from indexing.build_report import BuildReport
from indexing.model import Skipped

if TYPE_CHECKING:
    from collections.abc import Mapping

    from indexing.cleaning import MaskedSecret
    from indexing.collecting import SourceReport
    from indexing.source_store import Entry, SourceStore


@dataclass(slots=True)
class Collected:
    """What the sources hold.

    Attributes:
        reports: What the refresh of each source came to.
        entries: By document, of the first source that has it.
        notes: What else an admin should know, one line each.
    """

    reports: tuple[SourceReport, ...]
    entries: dict[str, Entry]
    skipped: list[Skipped] = field(default_factory=list)
    masked: list[MaskedSecret] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add(self, source: str, store: SourceStore) -> None:
        """Add what a source holds; a document that another source had before is left out, and told."""
        for name, entry in store.entries(source).items():
            if name in self.entries:
                self.skipped.append(Skipped(name, f"in {source} too: the source named first has it"))
            else:
                self.entries[name] = entry
        self.skipped += [Skipped(row.document, row.reason) for row in store.left_out(source)]
        self.masked += store.masked(source)

    def reasons(self) -> list[str]:
        """Return why something was left out, some of the reasons."""
        return sorted({item.reason for item in self.skipped})[:3]

    def compared(self, old: Mapping[str, str]) -> BuildReport:
        """Return the report of a build before it has built anything.

        Args:
            old: Document -> content hash, of the newest version.
        """
        new = self.entries
        pages = sum(entry.kind == "page" for entry in new.values())
        return BuildReport(
            version="",
            built=False,
            promoted=False,
            paused=False,
            documents=len(new),
            pages=pages,
            issues=len(new) - pages,
            chunks=0,
            added=len(new.keys() - old.keys()),
            changed=sum(old[name] != entry.content_hash for name, entry in new.items() if name in old),
            removed=len(old.keys() - new.keys()),
            unchanged=sum(old.get(name) == entry.content_hash for name, entry in new.items()),
            chunks_embedded=0,
            chunks_reused=0,
            skipped=tuple(self.skipped),
            masked=tuple(self.masked),
            seconds=0.0,
            sources=self.reports,
        )
