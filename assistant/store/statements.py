"""Statements that SQLAlchemy spells per database."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite

from assistant.store.tables import meta, questions, work

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection, Table

RESTORED_AT = "restored_at"
"""Key in `meta`: when the database was last restored from a backup."""


def insert_once(tx: Connection, table: Table, values: Mapping[str, Any]) -> bool:
    """Insert the row; return False, without an error, when a unique key of it stands already."""
    dialect = postgresql if tx.dialect.name == "postgresql" else sqlite
    statement = dialect.insert(table).values(**values).on_conflict_do_nothing()
    # Not `rowcount`: PostgreSQL's driver does not know it for an INSERT.
    return tx.execute(statement.returning(*table.primary_key)).one_or_none() is not None


def unfinished_work(tx: Connection, subject: str, now: datetime) -> tuple[bool, str]:
    """Return whether nothing of the subject is to be done now, and why its oldest failed row waits (or empty)."""
    open_rows = tx.execute(
        select(work.c.due_at, work.c.state, work.c.error)
        .where(work.c.subject == subject, work.c.state.in_(("ready", "running")))
        .order_by(work.c.id)
    ).all()
    later = [row for row in open_rows if row.state == "ready" and row.due_at is not None and row.due_at > now]
    failed = [row.error for row in later if row.error]
    return len(later) == len(open_rows), failed[0] if failed else ""


def open_payloads(tx: Connection, kind: str) -> list[dict[str, Any]]:
    """Return the payloads of the rows of a kind that are not finished, the oldest first."""
    query = select(work.c.payload).where(work.c.kind == kind, work.c.state.in_(("ready", "running")))
    return list(tx.scalars(query.order_by(work.c.id)))


def is_from_before_restore(tx: Connection, subject: str) -> bool:
    """Return whether the subject is a question of the time before the database was restored from a backup.

    What happened to it between the backup and the restore is not known here, only at the other sides.
    """
    restored_at = tx.scalar(select(meta.c.value).where(meta.c.key == RESTORED_AT))
    if restored_at is None:
        return False
    asked_at = tx.scalar(select(questions.c.asked_at).where(questions.c.id == subject))
    return asked_at is not None and asked_at <= datetime.fromisoformat(restored_at)
