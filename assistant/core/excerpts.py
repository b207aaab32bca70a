"""The excerpt of a passage that speaks of a question, word for word: sentences, lists, tables and code, each whole."""

# ruff: noqa: RUF001 - punctuation of other languages is what is looked for here

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from assistant.core.sentences import sentences
from assistant.core.spans import Span, items, spans
from assistant.core.terms import terms
from indexing.phrases import seeks_help

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from indexing.model import Passage

_REPEATED = 0.1  # share that a term brings when an excerpt says it once more
_HEADING = 0.5  # share that a term brings when it stands in the heading alone
_BLOCK_WORDS = 180  # a code block, list or table that belongs to the chosen sentences is kept whole up to here,
_BLOCK_ROOMS = 3  # and up to so many times the room
_ENOUGH = 0.6  # of the room; a shorter excerpt is carried on with what follows it
_PROBLEM, _DISCUSSION, _RESOLUTION = "problem", "discussion", "resolution"
_PARTS_OF_ISSUES = frozenset({_PROBLEM, _DISCUSSION, _RESOLUTION, "environment"})
_INTRODUCES = re.compile(
    r"(?:this|the following) (?:page|document|guide|section|article|chapter|tutorial|topic)\b|in this (?:page"
    r"|document|guide"
    r"|section|article|tutorial)\b|(?:see|read) (?:also )?\[|(?:diese|die folgende) (?:seite|anleitung)\b"
    r"|(?:本文|本页|本章|本节)",
    re.IGNORECASE,
)
_LEANS = re.compile(
    r"(?:it|its|this|that|these|those|they|then|however|but|also|otherwise|instead|therefore|so|for example"
    r"|in (?:this|that)"
    r" case|er|sie|es|dies\w*|dann|danach|aber|sonst|dabei|damit|dafür|deshalb|außerdem)\b|(?:这|那|它|此|然后"
    r"|但|否则|因此|同时)",
    re.IGNORECASE,
)
"""A sentence that begins so is understood with the one before it."""
_POINTS_ELSEWHERE = re.compile(
    r"\W*(?:(?:this is )?(?:a )?duplicate of|same as|see|closing (?:as|this)|solved (?:in|by)|duplikat von"
    r"|siehe)\b.{0,25}[#!]\d+",
    re.IGNORECASE,
)
"""All that some issues are closed with; it answers nothing."""
_LOG_LINE = re.compile(
    r"^\s*(?:\[?\d{4}-\d\d-\d\d[T ]\d\d:\d\d|\[?\d\d:\d\d:\d\d|at [\w.$]+\(|Traceback \(|File \"[^\"]+\", line \d"
    r"|\[?(?:DEBUG|INFO|WARN(?:ING)?|ERROR|FATAL)\b)"
)
_TITLE = re.compile(r"\*\*[^*\n]+\*\*")
_REPEATS, _TALKS = 0.6, 0.4  # weight of what is repeated of others; of questions, complaints and thanks
_TALK = re.compile(
    r"\b(?:same (?:issue|problem|question|error) here|thank(?:s| you)|(?:any|is there an?) (?:update|news|idea|clue)"
    r"|bump(?:ing)?\b|hope i"
    r"|i(?:['\u2019]m| am| was|['\u2019]ve| have| will|['\u2019]ll) (?:also |currently |still |now )?"
    r"(?:looking|facing|having|trying|getting|seeing|experiencing|attach|stuck|wondering|a novice|new))",
    re.IGNORECASE,
)
_CLOSED = ("。", "！", "？")  # behind which Chinese and Japanese write no blank
_FIELDS = re.compile(
    r"\|\s*`?(?:attribute|parameter|field|key|name|type|keyword)`?\s*\|.*\b(?:type|required)\b", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Excerpt:
    """Words of one passage; `score` is the weight of the question's terms in them, comparable within one question."""

    text: str
    score: float


@dataclass(frozen=True, slots=True)
class _Piece:
    """A span that is quoted whole or not at all.

    Attributes:
        weight: Of what it says: logs and introductions bring little.
        part: Number of the heading that it stands under.
    """

    span: Span
    words: int
    weight: float
    terms: frozenset[str]
    part: int
    heading: str


def excerpt(passage: Passage, weights: Mapping[str, float], room: int, *, discussion: bool = False) -> Excerpt | None:
    """Return what a passage says to a question, or None when it says nothing.

    The problem of an issue is never quoted: it is what somebody asked, not what helped.

    Args:
        passage: Where to look.
        weights: Of the question's terms.
        room: Words; a code block, list or table that belongs to them may go beyond.
        discussion: Whether the discussion of an issue counts as an answer.
    """
    pieces = _pieces(passage, {_RESOLUTION, _DISCUSSION} if discussion else {_RESOLUTION})
    if not pieces:
        return None
    heading = set(terms(" ".join(passage.chunk.headings)))
    first, last, score = _best(pieces, weights, room)
    chosen = _rounded(pieces, list(range(first, last)), room)
    if all(_only_asks(pieces[n]) for n in chosen):
        return None
    return Excerpt(_joined(pieces, chosen), score + _HEADING * sum(weights.get(term, 0.0) for term in heading))


def _only_asks(piece: _Piece) -> bool:
    """True for a question, and for what is repeated of somebody who asked."""
    asks = "?" in piece.span.text or seeks_help(piece.span.text)
    return piece.span.kind == "prose" and piece.weight <= _REPEATS and asks


def _repeats(piece: _Piece) -> bool:
    return piece.span.kind == "prose" and piece.span.text.startswith(">")


def says_how_it_was_solved(passage: Passage) -> bool:
    """True for pages, and for passages of issues that hold a resolution."""
    return passage.kind == "page" or bool(_pieces(passage, {_RESOLUTION}))


def length(text: str) -> int:
    """Return the number of words; two characters of a language without spaces count as one."""
    unspaced = sum("\u3040" <= character <= "\u9fff" for character in text)
    return len(text.split()) + unspaced // 2


def _pieces(passage: Passage, quotable: set[str]) -> list[_Piece]:
    issue = passage.kind == "issue"
    names = [name.casefold() for name in passage.chunk.headings]
    role = next((name for name in reversed(names) if name in _PARTS_OF_ISSUES), "") if issue else ""
    part, heading = 0, ""
    found: list[_Piece] = []
    for span in spans(passage.chunk.text):
        if span.kind == "heading":
            name = span.text.lstrip("# ").strip()
            if not issue:
                part, heading = part + 1, name
            elif name.casefold() in _PARTS_OF_ISSUES:
                part, role = part + 1, name.casefold()
        elif not role or role in quotable:
            found += [_piece(one, part, heading, issue=issue) for one in _parts(span, issue=issue)]
    return [] if issue and found and _POINTS_ELSEWHERE.match(found[0].span.text) and len(found) == 1 else found


def _parts(span: Span, *, issue: bool) -> list[Span]:
    """Cut what is too long to be quoted whole; in issues what somebody repeats of others stands apart."""
    if span.kind == "prose":
        runs = _runs(span.text) if issue else [span.text]
        return [Span("prose", text) for run in runs for text in _sentences(run, whole=issue)]
    if span.kind == "list" and length(span.text) > _BLOCK_WORDS // 2:
        return [Span("list", text) for text in items(span.text)]
    return [span]


def _runs(text: str) -> list[str]:
    """Cut a paragraph where lines that repeat somebody begin or end."""
    groups = itertools.groupby(text.split("\n"), key=lambda line: line.lstrip().startswith(">"))
    return ["\n".join(lines) for _, lines in groups]


def _sentences(run: str, *, whole: bool) -> list[str]:
    """Return the sentences of a run; what repeats somebody is kept whole on request."""
    text = " ".join(run.split())
    return [text] if whole and text.startswith(">") else sentences(text)


def _piece(span: Span, part: int, heading: str, *, issue: bool) -> _Piece:
    weight = min(_weight(span), _weight_of_talk(span.text)) if issue and span.kind == "prose" else _weight(span)
    return _Piece(span, length(span.text), weight, frozenset(terms(span.text)), part, heading)


def _weight_of_talk(text: str) -> float:
    """Return how much a sentence of an issue may help: not what somebody repeats, asks, complains of or thanks for."""
    if text.startswith(">"):
        return _REPEATS
    return _TALKS if text.endswith(("?", "\uff1f")) or seeks_help(text) or _TALK.search(text) else 1.0


def _weight(span: Span) -> float:
    if span.kind == "prose":
        return 0.3 if _INTRODUCES.match(span.text) else 0.5 if span.text.endswith("?") else 1.0
    if span.kind == "table":
        return 0.3 if _FIELDS.match(span.text) else 0.8
    lines = [line for line in span.text.split("\n") if line.strip()]
    logged = sum(bool(_LOG_LINE.match(line)) for line in lines)
    return 0.3 if span.kind == "code" and 3 * logged > len(lines) else 1.0


def _best(pieces: Sequence[_Piece], weights: Mapping[str, float], room: int) -> tuple[int, int, float]:
    """Return first, behind last, and score of the run of pieces under one heading that says most in few words."""
    best = (0, 1, 0.0)
    for first, begin in enumerate(pieces):
        held = {term: weights[term] for term in terms(begin.heading) if term in weights}
        words, repeated = 0, 0.0
        for last in range(first, len(pieces)):
            piece = pieces[last]
            words += piece.words
            if piece.part != begin.part or (
                last > first and words > (room if piece.span.kind == "prose" else _block(room))
            ):
                break
            for term in piece.terms & weights.keys():
                repeated += piece.weight * weights[term] if term in held else 0.0
                held[term] = max(held.get(term, 0.0), piece.weight * weights[term])
            score = (sum(held.values()) + _REPEATED * repeated) / (1.0 + words / (4.0 * room))
            if score > best[2]:
                best = (first, last + 1, score)
    return best


def _block(room: int) -> int:
    return min(_BLOCK_WORDS, _BLOCK_ROOMS * room)


def _rounded(pieces: Sequence[_Piece], chosen: list[int], room: int) -> list[int]:
    """Add what the chosen pieces need to be understood, and what follows them while there is room."""
    section = [n for n, piece in enumerate(pieces) if piece.part == pieces[chosen[0]].part]
    if sum(pieces[n].words for n in section) <= room:  # a short section is quoted whole
        return section
    chosen = _with_lead_in(pieces, chosen)
    words = sum(pieces[n].words for n in chosen)
    after = chosen[-1] + 1
    while after < len(pieces) and pieces[after].part == pieces[chosen[-1]].part:
        announced = _announces(pieces[chosen[-1]])
        follows = words < _ENOUGH * room and words + pieces[after].words <= room and pieces[after].weight >= 1.0
        if not (follows or (announced and words + pieces[after].words <= _block(room) + room)):
            break
        words += pieces[after].words
        chosen.append(after)
        after += 1
    while len(chosen) > 1 and (_announces(pieces[chosen[-1]]) or _is_talk(pieces[chosen[-1]])):
        chosen.pop()
    return chosen


def _with_lead_in(pieces: Sequence[_Piece], chosen: list[int]) -> list[int]:
    """Add the sentence before a list, table, code block or a sentence that leans on it."""
    first = chosen[0]
    piece = pieces[first]
    if piece.span.kind == "list":  # some items of a long list: its lead-in stands before the first item
        before = first
        while before > 0 and pieces[before - 1].span.kind == "list" and pieces[before - 1].part == piece.part:
            before -= 1
        first = before
    for _ in range(2):
        leans = pieces[first].span.kind != "prose" or _LEANS.match(pieces[first].span.text)
        if not leans or first == 0 or pieces[first - 1].part != piece.part or pieces[first - 1].span.kind != "prose":
            break
        first -= 1
        chosen = [first, *chosen]
    return chosen


def _is_talk(piece: _Piece) -> bool:
    return piece.span.kind == "prose" and piece.weight == _TALKS


def _announces(piece: _Piece) -> bool:
    text = piece.span.text
    title = bool(_TITLE.fullmatch(text))
    return title or (piece.span.kind in ("prose", "list") and text.rstrip(" *_").endswith((":", "：")))


def _gap(kinds: AbstractSet[str], out: str) -> str:
    """Return what stands between two pieces of these kinds."""
    if kinds == {"prose"}:
        return "" if out.endswith(_CLOSED) else " "
    return "\n" if kinds == {"list"} else "\n\n"


def _joined(pieces: Sequence[_Piece], chosen: Sequence[int]) -> str:
    """Join spans as Markdown: sentences of a paragraph with a blank, blocks with an empty line."""
    heading = pieces[chosen[0]].heading
    out, before = (f"**{heading.strip('*')}**" if heading else ""), -1
    for n in chosen:
        kinds = {pieces[n].span.kind, pieces[before].span.kind if before >= 0 else ""}
        gap = "\n\n" if _repeats(pieces[n]) != (before >= 0 and _repeats(pieces[before])) else _gap(kinds, out)
        if pieces[n].span.kind == "list" and n > before + 1 >= 0 and n > 0 and pieces[n - 1].span.kind == "list":
            out += "\n\n- …" if out else "- …"
            gap = "\n"
        out += (gap if out else "") + pieces[n].span.text
        before = n
    return out
