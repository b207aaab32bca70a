"""A ranking of documents -> the same without what many near-identical or unconfirmed issues would do to it. Pure.

Whoever may open issues can write many of them. So a text counts once however often it stands in the index, one author
of unconfirmed issues gets few places, and an issue that nobody of the support team confirmed stands below confirmed
documents of similar score, and never first where there is a confirmed one: a text made of the very words of a question
would else beat every honest answer. A duplicate gives its place to its original.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from indexing.sketches import likenesses

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Mapping, Sequence

    from indexing.model import ClosedAs, Kind
    from indexing.ranking import Candidate

UNCONFIRMED = 1.0
"""What an unconfirmed issue loses of its score."""

_SAME = 0.7  # likeness from which two documents are one
_TOP = 10
_OF_ONE_AUTHOR = 2  # unconfirmed documents of one author in the top
_CHAIN = 5  # duplicates of duplicates that are followed


@dataclass(frozen=True, slots=True)
class TrustFacts:
    """What the catalog knows of a document beside its text.

    Attributes:
        document: `Document.id`.
        kind, confirmed, closed_as, duplicate_of, author, updated_at: As in `Document`.
        sketch: `indexing.sketches.sketch` of its text; empty is like nothing.
        chunks: Ids of chunks to show for a document that was not found itself, best first. Only needed for originals
            of duplicates.
        resolution: Id of the first chunk that tells what solved an issue; -1 for none.
    """

    document: str
    kind: Kind
    confirmed: bool = True
    closed_as: ClosedAs = ""
    duplicate_of: str = ""
    author: str = ""
    updated_at: str = ""
    sketch: bytes = b""
    chunks: tuple[int, ...] = ()
    resolution: int = -1


def collapse(candidates: Sequence[Candidate], facts: Mapping[int, TrustFacts]) -> list[Candidate]:
    """Return the candidates that count, best first by their new scores.

    Args:
        candidates: Best first.
        facts: By document number: of each candidate, and of the originals of duplicates where they are in the index
            (`wanted_originals` names them). A candidate without facts stays as it is.
    """
    found = _with_originals(candidates, facts)
    found = _one_of_each(_best_first(found), facts)
    return _few_of_each_author(_confirmed_first(found, facts), facts)


def crowding(ranked: Sequence[Candidate], unconfirmed: Mapping[int, TrustFacts]) -> frozenset[int]:
    """Return the numbers of unconfirmed issues that should not take part in how other documents are scored.

    Those are issues above the best confirmed document, and all issues of an author of more than a few of them.

    Args:
        ranked: Best first.
        unconfirmed: What is known of the unconfirmed ones among them, by number.
    """
    best = next((place for place, one in enumerate(ranked) if one.number not in unconfirmed), 0)
    authors = Counter(fact.author for fact in unconfirmed.values() if fact.author)
    many = {number for number, fact in unconfirmed.items() if authors[fact.author] > _OF_ONE_AUTHOR}
    return frozenset(one.number for one in ranked[:best]) | many


def wanted_originals(facts: Iterable[TrustFacts]) -> frozenset[str]:
    """Return the `Document.id` of each original that a duplicate among these names and that is not among them."""
    given = list(facts)
    there = {fact.document for fact in given}
    return frozenset(fact.duplicate_of for fact in given if _points_on(fact)) - there


def within_shares(
    picked: Sequence[tuple[int, float]], origins: Mapping[int, Hashable], most: int
) -> list[tuple[int, float]]:
    """Return the first chunks so that no origin has more than half of them where others were found.

    Args:
        picked: (chunk, score), best first, more than are wanted.
        origins: By chunk: what could have been written by one hand.
        most: How many are wanted.
    """
    half, counts = max(1, most // 2), Counter[object]()
    kept: list[tuple[int, float]] = []
    spare: list[tuple[int, float]] = []
    for entry in picked:
        origin = origins.get(entry[0])
        if counts[origin] < half:
            counts[origin] += 1
            kept.append(entry)
        else:
            spare.append(entry)
    kept = kept[:most]
    is_alone = len({origins.get(chunk) for chunk, _ in kept}) == 1
    if is_alone:
        kept = [*kept, *spare][:most]
    return sorted(kept, key=lambda entry: -entry[1])


def _points_on(fact: TrustFacts) -> bool:
    return fact.closed_as == "duplicate" and bool(fact.duplicate_of)


def _best_first(candidates: Iterable[Candidate]) -> list[Candidate]:
    return sorted(candidates, key=lambda candidate: (-candidate.score, candidate.number))


def _with_originals(candidates: Sequence[Candidate], facts: Mapping[int, TrustFacts]) -> list[Candidate]:
    """Return the candidates with each duplicate replaced by its original, where that is in the index."""
    numbers = {fact.document: number for number, fact in facts.items()}
    best: dict[int, Candidate] = {}
    given = {candidate.number: candidate for candidate in candidates}
    for candidate in candidates:
        number = _original(candidate.number, facts, numbers)
        shown = given.get(number)
        if shown is None:
            fact = facts[number]
            shown = replace(candidate, number=number, kind=fact.kind, chunks=fact.chunks)
            if not fact.chunks:
                shown = candidate
        known = best.get(shown.number)
        score = max(candidate.score, shown.score, known.score if known else candidate.score)
        best[shown.number] = replace(shown, score=score)
    return list(best.values())


def _original(number: int, facts: Mapping[int, TrustFacts], numbers: Mapping[str, int]) -> int:
    """Return the number of the document that this one is a duplicate of, or its own."""
    seen = {number}
    for _ in range(_CHAIN):
        fact = facts.get(number)
        following = numbers.get(fact.duplicate_of) if fact is not None and _points_on(fact) else None
        if following is None or following in seen:
            return number
        number = following
        seen.add(number)
    return number


def _confirmed_first(candidates: Sequence[Candidate], facts: Mapping[int, TrustFacts]) -> list[Candidate]:
    """Return the candidates by score, unconfirmed ones lowered, and none of them above the best confirmed one."""
    unconfirmed = {one.number for one in candidates if one.number in facts and not facts[one.number].confirmed}
    best = max((one.score for one in candidates if one.number not in unconfirmed), default=math.inf)
    lowered = [
        replace(one, score=min(one.score - UNCONFIRMED, best)) if one.number in unconfirmed else one
        for one in candidates
    ]
    return sorted(lowered, key=lambda one: (-one.score, one.number in unconfirmed, one.number))


def _one_of_each(candidates: Sequence[Candidate], facts: Mapping[int, TrustFacts]) -> list[Candidate]:
    """Return one document of each family of near-identical ones: a confirmed one, of these the newest."""
    is_same = likenesses([_sketch(candidate, facts) for candidate in candidates]) >= _SAME
    families: dict[int, list[Candidate]] = {}
    for place, candidate in enumerate(candidates):
        family = next((first for first in families if is_same[first, place]), place)
        families.setdefault(family, []).append(candidate)
    return [_chosen(family, facts) for family in families.values()]


def _sketch(candidate: Candidate, facts: Mapping[int, TrustFacts]) -> bytes:
    fact = facts.get(candidate.number)
    return fact.sketch if fact is not None else b""


def _chosen(family: Sequence[Candidate], facts: Mapping[int, TrustFacts]) -> Candidate:
    def trust(candidate: Candidate) -> tuple[bool, str, float, int]:
        fact = facts.get(candidate.number)
        if fact is None:
            return (True, "", candidate.score, -candidate.number)
        return (fact.confirmed, fact.updated_at, candidate.score, -candidate.number)

    return replace(max(family, key=trust), score=family[0].score)


def _few_of_each_author(candidates: Sequence[Candidate], facts: Mapping[int, TrustFacts]) -> list[Candidate]:
    """Return the candidates with what one author has too much of in the top put right behind it."""
    top: list[Candidate] = []
    held: list[Candidate] = []
    counts = Counter[str]()
    rest = iter(candidates)
    for candidate in rest:
        fact = facts.get(candidate.number)
        author = fact.author if fact is not None and not fact.confirmed else ""
        if author and counts[author] >= _OF_ONE_AUTHOR:
            held.append(candidate)
            continue
        counts[author] += 1
        top.append(candidate)
        if len(top) == _TOP:
            return [*top, *_best_first([*(_below(one, top[-1]) for one in held), *rest])]
    return top  # too few others: what is left over would stand in the top


def _below(candidate: Candidate, other: Candidate) -> Candidate:
    return replace(candidate, score=min(candidate.score, other.score))
