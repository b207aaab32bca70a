"""Ours with the same runtime as the peers, torch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import ours

from indexing.sentence_transformers_embedder import SentenceTransformersEmbedder

if TYPE_CHECKING:
    from pathlib import Path

    from indexing.embedder import Embedder


class Way(ours.Way):
    """See `measure.py`."""

    def _made(self, model: Path) -> Embedder:
        return SentenceTransformersEmbedder(model, None, cache=self._place / "checked-models.json")
