"""A source whose documents only one audience may read."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from indexing.model import Document
from indexing.sources import FollowedSource

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from indexing.sources import Change, Item, Source


@dataclass(frozen=True, slots=True)
class _Visible:
    """A source whose documents only an audience may read."""

    source: Source
    audience: str

    @property
    def name(self) -> str:
        return self.source.name

    def items(self) -> Iterator[Item]:
        for item in self.source.items():
            yield replace(item, audience=self.audience) if isinstance(item, Document) else item


@dataclass(frozen=True, slots=True)
class _VisibleFollowed(_Visible):
    source: FollowedSource

    @property
    def reader(self) -> str:
        return f"{self.source.reader}; for {self.audience}"

    def changes(self, cursor: Mapping[str, object] | None, *, sweep: bool) -> Iterator[Change]:
        yield from self._set(self.source.changes(cursor, sweep=sweep))

    def again(self, documents: frozenset[str]) -> Iterator[Change]:
        again: Callable[[frozenset[str]], Iterable[Change]] | None = getattr(self.source, "again", None)
        if again is not None:
            yield from self._set(again(documents))

    def _set(self, changes: Iterable[Change]) -> Iterator[Change]:
        for change in changes:
            yield replace(change, audience=self.audience) if isinstance(change, Document) else change


def with_visibility(source: Source, audience: str) -> Source:
    """Return the source with its documents for this audience alone."""
    if audience == "public":
        return source
    if isinstance(source, FollowedSource):
        return _VisibleFollowed(source, audience)
    return _Visible(source, audience)
