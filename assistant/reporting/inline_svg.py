"""SVG text -> a part of an HTML page: named and described, with ids of its own, in the page's colour."""

from __future__ import annotations

import re
from html import escape
from typing import TYPE_CHECKING, Final
from xml.etree import ElementTree as ET

if TYPE_CHECKING:
    from assistant.reporting.parts import Plot

FOREGROUND: Final = "#010203"
"""Colour that a plot draws text and axes in; becomes the colour of the page's text, light or dark."""

_SVG = "http://www.w3.org/2000/svg"
_XLINK = "{http://www.w3.org/1999/xlink}href"
_KEPT = {"svg", "g", "defs", "path", "use", "clipPath", "rect", "line", "circle", "polygon", "polyline", "pattern"}
_KEPT |= {"text", "tspan"}
_LOCAL = re.compile(r"url\(#([^)]*)\)")
_ELSEWHERE = re.compile(r"url\((?!#)[^)]*\)|javascript:", re.IGNORECASE)


def inlined(plot: Plot, number: int) -> str:
    """Return the picture of a plot as markup for the page.

    Only drawing and text stay: scripts, styles of the whole page, metadata and addresses of elsewhere are left out.

    Args:
        plot: With SVG by `assistant.reporting.plots`.
        number: Unique in the page; ids start with it.

    Raises:
        ValueError: It is no SVG.
    """
    from markupsafe import Markup  # noqa: PLC0415 - not needed for `--help`

    try:
        root = ET.fromstring(plot.svg)  # noqa: S314 - drawn by this program; entities are not resolved
    except ET.ParseError as error:
        raise ValueError(f"the picture of {plot.title!r} is no SVG: {error}") from error
    if root.tag != f"{{{_SVG}}}svg":
        raise ValueError(f"the picture of {plot.title!r} is no SVG: it starts with {root.tag}")
    prefix = f"p{number}-"
    _clean(root, prefix)
    for name in ("width", "height", "version"):
        root.attrib.pop(name, None)
    root.set("role", "img")
    root.set("aria-labelledby", f"{prefix}title {prefix}desc")
    width = root.get("viewBox", "0 0 600 300").split()[2]
    root.set("style", f"stroke-linejoin: round; stroke-linecap: butt; max-width: calc({width}px * 1.3)")
    for position, (name, text) in enumerate((("title", plot.title), ("desc", plot.described))):
        element = ET.Element(f"{{{_SVG}}}{name}", {"id": f"{prefix}{name}"})
        element.text = text
        root.insert(position, element)
    ET.register_namespace("", _SVG)
    text = ET.tostring(root, encoding="unicode").replace(FOREGROUND, "currentColor")
    return Markup(text)  # noqa: S704 - every text in it was escaped by the serialiser


def _clean(element: ET.Element, prefix: str) -> None:
    for child in list(element):
        if str(child.tag).removeprefix(f"{{{_SVG}}}") not in _KEPT:
            element.remove(child)
        else:
            _clean(child, prefix)
    for name, value in list(element.attrib.items()):
        kept = _attribute(name, value, prefix)
        del element.attrib[name]
        if kept is not None:
            element.set(*kept)


def _attribute(name: str, value: str, prefix: str) -> tuple[str, str] | None:
    """Return an attribute as it stands in the page; None for what is left out."""
    if name == "id":
        return name, prefix + value
    if name in {_XLINK, "href"}:
        return ("href", "#" + prefix + value[1:]) if value.startswith("#") else None
    if name.startswith("{") or name.lower().startswith("on") or _ELSEWHERE.search(value):
        return None
    return name, _LOCAL.sub(lambda match: f"url(#{prefix}{escape(match[1])})", value)
