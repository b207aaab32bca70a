"""What a report is made of: frozen data. All texts are plain text; nothing in them becomes markup."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class Link:
    """Text that leads to an address; stays plain text unless the address is of the web."""

    text: str
    url: str

    @property
    def opens(self) -> bool:
        """Whether a browser may follow it: an absolute address of http or https."""
        try:
            parts = urlsplit(self.url)
        except ValueError:
            return False
        return parts.scheme in {"http", "https"} and bool(parts.netloc)


Cell = str | int | float | Link | tuple[str, ...] | None
"""A float is shown with three digits after the point; None as a dash; several texts below each other."""


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under named columns; the first cell of a row names it.

    Attributes:
        title: Caption.
        columns: Heading of each column.
        rows: As wide as `columns`.
        note: What a reader must know beside it; may be empty.
        folded: Long: it opens when the reader asks for it.

    Raises:
        ValueError: A row is not as wide as the columns.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: str = ""
    folded: bool = False

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.columns):
                raise ValueError(f"table {self.title!r}: a row has {len(row)} cells, not {len(self.columns)}: {row}")


@dataclass(frozen=True, slots=True)
class Plot:
    """A picture with its alternatives.

    Attributes:
        title: Caption.
        svg: By `assistant.reporting.plots`.
        described: What it shows, for those who do not see it: what is drawn and what stands out.
        table: The same figures.
    """

    title: str
    svg: str
    described: str
    table: Table


@dataclass(frozen=True, slots=True)
class Section:
    """A heading, what it says in plain text (paragraphs apart by an empty line), and its tables and plots."""

    heading: str
    text: str
    parts: tuple[Table | Plot, ...] = ()
