"""An index version as it stood: what came later is not found, and nothing else changes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from indexing.as_of import AsOf
from indexing.build import build
from indexing.retrieve import Retriever
from indexing.versions import Versions
from tests.fakes.memory_source import MemorySource, issue, page, unchanged
from tests.fakes.tiny_embedder import TinyEmbedder

if TYPE_CHECKING:
    from pathlib import Path

    from indexing.catalog_rows import DocumentFacts
    from indexing.index_version import IndexVersion

QUESTION = "The runner pulls no image since the proxy changed"
PAGES = [
    page("runner", "The runner pulls an image before each job, through the proxy."),
    replace(page("proxy", "The proxy of the runner changed its name. Pull the image anew."), updated_at="2026-04-15"),
]
ISSUES = [
    replace(
        issue(n, f"The runner number {n} pulls no image. The proxy was wrong.", title=f"Runner {n} and the proxy"),
        opened_at=f"2026-{n:02d}-01T08:00:00+00:00",
        updated_at=f"2026-{n:02d}-20T08:00:00+00:00",
    )
    for n in range(1, 13)
]


@pytest.fixture(scope="module")
def version(tmp_path_factory: pytest.TempPathFactory) -> IndexVersion:
    root: Path = tmp_path_factory.mktemp("index")
    build([MemorySource([*PAGES, *ISSUES])], root, TinyEmbedder(), unchanged)
    return Versions(root).open_live()


@pytest.fixture(scope="module")
def documents(version: IndexVersion) -> list[DocumentFacts]:
    catalog = version.catalog
    return [
        facts for source in {name for name, _ in catalog.counts_by_source()} for facts in catalog.documents_of(source)
    ]


def found(index: AsOf | Retriever) -> set[str]:
    return {ranked.document for ranked in index(QUESTION).ranking}


def test_an_issue_is_found_from_the_day_after_it_was_closed(
    version: IndexVersion, documents: list[DocumentFacts]
) -> None:
    index = AsOf(Retriever(version, TinyEmbedder()), documents)
    for day, there in (
        ("2026-03-20", {1, 2}),
        ("2026-03-21", {1, 2, 3}),
        ("2026-01-01", set()),
        ("2027-01-01", set(range(1, 13))),
    ):
        index.go_to(day)
        assert {name for name in found(index) if name.startswith("issue:")} == {f"issue:{n}" for n in there}
        passages = {passage.chunk.document for passage in index(QUESTION).passages}
        assert passages <= found(index)


def test_the_day_decides_and_not_the_way_there(version: IndexVersion, documents: list[DocumentFacts]) -> None:
    index = AsOf(Retriever(version, TinyEmbedder()), documents)
    for day in ("2026-06-01", "2026-02-01", "2026-12-31", "2026-06-01"):
        index.go_to(day)
    again = AsOf(Retriever(version, TinyEmbedder()), documents)
    again.go_to("2026-06-01")
    assert index(QUESTION).ranking == again(QUESTION).ranking


def test_it_finds_what_a_search_without_the_later_documents_finds(
    version: IndexVersion, documents: list[DocumentFacts]
) -> None:
    index = AsOf(Retriever(version, TinyEmbedder()), documents)
    index.go_to("2026-06-01")
    later = frozenset(f"issue:{n}" for n in range(6, 13))
    assert index(QUESTION).ranking == Retriever(version, TinyEmbedder(), later)(QUESTION).ranking


def test_a_page_that_changed_later_counts_as_there_unless_pages_are_strict(
    version: IndexVersion, documents: list[DocumentFacts]
) -> None:
    retriever = Retriever(version, TinyEmbedder())
    for strict, there in ((False, True), (True, False)):
        index = AsOf(retriever, documents, strict_pages=strict)
        index.go_to("2026-04-01")
        assert ("docs/proxy.md" in found(index)) is there
        assert index.holds("docs/proxy.md") is there
        assert index.holds("docs/runner.md")


def test_what_it_holds_is_what_it_can_find(version: IndexVersion, documents: list[DocumentFacts]) -> None:
    index = AsOf(Retriever(version, TinyEmbedder()), documents)
    assert index.holds("issue:12")
    index.go_to("2026-06-01")
    assert {f"issue:{n}" for n in range(1, 13) if index.holds(f"issue:{n}")} == {f"issue:{n}" for n in range(1, 6)}
    assert not index.holds("issue:999")


def test_what_is_withdrawn_stays_hidden_on_every_day(version: IndexVersion, documents: list[DocumentFacts]) -> None:
    index = AsOf(Retriever(version, TinyEmbedder(), frozenset({"issue:2"})), documents)
    for day in ("2026-06-01", "2027-01-01"):
        index.go_to(day)
        assert "issue:2" not in found(index)


def test_the_whole_version_is_not_changed_by_looking_back(
    version: IndexVersion, documents: list[DocumentFacts]
) -> None:
    retriever = Retriever(version, TinyEmbedder())
    before = retriever(QUESTION).ranking
    index = AsOf(retriever, documents)
    index.go_to("2026-02-01")
    index(QUESTION)
    assert retriever(QUESTION).ranking == before
