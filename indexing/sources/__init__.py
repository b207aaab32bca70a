"""Where documents come from. One bad file or issue yields `Skipped` with the reason, and the rest goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from indexing.model import Document, Skipped

if TYPE_CHECKING:
    from collections.abc import Iterator

Item = Document | Skipped


class Source(Protocol):
    """Where documents come from."""

    @property
    def name(self) -> str:
        """Name that stands in `Document.source`."""

    def items(self) -> Iterator[Item]:
        """Yield each document, and each one left out with the reason."""
