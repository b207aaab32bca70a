from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexing.catalog import Catalog, ChunkedDocument
from indexing.catalog_file import writing_catalog
from indexing.errors import BuildRefused, DamagedIndex
from indexing.manifest import ROWS_OF_A_PARTITION, Partition
from indexing.model import Chunk, Skipped
from indexing.scripts import character_pairs
from tests.fakes.memory_source import issue, page

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from indexing.model import Document

SYNTAX = '" OR NEAR(" * ) AND col:x ^ - {a b}: \'; DROP TABLE chunks;--'

TEXTS = {
    "docker": "The runners are connecting to Docker with `--docker-privileged`.",
    "database": "Die Datenbankverbindung steht in REDASH_DATABASE_URL.",
    "chinese": "请先安装数据库。然后重启服务。",
    "japanese": "データベースに接続できません。",
    "error": "ERROR: Job failed (system failure): prepare environment: exit status 1",
}


def _catalog(path: Path, documents: Sequence[Document]) -> Catalog:
    rows = [
        ChunkedDocument(document, f"hash of {document.id}", ((chunk, document.id.encode()),))
        for document in documents
        for chunk in [Chunk(document.id, 0, (document.title,), document.text)]
    ]
    pages = sum(row.document.kind == "page" for row in rows)
    firsts = [n if n < pages else ROWS_OF_A_PARTITION + n - pages for n in range(len(rows))]
    partitions = [
        Partition(0, "page", "public", pages, 0, ""),
        Partition(1, "issue", "public", len(rows) - pages, 0, ""),
    ]
    with writing_catalog(path) as file:
        file.add(zip(firsts, rows, strict=True))
        file.describe(partitions, [Skipped("docs/secret.md", "confidential")], {"counts": {"chunks": len(rows)}})
    return Catalog(path)


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    documents = [*(page(name, text) for name, text in TEXTS.items()), issue(7, "Docker is gone after the upgrade")]
    return _catalog(tmp_path_factory.mktemp("catalog") / "catalog.sqlite", documents)


def _names(catalog: Catalog, ids: Sequence[int] | dict[int, float]) -> list[str]:
    stored = catalog.stored(list(ids))
    return [stored[i].title for i in ids]


def test_a_word_finds_its_other_forms(catalog: Catalog) -> None:
    assert _names(catalog, catalog.match_words(["connect"], catalog.ids("page"), 5)) == ["docker"]


def test_pages_and_issues_are_found_apart(catalog: Catalog) -> None:
    assert _names(catalog, catalog.match_words(["docker"], catalog.ids("issue"), 5)) == ["Issue 7"]
    assert _names(catalog, catalog.match_words(["docker"], catalog.ids("page"), 5)) == ["docker"]


@pytest.mark.parametrize(
    ("part", "name"),
    [
        ("--docker-privileged", "docker"),
        ("REDASH_DATABASE_URL", "database"),
        ("redash_database", "database"),
        ("verbindung", "database"),
        ("exit status 1", "error"),
        ("データベース", "japanese"),
    ],
)
def test_a_part_of_a_name_an_error_or_a_compound_is_found_as_written(catalog: Catalog, part: str, name: str) -> None:
    assert _names(catalog, catalog.match_substrings([part], catalog.ids("page"), 5))[0] == name


@pytest.mark.parametrize(
    ("text", "name"),
    [("数据库", "chinese"), ("重启", "chinese"), ("库", "chinese"), ("接続", "japanese"), ("接", "japanese")],
)
def test_chinese_and_japanese_words_of_any_length_are_found(catalog: Catalog, text: str, name: str) -> None:
    assert _names(catalog, catalog.match_unspaced(text, catalog.ids("page"), 5))[0] == name


def test_text_without_such_scripts_searches_no_pairs(catalog: Catalog) -> None:
    assert catalog.match_unspaced("only English", catalog.ids("page"), 5) == {}
    assert character_pairs("a数据b") == ["数据", "据"]


def test_search_syntax_in_a_question_is_text(catalog: Catalog) -> None:
    terms = [SYNTAX, *SYNTAX.split(), '"', "*", "chunks"]
    for match in (catalog.match_words, catalog.match_substrings):
        match(terms, catalog.ids("page"), 5)
    catalog.match_unspaced(SYNTAX, catalog.ids("page"), 5)
    assert len(catalog) == 6
    assert set(catalog.content_hashes()) == {*(f"docs/{name}.md" for name in TEXTS), "issue:7"}


@given(st.text())
@settings(max_examples=200)
def test_no_text_breaks_a_search(catalog: Catalog, text: str) -> None:
    for match in (catalog.match_words, catalog.match_substrings):
        assert len(match([text, *text.split()], catalog.ids("page"), 3)) <= 3
    assert len(catalog.match_unspaced(text, catalog.ids("page"), 3)) <= 3
    assert all(count >= 0 for count in catalog.counts(catalog.stems(text)).values())


def test_stems_tell_how_many_chunks_hold_them(catalog: Catalog) -> None:
    stems = catalog.stems("Connecting docker zebra")
    assert catalog.counts(stems) == {"connect": 1, "docker": 2, "zebra": 0}


def test_a_chunk_comes_back_as_it_was_stored(catalog: Catalog) -> None:
    (stored,) = catalog.stored([ROWS_OF_A_PARTITION]).values()
    assert stored.chunk == Chunk("issue:7", 0, ("Issue 7",), "Docker is gone after the upgrade")
    assert (stored.kind, stored.url, stored.confirmed) == ("issue", "https://docs.example/issue:7", True)
    assert catalog.skipped() == (Skipped("docs/secret.md", "confidential"),)


def test_a_catalog_cannot_be_written_through_its_reader(catalog: Catalog) -> None:
    with pytest.raises(DamagedIndex, match="readonly"):
        catalog._rows("DELETE FROM chunks")  # noqa: SLF001 - there is no public way to try


def test_a_file_that_is_no_catalog_is_called_damaged(tmp_path: Path) -> None:
    (tmp_path / "catalog.sqlite").write_bytes(b"not a database, " * 100)
    with pytest.raises(DamagedIndex, match="rollback"):
        Catalog(tmp_path / "catalog.sqlite")


def test_a_disk_that_cannot_be_written_is_told_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(BuildRefused, match="disk"), writing_catalog(tmp_path / "none" / "catalog.sqlite") as file:
        file.add([])


def test_the_text_is_stored_once(tmp_path: Path) -> None:
    text = "A sentence that stands nowhere else in this catalog."
    _catalog(tmp_path / "catalog.sqlite", [page("one", text)])
    assert (tmp_path / "catalog.sqlite").read_bytes().count(text.encode()) == 1
