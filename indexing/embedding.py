"""Makes the vectors of a build that no earlier version has; what was made survives a crash."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from indexing.build_report import Progress
from indexing.embedding_cache import EmbeddingCache

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from indexing.catalog import ChunkedDocument
    from indexing.embedder import Embedder
    from indexing.index_version import IndexVersion
    from indexing.versions import Step

_BATCH = 256  # chunks between two writes to the embedding cache: seconds of work lost at most


@dataclass(frozen=True, slots=True)
class Embedding:
    """The vectors of one build.

    Attributes:
        cache: Directory of the vectors made by a build that did not end.
        on_progress: Called often.
        on_step: See `Step`.
    """

    embedder: Embedder
    cache: Path
    on_progress: Callable[[Progress], None]
    on_step: Step

    def vectors(
        self, chunked: Sequence[ChunkedDocument], base: IndexVersion | None
    ) -> tuple[dict[bytes, NDArray[np.float32]], int]:
        """Return the vectors of all chunks by the hash of their text, and how many had to be made.

        Args:
            chunked: Documents in chunks.
            base: A version with the same embedder, whose vectors are used where the text is the same.

        Raises:
            BuildRefused: The disk is full or cannot be written.
        """
        texts = {digest: chunk.embedded_text for item in chunked for chunk, digest in item.chunks}
        known = (base.known_vectors(texts) if base is not None else {}) | self._cache().read()
        missing = sorted((digest for digest in texts if digest not in known), key=lambda digest: -len(texts[digest]))
        done = 0

        def tell(count: int) -> None:
            nonlocal done
            done += count
            self.on_progress(Progress("embed", done, len(missing)))

        for start in range(0, len(missing), _BATCH):
            batch = missing[start : start + _BATCH]
            fresh = dict(zip(batch, self.embedder.encode([texts[digest] for digest in batch], tell), strict=True))
            self._cache().add(fresh)
            self.on_step("batch embedded")
            known |= fresh
        return known, len(missing)

    def forget(self) -> None:
        """Delete what was kept for the case of a crash: it is in a version now."""
        self._cache().clear()

    def _cache(self) -> EmbeddingCache:
        return EmbeddingCache(self.cache, self.embedder.fingerprint, self.embedder.dimension)
