"""One index version that was read from the disk and verified."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from indexing.catalog import Catalog
from indexing.manifest import CATALOG, VECTORS, Manifest, check_files, read_manifest
from indexing.vectors import Vectors

if TYPE_CHECKING:
    from pathlib import Path

_verified: dict[Path, tuple[Any, ...]] = {}
"""Directories whose checksums were verified by this process, with the state of their files at that moment."""


@dataclass(frozen=True)
class IndexVersion:
    """An index version whose checksums were verified.

    Attributes:
        path: Its directory.
        manifest: What it holds.
        damage: Why a newer version was not served, one line each; empty when this one is the live one.
    """

    path: Path
    manifest: Manifest
    damage: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """`v0001`."""
        return self.manifest.name

    @cached_property
    def catalog(self) -> Catalog:
        """Documents and full text."""
        return Catalog(self.path / CATALOG)

    @cached_property
    def vectors(self) -> Vectors:
        """Vectors, read at the first use."""
        return Vectors.read(self.path / VECTORS)


def open_version(path: Path) -> IndexVersion:
    """Return the version in the directory, its checksums verified once per process while its files stay as they are.

    Raises:
        DamagedIndex: A file is missing, changed or foreign.
    """
    manifest = read_manifest(path)
    state = _state(path)
    if _verified.get(path.resolve()) != state:
        check_files(path, manifest)
        _verified[path.resolve()] = state
    return IndexVersion(path, manifest)


def _state(path: Path) -> tuple[Any, ...]:
    return tuple((entry.name, entry.stat().st_size, entry.stat().st_mtime_ns) for entry in sorted(path.iterdir()))
