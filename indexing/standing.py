"""What the catalog knows of the documents found, and the ranking that `indexing/collapsing.py` makes of it."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING

from indexing.collapsing import TrustFacts, collapse, crowding, wanted_originals
from indexing.sketches import sketch

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Hashable, Iterable, Sequence

    from indexing.catalog import Catalog
    from indexing.catalog_rows import DocumentFacts, StoredChunk
    from indexing.ranking import Candidate

_FIRST = 20  # candidates that are looked at; what stands behind them is listed as it is
_ALL = 80  # the same where most of the first fell into one
_ENOUGH = 12  # different documents that must be left of the first
_KEPT = 20_000  # documents that are remembered: some 10 MB
_SHOWN = 2  # chunks of an original that was not found itself


class Standing:
    """Remembers what documents of one index version say and who stands behind them. Safe to share between threads.

    Args:
        catalog: Of the version.
    """

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._lock = threading.Lock()
        self._known: OrderedDict[int, TrustFacts] = OrderedDict()

    def collapsed(self, ranked: Sequence[Candidate], may_show: Callable[[DocumentFacts], bool]) -> list[Candidate]:
        """Return the candidates that count, best first.

        Args:
            ranked: Best first.
            may_show: Whether the original of a duplicate may be shown to who asks: it was not found by a search that
                asked for it.
        """
        for many in (_FIRST, _ALL):
            facts = self._facts([candidate.number for candidate in ranked[:many]])
            facts |= self._originals(facts.values(), may_show)
            found = collapse(ranked[:many], facts)
            if len(found) >= min(_ENOUGH, len(ranked)):
                break
        rest = [candidate for candidate in ranked[many:] if candidate.number not in facts]
        return sorted(
            [*found, *rest], key=lambda candidate: -candidate.score
        )  # stable: what was looked at stands first

    def crowding(self, ranked: Sequence[Candidate]) -> frozenset[int]:
        """Return the numbers of those candidates that should not take part in how the others are scored."""
        doubtful = [candidate.number for candidate in ranked if candidate.number in self._catalog.unconfirmed]
        return crowding(ranked, self._facts(doubtful)) if doubtful else frozenset()

    def origins(self, candidates: Iterable[Candidate]) -> dict[int, Hashable]:
        """Return, for every chunk of the candidates, what could have been written by one hand.

        That is the author of an unconfirmed issue, and a document of its own for all else.
        """
        listed = list(candidates)
        facts = self._facts([candidate.number for candidate in listed])
        found: dict[int, Hashable] = {}
        for candidate in listed:
            fact = facts[candidate.number]
            origin: Hashable = candidate.number if fact.confirmed or not fact.author else fact.author
            found.update(dict.fromkeys((*candidate.chunks, fact.resolution), origin))
        return found

    def resolutions(self, candidates: Iterable[Candidate]) -> dict[int, int]:
        """Return, by number of each issue among the candidates that was solved, the chunk that tells how."""
        facts = self._facts([candidate.number for candidate in candidates if candidate.kind == "issue"])
        return {number: fact.resolution for number, fact in facts.items() if fact.resolution >= 0}

    def _facts(self, numbers: Sequence[int]) -> dict[int, TrustFacts]:
        with self._lock:
            found = {number: self._known[number] for number in numbers if number in self._known}
            for number in found:
                self._known.move_to_end(number)
        missing = [number for number in numbers if number not in found]
        if missing:
            read = self._read(missing)
            found |= read
            with self._lock:
                self._known.update(read)
                while len(self._known) > _KEPT:
                    self._known.popitem(last=False)
        return found

    def _read(self, numbers: Sequence[int]) -> dict[int, TrustFacts]:
        runs = {number: self._catalog.numbers.run(number) for number in numbers}
        stored = self._catalog.stored([chunk for run in runs.values() for chunk in run])
        pieces = {number: [stored[chunk] for chunk in run if chunk in stored] for number, run in runs.items()}
        return {number: _fact(found) for number, found in pieces.items() if found}

    def _originals(
        self, facts: Collection[TrustFacts], may_show: Callable[[DocumentFacts], bool]
    ) -> dict[int, TrustFacts]:
        """Return what is known of the originals of duplicates among these that are in the index and may be shown."""
        wanted = wanted_originals(facts)
        if not wanted:
            return {}
        known = [one for one in self._catalog.documents(wanted).values() if one.chunks and may_show(one)]
        return self._facts([self._catalog.numbers[one.first_chunk] for one in known])


def _fact(pieces: Sequence[StoredChunk]) -> TrustFacts:
    first = pieces[0]
    solved = [piece.id for piece in pieces if _tells_resolution(piece)]
    return TrustFacts(
        document=first.chunk.document,
        kind=first.kind,
        confirmed=first.confirmed,
        closed_as=first.closed_as,
        duplicate_of=first.duplicate_of,
        author=first.author,
        updated_at=first.updated_at,
        sketch=sketch("\n".join(piece.chunk.text for piece in pieces)),
        chunks=tuple(dict.fromkeys([*solved, *(piece.id for piece in pieces)]))[:_SHOWN],
        resolution=solved[0] if first.kind == "issue" and solved else -1,
    )


def _tells_resolution(piece: StoredChunk) -> bool:
    return piece.chunk.headings[-1] == "Resolution" or "## Resolution\n" in piece.chunk.text
