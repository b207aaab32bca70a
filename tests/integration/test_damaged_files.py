"""Files of an index are damaged, one or two at a time: what is served is always exactly one whole version."""

from __future__ import annotations

import contextlib
import random
import resource
import shutil
from typing import TYPE_CHECKING

import numpy as np
import pytest

from indexing.errors import BuildRefused, DamagedIndex
from indexing.index_version import open_text
from indexing.retrieve import Retriever
from indexing.versions import Versions
from tests.fakes.memory_source import issue, page
from tests.fakes.written_versions import EMBEDDER, publish

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from indexing.index_version import IndexVersion

_TRIALS = 600


def _flip(path: Path, chance: random.Random) -> None:
    content = bytearray(path.read_bytes())
    content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
    path.write_bytes(content)


def _cut(path: Path, chance: random.Random) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: chance.randrange(len(content))])


def _grow(path: Path, chance: random.Random) -> None:
    path.write_bytes(path.read_bytes() + chance.randbytes(1 + chance.randrange(5000)))


def _zero(path: Path, chance: random.Random) -> None:
    content = bytearray(path.read_bytes())
    start = chance.randrange(len(content))
    length = min(4096, len(content) - start)
    content[start : start + length] = bytes(length) if any(content[start : start + length]) else b"\xff" * length
    path.write_bytes(content)


def _swap(path: Path, chance: random.Random) -> None:
    """Put the file of another version in its place, as a wrong restore does."""
    others = [other for other in path.parents[1].glob(f"*/{path.name}") if other.read_bytes() != path.read_bytes()]
    path.write_bytes(chance.choice(others).read_bytes() if others else b"other")


def _link(path: Path, chance: random.Random) -> None:
    del chance
    target = path.parents[3] / f"elsewhere-{path.parent.name}-{path.name}"
    path.replace(target)
    path.symlink_to(target)


def _delete(path: Path, chance: random.Random) -> None:
    del chance
    path.unlink()


def _foreign(path: Path, chance: random.Random) -> None:
    (path.parent / chance.choice(["x.pkl", "catalog.sqlite-wal", "vectors-9.faiss"])).write_bytes(path.read_bytes())


DAMAGE: tuple[Callable[[Path, random.Random], None], ...] = (
    _flip,
    _cut,
    _grow,
    _zero,
    _swap,
    _link,
    _delete,
    _foreign,
)


def _content(version: IndexVersion) -> dict[str, object]:
    """Return everything that the version says: all texts, and what questions find."""
    ids = [chunk for kind in ("page", "issue") for part in version.catalog.ids(kind) for chunk in part]  # type: ignore[arg-type]
    texts = sorted(piece.chunk.text for piece in version.catalog.stored(ids).values())
    retrieve = Retriever(version, EMBEDDER)
    questions = ["text of the page", "An issue that stays", "version number 2"]
    found = [[(one.document, round(one.score, 4)) for one in retrieve(question).ranking] for question in questions]
    nearest = None
    if not version.text_alone:
        parts = [part.ids for part in version.manifest.partitions]
        none = np.empty(0, dtype=np.int64)
        nearest = [version.vectors.search(EMBEDDER.encode_query(question), 9, parts, none) for question in questions]
    return {"texts": texts, "found": found, "nearest": nearest}


def _written(root: Path) -> Versions:
    versions, previous = Versions(root), None
    for number in range(3):
        documents = [page("one", f"The text of the page, version number {number}."), page(f"p{number}", "More.")]
        if number == 0:
            documents += [issue(n, f"An issue that stays, number {n}.") for n in range(3)]
        name = publish(versions, documents, previous=previous)
        versions.promote(name)
        previous = versions.open(name)
    return versions


@contextlib.contextmanager
def _largest_file(size: int) -> Iterator[None]:
    """Refuse to let any file grow beyond the size, as a full disk does."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("size", [0, 1, 500, 1000, 4096, 5000, 40_000, 80_000, 100_000])
@pytest.mark.parametrize("grows", [True, False], ids=["changes", "anew"])
def test_a_disk_that_becomes_full_costs_the_new_version_alone(tmp_path: Path, size: int, grows: bool) -> None:  # noqa: FBT001 - a parameter
    versions = _written(tmp_path)
    before = _content(versions.open_live())
    previous = versions.open("v0003") if grows else None
    with _largest_file(size), pytest.raises(BuildRefused, match="is the disk full"):
        publish(versions, [page("one", "new text")], previous=previous)
    assert versions.names() == ("v0001", "v0002", "v0003")
    assert _content(versions.open_live()) == before
    assert publish(versions, [page("one", "new text")], previous=previous) == "v0004"


@pytest.mark.slow
def test_six_hundred_damaged_files_never_bring_a_wrong_or_half_version(tmp_path: Path) -> None:
    root = tmp_path / "index"
    versions = _written(root)
    whole = {name: _content(versions.open(name)) for name in versions.names()}
    alone = {name: _content(_text_alone(versions, name)) for name in versions.names()}
    files = sorted(path.relative_to(root) for path in (root / "versions").rglob("*") if path.is_file())
    kept = {file: (root / file).read_bytes() for file in files}
    shared = {file for file in files if (root / file).stat().st_nlink > 1}
    assert 0 < len(shared) < len(files)
    chance, outcomes = random.Random(3), dict.fromkeys(("whole", "text alone", "refused", "wrong"), 0)  # noqa: S311 - not a secret
    for trial in range(_TRIALS):
        for file in chance.sample(files, 1 + trial % 2):
            chance.choice(DAMAGE)(root / file, chance)
        outcomes[_outcome(versions, whole, alone)] += 1
        _mend(root, kept, shared)
    assert outcomes["wrong"] == outcomes["refused"] == 0, outcomes
    assert outcomes["whole"] > _TRIALS / 2
    assert outcomes["text alone"] > 0
    assert versions.open_live().damage == ()


def _text_alone(versions: Versions, name: str) -> IndexVersion:
    return open_text(versions.open(name).path)


def _outcome(versions: Versions, whole: dict[str, object], alone: dict[str, object]) -> str:
    try:
        served = versions.open_live()
        content = _content(served)
    except DamagedIndex:
        return "refused"
    if served.text_alone:
        return "text alone" if served.damage and content == alone[served.name] else "wrong"
    if served.name != "v0003" and not served.damage:
        return "wrong"
    return "whole" if content == whole[served.name] else "wrong"


def _mend(root: Path, kept: dict[Path, bytes], shared: set[Path]) -> None:
    """Write all files anew; those that were one file are one file again."""
    shutil.rmtree(root / "versions")
    first: dict[bytes, Path] = {}
    for file, content in kept.items():
        path = root / file
        path.parent.mkdir(parents=True, exist_ok=True)
        if file in shared and content in first:
            path.hardlink_to(first[content])
        else:
            path.write_bytes(content)
            first[content] = path
