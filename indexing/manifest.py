"""The manifest of an index version: what it holds, and the checksum of every file."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from indexing.durable import FileFacts, file_facts, known_file_facts
from indexing.errors import DamagedIndex

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from indexing.model import Kind

CATALOG = "catalog.sqlite"
MANIFEST = "MANIFEST.json"
FORMAT = 3
"""Raised when catalog or vectors are laid out anew; versions of another format are not read."""

PUBLIC = frozenset({"public"})
"""The audiences of a question when nothing else is said."""

ROWS_OF_A_PARTITION = 1 << 32
"""Chunk id = partition * 2**32 + row."""


@dataclass(frozen=True, slots=True)
class Partition:
    """Documents of one kind for one audience: what is searched together, and lies in one vector file.

    Attributes:
        number: Its place in every chunk id.
        rows: Rows of its vector file.
        holes: How many of them belong to no chunk any more.
        file: Name of its vector file; empty when it has no row.
    """

    number: int
    kind: Kind
    audience: str
    rows: int
    holes: int
    file: str

    @property
    def ids(self) -> range:
        """The chunk ids of its rows, holes among them."""
        first = self.number * ROWS_OF_A_PARTITION
        return range(first, first + self.rows)


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
        partitions: By number.
        embedder_name: The setting that made the embedder (`packaged`, ...), so that who serves this version can load
            the same; empty when it is not known.
    """

    name: str
    created_at: str
    embedder: str
    dimension: int
    chunker: str
    counts: Mapping[str, int]
    sources: Mapping[str, int]
    files: Mapping[str, FileFacts] = field(default_factory=dict)
    partitions: tuple[Partition, ...] = ()
    embedder_name: str = ""

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
        partitions = tuple(Partition(**partition) for partition in content.pop("partitions"))
        return Manifest(**content, files=files, partitions=partitions)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DamagedIndex(f"{path} cannot be read: {_MEND}") from error


_MEND = "run `assistant index rollback`, or build again"


def check_presence(directory: Path, manifest: Manifest) -> None:
    """Look for every file of the manifest, and at its size; a foreign file is refused too. Reads no content.

    Raises:
        DamagedIndex: The first thing found wrong.
    """
    if manifest.name != directory.name:
        raise DamagedIndex(f"{directory} holds the manifest of {manifest.name}: {_MEND}")
    if set(manifest.files) != {CATALOG, *(partition.file for partition in manifest.partitions if partition.rows)}:
        raise DamagedIndex(f"{directory} has a manifest that lists other files: {_MEND}")
    present = {entry.name for entry in directory.iterdir()}
    foreign = sorted(present - {*manifest.files, MANIFEST})
    if foreign:
        raise DamagedIndex(
            f"{directory} holds a file that no build wrote, {foreign[0][:60]!r}: remove it, or build again"
        )
    for name, facts in manifest.files.items():
        path = directory / name
        if name not in present:
            raise DamagedIndex(f"{path} is missing: {_MEND}")
        if path.is_symlink() or path.stat().st_size != facts.size:
            raise DamagedIndex(f"{path} was changed: {_MEND}")


def check_files(directory: Path, manifest: Manifest, *, anew: bool = True) -> None:
    """Compare every file with the manifest; a foreign file is refused too.

    Args:
        directory: Of the version.
        manifest: Of the version.
        anew: Read every file; False trusts what this process has read, while size and time of change stay.

    Raises:
        DamagedIndex: The first thing found wrong.
    """
    check_presence(directory, manifest)
    for name in manifest.files:
        check_file(directory, manifest, name, file_facts if anew else known_file_facts)


def check_file(
    directory: Path, manifest: Manifest, name: str, facts: Callable[[Path], FileFacts] = known_file_facts
) -> None:
    """Compare one file with the manifest.

    Raises:
        DamagedIndex: It is missing or was changed.
    """
    path = directory / name
    try:
        whole = not path.is_symlink() and facts(path) == manifest.files[name]
    except OSError as error:
        raise DamagedIndex(f"{path} cannot be read ({error.strerror}): {_MEND}") from error
    if not whole:
        raise DamagedIndex(f"{path} was changed: {_MEND}")


def _digest(content: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
