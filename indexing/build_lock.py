"""One build at a time, and a word to the second about who runs the first."""

from __future__ import annotations

import contextlib
import json
import os
import socket
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import filelock

from indexing.errors import BuildRefused

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@contextlib.contextmanager
def building(root: Path, now: Callable[[], datetime], what: str = "build") -> Iterator[None]:
    """Hold the lock of a build; the system lets go of it when the process ends, however that is.

    What does not come to its end leaves its note behind: see `cut_off`.

    Args:
        root: The index root.
        now: Clock in UTC.
        what: `build`, or `update` for a build with its gate and promotion.

    Raises:
        BuildRefused: Another process holds it; the message names it.
    """
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock, owner = filelock.FileLock(root / f"{what}.lock", timeout=0), root / f"{what}.json"
    try:
        lock.acquire()
    except filelock.Timeout as error:
        raise BuildRefused(f"another {what} of this index is running{_told(owner)}: wait for it to end") from error
    try:
        since = now().astimezone(UTC).isoformat(timespec="seconds")
        facts = {"pid": os.getpid(), "host": socket.gethostname(), "since": since}
        owner.write_text(json.dumps(facts), encoding="utf-8")
        yield
        owner.unlink(missing_ok=True)
    finally:
        lock.release()


def cut_off(root: Path, what: str) -> datetime | None:
    """Return when the last one began, in UTC, if it was killed or failed; None when it ended well, or runs now."""
    try:
        since = datetime.fromisoformat(json.loads((root / f"{what}.json").read_text("utf-8"))["since"]).astimezone(UTC)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError):  # killed while the note was written
        since = datetime.min.replace(tzinfo=UTC)
    try:
        with filelock.FileLock(root / f"{what}.lock", timeout=0):
            return since
    except filelock.Timeout:
        return None


def _told(owner: Path) -> str:
    try:
        facts = json.loads(owner.read_text("utf-8"))
        return f" (process {facts['pid']} on {facts['host']}, since {facts['since']})"
    except (OSError, ValueError, KeyError, TypeError):
        return ""  # it has just begun, or ended
