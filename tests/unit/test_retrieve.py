from __future__ import annotations

import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexing.build import build
from indexing.embedder import HashingEmbedder
from indexing.errors import Incompatible
from indexing.picking import PASSAGES
from indexing.retrieve import FEATURES, Retriever
from indexing.versions import Versions
from tests.fakes.memory_source import MemorySource, issue, page, unchanged
from tests.fakes.tiny_embedder import TinyEmbedder
from tests.fakes.written_versions import EMBEDDER, publish

if TYPE_CHECKING:
    from pathlib import Path

    from indexing.index_version import IndexVersion

SYNTAX = '" OR NEAR(" * ) AND col:x ^ - {a b}: \'; DROP TABLE chunks;--'
LONG_POST = """Docker pull fails on the build machine
Hi everybody,

since this morning I see this in every job:

```
ERROR: Job failed (system failure): prepare environment: exit status 1
```

I tried a restart and it did not help. The machine has 8 GB of memory.

Thanks a lot
Jakob"""

PAGES = [
    page(
        "docker", "The runner pulls an image with docker pull before each job. Set `DOCKER_AUTH_CONFIG` for a registry."
    ),
    page(
        "shell",
        "The shell executor fails with `prepare environment: exit status 1` when .bash_logout clears the screen.",
    ),
    page("cache", "Caches are kept between jobs. Use `--cache-dir` to move them."),
    page("zh", "请先安装数据库。然后重启服务。", title="安装"),
    page("de", "Die Datenbankverbindung steht in der Konfiguration.", title="Verbindungen"),
    *(page(f"other{n}", f"Page number {n} tells of the weather and of cooking dish {n}.") for n in range(30)),
]
ISSUES = [
    issue(1, "Docker pull fails with 500 from the registry. The proxy was wrong.", title="Docker pull fails"),
    *(issue(n, f"The dashboard number {n} shows nothing. The filter was set wrong.") for n in range(2, 30)),
]


@pytest.fixture(scope="module")
def version(tmp_path_factory: pytest.TempPathFactory) -> IndexVersion:
    root = tmp_path_factory.mktemp("index")
    build([MemorySource([*PAGES, *ISSUES])], root, TinyEmbedder(), unchanged)
    return Versions(root).open_live()


@pytest.fixture(scope="module")
def retrieve(version: IndexVersion) -> Retriever:
    return Retriever(version, TinyEmbedder())


def test_a_long_post_finds_the_page_and_the_issue_it_is_about(retrieve: Retriever) -> None:
    found = retrieve(LONG_POST)
    assert {entry.document for entry in found.ranking[:3]} == {"docs/docker.md", "docs/shell.md", "issue:1"}
    assert {passage.kind for passage in found.passages} == {"page", "issue"}


def test_the_ranking_holds_twenty_distinct_documents_and_ten_of_each_kind(retrieve: Retriever) -> None:
    for question in (LONG_POST, "docker", "Where is the weather dashboard?"):
        ranking = retrieve(question).ranking
        kinds = [entry.kind for entry in ranking]
        assert len({entry.document for entry in ranking}) == len(ranking) >= 20
        assert min(kinds.count("page"), kinds.count("issue")) >= 10
        scores = [entry.score for entry in ranking]
        assert scores == sorted(scores, reverse=True)


def test_passages_are_numbered_few_and_at_most_two_of_one_document(retrieve: Retriever) -> None:
    passages = retrieve(LONG_POST).passages
    assert [passage.n for passage in passages] == list(range(1, len(passages) + 1))
    assert len(passages) <= PASSAGES
    documents = [passage.chunk.document for passage in passages]
    assert max(map(documents.count, documents)) <= 2


@pytest.mark.parametrize(
    ("question", "document"),
    [
        ("DOCKER_AUTH_CONFIG", "docs/docker.md"),
        ("What is --cache-dir for?", "docs/cache.md"),
        ("exit status 1", "docs/shell.md"),
        ("数据库", "docs/zh.md"),
        ("重启", "docs/zh.md"),
        ("怎么安装数据库", "docs/zh.md"),
        ("Datenbankverbindung", "docs/de.md"),
        ("bankverbindung", "docs/de.md"),
    ],
)
def test_names_errors_compounds_and_chinese_words_are_found(retrieve: Retriever, question: str, document: str) -> None:
    assert retrieve(question).ranking[0].document == document


def test_without_an_embedder_full_text_alone_answers_and_says_so(version: IndexVersion) -> None:
    lexical = Retriever(version, None)
    found = lexical(LONG_POST)
    assert found.lexical_only
    assert {entry.document for entry in found.ranking[:3]} == {"docs/docker.md", "docs/shell.md", "issue:1"}
    assert not lexical.with_embedder(TinyEmbedder())(LONG_POST).lexical_only


def test_another_embedder_than_the_one_of_the_build_is_refused(version: IndexVersion) -> None:
    with pytest.raises(Incompatible, match="build again"):
        Retriever(version, HashingEmbedder(64))


def test_every_retrieval_names_its_version_its_features_and_its_stages(retrieve: Retriever) -> None:
    for question in (LONG_POST, "docker", "", "zzz"):
        found = retrieve(question)
        assert set(found.features) == set(FEATURES)
        assert found.index_version == "v0001"
        assert set(found.timings_ms) == {"embed", "dense", "lexical", "rerank", "merge"}


def test_a_question_that_the_index_speaks_of_scores_above_one_that_it_does_not(retrieve: Retriever) -> None:
    near = retrieve("docker pull fails with an image of the registry").features
    far = retrieve("Which bicycle helmets are certified for children?").features
    assert near["term_coverage"] > far["term_coverage"]
    assert near["bm25_per_term"] > far["bm25_per_term"]


def test_a_page_without_text_disturbs_no_other(tmp_path: Path) -> None:
    pages = [page("aaa", ""), *PAGES[:3], page("zzz", "")]
    build([MemorySource([*pages, *ISSUES])], tmp_path, TinyEmbedder(), unchanged)
    found = Retriever(Versions(tmp_path).open_live(), TinyEmbedder())("docker pull of an image")
    assert {entry.document for entry in found.ranking[:2]} == {"docs/docker.md", "issue:1"}


def test_an_index_of_one_kind_alone_is_searched(tmp_path: Path) -> None:
    build([MemorySource(ISSUES)], tmp_path, TinyEmbedder(), unchanged)
    found = Retriever(Versions(tmp_path).open_live(), TinyEmbedder())(LONG_POST)
    assert found.ranking[0].document == "issue:1"
    assert {passage.kind for passage in found.passages} == {"issue"}


@pytest.fixture(scope="module")
def divided(tmp_path_factory: pytest.TempPathFactory) -> IndexVersion:
    """Return a version in which most of what speaks of docker is for a team alone."""
    versions = Versions(tmp_path_factory.mktemp("divided"))
    secret = [replace(page(f"s{n}", f"docker secret {n}", "docker pull"), audience="team-a") for n in range(300)]
    other = [replace(issue(900, "docker canary-7f3a"), audience="team-b")]
    return versions.open(publish(versions, [*PAGES, *ISSUES, *secret, *other]))


@pytest.mark.parametrize("embedder", [EMBEDDER, None], ids=["vectors", "full text"])
def test_only_what_the_audiences_may_read_is_searched(divided: IndexVersion, embedder: HashingEmbedder | None) -> None:
    retrieve = Retriever(divided, embedder)
    for audiences in ({"public"}, {"team-a"}, {"team-b"}, {"public", "team-a"}, set(), {"nobody"}):
        found = retrieve("docker pull secret canary-7f3a", audiences)
        assert {passage.audience for passage in found.passages} <= audiences
        names = {entry.document for entry in found.ranking}
        assert ("issue:900" in names) == ("team-b" in audiences)
        assert any(name.startswith("docs/s") and name != "docs/shell.md" for name in names) == ("team-a" in audiences)


def test_documents_for_others_crowd_nothing_out(divided: IndexVersion) -> None:
    found = Retriever(divided, EMBEDDER)("docker pull of an image")
    assert {entry.document for entry in found.ranking[:2]} == {"docs/docker.md", "issue:1"}
    assert len(found.ranking) >= 20


def test_many_withdrawn_documents_crowd_nothing_out(divided: IndexVersion) -> None:
    withdrawn = frozenset(f"docs/s{n}.md" for n in range(300))
    found = Retriever(divided, EMBEDDER, withdrawn)("docker pull of an image", {"public", "team-a"})
    assert {entry.document for entry in found.ranking[:2]} == {"docs/docker.md", "issue:1"}
    assert not withdrawn & {entry.document for entry in found.ranking}
    assert not withdrawn & {passage.chunk.document for passage in found.passages}


def test_an_empty_question_finds_nothing(retrieve: Retriever) -> None:
    for question in ("", "  \n", "?!"):
        assert retrieve(question).passages == ()


@pytest.mark.parametrize("question", [SYNTAX, '"', "*", "NEAR(", "\0", "\ud800", "x:y OR z^2"])
def test_search_syntax_and_odd_characters_are_only_text(retrieve: Retriever, question: str) -> None:
    retrieve(question)
    assert retrieve("docker").ranking


@pytest.mark.parametrize(
    "piece", ["a", "-", " ", "aB", "a.", "a_", "- a ", "word ", "\n# ", "数", "x\n", "-- version "]
)
def test_a_huge_question_takes_no_longer_than_a_long_one(retrieve: Retriever, piece: str) -> None:
    _asks_quickly(retrieve, piece * (100_000 // len(piece)) + "!")


def test_a_huge_question_of_ever_new_words_takes_no_longer_than_a_long_one(retrieve: Retriever) -> None:
    _asks_quickly(retrieve, " ".join(f"word{n} Name_{n} --flag-{n}" for n in range(10_000)))
    _asks_quickly(retrieve, "".join(chr(0x4E00 + n) for n in range(20_000)))


def _asks_quickly(retrieve: Retriever, question: str) -> None:
    started = time.process_time()
    retrieve(question)
    assert time.process_time() - started < 2.0


@given(st.text())
@settings(max_examples=150, deadline=None)
def test_no_question_raises(retrieve: Retriever, question: str) -> None:
    assert len(retrieve(question).passages) <= PASSAGES


def test_many_threads_may_ask_at_once(retrieve: Retriever) -> None:
    expected = [entry.document for entry in retrieve(LONG_POST).ranking]
    seen: list[list[str]] = []
    threads = [
        threading.Thread(target=lambda: seen.append([entry.document for entry in retrieve(LONG_POST).ranking]))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [expected] * 8
