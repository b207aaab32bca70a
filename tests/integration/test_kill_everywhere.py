"""A fixed sample of `scripts/torture`, and the proof that it can fail."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.slow


def torture(*arguments: str) -> tuple[int, str]:
    ended = subprocess.run(  # noqa: S603 - our own script
        [sys.executable, "scripts/torture.py", *arguments],
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    return ended.returncode, ended.stdout + ended.stderr


def test_killed_anywhere_the_assistant_loses_nothing_and_does_nothing_twice() -> None:
    code, said = torture("--sample")
    assert code == 0, said
    kills = re.search(r"(\d+) kills in", said)
    assert kills is not None
    assert int(kills[1]) >= 30, said
    assert said.count("0 lost, 0 doubled") == 3, said


def test_without_the_look_up_every_kill_after_the_request_doubles_an_issue() -> None:
    code, said = torture("--only", "after gitlab.open_issue", "--kills", "0", "--ghosts", "0", "--without-look-up")
    assert code == 1, said
    assert "issues: 0 lost, 2 doubled" in said


def test_without_the_wait_a_request_that_gitlab_still_works_on_doubles_an_issue() -> None:
    code, said = torture("--only", "none", "--kills", "0", "--ghosts", "1", "--without-wait")
    assert code == 1, said
    assert "issues: 0 lost, 1 doubled" in said
