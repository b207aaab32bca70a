"""Markdown with comrak, the engine family GitLab renders with, and the text its reference filters look at."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import comrak
import nh3
from bs4 import BeautifulSoup, Tag

if TYPE_CHECKING:
    from collections.abc import Iterator

_EXTENSIONS = (
    "alerts",
    "autolink",
    "cjk_friendly_emphasis",
    "description_lists",
    "footnotes",
    "math_code",
    "math_dollars",
    "multiline_block_quotes",
    "strikethrough",
    "table",
    "tasklist",
    "wikilinks_title_before_pipe",
)
_RENDERING = ("escaped_char_spans", "full_info_string", "github_pre_lang", "sourcepos", "tasklist_classes")
_UNTOUCHED = ("pre", "code", "a", "style")
"""Elements whose text GitLab searches for no reference."""

_NAME = r"(?:[a-zA-Z0-9_.][a-zA-Z0-9_.-]{0,254}[a-zA-Z0-9_-]|[a-zA-Z0-9_])"
MENTION = re.compile(rf"(?<!\w)@({_NAME}(?:/{_NAME}){{0,20}})")
CROSS_REFERENCE = re.compile(r"(?<![\w#])#\d+|(?<!\w)!\d+|(?<!\w)&\d+|(?<!\w)%\w+|(?<!\w)~\w+|\b[0-9a-f]{7,40}\b")


def render(text: str, *, raw_html: bool) -> str:
    """Return the text as HTML with source positions, not sanitised; carriage returns are dropped as GitLab does.

    Args:
        text: Markdown.
        raw_html: Pass HTML blocks through; else they become comments.
    """
    extensions, parsing, rendering = comrak.ExtensionOptions(), comrak.ParseOptions(), comrak.RenderOptions()
    for name in _EXTENSIONS:
        setattr(extensions, name, True)
    for name in _RENDERING:
        setattr(rendering, name, True)
    parsing.relaxed_autolinks = True
    parsing.relaxed_tasklist_matching = True
    rendering.unsafe_ = raw_html
    html: str = comrak.render_markdown(
        text.replace("\r", ""), extension_options=extensions, parse_options=parsing, render_options=rendering
    )
    return html


def top_paragraphs(text: str) -> Iterator[tuple[int, int, str]]:
    """Yield (first line, last line, visible text) of each paragraph that stands in nothing else; lines from 0."""
    for element in BeautifulSoup(render(text, raw_html=False), "html.parser").children:
        if not isinstance(element, Tag) or element.name != "p":
            continue
        span = re.fullmatch(r"(\d+):\d+-(\d+):\d+", str(element.get("data-sourcepos", "")))
        if span:
            yield int(span[1]) - 1, int(span[2]) - 1, element.get_text()


def _referring_texts(text: str) -> Iterator[str]:
    for piece in BeautifulSoup(render(text, raw_html=True), "html.parser").find_all(string=True):
        if not any(parent.name in _UNTOUCHED for parent in piece.parents):
            yield str(piece)


def references(text: str) -> list[tuple[str, str]]:
    """Return what GitLab would look up: ("mention", name) and ("reference", text) in order."""
    found: list[tuple[str, str]] = []
    for piece in _referring_texts(text):
        found += [("mention", name) for name in MENTION.findall(piece)]
        found += [("reference", name) for name in CROSS_REFERENCE.findall(piece)]
    return found


def safe_html(text: str) -> str:
    """Return the text as sanitised HTML for a page: no images, no scripts, no styles; links carry no referrer."""
    tags = nh3.ALLOWED_TAGS - {"img", "map", "area", "style"} | {"input"}
    attributes = {
        "a": {"href", "title"},
        "code": {"class"},
        "pre": {"lang"},
        "th": {"align"},
        "td": {"align"},
        "input": {"checked"},
        "ol": {"start"},
    }
    return nh3.clean(
        render(text, raw_html=True),
        tags=tags,
        attributes=attributes,
        set_tag_attribute_values={"input": {"type": "checkbox", "disabled": ""}},
        url_schemes={"http", "https", "mailto"},
        link_rel="noopener noreferrer nofollow",
    )
