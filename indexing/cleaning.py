"""Documents before they are stored anywhere: invisible characters stripped, secrets masked, hashed."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from indexing.model import Clean, Document


@dataclass(frozen=True, slots=True)
class MaskedSecret:
    """A secret that was masked: where and of what kind, never its value.

    `line` counts from 1 in the document's text; 0 is the title.
    """

    document: str
    line: int
    kind: str


def content_hash(document: Document) -> str:
    """Return the hex SHA-256 of all that the document says."""
    return hashlib.sha256(json.dumps(asdict(document), sort_keys=True).encode()).hexdigest()


def cleaned(document: Document, clean: Clean) -> tuple[Document, list[MaskedSecret]]:
    """Return the document with clean title and text, and what was masked in them."""
    title, text = clean(document.title), clean(document.text)
    masked = [MaskedSecret(document.id, 0, kind) for kind in title.masked]
    if text.masked:
        masked += _located(document, clean, text.masked)
    one_line = " ".join(title.text.split()) or document.id
    return replace(document, title=one_line, text=text.text), masked


def _located(document: Document, clean: Clean, kinds: Sequence[str]) -> list[MaskedSecret]:
    """Return the line of each masked secret; one that spans lines (a private key) is told at line 1."""
    found = [
        MaskedSecret(document.id, number, kind)
        for number, line in enumerate(document.text.splitlines(), start=1)
        for kind in clean(line).masked
    ]
    missed = list(kinds)
    for secret in found:
        if secret.kind in missed:
            missed.remove(secret.kind)
    return found + [MaskedSecret(document.id, 1, kind) for kind in missed]
