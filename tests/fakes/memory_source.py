"""A source of documents that a test writes down itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from indexing.model import Cleaned, Document, Kind, Skipped

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


class MemorySource:
    """Yields the items it was given."""

    def __init__(self, items: Sequence[Document | Skipped], name: str = "docs") -> None:
        self.name = name
        self._items = tuple(items)

    def items(self) -> Iterator[Document | Skipped]:
        yield from self._items


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
