"""Which HTML elements a reader does not see, and what is left of those a reader sees. Pure."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from html.parser import HTMLParser

UNSEEN = frozenset(
    [
        "script",
        "style",
        "template",
        "iframe",
        "object",
        "embed",
        "noscript",
        "noembed",
        "noframes",
        "svg",
        "math",
        "head",
        "canvas",
        "audio",
        "video",
    ]
)
"""Elements whose content is code, or is shown only where something else is not."""

RAW = frozenset({"script", "style", "iframe", "noembed", "noframes"})
"""Elements in which nothing but their own end tag counts."""

VOID = frozenset(
    ["area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr"]
)
"""Elements that hold nothing and have no end tag."""

_INLINE = frozenset(
    [
        "a",
        "abbr",
        "b",
        "bdi",
        "bdo",
        "big",
        "cite",
        "code",
        "data",
        "del",
        "dfn",
        "em",
        "font",
        "i",
        "ins",
        "kbd",
        "label",
        "mark",
        "q",
        "rp",
        "rt",
        "ruby",
        "s",
        "samp",
        "small",
        "span",
        "strike",
        "strong",
        "sub",
        "sup",
        "time",
        "tt",
        "u",
        "var",
        "button",
    ]
)
_BLOCK = frozenset(
    [
        "address",
        "article",
        "aside",
        "blockquote",
        "body",
        "caption",
        "center",
        "colgroup",
        "dd",
        "details",
        "dialog",
        "div",
        "dl",
        "dt",
        "fieldset",
        "figcaption",
        "figure",
        "footer",
        "form",
        "header",
        "hgroup",
        "html",
        "legend",
        "li",
        "main",
        "menu",
        "nav",
        "ol",
        "optgroup",
        "option",
        "p",
        "pre",
        "section",
        "select",
        "summary",
        "table",
        "tbody",
        "td",
        "tfoot",
        "th",
        "thead",
        "title",
        "tr",
        "ul",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "textarea",
    ]
)
ELEMENTS = _INLINE | _BLOCK | UNSEEN | VOID
"""What counts as HTML. Anything else in angle brackets (`<your-token>`) is a placeholder and stays text."""

_CSS_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_CSS_ESCAPE = re.compile(r"\\([0-9a-f]{1,6})\s?")
_CSS_RULE = re.compile(r"([^{}]+)\{([^{}]*)\}")
_WHITE = (
    r"(?:#fff(?:f|fff|fffff)?|white|transparent|rgba?\(255,255,255(?:,[\d.]+)?\)|rgba\([\d,.]*,0?\.?0+\))(?![\w.#])"
)
_HIDING = re.compile(
    r"(?:^|;)(?:display:none|visibility:(?:hidden|collapse)|content-visibility:hidden|opacity:0*\.?0+(?![\d.]*[1-9])"
    r"|(?:font-size|line-height|zoom):0*\.?0*(?:[a-z%]*)(?:!|;|$)|(?:max-)?(?:width|height):0(?:px|em|%)?(?:!|;|$)"
    r"|font:[^;]*(?<![\d.])0(?:px|em|pt|%)|transform:scale\(0|clip:rect\(0|clip-path:(?:inset\((?:50|100)%|circle\(0)"
    r"|(?:left|top|right|text-indent|margin-left|margin-top):-\d{3,}|color:" + _WHITE + ")"
)
_OTHER_BACKGROUND = re.compile(r"(?:^|;)background(?:-color)?:(?!" + _WHITE + "|none|inherit)")
_WHITE_TEXT = re.compile(r"(?:^|;)color:" + _WHITE)
_HIDING_CLASSES = frozenset(
    ["hidden", "invisible", "d-none", "hide", "visually-hidden", "sr-only", "gl-hidden", "is-hidden"]
)


@dataclass(frozen=True, slots=True)
class Tag:
    """A start tag, or an end tag with no attributes. Names are in lower case, attribute values decoded."""

    name: str
    attributes: dict[str, str]


class _TagReader(HTMLParser):
    """Reads one start tag the way browsers do."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tag = Tag("", {})

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        first: dict[str, str] = {}
        for name, value in attrs:
            first.setdefault(name, value or "")  # of two equal attributes the first counts
        self.tag = Tag(tag, first)


def read_tag(source: str) -> Tag:
    """Return a start tag from its source, such as `<p hidden>`."""
    reader = _TagReader()
    reader.feed(source)
    return reader.tag


def is_hidden(tag: Tag, hiding: frozenset[str] = frozenset()) -> bool:
    """Return whether a reader does not see the element.

    Args:
        tag: Its start tag.
        hiding: Classes (`.name`) and ids (`#name`) that a style sheet in the text hides.
    """
    attributes = tag.attributes
    if "hidden" in attributes or attributes.get("aria-hidden", "").strip().lower() == "true":
        return True
    if tag.name == "input" or (tag.name == "font" and _hides(f"color:{attributes.get('color', '')}")):
        return True
    classes = set(attributes.get("class", "").split())
    named = {f".{name}" for name in classes} | {f"#{attributes.get('id', '')}"}
    return bool(classes & _HIDING_CLASSES or named & hiding) or _hides(attributes.get("style", ""))


def hiding_selectors(style_sheet: str) -> frozenset[str]:
    """Return the classes, ids and elements that a style sheet hides."""
    rules = _CSS_RULE.findall(_CSS_COMMENT.sub("", style_sheet))
    names = [name.strip() for selectors, body in rules if _hides(body) for name in selectors.split(",")]
    return frozenset(name for name in names if re.fullmatch(r"[.#][\w-]+", name))


def _hides(style: str) -> bool:
    plain = _CSS_COMMENT.sub("", html.unescape(style).lower())
    plain = _CSS_ESCAPE.sub(lambda match: chr(min(int(match.group(1), 16), 0xFFFF)), plain)
    plain = re.sub(r"\s+", "", plain)
    if not _HIDING.search(plain):
        return False
    only_white = not _HIDING.search(_WHITE_TEXT.sub(";", plain))
    return not (only_white and _OTHER_BACKGROUND.search(plain))
