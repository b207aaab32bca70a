"""The embedder port, and a small implementation that needs no model."""

from __future__ import annotations

import re
import zlib
from typing import TYPE_CHECKING, Protocol

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

_WORD = re.compile(r"\w+")
_UNSPACED = re.compile(r"[\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")


class Embedder(Protocol):
    """Turns text into vectors. Implementations: sentence-transformers, hashing."""

    @property
    def fingerprint(self) -> str:
        """Name of exactly this model; vectors of different fingerprints are never compared. Cheap: loads no model."""

    @property
    def dimension(self) -> int:
        """Length of each vector. Cheap: loads no model."""

    @property
    def multilingual(self) -> bool:
        """Whether it reads scripts without spaces between words (Chinese, Japanese, ...); if not, full text decides."""

    @property
    def spread(self) -> float:
        """How far apart the cosines of the default model lie, divided by this one's; the ranking was fitted with it."""

    def encode(self, texts: Sequence[str], on_progress: Callable[[int], None] | None = None) -> NDArray[np.float32]:
        """Return float32, (len(texts), dimension), rows L2-normalised, in the order of `texts`.

        Args:
            texts: Any Unicode text; what is longer than the model reads is cut off by the model.
            on_progress: Called with the number of texts done since the last call.
        """

    def encode_query(self, text: str) -> NDArray[np.float32]:
        """Return float32, (dimension,), L2-normalised."""


class HashingEmbedder:
    """Words hashed into a vector: for tests and tiny machines.

    Deterministic, a few kilobytes of memory, no model and no torch. Texts are near when they share words, so it adds
    little to full text search; choose it by the name `hashing` where a real model cannot run.

    Args:
        dimension: Length of each vector.

    Source of the method: Weinberger et al., "Feature Hashing for Large Scale Multitask Learning", ICML 2009.
    """

    def __init__(self, dimension: int = 256) -> None:
        self._dimension = dimension

    @property
    def fingerprint(self) -> str:
        """See `Embedder.fingerprint`."""
        return f"hashing-1:{self._dimension}"

    @property
    def dimension(self) -> int:
        """See `Embedder.dimension`."""
        return self._dimension

    @property
    def multilingual(self) -> bool:
        """See `Embedder.multilingual`."""
        return False

    @property
    def spread(self) -> float:
        """See `Embedder.spread`."""
        return 1.0

    def encode(self, texts: Sequence[str], on_progress: Callable[[int], None] | None = None) -> NDArray[np.float32]:
        """See `Embedder.encode`."""
        rows = np.zeros((len(texts), self._dimension), dtype=np.float32)
        for row, text in zip(rows, texts, strict=True):
            row[:] = self.encode_query(text)
            if on_progress is not None:
                on_progress(1)
        return rows

    def encode_query(self, text: str) -> NDArray[np.float32]:
        """See `Embedder.encode_query`."""
        vector = np.zeros(self._dimension, dtype=np.float32)
        for word in _words(text):
            digest = zlib.crc32(word.encode("utf-8", "surrogatepass"))
            vector[digest % self._dimension] += 1.0 if digest & 0x8000_0000 else -1.0
        length = float(np.linalg.norm(vector))
        if length == 0.0:  # no word at all, or words that cancel out: any fixed direction keeps the row normalised
            vector[0] = length = 1.0
        return (vector / np.float32(length)).astype(np.float32)


def _words(text: str) -> list[str]:
    """Return lower-case words; single characters of scripts that write no spaces."""
    return [
        piece for word in _WORD.findall(text.lower()) for piece in (list(word) if _UNSPACED.search(word) else [word])
    ]
