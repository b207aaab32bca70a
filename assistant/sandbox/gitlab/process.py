"""Start the stand-in as a process of its own, find a running one again, stop it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import httpx
from filelock import FileLock

from assistant.errors import TemporarilyUnavailable

if TYPE_CHECKING:
    from types import TracebackType

CREDENTIALS = "gitlab.json"
DATA = "gitlab.sqlite"
LOG = "gitlab.log"
LOCK = "gitlab.lock"
START_WITHIN_S = 20.0
STOP_WITHIN_S = 5.0


@dataclass(frozen=True)
class Options:
    """How to start the stand-in.

    Attributes:
        port: Port to listen on; 0 takes a free one.
        external_url: What links carry; None for the address it listens on.
        stop_with_parent: The server ends when this process does.
        test_switches: Let tests make users, faults and time (`control.py`).
    """

    port: int = 0
    external_url: str | None = None
    stop_with_parent: bool = True
    test_switches: bool = False


@dataclass
class RunningGitLab:
    """A running stand-in; as a context manager it stops at the end what it started itself.

    Attributes:
        url: Address of the instance (`GITLAB_URL`).
        project: Full path of the project (`GITLAB_PROJECT`).
        bot_token: Scope `api`, role Reporter (`GITLAB_TOKEN`).
        read_token: Scope `read_api`, same bot (`GITLAB_READ_TOKEN`).
        responder_token: Scope `api`, role Maintainer: plays the support team.
        pid: Process id of the server.
        data_dir: Where its files lie.
        reused: It ran before `start` was called, so leaving the context does not stop it.
    """

    url: str
    project: str
    bot_token: str = field(repr=False)
    read_token: str = field(repr=False)
    responder_token: str = field(repr=False)
    pid: int
    data_dir: Path
    reused: bool = False
    _child: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    def stop(self) -> None:
        """Stop the server, also a reused one; the data stays."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGTERM)
        if self._child is None:
            _wait_gone(self.url)
            return
        try:
            self._child.wait(STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self.reused:
            self.stop()


def _wait_gone(url: str) -> None:
    until = time.monotonic() + STOP_WITHIN_S
    while time.monotonic() < until and _health(url):
        time.sleep(0.05)


def _health(url: str) -> dict[str, Any]:
    try:
        answer = httpx.get(f"{url}/_fake/health", timeout=2.0, trust_env=False)
        found = answer.json()
    except (httpx.HTTPError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _read(file: Path) -> dict[str, Any]:
    try:
        found = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _running(report: dict[str, Any], data_dir: Path, child: subprocess.Popen[bytes] | None) -> RunningGitLab:
    names = ("url", "project", "bot_token", "read_token", "responder_token", "pid")
    values = {name: report[name] for name in names}
    return RunningGitLab(**values, data_dir=data_dir, reused=child is None, _child=child)


def find(data_dir: Path) -> RunningGitLab | None:
    """Return the stand-in that already serves this folder, or None."""
    report = _read(data_dir / CREDENTIALS)
    if not report or _health(report["url"]).get("instance") != report["instance"]:
        return None
    return _running(report, data_dir, None)


def _command(data_dir: Path, options: Options) -> list[str]:
    command = [sys.executable, "-m", "assistant.sandbox.gitlab", "--seed-demo", "--port", str(options.port)]
    command += ["--data", str(data_dir / DATA), "--credentials", str(data_dir / CREDENTIALS)]
    command += ["--external-url", options.external_url] if options.external_url else []
    command += ["--parent-pid", str(os.getpid())] if options.stop_with_parent else []
    return command + (["--test-switches"] if options.test_switches else [])


def start(data_dir: Path, options: Options = Options()) -> RunningGitLab:
    """Return a running stand-in for this folder: the one that serves it already, or a new one.

    Args:
        data_dir: Folder for its files; made when absent. Issues survive a stop, tokens are new at each start.
        options: How to start a new one.

    Raises:
        TemporarilyUnavailable: It did not start; the message names its log.
    """
    data_dir = data_dir.resolve()
    data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    with FileLock(data_dir / LOCK):
        return find(data_dir) or _launch(data_dir, options)


def _launch(data_dir: Path, options: Options) -> RunningGitLab:
    command = _command(data_dir, options)
    command += ["--prefer-port", str(_read(data_dir / CREDENTIALS).get("port", 0))]  # links to issues stay valid
    (data_dir / CREDENTIALS).unlink(missing_ok=True)
    with (data_dir / LOG).open("ab") as log:
        child = subprocess.Popen(  # noqa: S603 - our own module
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=log,
            cwd=Path(__file__).parents[3],  # where `-m` finds this package, installed or not
        )
    return _wait_ready(data_dir, child)


def _wait_ready(data_dir: Path, child: subprocess.Popen[bytes]) -> RunningGitLab:
    until = time.monotonic() + START_WITHIN_S
    while time.monotonic() < until and child.poll() is None:
        report = _read(data_dir / CREDENTIALS)
        if report and _health(report["url"]).get("instance") == report["instance"]:
            return _running(report, data_dir, child)
        time.sleep(0.02)
    child.kill()
    child.wait()
    raise TemporarilyUnavailable(f"the local GitLab stand-in did not start; see {data_dir / LOG}")
