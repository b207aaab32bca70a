"""How well a passage supports a statement: its terms in a few neighbouring sentences, its literals letter by letter.

Words may be said in other words, so terms are counted, rare ones more; what stands literally (numbers with units, code,
settings, names) must be there, and the words must not be turned round.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from assistant.core.claims_literals import bare, joins, literals, missing_names, stands
from assistant.core.claims_neighbours import beside_another
from assistant.core.claims_numbers import Quantity, missing_numbers, quantities, without_quantities
from assistant.core.claims_polarity import is_turned_round
from assistant.core.sentences import sentences, units
from assistant.core.spans import items, spans
from assistant.core.terms import terms

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from assistant.core.spans import Span
    from indexing.model import Passage

_BESIDE = 5  # words before and behind a literal in a statement
_NEAR = 60  # characters before and behind it in a passage
_TELLING = 3  # words of a literal or quote that says itself what it is about
_FEW, _SHARED = 3, 2  # of so many terms beside it so many must be the same, else one
WINDOW = 3
"""Neighbouring sentences or blocks that may support a statement together."""
NEAR = 0.5
"""Weight of the terms in these; the rest is of those anywhere in the passage."""
_PROBLEM = "problem"
_PARTS = frozenset({_PROBLEM, "environment", "discussion", "resolution"})
_SOURCE = r"(?:the|this|these) (?:passages?|documentation|docs?|sources?|text|context|issue)(?:\s*\[?\d\]?)?"
_REPORTS = re.compile(
    rf"^\s*(?:(?:according to|as per|based on) {_SOURCE},?"
    rf"|{_SOURCE} (?:says?|suggests?|describes?|states?|mentions?|explains?|shows?"
    r"|recommends?|indicates?|notes?)(?: that)?)\s+",
    re.IGNORECASE,
)
"""`The passage says that` is said of the source, and stands in none."""
_IN_OTHER_WORDS = 0.99  # at most; 1 says that it stands there word for word
_AS_NEAR = 0.9  # of the nearest sentence
_LONGER = 0.02  # what one more sentence in the window costs: of equal ones the shortest is quoted


@dataclass(frozen=True, slots=True)
class Piece:
    """A sentence, list item, table or code block of a passage, whole.

    Attributes:
        complains: It belongs to the problem of an issue: what somebody met, not what helped.
    """

    text: str
    terms: frozenset[str]
    complains: bool = False


class Source:
    """A passage, read for matching.

    Args:
        passages: One, or several that are to support a statement together.
    """

    def __init__(self, passages: Sequence[Passage]) -> None:
        self.passages = tuple(passages)

    @cached_property
    def pieces(self) -> tuple[Piece, ...]:
        """Headings are no pieces: they say what the text is about, and nothing of it."""
        return tuple(piece for passage in self.passages for piece in _pieces(passage))

    @cached_property
    def whole(self) -> frozenset[str]:
        """Pieces and headings as `bare` returns them."""
        found = {bare(unfenced(piece.text)) for piece in self.pieces}
        for passage in self.passages:
            found |= {bare(name) for name in passage.chunk.headings}
            found |= {bare(one.text.lstrip("# ")) for one in spans(passage.chunk.text) if one.kind == "heading"}
        return frozenset(found)

    @cached_property
    def terms(self) -> frozenset[str]:
        """Of the text and of the headings."""
        return frozenset(term for passage in self.passages for term in terms(passage.chunk.embedded_text))

    @cached_property
    def heading(self) -> frozenset[str]:
        """Terms of the headings."""
        return frozenset(term for passage in self.passages for term in terms(" ".join(passage.chunk.headings)))

    @cached_property
    def bare(self) -> str:
        """Text and headings, to look literals up in."""
        return bare("\n".join(passage.chunk.embedded_text for passage in self.passages))

    @cached_property
    def _named(self) -> tuple[str, frozenset[str]]:
        """Text with the document's title and name, to look names up in, and the terms of both."""
        names = " ".join(f"{passage.title} {passage.chunk.document}" for passage in self.passages)
        return f"{self.bare} {bare(names)}", self.terms | frozenset(terms(names))

    def missing(self, text: str) -> str:
        """Return the verdict on what must stand literally: `other_literal`, `other_number`, `other_name`, or empty.

        A literal counts where it stands beside words that it is said with: the limit of 40 GB is not the 40 minutes of
        another sentence.
        """
        wanted = literals(text)
        if any(not stands(literal, self.bare) for literal in wanted):
            return "other_literal"
        numbers = quantities(text)
        if missing_numbers(numbers, self._quantities):
            return "other_number"
        if missing_names(text, *self._named):
            return "other_name"
        told = bare(text)
        if any(not self._stands_beside(literal, told) for literal in wanted):
            return "other_literal"
        if any(not self._stands_beside(one.written, told) for one in numbers):
            return "other_number"
        held = "\n".join(passage.chunk.embedded_text for passage in self.passages)
        return beside_another(text, held)

    def _stands_beside(self, literal: str, told: str) -> bool:
        """True when the literal stands somewhere near words that are near it in what is told."""
        own = frozenset(terms(literal))
        if len(literal.split()) >= _TELLING or literal not in told:
            return True
        wanted = _beside(literal, told) - own
        near = max((len(wanted & around) for around in self._around(literal)), default=len(wanted))
        return near >= min(len(wanted), _SHARED if len(wanted) > _FEW else 1)

    def _around(self, literal: str) -> Iterator[frozenset[str]]:
        """Yield the terms around each place where a literal stands."""
        at = self.bare.find(literal)
        while at >= 0:
            before, after = self.bare[max(0, at - _NEAR) : at], self.bare[at + len(literal) :][:_NEAR]
            if not (joins(before[-1:], literal[0]) or joins(literal[-1], after[:1])):
                yield frozenset(terms(f"{before} {after}"))
            at = self.bare.find(literal, at + 1)

    @cached_property
    def _quantities(self) -> frozenset[Quantity]:
        return frozenset().union(*(quantities(passage.chunk.embedded_text) for passage in self.passages))


def _beside(literal: str, told: str) -> frozenset[str]:
    """Return the terms of the words around a literal in a text."""
    before, _, after = told.partition(literal)
    return frozenset(terms(" ".join((*before.split()[-_BESIDE:], *after.split()[:_BESIDE]))))


def _pieces(passage: Passage) -> Iterator[Piece]:
    part = next((name.casefold() for name in reversed(passage.chunk.headings) if name.casefold() in _PARTS), "")
    for span in spans(passage.chunk.text):
        if span.kind == "heading":
            name = span.text.lstrip("# ").strip().casefold()
            part = name if name in _PARTS else part
            continue
        complains = passage.kind == "issue" and part == _PROBLEM
        for text in _cut(span):
            yield Piece(text, frozenset(terms(text)), complains)


def _cut(span: Span) -> Sequence[str]:
    if span.kind == "prose":
        return sentences(" ".join(span.text.split()))
    return items(span.text) if span.kind == "list" else (span.text,)


class Rarity:
    """How much a term tells: the fewer of the passages hold it, the more.

    Args:
        sources: What was shown.
    """

    def __init__(self, sources: Collection[Source]) -> None:
        self._count = len(sources)
        self._held = Counter(term for source in sources for term in source.terms)

    def weight(self, term: str) -> float:
        """Return the weight of a term, above 0."""
        return math.log(1 + (self._count + 1) / (1 + self._held[term]))

    def share(self, wanted: Collection[str], held: Collection[str]) -> float:
        """Return the weighted share (0..1) of the wanted terms that are held; 0 when none is wanted."""
        total = math.fsum(self.weight(term) for term in wanted)
        return math.fsum(self.weight(term) for term in wanted if term in held) / total if total else 0.0


@dataclass(frozen=True, slots=True)
class Support:
    """How well a source supports a statement.

    Attributes:
        score: 0..1; 1 when every sentence stands there word for word.
        missing: Why it does not support it although words meet: `other_literal`, `other_number`, `other_name`,
            `turned_round`, `complaint` (it is the problem of an issue); else empty.
        quote: The sentences or the block that the statement stands on, as they stand in the passage.
    """

    score: float
    missing: str
    quote: tuple[str, ...]


def support(text: str, source: Source, rarity: Rarity) -> Support:
    """Return how well a source supports a statement.

    Args:
        text: Markdown of one claim.
        source: The passage that it cites, or several.
        rarity: Of the passages that were shown.
    """
    said = [unit.text for unit in units(_REPORTS.sub("", text)) if any(map(str.isalnum, bare(unfenced(unit.text))))]
    loose = [one for one in said if bare(unfenced(one)) not in source.whole]
    rest = [one for one in loose if not stands(bare(unfenced(one)), source.bare)]
    wanted = frozenset(terms(without_quantities("\n\n".join(rest or loose) or text)))
    first, last = _window(wanted, source, rarity)
    quote = tuple(piece.text for piece in source.pieces[first:last])
    stood_on = source.pieces[first:last]
    missing = "complaint" if stood_on and all(piece.complains for piece in stood_on) else ""
    if any(_is_turned_round(one, source, rarity) for one in loose):
        missing = "turned_round"
    if not rest:
        return Support(1.0 if said else 0.0, missing, quote)
    near = rarity.share(wanted, _terms(source.pieces[first:last]))
    score = min(_IN_OTHER_WORDS, NEAR * near + (1.0 - NEAR) * rarity.share(wanted, source.terms))
    return Support(score, source.missing("\n\n".join(rest)) or missing, quote)


def telling(text: str, source: Source, asked: Mapping[str, float]) -> tuple[str, ...]:
    """Return the sentence or block of a quotation that says most of what was asked; none when none says any of it.

    Args:
        text: Words of the source.
        source: Where they stand.
        asked: Term -> weight.
    """
    said = bare(text)
    best, chosen = 0.0, ""
    for piece in source.pieces:
        score = math.fsum(asked[term] for term in piece.terms if term in asked) / (1 + len(piece.terms)) ** 0.5
        shown = bare(unfenced(piece.text))
        if score > best and len(terms(shown)) >= _TELLING and not _announces(piece.text) and shown in said:
            best, chosen = score, piece.text
    return (chosen,) if chosen else ()


def _announces(text: str) -> bool:
    return text.rstrip(" *_").endswith((":", "\uff1a"))


def _is_turned_round(sentence: str, source: Source, rarity: Rarity) -> bool:
    """True when the sentence of the source that is nearest says the opposite, and no other that is as near agrees."""
    wanted = frozenset(terms(sentence))
    shares = [(rarity.share(wanted, piece.terms), piece.text) for piece in source.pieces]
    best = max((share for share, _ in shares), default=0.0)
    return best > 0.0 and all(is_turned_round(sentence, text) for share, text in shares if share >= _AS_NEAR * best)


def unfenced(text: str) -> str:
    """Return a block of code without its fence, any other text as it is."""
    lines = text.split("\n")
    fenced = len(lines) > 1 and lines[0].lstrip().startswith(("```", "~~~"))
    return "\n".join(lines[1:-1]) if fenced else text


def _terms(pieces: Sequence[Piece]) -> frozenset[str]:
    return frozenset().union(*(piece.terms for piece in pieces))


def _window(wanted: frozenset[str], source: Source, rarity: Rarity) -> tuple[int, int]:
    """Return first and behind last of the pieces that hold most of the terms."""
    best, chosen = -1.0, (0, 0)
    weights = {term: rarity.weight(term) for term in wanted}
    total = math.fsum(weights.values()) or 1.0
    for first in range(len(source.pieces)):
        held: set[str] = set()
        for last in range(first + 1, min(first + WINDOW, len(source.pieces)) + 1):
            held |= source.pieces[last - 1].terms & wanted
            score = sum(weights[term] for term in held) / total - _LONGER * (last - first)
            if score > best:
                best, chosen = score, (first, last)
    return chosen
