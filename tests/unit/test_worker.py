from __future__ import annotations

import time
from threading import Event, Thread
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import event
from structlog.testing import capture_logs

from assistant.errors import Rejected, TemporarilyUnavailable, Uncertain
from assistant.store.database import open_database, writing
from assistant.work import Job, Task, WorkTable
from assistant.workflows.worker import Handler, HomeInUse, Pace, Worker, boot_clock
from tests.fakes.running_home import Clock, RunningHome

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Bench:
    """A worker over one kind of row whose runs end as the test says."""

    def __init__(self, path: Path, **pace: float) -> None:
        self.clock = Clock()
        self.engine = open_database(f"sqlite:///{path}/state.db")
        self.table = WorkTable(self.engine, self.clock)
        self.ends: list[Exception | None] = []
        self.runs: list[tuple[float, int]] = []
        self.dead: list[str] = []
        self.lock = path / "worker.lock"
        self.pace = Pace(**pace)  # type: ignore[arg-type]
        self.worker = self.new_worker()

    def new_worker(self) -> Worker:
        handler = Handler(self.run_job, uncertain_wait_s=75.0, on_dead=lambda _tx, _job, error: self.dead.append(error))
        return Worker(self.engine, {"job": handler}, self.clock, self.lock, self.pace, jitter=lambda: 1.0)

    def run_job(self, job: Job) -> None:
        self.runs.append(((self.clock() - Clock().moment).total_seconds(), job.attempts))
        end = self.ends.pop(0) if self.ends else None
        if end is not None:
            raise end
        with writing(self.engine) as tx:
            self.table.finish(tx, job)

    def add(self, key: str = "a") -> None:
        with writing(self.engine) as tx:
            self.table.add(tx, Task(key, "job", "q1", {}))

    def live(self, seconds: float) -> None:
        for _ in range(int(seconds)):
            assert self.worker.run_until_idle(10)
            self.clock.forward(1)

    @property
    def times(self) -> list[float]:
        return [at for at, _ in self.runs]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.engine.dispose()


def test_an_outage_is_waited_out_with_growing_pauses_of_at_most_a_minute(bench: Bench) -> None:
    bench.ends = [TemporarilyUnavailable("down")] * 12
    bench.add()
    bench.live(600)
    assert bench.times[:8] == [0, 1, 3, 7, 15, 31, 63, 123]
    assert max(b - a for a, b in zip(bench.times, bench.times[1:], strict=False)) == 60
    assert len(bench.runs) == 13
    assert bench.dead == [], "an outage of any length loses nothing"


def test_a_side_that_asks_for_patience_gets_it(bench: Bench) -> None:
    bench.ends = [TemporarilyUnavailable("busy", retry_after_s=120)]
    bench.add()
    bench.live(200)
    assert bench.times == [0, 120]


def test_an_uncertain_write_waits_longer_than_the_other_side_can_still_be_at_it(bench: Bench) -> None:
    bench.ends = [Uncertain("the answer was lost")]
    bench.add()
    bench.live(200)
    assert bench.times == [0, 75]


def test_a_row_that_always_breaks_is_given_up_after_five_tries_and_others_go_on(bench: Bench) -> None:
    bench.ends = [ZeroDivisionError("poison")]
    bench.add("poison")
    bench.worker.run_once()
    bench.add("good")
    bench.live(5)
    assert len(bench.runs) == 2
    bench.ends = [ZeroDivisionError("poison")] * 9
    bench.live(900)
    assert len(bench.runs) == 6
    assert bench.dead == ["unexpected ZeroDivisionError; see the log"], "its own words may hold people's text"


def test_a_refusal_is_final(bench: Bench) -> None:
    bench.ends = [Rejected("title is too long")]
    bench.add()
    bench.live(100)
    assert bench.dead == ["title is too long"]
    assert len(bench.runs) == 1


def test_a_row_is_given_up_even_when_nobody_can_be_told(bench: Bench) -> None:
    def broken(*_: object) -> None:
        raise Rejected("no such question")

    bench.worker.handlers = {"job": Handler(bench.run_job, on_dead=broken)}
    bench.ends = [Rejected("title is too long")]
    bench.add()
    bench.live(10)
    assert [row.state for row in bench.table.waiting()] == ["dead"]


def test_a_second_process_is_told_that_the_home_has_an_owner(bench: Bench) -> None:
    with bench.worker.owning():
        with pytest.raises(HomeInUse, match="another assistant process owns the workers of this home"):
            bench.new_worker().owning().__enter__()
        with pytest.raises(HomeInUse), bench.new_worker().owning():
            pass
    with bench.new_worker().owning():
        pass


def test_a_new_owner_takes_up_what_a_dead_one_left_without_waiting_for_the_lease(bench: Bench) -> None:
    bench.add()
    assert bench.table.claim({"job": 300.0}) is not None  # and the process dies here
    bench.clock.forward(10)
    with bench.worker.owning():
        bench.live(200)
    assert bench.runs == [(10 + 75, 2)]


def test_long_after_a_crash_there_is_nothing_left_to_wait_for(bench: Bench) -> None:
    bench.add()
    assert bench.table.claim({"job": 300.0}) is not None
    bench.clock.forward(3600)
    with bench.worker.owning():
        bench.live(10)
    assert bench.runs == [(3600, 2)]


def test_waits_keep_their_length_when_the_clock_is_set(bench: Bench) -> None:
    steady = [0.0]
    bench.worker.elapsed = lambda: steady[0]
    bench.ends = [Uncertain("the answer was lost")]
    bench.add()
    bench.worker.run_once()
    bench.clock.forward(3600)  # set forward, while no second passes
    bench.live(0)
    assert not bench.worker.run_once(), "75 seconds are not over"
    bench.clock.forward(-7200)
    assert not bench.worker.run_once()
    steady[0] += 75
    bench.clock.forward(75)
    assert bench.worker.run_once()


def test_the_clock_that_nobody_sets_runs() -> None:
    begun = boot_clock()
    time.sleep(0.01)
    assert 0.005 < boot_clock() - begun < 10


def test_a_stop_ends_the_loop_after_what_was_begun(tmp_path: Path) -> None:
    bench = Bench(tmp_path, poll_s=0.01)
    stop = Event()
    for n in range(20):
        bench.add(f"row{n}")
    loop = Thread(target=bench.worker.run_forever, args=(stop,))
    loop.start()
    give_up = time.monotonic() + 20
    while len(bench.runs) < 20 and time.monotonic() < give_up:
        time.sleep(0.01)
    stop.set()
    loop.join(10)
    assert not loop.is_alive()
    assert len(bench.runs) == 20
    bench.engine.dispose()


def test_the_loop_outlives_a_database_that_is_locked_for_a_while(tmp_path: Path) -> None:
    home = RunningHome(tmp_path, pace=Pace(poll_s=0.01, backoff_s=0.05))
    question = home.ask("register a runner")
    stop = Event()
    event.listen(home.store.engine, "connect", lambda connection, _: connection.execute("PRAGMA busy_timeout=20"))
    home.store.engine.dispose()  # connections from here on lose patience early
    loop = Thread(target=home.worker.run_forever, args=(stop, 1))
    with home.store.writing(), capture_logs() as logs:
        loop.start()
        time.sleep(0.3)
    assert "worker.database" in {entry["event"] for entry in logs}
    assert home.store.wait_for_outcome(question, 40).settled
    stop.set()
    loop.join(40)
    assert home.state(question) == "answered"
    home.close()
