"""The dispatch loop: claim a row, run its handler, and say what its end means for the row.

handler ends with                    the row
nothing raised                       was finished by the handler, in the transaction of its effect
Uncertain                            waits `uncertain_wait_s`, then is tried again (and looks up first)
TemporarilyUnavailable               is tried again for as long as the outage lasts, with backoff
NotConfigured, AccessDenied          its kind is paused; one row probes every `paused_retry_s`
Rejected                             dead letter, and the asker is told
any other exception, or a crash      as Uncertain; dead letter after `max_failures`
"""

from __future__ import annotations

import random
import time
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from threading import Thread
from typing import TYPE_CHECKING

import structlog
from filelock import FileLock, Timeout

from assistant.errors import AccessDenied, AssistantError, NotConfigured, Rejected, TemporarilyUnavailable, Uncertain
from assistant.store.database import check, writing
from assistant.work import LeaseLost, Retry, WorkTable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import datetime
    from pathlib import Path
    from threading import Event

    from sqlalchemy import Connection, Engine

    from assistant.ports import Now
    from assistant.work import Job

CLOCK_TOLERANCE = timedelta(seconds=2)
"""A jump below this is the ordinary correction of a clock."""

log = structlog.get_logger(__name__)


def boot_clock() -> float:
    """Return seconds since the machine started, its sleep included where the system counts it."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()


class HomeInUse(TemporarilyUnavailable):
    """Another process owns the workers of this home; this one may add rows and wait for their outcome."""


@dataclass(frozen=True, slots=True)
class Handler:
    """How one kind of row is worked on.

    Attributes:
        run: Does the work and finishes the row (`WorkTable.finish`) in the transaction that stores its effect.
        uncertain_wait_s: How long the other side may go on with a request whose answer was lost; 0 when nothing is
            written outside, or when the other side is a file of ours.
        lease_s: Longer than any run takes.
        on_wait: Called in the transaction that puts the row back for an outage, for telling the asker once.
        on_dead: Called in the transaction that gives the row up, with the reason in one line.
    """

    run: Callable[[Job], None]
    uncertain_wait_s: float = 0.0
    lease_s: float = 300.0
    on_wait: Callable[[Connection, Job, Retry], None] | None = None
    on_dead: Callable[[Connection, Job, str], None] | None = None


@dataclass(frozen=True, slots=True)
class Pace:
    """Times of the loop, in seconds.

    Attributes:
        backoff_s: First wait after an outage; doubles up to `backoff_cap_s`, each with jitter of -50..0 %.
        paused_retry_s: How often a kind that an admin must mend is probed.
        max_failures: Unexpected errors and crashes of one row before it becomes a dead letter.
    """

    poll_s: float = 0.1
    backoff_s: float = 1.0
    backoff_cap_s: float = 60.0
    paused_retry_s: float = 300.0
    max_failures: int = 5


@dataclass(slots=True)
class Worker:
    """Works on the rows of one home.

    Attributes:
        lock_path: File whose lock makes one process per home the owner of the workers.
        elapsed: Seconds by a clock that nobody sets (`boot_clock`); given one, waits keep their length when the wall
            clock jumps. A jump forward would cut the wait after an uncertain write short, and double it.
    """

    engine: Engine
    handlers: Mapping[str, Handler]
    now: Now
    lock_path: Path
    pace: Pace = field(default_factory=Pace)
    jitter: Callable[[], float] = random.random
    elapsed: Callable[[], float] | None = None
    _work: WorkTable = field(init=False)
    _paused: dict[str, Retry] = field(init=False, default_factory=dict)

    _clocks: tuple[datetime, float] | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        self._work = WorkTable(self.engine, self.now)

    @contextmanager
    def owning(self) -> Iterator[None]:
        """Own the workers of this home, and take up what a dead owner left behind.

        The lock is the operating system's: it ends with the process, however that ends.

        Raises:
            HomeInUse: Another process owns them.
        """
        self.lock_path.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self.lock_path, timeout=0)
        try:
            lock.acquire()
        except Timeout:
            raise HomeInUse(f"another assistant process owns the workers of this home ({self.lock_path})") from None
        try:
            check(self.engine)
            # With several replicas on PostgreSQL another home's worker may be alive: only its lease tells.
            self._take_back(orphaned=self.engine.dialect.name == "sqlite")
            yield
        finally:
            lock.release()

    def run_once(self) -> bool:
        """Work on one row that is due; False when there is none."""
        self._follow_clock()
        self._take_back(orphaned=False)
        job = self._work.claim({kind: handler.lease_s for kind, handler in self.handlers.items()})
        if job is None:
            return False
        pause = self._paused.get(job.kind)
        if pause is not None and self.now() < pause.due_at:
            self._wait(job, replace(pause, uncertain=job.uncertain))
        else:
            self._run(job)
        return True

    def run_until_idle(self, timeout_s: float) -> bool:
        """Work until nothing is due now; False when the time was up before."""
        give_up = time.monotonic() + timeout_s
        while time.monotonic() < give_up:
            if not self.run_once():
                return True
        return False

    def run_forever(self, stop: Event, threads: int = 2) -> None:
        """Work until `stop` is set: begin nothing new then, and finish what was begun.

        Args:
            stop: Set by the caller, for example on SIGTERM.
            threads: So that a slow answer does not hold up messages and issues.
        """
        loops = [Thread(target=self._loop, args=(stop,), name=f"worker-{n}", daemon=True) for n in range(threads)]
        for loop in loops:
            loop.start()
        for loop in loops:
            loop.join()

    def _loop(self, stop: Event) -> None:
        while not stop.is_set():
            try:
                worked = self.run_once()
            except AssistantError as error:  # the database itself: locked, disk full, server away
                log.warning("worker.database", error=str(error))
                stop.wait(self.pace.backoff_s)
                continue
            except Exception:  # a bug here must not end the work in silence
                log.exception("worker.broke")
                stop.wait(self.pace.backoff_cap_s)
                continue
            if not worked:
                stop.wait(self.pace.poll_s)

    def _follow_clock(self) -> None:
        if self.elapsed is None:
            return
        wall, steady = self.now(), self.elapsed()
        last, self._clocks = self._clocks, (wall, steady)
        if last is None:
            return
        jump = (wall - last[0]) - timedelta(seconds=steady - last[1])
        if abs(jump) > CLOCK_TOLERANCE:
            log.warning("worker.clock_set", by_s=jump.total_seconds())
            self._work.shift(jump)

    def _take_back(self, *, orphaned: bool) -> None:
        """Give rows whose worker died to the next one, as uncertain tries."""
        for job in self._work.expired(orphaned=orphaned):
            handler = self.handlers.get(job.kind)
            if handler is None:
                continue
            died = min(self.now(), job.lease_until)  # nothing is sent after the lease ran out: `ensure_lease`
            log.warning("work.taken_back", kind=job.kind, row=job.id, attempts=job.attempts)
            self._fail(job, "the process ended in the middle of it", died + timedelta(seconds=handler.uncertain_wait_s))

    def _run(self, job: Job) -> None:
        handler = self.handlers[job.kind]
        log.info("work.begun", kind=job.kind, row=job.id, attempts=job.attempts, subject=job.subject)
        uncertain_until = timedelta(seconds=handler.uncertain_wait_s)
        try:
            handler.run(job)
        except LeaseLost as error:
            log.warning("work.lease_lost", kind=job.kind, row=job.id, error=str(error))
        except Uncertain as error:
            due = max(self._backoff(job, error.retry_after_s), self.now() + uncertain_until)
            self._wait(job, Retry(due, str(error), uncertain=True))
        except TemporarilyUnavailable as error:
            self._wait(job, Retry(self._backoff(job, error.retry_after_s), str(error)))
        except (NotConfigured, AccessDenied) as error:
            pause = Retry(self.now() + timedelta(seconds=self.pace.paused_retry_s), str(error), needs_admin=True)
            self._paused[job.kind] = pause
            self._wait(job, pause)
        except Rejected as error:
            self._bury(job, str(error))
        except Exception as error:  # a bug must not stop the other rows
            log.exception("work.failed", kind=job.kind, row=job.id)
            due = max(self._backoff(job, None), self.now() + uncertain_until)
            self._fail(job, f"unexpected {type(error).__name__}; see the log", due)
        else:
            self._mended(job)

    def _mended(self, job: Job) -> None:
        """End a pause, and wake the rows that waited for the same outage."""
        if self._paused.pop(job.kind, None) is not None or job.attempts > 1:
            with writing(self.engine) as tx:
                self._work.due_again(tx, job.kind)

    def _backoff(self, job: Job, retry_after_s: float | None) -> datetime:
        step = min(self.pace.backoff_cap_s, self.pace.backoff_s * 2.0 ** min(job.attempts - 1, 16))
        wait = max(step * (0.5 + 0.5 * self.jitter()), retry_after_s or 0.0)
        return self.now() + timedelta(seconds=wait)

    def _fail(self, job: Job, error: str, due: datetime) -> None:
        if job.failures + 1 >= self.pace.max_failures:
            self._bury(job, error)
        else:
            self._put_back(job, Retry(due, error, uncertain=True, failed=True), None)

    def _wait(self, job: Job, retry: Retry) -> None:
        log.warning("work.waits", kind=job.kind, row=job.id, error=retry.error, uncertain=retry.uncertain)
        self._put_back(job, retry, self.handlers[job.kind].on_wait)

    def _put_back(self, job: Job, retry: Retry, on_wait: Callable[[Connection, Job, Retry], None] | None) -> None:
        try:
            with writing(self.engine) as tx:
                self._work.retry(tx, job, retry)
                if on_wait is not None:
                    on_wait(tx, job, retry)
        except LeaseLost as lost:
            log.warning("work.lease_lost", kind=job.kind, row=job.id, error=str(lost))

    def _bury(self, job: Job, error: str) -> None:
        log.error("work.dead", kind=job.kind, row=job.id, error=error)
        on_dead = self.handlers[job.kind].on_dead
        try:
            try:
                self._end(job, error, on_dead)
            except LeaseLost:
                raise
            except Exception:  # a row that cannot even be given up properly must not come back for ever
                log.exception("work.on_dead_failed", kind=job.kind, row=job.id)
                self._end(job, error, None)
        except LeaseLost as lost:
            log.warning("work.lease_lost", kind=job.kind, row=job.id, error=str(lost))

    def _end(self, job: Job, error: str, on_dead: Callable[[Connection, Job, str], None] | None) -> None:
        with writing(self.engine) as tx:
            self._work.bury(tx, job, error)
            if on_dead is not None:
                on_dead(tx, job, error)
