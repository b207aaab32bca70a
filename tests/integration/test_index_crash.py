"""A build is killed with SIGKILL after each step that reaches the disk; one whole version must be live every time."""

from __future__ import annotations

import json
import resource
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from indexing.build import BuildOptions, build
from indexing.errors import BuildRefused
from indexing.versions import Versions
from tests.fakes.memory_source import FollowedMemory, MemorySource, page, unchanged
from tests.fakes.tiny_embedder import TinyEmbedder

REPOSITORY = Path(__file__).parents[2]

KILLED = """
import os, signal, sys
from pathlib import Path
from indexing.build import BuildOptions, build
from tests.fakes.memory_source import MemorySource, page, unchanged
from tests.fakes.tiny_embedder import TinyEmbedder

left = int(sys.argv[2])

def step(name):
    global left
    left -= 1
    if left == 0:
        print(name, flush=True)
        os.kill(os.getpid(), signal.SIGKILL)

build([MemorySource([page("one", "new text")])], Path(sys.argv[1]), TinyEmbedder(), unchanged,
      options=BuildOptions(on_step=step))
"""


def _build(root: Path, text: str, steps: list[str] | None = None) -> None:
    options = BuildOptions(on_step=(steps if steps is not None else []).append)
    build([MemorySource([page("one", text)])], root, TinyEmbedder(), unchanged, options=options)


def _live_text(root: Path) -> str:
    live = Versions(root).open_live()
    assert live.damage == ()
    assert len(live.vectors) == len(live.catalog) == 1
    (ids,) = live.catalog.ids("page")
    (stored,) = live.catalog.stored(ids).values()
    return stored.chunk.text


@pytest.mark.slow
def test_a_build_killed_after_any_step_leaves_exactly_one_whole_live_version(tmp_path: Path) -> None:
    old = tmp_path / "old"
    _build(old, "old text")
    steps: list[str] = []
    shutil.copytree(old, tmp_path / "count")
    _build(tmp_path / "count", "new text", steps)
    assert len(steps) >= 10
    served = []
    for number in range(1, len(steps) + 1):
        root = tmp_path / f"killed{number}"
        shutil.copytree(old, root)
        command = [sys.executable, "-c", KILLED, str(root), str(number)]
        ended = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)  # noqa: S603 - our own program
        assert ended.returncode == -signal.SIGKILL, ended.stderr
        assert ended.stdout.strip() == steps[number - 1]
        served.append("new" if "new" in _live_text(root) else "old")
        _build(root, "new text")  # the lock of the dead process holds nobody up
        assert "new" in _live_text(root)
    pointer_renamed = steps.index("CURRENT renamed")
    assert served == ["old"] * pointer_renamed + ["new"] * (len(steps) - pointer_renamed)


@pytest.mark.slow
@pytest.mark.parametrize("kept", [0, 1, 7, 60, 300])
def test_a_first_build_killed_in_the_middle_leaves_no_index_rather_than_half_of_one(tmp_path: Path, kept: int) -> None:
    _build(tmp_path, "old text")
    half = tmp_path / "versions/v0002.tmp"
    shutil.copytree(tmp_path / "versions/v0001", half)
    catalog = half / "catalog.sqlite"
    catalog.write_bytes(catalog.read_bytes()[:kept])
    assert Versions(tmp_path).names() == ("v0001",)
    _build(tmp_path, "new text")
    assert "new" in _live_text(tmp_path)
    assert not half.exists()


FOLLOWED = """
import json, os, signal, sys
from pathlib import Path
from indexing.build import BuildOptions, build
from tests.fakes.memory_source import unchanged
from tests.fakes.tiny_embedder import TinyEmbedder
from tests.integration.test_index_crash import wiki

left = int(sys.argv[2])

class Told(TinyEmbedder):
    def encode(self, texts, on_progress=None):
        with open(sys.argv[3], "a") as stream:
            stream.write(json.dumps(list(texts)) + chr(10))
        return super().encode(texts, on_progress)

def step(name):
    global left
    left -= 1
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)

build([wiki(new=True)], Path(sys.argv[1]), Told(), unchanged, options=BuildOptions(on_step=step))
"""
WAITING = """
import sys
from pathlib import Path
from indexing.build import BuildOptions, build
from tests.fakes.memory_source import MemorySource, page, unchanged
from tests.fakes.tiny_embedder import TinyEmbedder

def step(name):
    if name == "refresh begun":
        print("building", flush=True)
        sys.stdin.read()

build([MemorySource([page("one", "new text")])], Path(sys.argv[1]), TinyEmbedder(), unchanged,
      options=BuildOptions(on_step=step))
"""


def wiki(*, new: bool) -> FollowedMemory:
    """Return a source of six pages; later one is edited, one came, one is gone and one is withdrawn."""
    source = FollowedMemory()
    source.put(*(page(f"p{number}", f"Old words of page {number}.") for number in range(6)))
    if new:
        source.put(page("p0", "New words of page 0."), page("p6", "New words of page 6."))
        source.take_away("docs/p1.md")
        source.take_away("docs/p2.md", withdrawn=True)
    return source


def _pages(root: Path) -> dict[str, str]:
    """Return document -> text of the live version."""
    live = Versions(root).open_live()
    assert live.damage == ()
    assert len(live.vectors) == len(live.catalog)
    found = live.catalog.stored(number for part in live.catalog.ids("page") for number in part)
    return {stored.chunk.document: stored.chunk.text for stored in found.values()}


def _build_wiki(root: Path, *, new: bool, steps: list[str] | None = None) -> None:
    options = BuildOptions(on_step=(steps if steps is not None else []).append)
    build([wiki(new=new)], root, TinyEmbedder(), unchanged, options=options)


def _killed_wiki(root: Path, step: int, log: Path) -> None:
    command = [sys.executable, "-c", FOLLOWED, str(root), str(step), str(log)]
    ended = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)  # noqa: S603 - our own program
    assert ended.returncode in (-signal.SIGKILL, 0), ended.stderr


@pytest.mark.slow
def test_a_refresh_killed_at_any_step_twice_goes_on_and_embeds_nothing_twice(tmp_path: Path) -> None:
    old = tmp_path / "old"
    _build_wiki(old, new=False)
    before, steps = _pages(old), list[str]()
    shutil.copytree(old, tmp_path / "whole")
    _build_wiki(tmp_path / "whole", new=True, steps=steps)
    after = _pages(tmp_path / "whole")
    assert {"refresh begun", "checkpoint written", "checkpoint kept", "refresh written", "document withdrawn"} <= {
        *steps
    }
    assert sorted(after) == [f"docs/p{number}.md" for number in (0, 3, 4, 5, 6)]
    for number in range(1, len(steps) + 1):
        root, log = tmp_path / f"killed{number}", tmp_path / f"embedded{number}"
        shutil.copytree(old, root)
        for _ in range(2):
            _killed_wiki(root, number, log)
            assert _pages(root) in (before, after), f"half a version is live after {steps[number - 1]!r}"
        _killed_wiki(root, 0, log)  # the last one is not killed
        assert _pages(root) == after
        calls = log.read_text("utf-8").splitlines()
        texts = [text for call in calls for text in json.loads(call)]
        assert {text.rpartition("\n")[2] for text in texts} == {"New words of page 0.", "New words of page 6."}
        # A batch that was being embedded when the process died is not in the cache; here none is.
        assert len(texts) == 2, f"embedded twice after {steps[number - 1]!r}"
        shutil.rmtree(root)


@pytest.mark.slow
def test_a_second_build_is_told_which_process_runs_the_first(tmp_path: Path) -> None:
    command = [sys.executable, "-c", WAITING, str(tmp_path)]
    with subprocess.Popen(  # noqa: S603 - our own program
        command, cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == "building\n"
        with pytest.raises(BuildRefused, match=f"another build .*process {first.pid} on .*wait for it"):
            _build(tmp_path, "other text")
        first.communicate("")
    assert first.returncode == 0
    assert _live_text(tmp_path) == "new text"


@pytest.mark.parametrize("size", [0, 100, 5_000, 20_000, 60_000, 100_000])
def test_a_disk_that_becomes_full_at_any_file_changes_nothing_that_is_live(tmp_path: Path, size: int) -> None:
    _build_wiki(tmp_path, new=False)
    before = _pages(tmp_path)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        with pytest.raises(BuildRefused, match="is the disk full"):
            _build_wiki(tmp_path, new=True)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert _pages(tmp_path) == before
    _build_wiki(tmp_path, new=True)
    assert sorted(_pages(tmp_path)) == [f"docs/p{number}.md" for number in (0, 3, 4, 5, 6)]
    assert not list((tmp_path / "versions").glob("*.tmp"))
