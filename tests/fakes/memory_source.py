"""A source of documents that a test writes down itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from indexing.errors import BuildRefused
from indexing.model import Cleaned, Document, Kind, Skipped
from indexing.sources import Checkpoint, Gone, Present

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from indexing.sources import Change


class MemorySource:
    """Yields the items it was given."""

    def __init__(self, items: Sequence[Document | Skipped], name: str = "docs") -> None:
        self.name = name
        self._items = tuple(items)

    def items(self) -> Iterator[Document | Skipped]:
        yield from self._items


class FollowedMemory:
    """A source that remembers when each document changed, and tells what changed since.

    Attributes:
        documents: What it holds now, with the number of the change that made it so.
        dies_after: Items after which it cannot be read any more; None never.
        reads: Items it yielded, over all refreshes.
    """

    def __init__(self, name: str = "wiki", *, every: int = 2) -> None:
        self.name = name
        self.reader = "reader 1"
        self.documents: dict[str, tuple[int, Document | Skipped]] = {}
        self.gone: list[tuple[int, Gone]] = []
        self.dies_after: int | None = None
        self.reads: list[str] = []
        self._every = every
        self._clock = 0

    def put(self, *items: Document | Skipped) -> None:
        for item in items:
            self._clock += 1
            self.documents[_id(item)] = (self._clock, item)

    def take_away(self, name: str, *, told: bool = True, withdrawn: bool = False) -> None:
        self._clock += 1
        del self.documents[name]
        if told:
            self.gone.append((self._clock, Gone(name, "deleted", withdrawn=withdrawn)))

    def items(self) -> Iterator[Document | Skipped]:
        for _, item in sorted(self.documents.values(), key=lambda entry: entry[0]):
            yield item

    def changes(self, cursor: Mapping[str, object] | None, *, sweep: bool) -> Iterator[Change]:
        since = int(str(cursor["change"])) if cursor else 0
        told: list[tuple[int, Document | Skipped | Gone]] = [*self.documents.values(), *self.gone]
        told = sorted((entry for entry in told if entry[0] > since), key=lambda entry: entry[0])
        for count, (number, item) in enumerate(told):
            if count == self.dies_after:
                raise BuildRefused(f"{self.name} cannot be read now")
            self.reads.append(item.document if isinstance(item, Gone) else _id(item))
            yield item
            if count % self._every == self._every - 1:
                yield Checkpoint({"change": number})
        if sweep:
            yield Present("", frozenset(self.documents))
        yield Checkpoint({"change": self._clock})

    def again(self, documents: frozenset[str]) -> Iterator[Change]:
        for name in sorted(documents):
            if name in self.documents:
                yield self.documents[name][1]


def _id(item: Document | Skipped) -> str:
    return item.id if isinstance(item, Document) else item.document


def page(name: str, text: str, title: str = "") -> Document:
    """Return a page `docs/NAME.md`."""
    return _document(f"docs/{name}.md", "page", title or name, text)


def issue(iid: int, text: str, title: str = "") -> Document:
    """Return a closed issue."""
    return _document(f"issue:{iid}", "issue", title or f"Issue {iid}", text)


def unchanged(text: str) -> Cleaned:
    """A `Clean` that finds nothing."""
    return Cleaned(text)


def _document(name: str, kind: Kind, title: str, text: str) -> Document:
    return Document(name, kind, title, f"https://docs.example/{name}", text, "docs" if kind == "page" else "issues")
