"""What the fake model server answers at `/rerank`, in the forms that servers publish. Scores come from an oracle."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from starlette.responses import JSONResponse, Response

if TYPE_CHECKING:
    from collections.abc import Iterator

Dialect = Literal["llama.cpp", "vllm", "infinity", "cohere"]
Slip = Literal["none", "one_too_few", "not_finite", "same_index", "no_results", "not_a_number", "tei", "text"]
Oracle = Callable[[str, str], float]

_WORD = re.compile(r"\w+")


def shared_words(question: str, text: str) -> float:
    """Return which share of the question's words the text holds."""
    asked, held = (set(_WORD.findall(part.lower())) for part in (question, text))
    return len(asked & held) / max(1, len(asked))


@dataclass
class FakeRerank:
    """State and answers of the endpoint; may be changed while the server runs.

    Attributes:
        oracle: Says how well a text fits a question.
        dialect: Whose form of answer is written.
        longest: Characters of question and text at most; more is refused as llama.cpp does.
        slip: What is wrong with an answer.
        failures: Statuses of the next answers, before it answers well again.
        reranks: Whether the server was started with a reranker.
        requests: Bodies, in order.
    """

    oracle: Oracle = shared_words
    dialect: Dialect = "llama.cpp"
    longest: int = 10_000
    slip: Slip = "none"
    failures: list[int] = field(default_factory=list)
    reranks: bool = True
    requests: list[dict[str, Any]] = field(default_factory=list)

    def refused(self, body: dict[str, Any]) -> Response | None:
        """Return the refusal of the request in llama.cpp's words, or None."""
        documents = body.get("documents")
        if self.failures:
            return _error(self.failures.pop(0), "server_error", "boom")
        if not self.reranks:
            told = "This server does not support reranking. Start it with `--reranking`"
            return _error(501, "not_supported_error", told)
        if not isinstance(documents, list) or not documents or not all(isinstance(one, str) for one in documents):
            return _error(400, "invalid_request_error", '"documents" must be a non-empty string array')
        longest = len(body["query"]) + max(map(len, documents))
        if longest > self.longest:
            told = f"request ({longest} tokens) exceeds the available context size ({self.longest} tokens)"
            return _error(400, "exceed_context_size_error", told)
        return None

    def answer(self, body: dict[str, Any]) -> Response:
        """Return the answer: best first, `top_n` of them."""
        if self.slip == "text":
            return Response("<html>proxy login</html>", media_type="text/html")
        results = sorted(self._results(body), key=lambda one: -one["relevance_score"])[: body.get("top_n") or None]
        if self.slip == "tei":  # text-embeddings-inference: a list, other names
            return JSONResponse([{"index": one["index"], "score": one["relevance_score"]} for one in results])
        if self.slip == "one_too_few":
            results.pop()
        if self.slip == "same_index":
            results = [{**one, "index": 0} for one in results]
        if self.slip == "not_finite":
            results[-1]["relevance_score"] = float("nan")
        if self.slip == "not_a_number":
            results[-1]["relevance_score"] = None
        whole = {**self._around(body), "results": [] if self.slip == "no_results" else results}
        return Response(json.dumps(whole), media_type="application/json")

    def _results(self, body: dict[str, Any]) -> Iterator[dict[str, Any]]:
        for index, text in enumerate(body["documents"]):
            result: dict[str, Any] = {"index": index, "relevance_score": self.oracle(body["query"], text)}
            if self.dialect == "vllm":
                result["document"] = {"text": text}
            yield result

    def _around(self, body: dict[str, Any]) -> dict[str, Any]:
        """Return what stands beside the results, after the documentation of each."""
        tokens = sum(map(len, body["documents"])) // 4
        model = body.get("model", "")
        return {
            "llama.cpp": {
                "model": model, "object": "list", "usage": {"prompt_tokens": tokens, "total_tokens": tokens}
            },
            "vllm": {"id": "rerank-1", "model": model, "usage": {"total_tokens": tokens}},
            "infinity": {
                "id": "infinity-1", "object": "rerank", "model": model, "created": 0,
                "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
            },
            "cohere": {"id": "1", "meta": {"api_version": {"version": "2"}, "billed_units": {"search_units": 1}}},
        }[self.dialect]  # fmt: skip


def _error(status: int, kind: str, message: str) -> Response:
    return JSONResponse({"error": {"code": status, "message": message, "type": kind}}, status)
