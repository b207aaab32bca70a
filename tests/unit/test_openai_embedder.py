"""Vectors from an OpenAI-compatible endpoint, over a server on loopback."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, get_args

import numpy as np
import pytest

from indexing.embedding_requests import Patience
from indexing.errors import NoEmbedder
from indexing.openai_embedder import OpenAIEmbedder
from tests.fakes.fake_embeddings import FakeEmbeddings, Slip
from tests.fakes.openai_server import MODEL, FakeOpenAI

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BRISK = (Patience(0.5, 0), Patience(0.5, 0))


@pytest.fixture(scope="module")
def running() -> Iterator[FakeOpenAI]:
    with FakeOpenAI() as fake:
        yield fake


@pytest.fixture
def server(running: FakeOpenAI) -> FakeOpenAI:
    running.embeddings, running.fault, running.api_key = FakeEmbeddings(), "none", ""
    return running


def _embedder(server: FakeOpenAI, cache: Path | None = None, **more: object) -> OpenAIEmbedder:
    return OpenAIEmbedder(server.base_url, MODEL, server.api_key, cache=cache, patience=BRISK, **more)


def test_vectors_come_back_normalised_and_in_the_order_of_the_texts(server: FakeOpenAI) -> None:
    embedder, told = _embedder(server), []
    texts = ["short", "a much longer text about runners", "middle length", ""] * 40
    rows = embedder.encode(texts, told.append)
    assert rows.shape == (160, 64)
    assert rows.dtype == np.float32
    assert np.allclose(np.linalg.norm(rows, axis=1), 1.0, atol=1e-5)
    assert np.allclose(rows[1], embedder.encode_query(texts[1]), atol=1e-5)
    assert np.allclose(rows[0], rows[4], atol=1e-5)
    assert sum(told) == 160
    assert max(len(request["input"]) for request in server.embeddings.requests) <= 65


def test_no_text_makes_no_request_and_any_text_can_be_sent(server: FakeOpenAI) -> None:
    embedder = _embedder(server)
    assert embedder.dimension == 64
    asked = len(server.embeddings.requests)
    assert embedder.encode([]).shape == (0, 64)
    assert len(server.embeddings.requests) == asked
    assert np.isfinite(embedder.encode_query("half a pair \ud83d, NUL \0, and \u202e")).all()


def test_a_fingerprint_names_model_dimension_and_weights(server: FakeOpenAI) -> None:
    first = _embedder(server).fingerprint
    assert first.startswith(f"openai:{MODEL}:64:")
    server.embeddings.weights = 7
    assert _embedder(server).fingerprint != first
    assert _embedder(server, dimension=32).fingerprint.startswith(f"openai:{MODEL}:32:")


def test_arithmetic_of_the_server_does_not_change_a_remembered_fingerprint(server: FakeOpenAI, tmp_path: Path) -> None:
    server.embeddings.noise = 1e-3
    fingerprints = set()
    for _ in range(5):
        embedder = _embedder(server, tmp_path / "cache/endpoint.json")
        embedder.encode_query("still the same model?")
        fingerprints.add(embedder.fingerprint)
    assert len(fingerprints) == 1


def test_a_remembered_endpoint_is_not_asked_for_its_fingerprint(server: FakeOpenAI, tmp_path: Path) -> None:
    known = _embedder(server, tmp_path / "endpoint.json").fingerprint
    asked = len(server.embeddings.requests)
    server.fault = "500"
    again = _embedder(server, tmp_path / "endpoint.json")
    assert (again.fingerprint, again.dimension, again.multilingual) == (known, 64, False)
    assert len(server.embeddings.requests) == asked


def test_a_model_that_was_changed_under_its_name_is_refused_and_then_known_anew(
    server: FakeOpenAI, tmp_path: Path
) -> None:
    first = _embedder(server, tmp_path / "endpoint.json").fingerprint
    server.embeddings.weights = 7
    changed = _embedder(server, tmp_path / "endpoint.json")
    with pytest.raises(NoEmbedder, match=r"not the one it was.*build the index again"):
        changed.encode_query("anything")
    anew = _embedder(server, tmp_path / "endpoint.json")
    anew.encode_query("anything")
    assert anew.fingerprint != first


def test_a_model_of_another_dimension_under_the_same_name_is_refused(server: FakeOpenAI, tmp_path: Path) -> None:
    embedder = _embedder(server, tmp_path / "endpoint.json")
    assert embedder.dimension == 64
    server.embeddings.dimension = 32
    with pytest.raises(NoEmbedder, match="not the one it was"):
        embedder.encode(["anything"])


def test_a_damaged_memory_of_the_endpoint_only_costs_a_question(server: FakeOpenAI, tmp_path: Path) -> None:
    known = _embedder(server, tmp_path / "endpoint.json").fingerprint
    for damage in ("", "[]", '{"a": 1}', (tmp_path / "endpoint.json").read_text().replace("signature", "x")):
        (tmp_path / "endpoint.json").write_text(damage)
        assert _embedder(server, tmp_path / "endpoint.json").fingerprint == known


@pytest.mark.parametrize("reads_chinese", [True, False])
def test_whether_a_model_reads_chinese_is_found_out(server: FakeOpenAI, reads_chinese: bool) -> None:  # noqa: FBT001 - a parameter of the test
    server.embeddings.reads_chinese = reads_chinese
    assert _embedder(server).multilingual is reads_chinese
    assert _embedder(server, multilingual=True).multilingual


def test_a_text_that_the_model_calls_too_long_is_cut_and_the_others_are_not(server: FakeOpenAI) -> None:
    server.embeddings.longest = 500
    texts = ["runner " * 400, "a short one", "pages " * 30]
    rows = _embedder(server).encode(texts)
    assert np.allclose(rows[1:], _embedder(server).encode(texts[1:]), atol=1e-5)
    assert rows[0] @ _embedder(server).encode_query("runner") > 0.9


def test_a_fault_that_passes_is_waited_for(server: FakeOpenAI) -> None:
    embedder = OpenAIEmbedder(server.base_url, MODEL, patience=(Patience(5.0, 2), Patience(5.0, 2)))
    server.embeddings.failures = [503]
    assert embedder.encode_query("anything").shape == (64,)
    assert len(server.embeddings.requests) == 2 + 1, "one failed try, the probe, the question"


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ("401", r"refused the key \(401\): set OPENAI_API_KEY"),
        ("404", "ASSISTANT_EMBEDDER_MODEL"),
        ("400", r"refused the request \(400\)|too long"),
        ("429", r"failed \(429\)"),
        ("500", r"failed \(500\)"),
        ("redirect", "redirects"),
        ("not_json", "sent no embeddings"),
        ("hang", "in time"),
        ("drip", "in time"),
    ],
)
def test_each_fault_is_told_in_one_line_that_says_what_to_do(server: FakeOpenAI, fault: str, told: str) -> None:
    server.fault = fault  # type: ignore[assignment] # one of `Fault`
    started = time.monotonic()
    with pytest.raises(NoEmbedder, match=told) as caught:
        _embedder(server).encode_query("anything")
    assert "\n" not in str(caught.value)
    assert time.monotonic() - started < 4.0


@pytest.mark.parametrize("slip", [slip for slip in get_args(Slip) if slip != "none"])
def test_vectors_that_are_none_are_refused(server: FakeOpenAI, slip: Slip) -> None:
    embedder = _embedder(server)
    assert embedder.dimension == 64
    server.embeddings.slip = slip
    with pytest.raises(NoEmbedder, match="sent no embeddings"):
        embedder.encode(["one", "two"])


def test_a_server_that_is_not_there_is_told_with_its_address() -> None:
    with pytest.raises(NoEmbedder, match=r"http://127.0.0.1:9/v1 cannot be reached"):
        _ = OpenAIEmbedder("http://127.0.0.1:9/v1/", MODEL, patience=BRISK).dimension


def test_the_key_is_sent_and_never_told(server: FakeOpenAI, tmp_path: Path) -> None:
    server.api_key = "sk-very-secret"
    embedder = _embedder(server, tmp_path / "endpoint.json")
    assert embedder.encode_query("anything").shape == (64,)
    server.api_key = "sk-another"
    with pytest.raises(NoEmbedder) as caught:
        embedder.encode_query("anything")
    assert "secret" not in f"{caught.value}{embedder!r}{vars(embedder)}" + (tmp_path / "endpoint.json").read_text()


def test_requests_have_the_published_form(server: FakeOpenAI) -> None:
    _embedder(server, dimension=32).encode_query("anything")
    body = server.embeddings.requests[-1]
    assert set(body) <= {"model", "input", "dimensions", "encoding_format", "user"}
    assert body["dimensions"] == 32
    assert body["encoding_format"] in {"float", "base64"}
    assert json.dumps(body["input"]).count("anything") == 1
