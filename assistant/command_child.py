"""An admin command of a chat, run as `assistant index …` in a niced process of its own.

One way to do each thing: what an admin asks for in a chat is what the same words do on the command line, with the same
checks and the same lock, and neither its load nor its faults are those of who answers questions.
"""

from __future__ import annotations

import subprocess
import tempfile
import threading
from typing import IO, TYPE_CHECKING

from assistant import niced
from assistant.errors import TemporarilyUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable

    from assistant.core.commands import Command
    from assistant.settings import Settings
    from assistant.workflows.administer import RunCommand

_LINE_MAX = 300
_POLL_S = 0.2
_DONE, _NEGATIVE = 0, 3


def run_in_child(settings: Settings, stop: Callable[[], bool] = lambda: False) -> RunCommand:
    """Return what carries admin commands out.

    Args:
        settings: Of this process.
        stop: Asked often; when it says yes, the child is told to end: this process is ending.
    """

    def run(command: Command, tell: Callable[[str], None]) -> str:
        return "\n\n".join(run_line(line, tell) for line in lines(command))

    def run_line(words: list[str], tell: Callable[[str], None]) -> str:
        with tempfile.TemporaryFile() as printed:
            # Who asked keeps the row of the audit.
            child = niced.start(settings, ["index", "--no-audit", *words], printed, subprocess.PIPE)
            said = _follow(child, tell, stop)
            printed.seek(0)
            text = printed.read().decode("utf-8", "replace").strip()
        return _ended(child.returncode, text, said)

    return run


def lines(command: Command) -> list[list[str]]:
    """Return the words of each command line that does a part of the same."""
    if command.name == "status":
        return [["list"], ["sources"]]
    if command.name == "retry":
        return [["update", "--retry-failed"]]
    if command.name == "update" and command.arguments:
        return [["update", "--source", command.arguments[0]]]
    return [[command.name, *command.arguments]]


def _follow(child: subprocess.Popen[bytes], tell: Callable[[str], None], stop: Callable[[], bool]) -> list[str]:
    """Tell each line of the child's standard error, until it ends, and return them."""
    assert child.stderr is not None  # noqa: S101 - it was asked for
    said: list[str] = []
    reader = threading.Thread(target=_read, args=(child.stderr, said, tell), name="command", daemon=True)
    reader.start()
    try:
        while True:
            try:
                child.wait(_POLL_S)
                break
            except subprocess.TimeoutExpired:
                if stop():
                    raise TemporarilyUnavailable("the assistant was stopped meanwhile: ask again") from None
    finally:
        if child.poll() is None:
            niced.end(child)
        reader.join()
        child.stderr.close()
    return said


def _read(stream: IO[bytes], said: list[str], tell: Callable[[str], None]) -> None:
    for raw in stream:
        line = raw.decode("utf-8", "replace").strip()[:_LINE_MAX]
        if line:
            said.append(line)
            tell(line)


def _ended(code: int, printed: str, said: list[str]) -> str:
    if code in (_DONE, _NEGATIVE):
        return printed or "\n".join(said) or "done"
    errors = [line.removeprefix("Error: ") for line in said if line.startswith("Error: ")]
    raise TemporarilyUnavailable(errors[-1] if errors else f"it ended with {code}; the log says more")
