"""The state database: people, their texts, questions, answers, feedback, links and the work table.

SQLAlchemy Core, one code for SQLite and PostgreSQL. People's text lives in one table (`texts`) and every other row
refers to it by id, so that retention and "forget me" delete it in one place.
"""

from __future__ import annotations

from assistant.store.audit import audited
from assistant.store.database import open_database
from assistant.store.questions import Store
from assistant.store.records import Arrival, IssueLink, Progress, QuestionRecord

__all__ = ["Arrival", "IssueLink", "Progress", "QuestionRecord", "Store", "audited", "open_database"]
