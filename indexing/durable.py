"""Files that survive a crash: sync, checksum, atomic replacement, sharing."""

from __future__ import annotations

import hashlib
import os
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_COPIED = 1 << 30  # bytes a call; the kernel copies, or shares the blocks where the file system can


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


_seen: dict[tuple[int, int, int, int], str] = {}
"""SHA-256 of files that this process has read, by device, inode, size and time of change: a name may change, and a file
that several versions share is one file."""


def known_file_facts(path: Path) -> FileFacts:
    """Return the facts of the file; what this process has read once is not read again while it stays as it was."""
    status = path.stat()
    key = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)
    if key not in _seen:
        _seen[key] = file_facts(path).sha256
    return FileFacts(_seen[key], status.st_size)


def share_file(source: Path, target: Path) -> None:
    """Give the file a second name; where the file system cannot, copy it.

    Raises:
        OSError: The disk is full or cannot be written.
    """
    try:
        target.hardlink_to(source)
    except OSError:  # another file system, one without links, or too many of them
        copy_file(source, target)


def copy_file(source: Path, target: Path) -> None:
    """Copy the content; the kernel does it without carrying bytes through this process, where it can.

    Raises:
        OSError: The disk is full or cannot be written.
    """
    with source.open("rb") as read, target.open("xb") as written:
        try:
            while os.copy_file_range(read.fileno(), written.fileno(), _COPIED):
                pass
        except OSError:  # not between these two file systems: once more, by hand
            read.seek(0)
            written.seek(0)
            shutil.copyfileobj(read, written)


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
