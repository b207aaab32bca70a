"""A ranking of documents -> what is shown of it: the list, and the passages that the model sees. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from indexing.collapsing import within_shares
from indexing.model import Passage, RankedDocument

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping, Sequence

    from indexing.catalog import StoredChunk
    from indexing.model import Kind
    from indexing.ranking import Candidate

KINDS: tuple[Kind, ...] = ("page", "issue")
PASSAGES = 8

_PER_KIND = 15  # documents in the ranking
_PER_DOCUMENT = 2
_SECOND = 2.0  # by which the second chunk of a document stands behind its first
_RESOLUTION = 0.3  # by which the chunk that tells what solved an issue does


def listed_of(ranked: Sequence[Candidate]) -> list[Candidate]:
    """Return the ranking that is shown: as many of each kind as are wanted, in the order of their scores."""
    counts = dict.fromkeys(KINDS, 0)
    listed = []
    for candidate in ranked:
        counts[candidate.kind] += 1
        if counts[candidate.kind] <= _PER_KIND:
            listed.append(candidate)
    return listed


def picked_of(
    ranked: Sequence[Candidate], origins: Mapping[int, Hashable], resolutions: Mapping[int, int]
) -> list[tuple[int, float]]:
    """Return the chunks the model sees, with scores: the best, few of a document, both kinds where both were found.

    No origin has more than half of them. An issue is found by its problem and read for its resolution, so that comes
    with it: of the issues among the passages of 222 questions .83 then tell what solved them, before .55. The chunk
    that follows the one that was found earned nothing for pages, and is left out.

    Args:
        ranked: Best first.
        origins: By chunk: what could have been written by one hand.
        resolutions: By number of an issue: the chunk that tells what solved it.
    """
    scored = [
        (candidate.score - behind, candidate.kind, chunk)
        for candidate in ranked[:PASSAGES]
        for chunk, behind in _chunks(candidate, resolutions.get(candidate.number))
    ]
    scored.sort(key=lambda entry: -entry[0])  # stable: of equal scores the confirmed document stands first
    kinds = {chunk: kind for _, kind, chunk in scored}
    shared = within_shares([(chunk, score) for score, _, chunk in scored], origins, PASSAGES)
    picked = [(score, kinds[chunk], chunk) for chunk, score in shared]
    missing = set(KINDS) - {kind for _, kind, _ in picked}
    other = next((candidate for candidate in ranked if candidate.kind in missing), None)
    if other is not None and other.score > 0.0:
        picked = [*picked[: PASSAGES - 1], (other.score, other.kind, other.chunks[0])]
    return [(chunk, score) for score, _, chunk in picked]


def _chunks(candidate: Candidate, resolution: int | None) -> list[tuple[int, float]]:
    """Return the chunks of a document that may be shown, and by how much each stands behind its score."""
    if resolution is not None and candidate.chunks[0] != resolution:
        return [(candidate.chunks[0], 0.0), (resolution, _RESOLUTION)]
    return [(chunk, _SECOND * place) for place, chunk in enumerate(candidate.chunks[:_PER_DOCUMENT])]


def passage_of(n: int, piece: StoredChunk, score: float) -> Passage:
    """Return a stored chunk as the passage of that number."""
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
        audience=piece.audience,
        closed_as=piece.closed_as,
        author=piece.author,
        asked_for=piece.asked_for,
    )


def ranked_of(candidate: Candidate, best: StoredChunk) -> RankedDocument:
    """Return a candidate as an entry of the ranking, with its best chunk."""
    found = best.chunk
    return RankedDocument(
        found.document, candidate.kind, candidate.score, found.id, best.title, best.url, best.audience, best.asked_for
    )
