from __future__ import annotations

import json
import os
import time
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from indexing.durable import FileFacts
from indexing.errors import DamagedIndex, NoIndex
from indexing.manifest import read_manifest, write_manifest
from indexing.retrieve import Retriever
from indexing.versions import Versions
from tests.fakes.memory_source import issue, page
from tests.fakes.written_versions import EMBEDDER, publish

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NOW = datetime(2026, 11, 21, 5, 0, tzinfo=UTC)


def _publish(versions: Versions, text: str = "text") -> str:
    return publish(versions, [page("one", text)])


@pytest.fixture
def versions(tmp_path: Path) -> Versions:
    versions = Versions(tmp_path, now=lambda: NOW)
    for number in range(3):
        versions.promote(_publish(versions, f"text {number}"))
    return versions


def test_the_version_promoted_last_is_live(versions: Versions) -> None:
    live = versions.open_live()
    assert (live.name, live.damage, live.manifest.created_at) == ("v0003", (), "2026-11-21T05:00:00+00:00")
    assert live.catalog.stored([0])[0].chunk.text == "text 2"
    assert [(state.name, state.live) for state in versions.list()] == [
        ("v0001", False),
        ("v0002", False),
        ("v0003", True),
    ]


def test_before_the_first_build_one_line_says_what_to_do(tmp_path: Path) -> None:
    for ask in (Versions(tmp_path).open_live, Versions(tmp_path).rollback, Versions(tmp_path / "none").rollback):
        with pytest.raises(NoIndex, match="assistant index build"):
            ask()


@pytest.mark.parametrize("name", ["v9999", "../v0001", "", "v0001.tmp", "/etc"])
def test_only_names_of_versions_are_opened(versions: Versions, name: str) -> None:
    with pytest.raises(NoIndex, match="v0003"):
        versions.open(name)


def test_a_rollback_goes_back_version_by_version_and_pauses_promotion(versions: Versions) -> None:
    assert versions.rollback() == "v0002"
    assert versions.paused()
    assert versions.rollback() == "v0001"
    with pytest.raises(NoIndex, match="no earlier whole version"):
        versions.rollback()
    assert versions.live() == "v0001"
    assert versions.resume()
    assert not versions.resume()
    assert not versions.paused()


def test_a_rollback_never_goes_to_a_version_that_was_kept_aside(tmp_path: Path) -> None:
    versions = Versions(tmp_path)
    versions.promote(_publish(versions))
    _publish(versions)
    versions.promote(_publish(versions))
    assert versions.rollback() == "v0001"


def test_a_rollback_passes_over_a_damaged_version(versions: Versions, tmp_path: Path) -> None:
    (tmp_path / "versions/v0002/vectors-0.faiss").write_bytes(b"")
    assert versions.rollback() == "v0001"


def _flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


DAMAGE: dict[str, Callable[[Path], object]] = {
    "a flipped bit": _flip,
    "a cut file": lambda path: path.write_bytes(path.read_bytes()[:-1]),
    "an empty file": lambda path: path.write_bytes(b""),
    "a missing file": lambda path: path.unlink(),
}


@pytest.mark.parametrize("file", ["catalog.sqlite", "vectors-0.faiss", "MANIFEST.json"])
@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_live_version_is_told_and_the_one_before_it_serves(
    versions: Versions, tmp_path: Path, damage: Callable[[Path], object], file: str
) -> None:
    versions.open("v0003")  # verified once already: the change must still be seen
    damage(tmp_path / "versions/v0003" / file)
    served = versions.open_live()
    assert served.name == "v0002"
    assert served.catalog.stored([0])[0].chunk.text == "text 1"
    assert file in served.damage[0]
    with pytest.raises(DamagedIndex, match=file):
        versions.verify("v0003")


def _shared(root: Path, count: int = 3) -> Versions:
    """Return versions that share their vectors of issues; each has a page of its own."""
    versions = Versions(root)
    previous = None
    for number in range(count):
        documents = [page("one", f"text {number}"), *([issue(7, "An issue that stays")] if number == 0 else [])]
        name = publish(versions, documents, previous=previous)
        versions.promote(name)
        previous = versions.open(name)
    return versions


def _file_of(versions: Versions, name: str, kind: str) -> Path:
    version = versions.open(name)
    return next(version.path / part.file for part in version.manifest.partitions if part.kind == kind)


def test_vectors_that_all_versions_share_and_that_are_damaged_leave_full_text_alone(tmp_path: Path) -> None:
    versions = _shared(tmp_path)
    _flip(_file_of(versions, "v0003", "issue"))
    served = versions.open_live()
    assert (served.name, served.text_alone) == ("v0003", True)
    assert all(any(f"v000{number}/vectors" in line for line in served.damage) for number in (1, 2, 3))
    found = Retriever(served, EMBEDDER)("text of an issue that stays")
    assert found.lexical_only
    assert {passage.chunk.text for passage in found.passages} == {"text 2", "An issue that stays"}


def test_vectors_of_one_version_that_are_damaged_bring_the_whole_one_before_it(tmp_path: Path) -> None:
    versions = _shared(tmp_path)
    _flip(_file_of(versions, "v0003", "page"))
    served = versions.open_live()
    assert (served.name, served.text_alone) == ("v0002", False)
    assert not Retriever(served, EMBEDDER)("text").lexical_only


def test_a_vector_file_damaged_after_it_was_verified_is_not_loaded(tmp_path: Path) -> None:
    versions = _shared(tmp_path)
    version = versions.open_live()
    _flip(_file_of(versions, "v0003", "issue"))
    with pytest.raises(DamagedIndex, match="vectors"):
        Retriever(version, EMBEDDER)("text")


def test_a_file_that_versions_share_is_read_once_by_a_process_and_anew_when_verified(tmp_path: Path) -> None:
    versions = _shared(tmp_path)
    shared = _file_of(versions, "v0001", "issue")
    assert {_file_of(versions, name, "issue").stat().st_ino for name in versions.names()} == {shared.stat().st_ino}
    before = shared.stat()
    _flip(shared)
    os.utime(shared, ns=(before.st_atime_ns, before.st_mtime_ns))  # as a disk that forgets a bit
    assert versions.open("v0003").name == "v0003"
    with pytest.raises(DamagedIndex, match="vectors"):
        versions.verify("v0003")
    with pytest.raises(DamagedIndex, match="vectors"):
        versions.promote("v0002")


@pytest.mark.slow
def test_a_rollback_of_a_gigabyte_takes_less_than_a_second(tmp_path: Path) -> None:
    versions = _shared(tmp_path)
    for name in ("v0001", "v0002"):
        _grow(versions, name)
    started = time.monotonic()
    assert versions.rollback() == "v0002"
    assert time.monotonic() - started < 1.0


def _grow(versions: Versions, name: str) -> None:
    """Make the catalog of the version a gigabyte, as the manifest says."""
    path = versions.open(name).path
    os.truncate(path / "catalog.sqlite", 1 << 30)
    manifest = read_manifest(path)
    facts = FileFacts("0" * 64, 1 << 30)
    write_manifest(path, replace(manifest, files={**manifest.files, "catalog.sqlite": facts}))


def test_versions_that_were_not_promoted_are_kept_aside_with_their_reports(versions: Versions) -> None:
    aside = _publish(versions, "worse")
    assert versions.aside() == (aside,)
    assert versions.read_report(aside) is None
    versions.write_report(aside, {"passed": False, "why": "hit@5 fell from 0.8 to 0.6"})
    assert versions.read_report(aside) == {"passed": False, "why": "hit@5 fell from 0.8 to 0.6"}
    versions.promote(aside)
    assert versions.aside() == ()
    versions.rollback()
    assert versions.aside() == (aside,)


def test_a_report_goes_with_its_version(tmp_path: Path) -> None:
    versions = Versions(tmp_path)
    for number in range(5):
        name = _publish(versions, f"text {number}")
        versions.promote(name)
        versions.write_report(name, {"passed": True})
    assert versions.prune(keep=2) == ("v0001", "v0002", "v0003")
    assert [versions.read_report(f"v000{number}") is None for number in (1, 2, 3, 4, 5)] == [
        True,
        True,
        True,
        False,
        False,
    ]
    with pytest.raises(NoIndex):
        versions.read_report("../CURRENT")
    (tmp_path / "reports/v0005.json").write_text("{")
    with pytest.raises(DamagedIndex, match="check v0005 again"):
        versions.read_report("v0005")


@pytest.mark.parametrize("name", ["weights.pkl", "catalog.sqlite-wal", ".hidden"])
def test_a_file_that_no_build_wrote_makes_a_version_refused(versions: Versions, tmp_path: Path, name: str) -> None:
    (tmp_path / "versions/v0003" / name).write_bytes(b"x")
    with pytest.raises(DamagedIndex, match="no build wrote"):
        versions.open("v0003")
    assert versions.open_live().name == "v0002"


def test_a_version_under_another_name_is_refused(versions: Versions, tmp_path: Path) -> None:
    (tmp_path / "versions/v0003").rename(tmp_path / "versions/v0007")
    with pytest.raises(DamagedIndex, match="manifest of v0003"):
        versions.open("v0007")


@pytest.mark.parametrize("content", ["", "{", "[]", "null", '{"live": "../../etc", "previous": []}', '{"live": 3}'])
def test_a_damaged_pointer_is_told_and_the_newest_version_serves(
    versions: Versions, tmp_path: Path, content: str
) -> None:
    (tmp_path / "CURRENT").write_text(content)
    assert versions.live() is None
    served = versions.open_live()
    assert served.name == "v0003"
    assert "CURRENT" in served.damage[0]
    versions.promote("v0002")
    assert versions.open_live().name == "v0002"
    assert versions.open_live().damage == ()


def test_when_nothing_is_whole_all_damage_is_told(versions: Versions, tmp_path: Path) -> None:
    for name in versions.names():
        _flip(tmp_path / "versions" / name / "catalog.sqlite")
    with pytest.raises(DamagedIndex, match=r"v0003.*v0002.*v0001"):
        versions.open_live()


def test_a_damaged_version_is_not_promoted(versions: Versions, tmp_path: Path) -> None:
    _flip(tmp_path / "versions/v0001/vectors-0.faiss")
    with pytest.raises(DamagedIndex):
        versions.promote("v0001")
    assert versions.live() == "v0003"


def test_a_manifest_of_another_format_says_so(versions: Versions, tmp_path: Path) -> None:
    path = tmp_path / "versions/v0003/MANIFEST.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"counts": {"chunks": 999}}))
    assert "was changed" in versions.list()[-1].problem


def test_pruning_keeps_the_newest_the_live_and_the_one_a_rollback_goes_to(tmp_path: Path) -> None:
    versions = Versions(tmp_path)
    for _ in range(6):
        versions.promote(_publish(versions))
    versions.promote("v0001")
    assert versions.prune(keep=2) == ("v0002", "v0003", "v0004")
    assert versions.names() == ("v0001", "v0005", "v0006")
    assert versions.rollback() == "v0006"


def test_a_deleted_version_never_gives_its_name_to_another(tmp_path: Path) -> None:
    versions = Versions(tmp_path)
    for _ in range(3):
        versions.promote(_publish(versions))
    versions.rollback()
    assert _publish(versions) == "v0004"


def test_leftovers_of_a_crash_are_cleared_by_the_next_build(versions: Versions, tmp_path: Path) -> None:
    (tmp_path / "versions/v0004.tmp").mkdir()
    (tmp_path / "versions/v0004.tmp/half").write_text("x")
    assert "v0004" not in versions.names()
    assert _publish(versions) == "v0004"
    assert not list((tmp_path / "versions").glob("*.tmp"))


def test_only_the_owner_can_read_a_version(versions: Versions, tmp_path: Path) -> None:
    assert (tmp_path / "versions/v0003").stat().st_mode & 0o777 == 0o700
    assert versions.names()
