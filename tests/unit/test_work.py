from __future__ import annotations

from datetime import timedelta
from threading import Thread
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select, update

from assistant.store.database import open_database, reading, writing
from assistant.store.tables import work
from assistant.work import LeaseLost, Retry, Task, WorkTable
from tests.fakes.running_home import DATABASES, Clock, empty

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sqlalchemy import Engine

LEASE = {"post": 60.0, "open_issue": 60.0}


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=DATABASES)
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    opened = open_database(request.param or f"sqlite:///{tmp_path}/state.db")
    empty(opened)
    yield opened
    opened.dispose()


@pytest.fixture
def table(engine: Engine, clock: Clock) -> WorkTable:
    return WorkTable(engine, clock)


def add(table: WorkTable, key: str, **changed: object) -> bool:
    with writing(table.engine) as tx:
        return table.add(tx, Task(**{"key": key, "kind": "post", "subject": "q1", "payload": {}, **changed}))  # type: ignore[arg-type]


def finish_next(table: WorkTable) -> str:
    job = table.claim(LEASE)
    assert job is not None
    with writing(table.engine) as tx:
        table.finish(tx, job)
    return job.key


def state(table: WorkTable, key: str) -> str | None:
    with reading(table.engine) as tx:
        return tx.scalar(select(work.c.state).where(work.c.key == key))


def test_a_second_row_with_the_same_key_has_no_effect(table: WorkTable) -> None:
    assert add(table, "a", payload={"text": 1})
    assert not add(table, "a", payload={"text": 2})
    job = table.claim(LEASE)
    assert job is not None
    assert job.payload == {"text": 1}
    assert table.claim(LEASE) is None


def test_rows_are_taken_oldest_first_and_only_kinds_that_somebody_works_on(table: WorkTable) -> None:
    for key, kind in (("a", "mirror"), ("b", "post"), ("c", "open_issue")):
        add(table, key, kind=kind)
    assert [finish_next(table), finish_next(table)] == ["b", "c"]
    assert table.claim(LEASE) is None


def test_a_timer_is_not_taken_before_its_time(table: WorkTable, clock: Clock) -> None:
    add(table, "a", due_at=clock() + timedelta(seconds=30))
    clock.forward(29)
    assert table.claim(LEASE) is None
    clock.forward(1)
    assert finish_next(table) == "a"


def test_a_row_due_at_once_is_taken_though_the_clock_was_set_back(table: WorkTable, clock: Clock) -> None:
    add(table, "a")
    clock.forward(-86_400)
    assert finish_next(table) == "a"


def test_messages_of_one_thread_keep_their_order_and_others_do_not_wait_for_them(
    table: WorkTable, clock: Clock
) -> None:
    for key, lane in (("a1", "A"), ("a2", "A"), ("b1", "B")):
        add(table, key, lane=lane)
    first = table.claim(LEASE)
    assert first is not None
    assert first.key == "a1"
    assert finish_next(table) == "b1"
    assert table.claim(LEASE) is None, "a2 comes after a1"
    with writing(table.engine) as tx:
        table.retry(tx, first, Retry(clock() + timedelta(seconds=10), "chat is down"))
    assert table.claim(LEASE) is None, "also while a1 waits"
    clock.forward(10)
    assert [finish_next(table), finish_next(table)] == ["a1", "a2"]


def test_a_dead_letter_does_not_hold_up_the_rest_of_its_thread(table: WorkTable) -> None:
    add(table, "a1", lane="A")
    add(table, "a2", lane="A")
    job = table.claim(LEASE)
    assert job is not None
    with writing(table.engine) as tx:
        table.bury(tx, job, "the thread is gone")
    assert finish_next(table) == "a2"
    [dead] = table.waiting()
    assert (dead.key, dead.state, dead.error) == ("a1", "dead", "the thread is gone")
    assert table.revive(dead.id)
    assert not table.revive(dead.id)
    assert finish_next(table) == "a1"


def test_a_late_worker_cannot_finish_a_row_that_another_one_has_taken(table: WorkTable, clock: Clock) -> None:
    add(table, "a")
    late = table.claim(LEASE)
    assert late is not None
    clock.forward(61)
    [expired] = table.expired(orphaned=False)
    with writing(table.engine) as tx:
        table.retry(tx, expired, Retry(clock(), "the process ended in the middle of it", uncertain=True, failed=True))
    with pytest.raises(LeaseLost), writing(table.engine) as tx:
        table.finish(tx, late)
    second = table.claim(LEASE)
    assert second is not None
    assert (second.fence, second.uncertain, second.look_first, second.failures) == (2, True, True, 1)
    for end in (table.finish, lambda tx, job: table.bury(tx, job, "x")):
        with pytest.raises(LeaseLost), writing(table.engine) as tx:
            end(tx, late)
    with writing(table.engine) as tx:
        table.finish(tx, second)
    assert state(table, "a") == "done"


def test_nothing_of_a_late_workers_transaction_stands(table: WorkTable) -> None:
    add(table, "a")
    late = table.claim(LEASE)
    assert late is not None
    with writing(table.engine) as tx:
        tx.execute(update(work).values(fence=7))

    def finish_late() -> None:
        with writing(table.engine) as tx:
            table.add(tx, Task("follow-up", "post", "q1", {}))
            table.finish(tx, late)

    with pytest.raises(LeaseLost):
        finish_late()
    assert state(table, "follow-up") is None


def test_a_worker_whose_lease_ran_out_does_not_write_to_the_outside(table: WorkTable, clock: Clock) -> None:
    add(table, "a")
    job = table.claim(LEASE)
    assert job is not None
    table.ensure_lease(job)
    clock.forward(60)
    with pytest.raises(LeaseLost, match="ran out"):
        table.ensure_lease(job)


def test_a_row_of_a_restored_backup_is_looked_up_before_it_is_sent(table: WorkTable, clock: Clock) -> None:
    add(table, "a")
    add(table, "b")
    fresh = table.claim(LEASE)
    clock.forward(61)
    old = table.claim(LEASE)
    assert fresh is not None
    assert old is not None
    assert (fresh.look_first, old.look_first) == (False, True)


def test_a_timer_that_nobody_began_can_be_called_off(table: WorkTable, clock: Clock) -> None:
    add(table, "a", due_at=clock() + timedelta(seconds=30))
    add(table, "b")
    assert table.claim(LEASE) is not None
    with writing(table.engine) as tx:
        assert table.cancel(tx, "a")
        assert not table.cancel(tx, "a")
        assert not table.cancel(tx, "b"), "it is running"
        assert not table.cancel(tx, "unknown")


def test_many_workers_at_once_take_each_row_once(table: WorkTable) -> None:
    for n in range(60):
        add(table, f"row{n}", lane=f"lane{n % 7}")
    taken: list[str] = []

    def take() -> None:
        while (job := table.claim(LEASE)) is not None or len(taken) < 60:
            if job is not None:
                taken.append(job.key)
                with writing(table.engine) as tx:
                    table.finish(tx, job)

    workers = [Thread(target=take) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert sorted(taken) == sorted(f"row{n}" for n in range(60))
    for lane in range(7):
        in_lane = [int(key[3:]) for key in taken if int(key[3:]) % 7 == lane]
        assert in_lane == sorted(in_lane)


def test_a_clock_that_was_set_moves_every_wait_with_it(table: WorkTable, clock: Clock) -> None:
    add(table, "a", due_at=clock() + timedelta(seconds=30))
    clock.forward(3600)
    table.shift(timedelta(seconds=3600))
    assert table.claim(LEASE) is None
    clock.forward(30)
    assert finish_next(table) == "a"
