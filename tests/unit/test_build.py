from __future__ import annotations

import os
import re
import sqlite3
from typing import TYPE_CHECKING

import numpy as np
import pytest

from indexing.build import BuildOptions, build
from indexing.build_lock import building
from indexing.cleaning import MaskedSecret
from indexing.embedder import HashingEmbedder
from indexing.errors import BuildRefused
from indexing.model import Cleaned, Document, Skipped
from indexing.versions import Versions, utc_now
from tests.fakes.memory_source import MemorySource, issue, page, unchanged
from tests.fakes.tiny_embedder import TinyEmbedder

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from indexing.build import BuildReport, Progress

DOCUMENTS = [
    page("runner", "The runner needs Docker."),
    page("database", "Set the URL."),
    issue(1, "It hangs. Restart it."),
]


class CountingEmbedder(TinyEmbedder):
    """Counts the texts it is asked for; stops at a wanted batch like a killed process."""

    def __init__(self, dimension: int = 256, *, dies_at: int = 0) -> None:
        super().__init__(dimension)
        self.texts: list[str] = []
        self._dies_at = dies_at
        self._calls = 0

    def encode(self, texts: Sequence[str], on_progress: Callable[[int], None] | None = None) -> NDArray[np.float32]:
        self._calls += 1
        if self._calls == self._dies_at:
            raise KeyboardInterrupt
        self.texts += texts
        return super().encode(texts, on_progress)


def _build(root: Path, documents: Sequence[Document | Skipped], embedder: HashingEmbedder | None = None) -> BuildReport:
    return build([MemorySource(documents)], root, embedder or TinyEmbedder(), unchanged)


def test_the_first_build_is_live_and_counts_what_it_took(tmp_path: Path) -> None:
    report = _build(tmp_path, [*DOCUMENTS, Skipped("docs/big.md", "too large")])
    assert (report.version, report.built, report.promoted) == ("v0001", True, True)
    assert (report.documents, report.pages, report.issues, report.added) == (3, 2, 1, 3)
    assert report.skipped == (Skipped("docs/big.md", "too large"),)
    assert Versions(tmp_path).open_live().catalog.skipped() == report.skipped


def test_a_second_build_of_the_same_makes_no_version_and_embeds_nothing(tmp_path: Path) -> None:
    _build(tmp_path, DOCUMENTS)
    embedder = CountingEmbedder()
    report = _build(tmp_path, DOCUMENTS, embedder)
    assert (report.built, report.version, report.unchanged, report.chunks_embedded) == (False, "v0001", 3, 0)
    assert Versions(tmp_path).names() == ("v0001",)
    assert embedder.texts == []


def test_only_what_changed_is_embedded_again(tmp_path: Path) -> None:
    _build(tmp_path, DOCUMENTS)
    embedder = CountingEmbedder()
    report = _build(tmp_path, [DOCUMENTS[0], page("database", "Set the new URL."), page("new", "New.")], embedder)
    assert (report.added, report.changed, report.removed, report.unchanged) == (1, 1, 1, 1)
    assert len(embedder.texts) == report.chunks_embedded == 2
    assert report.chunks_reused == 1
    live = Versions(tmp_path).open_live()
    expected = TinyEmbedder().encode([live.catalog.stored([i])[i].chunk.embedded_text for i in range(3)])
    assert np.allclose(live.vectors.rows(np.arange(3)), expected), "each vector belongs to its chunk"


def test_another_embedder_embeds_everything_again(tmp_path: Path) -> None:
    _build(tmp_path, DOCUMENTS)
    report = _build(tmp_path, DOCUMENTS, HashingEmbedder(64))
    assert (report.built, report.chunks_embedded, report.unchanged) == (True, 3, 3)
    assert Versions(tmp_path).open_live().manifest.dimension == 64


def test_each_kind_is_a_partition_of_its_own(tmp_path: Path) -> None:
    _build(tmp_path, [issue(1, "a"), page("z", "b"), issue(2, "c"), page("a", "d")])
    catalog = Versions(tmp_path).open_live().catalog
    for kind in ("page", "issue"):
        (ids,) = catalog.ids(kind)
        assert [stored.kind for stored in catalog.stored(ids).values()] == [kind] * 2


def test_a_killed_build_goes_on_where_it_stopped(tmp_path: Path) -> None:
    documents = [page(f"p{number}", f"Text number {number}.") for number in range(600)]
    with pytest.raises(KeyboardInterrupt):
        _build(tmp_path, documents, CountingEmbedder(dies_at=3))
    assert Versions(tmp_path).names() == ()
    embedder = CountingEmbedder()
    report = _build(tmp_path, documents, embedder)
    assert len(embedder.texts) == report.chunks_embedded == 600 - 2 * 256
    assert not list((tmp_path / "cache").iterdir()), "the vectors are in the version now"


def test_a_damaged_end_of_the_cache_costs_only_that_end(tmp_path: Path) -> None:
    documents = [page(f"p{number}", f"Text number {number}.") for number in range(300)]
    with pytest.raises(KeyboardInterrupt):
        _build(tmp_path, documents, CountingEmbedder(dies_at=2))
    cache = next((tmp_path / "cache").iterdir())
    cache.write_bytes(cache.read_bytes()[:-7])
    report = _build(tmp_path, documents)
    assert report.chunks_embedded == 300 - 255
    live = Versions(tmp_path).open_live()
    texts = [live.catalog.stored([i])[i].chunk.embedded_text for i in range(300)]
    assert np.allclose(live.vectors.rows(np.arange(300)), TinyEmbedder().encode(texts))


def test_an_audience_that_is_not_configured_never_gets_in(tmp_path: Path) -> None:
    secret = Document("docs/s.md", "page", "S", "", "canary", "docs", audience="staff")
    report = _build(tmp_path, [*DOCUMENTS, secret])
    assert report.skipped == (Skipped("docs/s.md", "for the audience 'staff' only"),)
    assert b"canary" not in b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    options = BuildOptions(audiences=frozenset({"public", "staff"}))
    opened = build([MemorySource([*DOCUMENTS, secret])], tmp_path, TinyEmbedder(), unchanged, options=options)
    assert (opened.added, opened.skipped) == (1, ())


def test_secrets_are_masked_before_anything_is_stored_and_told_by_line(tmp_path: Path) -> None:
    def clean(text: str) -> Cleaned:
        return Cleaned(re.sub("tok-[0-9]+", "[token]", text), ("token",) * len(re.findall("tok-[0-9]+", text)))

    leaky = page("leak", "First line.\nUse tok-123 here.\n\nAnd tok-456 there.", title="About tok-789")
    report = build([MemorySource([leaky])], tmp_path, TinyEmbedder(), clean)
    assert report.masked == tuple(MaskedSecret("docs/leak.md", line, "token") for line in (0, 2, 4))
    stored = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert b"tok-" not in stored
    assert b"Use [token] here." in stored


def test_a_secret_over_several_lines_is_told_too(tmp_path: Path) -> None:
    def clean(text: str) -> Cleaned:
        return Cleaned(text.replace("KEY\nKEY", "[key]"), ("key",) * text.count("KEY\nKEY"))

    report = build([MemorySource([page("leak", "a\nKEY\nKEY")])], tmp_path, TinyEmbedder(), clean)
    assert report.masked == (MaskedSecret("docs/leak.md", 1, "key"),)


def test_a_source_that_yields_nothing_stops_the_build(tmp_path: Path) -> None:
    with pytest.raises(BuildRefused, match="'wiki' holds nothing"):
        build([MemorySource(DOCUMENTS), MemorySource([], "wiki")], tmp_path, TinyEmbedder(), unchanged)
    with pytest.raises(BuildRefused, match="1 were left out: confidential"):
        _build(tmp_path / "other", [Skipped("issue:1", "confidential")])
    assert Versions(tmp_path).names() == ()


def test_two_documents_of_one_name_are_told(tmp_path: Path) -> None:
    report = _build(tmp_path, [page("a", "first"), page("a", "second")])
    assert report.skipped[0].document == "docs/a.md"
    assert "same name" in report.skipped[0].reason


def test_two_builds_at_once_are_refused(tmp_path: Path) -> None:  # attack A141
    with building(tmp_path, utc_now), pytest.raises(BuildRefused, match=f"another build.*process {os.getpid()} on"):
        _build(tmp_path, DOCUMENTS)
    assert _build(tmp_path, DOCUMENTS).built


def test_a_version_kept_aside_is_promoted_by_the_next_build_of_the_same(tmp_path: Path) -> None:
    _build(tmp_path, DOCUMENTS)
    more = [*DOCUMENTS, page("more", "more")]
    aside = build([MemorySource(more)], tmp_path, TinyEmbedder(), unchanged, promote=False)
    assert (aside.version, aside.promoted, Versions(tmp_path).live()) == ("v0002", False, "v0001")
    again = _build(tmp_path, more)
    assert (again.built, again.promoted, Versions(tmp_path).live()) == (False, True, "v0002")


def test_after_a_rollback_new_versions_stay_aside_until_promotion_is_resumed(tmp_path: Path) -> None:
    versions = Versions(tmp_path)
    _build(tmp_path, DOCUMENTS[:1])
    _build(tmp_path, DOCUMENTS[:2])
    versions.rollback()
    report = _build(tmp_path, DOCUMENTS)
    assert (report.version, report.promoted, report.paused, versions.live()) == ("v0003", False, True, "v0001")
    versions.resume()
    assert _build(tmp_path, DOCUMENTS).promoted
    assert versions.live() == "v0003"


def test_a_damaged_newest_version_is_built_again(tmp_path: Path) -> None:
    _build(tmp_path, DOCUMENTS)
    (tmp_path / "versions/v0001/catalog.sqlite").write_bytes(b"")
    report = _build(tmp_path, DOCUMENTS)
    assert (report.version, report.built) == ("v0002", True)
    assert Versions(tmp_path).open_live().damage == ()


def test_progress_counts_documents_then_chunks(tmp_path: Path) -> None:
    seen: list[Progress] = []
    build([MemorySource(DOCUMENTS)], tmp_path, TinyEmbedder(), unchanged, on_progress=seen.append)
    assert [(step.stage, step.done, step.total) for step in seen] == [
        *(("read", n, 0) for n in (1, 2, 3)),
        *(("embed", n, 3) for n in (1, 2, 3)),
        ("write", 0, 1),
        ("write", 1, 1),
    ]


def test_a_version_is_a_plain_database_beside_its_vectors(tmp_path: Path) -> None:
    _build(tmp_path, DOCUMENTS)
    directory = tmp_path / "versions/v0001"
    assert {path.name for path in directory.iterdir()} == {
        "catalog.sqlite",
        "vectors-0.faiss",
        "vectors-1.faiss",
        "MANIFEST.json",
    }
    connection = sqlite3.connect(directory / "catalog.sqlite")
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()


def test_vectors_are_stored_another_way_without_embedding_anything(tmp_path: Path) -> None:
    _build(tmp_path, DOCUMENTS)
    embedder = CountingEmbedder()
    options = BuildOptions(stored_as="int8")
    report = build([MemorySource(DOCUMENTS)], tmp_path, embedder, unchanged, options=options)
    assert (report.built, report.version, report.chunks_embedded, embedder.texts) == (True, "v0002", 0, [])
    live = Versions(tmp_path).open_live()
    assert {live.vectors.of(part.number).stored_as for part in live.manifest.partitions} == {"int8"}
    assert not build([MemorySource(DOCUMENTS)], tmp_path, embedder, unchanged, options=options).built
