"""One index version that was read from the disk and verified."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from indexing.catalog import Catalog
from indexing.errors import DamagedIndex
from indexing.manifest import CATALOG, Manifest, check_file, check_files, read_manifest

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from indexing.partition_vectors import PartitionVectors


@dataclass(frozen=True)
class IndexVersion:
    """An index version whose checksums were verified.

    Attributes:
        path: Its directory.
        manifest: What it holds.
        damage: Why a newer version was not served, or this one without its vectors, one line each; empty when this one
            is the live one, and whole.
        withdrawn: `Document.id` of those that must not be shown any more.
        text_alone: Its vectors are damaged: full text search alone.
    """

    path: Path
    manifest: Manifest
    damage: tuple[str, ...] = ()
    withdrawn: frozenset[str] = frozenset()
    text_alone: bool = False

    @property
    def name(self) -> str:
        """`v0001`."""
        return self.manifest.name

    @cached_property
    def catalog(self) -> Catalog:
        """Documents and full text."""
        return Catalog(self.path / CATALOG)

    @cached_property
    def vectors(self) -> PartitionVectors:
        """Vectors by chunk id; each partition's file is read at its first use."""
        from indexing.partition_vectors import PartitionVectors  # noqa: PLC0415 - full text alone needs no numpy

        return PartitionVectors(self.path, self.manifest, lambda: self.catalog)

    def known_vectors(self, hashes: Iterable[bytes]) -> dict[bytes, NDArray[np.float32]]:
        """Return the vectors of those texts that this version has, by the hash of the text: float32, (dimension,)."""
        import numpy as np  # noqa: PLC0415 - as above

        found = self.catalog.chunks_with(hashes)
        rows = self.vectors.rows(np.fromiter(found.values(), dtype=np.int64, count=len(found)))
        return dict(zip(found, rows, strict=True))


@dataclass(frozen=True, slots=True)
class VersionState:
    """One line of the list of versions. `manifest` is None and `problem` says why when it cannot be read."""

    name: str
    live: bool
    manifest: Manifest | None
    problem: str = ""


def open_version(path: Path) -> IndexVersion:
    """Return the version in the directory; each file is read and verified once per process while it stays as it is.

    Raises:
        DamagedIndex: A file is missing, changed or foreign.
    """
    manifest = read_manifest(path)
    check_files(path, manifest, anew=False)
    return IndexVersion(path, manifest)


def open_text(path: Path) -> IndexVersion:
    """Return the version in the directory for full text search alone: its catalog is whole, its vectors may not be.

    Raises:
        DamagedIndex: Manifest or catalog are missing or changed.
    """
    manifest = read_manifest(path)
    if manifest.name != path.name:
        raise DamagedIndex(f"{path} holds the manifest of {manifest.name}")
    check_file(path, manifest, CATALOG)
    return IndexVersion(path, manifest, text_alone=True)
