"""A proxy that spoils answers on purpose, to see whether the judges notice."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

Mutation = Callable[[int, Any], tuple[int, Any]]
"""Status and JSON body -> spoiled status and body."""


def _each(body: Any) -> list[dict[str, Any]]:
    found = body if isinstance(body, list) else [body]
    return [item for item in found if isinstance(item, dict)]


def _spoil(change: Callable[[dict[str, Any]], None]) -> Mutation:
    def mutate(status: int, body: Any) -> tuple[int, Any]:
        for item in _each(body):
            change(item)
        return status, body

    return mutate


def _naive_times(item: dict[str, Any]) -> None:
    item["created_at"] = item["created_at"].removesuffix("Z")


def _iid_as_text(item: dict[str, Any]) -> None:
    item["iid"] = str(item["iid"])


def _labels_as_text(item: dict[str, Any]) -> None:
    item["labels"] = ",".join(item["labels"])


ISSUE_MUTATIONS: dict[str, Mutation] = {
    "iid as text": _spoil(_iid_as_text),
    "no web_url": _spoil(lambda item: item.pop("web_url")),
    "200 for 201": lambda status, body: (200 if status == 201 else status, body),
    "labels as one text": _spoil(_labels_as_text),
    "times without a zone": _spoil(_naive_times),
}
NOTE_MUTATIONS: dict[str, Mutation] = {"one more field": _spoil(lambda item: item.update(extra=1))}


class MutatingProxy:
    """Forwards to a server; `mutation` spoils each successful JSON answer.

    Attributes:
        url: Address of the proxy.
        mutation: What to do to answers; None leaves them whole.
    """

    def __init__(self, upstream: str) -> None:
        self.mutation: Mutation | None = None
        self._upstream = urlsplit(upstream).netloc
        proxy = self

        class Forward(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _forward(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                status, content = proxy.ask(self.command, self.path, body, dict(self.headers))
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = do_PUT = _forward  # noqa: N815 - the names http.server calls

            def log_message(self, *_: object) -> None:
                """Stay quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Forward)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def ask(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
        """Ask the server and return status and body, spoiled as wanted."""
        connection = http.client.HTTPConnection(self._upstream, timeout=20)
        kept = {name: value for name, value in headers.items() if name.lower() not in ("host", "accept-encoding")}
        connection.request(method, path, body or None, kept)
        answer = connection.getresponse()
        status, content = answer.status, answer.read()
        connection.close()
        if self.mutation and status < 300:
            status, spoiled = self.mutation(status, json.loads(content))
            content = json.dumps(spoiled).encode()
        return status, content

    @contextmanager
    def running(self) -> Iterator[MutatingProxy]:
        """Serve in a thread until the end."""
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()
