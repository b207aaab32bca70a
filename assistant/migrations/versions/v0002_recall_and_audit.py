"""Which chunks an answer stood on, what came of checking it again, and who gave which command."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Create answer_chunks, rechecks and audit, and fill the first from the decisions that are still stored."""
    chunks = op.create_table(
        "answer_chunks",
        sa.Column("answer_id", sa.Integer(), nullable=False),
        sa.Column("chunk", sa.String(length=512), nullable=False),
        sa.Column("document", sa.String(length=512), nullable=False),
        sa.Column("text_hash", sa.String(length=64), nullable=False),
        sa.Column("cited", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["answer_id"], ["answers.id"]),
        sa.PrimaryKeyConstraint("answer_id", "chunk"),
    )
    op.create_index("ix_answer_chunks_cited", "answer_chunks", ["cited", "text_hash"], unique=False)
    op.create_table(
        "rechecks",
        sa.Column("answer_id", sa.Integer(), nullable=False),
        sa.Column("index_version", sa.String(length=255), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("since", sa.DateTime(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["answer_id"], ["answers.id"]),
        sa.PrimaryKeyConstraint("answer_id"),
    )
    op.create_index("ix_rechecks_state", "rechecks", ["state"], unique=False)
    op.create_table(
        "audit",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("ended_at", sa.DateTime(), nullable=True),
        sa.Column("who", sa.String(length=255), nullable=False),
        sa.Column("what", sa.String(length=64), nullable=False),
        sa.Column("arguments", sa.JSON(), nullable=False),
        sa.Column("result", sa.String(length=16), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_audit_at", "audit", ["at"], unique=False)
    _fill(chunks)


def _fill(chunks: sa.Table) -> None:
    """Note what earlier answers stood on; those whose text was deleted stand on nothing that could be checked."""
    connection = op.get_bind()
    answers = sa.table("answers", sa.column("id"), sa.column("decision_text_id"), sa.column("outcome"))
    texts = sa.table("texts", sa.column("id"), sa.column("body"))
    given = (
        sa.select(answers.c.id, texts.c.body)
        .join(texts, texts.c.id == answers.c.decision_text_id)
        .where(answers.c.outcome == "answered")
    )
    for answer_id, body in connection.execute(given).all():
        rows = _rows(answer_id, json.loads(body))
        if rows:
            connection.execute(chunks.insert(), rows)


def _rows(answer_id: int, decision: dict[str, Any]) -> list[dict[str, Any]]:
    cited = {citation["document"] for citation in decision["outcome"]["citations"]}
    rows = {}
    for passage in decision["retrieval"]["passages"]:
        chunk = passage["chunk"]
        name = f"{chunk['document']}#{chunk['ordinal']}"
        said = " > ".join(chunk["headings"]) + "\n" + chunk["text"]
        rows[name] = {
            "answer_id": answer_id,
            "chunk": name,
            "document": chunk["document"],
            "text_hash": hashlib.sha256(said.encode("utf-8", "surrogatepass")).hexdigest(),
            "cited": chunk["document"] in cited,
        }
    return list(rows.values())
