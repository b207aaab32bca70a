"""The audit of admin commands: who gave which, when, and how it ended."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sqlalchemy import select, update

from assistant.store.records import AuditRow
from assistant.store.tables import audit as table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlalchemy import Connection

    from assistant.store.questions import Store
    from assistant.store.records import AuditResult

DETAIL_MAX = 4000
"""Characters of a detail that are kept."""


@dataclass(slots=True)
class Entry:
    """A command that runs; what is put here is stored at its end."""

    id: int
    detail: str = ""
    result: AuditResult = field(default="done")


@contextmanager
def audited(store: Store, who: str, what: str, arguments: Sequence[str] = ()) -> Iterator[Entry]:
    """Store that a command began, run the block, and store how it ended.

    A process that is killed in between leaves a row that says `started` for ever. Any exception is stored by its first
    line (`failed`) and goes on.

    Args:
        store: Of the home.
        who: `cli/OS USER`, or `PLATFORM/USER ID`.
        what: The command, such as `index promote`.
        arguments: As they were checked, never as they were typed.
    """
    with store.writing() as tx:
        entry = Entry(begin(tx, store, who, what, arguments))
    try:
        yield entry
    except BaseException as error:
        with store.writing() as tx:
            end(tx, store, entry.id, "failed", _first_line(error))
        raise
    with store.writing() as tx:
        end(tx, store, entry.id, entry.result, entry.detail)


def audit(store: Store, who: str, what: str, result: AuditResult, detail: str = "") -> None:
    """Store a command that was over at once, or was refused."""
    with store.writing() as tx:
        end(tx, store, begin(tx, store, who, what), result, detail)


def begin(tx: Connection, store: Store, who: str, what: str, arguments: Sequence[str] = ()) -> int:
    """Store that a command began, in the caller's transaction, and return the row's id."""
    row = table.insert().values(
        at=store.now(), who=who[:255], what=what[:64], arguments=list(arguments), result="started", detail=""
    )
    return int(tx.execute(row.returning(table.c.id)).scalar_one())


def end(tx: Connection, store: Store, row_id: int, result: AuditResult, detail: str = "") -> None:
    """Store how a command ended; the first end stands."""
    open_row = table.c.id == row_id, table.c.ended_at.is_(None)
    tx.execute(update(table).where(*open_row).values(result=result, detail=detail[:DETAIL_MAX], ended_at=store.now()))


def audit_row(tx: Connection, row_id: int) -> AuditRow | None:
    """Return one row, or None when retention deleted it."""
    row = tx.execute(select(table).where(table.c.id == row_id)).one_or_none()
    return None if row is None else AuditRow(**{**row._mapping, "arguments": tuple(row.arguments)})  # noqa: SLF001 - a public attribute of SQLAlchemy's rows


def audit_rows(store: Store, count: int = 50) -> tuple[AuditRow, ...]:
    """Return the newest commands, the newest first."""
    with store.reading() as tx:
        rows = tx.execute(select(table).order_by(table.c.id.desc()).limit(count)).all()
    return tuple(AuditRow(**{**row._mapping, "arguments": tuple(row.arguments)}) for row in rows)  # noqa: SLF001 - as above


def _first_line(error: BaseException) -> str:
    return next(iter(str(error).splitlines()), "") or type(error).__name__
