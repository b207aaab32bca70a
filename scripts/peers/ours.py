"""Ours with its default runtime: documents in as a source gives them, hybrid search with ranking out."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from assistant.adapters.secret_scanner import make_mask
from indexing.build import build
from indexing.model import Document
from indexing.onnx_embedder import PREPARED, OnnxEmbedder
from indexing.retrieve import Retriever
from indexing.versions import Versions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from indexing.embedder import Embedder


class _Given:
    """The documents as a source."""

    name = "given"

    def __init__(self, documents: list[dict[str, Any]]) -> None:
        self._documents = documents

    def items(self) -> Iterator[Document]:
        """Yield the documents."""
        for fields in self._documents:
            yield Document(**{**fields, "labels": tuple(fields["labels"])})


class Way:
    """See `measure.py`."""

    def __init__(self, model: str, place: Path) -> None:
        self._place = place
        self._embedder = self._made(Path(model))
        self._retriever: Retriever | None = None

    def _made(self, model: Path) -> Embedder:
        return OnnxEmbedder(model, None, PREPARED, "float32", cache=self._place / "checked-models.json")

    def warm(self) -> None:
        """Load what is loaded at the first use."""
        self._embedder.encode_query("ready")
        self._clean = make_mask()
        self._clean("ready")

    def build(self, _: list[list[str]], documents: list[dict[str, Any]]) -> None:
        """Index and save."""
        build([_Given(documents)], self._place / "index", self._embedder, self._clean)

    def open(self) -> None:
        """Load from the disk."""
        self._retriever = Retriever(Versions(self._place / "index").open_live(), self._embedder)

    def ask(self, question: str) -> list[str]:
        """Return the names of the best chunks, best first."""
        assert self._retriever is not None  # noqa: S101 - opened before
        return [found.chunk for found in self._retriever(question).ranking]

    def update(self, _: list[str], __: list[list[str]], documents: list[dict[str, Any]]) -> None:
        """Read the source again and publish what changed."""
        build([_Given(documents)], self._place / "index", self._embedder, self._clean)
