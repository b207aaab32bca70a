"""The HTTP side: webhooks of GitLab, and whether the process is alive and ready."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from assistant.adapters.gitlab_webhooks import check_sender, delivery_id, read_body
from assistant.core.hooks import read_hint
from assistant.errors import AccessDenied, Rejected

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request
    from starlette.responses import Response

    from assistant.workflows.follow import Following

MOST_BYTES = 2_000_000
"""Of a body; an issue's text is at most 1 MiB. What is longer is found by the sweep."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Hooks:
    """Takes webhooks in: checks who sent them, writes one row, answers at once.

    Attributes:
        secret: Token or signing token; empty refuses all.
        following: What a hint goes to.
    """

    secret: str
    following: Following

    async def receive(self, request: Request) -> Response:
        """Answer 200 once the hint is safe, 401 to strangers, 400 or 413 to what cannot be read."""
        if request.headers.get("content-encoding", "identity") != "identity":
            return PlainTextResponse("send the body unpacked", 400)
        body = bytearray()
        async for part in request.stream():
            body += part
            if len(body) > MOST_BYTES:
                return PlainTextResponse("too large", 413)
        return await run_in_threadpool(self._take, {**request.headers}, bytes(body))

    def _take(self, headers: dict[str, str], body: bytes) -> Response:
        try:
            check_sender(headers, body, self.secret)
            hint = read_hint(read_body(body))
        except AccessDenied as error:
            log.warning("hook.refused", reason=str(error), length=len(body))
            return PlainTextResponse("unauthorized", 401)
        except (Rejected, ValueError) as error:
            log.warning("hook.malformed", reason=str(error), length=len(body))
            return PlainTextResponse("malformed", 400)
        sources = self.following.receive(hint) if hint is not None else ()
        log.info("hook.taken", delivery=delivery_id(headers, body), sources=list(sources))
        return PlainTextResponse("ok")


def make_app(hooks: Hooks, is_ready: Callable[[], bool]) -> Starlette:
    """Return the application.

    Args:
        hooks: Takes webhooks in.
        is_ready: Whether questions can be answered now; touches nothing outside this machine.
    """

    async def livez(_: Request) -> Response:
        return PlainTextResponse("ok")

    async def readyz(_: Request) -> Response:
        ready = await run_in_threadpool(is_ready)
        return PlainTextResponse("ok" if ready else "not ready", 200 if ready else 503)

    return Starlette(
        routes=[
            Route("/webhooks/gitlab", hooks.receive, methods=["POST"]),
            Route("/livez", livez),
            Route("/readyz", readyz),
        ]
    )
