"""Where code spans and links stand in a piece of Markdown text. Pure; a part of `indexing/visible.py`."""

from __future__ import annotations

import bisect
import functools
import re

from markdown_it.common.utils import normalizeReference

_PARAGRAPH_LIMIT = 200_000  # characters up to which links are looked for: nobody writes such a paragraph by hand
_LABEL_LIMIT = 999  # characters of a label, as in CommonMark
_BACKTICKS = re.compile(r"`+")
_BRACKET = re.compile(r"\\.|`+|!?\[|\]", re.DOTALL)
_TARGET = re.compile(
    r"\(\s*(?:<[^<>\n]*>|\{%[^%]*%\}[^\s()]*|\{\{[^{}]*\}\}[^\s()]*|(?:[^\s()\\]|\\.|\((?:[^\s()\\]|\\.)*\))*)"
    r"(?:\s+(?:\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'|\((?:[^()\\]|\\.)*\)))?\s*\)(?:\{:?[^{}\n]*\})?"
)
_LABEL = re.compile(r"\[([^\[\]]{0,999})\]")
_NO_CAPTION = re.compile(r"[\w./ -]+\.(?:png|jpe?g|gif|svg|webp)|image\d*|img|screenshot|alt(?: text)?|", re.IGNORECASE)


class Spans:
    """Code spans and links of one paragraph, found when they are first asked for, in linear time.

    Args:
        source: The paragraph.
        references: Labels of the link definitions of the whole text, normalised.
        markup: The paragraph is a block of HTML: it has no code spans.
    """

    def __init__(self, source: str, references: frozenset[str], *, markup: bool) -> None:
        self.source = source
        self.markup = markup
        self._references = references

    def code_end(self, start: int, length: int) -> int:
        """Return where the code span ends that a run of backticks begins, or 0 when it begins none."""
        if self.markup:
            return 0
        starts = self._runs.get(length, [])
        following = bisect.bisect_right(starts, start)
        return starts[following] + length if following < len(starts) else 0

    @functools.cached_property
    def brackets(self) -> dict[int, tuple[str, int]]:
        """Where a bracket of a link or image stands: what is seen in its place, and where the text goes on."""
        found: dict[int, tuple[str, int]] = {}
        opened: list[tuple[int, int]] = []
        position = 0 if len(self.source) <= _PARAGRAPH_LIMIT and "]" in self.source else len(self.source)
        while match := _BRACKET.search(self.source, position):
            position = match.end()
            mark = match.group()
            if mark.startswith("`"):
                position = self.code_end(match.start(), len(mark)) or position
            elif mark.endswith("["):
                opened.append(match.span())
            elif mark == "]" and opened:
                start, inside = opened.pop()
                if end := self._link_end(inside, match.start()):
                    position = end
                    found |= self._shortened(start, inside, match.start(), end)
        return found

    def caption(self, alternative: str) -> str:
        """Return the text that stands for an image, empty when it only names a file."""
        plain = " ".join(alternative.split())
        return "" if _NO_CAPTION.fullmatch(plain) else plain

    @functools.cached_property
    def _runs(self) -> dict[int, list[int]]:
        runs: dict[int, list[int]] = {}
        for match in _BACKTICKS.finditer(self.source):
            runs.setdefault(len(match.group()), []).append(match.start())
        return runs

    def _shortened(self, start: int, inside: int, close: int, end: int) -> dict[int, tuple[str, int]]:
        if self.source[start] == "!" and not self.caption(self.source[inside:close]):
            return {start: ("", end)}
        return {start: ("", inside), close: ("", end)}

    def _link_end(self, inside: int, close: int) -> int:
        """Return where the link ends whose label stands from `inside` to `close`, or 0 when it is none."""
        if target := _TARGET.match(self.source, close + 1):
            return target.end()
        if not self._references:
            return 0
        label = _LABEL.match(self.source, close + 1)
        if label and (not label.group(1) or self._is_defined(label.group(1))):
            own = not label.group(1)
            return label.end() if not own or self._is_defined(self.source[inside:close]) else 0
        return close + 1 if self._is_defined(self.source[inside:close]) else 0

    def _is_defined(self, label: str) -> bool:
        return len(label) <= _LABEL_LIMIT and normalizeReference(label) in self._references
