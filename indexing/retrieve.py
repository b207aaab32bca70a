"""Question -> passages: dense and full text, pages and issues apart, fused, then merged into one list."""

from __future__ import annotations

import bisect
import copy
import itertools
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from functools import cache, cached_property
from typing import TYPE_CHECKING

from indexing.errors import Incompatible
from indexing.evidence import FEATURES, Evidence
from indexing.manifest import PUBLIC
from indexing.model import Retrieval
from indexing.picking import KINDS, PASSAGES, listed_of, passage_of, picked_of, ranked_of
from indexing.query import read_question
from indexing.ranking import Found, rank
from indexing.reranking import Reranker
from indexing.standing import Standing

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from indexing.catalog import Scores
    from indexing.embedder import Embedder
    from indexing.index_version import IndexVersion
    from indexing.model import Kind
    from indexing.query import Query
    from indexing.ranking import Candidate
    from indexing.second_look import SecondLook

__all__ = ["FEATURES", "Retriever"]

_DENSE = 200  # chunks of a kind from the vectors
_LEXICAL = 400  # chunks of a kind from each full text table
_WEIGHTS = (8.0, 2.0, 1.0)  # of title, headings and text in BM25
_TITLE = 2  # a word of the question's title counts as often
_WITHDRAWN = 2000  # chunks of withdrawn documents that full text search may find beside those, when people wait
_SHARES = (1.0, 0.3, 1.0)  # of words, substrings and character pairs
_ROUNDS = 3  # of leaving out those that crowd in: after each, others like them may come up
_UNKNOWN = 6  # words that the index does not have and that are searched inside words
_HALF = 0.5
_STEM = 4  # letters of an unknown word that a substring must keep


@cache
def _threads() -> ThreadPoolExecutor:
    """Return the threads of a search: SQLite works while the embedding model does, which reads the title meanwhile."""
    return ThreadPoolExecutor(4, "search")


class Retriever:
    """Searches one index version. Safe to share between threads.

    Args:
        version: An open version.
        embedder: The one the version was built with; None searches full text alone.
        withdrawn: `Document.id` of those that must not be found; None for those that were withdrawn when the version
            was opened.
        second_look: Reorders the first documents; None leaves them as they are.

    Raises:
        Incompatible: The version was built with another embedder.
    """

    def __init__(
        self,
        version: IndexVersion,
        embedder: Embedder | None,
        withdrawn: frozenset[str] | None = None,
        second_look: SecondLook | None = None,
    ) -> None:
        manifest = version.manifest
        if embedder is not None and manifest.embedder != embedder.fingerprint:
            raise Incompatible(
                f"index {version.name} was built with another embedder ({manifest.embedder}): "
                "build again, or set ASSISTANT_EMBEDDER back"
            )
        self._version = version
        self._catalog = version.catalog
        self._embedder = None if version.text_alone else embedder
        self._standing = Standing(version.catalog)
        self._rerank = Reranker(version)
        self._second_look = second_look
        self._hidden = version.withdrawn if withdrawn is None else withdrawn
        found = self._catalog.documents(self._hidden).values()
        self._withdrawn = sorted((facts.first_chunk, facts.first_chunk + facts.chunks) for facts in found)
        self._beside = min(_WITHDRAWN, sum(stop - start for start, stop in self._withdrawn))

    def with_embedder(self, embedder: Embedder) -> Retriever:
        """Return a retriever of the same version that uses vectors too.

        Raises:
            Incompatible: The version was built with another embedder.
        """
        return Retriever(self._version, embedder, self._hidden, self._second_look)

    def without(self, runs: Sequence[range]) -> Retriever:
        """Return a retriever of the same version that does not find these chunks either, and shares what it remembers.

        However many they are, full text search finds as many of the others as it would without them.

        Args:
            runs: Chunks of whole documents: for each the ids from its first to its last.
        """
        other = copy.copy(self)
        other.__dict__.pop("_left_out", None)
        other._withdrawn = sorted({*self._withdrawn, *((run.start, run.stop) for run in runs)})  # noqa: SLF001 - its own class
        other._beside = sum(stop - start for start, stop in other._withdrawn)  # noqa: SLF001 - as above
        return other

    _read = staticmethod(read_question)

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32] | None:
        """Return vectors of texts as the version's own are made: float32, (len(texts), dimension), rows of length 1.

        None without an embedder.
        """
        return None if self._embedder is None else self._embedder.encode(texts)

    def __call__(self, question: str, audiences: Collection[str] = PUBLIC) -> Retrieval:
        """Return what the question finds. Any text is a question, and none is an error.

        Args:
            question: Any text.
            audiences: Who may read along; documents for others are not looked at.
        """
        laps = _Laps()
        query = self._read(question)
        asked = bool(query.title_words or query.body_words)
        ids = {kind: self._catalog.ids(kind, audiences) for kind in KINDS}
        looked_up = _threads().submit(self._full_text, query, ids)  # while the question is embedded
        vector, title = self._vectors(query) if asked else (None, None)
        laps.end("embed")
        dense = {kind: self._dense(vector, ids[kind]) for kind in KINDS}
        laps.end("dense")
        evidence, lexical = looked_up.result()
        laps.end("lexical")
        trust = 1.0 if self._embedder is None or self._embedder.multilingual else 1.0 - min(1.0, query.unspaced)
        numbers = self._catalog.numbers.of(
            {chunk for kind in lexical for scores in (dense[kind], *lexical[kind]) for chunk in scores}
        )
        by_collection = self._catalog.collections.named(query.dense)
        found = {kind: self._found(dense[kind], lexical[kind], numbers, vector, by_collection) for kind in lexical}
        ranked = self._standing.collapsed(
            self._ranked(found, numbers, trust),
            lambda known: known.document.audience in audiences and not self._is_withdrawn(known.first_chunk),
        )
        readable = trust > _HALF and evidence.knows_title  # else the vector says nothing of an order
        ranked = self._rerank(ranked, title if readable else None, evidence.title_words, self._catalog.unconfirmed)
        laps.end("rerank")
        if self._second_look is not None:
            looked = self._second_look(query, ranked, self._catalog)
            ranked = ranked if looked is None else looked
            laps.end("cross_encoder" if looked is not None else "cross_encoder_failed")
        listed = listed_of(ranked)
        picked = picked_of(
            ranked, self._standing.origins(ranked[:PASSAGES]), self._standing.resolutions(ranked[:PASSAGES])
        )
        stored = self._catalog.stored([*(candidate.chunks[0] for candidate in listed), *(chunk for chunk, _ in picked)])
        retrieval = Retrieval(
            passages=tuple(passage_of(n, stored[chunk], score) for n, (chunk, score) in enumerate(picked, start=1)),
            ranking=tuple(ranked_of(candidate, stored[candidate.chunks[0]]) for candidate in listed),
            features=evidence.features(found, ranked, [stored[chunk] for chunk, _ in picked]),
            index_version=self._version.name,
            lexical_only=self._embedder is None,
            timings_ms=laps.milliseconds,
        )
        laps.end("merge")
        return retrieval

    def _vectors(self, query: Query) -> tuple[NDArray[np.float32] | None, NDArray[np.float32] | None]:
        """Return the vectors of the question and of its title; None without an embedder."""
        if self._embedder is None:
            return None, None
        if query.title == query.dense:
            whole = self._embedder.encode_query(query.dense)
            return whole, whole
        title = _threads().submit(self._embedder.encode_query, query.title)
        return self._embedder.encode_query(query.dense), title.result()

    def _full_text(
        self, query: Query, ids: Mapping[Kind, Sequence[range]]
    ) -> tuple[Evidence, dict[Kind, tuple[Scores, ...]]]:
        """Return what the words of the question say about it, and what full text finds of each kind."""
        evidence = Evidence(self._catalog, query)
        if not (query.title_words or query.body_words):
            return evidence, {}
        substrings = [*query.identifiers, *_parts(evidence.unknown_words[:_UNKNOWN])]
        needed = evidence.needed_words
        return evidence, {kind: self._lexical(query, substrings, needed, ids[kind]) for kind in KINDS}

    def _ranked(self, found: Mapping[Kind, Found], numbers: Mapping[int, int], trust: float) -> list[Candidate]:
        """Return the documents found, best first, scored as if nobody had crowded in.

        A score tells how far a document stands out from the others: who opens thirty issues about a topic must not
        change how the honest answers to it compare.
        """
        ranked = rank(found, numbers, _SHARES, trust)
        out: dict[int, Candidate] = {}
        for _ in range(_ROUNDS):
            crowding = self._standing.crowding(ranked) - out.keys()
            if not crowding:
                break
            out |= {candidate.number: candidate for candidate in ranked if candidate.number in crowding}
            left_out = frozenset(chunk for chunk, number in numbers.items() if number in out)
            rest = {kind: part.without(left_out) for kind, part in found.items()}
            ranked = [*rank(rest, numbers, _SHARES, trust), *out.values()]
            ranked.sort(key=lambda candidate: (-candidate.score, candidate.number))
        return ranked

    def _dense(self, vector: NDArray[np.float32] | None, ids: Sequence[range]) -> dict[int, float]:
        return {} if vector is None else self._version.vectors.search(vector, _DENSE, ids, self._left_out)

    def _lexical(
        self, query: Query, substrings: Sequence[str], needed: Sequence[str], ids: Sequence[range]
    ) -> tuple[Scores, ...]:
        terms = [*query.title_words * _TITLE, *query.body_words]
        limit = _LEXICAL + self._beside
        return (
            self._shown(self._catalog.match_words(terms, ids, limit, _WEIGHTS, needed)),
            self._shown(self._catalog.match_substrings(substrings, ids, limit)),
            self._shown(self._catalog.match_unspaced(query.dense, ids, limit)),
        )

    def _shown(self, scores: Scores) -> Scores:
        """Return the best of them without what is withdrawn."""
        if not self._withdrawn:
            return scores
        shown = ((chunk, score) for chunk, score in scores.items() if not self._is_withdrawn(chunk))
        return dict(itertools.islice(shown, _LEXICAL))

    def _is_withdrawn(self, chunk: int) -> bool:
        place = bisect.bisect_right(self._withdrawn, (chunk, sys.maxsize)) - 1
        return place >= 0 and chunk < self._withdrawn[place][1]

    def _found(
        self,
        dense: Scores,
        lexical: Sequence[Scores],
        numbers: Mapping[int, int],
        vector: NDArray[np.float32] | None,
        by_collection: list[float],
    ) -> Found:
        def named(documents: Sequence[int]) -> Sequence[float]:
            return self._catalog.collections.shares(by_collection, documents)

        def topics(documents: Sequence[int]) -> Sequence[float]:
            directions = self._version.vectors.directions([self._catalog.numbers.run(n) for n in documents])
            return [] if vector is None else (directions @ vector).tolist()

        spread = 1.0 if self._embedder is None else self._embedder.spread
        return Found(_settled(dense, numbers), topics, [_settled(scores, numbers) for scores in lexical], named, spread)

    @cached_property
    def _left_out(self) -> NDArray[np.int64]:
        """Ids of the chunks of withdrawn documents, rising: int64."""
        import numpy as np  # noqa: PLC0415 - full text search alone does without

        runs = [np.arange(start, stop, dtype=np.int64) for start, stop in self._withdrawn]
        return np.concatenate([np.empty(0, dtype=np.int64), *runs])


def _settled(scores: Scores, numbers: Mapping[int, int]) -> Scores:
    """Return the scores, best first, those that are the same in an order that does not depend on how rows lie."""
    return dict(sorted(scores.items(), key=lambda entry: (-entry[1], numbers[entry[0]], entry[0])))


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
