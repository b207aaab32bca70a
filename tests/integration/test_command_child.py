"""Admin commands run as processes of their own."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from assistant import wiring
from assistant.command_child import lines, run_in_child
from assistant.core.commands import Command
from assistant.errors import TemporarilyUnavailable
from assistant.settings import Settings
from assistant.store.audit import audit_rows

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _one_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("ASSISTANT_EMBEDDER", "hashing")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home", embedder="hashing")


def test_what_the_command_prints_is_what_it_comes_to(settings: Settings) -> None:
    assert run_in_child(settings)(Command("list"), lambda _: None).startswith("No version yet")
    assert len(run_in_child(settings)(Command("status"), lambda _: None).split("\n\n")) == 2


def test_why_a_command_failed_is_its_own_one_line(settings: Settings) -> None:
    with pytest.raises(TemporarilyUnavailable, match="there is no"):
        run_in_child(settings)(Command("rollback"), lambda _: None)


def test_steps_are_told_while_it_runs(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "runner.md").write_text("# Runner\n\nRegister a runner with the token of the group.\n")
    (tmp_path / "assistant.toml").write_text('[[source]]\ntype = "folder"\nname = "handbook"\npath = "docs"\n')
    steps: list[str] = []
    told = run_in_child(settings)(Command("build"), steps.append)
    assert "v0001" in told
    assert steps != []


def test_a_process_that_ends_takes_its_command_along(settings: Settings) -> None:
    begun = time.monotonic()
    with pytest.raises(TemporarilyUnavailable, match="stopped meanwhile"):
        run_in_child(settings, stop=lambda: True)(Command("list"), lambda _: None)
    assert time.monotonic() - begun < 10
    assert not any(thread.name == "command" for thread in threading.enumerate())


def test_a_source_of_an_update_is_an_option_on_the_command_line() -> None:
    assert lines(Command("update", ("handbook",))) == [["update", "--source", "handbook"]]
    assert lines(Command("diff", ("v0001", "v0002"))) == [["diff", "v0001", "v0002"]]


def test_the_command_leaves_the_row_of_the_audit_to_who_asked(settings: Settings) -> None:
    run_in_child(settings)(Command("resume"), lambda _: None)
    assert not (settings.home / "state.db").exists() or audit_rows(wiring.store(settings)) == ()
