"""A backup is whole or not there; a restore touches nothing before all of it was looked at."""

from __future__ import annotations

import io
import json
import resource
import shutil
import sqlite3
import stat
import tarfile
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from threading import Event, Thread
from typing import TYPE_CHECKING

import pytest
from filelock import FileLock

from assistant.adapters.console import ConsoleChat
from assistant.archive import MANIFEST, Contents, facts_of, write_archive
from assistant.backup import Place, back_up
from assistant.core.model import Message, ThreadRef
from assistant.errors import NotConfigured, Rejected, TemporarilyUnavailable
from assistant.restoring import restore
from indexing.errors import DamagedIndex
from indexing.versions import Versions
from indexing.withdrawn import Withdrawn
from tests.fakes.memory_source import page
from tests.fakes.running_home import Clock, RunningHome
from tests.fakes.written_versions import publish

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FAKES = Path(__file__).parents[1] / "fakes"
THREAD = ThreadRef("console", "chat", "t1")
RUNNER = page("runner", "# Runner\n\nRegister a runner with `gitlab-runner register`.")


class Desk:
    """A home on the disk, and what is done with it."""

    def __init__(self, folder: Path) -> None:
        self.home = folder / "home"
        self.file = folder / "backup.tar"
        self.clock = Clock()
        self.running = RunningHome(self.home, self.clock)
        (self.home / "secret.key").write_bytes(b"k" * 32)
        self.console = ConsoleChat(self.home / "console.db")
        self.console.post(THREAD, Message("notice", "hello"), "m1")
        self.versions = Versions(self.home / "index")
        self.versions.promote(publish(self.versions, [RUNNER]))
        self.place = Place(self.home, f"sqlite:///{self.home}/state.db", self.clock)

    def close(self) -> None:
        self.running.close()

    def back_up(self, *, with_index: bool = True) -> Contents:
        return back_up(self.place, self.file, with_index=with_index).contents

    def restore(self, *, force: bool = True) -> Path | None:
        self.close()
        return restore(self.file, self.place, force=force, wait_s=75.0).kept

    def lose(self) -> None:
        self.close()
        shutil.rmtree(self.home)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path)
    yield made
    made.close()


def names_beside(home: Path) -> set[str]:
    return {path.name for path in home.parent.iterdir()}


def test_a_lost_home_comes_back_whole(desk: Desk) -> None:
    question = desk.running.ask("register a runner")
    desk.running.run()
    Withdrawn(desk.home / "index").add(["issue:9"])
    held = desk.back_up()
    desk.lose()
    assert desk.restore(force=False) is None
    again = RunningHome(desk.home, desk.clock)
    assert again.state(question) == "answered"
    again.close()
    assert [shown.message.text for shown in ConsoleChat(desk.home / "console.db").read(THREAD)] == ["hello"]
    assert (desk.home / "secret.key").read_bytes() == b"k" * 32
    assert desk.versions.live() == held.index_version == "v0001"
    assert desk.versions.open_live().withdrawn == {"issue:9"}
    desk.versions.verify("v0001")
    assert names_beside(desk.home) == {"home", "backup.tar"}


def test_how_careful_the_assistant_is_comes_back(desk: Desk) -> None:
    (desk.home / "calibration.json").write_text('{"format": 1}', "utf-8")
    desk.back_up()
    desk.lose()
    desk.restore()
    assert (desk.home / "calibration.json").read_text("utf-8") == '{"format": 1}'


def test_versions_go_on_after_a_restore(desk: Desk) -> None:
    desk.back_up()
    desk.lose()
    desk.restore(force=False)
    for text in ("one", "two", "three"):
        desk.versions.promote(publish(desk.versions, [page("runner", text)]))
    assert desk.versions.prune(2) != ()
    assert desk.versions.rollback() == "v0003"


def test_only_its_owner_may_read_a_backup_and_what_it_is_restored_to(desk: Desk) -> None:
    desk.back_up()
    assert stat.S_IMODE(desk.file.stat().st_mode) == 0o600
    desk.lose()
    desk.restore(force=False)
    modes = {stat.S_IMODE(path.stat().st_mode) for path in [desk.home, *desk.home.rglob("*")]}
    assert all(mode & 0o077 == 0 for mode in modes)


def test_a_backup_taken_while_others_write_is_whole(desk: Desk) -> None:
    stop, written = Event(), []

    def write() -> None:
        while not stop.is_set():
            written.append(desk.running.ask(f"register {len(written)}", message_id=f"m{len(written)}"))

    writer = Thread(target=write)
    writer.start()
    try:
        for _ in range(4):
            while len(written) < 3:
                assert writer.is_alive()
            desk.back_up()
            with closing(sqlite3.connect(unpacked(desk) / "state.db")) as state:
                assert state.execute("PRAGMA integrity_check").fetchone() == ("ok",)
                [(questions,)] = state.execute("SELECT count(*) FROM questions")
                [(rows,)] = state.execute("SELECT count(*) FROM work")
                assert questions == rows > 0, "a question and its row are never apart"
    finally:
        stop.set()
        writer.join()


def unpacked(desk: Desk) -> Path:
    """Return a copy of what the backup holds, for looking at it."""
    folder = desk.file.parent / "looked-at"
    shutil.rmtree(folder, ignore_errors=True)
    with tarfile.open(desk.file) as archive:
        archive.extractall(folder, filter="data")
    return folder


def test_what_only_the_write_ahead_log_holds_is_in_the_backup(desk: Desk) -> None:
    with closing(sqlite3.connect(desk.home / "state.db")) as reader:
        reader.execute("BEGIN").close()
        reader.execute("SELECT * FROM questions").fetchall()  # holds the log: nothing reaches the main file
        desk.running.ask("register a runner")
        desk.back_up()
    with closing(sqlite3.connect(unpacked(desk) / "state.db")) as state:
        assert state.execute("SELECT count(*) FROM questions").fetchone() == (1,)


def test_without_the_index_the_rest_is_there(desk: Desk) -> None:
    contents = desk.back_up(with_index=False)
    assert contents.index_version == ""
    assert not any(name.startswith("index/versions") for name in contents.files)
    desk.lose()
    desk.restore(force=False)
    assert desk.versions.live() is None


def test_a_damaged_live_version_is_told_and_nothing_is_written(desk: Desk) -> None:
    catalog = desk.home / "index" / "versions" / "v0001" / "catalog.sqlite"
    catalog.chmod(0o600)
    catalog.write_bytes(catalog.read_bytes()[:-100])
    with pytest.raises(DamagedIndex, match="--no-index"):
        desk.back_up()
    assert not desk.file.exists()
    assert not list(desk.home.glob("backup-*"))


def test_a_damaged_state_is_told_and_nothing_is_written(desk: Desk) -> None:
    desk.running.ask("register a runner")
    desk.close()
    with closing(sqlite3.connect(desk.home / "state.db")) as state:
        state.execute("PRAGMA wal_checkpoint(TRUNCATE)").close()
    pages = bytearray((desk.home / "state.db").read_bytes())
    pages[3 * 4096 : 9 * 4096] = b"\xa5" * 6 * 4096
    (desk.home / "state.db").write_bytes(pages)
    with pytest.raises((Rejected, NotConfigured), match=r"damaged|cannot be backed up"):
        desk.back_up()
    assert names_beside(desk.home) == {"home"}


def test_two_backups_at_once_are_refused_with_a_clear_word(desk: Desk) -> None:
    with FileLock(desk.home / "backup.lock"), pytest.raises(TemporarilyUnavailable, match="another backup"):
        desk.back_up()


def test_what_a_killed_backup_left_is_cleared_by_the_next(desk: Desk) -> None:
    (desk.home / "backup-dead.tmp").mkdir()
    (desk.home / "backup-dead.tmp" / "state.db").write_text("half")
    desk.back_up()
    assert not list(desk.home.glob("backup-*.tmp"))


@pytest.mark.parametrize("target", ["", "missing/backup.tar"])
def test_a_target_that_cannot_be_is_named(desk: Desk, tmp_path: Path, target: str) -> None:
    with pytest.raises(Rejected, match="cannot be written"):
        back_up(desk.place, tmp_path / target)


@pytest.mark.parametrize("room", [60_000, 200_000])
def test_a_full_disk_leaves_no_half_backup(desk: Desk, room: int) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, before[1]))
    try:
        with pytest.raises((OSError, TemporarilyUnavailable), match=r"."):
            desk.back_up()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert names_beside(desk.home) == {"home"}
    assert not list(desk.home.glob("backup-*.tmp"))
    desk.back_up()


def test_state_in_postgresql_is_refused_with_what_to_do_instead(desk: Desk) -> None:
    elsewhere = Place(desk.home, "postgresql://db/assistant", desk.clock)
    with pytest.raises(Rejected, match="pg_dump"):
        back_up(elsewhere, desk.file)
    desk.back_up()
    with pytest.raises(Rejected, match="pg_restore"):
        restore(desk.file, elsewhere)


# --- restore


def test_a_home_that_is_there_is_not_touched_without_force(desk: Desk) -> None:
    desk.back_up()
    desk.running.ask("register a runner")
    with pytest.raises(Rejected, match="--force"):
        desk.restore(force=False)
    assert names_beside(desk.home) == {"home", "backup.tar"}


def test_with_force_the_old_home_is_kept_aside(desk: Desk) -> None:
    desk.back_up()
    later = desk.running.ask("register a runner")
    kept = desk.restore()
    assert kept is not None
    old = RunningHome(kept, desk.clock)
    assert old.state(later) == "asked"
    old.close()
    new = RunningHome(desk.home, desk.clock)
    with pytest.raises(Rejected, match="no question"):
        new.look(later)
    new.close()


@pytest.mark.parametrize("lock", ["worker.lock", "index/build.lock"])
def test_a_home_in_use_is_not_replaced(desk: Desk, lock: str) -> None:
    desk.back_up()
    with FileLock(desk.home / lock), pytest.raises(TemporarilyUnavailable, match="stop it first"):
        desk.restore()
    assert names_beside(desk.home) == {"home", "backup.tar"}


def test_every_row_in_flight_is_in_doubt_and_waits_for_what_was_sent_last(desk: Desk) -> None:
    desk.running.ask("unknown error 77")
    desk.running.worker.run_once()
    assert desk.running.work.claim({"open_issue": 300.0}) is not None
    desk.back_up()
    desk.restore()
    again = RunningHome(desk.home, desk.clock)
    kinds = {"post": 60.0, "open_issue": 60.0, "ask": 60.0}
    assert again.work.claim(kinds) is None
    desk.clock.forward(76)
    jobs = [again.work.claim(kinds), again.work.claim(kinds)]
    assert {job.kind: job.look_first for job in jobs if job} == {"open_issue": True, "post": True}
    again.close()


def test_an_asker_who_says_wrong_again_after_a_restore_gets_no_second_issue(desk: Desk) -> None:
    question = desk.running.ask("register a runner")
    desk.running.run()
    desk.back_up()
    desk.clock.forward(3600)
    desk.running.asking.feedback(question, "wrong")
    desk.running.run()
    chat, tracker = desk.running.chat, desk.running.tracker
    assert chat.kinds("register") == ["answered", "abstained", "issue_opened"]
    desk.restore()
    again = RunningHome(desk.home, desk.clock, chat, tracker)
    assert again.state(question) == "answered", "the word was lost with the time"
    again.asking.feedback(question, "wrong")
    again.run_for(300)
    assert len(tracker.opened) == 1
    assert chat.kinds("register") == ["answered", "abstained", "issue_opened"]
    fresh = again.ask("unknown error 78")
    again.run_for(100)
    assert again.state(fresh) == "escalated", "new questions are not in doubt"
    again.close()


def test_what_was_withdrawn_since_the_backup_stays_withdrawn(desk: Desk) -> None:
    desk.back_up()
    Withdrawn(desk.home / "index").add(["issue:9"])
    desk.restore()
    assert desk.versions.open_live().withdrawn == {"issue:9"}


def test_what_a_terminal_has_shown_since_the_backup_stays_shown(desk: Desk) -> None:
    desk.back_up()
    desk.console.post(THREAD, Message("notice", "later"), "m2")
    desk.restore()
    again = ConsoleChat(desk.home / "console.db")
    assert [shown.message.text for shown in again.read(THREAD)] == ["hello", "later"]


def test_a_backup_of_an_earlier_schema_is_brought_forward(desk: Desk, tmp_path: Path) -> None:
    old = tmp_path / "old"
    old.mkdir()
    with closing(sqlite3.connect(old / "state.db")) as state:
        state.executescript((FAKES / "state-0001.sql").read_text("utf-8"))
    write_archive(desk.file, old, Contents("2026-11-21T09:00:00+00:00", "0.1.0", "0001", "", facts_of(old)))
    desk.restore()
    again = RunningHome(desk.home, desk.clock)
    desk.clock.forward(76)
    again.run()
    assert len(again.tracker.opened) == 1
    again.close()


def test_a_backup_of_a_newer_release_is_refused(desk: Desk) -> None:
    def newer(manifest: dict[str, object]) -> None:
        manifest["schema"] = "9999"

    desk.back_up()
    rewrite(desk.file, manifest=newer)
    refused(desk, NotConfigured, "newer release")


# --- files that are no backup


def members(file: Path) -> list[tuple[tarfile.TarInfo, bytes]]:
    with tarfile.open(file) as archive:
        return [(one, stream.read() if (stream := archive.extractfile(one)) else b"") for one in archive]


def rewrite(
    file: Path,
    manifest: Callable[[dict[str, object]], None] = lambda _: None,
    change: Callable[[list[tuple[tarfile.TarInfo, bytes]]], None] = lambda _: None,
) -> None:
    """Write the archive anew with a changed manifest and changed members."""
    found = members(file)
    content = json.loads(found[0][1])
    manifest(content)
    found[0] = (found[0][0], json.dumps(content).encode())
    change(found)
    with tarfile.open(file, "w") as archive:
        for info, data in found:
            info.size = len(data) if info.isreg() else 0
            archive.addfile(info, io.BytesIO(data))


def refused(desk: Desk, kind: type[Exception], match: str) -> None:
    """Restore over the home, and see that it is refused and leaves everything as it was."""
    desk.close()
    before = {path: path.stat().st_mtime_ns for path in desk.home.rglob("*") if path.name.endswith(".db")}
    with pytest.raises(kind, match=match):
        restore(desk.file, desk.place, force=True)
    assert {path: path.stat().st_mtime_ns for path in before} == before
    beside = names_beside(desk.home)
    assert {name for name in beside if name not in {"home", "backup.tar"}} == set(), beside


def named(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, link
    return info


@pytest.mark.parametrize(
    "name", ["../evil", "/etc/evil", "index/../../evil", "home/../state.db", "state.db\n", "x", ""]
)
def test_a_path_that_leads_elsewhere_is_refused(desk: Desk, name: str) -> None:
    desk.back_up()

    def also(manifest: dict[str, object]) -> None:
        manifest["files"][name] = {"sha256": "0" * 64, "size": 1}  # type: ignore[index]

    rewrite(desk.file, also, lambda found: found.append((named(name), b"x")))
    refused(desk, Rejected, "is no backup of this assistant, or is damaged")


@pytest.mark.parametrize(
    "extra",
    [
        named("state.db", tarfile.SYMTYPE, "/etc/passwd"),
        named("secret.key", tarfile.LNKTYPE, "state.db"),
        named("console.db", tarfile.FIFOTYPE),
        named("index", tarfile.DIRTYPE),
        named("../../evil"),
        named("state.db"),
    ],
)
def test_links_devices_folders_and_files_told_twice_are_refused(desk: Desk, extra: tarfile.TarInfo) -> None:
    desk.back_up()
    rewrite(desk.file, change=lambda found: found.insert(1, (extra, b"")))
    refused(desk, Rejected, "is no backup of this assistant, or is damaged")


def test_a_file_too_few_is_named(desk: Desk) -> None:
    desk.back_up()
    rewrite(
        desk.file, change=lambda found: found.pop(next(n for n, one in enumerate(found) if one[0].name == "secret.key"))
    )
    refused(desk, Rejected, "secret.key is missing")


def test_a_changed_byte_is_found_wherever_it_is(desk: Desk) -> None:
    desk.back_up()
    whole = desk.file.read_bytes()
    with tarfile.open(desk.file) as archive:
        places = [member.offset_data + member.size // 2 for member in archive if member.size]
    desk.close()
    for place in places:
        damaged = bytearray(whole)
        damaged[place] ^= 0x10
        desk.file.write_bytes(damaged)
        refused(desk, Rejected, "is no backup of this assistant, or is damaged")


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9])
def test_a_file_cut_short_is_refused(desk: Desk, share: float) -> None:
    desk.back_up()
    whole = desk.file.read_bytes()
    desk.file.write_bytes(whole[: int(len(whole) * share)])
    refused(desk, Rejected, "is no backup of this assistant, or is damaged")


@pytest.mark.parametrize("content", [b"", b"not a tar" * 500, b"\x1f\x8b\x08" + b"\0" * 600, b"SQLite format 3\0" * 99])
def test_another_file_is_refused(desk: Desk, content: bytes) -> None:
    desk.file.write_bytes(content)
    refused(desk, Rejected, "is no backup of this assistant, or is damaged")


@pytest.mark.parametrize("manifest", [b"[]", b"{}", b'{"format": 2}', b'{"format": 1, "files": []}', b"\xff", b"null"])
def test_a_malformed_manifest_is_refused(desk: Desk, manifest: bytes) -> None:
    with tarfile.open(desk.file, "w") as archive:
        info = named(MANIFEST)
        info.size = len(manifest)
        archive.addfile(info, io.BytesIO(manifest))
    refused(desk, Rejected, "is no backup of this assistant, or is damaged")


def test_a_version_that_was_changed_before_it_was_packed_is_refused(desk: Desk) -> None:
    desk.back_up()
    folder = unpacked(desk)
    manifest = json.loads((folder / MANIFEST).read_text())
    (folder / MANIFEST).unlink()
    catalog = folder / "index" / "versions" / "v0001" / "catalog.sqlite"
    catalog.write_bytes(catalog.read_bytes() + b"x")
    told = {key: manifest[key] for key in ("made_at", "program", "schema", "index_version")}
    write_archive(desk.file, folder, Contents(**told, files=facts_of(folder)))
    shutil.rmtree(folder)
    refused(desk, Rejected, "the index in .* is damaged")


def test_a_backup_without_a_state_is_refused(desk: Desk) -> None:
    empty = desk.file.parent / "empty"
    empty.mkdir()
    write_archive(desk.file, empty, Contents("", "", "", "", {}))
    empty.rmdir()
    refused(desk, Rejected, "holds no state")


def test_time_of_the_rows_that_wait_longer_stays(desk: Desk) -> None:
    desk.running.ask("vague trouble")
    desk.running.run()
    desk.back_up()
    desk.restore()
    again = RunningHome(desk.home, desk.clock)
    desk.clock.forward(timedelta(minutes=29).total_seconds())
    again.run()
    assert again.tracker.opened == []
    desk.clock.forward(timedelta(minutes=2).total_seconds())
    again.run()
    assert len(again.tracker.opened) == 1
    again.close()
