"""A proxy before GitLab that goes on with a request whose sender is dead, as a real server does.

It takes the whole request in, holds it back when told to, and forwards it whether or not anybody still waits. A process
of its own, told by HTTP: `POST /_ghost` with the seconds holds the next POST back, `GET /_ghost` says how many were.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import urlsplit

import httpx

CONTROL = "/_ghost"
DROPPED = {"content-length", "connection", "transfer-encoding"}


class Forward(BaseHTTPRequestHandler):
    """Forwards one request; the class keeps what is true for all of them."""

    upstream = ""
    delay_s = 0.0
    held = 0

    def log_message(self, *_: Any) -> None:  # noqa: ANN401 - as http.server declares it
        """Say nothing on the terminal."""

    def _forward(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path == CONTROL:
            Forward.delay_s = float(body or Forward.delay_s)
            self._answer(200, [], str(Forward.held).encode())
            return
        if self.command == "POST" and Forward.delay_s:
            delay, Forward.delay_s = Forward.delay_s, 0.0
            Forward.held += 1
            time.sleep(delay)
        headers = {name: value for name, value in self.headers.items() if name.lower() not in DROPPED}
        target = HTTPConnection(urlsplit(self.upstream).netloc, timeout=30)
        try:
            target.request(self.command, self.path, body or None, headers)
            answer = target.getresponse()
            self._answer(answer.status, answer.getheaders(), answer.read())
        except (OSError, HTTPException):
            self.close_connection = True  # the other side's fault goes through: no answer
        finally:
            target.close()

    do_GET = do_POST = do_PUT = do_DELETE = _forward  # noqa: N815 - names of http.server

    def _answer(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        with contextlib.suppress(OSError):  # whoever asked is dead
            self.send_response_only(status)
            for name, value in headers:
                if name.lower() not in DROPPED:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(body)


@dataclass
class Ghosts:
    """The running proxy; as a context manager it ends with the block."""

    url: str
    process: subprocess.Popen[str]

    def hold_next(self, seconds: float) -> None:
        """Hold the next POST back."""
        httpx.post(f"{self.url}{CONTROL}", content=str(seconds), trust_env=False).raise_for_status()

    @property
    def held(self) -> int:
        """How many were held back."""
        return int(httpx.get(f"{self.url}{CONTROL}", trust_env=False).text)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()


def start_ghosts(upstream: str) -> Ghosts:
    """Start the proxy on a free port of the loopback interface."""
    process = subprocess.Popen([sys.executable, __file__, upstream], stdout=subprocess.PIPE, text=True)  # noqa: S603 - this file
    assert process.stdout is not None  # noqa: S101 - a pipe was asked for
    return Ghosts(process.stdout.readline().strip(), process)


if __name__ == "__main__":
    Forward.upstream = sys.argv[1]
    server = ThreadingHTTPServer(("127.0.0.1", 0), Forward)
    print(f"http://127.0.0.1:{server.server_address[1]}", flush=True)
    server.serve_forever()
