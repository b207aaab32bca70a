"""Masks secrets: a whole value is replaced by its kind, and nothing of it is kept, not even a hash.

Rule files for source code (betterleaks, see `adapters/secret_scanner.py`) know the vendors' token formats. Our own
patterns (`secret_tokens.py`, `secret_phrases.py`) add what people paste into chat: passwords in many languages,
credentials in addresses, keys that were cut off, tokens wrapped over two lines.

Every pattern starts at a literal and is bounded, so the time is linear in the text.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from assistant.core.secret_phrases import phrase_spans
from assistant.core.secret_tokens import private_key_spans, token_spans
from assistant.core.secret_words import Span, lowered
from indexing.model import Cleaned

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

KEPT = re.compile(r"\[secret removed: [a-z0-9_]+\]")
"""What stands for a removed secret."""
_ROUNDS = 4


def mask_with(text: str, find: Callable[[str], Iterable[Span]]) -> Cleaned:
    """Replace what `find` finds by `[secret removed: KIND]` until nothing more is found.

    A removal can bring a word and a value together that were apart before; going round until nothing changes makes the
    whole idempotent.

    Args:
        text: Cleaned text (`safety.clean`), in which nothing invisible splits a value.
        find: Yields spans in any order, overlapping ones too; of spans that begin together the first one's kind counts.
    """
    kinds: list[str] = []
    for _ in range(_ROUNDS):
        marks = [mark.span() for mark in KEPT.finditer(text)]
        spans = _outside(marks, merged(find(text)))
        if not spans:
            break
        kinds += [span.kind for span in spans]
        text = _replaced(text, spans)
    return Cleaned(text, tuple(kinds))


def own_spans(text: str) -> Iterator[Span]:
    """Yield the secrets that our own patterns find, in no order, possibly overlapping."""
    low = lowered(text)
    yield from token_spans(text)
    if "private" in low:
        yield from private_key_spans(text)
    yield from phrase_spans(text, low)


def merged(spans: Iterable[Span]) -> list[Span]:
    """Join overlapping spans; of spans that begin together the kind is the first given one's, so own kinds win."""
    out: list[Span] = []
    for span in sorted(spans, key=lambda span: span.start):
        if out and span.start < out[-1].end:
            out[-1] = Span(out[-1].start, max(out[-1].end, span.end), out[-1].kind)
        else:
            out.append(span)
    return out


def _outside(marks: list[tuple[int, int]], spans: list[Span]) -> list[Span]:
    """Return the spans that touch no mark; both lists are sorted."""
    out, at = [], 0
    for span in spans:
        while at < len(marks) and marks[at][1] <= span.start:
            at += 1
        if at == len(marks) or marks[at][0] >= span.end:
            out.append(span)
    return out


def _replaced(text: str, spans: list[Span]) -> str:
    pieces, at = [], 0
    for span in spans:
        pieces += [text[at : span.start], f"[secret removed: {span.kind}]"]
        at = span.end
    return "".join([*pieces, text[at:]])
