"""Documents that may not be shown any more although versions hold them: made confidential, project made private.

ROOT/WITHDRAWN.json   {"documents": ["issue:17", ...]}

Every version that is opened leaves them out of its answers at once, also after a rollback; a new version, which does
not hold them any more, comes later.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from filelock import FileLock

from indexing.durable import write_atomically
from indexing.errors import DamagedIndex

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

State = tuple[int, int, int] | None
"""Tells one state of the file from another; None when there is no file."""


class Withdrawn:
    """The list of withdrawn documents of one index root.

    Args:
        root: The index root.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._path = root / "WITHDRAWN.json"

    def state(self) -> State:
        """Return what changes when the list changes; cheap."""
        try:
            status = self._path.stat()
        except FileNotFoundError:
            return None
        return status.st_ino, status.st_size, status.st_mtime_ns

    def read(self) -> frozenset[str]:
        """Return the ids.

        Raises:
            DamagedIndex: The file cannot be read: to answer without it could show what was withdrawn.
        """
        try:
            names = json.loads(self._path.read_text("utf-8"))["documents"]
        except FileNotFoundError:
            return frozenset()
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DamagedIndex(self._mend()) from error
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise DamagedIndex(self._mend())
        return frozenset(names)

    def add(self, documents: Iterable[str]) -> None:
        """Withdraw these; whoever serves this root leaves them out from its next question on."""
        self._change(frozenset(documents), frozenset())

    def remove(self, documents: Iterable[str]) -> None:
        """Allow these again."""
        self._change(frozenset(), frozenset(documents))

    def _change(self, added: frozenset[str], removed: frozenset[str]) -> None:
        self._root.mkdir(mode=0o700, parents=True, exist_ok=True)
        with FileLock(self._root / "withdrawn.lock", timeout=30):
            before = self.read()
            after = (before | added) - removed
            if after != before:
                write_atomically(self._path, json.dumps({"documents": sorted(after)}, indent=1) + "\n")

    def _mend(self) -> str:
        return (
            f"{self._path} cannot be read, and without it withdrawn documents could be shown: "
            "restore it from a backup, or delete it and run `assistant index update --sweep` first of all"
        )
