"""Files that survive a crash: sync, checksum, atomic replacement."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class FileFacts:
    """What a file must be: hex SHA-256 and size in bytes."""

    sha256: str
    size: int


def file_facts(path: Path) -> FileFacts:
    """Read the whole file and return its facts."""
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
        return FileFacts(digest, stream.tell())


def sync_tree(directory: Path) -> None:
    """Bring the files of the directory and the directory itself to the disk."""
    for path in directory.iterdir():
        _sync(path)
    sync_directory(directory)


def sync_directory(directory: Path) -> None:
    """Bring names and renames in the directory to the disk."""
    _sync(directory)


def write_atomically(path: Path, content: str, on_step: Callable[[str], None] = lambda _: None) -> None:
    """Replace the file so that a reader and a crash see the old or the new content, never a part."""
    temporary = path.with_name(path.name + ".tmp")
    temporary.write_text(content, encoding="utf-8")
    on_step(f"{path.name} written")
    _sync(temporary)
    temporary.replace(path)
    on_step(f"{path.name} renamed")
    sync_directory(path.parent)
    on_step(f"{path.name} synced")


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
