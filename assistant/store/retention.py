"""Delete people's text: on request, or by age. Figures, ids and states stay."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import delete, select, update

from assistant.store.standing import drop_rechecks
from assistant.store.tables import audit, people, questions, texts, work

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection


def forget_person(tx: Connection, platform: str, handle: str) -> int:
    """Delete every text of the person and replace the name; return how many texts were deleted."""
    person = tx.scalar(select(people.c.id).where(people.c.platform == platform, people.c.handle == handle))
    if person is None:
        return 0
    gone = tx.execute(delete(texts).where(texts.c.person_id == person)).rowcount
    tx.execute(update(people).where(people.c.id == person).values(handle=f"forgotten-{person}"))
    return gone


def purge(tx: Connection, moment: datetime) -> int:
    """Delete texts of questions asked before the moment, and work and audit rows of before it.

    A finished row is what makes a second delivery harmless, so nothing younger than a platform's last redelivery may be
    purged; platforms stop after hours, retention counts in days.
    """
    old = select(questions.c.id).where(questions.c.asked_at < moment)
    gone = tx.execute(delete(texts).where(texts.c.question_id.in_(old))).rowcount
    tx.execute(delete(work).where(work.c.state == "done", work.c.changed_at < moment))
    tx.execute(delete(audit).where(audit.c.at < moment))
    drop_rechecks(tx, moment)
    return gone
