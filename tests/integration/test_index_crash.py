"""A build is killed with SIGKILL after each step that reaches the disk; one whole version must be live every time."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from indexing.build import BuildOptions, build
from indexing.versions import Versions
from tests.fakes.memory_source import MemorySource, page, unchanged
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
