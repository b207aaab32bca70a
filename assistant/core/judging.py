"""Was an answer right, when nobody labelled the question? Judged by what responders said and led to then. Pure.

Evidence of *rightly*: a document that a responder led to (linked, named, or the original of a duplicate) is among the
first three cited; or the answer says what the resolution says. Evidence of *wrongly*: the resolution led to a document,
and neither holds. All else cannot be told: an answer that is unlike the resolution is as often right as wrong, so
likeness proves something and unlikeness nothing.

The bounds were chosen with `scripts/measure_judging` on questions whose answer people had named; see `docs/admin.md`.
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
    Measured("rightly, as the resolution names a cited document", 31, 32),
    Measured("rightly, as answer and resolution say the same", 8, 10),
    Measured("cannot be told", 55, 80),
    Measured("all answers", 94, 122),
)
"""Of the answers to questions of a public support forum whose right documents are known (`scripts/measure_judging`). A
document that gold lacks may be right too, so the true shares are higher."""

CITED: Final = 3
"""Cited documents that count, as for strict rightness."""

_NEAR = 3.8  # standard deviations by which answer and resolution are nearer than resolutions of two issues
_SHARED = 1.15  # weight of the words shared, where the texts are near; 1 is a word of one document alone
_SHARED_ALONE = 3.0  # the same where there is no embedder
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
        shared: Weight of the words that answer and resolution share; 0 without a resolution.
        nearness: Of answer and resolution, in standard deviations above chance; None without an embedder.
    """

    cited: tuple[str, ...]
    led_to: frozenset[str] = frozenset()
    hinted: frozenset[str] = frozenset()
    shared: float = 0.0
    nearness: float | None = None


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict and what it stands on: `cited`, `spoken_of`, `same_words`, `led_elsewhere` or `no_evidence`."""

    verdict: Verdict
    by: str


def judge(compared: Compared) -> Judgement:
    """Return what can be told of an answer."""
    cited = set(compared.cited[:CITED])
    if cited & compared.led_to:
        return Judgement("rightly", "cited")
    if cited & compared.hinted:
        return Judgement("rightly", "spoken_of")
    if _says_the_same(compared):
        return Judgement("rightly", "same_words")
    if compared.led_to:
        return Judgement("wrongly", "led_elsewhere")
    return Judgement("cannot_be_told", "no_evidence")


def _says_the_same(compared: Compared) -> bool:
    if compared.nearness is None:
        return compared.shared >= _SHARED_ALONE
    return compared.nearness >= _NEAR and compared.shared >= _SHARED


def shared_weight(answer: str, resolution: str, rarity: Rarity) -> float:
    """Return the weight of the words that both texts have."""
    return rarity.total(set(terms(answer)) & set(terms(resolution)))


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
