"""`assistant …` in a niced process of its own: its memory, its load and its faults are not those of who answers."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from assistant.settings import Settings

NICE = 10
_END_S = 10.0  # to end by itself after being told to
_CODE = (
    f"import os; os.nice({NICE}) if hasattr(os, 'nice') else None; from assistant.entrypoints.cli import main; main()"
)


def start(
    settings: Settings, words: Sequence[str], stdout: IO[bytes], stderr: IO[bytes] | int
) -> subprocess.Popen[bytes]:
    """Start a command line; it reads the same `assistant.toml` (working directory) and environment.

    Args:
        settings: Of this process: home and embedder are handed on.
        words: The arguments of `assistant`; no shell reads them.
        stdout: An open file.
        stderr: An open file, or `subprocess.PIPE`.
    """
    threads = max(1, (os.cpu_count() or 1) - 1)  # one is left to who answers
    environment = {
        **os.environ,
        "ASSISTANT_HOME": str(settings.home.resolve()),
        "ASSISTANT_EMBEDDER": settings.embedder,
        "OMP_NUM_THREADS": str(threads),
    }
    return subprocess.Popen(  # noqa: S603 - our own command
        [sys.executable, "-c", _CODE, *words],
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=stderr,
        env=environment,
    )


def end(child: subprocess.Popen[bytes]) -> None:
    """Tell the child to end, and end it when it does not."""
    child.terminate()
    try:
        child.wait(_END_S)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
