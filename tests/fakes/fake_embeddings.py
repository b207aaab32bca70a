"""What the fake OpenAI-compatible server answers at `/embeddings`: hashed words; texts that share words are near."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from starlette.responses import JSONResponse

from tests.fakes.tiny_embedder import TinyEmbedder

if TYPE_CHECKING:
    from starlette.responses import Response

Slip = Literal["none", "one_too_few", "not_finite", "ragged", "zero", "same_index", "no_data"]

_CHINESE = {
    "今天天气很好。": "The weather is nice today.",
    "我忘记了密码。": "I forgot my password.",
    "火车八点出发。": "The train leaves at eight.",
    "我的猫睡在沙发上。": "My cat sleeps on the sofa.",
}


@dataclass
class FakeEmbeddings:
    """State and answers of the endpoint; may be changed while the server runs.

    Attributes:
        dimension: Of vectors when the request names none.
        weights: Another number is another model under the same name.
        noise: Standard deviation that a server's arithmetic adds to each number, other in each answer.
        reads_chinese: Whether it knows the Chinese for what it knows in English.
        longest: Characters of a text at most.
        slip: What is wrong with an answer.
        failures: Statuses of the next answers, before it answers well again.
        requests: Bodies, in order.
    """

    dimension: int = 64
    weights: int = 0
    noise: float = 0.0
    reads_chinese: bool = False
    longest: int = 10_000
    slip: Slip = "none"
    failures: list[int] = field(default_factory=list)
    requests: list[dict[str, Any]] = field(default_factory=list)

    def refused(self, body: dict[str, Any]) -> Response | None:
        """Return the refusal of the request in the words of llama.cpp and OpenAI, or None."""
        texts = [body["input"]] if isinstance(body["input"], str) else body["input"]
        status, told = 400, ""
        if self.failures:
            status, told = self.failures.pop(0), "boom"
        elif any(text == "" for text in texts):
            told = "input cannot be an empty string"
        elif any(len(text) > self.longest for text in texts):
            told = "input is larger than the max context size. skipping"
        error = {"message": told, "type": "server_error" if status >= 500 else "invalid_request_error", "code": status}
        return JSONResponse({"error": error}, status) if told else None

    def answer(self, body: dict[str, Any]) -> dict[str, Any]:
        """Return the body of the answer: https://platform.openai.com/docs/api-reference/embeddings."""
        texts = [body["input"]] if isinstance(body["input"], str) else body["input"]
        rows = [self._vector(text, body.get("dimensions") or self.dimension) for text in texts]
        if self.slip == "not_finite":
            rows[-1][0] = np.inf
        if self.slip == "zero":
            rows[-1][:] = 0.0
        if self.slip == "ragged":
            rows[-1] = rows[-1][:-1]
        data = [
            {"object": "embedding", "index": 0 if self.slip == "same_index" else n, "embedding": _told(row, body)}
            for n, row in enumerate(rows)
        ]
        if self.slip == "one_too_few":
            data.pop()
        if self.slip == "no_data":
            data = []
        tokens = sum(map(len, texts)) // 4
        usage = {"prompt_tokens": tokens, "total_tokens": tokens}
        return {"object": "list", "data": data[::-1], "model": body["model"], "usage": usage}

    def _vector(self, text: str, dimension: int) -> np.ndarray:
        row = TinyEmbedder(dimension).encode_query(_CHINESE.get(text, text) if self.reads_chinese else text)
        row = np.random.default_rng(self.weights).permutation(row)
        return 3.0 * row + self.noise * np.random.default_rng().standard_normal(dimension)


def _told(row: np.ndarray, body: dict[str, Any]) -> str | list[float]:
    if body.get("encoding_format") == "base64":
        return base64.b64encode(row.astype("<f4").tobytes()).decode("ascii")
    return [float(number) for number in row]
