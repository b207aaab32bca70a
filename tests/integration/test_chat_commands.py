"""Admin commands typed into `assistant chat`."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from assistant.store import Store, open_database
from assistant.store.audit import audit_rows
from indexing.versions import Versions
from tests.fakes.running_home import Clock

if TYPE_CHECKING:
    from assistant.store.records import AuditRow

ROOT = Path(__file__).parents[2]


def place(folder: Path) -> dict[str, str]:
    return {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "HOME": str(folder)}


def chat(folder: Path, *lines: str, admins: str = '["console/local"]') -> str:
    (folder / "docs").mkdir(exist_ok=True)
    (folder / "docs" / "runner.md").write_text("# Runner\n\nRegister a runner with the token of the group.\n")
    source = '[[source]]\ntype = "folder"\nname = "handbook"\npath = "docs"\n'
    (folder / "assistant.toml").write_text(f'embedder = "hashing"\nadmins = {admins}\n{source}')
    ended = subprocess.run(
        [sys.executable, "-m", "assistant.entrypoints.cli", "chat"],
        cwd=folder,
        input="".join(f"{line}\n" for line in lines),
        env=place(folder),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def audit(folder: Path) -> list[AuditRow]:
    store = Store(open_database(f"sqlite:///{folder}/.assistant/state.db"), Clock())
    rows = [*reversed(audit_rows(store))]
    store.engine.dispose()
    return rows


@pytest.mark.slow
def test_an_admin_builds_looks_and_goes_back_in_the_terminal(tmp_path: Path) -> None:
    said = chat(tmp_path, "/index build", "/index list", "/index rollback", "/index promote ../etc", "> /index prune")
    assert "`/index build` by console/local: done" in said
    assert "v0001  live" in said
    assert "`/index rollback` by console/local: failed" in said
    assert "there is no earlier whole version to go back to" in said
    assert "unknown argument ../etc" in said
    assert Versions(tmp_path / ".assistant" / "index").live() == "v0001"
    assert [(row.what, row.result) for row in audit(tmp_path)] == [
        ("index build", "done"),
        ("index list", "done"),
        ("index rollback", "failed"),
        ("index", "refused"),
    ], "what was quoted is a question"


def test_what_a_version_holds_and_whether_it_is_whole_is_told_in_the_chat_too(tmp_path: Path) -> None:
    said = chat(tmp_path, "/index build", "/index retry", "/index show v0001", "/index verify")
    assert "v0001 passed the gate" in said
    assert "v0001  whole" in said
    assert "… `/index retry` by console/local: begun" in said, "the line is whole"
    assert [(row.what, row.result) for row in audit(tmp_path)] == [
        (f"index {name}", "done") for name in ("build", "retry", "show", "verify")
    ]


def test_at_a_terminal_that_is_not_listed_nothing_is_done(tmp_path: Path) -> None:
    said = chat(tmp_path, "/index build", admins='["slack/U0ADMIN01"]')
    assert "Only admins may do this, and you (console/local) are none." in said
    assert Versions(tmp_path / ".assistant" / "index").names() == ()
    assert [(row.what, row.result) for row in audit(tmp_path)] == [("index", "refused")]


def test_a_secret_in_a_command_is_neither_kept_nor_shown_back(tmp_path: Path) -> None:
    token = "glpat-" + "Zy3kQ9vT7mXw2LpR8sNd"
    said = chat(tmp_path, f"/index promote {token}")
    assert "unknown argument" in said
    shown = said.replace(f"you> /index promote {token}", "")
    assert token not in shown
    held = [path for path in (tmp_path / ".assistant").rglob("*") if path.is_file()]
    assert not any(token.encode() in path.read_bytes() for path in held)


def test_help_shows_every_command(tmp_path: Path) -> None:
    said = chat(tmp_path, "/index")
    assert "/index diff A B" in said
    assert "/index recalled" in said


@pytest.mark.slow
def test_a_chat_killed_in_the_middle_of_a_build_finishes_it_after_the_next_start(tmp_path: Path) -> None:
    chat(tmp_path, "/index status")  # writes the settings
    for number in range(400):
        (tmp_path / "docs" / f"page-{number}.md").write_text(f"# Page {number}\n\n" + f"Words of page {number}. " * 200)
    line = [sys.executable, "-m", "assistant.entrypoints.cli", "chat"]
    first = subprocess.Popen(  # noqa: S603 - our own command
        line,
        cwd=tmp_path,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=place(tmp_path),
    )
    assert first.stdin is not None
    first.stdin.write(b"/index build\n")
    first.stdin.flush()
    while not [row for row in audit(tmp_path) if row.what == "index build"]:
        assert first.poll() is None
    first.kill()
    first.wait()
    first.stdin.close()
    [begun] = [row for row in audit(tmp_path) if row.what == "index build"]
    assert begun.result == "started", "what never finished shows"
    versions = Versions(tmp_path / ".assistant" / "index")
    give_up = time.monotonic() + 60
    while versions.live() is None:
        assert time.monotonic() < give_up
        chat(tmp_path, "/index status", "/index build")
    versions.verify(versions.live() or "")
    ended = next(row for row in audit(tmp_path) if row.id == begun.id)
    assert ended.result in {"done", "failed"}, "failed: the build of the dead process was still at it"
