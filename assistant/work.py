"""The durable work table: inbox, outbox and timers in one.

Every event is one row under a unique key before it is acknowledged; every write to the outside is a row, added in the
transaction of the state it belongs to; a timer is a row with a due time by the injected clock.

    ready ──claim──> running ──finish (fence checked)──> done
      ^                │ │ └──bury──> dead ──revive──> ready
      └──retry─────────┘ └──lease ran out (crash): ready again, and *uncertain*

A row carries ids, never people's text. "Look, then write" is what makes a write happen once: a row that was tried
before looks for our own marker at the other side first, and after an uncertain try it waits longer than the other side
can still be working on the lost request (measured: without the wait 6 of 6 lost answers doubled, with it 0 of 6).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, case, func, literal, or_, select, update

from assistant.errors import AssistantError
from assistant.store.database import reading, writing
from assistant.store.statements import insert_once, is_from_before_restore
from assistant.store.tables import UtcDateTime, work

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import datetime

    from sqlalchemy import ColumnElement, Connection, Engine, Row

    from assistant.ports import Now

MOMENT = UtcDateTime()
FRESH = timedelta(seconds=60)
"""A row older than this is looked up even at its first try."""
FOLLOWS_DOUBT = "follows_doubt"


class LeaseLost(AssistantError):
    """The row is no longer ours: its lease ran out and somebody else has it, or it was finished already."""


@dataclass(frozen=True, slots=True)
class Task:
    """What is to be done, before it is a row.

    Attributes:
        key: Unique for ever: a second row with the same key has no effect.
        kind: Names the handler.
        subject: Question id.
        payload: Ids only.
        lane: Rows of one lane run one after another in the order they were added; empty for no order.
        due_at: Not before this moment; None means at once, whatever the clock says.
    """

    key: str
    kind: str
    subject: str
    payload: Mapping[str, Any]
    lane: str = ""
    due_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """A claimed row.

    Attributes:
        attempts: Tries so far, this one included.
        failures: Tries that ended in an unexpected error or a crash.
        fence: Grows with every claim; a late finisher's older fence is refused.
        uncertain: The write may have been carried out already.
        look_first: Our marker must be looked up before writing: the row is uncertain, was tried before, or is old, as
            after a backup was restored in which it had not been sent yet.
    """

    id: int
    key: str
    kind: str
    subject: str
    payload: Mapping[str, Any]
    attempts: int
    failures: int
    fence: int
    uncertain: bool
    look_first: bool
    lease_until: datetime


@dataclass(frozen=True, slots=True)
class Retry:
    """When a job is tried again, and why it failed.

    Attributes:
        failed: It broke by itself, not for an outage; counts towards giving up.
        needs_admin: It will not mend itself.
    """

    due_at: datetime
    error: str
    uncertain: bool = False
    failed: bool = False
    needs_admin: bool = False


@dataclass(frozen=True, slots=True)
class WaitingRow:
    """A row as an admin sees it: `dead`, or waiting after a failed try."""

    id: int
    key: str
    kind: str
    subject: str
    state: str
    attempts: int
    error: str
    since: datetime


class WorkTable:
    """The rows, for one database. Methods that take a connection run inside the caller's transaction."""

    def __init__(self, engine: Engine, now: Now) -> None:
        self.engine = engine
        self.now = now

    def add(self, tx: Connection, task: Task) -> bool:
        """Add a row; False, without effect, when its key stands already."""
        now = self.now()
        doubtful = bool(tx.get_execution_options().get(FOLLOWS_DOUBT)) or is_from_before_restore(tx, task.subject)
        return insert_once(
            tx,
            work,
            {
                "key": task.key,
                "kind": task.kind,
                "lane": task.lane,
                "subject": task.subject,
                "payload": dict(task.payload),
                "state": "ready",
                "due_at": task.due_at,
                "attempts": 0,
                "failures": 0,
                "fence": 0,
                "uncertain": doubtful,  # may have been sent as well
                "error": "",
                "created_at": now,
                "changed_at": now,
            },
        )

    def subject_of(self, tx: Connection, key: str) -> str | None:
        """Return the question id of the row with this key, or None."""
        return tx.scalar(select(work.c.subject).where(work.c.key == key))

    def cancel(self, tx: Connection, key: str) -> bool:
        """Finish a row that nobody has begun; False when it is running, done or unknown."""
        change = update(work).where(work.c.key == key, work.c.state == "ready", work.c.attempts == 0)
        return tx.execute(change.values(state="done", changed_at=self.now())).rowcount == 1

    def claim(self, lease_s: Mapping[str, float]) -> Job | None:
        """Take the oldest row that is due, of the kinds in `lease_s`, for as many seconds as it says; None if none is.

        One statement: an UPDATE of the row that an inner SELECT finds (on PostgreSQL `FOR UPDATE SKIP LOCKED`, on
        SQLite under the write lock).
        """
        now = self.now()
        due = self._due(now, lease_s)
        with reading(self.engine) as tx:  # an idle worker takes no write lock
            if tx.scalar(select(work.c.id).where(due).limit(1)) is None:
                return None
        oldest = select(work.c.id).where(due).order_by(work.c.id).limit(1)
        leases = [(work.c.kind == kind, literal(now + timedelta(seconds=s), MOMENT)) for kind, s in lease_s.items()]
        take = (
            update(work)
            .where(work.c.id == oldest.with_for_update(skip_locked=True).scalar_subquery())
            .values(
                state="running",
                attempts=work.c.attempts + 1,
                fence=work.c.fence + 1,
                first_attempt_at=func.coalesce(work.c.first_attempt_at, literal(now, MOMENT)),
                lease_until=case(*leases),
                changed_at=now,
            )
        )
        with writing(self.engine) as tx:
            row = tx.execute(take.returning(work)).one_or_none()
        return None if row is None else _job(row, now)

    def _due(self, now: datetime, kinds: Collection[str]) -> ColumnElement[bool]:
        ahead = work.alias("ahead")
        in_turn = ~(
            select(ahead.c.id)
            .where(ahead.c.lane == work.c.lane, ahead.c.id < work.c.id, ahead.c.state.in_(("ready", "running")))
            .exists()
        )
        return and_(
            work.c.state == "ready",
            work.c.kind.in_(list(kinds)),
            or_(work.c.due_at.is_(None), work.c.due_at <= now),
            or_(work.c.lane == "", in_turn),
        )

    def finish(self, tx: Connection, job: Job) -> None:
        """Mark the job done in the transaction that stores its effect.

        Raises:
            LeaseLost: Somebody else has the row; nothing of this transaction may stand.
        """
        self._change(tx, job, state="done", error="", uncertain=False)

    def retry(self, tx: Connection, job: Job, retry: Retry) -> None:
        """Give the job back to be tried again.

        Raises:
            LeaseLost: As `finish`.
        """
        failures = job.failures + (1 if retry.failed else 0)
        values = {"due_at": retry.due_at, "error": retry.error, "uncertain": retry.uncertain, "failures": failures}
        self._change(tx, job, state="ready", **values)

    def bury(self, tx: Connection, job: Job, error: str) -> None:
        """Give up on the job: it stays visible as a dead letter until it is revived.

        Raises:
            LeaseLost: As `finish`.
        """
        self._change(tx, job, state="dead", error=error)

    def _change(self, tx: Connection, job: Job, **values: Any) -> None:  # noqa: ANN401 - columns of several types
        tx.execution_options(**{FOLLOWS_DOUBT: job.look_first})  # for the rest of this transaction: see `add`
        mine = and_(work.c.id == job.id, work.c.fence == job.fence, work.c.state == "running")
        done = tx.execute(update(work).where(mine).values(lease_until=None, changed_at=self.now(), **values))
        if done.rowcount != 1:
            raise LeaseLost(f"row {job.id} ({job.kind}) is no longer held under fence {job.fence}")

    def ensure_lease(self, job: Job) -> None:
        """Check, just before a write to the outside, that the job is still ours.

        Raises:
            LeaseLost: The lease ran out (the process was paused, or a look-up took too long).
        """
        if self.now() >= job.lease_until:
            raise LeaseLost(f"the lease of row {job.id} ({job.kind}) ran out")

    def expired(self, *, orphaned: bool) -> list[Job]:
        """Return running rows whose worker is gone: lease over; every one when `orphaned` says no worker can live."""
        gone = work.c.state == "running"
        if not orphaned:
            gone = and_(gone, work.c.lease_until <= self.now())
        with reading(self.engine) as tx:
            return [_job(row, self.now()) for row in tx.execute(select(work).where(gone)).all()]

    def due_again(self, tx: Connection, kind: str) -> None:
        """Make the waiting rows of a kind due at once (their outage is over); uncertain ones keep waiting."""
        held = and_(work.c.kind == kind, work.c.state == "ready", work.c.error != "", work.c.uncertain.is_(False))
        tx.execute(update(work).where(held).values(due_at=None))

    def shift(self, by: timedelta) -> None:
        """Move the due times and leases of unfinished rows: the clock was set, and waits must stay as long."""
        waits = select(work.c.id, work.c.due_at, work.c.lease_until).where(work.c.state.in_(("ready", "running")))
        with writing(self.engine) as tx:
            for row in tx.execute(waits).all():
                due_at, lease_until = (None if at is None else at + by for at in (row.due_at, row.lease_until))
                change = update(work).where(work.c.id == row.id)
                tx.execute(change.values(due_at=due_at, lease_until=lease_until))

    def waiting(self) -> list[WaitingRow]:
        """Return dead letters and rows that wait after a failed try, oldest first."""
        shown = or_(work.c.state == "dead", and_(work.c.state == "ready", work.c.error != ""))
        with reading(self.engine) as tx:
            rows = tx.execute(select(work).where(shown).order_by(work.c.id)).all()
        return [WaitingRow(r.id, r.key, r.kind, r.subject, r.state, r.attempts, r.error, r.created_at) for r in rows]

    def revive(self, row_id: int) -> bool:
        """Give a dead letter another chance; False when there is no such dead row."""
        dead = and_(work.c.id == row_id, work.c.state == "dead")
        with writing(self.engine) as tx:
            change = update(work).where(dead).values(state="ready", due_at=None, failures=0, changed_at=self.now())
            return tx.execute(change).rowcount == 1


def _job(row: Row[Any], now: datetime) -> Job:
    return Job(
        id=row.id,
        key=row.key,
        kind=row.kind,
        subject=row.subject,
        payload=row.payload,
        attempts=row.attempts,
        failures=row.failures,
        fence=row.fence,
        uncertain=row.uncertain,
        look_first=row.uncertain or row.attempts > 1 or now - row.created_at > FRESH,
        lease_until=row.lease_until,
    )
