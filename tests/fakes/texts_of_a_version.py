"""What recall sees of an index version, written down by a test."""

from __future__ import annotations

from dataclasses import dataclass, field

from assistant.workflows.recall import Source
from indexing.model import Chunk, Passage


@dataclass
class TextsOfAVersion:
    """Documents of one chunk or more; implements `workflows.recall.CurrentTexts`.

    Attributes:
        documents: Document -> the texts of its chunks.
        audiences: Document -> audience, where it is not `public`.
        withdrawn: Documents that nobody may see any more.
        read: Documents whose passages were asked for.
    """

    name: str
    documents: dict[str, tuple[str, ...]]
    audiences: dict[str, str] = field(default_factory=dict)
    withdrawn: frozenset[str] = frozenset()
    read: list[str] = field(default_factory=list)

    def source(self, document: str) -> Source | None:
        if document not in self.documents or document in self.withdrawn:
            return None
        hashes = frozenset(chunk.text_hash for chunk in self._chunks(document))
        return Source(self.audiences.get(document, "public"), hashes)

    def passages(self, document: str) -> tuple[Passage, ...]:
        self.read.append(document)
        return passages_of(document, *self.documents.get(document, ()))

    def is_withdrawn(self, document: str) -> bool:
        return document in self.withdrawn

    def _chunks(self, document: str) -> list[Chunk]:
        return [passage.chunk for passage in passages_of(document, *self.documents[document])]


def passages_of(document: str, *texts: str) -> tuple[Passage, ...]:
    """Return the texts as the passages of one document."""
    return tuple(
        Passage(n, Chunk(document, n - 1, ("Runner",), text), 1.0, "page", "Runner", f"https://docs.example/{document}")
        for n, text in enumerate(texts, start=1)
    )
