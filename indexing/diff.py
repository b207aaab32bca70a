"""What one index version has that another has not: documents, and chunks by what they say."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from indexing.catalog import Catalog, DocumentFacts
    from indexing.index_version import IndexVersion
    from indexing.model import Kind

Fate = Literal["gained", "lost", "changed"]


@dataclass(frozen=True, slots=True)
class DocumentDifference:
    """A document that is not the same in both versions.

    Attributes:
        chunks_gained, chunks_lost, chunks_kept: Chunks by their text: in the second only, in the first only, in both.
    """

    document: str
    fate: Fate
    title: str
    kind: Kind
    source: str
    chunks_gained: int
    chunks_lost: int
    chunks_kept: int


@dataclass(frozen=True, slots=True)
class VersionDiff:
    """How version `after` differs from version `before`.

    Attributes:
        documents: Those that differ, by fate and name.
        unchanged: Documents that are the same in both.
        by_source: Source -> fate -> number of documents.
        chunks_gained, chunks_lost, chunks_kept: Over all documents.
        embedder_changed: The two were built with different embedding models, so that every vector is another one.
    """

    before: str
    after: str
    documents: tuple[DocumentDifference, ...]
    unchanged: int
    by_source: Mapping[str, Mapping[Fate, int]]
    chunks_gained: int
    chunks_lost: int
    chunks_kept: int
    embedder_changed: bool

    def of(self, fate: Fate) -> tuple[DocumentDifference, ...]:
        """Return the documents with this fate."""
        return tuple(found for found in self.documents if found.fate == fate)


def diff(before: IndexVersion, after: IndexVersion) -> VersionDiff:
    """Compare two open versions.

    Args:
        before: The one that is compared with.
        after: The one that is asked about.
    """
    old, new = before.catalog.content_hashes(), after.catalog.content_hashes()
    fates: dict[Fate, list[str]] = {
        "gained": sorted(new.keys() - old.keys()),
        "lost": sorted(old.keys() - new.keys()),
        "changed": sorted(name for name in new.keys() & old.keys() if new[name] != old[name]),
    }
    found = [
        difference
        for fate, names in fates.items()
        for difference in _differences(fate, names, before.catalog, after.catalog)
    ]
    by_source: dict[str, Counter[Fate]] = {}
    for difference in found:
        by_source.setdefault(difference.source, Counter())[difference.fate] += 1
    gained = sum(difference.chunks_gained for difference in found)
    return VersionDiff(
        before=before.name,
        after=after.name,
        documents=tuple(found),
        unchanged=len(new) - len(fates["gained"]) - len(fates["changed"]),
        by_source={name: dict(counts) for name, counts in sorted(by_source.items())},
        chunks_gained=gained,
        chunks_lost=sum(difference.chunks_lost for difference in found),
        chunks_kept=after.manifest.counts["chunks"] - gained,
        embedder_changed=before.manifest.embedder != after.manifest.embedder,
    )


def _differences(fate: Fate, names: Sequence[str], before: Catalog, after: Catalog) -> list[DocumentDifference]:
    facts = (before if fate == "lost" else after).documents(names)
    return [_difference(fate, facts[name], before, after) for name in names]


def _difference(fate: Fate, facts: DocumentFacts, before: Catalog, after: Catalog) -> DocumentDifference:
    document = facts.document
    old = Counter(before.chunk_hashes(document.id).values())
    new = Counter(after.chunk_hashes(document.id).values())
    return DocumentDifference(
        document=document.id,
        fate=fate,
        title=document.title,
        kind=document.kind,
        source=document.source,
        chunks_gained=(new - old).total(),
        chunks_lost=(old - new).total(),
        chunks_kept=(new & old).total(),
    )
