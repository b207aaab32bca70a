"""The store of what each source held."""

from __future__ import annotations

import contextlib
import stat
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from indexing.model import Skipped
from indexing.source_store import DamagedStore, LeftOut, SourceStore, set_aside
from tests.fakes.memory_source import issue, page

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SourceStore]:
    opened = SourceStore(tmp_path / "sources.sqlite", lambda: NOON)
    yield opened
    opened.close()


def test_only_its_owner_may_read_the_file(store: SourceStore, tmp_path: Path) -> None:
    with store.changing():
        store.begin("docs")
    for path in tmp_path.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path.name


def test_a_document_comes_back_as_it_was_put_in(store: SourceStore) -> None:
    strange = page("a", "half a character \ud83d, a zero \0 and a snowman \u2603")
    with store.changing():
        store.put("docs", strange, "digest", [])
    assert list(store.documents("docs", ["docs/a.md", "docs/unknown.md"])) == [strange]


def test_what_was_written_before_an_error_is_not_kept_but_for_what_a_checkpoint_kept(store: SourceStore) -> None:
    with contextlib.suppress(RuntimeError), store.changing():
        store.put("docs", page("a", "a"), "1", [])
        store.checkpoint()
        store.put("docs", page("b", "b"), "2", [])
        raise RuntimeError
    assert list(store.entries("docs")) == ["docs/a.md"]


def test_states_tell_of_each_source_how_it_is(store: SourceStore) -> None:
    with store.changing():
        store.begin("wiki")
        store.put("wiki", page("a", "a"), "1", [])
        store.put("wiki", issue(1, "a"), "1", [])
        store.end("wiki")
        store.begin("site", sweep=False)
        store.end("site", error="no answer")
    site, wiki = store.states()
    assert (wiki.pages, wiki.issues, wiki.documents, wiki.last_success) == (1, 1, 2, NOON.isoformat())
    assert (site.last_error, site.last_success, site.last_sweep) == ("no answer", "", "")


def test_a_failure_that_lasts_is_counted_and_keeps_its_first_day(store: SourceStore) -> None:
    for reason in ("too large", "still too large"):
        with store.changing():
            store.leave_out("docs", Skipped("docs/a.md", reason))
    assert store.left_out("docs") == (LeftOut("docs", "docs/a.md", "still too large", NOON.isoformat(), 2),)


def test_a_file_that_is_no_store_is_named_and_can_be_set_aside(tmp_path: Path) -> None:
    path = tmp_path / "sources.sqlite"
    path.write_bytes(b"no database at all" * 100)
    with pytest.raises(DamagedStore, match="is damaged"):
        SourceStore(path, lambda: NOON)
    assert set_aside(path, NOON) == "sources.sqlite.damaged-20261121T120000Z"
    opened = SourceStore(path, lambda: NOON)
    assert opened.states() == ()
    opened.close()
