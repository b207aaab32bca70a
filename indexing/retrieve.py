"""Question -> passages: dense and full text, pages and issues apart, fused, then merged into one list."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from indexing.errors import Incompatible
from indexing.model import Kind, Passage, RankedDocument, Retrieval
from indexing.query import Query, read_question

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from indexing.catalog import StoredChunk
    from indexing.embedder import Embedder
    from indexing.versions import IndexVersion

FEATURES = ("dense_top1", "dense_gap", "bm25_per_term", "query_terms", "agreement", "issue_top")
"""Names in `Retrieval.features`."""

_K = 10  # of reciprocal rank fusion; 60 was worse on every set measured
_CANDIDATES = 100
_PER_KIND = 15
_PASSAGES = 6
_PER_DOCUMENT = 2
_TERMS = 24


@dataclass(frozen=True, slots=True)
class _Found:
    """A document found: its best chunks, best first, with fused scores."""

    kind: Kind
    score: float
    chunks: tuple[tuple[int, float], ...]


class Retriever:
    """Searches one index version.

    Args:
        version: An open version.
        embedder: The one the version was built with; None searches full text alone.

    Raises:
        Incompatible: The version was built with another embedder.
    """

    def __init__(self, version: IndexVersion, embedder: Embedder | None) -> None:
        manifest = version.manifest
        if embedder is not None and (manifest.embedder, manifest.dimension) != (
            embedder.fingerprint,
            embedder.dimension,
        ):
            raise Incompatible(
                f"index {version.name} was built with another embedder ({manifest.embedder}): "
                "build again, or set ASSISTANT_EMBEDDER back"
            )
        self._version = version
        self._embedder = embedder
        self._documents = version.catalog.document_numbers()

    def with_embedder(self, embedder: Embedder) -> Retriever:
        """Return a retriever of the same version that uses vectors too."""
        return Retriever(self._version, embedder)

    def __call__(self, question: str) -> Retrieval:
        """Return what the question finds. Any text is a question; none is an error."""
        timings: dict[str, float] = {}
        started = time.perf_counter()
        query = read_question(question)
        vector = self._embedder.encode_query(query.dense) if self._embedder is not None else None
        timings["embed"] = _lap(started)
        dense: dict[Kind, dict[int, float]] = {"page": {}, "issue": {}}
        started = time.perf_counter()
        if vector is not None:
            for kind in dense:
                ids, scores = self._version.vectors.search(vector, _CANDIDATES, self._version.catalog.ids(kind))
                dense[kind] = dict(zip(ids.tolist(), scores.tolist(), strict=True))
        timings["dense"] = _lap(started)
        started = time.perf_counter()
        lexical = {kind: self._lexical(query, kind) for kind in dense}
        timings["lexical"] = _lap(started)
        started = time.perf_counter()
        found = {kind: self._fused(kind, [dense[kind], *lexical[kind]]) for kind in dense}
        merged = sorted((item for items in found.values() for item in items[:_PER_KIND]), key=lambda item: -item.score)
        stored = self._version.catalog.stored([i for item in merged for i, _ in item.chunks])
        retrieval = Retrieval(
            passages=_passages(merged, stored),
            ranking=tuple(_ranked(item, stored) for item in merged),
            features=_features(query, dense, lexical),
            index_version=self._version.name,
            lexical_only=vector is None,
            timings_ms=timings,
        )
        timings["merge"] = _lap(started)
        return retrieval

    def _lexical(self, query: Query, kind: Kind) -> list[dict[int, float]]:
        ids = self._version.catalog.ids(kind)
        terms = [*query.title_words, *query.words[:_TERMS]]
        lists = [self._version.catalog.match_words(terms, ids, _CANDIDATES)]
        if query.identifiers:
            lists.append(self._version.catalog.match_substrings(query.identifiers[:8], ids, _CANDIDATES))
        unspaced = self._version.catalog.match_unspaced(query.dense, ids, _CANDIDATES)
        return [*lists, unspaced] if unspaced else lists

    def _fused(self, kind: Kind, lists: Iterable[dict[int, float]]) -> list[_Found]:
        documents: dict[int, float] = {}
        chunks: dict[int, float] = {}
        for scores in lists:
            ranked: dict[int, int] = {}
            for position, chunk in enumerate(scores):
                chunks[chunk] = chunks.get(chunk, 0.0) + 1.0 / (_K + position + 1)
                number = self._documents[chunk]
                if number not in ranked:
                    ranked[number] = len(ranked) + 1
                    documents[number] = documents.get(number, 0.0) + 1.0 / (_K + ranked[number])
        best: dict[int, list[tuple[int, float]]] = {}
        for chunk, score in sorted(chunks.items(), key=lambda entry: (-entry[1], entry[0])):
            best.setdefault(self._documents[chunk], []).append((chunk, score))
        order = sorted(documents.items(), key=lambda entry: (-entry[1], entry[0]))
        return [_Found(kind, score, tuple(best[number][:_PER_DOCUMENT])) for number, score in order]


def _passages(merged: Sequence[_Found], stored: dict[int, StoredChunk]) -> tuple[Passage, ...]:
    ranked = [(item.score + score, chunk) for item in merged for chunk, score in item.chunks]
    top = sorted(ranked, key=lambda entry: (-entry[0], entry[1]))[:_PASSAGES]
    return tuple(
        Passage(
            n=n,
            chunk=(piece := stored[chunk]).chunk,
            score=score,
            kind=piece.kind,
            title=piece.title,
            url=piece.url,
            labels=piece.labels,
            updated_at=piece.updated_at,
            confirmed=piece.confirmed,
        )
        for n, (score, chunk) in enumerate(top, start=1)
    )


def _ranked(item: _Found, stored: dict[int, StoredChunk]) -> RankedDocument:
    best = stored[item.chunks[0][0]]
    return RankedDocument(best.chunk.document, item.kind, item.score, best.chunk.id, best.title, best.url)


def _features(
    query: Query, dense: dict[Kind, dict[int, float]], lexical: dict[Kind, list[dict[int, float]]]
) -> dict[str, float]:
    cosines = sorted((score for scores in dense.values() for score in scores.values()), reverse=True)
    bm25 = max((score for lists in lexical.values() for score in lists[0].values()), default=0.0)
    return {
        "dense_top1": cosines[0] if cosines else 0.0,
        "dense_gap": cosines[0] - cosines[min(9, len(cosines) - 1)] if cosines else 0.0,
        "bm25_per_term": bm25 / max(1, len(query.words)),
        "query_terms": float(len(query.words)),
    }


def _lap(started: float) -> float:
    return round((time.perf_counter() - started) * 1000.0, 3)
