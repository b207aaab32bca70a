"""`python -m assistant.sandbox.gitlab`: run the stand-in until SIGTERM or until its parent is gone."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import secrets
import socket
import sys
import threading
import time
from pathlib import Path

import uvicorn

from assistant.sandbox.gitlab import app, seed
from assistant.sandbox.gitlab.faults import TrackedProtocol
from assistant.sandbox.gitlab.store import Store

PARENT_CHECK_S = 0.5


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m assistant.sandbox.gitlab", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="SQLite file; made when absent")
    parser.add_argument("--host", default="127.0.0.1", help="loopback address to listen on")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--prefer-port", type=int, default=0, help="taken when free, with --port 0")
    parser.add_argument("--port-file", type=Path, help="file that gets the port number once the server listens")
    parser.add_argument("--external-url", help="what links carry; default: the address it listens on")
    parser.add_argument("--seed-demo", action="store_true", help="make project, bot and responder, and new tokens")
    parser.add_argument("--credentials", type=Path, help="file (mode 0600) for the tokens; default: standard output")
    parser.add_argument("--test-switches", action="store_true", help="let tests make users, faults and time")
    parser.add_argument("--parent-pid", type=int, help="stop when this process is gone")
    return parser.parse_args()


def listen(host: str, port: int, preferred: int = 0) -> socket.socket:
    """Return a bound socket; only a loopback address is accepted.

    Args:
        host: Loopback address.
        port: 0 takes a free one.
        preferred: Taken in place of `port` 0 when it is free.
    """
    if host not in app.LOOPBACK:
        raise SystemExit(f"refusing to listen on {host}: the stand-in serves loopback only; use --host 127.0.0.1")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)  # with 0 asyncio sets no TCP_NODELAY
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if preferred and not port:
        with contextlib.suppress(OSError):
            bound.bind((host, preferred))
            return bound
    try:
        bound.bind((host, port))
    except OSError as error:
        raise SystemExit(f"cannot listen on {host}:{port} ({error.strerror}); use --port 0 for a free one") from error
    return bound


def write_private(file: Path, text: str) -> None:
    """Write a file that only its owner can read, in one step."""
    part = file.with_name(f"{file.name}.{secrets.token_hex(4)}.part")
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as handle:
        handle.write(text)
    part.replace(file)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _stop_with(parent: int, server: uvicorn.Server) -> None:
    while _alive(parent):
        time.sleep(PARENT_CHECK_S)
    server.should_exit = True


class Server(uvicorn.Server):
    """Tells where it listens once it does."""

    def __init__(self, config: uvicorn.Config, port: int, port_file: Path | None) -> None:
        super().__init__(config)
        self._port = port
        self._port_file = port_file

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then write the port file."""
        await super().startup(sockets)
        if self._port_file:
            write_private(self._port_file, f"{self._port}\n")


def main() -> None:
    """Run until stopped."""
    given = _arguments()
    os.umask(0o077)
    bound = listen(given.host, given.port, given.prefer_port)
    port = bound.getsockname()[1]
    host = f"[{given.host}]" if ":" in given.host else given.host
    url = f"http://{host}:{port}"
    store = Store(given.data)
    instance = secrets.token_hex(8)
    report = {"url": url, "port": port, "pid": os.getpid(), "instance": instance}
    if given.seed_demo:
        report |= seed.seed_demo(store).as_json()
    text = json.dumps(report)
    if given.credentials:
        write_private(given.credentials, text + "\n")
        text = json.dumps({"url": url})
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
    config = uvicorn.Config(
        app.build(store, given.external_url or url, instance, test_switches=given.test_switches),
        http=TrackedProtocol,
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=1,
        server_header=False,
    )
    server = Server(config, port, given.port_file)
    if given.parent_pid:
        threading.Thread(target=_stop_with, args=(given.parent_pid, server), daemon=True).start()
    server.run([bound])


if __name__ == "__main__":
    main()
