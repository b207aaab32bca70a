"""txtai: its FAISS index with content in SQLite and its own BM25, joined as its hybrid search does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from txtai import Embeddings

if TYPE_CHECKING:
    from pathlib import Path


class Way:
    """See `measure.py`."""

    def __init__(self, model: str, place: Path) -> None:
        self._place = str(place / "index")
        self._embeddings = Embeddings(path=model, hybrid=True, content=True, gpu=False)

    def warm(self) -> None:
        """Load what is loaded at the first use."""
        self._embeddings.transform("ready")

    def build(self, chunks: list[list[str]], _: list[dict[str, Any]]) -> None:
        """Index and save."""
        self._embeddings.index((name, text, None) for name, text in chunks)
        self._embeddings.save(self._place)

    def open(self) -> None:
        """Load from the disk."""
        self._embeddings.load(self._place)

    def ask(self, question: str) -> list[str]:
        """Return the names of the best chunks, best first."""
        return [found["id"] for found in self._embeddings.search(question, 50)]

    def update(self, removed: list[str], added: list[list[str]], _: list[dict[str, Any]]) -> None:
        """Replace chunks and save."""
        self._embeddings.delete(removed)
        self._embeddings.upsert((name, text, None) for name, text in added)
        self._embeddings.save(self._place)
