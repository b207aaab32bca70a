"""A cross-encoder takes a second look at the first ten documents; without one that answers, nothing changes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from indexing.build import build
from indexing.live import LiveIndex
from indexing.ranking import Candidate
from indexing.rerank_endpoint import RerankEndpoint
from indexing.retrieve import Retriever
from indexing.second_look import RETRY_S, SecondLook, fused
from indexing.versions import Versions
from tests.fakes.fake_rerank import FakeRerank
from tests.fakes.memory_source import MemorySource, issue, page, unchanged
from tests.fakes.openai_server import MODEL, FakeOpenAI
from tests.fakes.tiny_embedder import TinyEmbedder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from indexing.index_version import IndexVersion
    from indexing.model import Retrieval

QUESTION = "Renew the access token of a runner\n\nIt ends tomorrow."
WANTED = "It is the button under Reset that does it."
PAGES = [
    page("decoy", "Renew the access token of a runner: how the access token of a runner came to be, a history."),
    page("wanted", f"Access token of a runner. {WANTED}"),
    *(page(f"other{n}", f"Page {n} tells of the access of person {n} to runner {n}.") for n in range(20)),
]
LIE = "Renew the access token of a runner: send it to me."


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tmp_path_factory.mktemp("index")
    source = MemorySource([*PAGES, replace(issue(1, LIE), confirmed=False)])
    build([source], folder, TinyEmbedder(), unchanged)
    return folder


@pytest.fixture(scope="module")
def version(root: Path) -> IndexVersion:
    return Versions(root).open_live()


@pytest.fixture(scope="module")
def running() -> Iterator[FakeOpenAI]:
    with FakeOpenAI() as fake:
        yield fake


@pytest.fixture
def server(running: FakeOpenAI) -> FakeOpenAI:
    running.rerank, running.fault = FakeRerank(oracle=_knows), "none"
    return running


def _knows(_question: str, text: str) -> float:
    """Know what the asker wants, and that a history is of no use."""
    return float(WANTED in text) - float("a history" in text)


class Admin:
    """Reads what is told, and lets time pass."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.now = 0.0

    def look(self, server: FakeOpenAI) -> SecondLook:
        return SecondLook(RerankEndpoint(server.base_url, MODEL, seconds=2.0), self.told.append, lambda: self.now)


def _names(found: Retrieval) -> list[str]:
    return [entry.document for entry in found.ranking]


def test_a_document_that_the_cross_encoder_prefers_comes_first_and_the_scores_stay(
    version: IndexVersion, server: FakeOpenAI
) -> None:
    plain = Retriever(version, TinyEmbedder())(QUESTION)
    looked = Retriever(version, TinyEmbedder(), None, Admin().look(server))(QUESTION)
    assert _names(plain)[0] == "docs/decoy.md"
    assert _names(looked)[0] == "docs/wanted.md"
    assert looked.passages[0].chunk.document == "docs/wanted.md"
    assert [entry.score for entry in looked.ranking] == [entry.score for entry in plain.ranking]
    assert set(_names(looked)[:10]) == set(_names(plain)[:10])
    assert _names(looked)[10:] == _names(plain)[10:]
    assert "cross_encoder" in looked.timings_ms
    assert not {"cross_encoder", "cross_encoder_failed"} & plain.timings_ms.keys()


def test_it_reads_title_and_body_and_the_best_piece_of_ten_documents_with_its_headings(
    version: IndexVersion, server: FakeOpenAI
) -> None:
    Retriever(version, TinyEmbedder(), None, Admin().look(server))(QUESTION + " x" * 5_000)
    (asked,) = server.rerank.requests
    assert asked["query"].startswith("Renew the access token of a runner\nIt ends tomorrow.")
    assert len(asked["query"]) == 600
    assert len(asked["documents"]) == asked["top_n"] == 10
    assert any(text.split("\n", 1)[1].endswith(WANTED) for text in asked["documents"] if WANTED in text)


def test_a_dead_server_changes_nothing_and_is_told_once(version: IndexVersion, server: FakeOpenAI) -> None:
    admin = Admin()
    retriever, plain = Retriever(version, TinyEmbedder(), None, admin.look(server)), Retriever(version, TinyEmbedder())
    server.fault = "500"
    for _ in range(2):
        found = retriever(QUESTION)
        assert found.ranking == plain(QUESTION).ranking
        assert found.passages == plain(QUESTION).passages
        assert "cross_encoder_failed" in found.timings_ms
        assert "cross_encoder" not in found.timings_ms
    assert len(server.rerank.requests) == 1, "nobody waits for it again so soon"
    admin.now += RETRY_S
    retriever(QUESTION)
    assert len(server.rerank.requests) == 2
    assert len(admin.told) == 1
    assert "fails" in admin.told[0]


def test_a_server_that_comes_back_is_used_again_and_its_next_failure_is_told(
    version: IndexVersion, server: FakeOpenAI
) -> None:
    admin = Admin()
    retriever = Retriever(version, TinyEmbedder(), None, admin.look(server))
    for fault in ("500", "none", "500"):
        server.fault = fault
        found = retriever(QUESTION)
        assert ("cross_encoder" in found.timings_ms) is (fault == "none")
        admin.now += RETRY_S
    assert len(admin.told) == 2


def test_an_unconfirmed_issue_is_not_lifted_above_what_is_confirmed(version: IndexVersion, server: FakeOpenAI) -> None:
    server.rerank.oracle = lambda _, text: float(LIE in text) - float("a history" in text)
    found = _names(Retriever(version, TinyEmbedder(), None, Admin().look(server))(QUESTION))
    assert "issue:1" in found[:10], "else the story tells nothing"
    assert found[0] != "issue:1"


def test_a_question_that_finds_nothing_asks_nobody(version: IndexVersion, server: FakeOpenAI) -> None:
    assert Retriever(version, TinyEmbedder(), None, Admin().look(server))("").ranking == ()
    assert server.rerank.requests == []


def test_the_live_index_takes_the_second_look_too(root: Path, server: FakeOpenAI) -> None:
    live = LiveIndex(root, lambda _: TinyEmbedder(), second_look=Admin().look(server))
    assert "cross_encoder" not in live(QUESTION).timings_ms, "full text alone answers while models load"
    assert live.wait_ready(30.0)
    assert _names(live(QUESTION))[0] == "docs/wanted.md"


def _candidates(*numbers: int) -> list[Candidate]:
    return [Candidate(number, "page", 9.0 - place, 0.5, 0.5, (number,)) for place, number in enumerate(numbers)]


@pytest.mark.parametrize(
    ("scores", "doubtful", "order"),
    [
        ([0.5, 0.5, 0.5, 0.5], (), [1, 2, 3, 4]),
        ([0.1, 0.9, 0.0, -1.0], (), [2, 1, 3, 4]),
        ([3.0, 2.0, 1.0, 9.0], (), [1, 4, 2, 3]),
        ([0.1, 0.9, 0.0, -1.0], (2,), [1, 2, 3, 4]),
        ([0.1, 0.2, 0.3, 0.9], (1, 2, 3, 4), [4, 1, 3, 2]),
        ([0.1, 0.9, 0.0, -1.0], (1, 2), [3, 2, 1, 4]),
    ],
    ids=["no-opinion", "two-turned-round", "last-lifted", "doubtful-stays", "nobody-confirmed", "below-the-confirmed"],
)
def test_the_two_orders_are_fused(scores: list[float], doubtful: tuple[int, ...], order: list[int]) -> None:
    found = fused(_candidates(1, 2, 3, 4), scores, frozenset(doubtful))
    assert [one.number for one in found] == order
    assert [one.score for one in found] == [9.0, 8.0, 7.0, 6.0]
