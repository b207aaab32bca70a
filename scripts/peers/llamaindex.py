"""LlamaIndex: FAISS and BM25, fused by reciprocal rank."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import faiss
from llama_index.core import Settings, StorageContext, VectorStoreIndex, load_index_from_storage
from llama_index.core.retrievers import QueryFusionRetriever
from llama_index.core.schema import TextNode
from llama_index.embeddings.huggingface import HuggingFaceEmbedding
from llama_index.retrievers.bm25 import BM25Retriever
from llama_index.vector_stores.faiss import FaissMapVectorStore

if TYPE_CHECKING:
    from pathlib import Path

DIMENSION = 384


class Way:
    """See `measure.py`."""

    def __init__(self, model: str, place: Path) -> None:
        self._place = place
        Settings.llm = None
        Settings.embed_model = HuggingFaceEmbedding(model_name=model, device="cpu")
        self._index: Any = None
        self._retriever: Any = None

    def warm(self) -> None:
        """Load what is loaded at the first use."""
        Settings.embed_model.get_text_embedding("ready")

    def build(self, chunks: list[list[str]], _: list[dict[str, Any]]) -> None:
        """Index and save."""
        store = FaissMapVectorStore(faiss_index=faiss.IndexIDMap2(faiss.IndexFlatIP(DIMENSION)))
        context = StorageContext.from_defaults(vector_store=store)
        nodes = [TextNode(id_=name, text=text) for name, text in chunks]
        self._index = VectorStoreIndex(nodes, storage_context=context)
        self._save(dict(chunks))

    def open(self) -> None:
        """Load from the disk."""
        store = FaissMapVectorStore.from_persist_dir(str(self._place))
        context = StorageContext.from_defaults(vector_store=store, persist_dir=str(self._place))
        self._index = load_index_from_storage(context)
        bm25 = BM25Retriever.from_persist_dir(str(self._place / "bm25"))
        self._retriever = QueryFusionRetriever(
            [self._index.as_retriever(similarity_top_k=50), bm25],
            similarity_top_k=50,
            num_queries=1,
            mode="reciprocal_rerank",
            use_async=False,
        )

    def ask(self, question: str) -> list[str]:
        """Return the names of the best chunks, best first."""
        return [found.node.node_id for found in self._retriever.retrieve(question)]

    def update(self, removed: list[str], added: list[list[str]], _: list[dict[str, Any]]) -> None:
        """Replace chunks and save."""
        texts = json.loads((self._place / "texts.json").read_text("utf-8"))
        self._index.delete_nodes(removed, delete_from_docstore=True)
        self._index.insert_nodes([TextNode(id_=name, text=text) for name, text in added])
        for name in removed:
            texts.pop(name, None)
        self._save(texts | dict(added))

    def _save(self, texts: dict[str, str]) -> None:
        self._index.storage_context.persist(str(self._place))
        nodes = [TextNode(id_=name, text=text) for name, text in texts.items()]
        BM25Retriever.from_defaults(nodes=nodes, similarity_top_k=50).persist(str(self._place / "bm25"))
        (self._place / "texts.json").write_text(json.dumps(texts), encoding="utf-8")
