"""An update in a process of its own, as the server runs it."""

from __future__ import annotations

import json
import os
import time
from typing import TYPE_CHECKING

import pytest

from assistant import settings as configuration
from assistant.update_child import run_update_in_child
from indexing.build_lock import building
from indexing.versions import Versions, utc_now

if TYPE_CHECKING:
    from pathlib import Path

    from assistant.settings import Settings

pytestmark = pytest.mark.slow


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A home with one folder as its source, in the working directory."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(configuration.__file__).rpartition("/assistant/")[0])
    monkeypatch.setenv("ASSISTANT_HOME", str(tmp_path / "another"))
    docs = tmp_path / "docs"
    docs.mkdir()
    for name in ("runner", "cache", "disk"):
        (docs / f"{name}.md").write_text(f"# The {name}\n\nSet {name}_limit.", encoding="utf-8")
    (tmp_path / "assistant.toml").write_text(
        'embedder = "packaged"\ngolden = "golden.jsonl"\n[[source]]\ntype = "folder"\npath = "docs"\n', encoding="utf-8"
    )
    golden = {"question": "Where is the limit of the cache?", "gold": ["docs/cache.md"]}
    (tmp_path / "golden.jsonl").write_text(json.dumps(golden), encoding="utf-8")
    return configuration.load(home=tmp_path / "home", embedder="hashing")


def test_a_child_updates_the_home_of_its_parent_with_its_embedder(settings: Settings) -> None:
    done = run_update_in_child(settings)
    assert (done.state, done.version, done.reason) == ("live", "v0001", "")
    assert [source["name"] for source in done.content["sources"]] == ["docs"]
    version = Versions(settings.home / "index").open_live()
    assert version.manifest.embedder.startswith("hashing")


def test_what_is_not_due_is_left_alone_and_what_is_asked_for_is_read(settings: Settings, tmp_path: Path) -> None:
    run_update_in_child(settings)
    (tmp_path / "docs/new.md").write_text("# New\n\nSomething new.", encoding="utf-8")
    assert run_update_in_child(settings).state == "idle"
    done = run_update_in_child(settings, ["docs"])
    assert (done.state, done.version) == ("live", "v0002")


def test_a_version_that_is_worse_is_kept_aside_and_the_reason_comes_back(settings: Settings, tmp_path: Path) -> None:
    run_update_in_child(settings)
    (tmp_path / "docs/cache.md").unlink()
    done = run_update_in_child(settings, ["docs"])
    assert (done.state, done.version) == ("aside", "v0002")
    assert "removed at the source: docs/cache.md" in done.reason


def test_a_child_that_finds_another_update_at_work_says_so(settings: Settings) -> None:
    with building(settings.home / "index", utc_now, "update"):
        done = run_update_in_child(settings)
    assert done.state == "busy"
    assert f"process {os.getpid()}" in done.reason


def test_a_child_that_fails_says_why_in_one_line(settings: Settings, tmp_path: Path) -> None:
    for path in (tmp_path / "docs").iterdir():
        path.unlink()
    done = run_update_in_child(settings)
    assert done.state == "failed"
    assert "docs" in done.reason
    assert "\n" not in done.reason
    assert run_update_in_child(settings, ["nowhere"]).state == "failed"


@pytest.mark.parametrize(("stopped", "state"), [(True, "stopped"), (False, "failed")])
def test_a_child_is_ended_when_it_is_told_to_stop_or_takes_too_long(
    settings: Settings,
    stopped: bool,  # noqa: FBT001 - a case
    state: str,
) -> None:
    begun = time.monotonic()
    done = run_update_in_child(settings, timeout_s=60.0 if stopped else 0.0, stop=lambda: stopped)
    assert done.state == state
    assert time.monotonic() - begun < 30
    assert run_update_in_child(settings).state == "live"
