"""`assistant index update` and its kin as an admin runs them: two folders that are followed, and golden questions."""

from __future__ import annotations

import getpass
import json
import shutil
import signal
import time
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from assistant import wiring
from assistant.entrypoints.cli import cli
from assistant.settings import load
from assistant.store.audit import audit_rows
from indexing.versions import Versions, utc_now
from tests.fakes.terminal import Terminal

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from assistant.store.records import AuditRow

TOPICS = ("runner", "registry", "cache", "network", "disk", "login", "backup", "mail")
CONFIGURED = """
golden = "golden.jsonl"
[[source]]
type = "folder"
path = "handbook"
name = "handbook"
[[source]]
type = "folder"
path = "wiki"
name = "wiki"
"""


def text_about(topic: str) -> str:
    return f"# About the {topic}\n\nThe {topic} needs one setting. Set `{topic}_limit` to 4 and restart the {topic}.\n"


@pytest.fixture
def terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """A home with one live version of 16 pages."""
    monkeypatch.chdir(tmp_path)
    terminal = Terminal(tmp_path)
    for topic in TOPICS:
        terminal.write(topic, text_about(topic), "handbook")
        terminal.write(topic, text_about(f"{topic} of the wiki"), "wiki")
    (tmp_path / "assistant.toml").write_text(CONFIGURED, encoding="utf-8")
    ask(terminal, *[(f"How do I limit the {topic}?", f"handbook/{topic}.md") for topic in TOPICS])
    assert terminal.json("update")["state"] == "live"
    return terminal


def ask(terminal: Terminal, *questions: tuple[str, str]) -> None:
    """Write the file of golden questions."""
    lines = [json.dumps({"question": question, "gold": [document]}) for question, document in questions]
    (terminal.folder / "golden.jsonl").write_text("\n".join(lines), encoding="utf-8")


def spoil(terminal: Terminal, *topics: str) -> None:
    """Let pages speak of something else: their questions are answered worse."""
    for topic in topics:
        terminal.write(topic, "# Cafeteria\n\nSoup is served at noon, and bread all day.\n", "handbook")


def live(terminal: Terminal) -> str | None:
    return Versions(terminal.folder / "home/index").live()


def audit(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> list[AuditRow]:
    """Return the rows, the oldest first."""
    for name, value in terminal.environment.items():
        monkeypatch.setenv(name, value)
    store = wiring.store(load())
    try:
        return list(reversed(audit_rows(store)))
    finally:
        store.engine.dispose()


# --- the gate


def test_a_worse_version_is_kept_aside_with_a_report_and_the_live_one_still_answers(terminal: Terminal) -> None:
    spoil(terminal, "runner", "registry", "cache")
    told = terminal.run("update", "--sweep", expect=3).stdout
    assert "New version v0002 (kept aside)" in told
    assert "v0002 did not pass the gate, compared with v0001:" in told
    assert "FAIL hit@5 (file)  1 -> 0.625" in told
    assert "rank 1 -> not found: How do I limit the runner?" in told
    assert "assistant index promote v0002 --force" in told
    assert live(terminal) == "v0001"
    assert Versions(terminal.folder / "home/index").open_live().name == "v0001"
    assert "FAIL hit@5 (file)" in terminal.run("show", "v0002").stdout
    [first, second] = terminal.json("list")["versions"]
    assert (first["state"], second["state"]) == ("live", "aside")
    assert second["gate"] == {"passed": False, "failed": ["hit@1 (file)", "hit@5 (file)", "mrr@10 (file)"]}
    assert "did not pass: hit@1 (file)" in terminal.run("list").stdout


def test_the_report_of_the_gate_is_one_object_for_programs(terminal: Terminal) -> None:
    spoil(terminal, "runner", "registry", "cache")
    content = terminal.json("update", "--sweep", expect=3)
    assert (content["state"], content["version"], content["promoted"]) == ("aside", "v0002", False)
    gate = content["gate"]
    assert (gate["passed"], gate["against"], gate["questions"]) == (False, "v0001", {"file": 8})
    failed = {check["name"]: (check["before"], check["after"]) for check in gate["checks"] if not check["passed"]}
    assert failed["hit@1 (file)"] == (1.0, 0.625)
    assert [(one["rank_before"], one["rank_after"]) for one in gate["worse"]] == [(1, None)] * 3
    assert terminal.json("show", "v0002")["gate"] == gate
    assert {one["name"]: one["state"] for one in content["sources"]} == {"handbook": "read", "wiki": "unchanged"}


def test_a_version_that_was_kept_aside_goes_live_when_its_sources_are_mended(terminal: Terminal) -> None:
    spoil(terminal, "runner", "registry", "cache")
    terminal.run("update", "--sweep", expect=3)
    terminal.run("update", "--sweep", expect=3)  # nothing new was written: the same version is judged anew
    for topic in ("runner", "registry", "cache"):
        terminal.write(topic, text_about(topic) + "\nSee also the disk.\n", "handbook")
    content = terminal.json("update", "--sweep")
    assert (content["state"], content["version"], live(terminal)) == ("live", "v0003", "v0003")


def test_force_makes_a_worse_version_live_and_says_so(terminal: Terminal) -> None:
    spoil(terminal, "runner", "registry", "cache")
    terminal.run("update", "--sweep", expect=3)
    refused = terminal.run("promote", "v0002", expect=3)
    assert "v0002 was not made live. To do it all the same: assistant index promote v0002 --force" in refused.stdout
    assert live(terminal) == "v0001"
    forced = terminal.run("promote", "v0002", "--force")
    assert "Warning: v0002 is live without having passed the gate." in forced.stdout
    assert live(terminal) == "v0002"
    assert "v0002 is live already" in terminal.run("promote", "v0002").stdout


def test_force_of_an_update_lets_sources_shrink_but_nothing_be_found_worse(terminal: Terminal) -> None:
    for topic in ("runner", "registry", "cache"):
        (terminal.folder / f"handbook/{topic}.md").unlink()
    content = terminal.json("update", "--force", expect=3)
    checks = {check["name"]: check["passed"] for check in content["gate"]["checks"]}
    assert checks["pages of handbook"]
    assert not checks["hit@5 (file)"]
    assert "handbook/cache.md" in next(c["detail"] for c in content["gate"]["checks"] if c["name"] == "hit@5 (file)")
    ask(terminal, *[(f"How do I limit the {topic}?", f"handbook/{topic}.md") for topic in TOPICS[3:]])
    assert terminal.json("update", "--force")["state"] == "live"


def test_a_malformed_golden_file_is_told_and_lets_nothing_worse_through(terminal: Terminal) -> None:
    (terminal.folder / "golden.jsonl").write_text('{"gold": []}', encoding="utf-8")
    spoil(terminal, *TOPICS)
    told = terminal.run("update", "--sweep", expect=3).stdout
    assert "FAIL golden questions  they cannot be asked: " in told
    assert "golden.jsonl, line 1" in told
    assert live(terminal) == "v0001"


def test_a_damaged_version_never_goes_live(terminal: Terminal) -> None:
    terminal.write("new", "# New\n\nSomething new.", "wiki")
    terminal.run("build", "--no-promote")
    (terminal.folder / "home/index/versions/v0002/catalog.sqlite").write_bytes(b"x")
    assert "catalog.sqlite" in terminal.run("promote", "v0002", expect=3).stderr
    assert "catalog.sqlite" in terminal.run("promote", "v0002", "--force", expect=3).stderr
    assert live(terminal) == "v0001"


# --- a rollback


def test_after_a_rollback_updates_stay_aside_until_promotion_is_resumed(terminal: Terminal) -> None:
    terminal.write("new", "# New\n\nSomething new.", "wiki")
    terminal.run("update", "--sweep")
    assert terminal.json("rollback") == {"version": "v0001", "paused": True}
    terminal.write("newer", "# Newer\n\nNewer still.", "wiki")
    told = terminal.run("update", "--sweep", expect=3).stdout
    assert "Promotion is paused by a rollback" in told
    assert live(terminal) == "v0001"
    again = terminal.json("update", "--sweep", expect=3)
    assert (again["state"], again["version"], again["paused"]) == ("paused", "v0003", True)
    assert terminal.json("resume") == {"was_paused": True}
    assert terminal.json("resume") == {"was_paused": False}
    assert terminal.json("update", "--sweep")["state"] == "live"
    assert live(terminal) == "v0003"


def test_a_version_may_be_promoted_by_hand_while_promotion_is_paused(terminal: Terminal) -> None:
    terminal.write("new", "# New\n\nSomething new.", "wiki")
    terminal.run("update", "--sweep")
    terminal.run("rollback")
    promoted = terminal.run("promote", "v0002")
    assert "Promotion of new versions stays paused" in promoted.stdout
    assert live(terminal) == "v0002"


# --- sources


def test_an_emptied_source_keeps_what_it_had_and_the_others_go_on(terminal: Terminal) -> None:
    shutil.rmtree(terminal.folder / "wiki")
    (terminal.folder / "wiki").mkdir()
    terminal.write("new", "# New\n\nSomething new.", "handbook")
    done = terminal.run("update", "--sweep", expect=3)
    assert "Held back: wiki holds nothing now, and held 8 documents before" in done.stdout
    assert "--force" in done.stdout
    assert "New version v0002 (live): 17 documents" in done.stdout
    assert "Held back: wiki holds nothing now" in terminal.run("sources").stdout
    assert "--force" in terminal.run("build", expect=1).stderr  # a build is strict
    forced = terminal.json("update", "--source", "wiki", "--force")
    assert (forced["state"], forced["documents"], live(terminal)) == ("live", 9, "v0003")


def test_a_source_that_cannot_be_read_is_told_and_the_others_go_on(terminal: Terminal) -> None:
    (terminal.folder / "wiki").rename(terminal.folder / "gone")
    terminal.write("new", "# New\n\nSomething new.", "handbook")
    content = terminal.json("update", "--sweep", expect=3)
    assert {one["name"]: one["state"] for one in content["sources"]} == {"handbook": "read", "wiki": "failed"}
    assert (content["state"], content["documents"]) == ("live", 17)
    listed = {row["name"]: row for row in terminal.json("sources")["sources"]}
    assert "wiki" in listed["wiki"]["last_error"]
    assert listed["wiki"]["documents"] == 8
    (terminal.folder / "gone").rename(terminal.folder / "wiki")
    assert terminal.json("update", "--source", "wiki")["state"] == "unchanged"
    assert "Not read" not in terminal.run("sources").stdout


def test_one_source_alone_is_refreshed_and_the_others_keep_what_they_had(terminal: Terminal) -> None:
    spoil(terminal, "disk")
    terminal.write("new", "# New\n\nSomething new.", "wiki")
    content = terminal.json("update", "--source", "wiki")
    assert {one["name"]: one["state"] for one in content["sources"]} == {"handbook": "kept", "wiki": "read"}
    assert (content["added"], content["changed"], content["documents"]) == (1, 0, 17)


def test_what_was_left_out_is_listed_with_its_reason_and_taken_when_it_is_mended(terminal: Terminal) -> None:
    broken = terminal.write("broken", "", "wiki")
    broken.write_bytes(b"\xff\xfe\x00\xd8# no text")
    content = terminal.json("update", "--source", "wiki")
    assert [one["document"] for one in content["skipped"]] == ["wiki/broken.md"]
    [failure] = next(row for row in terminal.json("sources")["sources"] if row["name"] == "wiki")["failures"]
    assert failure["document"] == "wiki/broken.md"
    assert failure["reason"]
    assert "Left out: wiki/broken.md" in terminal.run("sources").stdout
    broken.write_text("# Mended\n\nNow it can be read.", encoding="utf-8")
    mended = terminal.json("update", "--source", "wiki", "--retry-failed")
    assert (mended["added"], mended["documents"]) == (1, 17)
    assert "Left out" not in terminal.run("sources").stdout


def test_watch_refreshes_what_is_due_and_prints_one_line_a_change(terminal: Terminal) -> None:
    toml = terminal.folder / "assistant.toml"
    toml.write_text(f"refresh_minutes = 0.0001\n{toml.read_text('utf-8')}", encoding="utf-8")
    terminal.write("new", "# New\n\nSomething new.", "wiki")
    time.sleep(0.01)
    lines = [line[10:] for line in terminal.run("watch", "--once").stdout.splitlines()]
    assert lines == ["wiki: 1 added, 0 changed, 0 removed", "v0002 is live: 17 documents, 17 chunks"]
    spoil(terminal, "runner", "registry", "cache")
    assert "v0003 was kept aside: hit@1 (file): " in terminal.run("watch", "--once").stdout


def test_a_damaged_store_of_the_sources_is_set_aside_by_the_next_update_of_its_own(terminal: Terminal) -> None:
    store = terminal.folder / "home/index/sources.sqlite"
    for leftover in store.parent.glob("sources.sqlite-*"):
        leftover.unlink()
    store.write_bytes(b"no database" * 1000)
    assert "sources.sqlite is damaged" in terminal.run("sources", expect=1).stderr
    content = terminal.json("update")
    assert content["state"] == "unchanged"
    assert any("set aside" in note for note in content["notes"])
    assert len(terminal.json("sources")["sources"]) == 2


# --- one at a time, whatever happens


@pytest.mark.slow
def test_of_two_updates_at_once_one_does_the_work_and_one_is_refused(terminal: Terminal) -> None:
    for number in range(300):
        terminal.write(f"new{number}", f"# New {number}\n\nSomething new about {number}.", "wiki")
    both = [terminal.begin("update", "--sweep", "--json") for _ in range(2)]
    ended = [(process.communicate(timeout=120), process.returncode) for process in both]
    assert sorted(code for _, code in ended) == [0, 1], ended
    (said, _), _ = next(one for one in ended if one[1] == 0)
    assert json.loads(said)["documents"] == 316
    assert live(terminal) == "v0002"


@pytest.mark.slow
def test_an_update_that_is_killed_leaves_the_live_version_and_the_next_one_completes(terminal: Terminal) -> None:
    for number in range(1500):
        terminal.write(f"new{number}", text_about(f"thing {number}"), "wiki")
    states = set()
    for delay in (0.5, 0.9, 1.3, 1.7):
        process = terminal.begin("update", "--sweep")
        _wait_for(terminal.folder / "home/index/update.json")
        time.sleep(delay)
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=60)
        states.add(process.returncode)
        opened = Versions(terminal.folder / "home/index").open_live()
        assert (opened.damage, len(opened.catalog)) in {((), 16), ((), 1516)}
    assert -signal.SIGKILL in states
    content = terminal.json("update")  # nothing was due for an hour; but what was cut off is
    assert content["state"] in {"live", "unchanged"}
    assert (content["documents"], live(terminal)) == (1516, content["version"])
    assert terminal.run("verify").exit_code == 0


def test_an_update_that_was_cut_off_before_its_promotion_goes_on_though_nothing_is_due(terminal: Terminal) -> None:
    terminal.write("new", "# New\n\nSomething new.", "wiki")
    terminal.run("build", "--no-promote")
    _leave_as_killed(terminal, utc_now())
    assert terminal.run("watch", "--once").stdout == "Nothing is due.\n"  # by itself: five minutes later
    content = terminal.json("update")
    assert (content["state"], content["version"], live(terminal)) == ("live", "v0002", "v0002")
    assert terminal.json("update")["state"] == "idle"


def test_an_update_that_was_cut_off_goes_on_by_itself_a_little_later(terminal: Terminal) -> None:
    terminal.write("new", "# New\n\nSomething new.", "wiki")
    terminal.run("build", "--no-promote")
    _leave_as_killed(terminal, utc_now() - timedelta(minutes=6))
    assert "v0002 is live" in terminal.run("watch", "--once").stdout
    assert terminal.run("watch", "--once").stdout == "Nothing is due.\n"


def _leave_as_killed(terminal: Terminal, since: datetime) -> None:
    """Write the note of an update that kill -9 leaves behind."""
    note = {"pid": 1, "host": "here", "since": since.isoformat(timespec="seconds")}
    (terminal.folder / "home/index/update.json").write_text(json.dumps(note), encoding="utf-8")


def _wait_for(path: Path) -> None:
    until = time.monotonic() + 30.0
    while not path.exists() and time.monotonic() < until:
        time.sleep(0.01)


# --- who did what


def test_every_command_that_changes_something_leaves_a_row_of_who_and_how_it_ended(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoil(terminal, "runner", "registry", "cache")
    terminal.run("update", "--sweep", expect=3)
    terminal.run("promote", "v0002", expect=3)
    terminal.run("promote", "v0002", "--force")
    terminal.run("rollback")
    terminal.run("resume")
    terminal.run("prune")
    (terminal.folder / "wiki").rename(terminal.folder / "gone")
    terminal.run("build", expect=1)
    rows = audit(terminal, monkeypatch)
    assert {row.who for row in rows} == {f"cli/{getpass.getuser()}"}
    assert [(row.what, row.result) for row in rows] == [
        ("index update", "done"),
        ("index update", "done"),
        ("index promote", "refused"),
        ("index promote", "done"),
        ("index rollback", "done"),
        ("index resume", "done"),
        ("index prune", "done"),
        ("index build", "failed"),
    ]
    assert rows[1].detail.startswith("v0002: aside; hit@1 (file): ")
    assert rows[3].arguments == ("v0002", "--force")
    assert rows[4].detail == "v0001 is live"


def test_a_command_whose_caller_keeps_the_row_leaves_none(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    before = len(audit(terminal, monkeypatch))
    terminal.run("--no-audit", "update", "--sweep")
    assert len(audit(terminal, monkeypatch)) == before


# --- another model


def _embedders(terminal: Terminal) -> dict[str, str]:
    return {row["name"]: row["embedder_name"] for row in terminal.json("list")["versions"]}


@pytest.mark.model
@pytest.mark.slow
def test_another_model_builds_a_version_beside_and_goes_through_the_gate(terminal: Terminal) -> None:
    terminal.environment["ASSISTANT_EMBEDDER"] = "packaged-onnx"
    content = terminal.json("update", "--sweep")
    assert (content["state"], content["version"], content["chunks_reused"]) == ("live", "v0002", 0)
    assert content["gate"]["against"] == "v0001"
    assert content["gate"]["questions"] == {"file": 8}
    assert _embedders(terminal) == {"v0001": "hashing", "v0002": "packaged-onnx"}
    assert terminal.json("rollback")["version"] == "v0001"  # the other model's version is whole and comes back


# --- answers that were given


def test_a_promotion_takes_given_answers_back_and_a_rollback_restores_them(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in terminal.environment.items():
        monkeypatch.setenv(name, value)
    given = CliRunner().invoke(cli, ["ask", "How do I set disk_limit and restart the disk?", "--no-escalate"])
    assert given.exit_code == 0, given.output
    for source in ("handbook", "wiki"):
        terminal.write("disk", "# About the disk\n\nIt is looked after by the platform team now.\n", source)
    terminal.run("build", "--no-promote", expect=None)
    assert terminal.json("recalled")["recalled"] == []
    assert "Answers that stood on what changed: 1" in terminal.run("promote", "v0002", "--force").stdout
    [row] = terminal.json("recalled")["recalled"]
    assert row["recheck"]["state"] == "changed"
    assert "Answers that stood" not in terminal.run("rollback").stdout
    assert terminal.json("recalled")["recalled"] == []


def test_a_golden_file_that_was_mended_is_asked_when_a_person_promotes(terminal: Terminal) -> None:
    (terminal.folder / "handbook/runner.md").rename(terminal.folder / "handbook/runners.md")
    terminal.run("update", "--sweep", expect=3)
    terminal.run("promote", "v0002", expect=3)
    ask(terminal, *[(f"How do I limit the {topic}?", f"handbook/{topic}.md") for topic in TOPICS[1:]])
    assert "v0002 is live." in terminal.run("promote", "v0002").stdout
