"""Cut Markdown into blocks: headings, paragraphs, lists, tables and code, each whole."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

SpanKind = Literal["heading", "prose", "list", "code", "table"]

_FENCE = re.compile(r"\s*(`{3,}|~{3,})")
_HEADING = re.compile(r"[ \t]{0,3}#{1,6}[ \t]+\S")
_ITEM = re.compile(r"\s*(?:[-*+]|\d+[.)])\s+")


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of Markdown that stands alone."""

    kind: SpanKind
    text: str


def spans(markdown: str) -> tuple[Span, ...]:
    """Return the blocks of a text in order; fences are whole, list items of one list stay together."""
    found: list[Span] = []
    lines: list[str] = []
    fence = ""
    for line in markdown.split("\n"):
        mark = _FENCE.match(line)
        if fence:
            lines.append(line)
            if mark and mark[1].startswith(fence) and not line.strip().strip(fence[0]):
                _flush(found, lines, "code")
                fence = ""
        elif mark:
            _flush(found, lines)
            lines.append(line)
            fence = mark[1]
        else:
            _read(line, found, lines)
    if fence:  # a fence that the text never closed
        lines.append(fence)
    _flush(found, lines, "code" if fence else None)
    return _lists_joined(found)


def _read(line: str, found: list[Span], lines: list[str]) -> None:
    """Take a line outside code."""
    heading = _HEADING.match(line)
    if heading or not line.strip() or _begins_list(line, lines):
        _flush(found, lines)
    if heading:
        found.append(Span("heading", line.strip()))
    elif line.strip():
        lines.append(line)


def _flush(found: list[Span], lines: list[str], kind: SpanKind | None = None) -> None:
    text = "\n".join(lines).strip("\n")
    if text.strip():
        found.append(Span(kind or _kind(text), text))
    lines.clear()


def _begins_list(line: str, lines: list[str]) -> bool:
    return bool(lines and _ITEM.match(line) and not _ITEM.match(lines[0]))


def _kind(text: str) -> SpanKind:
    if text.lstrip().startswith("|"):
        return "table"
    return "list" if _ITEM.match(text) else "prose"


def _lists_joined(found: list[Span]) -> tuple[Span, ...]:
    joined: list[Span] = []
    for span in found:
        if span.kind == "list" and joined and joined[-1].kind == "list":
            joined[-1] = Span("list", f"{joined[-1].text}\n{span.text}")
        else:
            joined.append(span)
    return tuple(joined)


def items(text: str) -> tuple[str, ...]:
    """Return the items of a list, each with its continuation lines."""
    out: list[str] = []
    for line in text.split("\n"):
        if _ITEM.match(line) or not out:
            out.append(line)
        else:
            out[-1] += f"\n{line}"
    return tuple(out)
