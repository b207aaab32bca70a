"""Faults on demand: the next calls are refused, slowed, dropped, reset or left hanging."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import struct
import threading
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from starlette.responses import Response
from uvicorn.protocols.http.h11_impl import H11Protocol

from assistant.sandbox.gitlab.web import ApiError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

TOO_MANY = "This endpoint has been requested too many times. Try again later."
BEFORE = ("429", "429_text", "502", "lock", "redirect", "reset", "hang")
"""Kinds that answer before anything is done."""
AFTER = ("slow", "drop", "502_after", "empty", "cut")
"""Kinds that do the work first: `slow` answers late, `drop` closes without an answer, `502_after` says 502,
`empty` sends the status without a body, `cut` sends half the body."""


class TrackedProtocol(H11Protocol):
    """Uvicorn's HTTP protocol that lets a fault reach the connection of a request.

    Attributes:
        transports: Client address -> open connection.
    """

    transports: ClassVar[dict[tuple[str, int], asyncio.Transport]] = {}

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Remember the connection."""
        super().connection_made(transport)
        if self.client:
            self.transports[self.client] = transport

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        if self.client:
            self.transports.pop(self.client, None)
        super().connection_lost(exc)


@dataclass
class Fault:
    """One switch.

    Attributes:
        kind: One of `BEFORE` or `AFTER`.
        count: Calls it still hits.
        method: Only calls with this method; empty for all.
        path: Only calls whose path holds this text; empty for all.
        retry_after: Seconds in `Retry-After` of the 429 kinds, or an HTTP date as a proxy may send it.
        delay_s: How late `slow` answers; how long `hang` holds the connection.
        location: Where `redirect` points to.
    """

    kind: str
    count: int = 1
    method: str = ""
    path: str = ""
    retry_after: int | str = 1
    delay_s: float = 3600.0
    location: str = ""


class FaultBox:
    """The switched-on faults, in order."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._lock = threading.Lock()

    def add(self, values: Mapping[str, Any]) -> None:
        """Switch a fault on.

        Raises:
            ApiError: 400 for an unknown kind or field.
        """
        try:
            fault = Fault(**values)
        except TypeError as error:
            raise ApiError(400, {"error": str(error)}) from error
        if fault.kind not in BEFORE + AFTER:
            raise ApiError(400, {"error": f"kind must be one of {', '.join(BEFORE + AFTER)}"})
        with self._lock:
            self._faults.append(fault)

    def clear(self) -> None:
        """Switch all off."""
        with self._lock:
            self._faults.clear()

    def waiting(self) -> list[dict[str, Any]]:
        """Return what is still switched on."""
        with self._lock:
            return [asdict(fault) for fault in self._faults]

    def take(self, method: str, path: str) -> Fault | None:
        """Return the first fault for this call and count it down."""
        with self._lock:
            for fault in self._faults:
                if fault.method.upper() in ("", method) and fault.path in path:
                    fault.count -= 1
                    if fault.count <= 0:
                        self._faults.remove(fault)
                    return fault
        return None


def refusal(fault: Fault) -> Response:
    """Return the answer of a fault that refuses."""
    retry = {"Retry-After": str(fault.retry_after)}
    if fault.kind == "429":
        return Response(json.dumps({"message": {"error": TOO_MANY}}), 429, retry, "application/json")
    if fault.kind == "429_text":
        limits = {"RateLimit-Limit": "60", "RateLimit-Name": "throttle_authenticated_api", "RateLimit-Remaining": "0"}
        limits |= {"RateLimit-Observed": "61", "RateLimit-Reset": "1"}
        return Response("Retry later\n", 429, retry | limits, "text/plain")
    if fault.kind == "lock":
        return Response(json.dumps({"message": "409 Conflict: Resource lock"}), 409, media_type="application/json")
    if fault.kind == "redirect":
        return Response(status_code=301, headers={"Location": fault.location})
    return Response("<html><body><h1>502 Bad Gateway</h1></body></html>", 502, media_type="text/html")


def _close(scope: Scope, *, reset: bool) -> None:
    transport = TrackedProtocol.transports.get(tuple(scope["client"]))
    if transport is None:
        return  # the caller has hung up already
    if reset:
        raw = transport.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


class FaultMiddleware:
    """Lets the switched-on faults befall API calls."""

    def __init__(self, app: ASGIApp, box: FaultBox) -> None:
        self._app = app
        self._box = box

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or do harm."""
        fault = None
        if scope["type"] == "http" and scope["path"].startswith("/api/"):
            fault = self._box.take(scope["method"], scope["raw_path"].decode("ascii", "replace"))
        if fault is None:
            await self._app(scope, receive, send)
        elif fault.kind in AFTER:
            await self._after(fault, scope, receive, send)
        else:
            await self._before(fault, scope, receive, send)

    async def _before(self, fault: Fault, scope: Scope, receive: Receive, send: Send) -> None:
        if fault.kind == "hang":
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(_until_gone(receive), fault.delay_s)
            _close(scope, reset=False)
        elif fault.kind == "reset":
            _close(scope, reset=True)
        else:
            await refusal(fault)(scope, receive, send)
            return
        await _until_gone(receive)

    async def _after(self, fault: Fault, scope: Scope, receive: Receive, send: Send) -> None:
        if fault.kind == "slow":
            await asyncio.sleep(fault.delay_s)
            await self._app(scope, receive, send)
            return
        kept: list[Message] = []

        async def keep(message: Message) -> None:
            kept.append(message)

        await self._app(scope, receive, keep)
        if fault.kind == "drop":
            _close(scope, reset=False)
            await _until_gone(receive)
        elif fault.kind == "502_after":
            await refusal(fault)(scope, receive, send)
        else:
            await _send_part(fault, kept, send)


async def _send_part(fault: Fault, kept: list[Message], send: Send) -> None:
    body = b"".join(message.get("body", b"") for message in kept[1:])
    body = body[: len(body) // 2] if fault.kind == "cut" else b""
    headers = [(name, value) for name, value in kept[0]["headers"] if name != b"content-length"]
    length = (b"content-length", str(len(body)).encode())
    await send({"type": "http.response.start", "status": kept[0]["status"], "headers": [*headers, length]})
    await send({"type": "http.response.body", "body": body})
