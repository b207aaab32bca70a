"""Sections -> one HTML file: no script, no request to anywhere, light and dark, by keyboard, without colour."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from assistant.reporting.inline_svg import inlined
from assistant.reporting.parts import Link, Plot, Table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jinja2 import Environment

    from assistant.reporting.parts import Cell, Section

_FIGURE = re.compile(
    r"[-+]?\d[\d.,]*[ ]?%?(?: to [-+]?\d[\d.,]*[ ]?%?)?|\N{EN DASH}|\d{4}-\d\d-\d\d"
)  # numbers, shares, ranges, nothing, days
_PARAGRAPH = re.compile(r"\n\s*\n")


def page(title: str, subtitle: str, sections: Sequence[Section], language: str = "en") -> str:
    """Return a report as one HTML file.

    Args:
        title: Heading of the page.
        subtitle: One line below it.
        sections: In the order they are read.
        language: Tag of the language that the texts are in.

    Raises:
        ValueError: The picture of a plot is no SVG.
    """
    template = _environment().get_template("report.html.jinja")
    return template.render(title=title, subtitle=subtitle, sections=sections, language=language)


@cache
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined  # noqa: PLC0415 - not needed for `--help`

    made = Environment(
        loader=PackageLoader("assistant.reporting"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters["paragraphs"] = lambda text: [part for part in _PARAGRAPH.split(text) if part.strip()]
    made.filters["shown"] = _shown
    made.filters["inlined"] = inlined
    made.tests["table"] = lambda part: isinstance(part, Table)
    made.tests["plot"] = lambda part: isinstance(part, Plot)
    made.tests["figure"] = _is_figure
    made.tests["several"] = lambda cell: isinstance(cell, tuple)
    made.tests["link"] = lambda cell: isinstance(cell, Link) and cell.opens
    return made


def _is_figure(cell: Cell) -> bool:
    return isinstance(cell, int | float) or (isinstance(cell, str | None) and bool(_FIGURE.fullmatch(_shown(cell))))


def _shown(cell: Cell) -> str:
    if cell is None:
        return "\N{EN DASH}"
    if isinstance(cell, Link):
        return cell.text
    if isinstance(cell, tuple):
        return ", ".join(cell)
    return f"{cell:.3f}" if isinstance(cell, float) else str(cell)
