"""LangChain: its FAISS store and BM25, joined by its ensemble retriever."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import faiss
from langchain_classic.retrievers import EnsembleRetriever
from langchain_community.docstore.in_memory import InMemoryDocstore
from langchain_community.retrievers import BM25Retriever
from langchain_community.vectorstores import FAISS
from langchain_huggingface import HuggingFaceEmbeddings

if TYPE_CHECKING:
    from pathlib import Path

DIMENSION = 384


class Way:
    """See `measure.py`."""

    def __init__(self, model: str, place: Path) -> None:
        place.mkdir(parents=True, exist_ok=True)
        self._place = place
        self._embeddings = HuggingFaceEmbeddings(model_name=model, model_kwargs={"device": "cpu"})
        self._store: Any = None
        self._retriever: Any = None

    def warm(self) -> None:
        """Load what is loaded at the first use."""
        self._embeddings.embed_query("ready")

    def build(self, chunks: list[list[str]], _: list[dict[str, Any]]) -> None:
        """Index and save."""
        self._store = FAISS(self._embeddings, faiss.IndexFlatIP(DIMENSION), InMemoryDocstore(), {})
        self._put(chunks)
        self._save(dict(chunks))

    def open(self) -> None:
        """Load from the disk. It has no full text on the disk: that is made again from the texts."""
        self._store = FAISS.load_local(str(self._place), self._embeddings, allow_dangerous_deserialization=True)
        texts = self._texts()
        lexical = BM25Retriever.from_texts(list(texts.values()), [{"name": name} for name in texts], k=50)
        dense = self._store.as_retriever(search_kwargs={"k": 50})
        self._retriever = EnsembleRetriever(retrievers=[dense, lexical], weights=[0.5, 0.5])

    def ask(self, question: str) -> list[str]:
        """Return the names of the best chunks, best first."""
        return [found.metadata["name"] for found in self._retriever.invoke(question)]

    def update(self, removed: list[str], added: list[list[str]], _: list[dict[str, Any]]) -> None:
        """Replace chunks and save."""
        texts = self._texts()
        self._store.delete(removed)
        for name in removed:
            del texts[name]
        self._put(added)
        self._save(texts | dict(added))

    def _put(self, chunks: list[list[str]]) -> None:
        names, texts = zip(*chunks, strict=True)
        self._store.add_texts(list(texts), [{"name": name} for name in names], ids=list(names))

    def _save(self, texts: dict[str, str]) -> None:
        self._store.save_local(str(self._place))
        (self._place / "texts.json").write_text(json.dumps(texts), encoding="utf-8")

    def _texts(self) -> dict[str, str]:
        texts: dict[str, str] = json.loads((self._place / "texts.json").read_text("utf-8"))
        return texts
