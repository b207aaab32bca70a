"""Numbers about one retrieval that tell how well the index speaks of the question."""

from __future__ import annotations

import math
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from indexing.catalog import Catalog, StoredChunk
    from indexing.model import Kind
    from indexing.query import Query
    from indexing.ranking import Candidate, Found

FEATURES = (
    "dense_top1",
    "dense_gap",
    "dense_page",
    "dense_issue",
    "bm25_per_term",
    "bm25_gap",
    "score_top1",
    "score_margin",
    "score_gap",
    "term_coverage",
    "title_coverage",
    "shown_coverage",
    "known_terms",
    "agreement",
    "overlap",
    "query_terms",
    "top_is_issue",
    "top_confirmed",
)
"""Names in `Retrieval.features`. All are finite; those of vectors are 0 while no embedding model is loaded.

    dense_top1      best cosine of all chunks
    dense_gap       best cosine minus the mean of the next nine documents
    dense_page      best cosine of a page's chunk
    dense_issue     best cosine of an issue's chunk
    bm25_per_term   best BM25 of a chunk, divided by the number of distinct terms of the question
    bm25_gap        best full text score minus the mean of the next nine documents (the best is 1 or less)
    score_top1      score of the first document of the ranking
    score_margin    the same minus the score of the second
    score_gap       the same minus the mean of the 2nd to 10th
    term_coverage   share of the question's terms in the first passage, each weighted by its rarity (idf)
    title_coverage  the same for the terms of the question's title
    shown_coverage  the same for all terms, in all passages together
    known_terms     share of the question's terms that stand anywhere in the index
    agreement       1 when vectors and full text put the same document of some kind first, for both kinds; 0.5 for one
    overlap         share of the first five documents by vectors that full text has among its first five, better kind
    query_terms     number of distinct terms
    top_is_issue    1 when the first document is an issue
    top_confirmed   1 when a responder wrote or confirmed what it says (pages: 1)
"""

_SCORED = 100_000
_NEXT = 9
_FIRST = 5


class Evidence:
    """The question's terms, and what they say about what was found.

    Args:
        catalog: Of the version that is searched.
        query: The question.
        scored: Chunks that full text search may score for the words of a question, about.
    """

    def __init__(self, catalog: Catalog, query: Query, scored: int = _SCORED) -> None:
        self._catalog = catalog
        words = [*query.title_words, *query.body_words]
        self._words = words
        self._stems = catalog.stems("\n".join(words))
        self._counts = catalog.counts(dict.fromkeys(self._stems))
        self._title = set(self._stems[: len(query.title_words)])
        self._title_words = frozenset(query.title_words)
        self._scored = scored

    @cached_property
    def unknown_words(self) -> list[str]:
        """Words of the question that stand nowhere in the index."""
        if len(self._words) != len(self._stems):
            return []  # a word fell into several stems: which is which is not worth the search
        return [word for word, stem in zip(self._words, self._stems, strict=True) if self._counts[stem] == 0]

    @cached_property
    def needed_words(self) -> list[str]:
        """Words of which a chunk must hold one, so that a large index has not too much to score; none when it has not.

        Scoring is what full text search costs (0.5 s for the words of one question in a million chunks). Words of the
        title come first, then rare ones. All words still count in the score. Held to an eighth of the chunks, as in a
        million, 247 real questions found their page or issue first in .35 of the cases instead of .34, among the first
        ten in .77 instead of .79; choosing by rarity alone found .32 and .77.
        """
        counts = self._counts_by_word()
        if sum(counts.values()) <= self._scored:
            return []
        needed: list[str] = []
        chunks = 0
        for word in sorted(counts, key=lambda word: (word not in self._title_words, counts[word])):
            if counts[word] and (chunks + counts[word] <= self._scored or not needed):
                needed.append(word)
                chunks += counts[word]
        return needed

    def _counts_by_word(self) -> dict[str, int]:
        if len(self._words) == len(self._stems):
            return {word: self._counts[stem] for word, stem in zip(self._words, self._stems, strict=True)}
        counts = {word: self._catalog.counts(self._catalog.stems(word)) for word in self._words}
        return {word: max(of_word.values(), default=0) for word, of_word in counts.items()}

    @cached_property
    def title_words(self) -> dict[str, float]:
        """Words of the question's title, with the rarity of each."""
        found = self._counts_by_word()
        return {word: self._weight(found[word]) for word in self._words if word in self._title_words}

    @cached_property
    def knows_title(self) -> bool:
        """Whether a word of the question's title stands anywhere in the index."""
        return any(self._counts_by_word()[word] for word in self.title_words)

    def features(
        self, found: Mapping[Kind, Found], ranked: Sequence[Candidate], shown: Sequence[StoredChunk]
    ) -> dict[str, float]:
        """Return the numbers named in `FEATURES`."""
        bm25 = max((score for part in found.values() for score in part.lexical[0].values()), default=0.0)
        texts = [self._stems_of(piece) for piece in shown]
        scores = [candidate.score for candidate in ranked] or [0.0]
        numbers = {
            **_dense(ranked),
            "bm25_per_term": bm25 / max(1, len(self._counts)),
            "bm25_gap": _gap(sorted((candidate.lexical for candidate in ranked), reverse=True)),
            "score_top1": scores[0],
            "score_margin": scores[0] - scores[1] if len(scores) > 1 else 0.0,
            "score_gap": _gap(scores),
            "term_coverage": self._coverage(self._counts, texts[0] if texts else ()),
            "title_coverage": self._coverage(self._title, texts[0] if texts else ()),
            "shown_coverage": self._coverage(self._counts, set().union(*texts)),
            "known_terms": self._known(),
            **_agreement(ranked),
            "query_terms": float(len(self._counts)),
            "top_is_issue": float(bool(ranked) and ranked[0].kind == "issue"),
            "top_confirmed": float(bool(shown) and shown[0].confirmed),
        }
        return {name: float(numbers[name]) for name in FEATURES}

    def _stems_of(self, piece: StoredChunk) -> set[str]:
        return set(self._catalog.stems(piece.chunk.embedded_text))

    def _rarity(self, stem: str) -> float:
        return self._weight(self._counts.get(stem, 0))

    def _weight(self, chunks: int) -> float:
        """Return what a word that so many chunks hold tells of a document."""
        return math.log((len(self._catalog) + 1.0) / (chunks + 0.5))

    def _coverage(self, wanted: Collection[str], present: Collection[str]) -> float:
        total = sum(self._rarity(stem) for stem in wanted)
        return sum(self._rarity(stem) for stem in wanted if stem in present) / total if total > 0.0 else 0.0

    def _known(self) -> float:
        return sum(count > 0 for count in self._counts.values()) / max(1, len(self._counts))


def _dense(ranked: Sequence[Candidate]) -> dict[str, float]:
    cosines = sorted((candidate.cosine for candidate in ranked), reverse=True)
    best = {
        kind: max((candidate.cosine for candidate in ranked if candidate.kind == kind), default=0.0)
        for kind in ("page", "issue")
    }
    return {
        "dense_top1": cosines[0] if cosines else 0.0,
        "dense_gap": _gap(cosines),
        "dense_page": best["page"],
        "dense_issue": best["issue"],
    }


def _agreement(ranked: Sequence[Candidate]) -> dict[str, float]:
    same, shared = 0, 0.0
    for kind in ("page", "issue"):
        of_kind = [candidate for candidate in ranked if candidate.kind == kind]
        dense = _first([(candidate.cosine, candidate.number) for candidate in of_kind])
        lexical = _first([(candidate.lexical, candidate.number) for candidate in of_kind])
        if dense and lexical:
            same += dense[0] == lexical[0]
            shared = max(shared, len(set(dense) & set(lexical)) / _FIRST)
    return {"agreement": same / 2.0, "overlap": shared}


def _first(scores: list[tuple[float, int]]) -> list[int]:
    return [number for score, number in sorted(scores, reverse=True)[:_FIRST] if score > 0.0]


def _gap(scores: Sequence[float]) -> float:
    rest = scores[1 : 1 + _NEXT]
    return scores[0] - sum(rest) / len(rest) if rest else 0.0
