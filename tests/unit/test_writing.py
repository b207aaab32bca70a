from __future__ import annotations

import errno
import sqlite3
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexing import durable
from indexing.catalog import Catalog
from indexing.errors import BuildRefused
from indexing.manifest import ROWS_OF_A_PARTITION
from indexing.retrieve import Retriever
from indexing.versions import Versions
from indexing.writing import BuildFacts, VersionChange, write_version
from tests.fakes.memory_source import issue, page
from tests.fakes.written_versions import EMBEDDER, chunked, publish, vectors_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from indexing.index_version import IndexVersion
    from indexing.model import Document

WORDS = ["docker", "runner", "cache", "token", "registry", "timeout", "proxy", "数据库", "connection", "DOCKER_AUTH"]
QUESTIONS = ["docker runner timeout", "Where is the cache of the registry?", "数据库", "DOCKER_AUTH", "token proxy"]
EVERYBODY = frozenset({"public", "team-a"})


def _text(seed: int) -> str:
    """Return one to three chunks of words; a number tells texts apart."""
    words = [WORDS[(seed * 7 + place * place) % len(WORDS)] for place in range(100)]
    sections = [f"## Part {n}\n\n{' '.join(words[n:])} number {seed}.{n}" for n in range(1 + seed % 3)]
    return "\n\n".join(sections)


def _document(number: int, seed: int) -> Document:
    audience = "team-a" if number % 5 == 4 else "public"
    made = issue(number, _text(seed)) if number % 3 == 0 else page(f"p{number}", _text(seed))
    return replace(made, audience=audience, title=f"Title {WORDS[seed % len(WORDS)]}")


BASE = {number: number for number in range(40)}


def _grown(root: Path, steps: Sequence[Mapping[int, int | None]]) -> tuple[IndexVersion, dict[int, int]]:
    """Return the version after all steps, and what it holds. A step: document -> its new seed, or None: it leaves."""
    versions, held = Versions(root), dict(BASE)
    name = publish(versions, [_document(*item) for item in held.items()])
    for step in steps:
        put = {number: seed for number, seed in step.items() if seed is not None}
        gone = [number for number, seed in step.items() if seed is None and number in held]
        drop = [_document(number, 0).id for number in gone]
        name = publish(versions, [_document(*item) for item in put.items()], drop, previous=versions.open(name))
        held = {number: seed for number, seed in (held | put).items() if number not in gone}
    return versions.open(name), held


def _answers(version: IndexVersion) -> list[object]:
    """Return all that questions find, by names: chunk ids differ between two ways of writing the same."""
    answers: list[object] = []
    for by_vectors in (EMBEDDER, None):
        retrieve = Retriever(version, by_vectors)
        for audiences in (frozenset({"public"}), EVERYBODY):
            for question in QUESTIONS:
                found = retrieve(question, audiences)
                answers.append([(entry.document, round(entry.score, 3)) for entry in found.ranking])
                answers.append(
                    [(passage.chunk, round(passage.score, 3), passage.audience) for passage in found.passages]
                )
                answers.append({name: round(number, 3) for name, number in found.features.items()})
    return answers


def _whole(version: IndexVersion) -> None:
    """Check that every chunk has its own vector, and that the file is a sound database."""
    for part in version.manifest.partitions:
        stored = version.catalog.stored(part.ids)
        assert len(stored) == part.rows - part.holes
        vectors = version.vectors.rows(np.array(list(stored), dtype=np.int64))
        texts = [piece.chunk.embedded_text for piece in stored.values()]
        assert np.allclose(vectors, EMBEDDER.encode(texts), atol=1e-6)
    connection = sqlite3.connect(version.path / "catalog.sqlite")
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    for table in ("words", "trigrams"):  # compares full text with what it stands for
        connection.execute(f"INSERT INTO {table}({table}, rank) VALUES ('integrity-check', 1)")  # noqa: S608 - our own
    connection.rollback()
    connection.close()


changes = st.dictionaries(st.integers(0, 50), st.one_of(st.none(), st.integers(0, 200)), max_size=5)


@pytest.mark.slow
@given(st.lists(changes, min_size=1, max_size=5))
@settings(max_examples=40, deadline=None)
def test_a_version_grown_by_changes_answers_like_one_written_anew(steps: list[dict[int, int | None]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        grown, held = _grown(Path(folder, "grown"), steps)
        versions = Versions(Path(folder, "anew"))
        anew = versions.open(publish(versions, [_document(*item) for item in held.items()]))
        _whole(grown)
        assert grown.catalog.content_hashes() == anew.catalog.content_hashes()
        assert grown.manifest.counts == anew.manifest.counts
        assert grown.manifest.sources == anew.manifest.sources
        assert _answers(grown) == _answers(anew)


def test_a_change_here_and_there_answers_like_a_version_written_anew(tmp_path: Path) -> None:
    grown, held = _grown(tmp_path / "grown", [{1: 77, 3: None, 44: 5}, {44: 6, 4: None, 9: 9}, {3: 11}])
    versions = Versions(tmp_path / "anew")
    anew = versions.open(publish(versions, [_document(*item) for item in held.items()]))
    _whole(grown)
    assert any(part.holes for part in grown.manifest.partitions)
    assert _answers(grown) == _answers(anew)


@pytest.fixture
def versions(tmp_path: Path) -> Versions:
    versions = Versions(tmp_path)
    publish(versions, [_document(number, number) for number in range(60)])
    return versions


def _inode(version: IndexVersion, file: str) -> int:
    return (version.path / file).stat().st_ino


def test_a_partition_without_change_is_the_same_file_on_the_disk(versions: Versions) -> None:
    first = versions.open("v0001")
    second = versions.open(publish(versions, [page("new", "docker")], previous=first))
    shared = {part.file: _inode(first, part.file) == _inode(second, part.file) for part in second.manifest.partitions}
    changed = next(part for part in second.manifest.partitions if (part.kind, part.audience) == ("page", "public"))
    assert {file for file, is_shared in shared.items() if not is_shared} == {changed.file}
    assert len(shared) == 4
    _whole(second)
    versions.promote("v0002")


def test_where_files_cannot_be_linked_they_are_copied(tmp_path: Path) -> None:
    (tmp_path / "there").write_text("occupied")
    (tmp_path / "one").write_bytes(b"vectors")
    durable.share_file(tmp_path / "one", tmp_path / "two")
    assert (tmp_path / "two").stat().st_nlink == 2
    with pytest.raises(OSError, match="exists") as refused:
        durable.share_file(tmp_path / "one", tmp_path / "there")
    assert refused.value.errno == errno.EEXIST
    durable.copy_file(tmp_path / "one", tmp_path / "three")
    assert (tmp_path / "three").read_bytes() == b"vectors"
    assert (tmp_path / "three").stat().st_nlink == 1


def test_deleted_rows_stay_as_holes_that_no_search_returns(versions: Versions) -> None:
    gone = _document(2, 2)
    second = versions.open(publish(versions, [], [gone.id], previous=versions.open("v0001")))
    (part,) = [part for part in second.manifest.partitions if part.holes]
    assert part.holes == len(second.catalog.holes(part)) == len(chunked(gone).chunks) == 3
    found = second.vectors.search(EMBEDDER.encode_query("docker"), 1000, [part.ids], np.empty(0, np.int64))
    assert len(found) == part.rows - part.holes
    assert set(found) == set(second.catalog.stored(part.ids))
    assert second.catalog.document(gone.id) is None


def test_a_partition_of_too_many_holes_is_written_anew(versions: Versions) -> None:
    pages = [number for number in range(60) if _document(number, number).id.startswith("docs/") and number % 5 != 4]
    drop = [_document(number, number).id for number in pages[: len(pages) // 2]]
    second = versions.open(publish(versions, [], drop, previous=versions.open("v0001")))
    assert all(part.holes == 0 for part in second.manifest.partitions)
    _whole(second)


def test_an_audience_that_loses_its_last_document_loses_its_partition(versions: Versions) -> None:
    team = [_document(number, number).id for number in range(60) if number % 5 == 4]
    second = versions.open(publish(versions, [], team, previous=versions.open("v0001")))
    assert {part.audience for part in second.manifest.partitions} == {"public"}
    third = versions.open(publish(versions, [_document(4, 4)], previous=second))
    assert {part.audience for part in third.manifest.partitions} == {"public", "team-a"}
    _whole(third)


def test_a_document_that_changes_its_audience_moves_to_the_other_partition(versions: Versions) -> None:
    secret = replace(_document(1, 1), audience="team-a", text="canary-7f3a docker")
    second = versions.open(publish(versions, [secret], previous=versions.open("v0001")))
    retrieve = Retriever(second, EMBEDDER)
    assert "docs/p1.md" not in {entry.document for entry in retrieve("canary-7f3a docker").ranking}
    assert retrieve("canary-7f3a docker", {"team-a"}).ranking[0].document == "docs/p1.md"


def test_vectors_may_be_stored_in_a_quarter_from_one_version_to_the_next(versions: Versions) -> None:
    first = versions.open("v0001")
    second = versions.open(publish(versions, [page("new", "docker")], previous=first, stored_as="int8"))
    for part in second.manifest.partitions:
        assert second.vectors.of(part.number).stored_as == "int8"
    ids = np.array(list(first.catalog.stored(first.manifest.partitions[0].ids)), dtype=np.int64)
    assert np.allclose(first.vectors.rows(ids), second.vectors.rows(ids), atol=0.02)


def test_vectors_of_known_texts_are_found_by_their_hash(versions: Versions) -> None:
    version = versions.open("v0001")
    texts = {digest: chunk.embedded_text for chunk, digest in chunked(_document(7, 7)).chunks}
    known = version.known_vectors([*texts, b"unknown"])
    assert set(known) == set(texts)
    assert np.allclose(np.stack(list(known.values())), EMBEDDER.encode([texts[digest] for digest in known]))
    assert version.known_vectors([]) == {}


def test_what_left_the_index_is_not_in_its_file_any_more(versions: Versions) -> None:
    canary = page("canary", "The canary-7f3a-violet-otter sings zyxwvutsqponm beside the docker runner.")
    versions_first = versions.open(publish(versions, [canary], previous=versions.open("v0001")))
    assert b"canary-7f3a-violet-otter" in (versions_first.path / "catalog.sqlite").read_bytes()
    second = versions.open(publish(versions, [], [canary.id], previous=versions_first))
    content = (second.path / "catalog.sqlite").read_bytes()
    assert b"violet-otter" not in content
    assert b"xwvutsqpon" not in content, "full text keeps no word of it"
    assert second.catalog.counts(second.catalog.stems("violet")) == {"violet": 0}


def test_a_catalog_tells_of_its_documents(versions: Versions) -> None:
    told = replace(
        issue(900, "docker", title="Told"),
        closed_as="duplicate",
        resolved_by=("a linked page",),
        duplicate_of="issue:3",
        author="0123456789ab",
        labels=("ci",),
        confirmed=False,
        source="tracker",
    )
    version = versions.open(publish(versions, [told], previous=versions.open("v0001")))
    catalog = version.catalog
    facts = catalog.document("issue:900")
    assert facts is not None
    assert facts.document == replace(told, text="")
    assert catalog.documents_of("tracker") == (facts,)
    assert catalog.documents_of("nobody") == ()
    assert catalog.chunk_hashes("issue:900") == {0: chunked(told).chunks[0][1]}
    assert catalog.chunk_hashes("issue:901") == {}
    assert catalog.has_text(chunked(told).chunks[0][1])
    assert not catalog.has_text(b"unknown")
    (stored,) = catalog.stored([facts.first_chunk]).values()
    assert (stored.closed_as, stored.duplicate_of, stored.author) == ("duplicate", "issue:3", "0123456789ab")
    assert catalog.numbers.run(catalog.numbers[facts.first_chunk]) == range(facts.first_chunk, facts.first_chunk + 1)
    assert facts.first_chunk // ROWS_OF_A_PARTITION in {part.number for part in catalog.partitions}


def test_a_disk_that_cannot_be_written_is_told_in_one_line(tmp_path: Path) -> None:
    items = [chunked(page("one", "docker"))]
    facts = BuildFacts((), (), EMBEDDER.dimension)
    with pytest.raises(BuildRefused, match="disk"):
        write_version(tmp_path / "none", None, VersionChange(items), vectors_of(items), facts)


def test_a_catalog_of_the_first_format_is_called_damaged_and_not_guessed_at(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "catalog.sqlite")
    connection.execute("CREATE TABLE chunks (id INTEGER PRIMARY KEY)")
    connection.close()
    with pytest.raises(Exception, match="no catalog"):
        Catalog(tmp_path / "catalog.sqlite")
