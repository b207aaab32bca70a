"""One build at a time, and a word to the second about who runs the first."""

from __future__ import annotations

import contextlib
import json
import os
import socket
from datetime import UTC
from typing import TYPE_CHECKING

import filelock

from indexing.errors import BuildRefused
from indexing.versions import Versions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime
    from pathlib import Path

_OWNER = "build.json"


@contextlib.contextmanager
def building(root: Path, now: Callable[[], datetime]) -> Iterator[None]:
    """Hold the lock of a build; the system lets go of it when the process ends, however that is.

    Raises:
        BuildRefused: Another process holds it; the message names it.
    """
    lock = Versions(root).building()
    try:
        lock.acquire()
    except filelock.Timeout as error:
        raise BuildRefused(f"another build of this index is running{_owner(root)}: wait for it to end") from error
    try:
        since = now().astimezone(UTC).isoformat(timespec="seconds")
        facts = {"pid": os.getpid(), "host": socket.gethostname(), "since": since}
        (root / _OWNER).write_text(json.dumps(facts), encoding="utf-8")
        yield
    finally:
        (root / _OWNER).unlink(missing_ok=True)
        lock.release()


def _owner(root: Path) -> str:
    try:
        facts = json.loads((root / _OWNER).read_text("utf-8"))
        return f" (process {facts['pid']} on {facts['host']}, since {facts['since']})"
    except (OSError, ValueError, KeyError, TypeError):
        return ""  # it has just begun, or ended
