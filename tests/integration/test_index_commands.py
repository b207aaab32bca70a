"""`assistant index` from a terminal: commands, exit codes, one line for each error."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from assistant.entrypoints.index_command import index
from assistant.store import Store, open_database
from assistant.store.audit import audit_rows
from indexing.build_lock import building
from indexing.versions import Versions, utc_now
from tests.fakes.terminal import Terminal


@pytest.fixture
def terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Terminal:
    monkeypatch.chdir(tmp_path)
    terminal = Terminal(tmp_path)
    terminal.write("runner", "# Runner\n\nThe runner needs Docker.")
    terminal.write("empty", "")
    return terminal


def _issues(folder: Path) -> str:
    rows = [
        {"iid": 1, "title": "It hangs", "description": "The job hangs.", "state": "closed", "notes": []},
        {"iid": 2, "title": "Canary", "description": "canary", "state": "closed", "confidential": True, "notes": []},
    ]
    path = folder / "issues.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return str(path)


def test_a_build_reports_what_it_took_and_what_it_left_out(terminal: Terminal) -> None:
    report = terminal.json("build", "--docs", "docs", "--issues", _issues(terminal.folder))
    assert (report["version"], report["promoted"], report["pages"], report["issues"]) == ("v0001", True, 1, 1)
    assert {row["document"] for row in report["skipped"]} == {"docs/empty.md", "issue:2"}


def test_the_report_for_people_names_the_version_and_goes_to_standard_output(terminal: Terminal) -> None:
    result = terminal.run("build", "--docs", "docs")
    assert result.stdout.startswith("New version v0001 (live): 1 documents")
    assert "Left out: docs/empty.md" in result.stdout
    assert "Reading documents" in result.stderr


def test_a_second_build_of_the_same_says_that_nothing_changed(terminal: Terminal) -> None:
    terminal.run("build", "--docs", "docs")
    assert "Nothing changed: still version v0001" in terminal.run("build", "--docs", "docs").stdout


def test_versions_are_kept_aside_promoted_rolled_back_resumed_and_pruned(terminal: Terminal) -> None:
    terminal.run("build", "--docs", "docs")
    terminal.write("new", "# New\n\nSomething new.")
    assert not terminal.json("build", "--docs", "docs", "--no-promote")["promoted"]
    terminal.run("promote", "v0002")
    assert "v0001 is live again" in terminal.run("rollback").stdout
    listed = terminal.json("list")
    assert [(row["name"], row["live"]) for row in listed["versions"]] == [("v0001", True), ("v0002", False)]
    assert listed["paused"]
    assert "paused by a rollback" in terminal.run("list").stdout
    assert "promoted again" in terminal.run("resume").stdout
    assert "Nothing to delete" in terminal.run("prune").stdout
    terminal.run("promote", "v0002")
    terminal.write("newer", "# Newer\n\nNewer still.")
    terminal.run("build", "--docs", "docs")
    assert "Deleted: v0001" in terminal.run("prune", "--keep", "1").stdout


def test_show_tells_what_a_version_holds(terminal: Terminal) -> None:
    terminal.run("build", "--docs", "docs")
    shown = terminal.json("show")
    assert shown["counts"]["documents"] == 1
    assert shown["skipped"][0]["document"] == "docs/empty.md"
    assert "v0001  built" in terminal.run("show", "v0001").stdout


def test_a_damaged_version_is_named_by_verify_and_by_list(terminal: Terminal) -> None:
    terminal.run("build", "--docs", "docs")
    (terminal.folder / "home/index/versions/v0001/catalog.sqlite").write_bytes(b"x")
    assert "v0001  damaged" in terminal.run("verify", expect=3).stdout
    assert "catalog.sqlite" in terminal.run("show", expect=3).stderr
    assert "catalog.sqlite" in terminal.run("promote", "v0001", expect=3).stderr


@pytest.mark.parametrize(
    ("arguments", "code", "word"),
    [
        (["show"], 1, "assistant index build"),
        (["rollback"], 1, "assistant index build"),
        (["promote", "v0009"], 1, "v0009"),
        (["build"], 2, "--docs"),
        (["build", "--docs", "nowhere"], 2, "nowhere"),
        (["prune", "--keep", "0"], 2, "--keep"),
    ],
)
def test_an_error_is_one_line_that_says_how_to_mend_it(
    terminal: Terminal, arguments: list[str], code: int, word: str
) -> None:
    result = terminal.run(*arguments, expect=code)
    assert word in result.stderr
    assert result.stdout == ""
    assert "Traceback" not in result.output
    assert len([line for line in result.stderr.splitlines() if line.startswith("Error")]) == 1


def test_a_second_build_at_once_is_refused_in_one_line(terminal: Terminal) -> None:
    with Versions(terminal.folder / "home/index").building():
        assert "another build" in terminal.run("build", "--docs", "docs", expect=1).stderr


def test_every_command_has_help_with_an_example(terminal: Terminal) -> None:
    for name in index.commands:
        assert f"assistant index {name}" in terminal.run(name, "--help").stdout


# -- sources that are set up


def _set_up(terminal: Terminal, *more: str) -> None:
    """Name a folder as the source, with settings before it."""
    source = '[[source]]\ntype = "folder"\npath = "docs"\nname = "docs"\n'
    (terminal.folder / "assistant.toml").write_text("\n".join([*more, source]), encoding="utf-8")


def _many(terminal: Terminal) -> None:
    for name in ("cache", "registry", "network", "disk", "login", "backup"):
        terminal.write(name, f"# The {name}\n\nSet {name}_limit in the file of the {name}.")


def test_an_update_reads_what_is_due_and_says_when_nothing_is(terminal: Terminal) -> None:
    _set_up(terminal)
    assert terminal.run("update").stdout.startswith("New version v0001 (live)")
    told = terminal.run("update").stdout
    assert told.startswith("Nothing is due: docs is next, at ")
    assert "assistant index update --sweep" in told
    assert terminal.json("update")["state"] == "idle"


def test_a_source_can_be_refreshed_at_once(terminal: Terminal) -> None:
    _set_up(terminal)
    terminal.run("update")
    terminal.write("new", "# New\n\nSomething new.")
    done = terminal.json("update", "--source", "docs")
    assert (done["state"], done["version"], done["added"]) == ("live", "v0002", 1)
    assert [(source["name"], source["state"]) for source in done["sources"]] == [("docs", "read")]


def test_a_source_that_is_not_set_up_is_named_with_those_that_are(terminal: Terminal) -> None:
    _set_up(terminal)
    told = terminal.run("update", "--source", "wiki", expect=2).stderr
    assert "there is no source 'wiki' in assistant.toml (there are: docs)" in told


def test_a_source_that_shrank_is_held_back_until_somebody_says_that_it_is_right(terminal: Terminal) -> None:
    _set_up(terminal)
    _many(terminal)
    terminal.run("update")
    for name in ("cache", "registry", "network", "disk"):
        (terminal.folder / "docs" / f"{name}.md").unlink()
    held = terminal.run("update", "--sweep", expect=3).stdout
    assert "Held back: docs would lose 4 of 7 documents" in held
    assert "run `assistant index update --source docs --force`" in held
    assert "would lose 4 of 7" in terminal.json("sources")["sources"][0]["held"]
    assert "Held back:" in terminal.run("sources").stdout
    assert "would lose" in terminal.run("build", expect=1).stderr
    done = terminal.json("update", "--force")
    assert (done["state"], done["documents"], done["removed"]) == ("live", 3, 4)


def test_sources_tell_last_and_next_refresh_counts_and_what_was_left_out(terminal: Terminal) -> None:
    _set_up(terminal, "refresh_minutes = 30")
    assert "never read, due now" in terminal.run("sources").stdout
    terminal.run("update")
    [row] = terminal.json("sources")["sources"]
    assert (row["name"], row["documents"], row["configured"]) == ("docs", 1, True)
    passed = datetime.fromisoformat(row["next"]) - datetime.fromisoformat(row["last_sweep"])
    assert passed == timedelta(minutes=30)
    assert [failure["document"] for failure in row["failures"]] == ["docs/empty.md"]
    told = terminal.run("sources").stdout
    assert "1 pages, 0 issues" in told
    assert "Left out: docs/empty.md: " in told


def test_without_sources_the_list_says_how_to_name_them(terminal: Terminal) -> None:
    assert "[[source]]" in terminal.run("sources").stdout
    assert "[[source]]" in terminal.run("update", expect=2).stderr


def test_watch_prints_a_line_a_change_and_nothing_when_nothing_is_due(terminal: Terminal) -> None:
    _set_up(terminal)
    lines = terminal.run("watch", "--once").stdout.splitlines()
    assert [line.partition("  ")[2] for line in lines] == [
        "docs: 1 added, 0 changed, 0 removed",
        "v0001 is live: 1 documents, 1 chunks",
    ]
    assert terminal.run("watch", "--once").stdout == "Nothing is due.\n"


# -- the gate


@pytest.fixture
def worse(terminal: Terminal) -> Terminal:
    """A home whose newest version lost the answer to a golden question."""
    golden = [{"question": "Where is the limit of the cache?", "gold": ["docs/cache.md"]}]
    (terminal.folder / "golden.jsonl").write_text("".join(json.dumps(row) + "\n" for row in golden), encoding="utf-8")
    _set_up(terminal, 'golden = "golden.jsonl"')
    _many(terminal)
    terminal.run("update")
    (terminal.folder / "docs/cache.md").unlink()
    terminal.run("update", "--sweep", expect=3)
    return terminal


def test_a_version_that_is_worse_is_kept_aside_and_says_why(worse: Terminal) -> None:
    told = worse.run("update", "--sweep", expect=3).stdout
    assert "still version v0002 (kept aside)" in told
    assert "FAIL hit@5 (file)  1 -> 0 (at least 0.95)" in told
    assert "removed at the source: docs/cache.md" in told
    assert "worse (file), rank 1 -> not found: Where is the limit of the cache?" in told
    assert "assistant index diff v0001 v0002" in told
    assert "assistant index promote v0002 --force" in told


def test_the_list_shows_what_is_live_what_is_aside_and_what_the_gate_said(worse: Terminal) -> None:
    rows = worse.json("list")["versions"]
    assert [(row["name"], row["state"], row["gate"]["passed"]) for row in rows] == [
        ("v0001", "live", True),
        ("v0002", "aside", False),
    ]
    lines = worse.run("list").stdout.splitlines()
    assert "live" in lines[0]
    assert lines[0].endswith("passed the gate")
    assert "aside" in lines[1]
    assert "did not pass: hit@1 (file)" in lines[1] or "did not pass: hit@5 (file)" in lines[1]


def test_show_prints_the_report_of_the_gate(worse: Terminal) -> None:
    assert "v0002 did not pass the gate, compared with v0001:" in worse.run("show", "v0002").stdout
    assert worse.json("show", "v0002")["gate"]["against"] == "v0001"


def test_a_person_may_promote_a_worse_version_but_must_say_so(worse: Terminal) -> None:
    refused = worse.run("promote", "v0002", expect=3).stdout
    assert "FAIL hit@5 (file)" in refused
    assert "v0002 was not made live" in refused
    assert Versions(worse.folder / "home/index").live() == "v0001"
    done = worse.run("promote", "v0002", "--force").stdout
    assert "Warning: v0002 is live without having passed the gate." in done
    assert "v0002 is live already" in worse.run("promote", "v0002").stdout


def test_an_update_while_promotion_is_paused_says_so(terminal: Terminal) -> None:
    _set_up(terminal)
    terminal.run("update")
    terminal.write("new", "# New\n\nSomething new.")
    terminal.run("update", "--sweep")
    terminal.run("rollback")
    terminal.write("newer", "# Newer\n\nNewer still.")
    assert "paused by a rollback" in terminal.run("update", "--sweep", expect=3).stdout
    assert terminal.json("list")["paused"]
    assert terminal.json("resume")["was_paused"]
    told = terminal.run("update").stdout
    assert "The sources are as in version v0003 (live)" in told, "what waited goes live, though no source is due"
    assert "Nothing is due" in terminal.run("update").stdout


def test_every_change_leaves_a_row_in_the_audit(terminal: Terminal) -> None:
    _set_up(terminal)
    terminal.run("update")
    terminal.run("rollback", expect=1)
    terminal.run("promote", "v0001")
    terminal.run("--no-audit", "prune")
    terminal.run("prune")
    store = Store(open_database(f"sqlite:///{terminal.folder}/home/state.db"), utc_now)
    rows = audit_rows(store)
    store.engine.dispose()
    assert [(row.what, row.result) for row in reversed(rows)] == [
        ("index update", "done"),
        ("index promote", "done"),
        ("index prune", "done"),
    ]
    assert all(row.who.startswith("cli/") for row in rows)
    assert rows[-1].detail == "v0001: live"


def test_a_rollback_works_though_the_state_database_is_broken(terminal: Terminal) -> None:
    terminal.run("build", "--docs", "docs")
    terminal.write("new", "# New\n\nSomething new.")
    terminal.run("build", "--docs", "docs")
    for path in (terminal.folder / "home").glob("state.db*"):
        path.write_bytes(b"no database at all, and long enough to be looked at" * 40)
    result = terminal.run("rollback")
    assert "v0001 is live again" in result.stdout
    assert "no audit row is kept" in result.stderr


def test_a_second_update_at_once_is_told_who_runs_the_first(terminal: Terminal) -> None:
    _set_up(terminal)
    with building(terminal.folder / "home/index", utc_now, "update"):
        told = terminal.run("update", expect=1).stderr
    assert f"another update of this index is running (process {os.getpid()} on " in told


@pytest.mark.slow
def test_a_rollback_takes_less_than_a_second_and_loads_no_model(terminal: Terminal) -> None:
    terminal.run("build", "--docs", "docs")
    terminal.write("new", "# New\n\nSomething new.")
    terminal.run("build", "--docs", "docs")
    code = (
        "import sys, time; begun = time.process_time()\n"
        "from assistant.entrypoints.cli import cli\n"
        "cli(['index', 'rollback'], standalone_mode=False)\n"
        "heavy = {'torch', 'faiss', 'sentence_transformers', 'onnxruntime'} & sys.modules.keys()\n"
        "assert not heavy, heavy\n"
        "spent = time.process_time() - begun\n"
        "assert spent < 1.0, spent\n"
    )
    environment = {**os.environ, "ASSISTANT_HOME": str(terminal.folder / "home"), "ASSISTANT_EMBEDDER": "packaged"}
    environment["PYTHONPATH"] = str(Path(__file__).parents[2])
    done = subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-c", code], cwd=terminal.folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "v0001 is live again" in done.stdout


@pytest.mark.model
@pytest.mark.slow
def test_another_embedding_model_goes_live_through_the_gate_and_the_one_before_can_be_rolled_back_to(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    _set_up(terminal)
    _many(terminal)
    terminal.run("update")
    monkeypatch.setitem(terminal.environment, "ASSISTANT_EMBEDDER", "packaged")
    done = terminal.json("update", "--sweep")
    assert (done["state"], done["version"], done["chunks_reused"], done["gate"]["against"]) == (
        "live",
        "v0002",
        0,
        "v0001",
    )
    assert "hashing" in terminal.json("show", "v0001")["embedder"]
    assert "hashing" not in terminal.json("show", "v0002")["embedder"]
    terminal.run("rollback")
    assert Versions(terminal.folder / "home/index").live() == "v0001"
