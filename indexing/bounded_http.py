"""HTTP to one model server: a response that is bounded in time and size, and goes nowhere but to its address."""

from __future__ import annotations

import ssl
import time
from typing import TYPE_CHECKING, Any

import httpx2

if TYPE_CHECKING:
    from collections.abc import Iterator

_LARGEST = 256 * 1024 * 1024  # bytes of a response


def bounded_client(url: str) -> httpx2.Client:
    """Return a client for one server; the caller closes it.

    Proxies of the environment are not used and redirects not followed: texts go to this address alone. The read
    time-out of a request bounds its whole response.
    """
    verify = False if url.startswith("http://") else ssl.create_default_context()
    return httpx2.Client(transport=_Bounded(verify=verify, trust_env=False), follow_redirects=False)


class _Bounded(httpx2.HTTPTransport):
    """Time-outs of the client bound each read; this bounds the whole response, in seconds and in bytes."""

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """See `httpx2.HTTPTransport.handle_request`."""
        until = time.monotonic() + float(request.extensions.get("timeout", {}).get("read") or 0.0)
        response = super().handle_request(request)
        response.stream = _BoundedStream(response.stream, until)
        return response


class _BoundedStream(httpx2.SyncByteStream):
    def __init__(self, stream: Any, until: float) -> None:  # noqa: ANN401 - of either colour, by its type
        self._stream = stream
        self._until = until

    def __iter__(self) -> Iterator[bytes]:
        read = 0
        for piece in self._stream:
            read += len(piece)
            if read > _LARGEST or time.monotonic() > self._until:
                raise httpx2.ReadTimeout("the response does not end")
            yield piece

    def close(self) -> None:
        self._stream.close()
