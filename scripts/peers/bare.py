"""The bare parts: encode with sentence-transformers, one exact FAISS index, one FTS5 table."""

from __future__ import annotations

import re
import sqlite3
from typing import TYPE_CHECKING, Any

import faiss
import numpy as np
from sentence_transformers import SentenceTransformer

if TYPE_CHECKING:
    from pathlib import Path

BATCH = 8  # the fastest of those measured on few cores
_K = 10.0


class Way:
    """See `measure.py`."""

    def __init__(self, model: str, place: Path) -> None:
        place.mkdir(parents=True, exist_ok=True)
        self._place = place
        self._model = SentenceTransformer(model, device="cpu", local_files_only=True)
        self._index: Any = None
        self._connection = sqlite3.connect(place / "texts.sqlite")

    def warm(self) -> None:
        """Load what is loaded at the first use."""
        self._model.encode("ready")

    def build(self, chunks: list[list[str]], _: list[dict[str, Any]]) -> None:
        """Index and save."""
        self._connection.execute("CREATE VIRTUAL TABLE words USING fts5(name UNINDEXED, text, tokenize='porter')")
        self._index = faiss.IndexIDMap2(faiss.IndexFlatIP(int(self._model.get_sentence_embedding_dimension() or 0)))
        self._put(chunks)

    def open(self) -> None:
        """Load from the disk."""
        self._index = faiss.read_index(str(self._place / "vectors.faiss"))

    def ask(self, question: str) -> list[str]:
        """Return the names of the best chunks, best first."""
        _, rows = self._index.search(self._encode([question]), 50)
        expression = " OR ".join(f'"{word}"' for word in dict.fromkeys(re.findall(r"\w+", question.lower())))
        query = "SELECT rowid FROM words WHERE words MATCH ? ORDER BY bm25(words) LIMIT 50"
        lexical = [row[0] for row in self._connection.execute(query, (expression,))]
        scores: dict[int, float] = {}
        for found in (rows[0].tolist(), lexical):
            for place, row in enumerate(found, start=1):
                scores[row] = scores.get(row, 0.0) + 1.0 / (_K + place)
        best = sorted(scores, key=lambda row: -scores[row])[:50]
        names = dict(
            self._connection.execute(
                f"SELECT rowid, name FROM words WHERE rowid IN ({','.join(map(str, best))})"  # noqa: S608 - numbers
            )
        )
        return [names[row] for row in best]

    def update(self, removed: list[str], added: list[list[str]], _: list[dict[str, Any]]) -> None:
        """Replace chunks and save."""
        gone = set(removed)
        rows = [row for row, name in self._connection.execute("SELECT rowid, name FROM words") if name in gone]
        self._connection.executemany("DELETE FROM words WHERE rowid = ?", [(row,) for row in rows])
        self._index.remove_ids(np.asarray(rows, dtype=np.int64))
        self._put(added)

    def _put(self, chunks: list[list[str]]) -> None:
        last = self._connection.execute("SELECT coalesce(max(rowid), 0) FROM words").fetchone()[0]
        rows = range(last + 1, last + 1 + len(chunks))
        with self._connection:
            self._connection.executemany(
                "INSERT INTO words(rowid, name, text) VALUES (?, ?, ?)",
                [(row, name, text) for row, (name, text) in zip(rows, chunks, strict=True)],
            )
        self._index.add_with_ids(self._encode([text for _, text in chunks]), np.asarray(rows, dtype=np.int64))
        faiss.write_index(self._index, str(self._place / "vectors.faiss"))

    def _encode(self, texts: list[str]) -> Any:  # noqa: ANN401 - an array
        return self._model.encode(texts, batch_size=BATCH, show_progress_bar=False, normalize_embeddings=True)
