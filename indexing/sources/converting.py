"""Files that are not trusted -> Markdown, by a child process with little memory and time.

One child converts many files, so that small ones do not pay for a start each; after a death the next file gets a new
one. A file that kills its child is left out with the reason, and the rest goes on.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import weakref
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from indexing.sources.file_formats import Converted
from indexing.sources.zip_guard import Unreadable

if TYPE_CHECKING:
    from collections.abc import Iterator

FORMATS = {
    "pdf": frozenset([".pdf"]),
    "office": frozenset([".docx", ".pptx", ".xlsx", ".ods"]),
    "html": frozenset([".html", ".htm", ".xhtml"]),
}
"""Suffixes by the name of a format."""

MAX_FILE = 50_000_000
"""Bytes of a file up to which it is converted."""

_PACKAGE = Path(__file__).resolve().parents[2]
_HEAD_MAX = 1_000_000  # bytes of an answer's first line
_TEXT_MAX = 25_000_000  # bytes of an answer


@dataclass(slots=True, weakref_slot=True)
class Converter:
    """Converts files in a child process, started when it is first needed.

    Attributes:
        memory_mb: Address space of the child.
        cpu_s: Seconds of computing for one file.
        wall_s: Seconds after which the child is ended, whatever it waits for.
    """

    memory_mb: int = 512
    cpu_s: int = 20
    wall_s: float = 60.0
    _child: subprocess.Popen[bytes] | None = field(default=None, init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)

    def __call__(self, content: bytes, suffix: str, charset: str = "") -> Converted:
        """Return what a file says.

        Args:
            content: The file.
            suffix: Of its name, in lower case, one of `FORMATS`.
            charset: For HTML: what the server said of it.

        Raises:
            Unreadable: The file is left out; the message says why in words an admin can act on.
        """
        if len(content) > MAX_FILE:
            raise Unreadable(f"larger than the limit ({len(content):,} bytes, {MAX_FILE:,} allowed): split the file")
        head = json.dumps({"suffix": suffix, "charset": charset, "bytes": len(content)}).encode() + b"\n"
        with self._lock:
            answer = self._asked(head + content)
        if answer["reason"]:
            raise Unreadable(str(answer["reason"]))
        return Converted(
            str(answer["markdown"]), str(answer["title"]), str(answer["canonical"]), bool(answer["is_indexable"])
        )

    def close(self) -> None:
        """End the child."""
        with self._lock:
            self._end()

    def _asked(self, request: bytes) -> dict[str, object]:
        is_fresh = self._child is None
        child = self._started()
        with self._watched(child) as is_late:
            try:
                assert child.stdin is not None  # noqa: S101 - opened as a pipe
                child.stdin.write(request)
                child.stdin.flush()
                answer = _answer(child)
            except (OSError, ValueError, KeyError):
                answer = None
        if answer is not None and not answer["is_last"]:
            return answer
        code = self._end()
        if answer is None:
            if not (is_fresh or is_late.is_set() or code == -signal.SIGXCPU):
                return self._asked(request)  # the files before may be to blame: once more in a new child
            raise Unreadable(self._why(code, is_late=is_late.is_set()))
        return answer

    @contextlib.contextmanager
    def _watched(self, child: subprocess.Popen[bytes]) -> Iterator[threading.Event]:
        """End the child when it takes too long, which ends the waiting for it too."""
        is_late = threading.Event()

        def end() -> None:
            is_late.set()
            child.kill()

        timer = threading.Timer(self.wall_s, end)
        timer.daemon = True
        timer.start()
        try:
            yield is_late
        finally:
            timer.cancel()

    def _started(self) -> subprocess.Popen[bytes]:
        if self._child is not None and self._child.poll() is None:
            return self._child
        self._end()
        self._child = subprocess.Popen(  # noqa: S603 - our own interpreter and module
            [
                sys.executable,
                "-s",
                "-P",
                "-m",
                "indexing.sources.conversion_child",
                str(self.memory_mb),
                str(self.cpu_s),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd="/",
            env=_environment(),
        )
        weakref.finalize(self, _ended, self._child)
        return self._child

    def _end(self) -> int:
        child, self._child = self._child, None
        return _ended(child) if child is not None else 0

    def _why(self, code: int, *, is_late: bool) -> str:
        if code == -signal.SIGXCPU or is_late:
            taken = f"{self.wall_s:g}" if is_late else f"{self.cpu_s}"
            return f"took longer than {taken} s to be read: split the file, or leave it out"
        return f"could not be read: it is damaged, or needs more than {self.memory_mb} MB"


def _environment() -> dict[str, str]:
    """Return what the child needs to find its code: no token of the parent is among it."""
    kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH", "SYSTEMROOT") if name in os.environ}
    return kept | {"PYTHONPATH": str(_PACKAGE), "PYTHONDONTWRITEBYTECODE": "1", "PYTHONUTF8": "1"}


def _answer(child: subprocess.Popen[bytes]) -> dict[str, object] | None:
    """Return the child's answer; None when it died over it."""
    assert child.stdout is not None  # noqa: S101 - opened as a pipe
    line = child.stdout.readline(_HEAD_MAX)
    if not line.endswith(b"\n"):
        return None
    answer: dict[str, object] = json.loads(line)
    size = int(str(answer["bytes"]))
    text = child.stdout.read(min(size, _TEXT_MAX))
    return answer | {"markdown": text.decode("utf-8", "replace")} if len(text) == size else None


def _ended(child: subprocess.Popen[bytes]) -> int:
    """End a child and return its exit code; one that ended by itself keeps the code it ended with."""
    with contextlib.suppress(OSError):
        if child.stdin is not None:
            child.stdin.close()
    try:
        code = child.wait(timeout=0.5)
    except subprocess.TimeoutExpired:
        child.kill()
        code = child.wait()
    if child.stdout is not None:
        child.stdout.close()
    return code
