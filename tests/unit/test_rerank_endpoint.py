"""Scores from a rerank endpoint on loopback: in all forms that servers answer in, and when they do not."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, get_args

import pytest

from indexing.cross_encoder import tells_apart
from indexing.errors import NoCrossEncoder
from indexing.rerank_endpoint import RerankEndpoint
from tests.fakes.fake_rerank import Dialect, FakeRerank, Slip
from tests.fakes.openai_server import MODEL, FakeOpenAI

if TYPE_CHECKING:
    from collections.abc import Iterator

QUESTION = "How do I renew the token?"
TEXTS = ["A recipe for bread.", "Renew the token with the button.", "The token of a runner."]


@pytest.fixture(scope="module")
def running() -> Iterator[FakeOpenAI]:
    with FakeOpenAI() as fake:
        yield fake


@pytest.fixture
def server(running: FakeOpenAI) -> FakeOpenAI:
    running.rerank, running.fault, running.api_key = FakeRerank(), "none", ""
    return running


def _endpoint(server: FakeOpenAI, seconds: float = 5.0) -> RerankEndpoint:
    return RerankEndpoint(server.base_url, MODEL, server.api_key, seconds)


def _best(scores: list[float]) -> list[int]:
    return sorted(range(len(scores)), key=lambda n: -scores[n])


@pytest.mark.parametrize("dialect", get_args(Dialect))
def test_scores_come_back_in_the_order_of_the_texts_from_every_kind_of_server(
    server: FakeOpenAI, dialect: Dialect
) -> None:
    server.rerank.dialect = dialect
    assert _best(_endpoint(server).score(QUESTION, TEXTS)) == [1, 2, 0]
    assert server.rerank.requests == [{"model": MODEL, "query": QUESTION, "documents": TEXTS, "top_n": 3}]


@pytest.mark.parametrize("end", ["/v1", "/v1/", "", "/", "/v1/rerank", "/rerank"])
def test_the_address_is_that_of_the_server_or_of_the_endpoint(server: FakeOpenAI, end: str) -> None:
    url = server.base_url.removesuffix("/v1") + end
    assert _best(RerankEndpoint(url).score(QUESTION, TEXTS)) == [1, 2, 0]
    assert "model" not in server.rerank.requests[0]


def test_the_key_is_sent_and_stands_in_no_message(server: FakeOpenAI) -> None:
    server.api_key = "secret-key-1"
    assert len(_endpoint(server).score(QUESTION, TEXTS)) == 3
    with pytest.raises(NoCrossEncoder, match="refused the key: set OPENAI_API_KEY") as told:
        RerankEndpoint(server.base_url, MODEL, "secret-key-2").score(QUESTION, TEXTS)
    assert "secret-key" not in str(told.value)


def test_texts_that_are_too_long_for_the_model_are_halved_until_they_fit(server: FakeOpenAI) -> None:
    server.rerank.longest = 500
    texts = ["bread " * 200, "Renew the token. " + "More on tokens. " * 70]
    assert _best(_endpoint(server).score(QUESTION, texts)) == [1, 0]
    assert [max(map(len, one["documents"])) for one in server.rerank.requests] == [1200, 600, 300]


def test_a_question_that_leaves_no_room_for_any_text_is_told(server: FakeOpenAI) -> None:
    server.rerank.longest = 20
    with pytest.raises(NoCrossEncoder, match="too long"):
        _endpoint(server).score(QUESTION, TEXTS)


def test_any_text_can_be_sent_and_no_text_makes_no_request(server: FakeOpenAI) -> None:
    endpoint = _endpoint(server)
    assert endpoint.score(QUESTION, []) == []
    assert server.rerank.requests == []
    assert len(endpoint.score("half a pair \ud83d and NUL \0", ["", "\ud83d", "\u202e"])) == 3


@pytest.mark.parametrize("slip", [slip for slip in get_args(Slip) if slip != "none"])
def test_an_answer_that_does_not_score_every_text_is_refused(server: FakeOpenAI, slip: Slip) -> None:
    server.rerank.slip = slip
    with pytest.raises(NoCrossEncoder, match="sent no score for each text: set ASSISTANT_RERANKER"):
        _endpoint(server).score(QUESTION, TEXTS)


@pytest.mark.parametrize(
    ("status", "told"),
    [(400, "refused the request"), (404, "set ASSISTANT_RERANKER"), (405, "takes no requests"), (429, "fails"),
     (500, "fails"), (503, "fails")],
)  # fmt: skip
def test_a_refusal_is_told_in_one_line_and_not_tried_again(server: FakeOpenAI, status: int, told: str) -> None:
    server.rerank.failures = [status]
    with pytest.raises(NoCrossEncoder, match=told) as error:
        _endpoint(server).score(QUESTION, TEXTS)
    assert "\n" not in str(error.value)
    assert len(server.rerank.requests) == 1


def test_a_server_without_a_reranker_says_how_to_start_it(server: FakeOpenAI) -> None:
    server.rerank.reranks = False
    with pytest.raises(NoCrossEncoder, match=r"runs no reranker.*--reranking"):
        _endpoint(server).score(QUESTION, TEXTS)


def test_texts_go_nowhere_else_when_the_server_redirects(server: FakeOpenAI) -> None:
    server.fault = "redirect"
    with pytest.raises(NoCrossEncoder, match="redirects: set ASSISTANT_RERANKER"):
        _endpoint(server).score(QUESTION, TEXTS)


@pytest.mark.parametrize("fault", ["hang", "drip"])
def test_a_server_that_does_not_end_its_answer_is_given_up_in_time(server: FakeOpenAI, fault: str) -> None:
    server.fault = fault  # type: ignore[assignment] - one of its faults
    since = time.monotonic()
    with pytest.raises(NoCrossEncoder, match=r"did not answer within 0\.3 s"):
        _endpoint(server, 0.3).score(QUESTION, TEXTS)
    assert time.monotonic() - since < 3.0


def test_a_server_that_is_not_there_is_told() -> None:
    with pytest.raises(NoCrossEncoder, match="cannot be reached"):
        RerankEndpoint("http://127.0.0.1:9").score(QUESTION, TEXTS)


def test_plain_questions_tell_a_model_that_reads_from_one_that_does_not(server: FakeOpenAI) -> None:
    assert tells_apart(_endpoint(server))
    server.rerank.oracle = lambda _, text: float(len(text))
    assert not tells_apart(_endpoint(server))
    server.rerank.oracle = lambda _question, _text: 0.5
    assert not tells_apart(_endpoint(server))
