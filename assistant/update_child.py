"""An update in a process of its own, and what came of it."""

from __future__ import annotations

import json
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Any, Literal

import structlog

from assistant import niced

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from assistant.settings import Settings

TIMEOUT_S = 6 * 3600.0
_POLL_S = 0.2
_LINE_MAX = 500
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class UpdateResult:
    """What an update in a child came to.

    Attributes:
        state: See `workflows.reindex.Update`; beside these `idle`: nothing was due, `busy`: another update runs,
            `failed`, `stopped`.
        reason: One line; empty when there is nothing to say.
        version: The version that holds what the sources hold; empty when there is none.
        content: All that the command printed as JSON.
    """

    state: Literal["unchanged", "live", "aside", "paused", "idle", "busy", "failed", "stopped"]
    reason: str = ""
    version: str = ""
    content: Mapping[str, Any] = field(default_factory=dict)


def run_update_in_child(
    settings: Settings,
    sources: Sequence[str] = (),
    *,
    sweep: bool = False,
    timeout_s: float = TIMEOUT_S,
    stop: Callable[[], bool] = lambda: False,
) -> UpdateResult:
    """Run `assistant index update` as a niced child, and wait for it.

    A fault in the child is a result, not an error. What it says on standard error goes to the log.

    Args:
        settings: Of this process.
        sources: Names of sources to refresh now; none refreshes what is due.
        sweep: Look at all of each source, not just at what is said to have changed.
        timeout_s: Seconds until it is ended.
        stop: Asked often; when it says yes, the child is ended.
    """
    words = ["index", "--no-audit", "update", "--json"]
    words += [word for name in sources for word in ("--source", name)] + (["--sweep"] if sweep else [])
    begun = time.monotonic()
    with tempfile.TemporaryFile() as said, tempfile.TemporaryFile() as printed:
        child = niced.start(settings, words, printed, said)
        why = _wait(child, begun + timeout_s, stop)
        result = _result(child.returncode, _read(printed), _lines(_read(said)), why)
    log.info("update.child", state=result.state, version=result.version, seconds=round(time.monotonic() - begun, 1))
    return result


def _wait(child: subprocess.Popen[bytes], until: float, stop: Callable[[], bool]) -> str:
    """Wait for the child; return why it was ended, or nothing when it ended by itself."""
    while True:
        try:
            child.wait(_POLL_S)
        except subprocess.TimeoutExpired:
            why = "stopped" if stop() else "it took too long" if time.monotonic() > until else ""
        except BaseException:
            niced.end(child)  # Ctrl-C, and whatever else takes this thread away, takes the child along
            raise
        else:
            return ""
        if why:
            niced.end(child)
            return why


def _result(code: int, printed: str, said: Sequence[str], why: str) -> UpdateResult:
    for line in said:
        log.info("update.said", line=line[:_LINE_MAX])
    if why:
        return UpdateResult("stopped" if why == "stopped" else "failed", why)
    try:
        content = json.loads(printed)
        return UpdateResult(content["state"], content["reason"], content["version"], content)
    except (ValueError, KeyError, TypeError):
        errors = [line.removeprefix("Error: ") for line in said if line.startswith("Error: ")]
        reason = errors[-1] if errors else f"it ended with {code} and said nothing"
        return UpdateResult("busy" if reason.startswith("another update") else "failed", reason)


def _read(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode("utf-8", "replace")


def _lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.strip()]
