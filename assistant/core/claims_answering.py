"""Does what is left of a draft answer the question? And numbers about that, for the decision."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from assistant.core.terms import literals, terms

if TYPE_CHECKING:
    from collections.abc import Sequence

    from assistant.core.claims import Rarity, Source

ANSWERS = 0.05
"""Least weighted share of the question's terms that stand in what is said or in the passages that say it."""
NEAR_ENOUGH = 0.35
"""Cosine of question and answer from which they are about the same though they share no words: other languages."""
_FIRST_LINE = 2.0  # a term of the question's first line counts so much
_NEW = 0.2  # a statement of which no larger share are terms that the question has not says nothing new
_INTRODUCES = re.compile(
    r"\s*(?:(?:this|the following|these|the) (?:page|document|guide|section|article|chapter|tutorial|topic|passages?"
    r"|steps?|instructions?)\b.{0,40}\b(?:describ|explain|show|cover|list|provid|introduc|contain|discuss|outlin)\w*"
    r"|here (?:is|are)\b|(?:to|in order to) .{0,80}follow (?:these|the) (?:steps?|instructions)\b.{0,10}$"
    r"|(?:diese|die folgende) (?:seite|anleitung)\b|(?:本文|本页|本章|本节|以下))",
    re.IGNORECASE,
)
_YES_OR_NO = re.compile(
    r"(?:^|[.!?\n]\s*)(?:so |and |but |hi,? |hello,? )?(?:is|are|was|can|could|does|do|did|has|have|will|would|should"
    r"|may|must|ist|sind|kann|können|gibt|hat|muss|darf|soll|geht)\b|(?:吗|嗎|能不能|是否|可以)",
    re.IGNORECASE,
)


def question_weights(question: str, rarity: Rarity) -> dict[str, float]:
    """Return term -> weight of what is asked: rare ones count more, and so do those of the first line."""
    first = set(terms(question.strip().split("\n", 1)[0]))
    return {
        term: rarity.weight(term) * (_FIRST_LINE if term in first else 1.0) for term in dict.fromkeys(terms(question))
    }


def share(weights: dict[str, float], held: frozenset[str]) -> float:
    """Return the weighted share (0..1) of the question's terms that are held."""
    total = sum(weights.values())
    return sum(weight for term, weight in weights.items() if term in held) / total if total else 0.0


def says_nothing_new(text: str, question: str) -> bool:
    """True for an introduction, and for a statement that only repeats the question; a yes or no repeats it rightly."""
    if _INTRODUCES.match(text) and "\n" not in text.strip():
        return True
    if _YES_OR_NO.search(question):
        return False
    said = set(terms(text))
    new = said - set(terms(question))
    return len(new) <= _NEW * len(said) and not (literals(text) - literals(question))


def numbers(texts: Sequence[str], cited: Sequence[Source], question: str, rarity: Rarity) -> dict[str, float]:
    """Return what of the question stands in the answer, all in 0..1.

    question_said    weighted share of the question's terms in what is said and in the headings above it
    question_first   the same for what the first citation says alone
    question_held    the same in the whole of the cited passages
    heading_asked    weighted share of the terms of the headings of the first cited passage that the question has
    """
    weights = question_weights(question, rarity)
    said = [frozenset(terms(text)) for text in texts]
    headings = [source.heading for source in cited]
    every = frozenset().union(*said, *headings)
    return {
        "question_said": share(weights, every),
        "question_first": share(weights, said[0] | headings[0]) if said and headings else 0.0,
        "question_held": share(weights, every.union(*(source.terms for source in cited))),
        "heading_asked": rarity.share(headings[0], weights) if headings else 0.0,
    }
