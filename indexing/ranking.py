"""Scores of chunks -> one ranking of documents (pure).

Pages and issues are ranked apart, because an issue is written like a question and a page is not: in one list of cosines
closed issues crowd the pages out. What is compared across the kinds is how far a document stands out from the rest of
its own kind, so no preference for a kind is built in.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from indexing.model import Kind

_K = 10.0  # of reciprocal rank fusion; 60 was worse on every set measured
_DEEP = 40  # documents of a kind that are scored
_REST = slice(5, 30)  # ranks that show what an average document of the kind scores
_DECAY = 0.5  # of the 2nd, 3rd, ... best chunk of a document in its lexical score
_CHUNKS = 6
_DENSE_RANK, _LEXICAL_RANK, _COSINE, _TOPIC, _LEXICAL = 2.0, 3.0, 2.5, 7.0, 0.3
"""Weights of the parts of a score: listwise softmax regression over real questions with known documents."""
_NAMED = 2.0
"""Weight of how much better than those around it a document's collection is named by the question."""
_AROUND = 10  # documents of a kind that those are
_LEXICAL_ALONE = 4.0
"""Weight of the full text score when there are no vectors to say how far a document stands out."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A document found.

    Attributes:
        number: Of the document in the catalog.
        score: Higher is better; comparable within one question, across the kinds.
        cosine: Of its best chunk; 0 without vectors.
        lexical: Of its best chunks, as a share of the best document's.
        chunks: Ids of its chunks that were found, best first.
    """

    number: int
    kind: Kind
    score: float
    cosine: float
    lexical: float
    chunks: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Found:
    """What the searches found of one kind. Chunks are in mappings of chunk id -> score, best first.

    Attributes:
        dense: Cosines.
        topics: Returns for document numbers the cosines of the means of their chunks' vectors: what each document as a
            whole is about. Not asked without vectors.
        lexical: BM25, one mapping for each full text table that was asked (the same tables for both kinds).
        named: Returns for document numbers how far the question names the collection of each, 0 to 1.
        spread: `Embedder.spread`.
    """

    dense: Mapping[int, float]
    topics: Callable[[Sequence[int]], Sequence[float]]
    lexical: Sequence[Mapping[int, float]]
    named: Callable[[Sequence[int]], Sequence[float]] = lambda numbers: [0.0] * len(numbers)
    spread: float = 1.0

    def without(self, left_out: AbstractSet[int]) -> Found:
        """Return the same without these chunks."""
        dense, *lexical = (
            {chunk: score for chunk, score in scores.items() if chunk not in left_out}
            for scores in (self.dense, *self.lexical)
        )
        return Found(dense, self.topics, lexical, self.named, self.spread)


def rank(
    found: Mapping[Kind, Found], documents: Mapping[int, int], shares: Sequence[float], trust: float = 1.0
) -> list[Candidate]:
    """Return the documents found, best first.

    A document's score is a weighted sum of its reciprocal ranks among its kind (by cosine and by full text) and of how
    far its best cosine, its topic's and its full text score stand above those of the 6th to 30th document of its kind.

    Args:
        found: By kind.
        documents: Number of its document for every chunk found, by chunk id. Of documents that score the same the one
            with the lower number is first.
        shares: Weight of each full text table.
        trust: Share of the question that the embedder can read, 0 to 1; full text decides the rest.

    Source of the method: reciprocal rank fusion after Cormack et al., SIGIR 2009; the weights after ListNet (Cao et
    al., ICML 2007).
    """
    tops = [
        max((score for part in found.values() for score in part.lexical[table].values()), default=1.0)
        for table in range(len(shares))
    ]
    by_kind = {
        kind: _lexical_scores(part, documents, [share / top for share, top in zip(shares, tops, strict=True)])
        for kind, part in found.items()
    }
    best = max((score for scores in by_kind.values() for score in scores.values()), default=1.0)
    ranked: list[Candidate] = []
    for kind, part in found.items():
        lexical = {number: score / best for number, score in by_kind[kind].items()}
        ranked += _of_kind(kind, part, lexical, documents, trust if part.dense else 0.0)
    return sorted(ranked, key=lambda candidate: (-candidate.score, candidate.number))


def _lexical_scores(part: Found, documents: Mapping[int, int], scales: Sequence[float]) -> dict[int, float]:
    """Return document -> sum over its best chunks, each further one counting half of the one before."""
    chunks: dict[int, float] = {}
    for scores, scale in zip(part.lexical, scales, strict=True):
        for chunk, score in scores.items():
            chunks[chunk] = chunks.get(chunk, 0.0) + scale * score
    totals: dict[int, float] = {}
    counts: dict[int, int] = {}
    for chunk, score in sorted(chunks.items(), key=lambda entry: -entry[1]):
        number = documents[chunk]
        count = counts.get(number, 0)
        if count < _CHUNKS:
            totals[number] = totals.get(number, 0.0) + score * _DECAY**count
            counts[number] = count + 1
    return totals


def _of_kind(
    kind: Kind, part: Found, lexical: Mapping[int, float], documents: Mapping[int, int], trust: float
) -> list[Candidate]:
    cosines: dict[int, float] = {}
    for chunk, cosine in part.dense.items():
        cosines[documents[chunk]] = max(cosine, cosines.get(documents[chunk], -1.0))
    ranks = (_ranks(cosines), _ranks(lexical))
    fused = {
        number: trust * _DENSE_RANK * _reciprocal(ranks[0].get(number))
        + _LEXICAL_RANK * _reciprocal(ranks[1].get(number))
        for number in cosines.keys() | lexical.keys()
    }
    chosen = sorted(fused, key=lambda number: (-fused[number], number))[:_DEEP]
    floor = min(cosines.values(), default=0.0)
    weight = trust * _LEXICAL + (1.0 - trust) * _LEXICAL_ALONE
    parts = [(weight, [lexical.get(number, 0.0) for number in chosen])]
    if cosines:
        parts.append((trust * part.spread * _COSINE, [cosines.get(number, floor) for number in chosen]))
        parts.append((trust * part.spread * _TOPIC, list(part.topics(chosen))))
    above = [_above_usual(weight, values) for weight, values in parts]
    scores = [fused[number] + sum(values[position] for values in above) for position, number in enumerate(chosen)]
    scores = _with_names(scores, part.named(chosen))
    chunks = _chunks_by_document(part, documents)
    return [
        Candidate(
            number=number,
            kind=kind,
            score=scores[position],
            cosine=cosines.get(number, floor),
            lexical=lexical.get(number, 0.0),
            chunks=chunks[number],
        )
        for position, number in enumerate(chosen)
    ]


def _above_usual(weight: float, values: Sequence[float]) -> list[float]:
    """Return how far each value stands above what an average document of the kind has, weighted."""
    rest = sorted(values, reverse=True)[_REST]
    usual = sum(rest) / len(rest) if rest else 0.0
    return [weight * (value - usual) for value in values]


def _with_names(scores: Sequence[float], named: Sequence[float]) -> list[float]:
    """Return the scores, those of documents raised whose collection is named more than that of the best ones.

    Where all of the best belong to what is named, nothing changes: this tells within a kind what to leave out, and
    never prefers a kind.
    """
    best = sorted(range(len(scores)), key=lambda position: -scores[position])[:_AROUND]
    usual = sum(named[position] for position in best) / max(1, len(best))
    return [score + _NAMED * (share - usual) for score, share in zip(scores, named, strict=True)]


def _chunks_by_document(part: Found, documents: Mapping[int, int]) -> dict[int, tuple[int, ...]]:
    """Return document -> its chunks, best first by reciprocal rank fusion."""
    scores: dict[int, float] = {}
    for found in (part.dense, *part.lexical):
        for position, chunk in enumerate(found, start=1):
            scores[chunk] = scores.get(chunk, 0.0) + _reciprocal(position)
    chunks: dict[int, tuple[int, ...]] = {}
    for chunk in sorted(scores, key=lambda chunk: (-scores[chunk], chunk)):
        chunks[documents[chunk]] = (*chunks.get(documents[chunk], ()), chunk)
    return chunks


def _ranks(scores: Mapping[int, float]) -> dict[int, int]:
    return {number: place for place, number in enumerate(sorted(scores, key=lambda n: (-scores[n], n)), start=1)}


def _reciprocal(place: int | None) -> float:
    """Return 1 for the first place that could be, falling with the place; 0 for none."""
    return 0.0 if place is None else _K / (_K + place)
