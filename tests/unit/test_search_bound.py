"""In a large index, full text search scores only chunks that hold one of a question's telling words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from indexing.evidence import Evidence
from indexing.query import read_question
from indexing.versions import Versions
from tests.fakes.memory_source import page
from tests.fakes.written_versions import publish

if TYPE_CHECKING:
    from pathlib import Path

    from indexing.catalog import Catalog

QUESTION = "Kerberos setup of the pipeline\nMy pipeline says that the pipeline of the project has no ticket"


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    versions = Versions(tmp_path)
    pages = [page(f"p{n}", f"The pipeline of project {n}.") for n in range(12)]
    pages += [page(f"other{n}", f"Colours of dashboard {n}.") for n in range(20)]
    pages += [
        page("rare", "A ticket of Kerberos for whom it may concern."),
        page("both", "A ticket for the pipeline of each project."),
    ]
    return versions.open(publish(versions, pages)).catalog


def test_a_small_index_is_searched_for_all_words(catalog: Catalog) -> None:
    assert Evidence(catalog, read_question(QUESTION)).needed_words == []


def test_a_large_index_is_searched_for_words_of_the_title_first_and_then_for_rare_ones(catalog: Catalog) -> None:
    needed = Evidence(catalog, read_question(QUESTION), scored=5).needed_words
    assert needed[0] == "kerberos"
    assert "ticket" in needed
    assert "pipeline" not in needed
    assert "project" not in needed


def test_one_word_is_searched_however_common_it_is(catalog: Catalog) -> None:
    assert Evidence(catalog, read_question("pipeline"), scored=5).needed_words == ["pipeline"]


def test_common_words_still_count_in_the_score_of_what_is_looked_at(catalog: Catalog) -> None:
    ids = catalog.ids("page")
    bounded = catalog.match_words(["ticket", "pipeline", "project"], ids, 50, needed=["ticket"])
    names = [catalog.stored([chunk])[chunk].title for chunk in bounded]
    assert names[0] == "both"
    assert set(names) == {"both", "rare"}
    whole = catalog.match_words(["ticket", "pipeline", "project"], ids, 50)
    assert len(whole) == 14


def test_a_question_of_unknown_words_finds_nothing_and_is_no_error(catalog: Catalog) -> None:
    evidence = Evidence(catalog, read_question("xylophone quartz"), scored=0)
    assert evidence.needed_words == []
    assert catalog.match_words(["xylophone"], catalog.ids("page"), 5, needed=["quartz"]) == {}
