"""The manifest of an index version: what it holds, and the checksum of every file."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from indexing.durable import FileFacts, file_facts
from indexing.errors import DamagedIndex

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

CATALOG = "catalog.sqlite"
VECTORS = "vectors.faiss"
MANIFEST = "MANIFEST.json"
FORMAT = 1
"""Raised when catalog or vectors are laid out anew; versions of another format are not read."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a version holds.

    Attributes:
        name: `v0001`.
        created_at: ISO 8601 in UTC.
        embedder: `Embedder.fingerprint`.
        dimension: Length of each vector.
        chunker: Fingerprint of the chunker's settings.
        counts: `documents`, `pages`, `issues`, `chunks`, `skipped`, `masked`.
        sources: Source name -> number of documents.
        files: File name -> facts.
    """

    name: str
    created_at: str
    embedder: str
    dimension: int
    chunker: str
    counts: Mapping[str, int]
    sources: Mapping[str, int]
    files: Mapping[str, FileFacts] = field(default_factory=dict)

    @property
    def fingerprint(self) -> str:
        """Embedder, dimension, chunker and file format in one."""
        return f"{self.embedder}|{self.dimension}|{self.chunker}|{FORMAT}"


def write_manifest(directory: Path, manifest: Manifest) -> None:
    """Write the manifest into the version's directory, with its own checksum in it."""
    content = {"format": FORMAT, **asdict(manifest)}
    text = json.dumps({**content, "sha256": _digest(content)}, indent=2, sort_keys=True, ensure_ascii=False)
    (directory / MANIFEST).write_text(text, encoding="utf-8")


def read_manifest(directory: Path) -> Manifest:
    """Return the manifest of the version in the directory.

    Raises:
        DamagedIndex: It is missing, changed, or of another format.
    """
    path = directory / MANIFEST
    try:
        content: dict[str, Any] = json.loads(path.read_text("utf-8"))
        digest = content.pop("sha256")
        layout = content.pop("format")
        if digest != _digest({"format": layout, **content}):
            raise DamagedIndex(f"{path} was changed: {_MEND}")
        if layout != FORMAT:
            raise DamagedIndex(f"{path} is of format {layout}, this program reads {FORMAT}: build again")
        files = {name: FileFacts(**facts) for name, facts in content.pop("files").items()}
        return Manifest(**content, files=files)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DamagedIndex(f"{path} cannot be read: {_MEND}") from error


_MEND = "run `assistant index rollback`, or build again"


def check_files(directory: Path, manifest: Manifest) -> None:
    """Compare every file with the manifest; a foreign file is refused too.

    Raises:
        DamagedIndex: The first thing found wrong.
    """
    if manifest.name != directory.name:
        raise DamagedIndex(f"{directory} holds the manifest of {manifest.name}: {_MEND}")
    if set(manifest.files) != {CATALOG, VECTORS}:
        raise DamagedIndex(f"{directory} has a manifest that lists other files: {_MEND}")
    present = {entry.name for entry in directory.iterdir()}
    foreign = sorted(present - {CATALOG, VECTORS, MANIFEST})
    if foreign:
        raise DamagedIndex(
            f"{directory} holds a file that no build wrote, {foreign[0][:60]!r}: remove it, or build again"
        )
    for name, facts in manifest.files.items():
        path = directory / name
        if name not in present:
            raise DamagedIndex(f"{path} is missing: {_MEND}")
        if path.is_symlink() or file_facts(path) != facts:
            raise DamagedIndex(f"{path} was changed: {_MEND}")


def _digest(content: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
