"""A cross-encoder behind a rerank endpoint, as llama.cpp, vLLM, Infinity, Jina and servers like Cohere's offer it."""

from __future__ import annotations

import json
import math
import re
import threading
import weakref
from typing import TYPE_CHECKING, Any

import httpx2

from indexing.bounded_http import bounded_client
from indexing.errors import NoCrossEncoder

if TYPE_CHECKING:
    from collections.abc import Sequence

_TOO_LONG = re.compile(r"too (?:long|large)|context|tokens?\b|input length|exceed", re.IGNORECASE)
_SHORTEST = 150  # characters to which texts are cut that the model calls too long
_TOLD_MAX = 200
_OK = 200
_SEND_AGAIN = 2  # tries: a server may close an idle connection in the moment it is used


class _TooLong(NoCrossEncoder):
    """Question and text together are longer than the model reads."""


class RerankEndpoint:
    """Scores from `URL/rerank`. Safe to share between threads.

    A person waits for the answer, and the order of the search stands without it: what fails is not tried again, but for
    a connection that the server had closed meanwhile.

    Args:
        url: Address of the server, with or without `/v1`, or the whole address of the endpoint.
        model: Its name there; may be empty where the server has one alone.
        key: Bearer token; may be empty. It appears in no message.
        seconds: Wall time of a request.
    """

    def __init__(self, url: str, model: str = "", key: str = "", seconds: float = 10.0) -> None:
        base = url.rstrip("/")
        self.url = base if base.endswith(("/rerank", "/reranking")) else f"{base}/rerank"
        self._model = model
        self._key = key
        self._seconds = seconds
        self._lock = threading.Lock()
        self._client: httpx2.Client | None = None

    @property
    def fingerprint(self) -> str:
        """Name of the model, or of where it is; see `CrossEncoder.fingerprint`."""
        return f"rerank:{self._model or self.url}"

    def score(self, question: str, texts: Sequence[str]) -> list[float]:
        """See `CrossEncoder.score`. Texts that the model calls too long are halved until they fit."""
        if not texts:
            return []
        try:
            return self._score(question, texts)
        except _TooLong:
            half = max(map(len, texts)) // 2
            if half < _SHORTEST:
                raise
            return self.score(question, [text[:half] for text in texts])

    def _score(self, question: str, texts: Sequence[str]) -> list[float]:
        body: dict[str, Any] = {
            "query": _sendable(question), "documents": [_sendable(text) for text in texts], "top_n": len(texts)
        }  # fmt: skip
        answer = self._sent({"model": self._model, **body} if self._model else body)
        if answer.status_code != _OK:
            raise self._refused(answer)
        try:
            found = {int(one["index"]): float(one["relevance_score"]) for one in answer.json()["results"]}
            scores = [found[number] for number in range(len(texts))]
        except (ValueError, TypeError, KeyError, LookupError) as error:
            raise self._no_scores() from error
        if not all(map(math.isfinite, scores)):
            raise self._no_scores()
        return scores

    def _sent(self, body: dict[str, Any]) -> httpx2.Response:
        import stamina  # noqa: PLC0415 - loaded where an endpoint is set

        content = json.dumps(body, ensure_ascii=False).encode("utf-8")
        headers = {"Content-Type": "application/json"}
        if self._key:
            headers["Authorization"] = f"Bearer {self._key}"
        timeout = httpx2.Timeout(self._seconds, connect=min(5.0, self._seconds))
        closed = (httpx2.RemoteProtocolError, httpx2.ReadError, httpx2.WriteError)
        try:
            for attempt in stamina.retry_context(on=closed, attempts=_SEND_AGAIN, wait_initial=0.01, wait_max=0.1):
                with attempt:
                    return self._opened().post(self.url, content=content, headers=headers, timeout=timeout)
        except httpx2.TimeoutException as error:
            raise NoCrossEncoder(
                f"the rerank endpoint {self.url} did not answer within {self._seconds:g} s: start a faster one"
            ) from error
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as error:
            raise NoCrossEncoder(
                f"the rerank endpoint {self.url} cannot be reached: start it, or set ASSISTANT_RERANKER"
            ) from error
        raise AssertionError  # stamina returns or raises

    def _opened(self) -> httpx2.Client:
        with self._lock:
            if self._client is None:
                self._client = bounded_client(self.url)
                weakref.finalize(self, self._client.close)
            return self._client

    def _refused(self, answer: httpx2.Response) -> NoCrossEncoder:
        status = answer.status_code
        told = " ".join(answer.text.split())[:_TOLD_MAX]
        told = told.replace(self._key, "***") if self._key else told  # some servers repeat it
        if status in {400, 413, 422, 500} and (status == 413 or _TOO_LONG.search(told)):  # noqa: PLR2004 - HTTP status
            return _TooLong(f"the rerank endpoint refused the texts as too long ({status}): {told}")
        why = {
            401: "refused the key: set OPENAI_API_KEY",
            403: "refused the key: set OPENAI_API_KEY",
            404: f"knows no such address or model ({self._model!r}): set ASSISTANT_RERANKER, ASSISTANT_RERANKER_MODEL",
            405: "takes no requests: set ASSISTANT_RERANKER to a rerank endpoint",
            501: f"runs no reranker: {told}",
        }.get(status)
        if why is None and status < 400:  # noqa: PLR2004 - HTTP status
            why = "redirects: set ASSISTANT_RERANKER to where it is now"
        if why is None:
            why = f"fails: {told}" if status == 429 or status >= 500 else f"refused the request: {told}"  # noqa: PLR2004 - as above
        return NoCrossEncoder(f"the rerank endpoint {self.url} ({status}) {why}")

    def _no_scores(self) -> NoCrossEncoder:
        return NoCrossEncoder(
            f"the endpoint {self.url} sent no score for each text: set ASSISTANT_RERANKER to a rerank endpoint"
        )


def _sendable(text: str) -> str:
    """Return what JSON can carry and servers take: no half of a surrogate pair, not empty."""
    return text.encode("utf-8", "replace").decode("utf-8") if text.strip() else "."
