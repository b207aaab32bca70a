"""Writes down what a reader sees of Markdown text, region by region. Pure; a part of `indexing/markdown.py`."""

from __future__ import annotations

import html
import re

from indexing.hidden import ELEMENTS, RAW, UNSEEN, VOID, hiding_selectors, is_hidden, read_tag
from indexing.links import Spans

_ATTRIBUTE = r"\s+[A-Za-z_:@][\w.:@-]*(?:\s*=\s*(?:[^\s\"'=<>`]+|'[^']*'|\"[^\"]*\"))?"
_TAG = rf"</?[A-Za-z][\w-]*(?:{_ATTRIBUTE})*\s*/?>"
_LOOSE_TAG = r"</?[A-Za-z](?:[^<>\"']|\"[^\"]*\"|'[^']*')*>|</?[A-Za-z][^<>]*>"
_MARK = (
    r"(?P<escape>\\[!-/:-@\[-`{{-~])|(?P<code>`+)|(?P<comment><!--)|(?P<declaration><[!?][^>]*>)"
    r"|(?P<autolink><(?:[A-Za-z][A-Za-z0-9+.-]{{1,31}}:[^\s<>]*|[\w.+-]+@[\w-]+\.[\w.-]+)>)|(?P<tag>{tag})"
    r"|(?P<template>\{{\{{[<%](?s:.{{0,500}}?)[%>]\}}\}}|\{{%(?s:.{{0,500}}?)%\}}|\{{:[^{{}}\n]{{0,200}}\}}"
    r"|\{{\{{/\*(?s:.{{0,5000}}?)\*/\}}\}}|\{{/\*(?s:.{{0,5000}}?)\*/\}}|\{{#[^{{}}\n]{{0,500}}#\}})"
    r"|(?P<bracket>!?\[|\])|(?P<entity>&(?:nbsp|amp|lt|gt|quot|apos|mdash|ndash|hellip|[lr]arr|#39|#x27);)"
)
_TEXT_MARK = re.compile(_MARK.format(tag=_TAG))
_HTML_MARK = re.compile(_MARK.format(tag=_LOOSE_TAG))
_COMMENT_END = re.compile(r"--!?>")
_LIQUID_COMMENT = re.compile(r"\{%-?\s*comment\b")
_LIQUID_COMMENT_END = re.compile(r"\{%-?\s*endcomment\s*-?%\}")
_TEMPLATE_TITLE = re.compile(r"\b(?:title|label|header)=[\"']([^\"']+)[\"']")
_HEADINGS = {f"h{level}": "#" * level for level in range(1, 7)}


_BOUNDARY = {  # what stands for a start and an end tag in a block of HTML
    "br": ("\n", ""),
    "hr": ("\n\n", ""),
    "li": ("\n- ", ""),
    "dt": ("\n", ""),
    "dd": ("\n", ""),
    "tr": ("\n", ""),
    "td": (" | ", ""),
    "th": (" | ", ""),
    "pre": ("\n```\n", "\n```\n"),
} | {name: (f"\n\n{mark} ", "\n\n") for name, mark in _HEADINGS.items()}
_PARAGRAPHS = frozenset(
    [
        "address",
        "article",
        "aside",
        "blockquote",
        "body",
        "center",
        "details",
        "dialog",
        "div",
        "dl",
        "fieldset",
        "figcaption",
        "figure",
        "footer",
        "form",
        "header",
        "html",
        "main",
        "nav",
        "ol",
        "p",
        "section",
        "summary",
        "table",
        "tbody",
        "tfoot",
        "thead",
        "ul",
        "caption",
    ]
)


class Visible:
    """Collects what is seen. A hidden element may begin in one region and end in a later one.

    Args:
        references: Labels of the link definitions of the text, normalised.
        components: Tags of unknown elements that begin with a capital letter go (MDX).
    """

    def __init__(self, references: frozenset[str], *, components: bool = False) -> None:
        self._references = references
        self._components = components
        self._parts: list[tuple[bool, str]] = []  # is it code, and what it says
        self._hidden_by = ""  # the element that hides what follows
        self._depth = 0  # elements of that name that are open in it
        self._in_comment = False
        self._hiding: frozenset[str] = frozenset()

    def code(self, source: str) -> None:
        """Take a block of code as it stands."""
        if not (self._hidden_by or self._in_comment):
            self._parts.append((True, source))

    def row(self, source: str) -> None:
        """Take a row of a table: nothing reaches from one cell into the next."""
        cells = [
            " ".join(self._seen(cell, markup=False).split()) for cell in re.split(r"(?<!\\)\|", source.strip("> \t"))
        ]
        indent = source[: len(source) - len(source.lstrip("> \t"))]
        self._parts.append((False, indent + " | ".join(cells).strip()))

    def text(self, source: str, *, markup: bool = False) -> None:
        """Take text; with `markup` a block of HTML, in which Markdown's code spans do not exist."""
        self._parts.append((False, self._seen(source, markup=markup)))
        if self._hidden_by == "p":
            self._hidden_by = ""  # a paragraph ends by itself

    def result(self) -> str:
        """Return all that was seen, without runs of empty lines outside of code."""
        runs: list[tuple[bool, str]] = []
        for is_code, part in self._parts:
            if runs and not is_code and not runs[-1][0]:
                runs[-1] = (False, f"{runs[-1][1]}\n{part}")
            else:
                runs.append((is_code, part))
        return "\n".join(part if is_code else _tidy(part) for is_code, part in runs).strip("\n")

    def _seen(self, source: str, *, markup: bool) -> str:
        spans = Spans(source, self._references, markup=markup)
        mark = _HTML_MARK if markup else _TEXT_MARK
        out: list[str] = []
        position = 0
        while True:
            position = self._after_hidden(spans, position)
            match = mark.search(source, position)
            if match is None:
                return "".join([*out, source[position:]])
            said, end = self._read(match, spans)
            out += [source[position : match.start()], said]
            position = end

    def _read(self, match: re.Match[str], spans: Spans) -> tuple[str, int]:
        """Return what is seen of a mark, and where the text goes on."""
        seen, start, end = match.group(), match.start(), match.end()
        match match.lastgroup:
            case "code":
                end = spans.code_end(start, len(seen)) or end
                seen = spans.source[start:end]
            case "bracket":
                seen, end = spans.brackets.get(start, (seen, end))
            case "tag":
                seen = self._tag(seen, spans, start)
            case "comment":
                self._in_comment = True
                seen, end = "", end - 2  # `<!-->` ends at once
            case "template":
                seen = self._template(seen)
            case "entity":
                seen = html.unescape(seen).replace("\xa0", " ")
            case "autolink":
                seen = seen[1:-1]
            case "declaration":
                seen = ""
        return seen, end

    def _template(self, source: str) -> str:
        """Return what stands for a template tag: the title that it shows, if it has one."""
        if _LIQUID_COMMENT.match(source):
            self._hidden_by = "{%"
        title = _TEMPLATE_TITLE.search(source)
        return f"**{title.group(1)}**" if title else ""

    def _tag(self, source: str, spans: Spans, start: int) -> str:
        """Return what stands for a tag, and note when it hides what follows."""
        is_end = source[1] == "/"
        name = re.split(r"[\s/>]", source.lstrip("</"), maxsplit=1)[0].lower()
        if name not in ELEMENTS:
            is_component = self._components and source.lstrip("</")[:1].isupper()
            return "" if is_component else source
        if is_end:
            return _stand_in(name, 1, markup=spans.markup)
        tag = read_tag(source)
        if is_hidden(tag, self._hiding) or (name in UNSEEN and self._has_end(name, spans.source, start)):
            if name not in VOID:
                self._hidden_by, self._depth = name, 1
            return ""
        if name == "img":
            return spans.caption(tag.attributes.get("alt", ""))
        return _stand_in(name, 0, markup=spans.markup)

    def _has_end(self, name: str, source: str, start: int) -> bool:
        """Return whether an unseen element hides text; `returns <object>` in a sentence does not."""
        return name in RAW or name == "template" or f"</{name}" in source[start:].lower()

    def _after_hidden(self, spans: Spans, position: int) -> int:
        """Return where the text is seen again, or its end."""
        source = spans.source
        while position < len(source) and (self._in_comment or self._hidden_by):
            if self._in_comment:
                end = _COMMENT_END.search(source, position)
                self._in_comment = end is None and spans.markup
                position = end.end() if end else len(source)
            elif self._hidden_by in RAW or self._hidden_by == "{%":
                position = self._after_raw(source, position)
            else:
                position = self._after_element(spans, position)
        return position

    def _after_raw(self, source: str, position: int) -> int:
        name = self._hidden_by
        pattern = _LIQUID_COMMENT_END if name == "{%" else re.compile(rf"</{name}\b[^>]*>", re.IGNORECASE)
        end = pattern.search(source, position)
        if name == "style":
            self._hiding |= hiding_selectors(source[position : end.start() if end else len(source)])
        if end is None:
            return len(source)
        self._hidden_by = ""
        return end.end()

    def _after_element(self, spans: Spans, position: int) -> int:
        """Return the next place in a hidden element at which something may end."""
        name = self._hidden_by
        pattern = re.compile(rf"<!--|`+|<(/?){name}(?=[\s/>])[^>]*>", re.IGNORECASE)
        match = pattern.search(spans.source, position)
        if match is None:
            return len(spans.source)
        if match.group() == "<!--":
            self._in_comment = True
            return match.end() - 2
        if match.group().startswith("`"):
            return spans.code_end(match.start(), len(match.group())) or match.end()
        self._depth += -1 if match.group(1) else 1
        if self._depth == 0:
            self._hidden_by = ""
        return match.end()


def _stand_in(name: str, end: int, *, markup: bool) -> str:
    if not markup:
        return " " if name == "br" else ""
    if name in _PARAGRAPHS:
        return "\n"
    return _BOUNDARY.get(name, ("", ""))[end]


def _tidy(text: str) -> str:
    text = re.sub(r"[ \t]+(?=\n|\Z)", "", text)
    return re.sub(r"\n{3,}", "\n\n", text)
