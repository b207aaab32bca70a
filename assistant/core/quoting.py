"""An answer without a model: the spans of the best passages that speak of the question, word for word."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from assistant.core.model import Claim, Draft, Question
from assistant.core.spans import Span, items, sentences, spans
from assistant.core.terms import terms

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from indexing.model import Passage

NAME = "extractive"
DOCUMENTS = 3
WORDS = 90
"""Words quoted of one passage; a code block, list or table that belongs to them is kept whole up to twice as many."""
_CLOSE = 0.35  # a further document must speak of the question at least this much as well as the best one
_RESOLUTION = 1.3  # what solved an issue is what the asker came for
_COMPLAINT = 0.6


@dataclass(frozen=True, slots=True)
class _Piece:
    """A span with its score for the question."""

    span: Span
    score: float
    words: int


class Extractive:
    """Quotes passages; implements `ports.LanguageModel`."""

    name = NAME

    def draft(
        self, question: Question, passages: Sequence[Passage], on_text: Callable[[str], None] | None = None
    ) -> tuple[Draft, str]:
        """Return quotations of up to three documents, best first, and no prompt."""
        claims = quoted(question.full_text, passages)
        if on_text is not None:
            for claim in claims:
                on_text(claim.text + "\n\n")
        return Draft(claims, found=bool(claims), written_by=NAME), ""


def quoted(question: str, passages: Sequence[Passage]) -> tuple[Claim, ...]:
    """Return one claim for each of the best documents: its spans that speak of the question.

    Args:
        question: Cleaned text.
        passages: Best first.
    """
    weights = _weights(question, passages)
    chosen: list[tuple[float, Claim]] = []
    seen: set[str] = set()
    ordered = sorted(passages, key=lambda passage: not passage.confirmed)  # stable: rank within each
    for passage in ordered:
        if passage.chunk.document in seen or len(chosen) == DOCUMENTS:
            continue
        score, text = _best_window(passage, weights)
        if text and (not chosen or score >= _CLOSE * max(chosen)[0]):
            seen.add(passage.chunk.document)
            chosen.append((score, Claim(text, (passage.n,))))
    return tuple(claim for _, claim in chosen)


def _weights(question: str, passages: Sequence[Passage]) -> Mapping[str, float]:
    """Weigh the question's terms: rare among the passages counts more, and so does the first line."""
    asked = terms(question)
    first = set(terms(question.strip().split("\n", 1)[0]))
    held = Counter(term for passage in passages for term in set(terms(passage.chunk.embedded_text)))
    return {
        term: math.log(1 + (len(passages) + 1) / (1 + held[term])) * (2.0 if term in first else 1.0)
        for term in set(asked)
    }


def _best_window(passage: Passage, weights: Mapping[str, float]) -> tuple[float, str]:
    """Return the best run of spans of a passage within the room, and its score."""
    pieces = _pieces(passage, weights)
    best: tuple[float, list[_Piece]] = (0.0, [])
    for start in range(len(pieces)):
        run: list[_Piece] = []
        length = 0
        for piece in pieces[start:]:
            room = WORDS if piece.span.kind == "prose" else 2 * WORDS
            if run and length + piece.words > room:
                break
            run.append(piece)
            length += piece.words
            score = sum(one.score for one in run) / (1 + length / (4 * WORDS))
            if score > best[0]:
                best = (score, list(run))
    if not best[1] and pieces:
        best = (0.01, _opening(pieces))
    return best[0] + sum(weights.get(term, 0.0) for term in set(terms(" ".join(passage.chunk.headings)))), _joined(
        _with_what_follows(best[1], pieces)
    )


def _opening(pieces: list[_Piece]) -> list[_Piece]:
    run: list[_Piece] = []
    length = 0
    for piece in pieces:
        if run and length + piece.words > WORDS:
            break
        run.append(piece)
        length += piece.words
    return run


def _with_what_follows(run: list[_Piece], pieces: list[_Piece]) -> list[_Piece]:
    """Add the block that a last line ending in a colon announces; drop the line where none follows."""
    if not run or not run[-1].span.text.rstrip(" *_").endswith((":", "：")):
        return run
    after = next((n + 1 for n, piece in enumerate(pieces) if piece is run[-1]), len(pieces))
    if after < len(pieces) and pieces[after].words <= 2 * WORDS:
        return [*run, pieces[after]]
    return run[:-1] or run


def _pieces(passage: Passage, weights: Mapping[str, float]) -> list[_Piece]:
    factor = _factor(passage.chunk.headings[-1])
    found: list[_Piece] = []
    for span in spans(passage.chunk.text):
        if span.kind == "heading":
            factor = _factor(span.text.lstrip("# "))
            continue
        for part in _parts(span):
            score = factor * sum(weights.get(term, 0.0) for term in set(terms(part.text)))
            found.append(_Piece(part, score, _length(part.text)))
    return found


def _factor(heading: str) -> float:
    return {"resolution": _RESOLUTION, "problem": _COMPLAINT, "discussion": 0.9}.get(heading.casefold(), 1.0)


def _parts(span: Span) -> list[Span]:
    if span.kind == "prose":
        return [Span("prose", text) for text in sentences(span.text)]
    if span.kind == "list" and _length(span.text) > WORDS:
        return [Span("list", text) for text in items(span.text)]
    if span.kind == "table" and _length(span.text) > 2 * WORDS:
        head, *rows = span.text.split("\n")
        return [Span("table", "\n".join([head, *rows[:8]]))]
    return [span]


def _length(text: str) -> int:
    """Words; two characters of a language without spaces count as one."""
    spaced = len(text.split())
    unspaced = sum("\u3040" <= character <= "\u9fff" for character in text)
    return spaced + unspaced // 2


def _joined(run: list[_Piece]) -> str:
    """Join spans as Markdown: sentences of a paragraph with a blank, blocks with an empty line."""
    out = ""
    before = ""
    for piece in run:
        kind = piece.span.kind
        gap = "" if not out else " " if kind == before == "prose" else "\n" if kind == before == "list" else "\n\n"
        out += gap + piece.span.text
        before = kind
    return out
