"""What a restored database must know: time has gone on without it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import delete, or_, update

from assistant.store.database import writing
from assistant.store.statements import RESTORED_AT
from assistant.store.tables import meta, work

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from sqlalchemy import Engine


def doubt_everything_in_flight(engine: Engine, now: datetime, wait: timedelta) -> int:
    """Mark a database as restored, so that nothing is sent again without a look-up; return how many rows are in flight.

    Every unfinished row may have been carried out since the backup was taken, so each is *uncertain*; none is begun
    before the other side has ended what was sent to it last. What is added later for a question of before is in doubt
    as well: its issue may have been opened, and its message sent, in the time that is lost.

    Args:
        engine: Of the restored database.
        now: Time of the restore.
        wait: How long the other side may go on with a request.
    """
    in_flight = work.c.state.in_(("ready", "running"))
    soon = or_(work.c.due_at.is_(None), work.c.due_at < now + wait)
    with writing(engine) as tx:
        tx.execute(update(work).where(in_flight, soon).values(due_at=now + wait))
        done = tx.execute(update(work).where(in_flight).values(state="ready", uncertain=True, lease_until=None))
        tx.execute(delete(meta).where(meta.c.key == RESTORED_AT))
        tx.execute(meta.insert().values(key=RESTORED_AT, value=now.isoformat()))
    return int(done.rowcount)
