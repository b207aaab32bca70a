"""The text of an answer with its marks, and the citations below it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from assistant.core.claims import unfenced
from assistant.core.harmless import harmless
from assistant.core.model import Citation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from indexing.model import Passage

    Said = tuple[str, Sequence[Passage], Sequence[Sequence[str]]]
    """A claim, the passages that support it, and what of each of them it stands on."""

QUOTE_MAX = 300
"""Characters of a citation's quote."""


def written(kept: Sequence[Said]) -> tuple[str, tuple[Citation, ...]]:
    """Return Markdown with `[n]` marks, numbered from 1 in order of appearance, and one citation for each passage."""
    numbers_of: dict[int, int] = {}
    citations: list[Citation] = []
    lines: list[str] = []
    for claim, cited, quotes in kept:
        for passage, quote in zip(cited, quotes, strict=True):
            if passage.n not in numbers_of:
                numbers_of[passage.n] = len(numbers_of) + 1
                citations.append(_citation(numbers_of[passage.n], passage, quote))
        lines.append(_marked(harmless(claim, cited), [numbers_of[passage.n] for passage in cited]))
    return "\n\n".join(lines), tuple(citations)


def _citation(n: int, passage: Passage, quote: Sequence[str]) -> Citation:
    text = _cut(harmless(_one_text(quote), [passage]))
    return Citation(n, passage.title, passage.url, passage.chunk.document, text, passage.chunk.id)


def _one_text(pieces: Sequence[str]) -> str:
    """Join neighbouring sentences with blanks, and blocks, without their fences, on lines of their own."""
    out = ""
    for piece in pieces:
        text = unfenced(piece)
        gap = "\n" if "\n" in text or "\n" in out or text != piece else " "
        out += (gap if out else "") + text
    return out


def _cut(quote: str) -> str:
    return quote if len(quote) <= QUOTE_MAX else quote[: QUOTE_MAX - 1].rstrip() + "…"


def _marked(text: str, numbers: Sequence[int]) -> str:
    marks = "".join(f"[{n}]" for n in sorted(set(numbers)))
    last = text.rsplit("\n", 1)[-1].strip()
    block = last.startswith(("```", "~~~", "|", "- ", "* ", "+ ")) or re.match(r"\d+[.)]\s", last)
    return f"{text}\n\n{marks}" if block else f"{text} {marks}"
