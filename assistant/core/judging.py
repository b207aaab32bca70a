"""Was an answer right, when nobody labelled the question? Judged by what responders said and led to then. Pure.

Evidence of *rightly*: a document that a responder led to (linked, named, or the original of a duplicate) is among the
first three cited. Evidence of *wrongly*: the resolution led to a document, and it is not. All else cannot be told.
Whether a search for the words of the resolution finds what the answer cites is told beside it and proves nothing: on
questions that some document answers it was right in 26 of 27, but of 12 replayed issues that were read, in 4.

What was measured: `scripts/measure_judging`, on questions whose answer people had named; see `docs/admin.md`.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from assistant.core.terms import terms

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Verdict = Literal["rightly", "wrongly", "cannot_be_told"]


@dataclass(frozen=True, slots=True)
class Measured:
    """How often a verdict was confirmed by people's own words.

    Attributes:
        evidence: What the verdict stood on.
        confirmed: Of `of` answers, those that people's gold confirms.
        of: Answers with this verdict.
    """

    evidence: str
    confirmed: int
    of: int


MEASURED: Final = (
    Measured("rightly, as the resolution names a cited document", 33, 34),
    Measured("cannot be told, though a search for the resolution finds a cited document", 26, 27),
    Measured("cannot be told, as that search finds another document", 4, 9),
    Measured("cannot be told, for want of evidence", 37, 61),
    Measured("all answers", 100, 131),
    Measured("share of the right answers that the judge recognised", 33, 100),
)
"""Of the answers to questions of a public support forum whose right documents are known (`scripts/measure_judging`). A
document that gold lacks may be right too, so the true shares are higher."""

CITED: Final = 3
"""Cited documents that count, as for strict rightness."""

_LEAD = 0.3  # of a cited document, when the resolution is searched for, that speaks for it
_ELSEWHERE = 0.4  # of another document, that makes an answer worth reading
_TENTH = 9  # place whose score a lead is measured by
_NAMED = 0.7  # share of a title, by weight, that a text must hold to name it
_NAMES = 2  # words of a title at least: one word alone is met by chance


class Rarity:
    """How much a word tells: 1 when one document holds it, 0 when all do.

    Args:
        texts: One of each document.
    """

    def __init__(self, texts: Iterable[str]) -> None:
        self._held: Counter[str] = Counter()
        self._count = 0
        for text in texts:
            self._held.update(set(terms(text)))
            self._count += 1

    def weight(self, term: str) -> float:
        """Return the weight of a term, 0..1; of one that no document holds, 1."""
        if self._count < 2:  # noqa: PLR2004 - nothing to compare with
            return 1.0
        return max(0.0, math.log((self._count + 1) / max(1, self._held[term]))) / math.log(self._count + 1)

    def total(self, found: Iterable[str]) -> float:
        """Return the sum of the weights of different terms."""
        return math.fsum(self.weight(term) for term in set(found))


@dataclass(frozen=True, slots=True)
class Compared:
    """An answer beside what people did then.

    Attributes:
        cited: Documents, in order.
        led_to: Documents that the resolution led to, also those that came into the index afterwards.
        hinted: Documents that were spoken of besides, or whose title the resolution names.
        nearest: The document that a search for the resolution alone puts first; empty when it finds nothing.
        lead: Of `nearest`, see `lead_of`.
    """

    cited: tuple[str, ...]
    led_to: frozenset[str] = frozenset()
    hinted: frozenset[str] = frozenset()
    nearest: str = ""
    lead: float = 0.0


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict and what it stands on.

    That is `cited` or `spoken_of`; `led_elsewhere`; `nearest`, `nearer_elsewhere` or `no_evidence`.
    """

    verdict: Verdict
    by: str


def judge(compared: Compared) -> Judgement:
    """Return what can be told of an answer."""
    cited = set(compared.cited[:CITED])
    if cited & compared.led_to:
        return Judgement("rightly", "cited")
    if cited & compared.hinted:
        return Judgement("rightly", "spoken_of")
    if compared.led_to:
        return Judgement("wrongly", "led_elsewhere")
    if compared.nearest in cited and compared.lead >= _LEAD:
        return Judgement("cannot_be_told", "nearest")
    elsewhere = compared.nearest and compared.nearest not in cited and compared.lead >= _ELSEWHERE
    return Judgement("cannot_be_told", "nearer_elsewhere" if elsewhere else "no_evidence")


def lead_of(scores: Sequence[float]) -> float:
    """Return by how much the first of a ranking stands before the second, as a share of the way to the tenth, 0..1.

    Args:
        scores: Best first; their scale does not matter.
    """
    if len(scores) < 3:  # noqa: PLR2004 - nothing to measure a lead by
        return 0.0
    spread = scores[0] - scores[min(_TENTH, len(scores) - 1)]
    return (scores[0] - scores[1]) / spread if spread > 0.0 else 0.0


def named(titles: Sequence[tuple[str, str]], text: str, question: str, rarity: Rarity) -> frozenset[str]:
    """Return the documents whose title a text names in its words and order, as the question did not.

    Args:
        titles: Documents and their titles.
        text: Of a responder.
        question: Of the asker: a title that stands in it is no word of the responder.
        rarity: Of words.
    """
    said, asked = _in_order(terms(text)), _in_order(terms(question))
    return frozenset(document for document, title in titles if _is_named(terms(title), said, asked, rarity))


def _is_named(title: Sequence[str], said: str, asked: str, rarity: Rarity) -> bool:
    needed = _NAMED * rarity.total(title)
    runs = (title[start:end] for start in range(len(title)) for end in range(start + _NAMES, len(title) + 1))
    found = (_in_order(run) for run in runs if rarity.total(run) >= needed)
    return any(run in said and run not in asked for run in found)


def _in_order(found: Sequence[str]) -> str:
    return f" {' '.join(found)} "
