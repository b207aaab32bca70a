"""An answer without a model: what the best passages say to the question, word for word."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING

from assistant.core.excerpts import Excerpt, excerpt, says_how_it_was_solved
from assistant.core.model import Claim, Draft, Question
from assistant.core.terms import terms

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from indexing.model import Passage

NAME = "extractive"
DOCUMENTS = 3
_ROOM = 75  # words quoted of the best document
_FURTHER_ROOM = 30  # and of each further one
_FALL = 2.5
"""How far below the best document's retrieval score a further one may stand. These scores come from a listwise softmax,
so 2.5 means about a twelfth as likely to be the right one."""
_CLOSE = 0.3  # a further document must speak of the question at least this much as well as the best one


class Extractive:
    """Quotes passages; implements `ports.LanguageModel`."""

    name = NAME

    def draft(
        self, question: Question, passages: Sequence[Passage], on_text: Callable[[str], None] | None = None
    ) -> tuple[Draft, str]:
        """Return quotations of up to three documents, best first, and no prompt."""
        claims = quoted(question.search_text, passages)
        if on_text is not None:
            for claim in claims:
                on_text(claim.text + "\n\n")
        return Draft(claims, found=bool(claims), written_by=NAME), ""


def quoted(question: str, passages: Sequence[Passage]) -> tuple[Claim, ...]:
    """Return one claim for each of the best documents: its words that speak of the question.

    Confirmed documents come first. A further document is quoted only where it was found nearly as well as the first and
    says nearly as much of the question.

    Args:
        question: Cleaned text.
        passages: Best first.
    """
    weights = term_weights(question, passages)
    claims: list[Claim] = []
    bar, least = -math.inf, 0.0
    for pages in _by_document(passages):
        found = _said(pages, weights, _FURTHER_ROOM if claims else _ROOM)
        if found is None or pages[0].score < bar or found[0].score < least:
            continue
        claims.append(Claim(found[0].text, (found[1].n,)))
        if len(claims) == DOCUMENTS:
            break
        bar, least = max(bar, pages[0].score - _FALL), max(least, _CLOSE * found[0].score)
    return tuple(claims)


def _by_document(passages: Sequence[Passage]) -> list[list[Passage]]:
    """Group passages by document in the order of their best one, confirmed documents first."""
    groups: dict[str, list[Passage]] = {}
    for passage in passages:
        groups.setdefault(passage.chunk.document, []).append(passage)
    return sorted(groups.values(), key=lambda group: not group[0].confirmed)  # stable: rank within each


def _said(passages: Sequence[Passage], weights: Mapping[str, float], room: int) -> tuple[Excerpt, Passage] | None:
    """Return the best excerpt of one document; what solved an issue before what was said about it."""
    solved = [passage for passage in passages if says_how_it_was_solved(passage)]
    found = [
        (one, passage)
        for passage in solved or passages
        if (one := excerpt(passage, weights, room, discussion=not solved)) is not None
    ]
    return max(found, key=lambda pair: pair[0].score, default=None)


def term_weights(question: str, passages: Sequence[Passage]) -> Mapping[str, float]:
    """Weigh the question's terms: rare among the passages counts more, and so does the first line."""
    asked = terms(question)
    first = set(terms(question.strip().split("\n", 1)[0]))
    held = Counter(term for passage in passages for term in set(terms(passage.chunk.embedded_text)))
    return {
        term: math.log(1 + (len(passages) + 1) / (1 + held[term])) * (2.0 if term in first else 1.0)
        for term in set(asked)
    }
