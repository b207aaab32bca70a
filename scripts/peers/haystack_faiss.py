"""Haystack: its FAISS document store and BM25 in memory, joined by reciprocal rank."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from haystack import Document
from haystack.components.joiners import DocumentJoiner
from haystack.components.retrievers.in_memory import InMemoryBM25Retriever
from haystack.document_stores.in_memory import InMemoryDocumentStore
from haystack.utils import ComponentDevice
from haystack_integrations.components.embedders.sentence_transformers import (
    SentenceTransformersDocumentEmbedder,
    SentenceTransformersTextEmbedder,
)
from haystack_integrations.components.retrievers.faiss import FAISSEmbeddingRetriever
from haystack_integrations.document_stores.faiss import FAISSDocumentStore

if TYPE_CHECKING:
    from pathlib import Path

DIMENSION = 384
CPU = ComponentDevice.from_str("cpu")


class Way:
    """See `measure.py`."""

    def __init__(self, model: str, place: Path) -> None:
        place.mkdir(parents=True, exist_ok=True)
        self._vectors = str(place / "vectors")
        self._texts = str(place / "texts.json")
        self._documents = SentenceTransformersDocumentEmbedder(model=model, device=CPU, progress_bar=False)
        self._question = SentenceTransformersTextEmbedder(model=model, device=CPU, progress_bar=False)
        self._store: Any = None
        self._lexical: Any = None
        self._joiner = DocumentJoiner(join_mode="reciprocal_rank_fusion", top_k=50)

    def warm(self) -> None:
        """Load what is loaded at the first use."""
        self._documents.warm_up()

    def build(self, chunks: list[list[str]], _: list[dict[str, Any]]) -> None:
        """Index and save."""
        self._store = FAISSDocumentStore(embedding_dim=DIMENSION)
        self._lexical = InMemoryDocumentStore()
        self._put(chunks)

    def open(self) -> None:
        """Load from the disk."""
        self._question.warm_up()
        self._store = FAISSDocumentStore(index_path=self._vectors, embedding_dim=DIMENSION)
        self._lexical = InMemoryDocumentStore.load_from_disk(self._texts)
        self._dense_retriever = FAISSEmbeddingRetriever(document_store=self._store, top_k=50)
        self._lexical_retriever = InMemoryBM25Retriever(document_store=self._lexical, top_k=50)

    def ask(self, question: str) -> list[str]:
        """Return the names of the best chunks, best first."""
        vector = self._question.run(text=question)["embedding"]
        dense = self._dense_retriever.run(query_embedding=vector)["documents"]
        lexical = self._lexical_retriever.run(query=question)["documents"]
        return [found.id for found in self._joiner.run(documents=[dense, lexical])["documents"]]

    def update(self, removed: list[str], added: list[list[str]], _: list[dict[str, Any]]) -> None:
        """Replace chunks and save."""
        self._store.delete_documents(removed)
        self._lexical.delete_documents(removed)
        self._put(added)

    def _put(self, chunks: list[list[str]]) -> None:
        plain = [Document(id=name, content=text) for name, text in chunks]
        self._store.write_documents(self._documents.run(documents=plain)["documents"])
        self._lexical.write_documents(plain)
        self._store.save(self._vectors)
        self._lexical.save_to_disk(self._texts)
