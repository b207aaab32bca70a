"""Vectors already made by a build that did not end, so that the next one goes on where it stopped."""

from __future__ import annotations

import hashlib
import os
import zlib
from typing import TYPE_CHECKING

import numpy as np

from indexing.errors import BuildRefused

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

_KEY = 32
_CHECK = 4


class EmbeddingCache:
    """An append-only file of (hash of the embedded text, vector, CRC-32). A torn or damaged end is cut off when opened.

    Args:
        directory: Where the file lies; made when missing.
        fingerprint: Of the embedder; each has a file of its own.
        dimension: Length of each vector.
    """

    def __init__(self, directory: Path, fingerprint: str, dimension: int) -> None:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._path = directory / f"{hashlib.sha256(fingerprint.encode()).hexdigest()[:16]}.vectors"
        self._size = _KEY + 4 * dimension + _CHECK

    def read(self) -> dict[bytes, NDArray[np.float32]]:
        """Return all whole entries and cut off what follows them."""
        if not self._path.exists():
            return {}
        content = self._path.read_bytes()
        found: dict[bytes, NDArray[np.float32]] = {}
        end = 0
        for start in range(0, len(content) - self._size + 1, self._size):
            record = content[start : start + self._size]
            if zlib.crc32(record[:-_CHECK]) != int.from_bytes(record[-_CHECK:], "little"):
                break
            found[record[:_KEY]] = np.frombuffer(record[_KEY:-_CHECK], dtype="<f4").astype(np.float32)
            end = start + self._size
        if end < len(content):
            os.truncate(self._path, end)
        return found

    def add(self, entries: Mapping[bytes, NDArray[np.float32]]) -> None:
        """Append entries.

        Raises:
            BuildRefused: The disk is full or cannot be written.
        """
        records = [key + vector.astype("<f4").tobytes() for key, vector in entries.items()]
        content = b"".join(record + zlib.crc32(record).to_bytes(_CHECK, "little") for record in records)
        try:
            with self._path.open("ab") as stream:
                stream.write(content)
        except OSError as error:
            raise BuildRefused(f"{self._path} cannot be written ({error.strerror}): is the disk full?") from error

    def clear(self) -> None:
        """Delete the file: the vectors are in a version now."""
        self._path.unlink(missing_ok=True)
