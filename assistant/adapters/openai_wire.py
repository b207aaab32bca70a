"""One streamed request to an OpenAI-compatible server that ends within its deadline, whatever the server does.

Time-outs of an HTTP client bound each read, not the whole: a server that sends one byte a second, or comments while it
thinks, holds the caller for ever. So the request runs in a thread of its own, and at the deadline its socket is shut.
"""

from __future__ import annotations

import contextlib
import queue
import socket
import ssl
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from assistant.errors import AccessDenied, AssistantError, NotConfigured, TemporarilyUnavailable

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from openai import APIError, APIStatusError

CONNECT_TIMEOUT_S = 3.0
_TOLD_MAX = 200


@dataclass(frozen=True, slots=True)
class Limits:
    """How long to wait and how much to read.

    Attributes:
        total_s: Wall seconds for the whole draft.
        first_token_s: Wall seconds until the first piece of text; prompt reading takes longest.
        between_s: Seconds between two pieces.
        max_tokens: What the server is told; a server that sends four times as much is cut off.
    """

    total_s: float = 20.0
    first_token_s: float = 20.0
    between_s: float = 10.0
    max_tokens: int = 320


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where the model is. `api_key` never appears in messages or logs."""

    base_url: str
    model: str
    api_key: str = field(default="", repr=False)


@dataclass(slots=True)
class Ending:
    """How a stream ended; filled in while it is read.

    Attributes:
        reason: `stop`, `length`, …; empty while it runs or when the server stopped without a word.
        prompt_tokens: As the server counts; 0 when it does not say.
    """

    reason: str = ""
    prompt_tokens: int = 0
    completion_tokens: int = 0


class SchemaRefused(Exception):
    """The server does not take `response_format`; the request may work without."""

    def __init__(self, cause: AssistantError) -> None:
        super().__init__(str(cause))
        self.cause = cause


class _Sockets(Protocol):
    def get_extra_info(self, info: str) -> Any: ...  # noqa: ANN401 - httpcore's signature


class Stream:
    """Text pieces of one chat completion, read in a thread."""

    def __init__(self, endpoint: Endpoint, request: dict[str, Any], limits: Limits, deadline: float) -> None:
        self._endpoint = endpoint
        self._request = request
        self._limits = limits
        self._deadline = deadline
        self._pieces: queue.SimpleQueue[str | BaseException | None] = queue.SimpleQueue()
        self._socket: _Sockets | None = None
        self._given_up = threading.Event()
        self._has_begun = False
        self.ending = Ending()

    def pieces(self) -> Generator[str]:
        """Yield text as it comes in.

        Raises:
            AssistantError: As in `translated`, also at the deadline.
            SchemaRefused: The server refused `response_format`.
        """
        thread = threading.Thread(target=self._read, name="model-stream", daemon=True)
        thread.start()
        wait_until = min(self._deadline, time.monotonic() + self._limits.first_token_s)
        count = 0
        try:
            while (piece := self._next(wait_until, count)) is not None:
                count += 1
                yield piece
                wait_until = min(self._deadline, time.monotonic() + self._limits.between_s)
        finally:
            self._given_up.set()
            self._shut()
            thread.join(1.0)

    def _next(self, wait_until: float, count: int) -> str | None:
        left_s = wait_until - time.monotonic()
        if left_s <= 0:  # also when a piece has come in meanwhile: the deadline holds whatever the threads' turns
            raise TemporarilyUnavailable(self._too_slow(count))
        try:
            piece = self._pieces.get(timeout=left_s)
        except queue.Empty:
            raise TemporarilyUnavailable(self._too_slow(count)) from None
        if isinstance(piece, BaseException):
            raise piece
        return piece

    def _too_slow(self, count: int) -> str:
        what = "finish its answer" if count else "begin an answer"
        return f"The model server did not {what} in time: raise the time-outs or use a faster model."

    def _read(self) -> None:
        try:
            with translated(self._endpoint, has_schema="response_format" in self._request):
                self._read_all()
            self._pieces.put(None)
        except SchemaRefused as refused:
            self._pieces.put(refused.cause if self._has_begun else refused)  # what was begun was not refused
        except BaseException as error:  # noqa: BLE001 - carried to the caller's thread and raised there
            self._pieces.put(error)

    def _read_all(self) -> None:
        import httpx2  # noqa: PLC0415 - comes with openai; `assistant --help` must not load it
        import openai  # noqa: PLC0415 - as httpx2

        limits = self._limits
        is_plain = self._endpoint.base_url.startswith("http://")
        # Proxies of the environment are not used and redirects not followed: the prompt goes to this address alone.
        with (
            httpx2.Client(
                trust_env=False,
                follow_redirects=False,
                verify=False if is_plain else ssl.create_default_context(),
                event_hooks={"request": [self._traced]},
            ) as http,
            openai.OpenAI(
                base_url=self._endpoint.base_url,
                api_key=self._endpoint.api_key or "none",
                max_retries=0,  # the breaker owns retries; the default would be 2, each up to 600 s
                timeout=httpx2.Timeout(
                    limits.total_s,
                    connect=min(CONNECT_TIMEOUT_S, limits.total_s),
                    read=max(limits.first_token_s, limits.between_s),
                ),
                http_client=http,
            ) as client,
            client.chat.completions.create(model=self._endpoint.model, stream=True, **self._request) as stream,
        ):
            for chunk in stream:
                if self._given_up.is_set():
                    return
                self._take(chunk)

    def _take(self, chunk: Any) -> None:  # noqa: ANN401 - servers leave out what the client's types promise
        usage = getattr(chunk, "usage", None)
        if usage is not None:
            self.ending.prompt_tokens = usage.prompt_tokens or 0
            self.ending.completion_tokens = usage.completion_tokens or 0
        for choice in getattr(chunk, "choices", None) or ():
            if choice.finish_reason:
                self.ending.reason = choice.finish_reason
            text = getattr(choice.delta, "content", None) if choice.delta else None
            if text:
                self._has_begun = True
                self._pieces.put(text)

    def _traced(self, request: Any) -> None:  # noqa: ANN401 - httpx2 is loaded late
        request.extensions["trace"] = self._note_socket

    def _note_socket(self, event: str, info: dict[str, Any]) -> None:
        if event in {"connection.connect_tcp.complete", "connection.start_tls.complete"}:
            self._socket = info["return_value"]
            if self._given_up.is_set():
                self._shut()

    def _shut(self) -> None:
        """Wake a read that blocks; closing alone would not."""
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.get_extra_info("socket").shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def translated(endpoint: Endpoint, *, has_schema: bool = False) -> Iterator[None]:
    """Translate what the client raises.

    no connection, time-out, reset, cut or garbled stream, 408, 429, 5xx   TemporarilyUnavailable
    401, 403                                                               AccessDenied
    404, redirect, other 4xx                                               NotConfigured
    400, 422, 500, 501, an error as the first event, with a schema         SchemaRefused

    Raises:
        AssistantError: As above.
        SchemaRefused: As above.
    """
    import openai  # noqa: PLC0415 - `assistant --help` must not load it

    try:
        yield
    except openai.APIStatusError as error:
        translation = _refused(error, endpoint)
        if has_schema and error.status_code in {400, 422, 500, 501}:
            raise SchemaRefused(translation) from error
        raise translation from error
    except openai.APITimeoutError as error:
        raise TemporarilyUnavailable("The model server did not answer in time.") from error
    except openai.APIConnectionError as error:
        raise TemporarilyUnavailable(
            f"The model server at {endpoint.base_url} cannot be reached or broke off: start it or set OPENAI_BASE_URL."
        ) from error
    except openai.APIError as error:
        # An error told inside the stream: the status was sent before the server looked at the schema.
        told = TemporarilyUnavailable(f"The model server failed: {_told(error, endpoint)}")
        raise (SchemaRefused(told) if has_schema and type(error) is openai.APIError else told) from error
    except (openai.OpenAIError, ValueError, TypeError, AttributeError) as error:
        # ValueError: not JSON, not UTF-8. Type and attribute errors: JSON of another shape than a chat completion.
        raise TemporarilyUnavailable("The model server sent no chat completion: check OPENAI_BASE_URL.") from error
    except Exception as error:
        if type(error).__module__.startswith(("httpx2", "httpcore2")):  # what the client lets through, mid-stream
            raise TemporarilyUnavailable("The connection to the model server broke.") from error
        raise


def _refused(error: APIStatusError, endpoint: Endpoint) -> AssistantError:
    status, told = error.status_code, _told(error, endpoint)
    if status in {401, 403}:
        return AccessDenied(f"The model server refused the key ({status}): set OPENAI_API_KEY.")
    if status == 404:  # noqa: PLR2004 - HTTP status
        return NotConfigured(f"The model server does not know {endpoint.model!r} (404): set ASSISTANT_MODEL.")
    if status in {408, 429} or status >= 500:  # noqa: PLR2004 - HTTP status
        return TemporarilyUnavailable(f"The model server failed ({status}).", retry_after_s=_retry_after(error))
    if status < 400:  # noqa: PLR2004 - HTTP status
        return NotConfigured(f"The model server redirects ({status}): set OPENAI_BASE_URL to where it is now.")
    return NotConfigured(f"The model server refused the request ({status}): {told}")


def _told(error: APIError, endpoint: Endpoint) -> str:
    """The server's own words on one line, without the key, which some servers repeat."""
    text = " ".join(str(error.message).split())[:_TOLD_MAX]
    return text.replace(endpoint.api_key, "***") if endpoint.api_key else text


def _retry_after(error: APIStatusError) -> float | None:
    try:
        return max(0.0, float(error.response.headers.get("retry-after", "")))
    except ValueError:
        return None
