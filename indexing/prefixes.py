"""What a model wants written in front of a question and of a document (pure, but for one small file)."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_FILE = "config_sentence_transformers.json"
_DOCUMENT = ("document", "passage", "corpus")  # names in use for the same


@dataclass(frozen=True, slots=True)
class Prefixes:
    """Words that tell a model what it reads. Models that were trained with such words find less without them.

    Source of the method: Wang et al., "Text Embeddings by Weakly-Supervised Contrastive Pre-training", 2022.
    """

    question: str = ""
    document: str = ""

    @property
    def mark(self) -> str:
        """What a fingerprint gets because of them: other words make other vectors. Empty when there are none."""
        if not (self.question or self.document):
            return ""
        told = json.dumps([self.question, self.document], ensure_ascii=True)
        return ":" + hashlib.sha256(told.encode()).hexdigest()[:8]


NONE = Prefixes()
"""What most models want."""


def prefixes_of(folder: Path) -> Prefixes:
    """Return those that a sentence-transformers model names in its folder; empty ones when it names none."""
    try:
        prompts = json.loads((folder / _FILE).read_text("utf-8")).get("prompts") or {}
        document = next((prompts[name] for name in _DOCUMENT if name in prompts), "")
        return Prefixes(str(prompts.get("query", "")), str(document))
    except (OSError, ValueError, AttributeError, TypeError):
        return NONE  # the file is optional, and its other settings are the library's business
