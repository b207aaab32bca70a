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
from indexing.pointer import NAME

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
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
        """Return the ids of those that no version may show.

        Raises:
            DamagedIndex: The file cannot be read: to answer without it could show what was withdrawn.
        """
        return self._read()[0]

    def hidden_in(self, version: str) -> frozenset[str]:
        """Return the ids of those that this version may not show.

        Args:
            version: Its name.

        Raises:
            DamagedIndex: As `read`.
        """
        documents, first = self._read()
        return documents | {name for name, shown_from in first.items() if _number(version) < _number(shown_from)}

    def everything(self) -> frozenset[str]:
        """Return the ids of those that some version may not show.

        Raises:
            DamagedIndex: As `read`.
        """
        documents, first = self._read()
        return documents | first.keys()

    def add(self, documents: Iterable[str]) -> None:
        """Withdraw these; whoever serves this root leaves them out from its next question on."""
        names = frozenset(documents)
        self._change(lambda hidden, first: (hidden | names, first))

    def remove(self, documents: Iterable[str]) -> None:
        """Allow these again, in every version."""
        names = frozenset(documents)
        self._change(lambda hidden, first: (hidden - names, {n: v for n, v in first.items() if n not in names}))

    def allow_from(self, documents: Iterable[str], version: str) -> None:
        """Allow these again in this version and in later ones."""
        names = frozenset(documents)
        self._change(lambda hidden, first: (hidden - names, first | dict.fromkeys(names, version)))

    def _read(self) -> tuple[frozenset[str], dict[str, str]]:
        try:
            content = json.loads(self._path.read_text("utf-8"))
            names, first = content["documents"], content.get("from", {})
        except FileNotFoundError:
            return frozenset(), {}
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise DamagedIndex(self._mend()) from error
        if not isinstance(names, list) or not isinstance(first, dict):
            raise DamagedIndex(self._mend())
        texts, versions = [*names, *first], list(first.values())
        if not all(isinstance(text, str) for text in texts) or not all(_is_version(name) for name in versions):
            raise DamagedIndex(self._mend())
        return frozenset(names), first

    def _change(
        self, change: Callable[[frozenset[str], dict[str, str]], tuple[frozenset[str], dict[str, str]]]
    ) -> None:
        self._root.mkdir(mode=0o700, parents=True, exist_ok=True)
        with FileLock(self._root / "withdrawn.lock", timeout=30):
            before = self._read()
            after = change(*before)
            if after != before:
                content = {"documents": sorted(after[0]), "from": dict(sorted(after[1].items()))}
                write_atomically(self._path, json.dumps(content, indent=1) + "\n")

    def _mend(self) -> str:
        return (
            f"{self._path} cannot be read, and without it withdrawn documents could be shown: "
            "restore it from a backup, or delete it and run `assistant index update --sweep` first of all"
        )


def _is_version(name: object) -> bool:
    return isinstance(name, str) and NAME.fullmatch(name) is not None


def _number(version: str) -> int:
    return int(version[1:])
