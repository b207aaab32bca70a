"""The tables as they are now; `assistant/migrations` holds the way there."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    DateTime,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
)

if TYPE_CHECKING:
    from sqlalchemy import Dialect

metadata = MetaData()


class UtcDateTime(TypeDecorator[datetime]):
    """An aware datetime in UTC, stored without its zone, so that SQLite and PostgreSQL order it alike."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - SQLAlchemy's hook
        """Refuse a naive value: it would be read back as another moment."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a naive datetime cannot be stored; pass it with its time zone")
        return value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - SQLAlchemy's hook
        """Return the moment with its zone."""
        return None if value is None else value.replace(tzinfo=UTC)


people = Table(
    "people",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("platform", String(32), nullable=False),
    Column("handle", String(255), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    UniqueConstraint("platform", "handle", name="uq_people_handle"),
)

questions = Table(
    "questions",
    metadata,
    Column("id", String(16), primary_key=True),
    Column("person_id", Integer, ForeignKey("people.id"), nullable=False),
    Column("platform", String(32), nullable=False),
    Column("conversation", String(255), nullable=False),
    Column("thread", String(255), nullable=False),
    Column("thread_url", Text, nullable=False),
    Column("visibility", String(16), nullable=False),
    Column("language", String(16), nullable=False),
    Column("escalation", String(16), nullable=False),
    Column("masked", JSON, nullable=False),
    Column("state", String(16), nullable=False),
    Column("awaiting", String(16), nullable=False),
    Column("rounds", Integer, nullable=False),
    Column("changes", Integer, nullable=False),
    Column("confirmed", Boolean, nullable=False),
    Column("asked_at", UtcDateTime, nullable=False),
    Column("changed_at", UtcDateTime, nullable=False),
    Index("ix_questions_person", "person_id"),
    Index("ix_questions_asked", "asked_at"),
)

texts = Table(
    "texts",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("person_id", Integer, ForeignKey("people.id"), nullable=False),
    Column("question_id", String(16), ForeignKey("questions.id"), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("body", Text, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Index("ix_texts_question", "question_id", "kind"),
    Index("ix_texts_person", "person_id"),
    Index("ix_texts_created", "created_at"),
)

answers = Table(
    "answers",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("question_id", String(16), ForeignKey("questions.id"), nullable=False),
    # No foreign key: the text may be deleted by retention while the figures stay.
    Column("decision_text_id", Integer, nullable=False),
    Column("outcome", String(16), nullable=False),
    Column("reason", String(64), nullable=False),
    Column("score", Float, nullable=False),
    Column("confidence", Float),
    Column("index_version", String(255), nullable=False),
    Column("answered_by", String(255), nullable=False),
    Column("degraded", String(64), nullable=False),
    Column("citations", JSON, nullable=False),
    Column("passages", JSON, nullable=False),
    Column("ranking", JSON, nullable=False),
    Column("timings_ms", JSON, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Index("ix_answers_question", "question_id"),
)

answer_chunks = Table(
    "answer_chunks",
    metadata,
    Column("answer_id", Integer, ForeignKey("answers.id"), primary_key=True),
    Column("chunk", String(512), primary_key=True),
    Column("document", String(512), nullable=False),
    Column("text_hash", String(64), nullable=False),  # hex SHA-256 of what the chunk said then
    Column("cited", Boolean, nullable=False),
    Index("ix_answer_chunks_cited", "cited", "text_hash"),
)

rechecks = Table(
    "rechecks",
    metadata,
    Column("answer_id", Integer, ForeignKey("answers.id"), primary_key=True),
    Column("index_version", String(255), nullable=False),
    Column("state", String(16), nullable=False),
    Column("since", UtcDateTime, nullable=False),
    Column("detail", Text, nullable=False),
    Index("ix_rechecks_state", "state"),
)

audit = Table(
    "audit",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("at", UtcDateTime, nullable=False),
    Column("ended_at", UtcDateTime),
    Column("who", String(255), nullable=False),
    Column("what", String(64), nullable=False),
    Column("arguments", JSON, nullable=False),
    Column("result", String(16), nullable=False),
    Column("detail", Text, nullable=False),
    Index("ix_audit_at", "at"),
)

feedback = Table(
    "feedback",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("question_id", String(16), ForeignKey("questions.id"), nullable=False),
    Column("verdict", String(16), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Index("ix_feedback_question", "question_id"),
)

links = Table(
    "links",
    metadata,
    Column("question_id", String(16), ForeignKey("questions.id"), primary_key=True),
    Column("state", String(16), nullable=False),
    Column("marker", String(255), nullable=False),
    Column("awaiting", Boolean, nullable=False),
    Column("project", String(255)),
    Column("iid", Integer),
    Column("url", Text),
    Column("created_at", UtcDateTime, nullable=False),
    Column("changed_at", UtcDateTime, nullable=False),
    Index("ix_links_issue", "project", "iid"),
)

work = Table(
    "work",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("key", String(512), nullable=False, unique=True),
    Column("kind", String(32), nullable=False),
    Column("lane", String(768), nullable=False),
    Column("subject", String(64), nullable=False),
    Column("payload", JSON, nullable=False),
    Column("state", String(16), nullable=False),
    Column("due_at", UtcDateTime),
    Column("attempts", Integer, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("fence", Integer, nullable=False),
    Column("uncertain", Boolean, nullable=False),
    Column("first_attempt_at", UtcDateTime),
    Column("lease_until", UtcDateTime),
    Column("error", Text, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("changed_at", UtcDateTime, nullable=False),
    Index("ix_work_state", "state", "kind", "due_at"),
    Index("ix_work_lane", "lane", "state"),
    Index("ix_work_subject", "subject"),
    # Ids are never used twice, so that "earlier in the same lane" stays true after old rows were deleted.
    sqlite_autoincrement=True,
)

meta = Table(
    "meta",
    metadata,
    Column("key", String(128), primary_key=True),
    Column("value", JSON, nullable=False),
)
