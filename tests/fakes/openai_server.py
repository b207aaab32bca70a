"""A scripted OpenAI-compatible server on loopback; the contract tests hold it against a real llama.cpp server.

`python -m tests.fakes.openai_server --mode obey --port-file FILE` runs it as a process of its own.

Modes say what is written: `honest` quotes the first passage, `silent` finds nothing, `scripted` plays given replies,
`obey` does whatever any text in the prompt says (for attack tests). Faults say how it goes wrong, whatever the mode.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self, get_args

import uvicorn
from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from tests.fakes.fake_embeddings import FakeEmbeddings
from tests.fakes.fake_rerank import FakeRerank

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from types import TracebackType

    from starlette.requests import Request

Mode = Literal["honest", "obey", "silent", "scripted"]
Fault = Literal[
    "none", "hang", "slow", "drip", "hang_midway", "stop_midway", "cut", "empty", "not_utf8", "not_json", "endless",
    "no_schema", "schema_500", "vllm_old", "litellm", "tgi", "schema_in_stream", "schema_ignored", "schema_other",
    "buffered", "500", "429", "401", "404", "400", "redirect",
]  # fmt: skip
MODEL = "fake-model"
NOT_FOUND = "NOT FOUND"
TOKEN = 5
"""Characters of a streamed piece, which counts as one token of `max_tokens`."""

_PASSAGE = re.compile(r"^--- (\w+) passage \[(\d+)\][^\n]*\n(.*?)(?=^--- \1 )", re.MULTILINE | re.DOTALL)
_URL = re.compile(r"(?:https?:|javascript:|data:|//|www\.)[^\s<>\"')\]]+", re.IGNORECASE)
_LIVE = re.compile(r"<![^>\s]{1,40}>|<[@#][^>\s]{1,40}>|(?<!\w)@[\w.-]+|(?m:^\s*/\w[^\n]*)|!?\[[^\]\n]*\]\([^)\n]*\)")
_IMPERATIVE = re.compile(
    r"[^.!?\n]*\b(?:ignore|disregard|say|write|reply|answer|print|repeat|post|run|close|send|include|tell|visit|click|"
    r"append|output|reveal|show|assign|delete|forward|must)\b[^.!?\n]*",
    re.IGNORECASE,
)
_ASKS_FOR_PROMPT = re.compile(r"(?:system prompt|your (?:instructions|rules)|text above|initial prompt)", re.IGNORECASE)
_STATUS = {
    "500": (500, "server_error", "boom"),
    "429": (429, "rate_limit_exceeded", "slow down"),
    "401": (401, "authentication_error", "Invalid API Key"),
    "404": (404, "not_found_error", "The model does not exist"),
    "400": (400, "invalid_request_error", "request too long"),
}
_NO_SCHEMA = {
    "no_schema": (400, {"error": {"message": "response_format is not supported", "code": 400}}),
    "schema_500": (500, {"error": {"message": "schema not implemented", "type": "server_error", "code": 500}}),
    "vllm_old": (  # before json_schema was known
        400,
        {
            "object": "error",
            "message": "[{'type': 'literal_error', 'loc': ('body', 'response_format', 'type'), 'msg': \"Input should "
            "be 'text' or 'json_object'\", 'input': 'json_schema'}]",
            "type": "BadRequestError",
            "param": None,
            "code": 400,
        },
    ),
    "litellm": (
        400,
        {
            "error": {
                "message": "litellm.UnsupportedParamsError: fake does not support parameters: ['response_format'], for "
                "model=fake-model. To drop these, set `litellm.drop_params=True`",
                "type": "None",
                "param": None,
                "code": "400",
            }
        },
    ),
    "tgi": (422, {"error": "Input validation error: grammar is not supported", "error_type": "validation"}),
}
"""How servers refuse a JSON schema; they answer without one. Recorded from their sources and issue trackers."""


@dataclass
class FakeOpenAI:
    """The server; use as a context manager.

    Attributes:
        mode: What it writes; may be changed while it runs.
        fault: How it goes wrong.
        replies: For `scripted`: one a request, the last one repeats. Sent as they are, in either format.
        api_key: Wanted in `Authorization`, when set.
        models: Names it knows; others get 404.
        delay_s: Between two pieces with `slow`, and between two bytes with `drip`.
        requests: Bodies of the chat requests, in order.
        counted: Share of the prompt's tokens that it reads: less than 1 cuts it in silence.
        embeddings: What `/embeddings` answers.
        rerank: What `/rerank` answers.
    """

    mode: Mode = "honest"
    fault: Fault = "none"
    replies: list[str] = field(default_factory=list)
    api_key: str = ""
    models: tuple[str, ...] = (MODEL,)
    delay_s: float = 0.2
    port: int = 0
    log_file: Path | None = None
    requests: list[dict[str, Any]] = field(default_factory=list)
    counted: float = 1.0
    embeddings: FakeEmbeddings = field(default_factory=FakeEmbeddings)
    rerank: FakeRerank = field(default_factory=FakeRerank)
    _server: uvicorn.Server | None = None
    _thread: threading.Thread | None = None

    @property
    def base_url(self) -> str:
        """What `OPENAI_BASE_URL` is set to."""
        return f"http://127.0.0.1:{self.port}/v1"

    def __enter__(self) -> Self:
        routes = [
            Route("/v1/models", self._models),
            Route("/v1/chat/completions", self._chat, methods=["POST"]),
            Route("/v1/embeddings", self._embeddings, methods=["POST"]),
            Route("/v1/rerank", self._rerank, methods=["POST"]),
            Route("/rerank", self._rerank, methods=["POST"]),
            Route("/health", self._health),
        ]
        config = uvicorn.Config(
            Starlette(routes=routes), "127.0.0.1", self.port, log_config=None, lifespan="off", access_log=False
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, daemon=True)
        self._thread.start()
        until = time.monotonic() + 10
        while not self._server.started and time.monotonic() < until:
            time.sleep(0.005)
        self.port = self._server.servers[0].sockets[0].getsockname()[1]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        assert self._thread is not None
        self._server.should_exit = self._server.force_exit = True
        self._thread.join(5)

    async def _health(self, _request: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def _models(self, request: Request) -> Response:
        if refused := self._refused_key(request):
            return refused
        data = [{"id": name, "object": "model", "created": 0, "owned_by": "tests"} for name in self.models]
        return JSONResponse({"object": "list", "data": data})

    async def _chat(self, request: Request) -> Response:
        body = await request.json()
        self.requests.append(body)
        if self.log_file:
            with self.log_file.open("a", encoding="utf-8") as log:
                log.write(json.dumps(body, ensure_ascii=False) + "\n")
        if refused := self._refused_key(request) or self._refused(body):
            return refused
        if self.fault == "hang":
            await self._wait_for_end(request)
            return Response(status_code=503)
        if self.fault == "drip":
            return StreamingResponse(self._dripped(), media_type="text/event-stream")
        if self.fault == "not_json":
            return Response("<html>proxy login</html>", media_type="text/html")
        whole = self._text(body)
        text = whole[: body.get("max_tokens", len(whole)) * TOKEN]
        reason = "stop" if text == whole else "length"
        if not body.get("stream"):
            return JSONResponse(self._completion(body, text, reason))
        return await self._stream_of(self._streamed(request, body, text, reason), body)

    async def _stream_of(self, events: AsyncIterator[bytes], body: dict[str, Any]) -> Response:
        if self.fault == "schema_in_stream" and body.get("response_format"):  # vLLM, when a grammar cannot be made
            told = {"error": {"message": "grammar error", "type": "BadRequestError", "code": 400}}
            return Response(_event(told) + b"data: [DONE]\n\n", media_type="text/event-stream")
        if self.fault == "buffered":  # by a proxy: all at once
            await asyncio.sleep(self.delay_s)
            return Response(b"".join([event async for event in events]), media_type="text/event-stream")
        return StreamingResponse(events, media_type="text/event-stream")

    async def _embeddings(self, request: Request) -> Response:
        body = await request.json()
        self.embeddings.requests.append(body)
        if refused := self._refused_key(request) or self._refused(body) or self.embeddings.refused(body):
            return refused
        if self.fault == "hang":
            await self._wait_for_end(request)
        if self.fault == "drip":
            return StreamingResponse(self._dripped(), media_type="application/json")
        if self.fault == "not_json":
            return Response("<html>proxy login</html>", media_type="text/html")
        return Response(json.dumps(self.embeddings.answer(body)), media_type="application/json")  # Infinity too

    async def _rerank(self, request: Request) -> Response:
        body = await request.json()
        self.rerank.requests.append(body)
        named = {**body, "model": body.get("model", MODEL)}  # a server with one model asks for no name
        if refused := self._refused_key(request) or self._refused(named) or self.rerank.refused(body):
            return refused
        if self.fault == "hang":
            await self._wait_for_end(request)
        if self.fault == "drip":
            return StreamingResponse(self._dripped(), media_type="application/json")
        return self.rerank.answer(body)

    def _refused_key(self, request: Request) -> Response | None:
        if self.api_key and request.headers.get("authorization") != f"Bearer {self.api_key}":
            return _error(*_STATUS["401"])
        return None

    def _refused(self, body: dict[str, Any]) -> Response | None:
        wanted = body.get("response_format")
        if self.fault == "redirect":
            return Response(status_code=307, headers={"location": "http://127.0.0.1:1/elsewhere"})
        if self.fault in _STATUS:
            return _error(*_STATUS[self.fault])
        if wanted and self.fault in _NO_SCHEMA:
            status, told = _NO_SCHEMA[self.fault]
            return JSONResponse(told, status)
        if body.get("model") not in self.models:
            return _error(*_STATUS["404"])
        if wanted and (wanted.get("type") != "json_schema" or "schema" not in wanted.get("json_schema", {})):
            return _error(400, "invalid_request_error", "response_format of a wrong form")
        return None

    async def _wait_for_end(self, request: Request) -> None:
        while not await request.is_disconnected() and not self._server_stops():  # noqa: ASYNC110 - two ends, one poll
            await asyncio.sleep(0.02)

    async def _dripped(self) -> AsyncIterator[bytes]:
        """Comments forever: every read succeeds, and nothing is ever said."""
        while not self._server_stops():
            yield b": ping\n\n"
            await asyncio.sleep(self.delay_s)

    async def _streamed(self, request: Request, body: dict[str, Any], text: str, reason: str) -> AsyncIterator[bytes]:
        yield _event(self._chunk({"role": "assistant", "content": None}))
        pieces = [text[at : at + TOKEN] for at in range(0, len(text), TOKEN)]
        for number, piece in enumerate(pieces):
            if number >= len(pieces) // 2 and self.fault in {"hang_midway", "stop_midway", "cut", "not_utf8"}:
                if self.fault == "hang_midway":
                    await self._wait_for_end(request)
                if self.fault == "not_utf8":
                    yield b'data: {"choices":[{"index":0,"delta":{"content":"\xff\xfe\xff"}}]}\n\n'
                if self.fault == "cut":
                    yield b'data: {"choices":[{"index":0,"del'
                return
            yield _event(self._chunk({"content": piece}))
            if self.fault == "slow":
                await asyncio.sleep(self.delay_s)
        while self.fault == "endless" and not self._server_stops():
            yield _event(self._chunk({"content": " and so on"}))
            await asyncio.sleep(0)
        yield _event(self._chunk({}, reason))
        if (body.get("stream_options") or {}).get("include_usage"):
            yield _event({**self._chunk({}), "choices": [], "usage": _usage(body, text, self.counted)})
        yield b"data: [DONE]\n\n"

    def _server_stops(self) -> bool:
        return self._server is None or self._server.should_exit

    def _chunk(self, delta: dict[str, Any], reason: str | None = None) -> dict[str, Any]:
        choice = {"index": 0, "delta": delta, "finish_reason": reason}
        return {
            "id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 0, "model": MODEL, "choices": [choice]
        }  # fmt: skip

    def _completion(self, body: dict[str, Any], text: str, reason: str) -> dict[str, Any]:
        choice = {"index": 0, "finish_reason": reason, "message": {"role": "assistant", "content": text}}
        return {
            "id": "chatcmpl-1", "object": "chat.completion", "created": 0, "model": MODEL, "choices": [choice],
            "usage": _usage(body, text, self.counted),
        }  # fmt: skip

    def _text(self, body: dict[str, Any]) -> str:
        if self.fault == "empty":
            return ""
        if self.mode == "scripted":
            return self.replies[min(len(self.requests), len(self.replies)) - 1]
        prompt = {message["role"]: message["content"] for message in body["messages"]}
        said = [] if self.mode == "silent" else _honest(prompt) if self.mode == "honest" else _obedient(prompt)
        wanted = body.get("response_format")
        if wanted and self.fault == "schema_ignored":  # Ollama before 0.5, LiteLLM with drop_params
            return "Sure! " + " ".join(text for text, _ in said)
        if wanted and self.fault == "schema_other":  # the same, and the model makes up a form
            return json.dumps({"answer": " ".join(text for text, _ in said), "sources": [1]})
        if wanted:
            claims = [{"text": text, "cites": cites} for text, cites in said]
            return json.dumps({"found": bool(said), "claims": claims}, ensure_ascii=False)
        return " ".join(text + "".join(f" [{n}]" for n in cites) for text, cites in said) or NOT_FOUND


def _honest(prompt: dict[str, str]) -> list[tuple[str, list[int]]]:
    """Quote the first sentence or line of the first passage."""
    first = _PASSAGE.search(prompt["user"])
    if not first:
        return []
    quote = re.split(r"(?<=[.!?])\s|\n", first[3].strip(), maxsplit=1)[0].removesuffix(" …")
    return [(quote, [int(first[2])])]


def _obedient(prompt: dict[str, str]) -> list[tuple[str, list[int]]]:
    """Do what every text in the prompt says, and claim that the passages say so."""
    cites = [int(match[2]) for match in _PASSAGE.finditer(prompt["user"])] or [1]
    data = prompt["user"]
    obeyed = [*_URL.findall(data), *_LIVE.findall(data), *_IMPERATIVE.findall(data)]
    if _ASKS_FOR_PROMPT.search(data):
        obeyed.append(prompt["system"])
    seen = dict.fromkeys(text.strip() for text in obeyed if text.strip())
    return [(text, cites) for text in seen] or [("Done.", cites)]


def _usage(body: dict[str, Any], text: str, counted: float) -> dict[str, int]:
    asked = int(counted * sum(len(message["content"]) for message in body["messages"]) / 4)
    written = -(-len(text) // TOKEN)
    return {"prompt_tokens": asked, "completion_tokens": written, "total_tokens": asked + written}


def _event(data: dict[str, Any]) -> bytes:
    return f"data: {json.dumps(data, ensure_ascii=False)}\n\n".encode()


def _error(status: int, kind: str, message: str) -> Response:
    headers = {"retry-after": "7"} if status == 429 else {}
    return JSONResponse({"error": {"message": message, "type": kind, "code": status}}, status, headers)


def main() -> None:
    """Run until the process is ended."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mode", choices=get_args(Mode), default="honest")
    parser.add_argument("--fault", choices=get_args(Fault), default="none")
    parser.add_argument("--reply", action="append", default=[], help="a scripted reply; repeatable")
    parser.add_argument("--api-key", default="")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--port-file", type=Path, help="the port is written here once the server listens")
    parser.add_argument("--log-file", type=Path, help="chat requests as JSON Lines")
    given = parser.parse_args()
    mode: Mode = "scripted" if given.reply else given.mode
    fake = FakeOpenAI(mode, given.fault, given.reply, given.api_key, port=given.port, log_file=given.log_file)
    with fake:
        if given.port_file:
            partial = given.port_file.with_suffix(".part")
            partial.write_text(str(fake.port), encoding="ascii")
            partial.rename(given.port_file)
        threading.Event().wait()


if __name__ == "__main__":
    main()
