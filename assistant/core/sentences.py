"""Splits Markdown prose into sentences, for drafts and for cutting passages.

English, German, Chinese and Japanese. No library fits: pysbd and syntok know neither Markdown nor citation marks, and a
mark that follows a full stop (`… again. [1]`) must stay with its sentence.
"""

# ruff: noqa: RUF001 - Chinese and Japanese punctuation is what is looked for here

from __future__ import annotations

import re
from dataclasses import dataclass

_FENCE = re.compile(r"[ \t]{0,12}(?:>[ \t]?)?(`{3,}|~{3,})")
_LIST_MARK = re.compile(r"[ \t]{0,12}(?:[-*+•]|\d{1,3}[.)])[ \t]+")
_LINE_OF_ITS_OWN = re.compile(r"[ \t]{0,3}(?:#{1,6}[ \t]|\||>)")
_INLINE_CODE = re.compile(r"(`{1,3})(?!`)[^\n]{1,400}?(?<!`)\1(?!`)")
_NOTHING_BUT_MARKS = re.compile(r"[\s.,;。]*(?:[\[［【(][^\]］】)\n]{1,40}[\]］】)][\s.,;。]*)+")

_MARKS = r"(?:[ \t]*(?:\[(?:[^\[\]\n]{0,12}\d[^\[\]\n]{0,20})\]|【[^【】\n]{1,24}】|［[^［］\n]{1,24}］)(?!\())"
_CLOSERS = r"[\"'”’»«)\]」』）]"
_END = re.compile(
    rf"(?:[.!?…]{{1,20}}{_CLOSERS}{{0,3}}{_MARKS}{{0,8}}[.]?(?=\s+[^\sa-zäöüß,;:]|\s*$)"
    rf"|[。！？]{{1,20}}{_CLOSERS}{{0,3}}{_MARKS}{{0,8}}[。]?)"
)
_NO_END = re.compile(
    r"(?:^|[\s(\"'„“])(?:e\.g|i\.e|etc|vs|cf|no|nos|fig|eq|sec|vol|approx|incl|dr|mr|mrs|ms|prof|st|z\. ?b|d\. ?h"
    r"|u\. ?a|o\. ?ä|i\. ?d\. ?r|s\. ?o|s\. ?u|bzw|ca|nr|usw|ggf|inkl|vgl|evtl|abs|bspw|min|max|std|[a-z]|\d{1,2})\.$",
    re.IGNORECASE,
)
"""What ends in a full stop without ending a sentence: abbreviations, initials, ordinals (`am 3. Mai`)."""


@dataclass(frozen=True, slots=True)
class Unit:
    """A sentence, heading, table row or fenced code block, as it stands in the text.

    Attributes:
        paragraph: Number of the paragraph or list item it belongs to, from 0.
        is_code: A fenced block, whole.
    """

    text: str
    paragraph: int
    is_code: bool = False


def units(text: str) -> list[Unit]:
    """Return the sentences and code blocks of Markdown text in order; blank lines are dropped, nothing else is lost."""
    found: list[Unit] = []
    for number, (is_code, block) in enumerate(_blocks(text)):
        pieces = [block] if is_code else sentences(block)
        found += [Unit(piece, number, is_code) for piece in pieces]
    return found


def sentences(paragraph: str) -> list[str]:
    """Split one paragraph or list item; the citation marks behind a full stop stay with their sentence."""
    masked = _INLINE_CODE.sub(lambda code: "x" * len(code[0]), paragraph)  # a full stop in code ends nothing
    found, start = [], 0
    for end in _END.finditer(masked):
        # 12 characters hold the longest abbreviation; a bound keeps the time linear
        if end.end() < len(masked) and end[0] == "." and _NO_END.search(masked, max(start, end.end() - 12), end.end()):
            continue
        found.append(paragraph[start : end.end()].strip())
        start = end.end()
    return [piece for piece in (*found, paragraph[start:].strip()) if piece]


def is_marks_only(text: str) -> bool:
    """Tell whether a piece holds nothing but citation marks."""
    return bool(_NOTHING_BUT_MARKS.fullmatch(text))


def _blocks(text: str) -> list[tuple[bool, str]]:
    """Split into (is code, block): fenced code, headings, table rows and list items apart; an open fence runs on."""
    blocks: list[tuple[bool, str]] = []
    lines: list[str] = []
    fence = ""
    for line in text.split("\n"):
        opened = _FENCE.match(line)
        if fence:
            lines.append(line)
            if opened and opened[1][0] == fence[0] and len(opened[1]) >= len(fence) and line.strip(" \t>") == opened[1]:
                _close(blocks, lines, is_code=True)
                fence = ""
        elif opened:
            _close(blocks, lines)
            lines.append(line)
            fence = opened[1]
        elif not line.strip():
            _close(blocks, lines)
        elif _LINE_OF_ITS_OWN.match(line):
            _close(blocks, lines)
            blocks.append((False, line.strip()))
        else:
            if _LIST_MARK.match(line):
                _close(blocks, lines)
            lines.append(line)
    _close(blocks, lines, is_code=bool(fence))
    return blocks


def _close(blocks: list[tuple[bool, str]], lines: list[str], *, is_code: bool = False) -> None:
    if lines:
        blocks.append((is_code, "\n".join(lines) if is_code else "\n".join(lines).strip()))
        lines.clear()
