from __future__ import annotations

import sqlite3
import subprocess
import sys
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from assistant.core.model import Question, ThreadRef
from assistant.errors import NotConfigured, Rejected, TemporarilyUnavailable
from assistant.store import Arrival, Store, audited, open_database
from assistant.store.audit import audit, audit_rows
from assistant.store.database import MIGRATIONS, SCHEMA, check, reading
from assistant.store.records import AuditRow
from assistant.store.standing import given_answers
from assistant.store.tables import answer_chunks, metadata, texts, work
from tests.fakes.running_home import Clock, RunningHome, decide

if TYPE_CHECKING:
    from collections.abc import Iterator

SECRETLY = "zebra-crossing"
FAKES = Path(__file__).parents[1] / "fakes"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    engine = open_database(f"sqlite:///{tmp_path}/state.db")
    yield Store(engine, Clock())
    engine.dispose()


def arrival(text: str = "why?") -> Arrival:
    return Arrival(ThreadRef("test", "C1", "t1", "https://chat.example/t1"), "m1", "ada", text, masked=("jwt",))


def given_question(text: str) -> Question:
    return Question("q1", text, ThreadRef("test", "C1", "t1"), "ada", Clock().moment)


def test_the_migrations_lead_to_the_tables_of_the_code(store: Store) -> None:
    with store.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_the_newest_migration_is_the_one_that_opening_looks_for() -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    assert ScriptDirectory.from_config(config).get_heads() == [SCHEMA]


def test_every_commit_is_on_the_disk_before_it_is_acknowledged(store: Store) -> None:
    with reading(store.engine) as tx:
        pragmas = {name: tx.exec_driver_sql(f"PRAGMA {name}").scalar() for name in ("journal_mode", "synchronous")}
        assert pragmas == {"journal_mode": "wal", "synchronous": 2}
        assert tx.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
        assert tx.exec_driver_sql("PRAGMA busy_timeout").scalar() == 30_000
        assert tx.exec_driver_sql("PRAGMA secure_delete").scalar() == 1


def test_processes_that_open_a_fresh_database_at_once_all_succeed(tmp_path: Path) -> None:
    code = f"from assistant.store import open_database; open_database('sqlite:///{tmp_path}/new/state.db')"
    started = [subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE) for _ in range(4)]  # noqa: S603 - our own interpreter
    ends = [(one.communicate()[1].decode(), one.returncode) for one in started]
    assert ends == [("", 0)] * 4


def test_a_database_that_is_up_to_date_opens_quickly_and_without_alembic(tmp_path: Path) -> None:
    open_database(f"sqlite:///{tmp_path}/state.db").dispose()
    code = (
        "import sys, assistant.store as s\n"
        f"s.open_database('sqlite:///{tmp_path}/state.db')\n"
        "sys.exit('alembic' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0  # noqa: S603 - our own interpreter
    begun = time.perf_counter()
    open_database(f"sqlite:///{tmp_path}/state.db").dispose()
    assert time.perf_counter() - begun < 0.3


def test_a_database_of_a_newer_release_is_refused_and_left_alone(tmp_path: Path) -> None:
    open_database(f"sqlite:///{tmp_path}/state.db").dispose()
    with sqlite3.connect(tmp_path / "state.db") as raw:
        raw.execute("UPDATE alembic_version SET version_num = '9999'")
    raw.close()
    with pytest.raises(NotConfigured, match="newer release"):
        open_database(f"sqlite:///{tmp_path}/state.db")


def test_a_database_of_the_first_schema_is_brought_forward_and_its_rows_in_flight_finish(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "state.db") as raw:
        raw.executescript((FAKES / "state-0001.sql").read_text("utf-8"))
    raw.close()
    home = RunningHome(tmp_path)
    home.clock.forward(600)
    home.run_for(300)
    with home.store.reading() as tx:
        assert tx.exec_driver_sql("SELECT version_num FROM alembic_version").scalar() == SCHEMA
        assert set(tx.scalars(select(work.c.state).where(work.c.kind != "needs_detail_timeout"))) == {"done"}
        stood_on = tx.execute(select(answer_chunks.c.document, answer_chunks.c.cited, answer_chunks.c.text_hash)).all()
        given = list(given_answers(tx, home.clock() - timedelta(days=1)))
    chunk = decide(given_question("register a runner")).retrieval.passages[0].chunk
    assert set(stood_on) == {(chunk.document, True, chunk.text_hash.hex())}
    assert len(given) == 3, "two of before, one that was still to be answered"
    assert len(home.tracker.opened) == 1, "the issue that was being opened when the process ended"
    assert [row.result for row in audit_rows(home.store)] == []
    home.close()


def test_an_admin_command_is_stored_before_it_begins_and_at_its_end(store: Store) -> None:
    with audited(store, "cli/root", "index promote", ["v0002"]) as entry:
        [running] = audit_rows(store)
        entry.detail = "v0002 is live."
    assert (running.result, running.ended_at) == ("started", None)
    [done] = audit_rows(store)
    assert done == AuditRow(
        1, Clock().moment, Clock().moment, "cli/root", "index promote", ("v0002",), "done", "v0002 is live."
    )


def test_a_command_that_breaks_is_stored_with_its_reason(store: Store) -> None:
    with pytest.raises(NotConfigured), audited(store, "cli/root", "index build"):
        raise NotConfigured("no sources: give --docs DIR\nmore")
    [row] = audit_rows(store)
    assert (row.result, row.detail) == ("failed", "no sources: give --docs DIR")


def test_a_refused_command_is_stored_with_who_asked(store: Store) -> None:
    audit(store, "slack/U2", "index rollback", "refused", "not an admin")
    [row] = audit_rows(store)
    assert (row.who, row.what, row.result, row.detail) == ("slack/U2", "index rollback", "refused", "not an admin")
    store.purge_before(Clock().moment + timedelta(days=1))
    assert audit_rows(store) == ()


@pytest.mark.parametrize("url", ["", "nonsense", "mysql://localhost/x"])
def test_a_wrong_database_url_is_named_in_one_line(url: str) -> None:
    with pytest.raises(NotConfigured, match="ASSISTANT_DATABASE_URL"):
        open_database(url)


def test_a_folder_that_cannot_be_made_is_named_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(NotConfigured, match="cannot be made"):
        open_database(f"sqlite:///{tmp_path}/file/home/state.db")


def test_a_file_that_is_no_database_is_refused_and_not_replaced(tmp_path: Path) -> None:
    file = tmp_path / "state.db"
    file.write_bytes(b"these are not pages" * 500)
    with pytest.raises(NotConfigured, match="restore the last backup"):
        open_database(f"sqlite:///{file}")
    assert file.read_bytes().startswith(b"these are not pages")


def test_a_damaged_page_is_found_before_work_begins(tmp_path: Path) -> None:
    file = tmp_path / "state.db"
    engine = open_database(f"sqlite:///{file}")
    store = Store(engine, Clock())
    with store.writing() as tx:
        store.add_question(tx, arrival(), "q1")
    with engine.connect().execution_options(reads_only=True) as connection:
        connection.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").close()
    engine.dispose()
    pages = bytearray(file.read_bytes())
    pages[2 * 4096 : 3 * 4096] = b"\xa5" * 4096
    file.write_bytes(pages)
    engine = open_database(f"sqlite:///{file}")
    with pytest.raises(NotConfigured, match="damaged"):
        check(engine)
    engine.dispose()


def test_a_question_comes_back_as_it_was_stored(store: Store) -> None:
    with store.writing() as tx:
        store.add_question(tx, arrival("warum geht das nicht? 为什么"), "q1")
    with store.reading() as tx:
        record = store.question(tx, "q1")
    assert record.question.text == "warum geht das nicht? 为什么"
    assert record.question.thread == ThreadRef("test", "C1", "t1", "https://chat.example/t1")
    assert record.question.asked_at == Clock().moment
    assert (record.question.masked, record.state, record.awaiting) == (("jwt",), "asked", "")


def test_a_decision_comes_back_as_it_was_taken(store: Store) -> None:
    with store.writing() as tx:
        store.add_question(tx, arrival(), "q1")
        decision = decide(store.question(tx, "q1").question)
        store.add_answer(tx, "q1", decision)
        assert store.latest_decision(tx, "q1") == decision


def test_an_unknown_question_is_refused_by_its_id(store: Store) -> None:
    with pytest.raises(Rejected, match="no question q9"):
        store.progress("q9")


def test_two_changes_from_the_same_state_cannot_both_stand(store: Store) -> None:
    with store.writing() as tx:
        store.add_question(tx, arrival(), "q1")
        seen = store.question(tx, "q1")
        store.move(tx, seen, "answered")
        with pytest.raises(Rejected, match="changed by somebody else"):
            store.move(tx, seen, "declined")


def test_a_move_outside_the_life_of_a_question_is_refused(store: Store) -> None:
    with store.writing() as tx:
        store.add_question(tx, arrival(), "q1")
        with pytest.raises(Rejected, match="cannot become solved"):
            store.move(tx, store.question(tx, "q1"), "solved")


def test_naive_moments_are_refused() -> None:
    with pytest.raises(ValueError, match="naive"):
        texts.c.created_at.type.process_bind_param(datetime(2026, 1, 1), None)  # noqa: DTZ001 - the wrong value under test


def test_a_locked_database_is_an_outage_not_a_crash(store: Store, tmp_path: Path) -> None:
    with store.reading() as tx:
        tx.exec_driver_sql("PRAGMA busy_timeout=50")
    other = sqlite3.connect(tmp_path / "state.db", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(TemporarilyUnavailable, match="locked"), store.writing():
        pass
    other.close()


def test_an_error_never_carries_what_a_person_wrote(store: Store) -> None:
    with store.writing() as tx:
        store.add_question(tx, arrival(SECRETLY), "q1")
        with pytest.raises(IntegrityError, match="UNIQUE") as caught:
            store.add_question(tx, arrival(SECRETLY), "q1")
    assert SECRETLY not in str(caught.value)


def test_forget_me_leaves_no_byte_of_what_a_person_wrote_in_the_files(tmp_path: Path) -> None:
    home = RunningHome(tmp_path)
    home.ask(f"unknown {SECRETLY}", message_id="m1")
    home.ask("register a runner", message_id="m2", asker="grace")
    home.run()
    stored = [*tmp_path.glob("state.db*")]
    assert any(SECRETLY.encode() in file.read_bytes() for file in stored)
    assert home.store.forget("test", "ada") == 4, "question, decision and two messages"
    assert home.store.forget("test", "ada") == 0
    assert not any(SECRETLY.encode() in file.read_bytes() for file in stored)
    with home.store.reading() as tx:
        assert {kind for (kind,) in tx.execute(select(texts.c.kind))} == {"question", "decision", "message"}
    home.close()


def test_retention_deletes_old_texts_and_keeps_the_figures(tmp_path: Path) -> None:
    home = RunningHome(tmp_path)
    old = home.ask("register a runner", message_id="m1")
    home.run()
    home.clock.forward(timedelta(days=91).total_seconds())
    new = home.ask("register again", message_id="m2")
    home.run()
    home.store.purge_before(home.clock() - timedelta(days=90))
    assert home.look(old).record.forgotten
    assert home.look(old).record.state == "answered"
    assert not home.look(new).record.forgotten
    with home.store.reading() as tx:
        assert set(tx.scalars(select(work.c.subject))) == {new}
    home.close()


def test_waiting_for_an_outcome_ends_when_another_process_has_done_the_work(tmp_path: Path) -> None:
    home = RunningHome(tmp_path)
    question = home.ask("register a runner")
    unsettled = home.store.wait_for_outcome(question, 0.1)
    assert not unsettled.settled
    home.run()
    settled = home.store.wait_for_outcome(question, 5)
    assert settled.settled
    assert settled.decision is not None
    home.close()
