"""Question -> passages: dense and full text, pages and issues apart, fused, then merged into one list."""

from __future__ import annotations

import time
from functools import cached_property
from typing import TYPE_CHECKING

from indexing.errors import Incompatible
from indexing.evidence import FEATURES, Evidence
from indexing.model import Passage, RankedDocument, Retrieval
from indexing.query import read_question
from indexing.ranking import Found, rank

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from indexing.catalog import Scores, StoredChunk
    from indexing.embedder import Embedder
    from indexing.index_version import IndexVersion
    from indexing.model import Kind
    from indexing.query import Query
    from indexing.ranking import Candidate

__all__ = ["FEATURES", "Retriever"]

_KINDS: tuple[Kind, ...] = ("page", "issue")
_DENSE = 200  # chunks of a kind from the vectors
_LEXICAL = 400  # chunks of a kind from each full text table
_WEIGHTS = (8.0, 2.0, 1.0)  # of title, headings and text in BM25
_TITLE = 2  # a word of the question's title counts as often
_SHARES = (1.0, 0.3, 1.0)  # of words, substrings and character pairs
_PER_KIND = 15  # documents in the ranking
_PASSAGES = 6
_PER_DOCUMENT = 2
_SECOND = 2.0  # by which the second chunk of a document stands behind its first
_UNKNOWN = 6  # words that the index does not have and that are searched inside words
_STEM = 4  # letters of an unknown word that a substring must keep


class Retriever:
    """Searches one index version. Safe to share between threads.

    Args:
        version: An open version.
        embedder: The one the version was built with; None searches full text alone.

    Raises:
        Incompatible: The version was built with another embedder.
    """

    def __init__(self, version: IndexVersion, embedder: Embedder | None) -> None:
        manifest = version.manifest
        if embedder is not None and manifest.embedder != embedder.fingerprint:
            raise Incompatible(
                f"index {version.name} was built with another embedder ({manifest.embedder}): "
                "build again, or set ASSISTANT_EMBEDDER back"
            )
        self._version = version
        self._catalog = version.catalog
        self._embedder = embedder
        self._documents = version.catalog.document_numbers()

    def with_embedder(self, embedder: Embedder) -> Retriever:
        """Return a retriever of the same version that uses vectors too.

        Raises:
            Incompatible: The version was built with another embedder.
        """
        return Retriever(self._version, embedder)

    def __call__(self, question: str) -> Retrieval:
        """Return what the question finds. Any text is a question, and none is an error."""
        laps = _Laps()
        query = read_question(question)
        asked = bool(query.title_words or query.body_words)
        vector = self._embedder.encode_query(query.dense) if self._embedder is not None and asked else None
        laps.end("embed")
        dense = {kind: self._dense(vector, kind) for kind in _KINDS}
        topics = (self._topics @ vector).tolist() if vector is not None else []
        laps.end("dense")
        evidence = Evidence(self._catalog, query)
        substrings = [*query.identifiers, *_parts(evidence.unknown_words[:_UNKNOWN])]
        found = {kind: Found(dense[kind], topics, self._lexical(query, substrings, kind)) for kind in _KINDS if asked}
        laps.end("lexical")
        trust = 1.0 if self._embedder is None or self._embedder.multilingual else 1.0 - min(1.0, query.unspaced)
        ranked = rank(found, self._documents, _SHARES, trust)
        listed = _listed(ranked)
        picked = _picked(ranked)
        stored = self._catalog.stored([*(candidate.chunks[0] for candidate in listed), *(chunk for chunk, _ in picked)])
        retrieval = Retrieval(
            passages=tuple(_passage(n, stored[chunk], score) for n, (chunk, score) in enumerate(picked, start=1)),
            ranking=tuple(_ranked(candidate, stored[candidate.chunks[0]]) for candidate in listed),
            features=evidence.features(found, ranked, [stored[chunk] for chunk, _ in picked]),
            index_version=self._version.name,
            lexical_only=self._embedder is None,
            timings_ms=laps.milliseconds,
        )
        laps.end("merge")
        return retrieval

    @cached_property
    def _topics(self) -> NDArray[np.float32]:
        """Mean direction of every document's chunks: float32, (documents, dimension), rows L2-normalised."""
        import numpy as np  # noqa: PLC0415 - full text search alone does without

        numbers, starts = np.unique(np.asarray(self._documents, dtype=np.int64), return_index=True)
        rows = np.zeros((int(numbers.max(initial=-1)) + 1, self._version.vectors.dimension), dtype=np.float32)
        rows[numbers] = self._version.vectors.means(starts)  # a document without text has no chunk
        return rows

    def _dense(self, vector: NDArray[np.float32] | None, kind: Kind) -> dict[int, float]:
        if vector is None:
            return {}
        ids, scores = self._version.vectors.search(vector, _DENSE, self._catalog.ids(kind))
        return dict(zip(ids.tolist(), scores.tolist(), strict=True))

    def _lexical(self, query: Query, substrings: Sequence[str], kind: Kind) -> tuple[Scores, ...]:
        ids = self._catalog.ids(kind)
        terms = [*query.title_words * _TITLE, *query.body_words]
        return (
            self._catalog.match_words(terms, ids, _LEXICAL, _WEIGHTS),
            self._catalog.match_substrings(substrings, ids, _LEXICAL),
            self._catalog.match_unspaced(query.dense, ids, _LEXICAL),
        )


class _Laps:
    """Wall milliseconds by stage."""

    def __init__(self) -> None:
        self.milliseconds: dict[str, float] = {}
        self._since = time.perf_counter()

    def end(self, stage: str) -> None:
        now = time.perf_counter()
        self.milliseconds[stage] = round((now - self._since) * 1000.0, 3)
        self._since = now


def _parts(unknown_words: Sequence[str]) -> list[str]:
    """Return what is searched inside words for words that the index does not have: the word, its front and its back.

    This finds German compounds by one of their words, and many misspellings.
    """
    parts = []
    for word in unknown_words:
        parts.append(word)
        if len(word) >= 2 * _STEM:
            half = max(_STEM, (len(word) + 1) // 2)
            parts += [word[:half], word[-half:]]
    return parts


def _listed(ranked: Sequence[Candidate]) -> list[Candidate]:
    """Return the ranking that is shown: as many of each kind as are wanted, in the order of their scores."""
    counts = dict.fromkeys(_KINDS, 0)
    listed = []
    for candidate in ranked:
        counts[candidate.kind] += 1
        if counts[candidate.kind] <= _PER_KIND:
            listed.append(candidate)
    return listed


def _picked(ranked: Sequence[Candidate]) -> list[tuple[int, float]]:
    """Return the chunks the model sees, with scores: the best, few of a document, both kinds where both were found."""
    scored = [
        (candidate.score - _SECOND * position, candidate.kind, chunk)
        for candidate in ranked[:_PASSAGES]
        for position, chunk in enumerate(candidate.chunks[:_PER_DOCUMENT])
    ]
    scored.sort(key=lambda entry: (-entry[0], entry[2]))
    picked = scored[:_PASSAGES]
    missing = set(_KINDS) - {kind for _, kind, _ in picked}
    other = next((candidate for candidate in ranked if candidate.kind in missing), None)
    if other is not None and other.score > 0.0:
        picked = [*picked[: _PASSAGES - 1], (other.score, other.kind, other.chunks[0])]
    return [(chunk, score) for score, _, chunk in picked]


def _passage(n: int, piece: StoredChunk, score: float) -> Passage:
    return Passage(
        n=n,
        chunk=piece.chunk,
        score=score,
        kind=piece.kind,
        title=piece.title,
        url=piece.url,
        labels=piece.labels,
        updated_at=piece.updated_at,
        confirmed=piece.confirmed,
    )


def _ranked(candidate: Candidate, best: StoredChunk) -> RankedDocument:
    return RankedDocument(best.chunk.document, candidate.kind, candidate.score, best.chunk.id, best.title, best.url)
