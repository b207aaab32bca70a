"""The ten documents that were found first are put in the order that the title of the question asks for."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from indexing.build import build
from indexing.ranking import Candidate
from indexing.reranking import FIRST, Reranker
from indexing.retrieve import Retriever
from indexing.versions import Versions
from tests.fakes.memory_source import MemorySource, issue, page, unchanged
from tests.fakes.tiny_embedder import TinyEmbedder

if TYPE_CHECKING:
    from pathlib import Path

    from indexing.index_version import IndexVersion

LOG = "\n\nTraceback: connection to the registry proxy refused after cache warm up of the shell executor"
PAGES = [
    page("token", "Renew the access token of a runner with the reset button."),
    page("cache", "Connection to the registry proxy refused after cache warm up of the shell executor: see the cache."),
    *(page(f"other{n}", f"Page {n} tells of the registry proxy and of the cache of executor {n}.") for n in range(20)),
]


@pytest.fixture(scope="module")
def version(tmp_path_factory: pytest.TempPathFactory) -> IndexVersion:
    root: Path = tmp_path_factory.mktemp("index")
    build(
        [MemorySource([*PAGES, issue(1, "Renew the access token of a runner by hand.")])],
        root,
        TinyEmbedder(),
        unchanged,
    )
    return Versions(root).open_live()


def _candidates(version: IndexVersion, *documents: str) -> list[Candidate]:
    facts = version.catalog.documents(documents)
    numbers = [version.catalog.numbers[facts[name].first_chunk] for name in documents]
    return [Candidate(number, "page", 5.0 - 0.1 * place, 0.5, 0.5, ()) for place, number in enumerate(numbers)]


def _reranked(version: IndexVersion, found: list[Candidate], doubtful: frozenset[int] = frozenset()) -> list[Candidate]:
    title = TinyEmbedder().encode_query("Renew access token")
    return Reranker(version)(found, title, {"renew": 2.0, "access": 2.0, "token": 2.0}, doubtful)


def test_what_the_title_asks_for_comes_before_what_the_log_below_it_repeats(version: IndexVersion) -> None:
    found = [entry.document for entry in Retriever(version, TinyEmbedder())("Renew access token" + LOG).ranking]
    assert found.index("docs/token.md") < found.index("docs/cache.md")


def test_the_same_ten_stay_first_and_scores_fall_with_the_place(version: IndexVersion) -> None:
    found = _candidates(version, *(f"docs/other{n}.md" for n in range(FIRST)), "docs/token.md", "docs/cache.md")
    moved = _reranked(version, found)
    assert {one.number for one in moved[:FIRST]} == {one.number for one in found[:FIRST]}
    assert [one.number for one in moved[FIRST:]] == [one.number for one in found[FIRST:]]
    scores = [one.score for one in moved]
    assert scores == sorted(scores, reverse=True)


def test_an_unconfirmed_issue_made_of_the_words_of_the_title_is_not_put_first(version: IndexVersion) -> None:
    cache, liar = _candidates(version, "docs/cache.md", "issue:1")
    moved = _reranked(version, [cache, liar], frozenset({liar.number}))
    assert moved[0].number == cache.number
    assert _reranked(version, [cache, replace(liar)])[0].number == liar.number  # confirmed, it would be


def test_without_a_vector_the_order_stays(version: IndexVersion) -> None:
    found = _candidates(version, "docs/cache.md", "docs/token.md")
    assert Reranker(version)(found, None, {"token": 1.0}, frozenset()) == found
