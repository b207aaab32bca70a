"""Cut Markdown into pieces that can be quoted alone: sentences, lists, tables and code blocks, each whole."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

SpanKind = Literal["heading", "prose", "list", "code", "table"]

_FENCE = re.compile(r"\s*(`{3,}|~{3,})")
_ITEM = re.compile(r"\s*(?:[-*+]|\d+[.)])\s+")
_END = re.compile(
    r"(?<=[.!?…])[\"'”’)\]*_]*\s+(?=[^\Wa-z]|[\"'“‘(\[*_`#>-])"  # a new sentence begins with no small letter
    r"|(?<=[。！？])"
)
_ABBREVIATION = re.compile(r"(?:\b(?:e\.g|i\.e|etc|vs|cf|approx|no|z\.\s?B|d\.\s?h|bzw|ca|Nr|Dr|Mr|Mrs)\.|\b[A-Z]\.)$")


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of Markdown that stands alone."""

    kind: SpanKind
    text: str


def spans(markdown: str) -> tuple[Span, ...]:
    """Return the blocks of a text in order; fences are whole, list items of one list stay together."""
    found: list[Span] = []
    lines: list[str] = []

    def flush() -> None:
        text = "\n".join(lines).strip("\n")
        if text.strip():
            found.append(Span(_kind(text), text))
        lines.clear()

    closing = ""
    for line in markdown.split("\n"):
        mark = _FENCE.match(line)
        if closing:
            lines.append(line)
            if mark and mark[1].startswith(closing) and not line.strip().strip(closing[0]):
                found.append(Span("code", "\n".join(lines)))
                lines.clear()
                closing = ""
            continue
        if mark:
            flush()
            closing = mark[1]
            lines.append(line)
        elif not line.strip() or line.lstrip().startswith("#"):
            flush()
            if line.strip():
                found.append(Span("heading", line.strip()))
        else:
            if lines and bool(_ITEM.match(line)) and not _ITEM.match(lines[0]):
                flush()
            lines.append(line)
    if closing:  # a fence that the text never closed
        lines.append(closing)
        found.append(Span("code", "\n".join(lines)))
    else:
        flush()
    return _lists_joined(found)


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


def sentences(prose: str) -> tuple[str, ...]:
    """Return the sentences of a paragraph, in English, German, Chinese or Japanese; joined by a blank they are it."""
    out: list[str] = []
    for piece in _END.split(" ".join(prose.split())):
        text = piece.strip()
        if not text:
            continue
        if out and _ABBREVIATION.search(out[-1]):
            out[-1] = f"{out[-1]} {text}"
        else:
            out.append(text)
    return tuple(out)


def items(text: str) -> tuple[str, ...]:
    """Return the items of a list, each with its continuation lines."""
    out: list[str] = []
    for line in text.split("\n"):
        if _ITEM.match(line) or not out:
            out.append(line)
        else:
            out[-1] += f"\n{line}"
    return tuple(out)
