"""Runs a GGUF file as an OpenAI-compatible server on loopback, in a process of its own (extra `local-model`).

`python -m assistant.sandbox.local_model --gguf FILE --port 0 --port-file PORT` serves until it is ended. The engine is
llama.cpp, as `xllamacpp` ships it: a wheel that needs no compiler. A process of its own because native code that loads
a damaged file may end the process it runs in, and because the memory is given back when it stops.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import importlib.util
import os
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Self

import httpx

from assistant.errors import NotConfigured, TemporarilyUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

GGUF_MAGIC = b"GGUF"
CONTEXT_TOKENS = 4096
CACHE_MIB = 64
"""Prompt cache in memory; llama.cpp's default is 8 GiB."""

START_WITHIN_S = 180.0
STOP_WITHIN_S = 5.0
_POLL_S = 0.1
_TOLD_LINES = 200


@dataclass(frozen=True, slots=True)
class Options:
    """How to start the server.

    Attributes:
        port: 0 takes a free one.
        sha256: The file must have this digest, when given.
        threads: 0 for one a core but one.
        context_tokens: Prompt and answer together.
        start_within_s: Seconds until it must answer.
    """

    port: int = 0
    sha256: str = ""
    threads: int = 0
    context_tokens: int = CONTEXT_TOKENS
    start_within_s: float = START_WITHIN_S


@dataclass
class RunningModel:
    """A running model server; as a context manager it stops at the end.

    Attributes:
        base_url: What `OPENAI_BASE_URL` is set to.
        model: Name of the model, from the file's name.
        pid: Process id of the server.
    """

    base_url: str
    model: str
    pid: int
    _child: subprocess.Popen[bytes] = field(repr=False)
    _folder: tempfile.TemporaryDirectory[str] = field(repr=False)

    def stop(self) -> None:
        """Stop the server; stopping twice is fine."""
        _end(self._child)
        self._folder.cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def start(
    gguf: Path,
    options: Options = Options(),
    on_wait: Callable[[float], None] | None = None,
) -> RunningModel:
    """Start a server for the file and wait until it answers. It ends when this process does, however that ends.

    Args:
        gguf: Model file.
        options: How to start it.
        on_wait: Called about ten times a second with the seconds waited so far.

    Raises:
        NotConfigured: The file is missing or no GGUF file, its digest is wrong, or the extra is not installed.
        TemporarilyUnavailable: The server did not start; the message holds the engine's last word.
    """
    check(gguf, options.sha256)
    folder = tempfile.TemporaryDirectory(prefix="local-model-")
    port_file = Path(folder.name) / "port"
    log_file = Path(folder.name) / "log"
    with log_file.open("wb") as log:
        child = subprocess.Popen(  # noqa: S603 - our own module
            _command(gguf, port_file, options),
            stdin=subprocess.PIPE,  # held open: its end tells the server that we are gone
            stdout=log,
            stderr=log,
            cwd=Path(__file__).parents[2],  # where `-m` finds this package, installed or not
        )
    try:
        url = _wait_ready(child, port_file, options.start_within_s, on_wait)
    except BaseException as error:
        _end(child)
        told = _last_word(log_file)
        folder.cleanup()
        if isinstance(error, TimeoutError):
            raise TemporarilyUnavailable(
                f"The model server for {gguf.name} did not start (is the file whole, is there memory?): {told}"
            ) from error
        raise
    return RunningModel(f"{url}/v1", gguf.stem, child.pid, child, folder)


def check(gguf: Path, sha256: str = "") -> None:
    """Find out what would stop the server from starting, before it is started.

    Raises:
        NotConfigured: See `start`.
    """
    if importlib.util.find_spec("xllamacpp") is None:
        raise NotConfigured("A local model needs an extra: pip install 'support-assistant[local-model]'")
    try:
        with gguf.open("rb") as file:
            magic = file.read(len(GGUF_MAGIC))
            file.seek(0)
            digest = hashlib.file_digest(file, "sha256").hexdigest() if sha256 else ""
    except OSError as error:
        raise NotConfigured(
            f"The model file {gguf} cannot be read ({error.strerror}): give the path of a GGUF file."
        ) from error
    if magic != GGUF_MAGIC:
        raise NotConfigured(f"{gguf} is no GGUF file: give a model in llama.cpp's format, for instance …-Q4_K_M.gguf.")
    if digest != sha256.lower():
        raise NotConfigured(f"{gguf} has the sha256 {digest}, not {sha256}: fetch the file again.")


def _command(gguf: Path, port_file: Path, options: Options) -> list[str]:
    command = [sys.executable, "-m", "assistant.sandbox.local_model", "--gguf", str(gguf.resolve())]
    command += ["--port", str(options.port), "--port-file", str(port_file), "--stop-with-stdin"]
    command += ["--threads", str(options.threads), "--context-tokens", str(options.context_tokens)]
    return command


def _wait_ready(
    child: subprocess.Popen[bytes], port_file: Path, within_s: float, on_wait: Callable[[float], None] | None
) -> str:
    started = time.monotonic()
    while (waited := time.monotonic() - started) < within_s and child.poll() is None:
        if port_file.exists():
            url = f"http://127.0.0.1:{port_file.read_text('ascii')}"
            with contextlib.suppress(httpx.HTTPError):
                if httpx.get(f"{url}/health", timeout=2.0, trust_env=False).is_success:
                    return url
        if on_wait:
            on_wait(waited)
        time.sleep(_POLL_S)
    raise TimeoutError


def _last_word(log_file: Path) -> str:
    """Return the engine's last complaint on one line, else its last line."""
    lines = [
        line.strip() for line in log_file.read_text("utf-8", "replace").splitlines()[-_TOLD_LINES:] if line.strip()
    ]
    complaints = [line for line in lines if "error" in line.lower() or "failed" in line.lower()]
    return (complaints or lines or ["it wrote no log"])[-1][:300]


def _end(child: subprocess.Popen[bytes]) -> None:
    child.terminate()
    try:
        child.wait(STOP_WITHIN_S)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
    if child.stdin:
        child.stdin.close()


def _serve(gguf: Path, port: int, threads: int, context_tokens: int) -> str:
    """Load the model and serve it in threads of the engine; returns the address."""
    import xllamacpp  # noqa: PLC0415 - an extra; the parent only looks whether it is there

    params = xllamacpp.CommonParams()
    params.model.path = str(gguf)
    params.model_alias = {gguf.stem}
    params.hostnames = ["127.0.0.1"]
    params.port = port
    params.ui = False
    params.endpoint_slots = False  # it would show other people's prompts
    params.cache_ram_mib = CACHE_MIB
    params.n_parallel = 1
    params.n_ctx = context_tokens
    params.cpuparams.n_threads = threads or max(1, (os.cpu_count() or 1) - 1)
    server = xllamacpp.Server(params)
    _SERVERS.append(server)
    return str(server.listening_address)


_SERVERS: list[object] = []
"""Keeps the server alive: it stops when the object is dropped."""


def _exit_with_stdin() -> None:
    while os.read(sys.stdin.fileno(), 1024):  # unbuffered: a buffered read holds a lock that shutdown wants
        pass
    os._exit(0)


def main() -> None:
    """Serve until ended; see the module's docstring."""
    parser = argparse.ArgumentParser(prog="python -m assistant.sandbox.local_model", description=__doc__)
    parser.add_argument("--gguf", type=Path, required=True)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--port-file", type=Path, help="the port is written here once the server listens")
    parser.add_argument("--threads", type=int, default=0, help="0: one a core but one, so that none has to wait")
    parser.add_argument("--context-tokens", type=int, default=CONTEXT_TOKENS)
    parser.add_argument("--stop-with-stdin", action="store_true", help="end when standard input ends")
    given = parser.parse_args()
    check(given.gguf)
    if given.stop_with_stdin:
        threading.Thread(target=_exit_with_stdin, daemon=True).start()
    address = _serve(given.gguf, given.port, given.threads, given.context_tokens)
    if given.port_file:
        partial = given.port_file.with_suffix(".part")
        partial.write_text(address.rsplit(":", 1)[1], encoding="ascii")
        partial.rename(given.port_file)
    threading.Event().wait()


if __name__ == "__main__":
    main()
