"""One home with everything real but the world: clock, chat, tracker and answers are fakes."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import delete

from assistant.core.model import (
    Abstained,
    Answered,
    Citation,
    Decision,
    IssueDraft,
    NeedsDetail,
    Question,
    ThreadRef,
)
from assistant.store import Arrival, Store, open_database
from assistant.store.database import writing
from assistant.store.tables import metadata
from assistant.work import WorkTable
from assistant.workflows.ask import Asking
from assistant.workflows.escalate import Escalation
from assistant.workflows.telling import Telling
from assistant.workflows.worker import Handler, Pace, Worker
from indexing.model import Chunk, Passage, RankedDocument, Retrieval
from tests.fakes.fake_chat import FakeChat
from tests.fakes.fake_tracker import FakeTracker

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sqlalchemy import Engine

    from assistant.store import Progress
    from assistant.workflows.escalate import DraftIssue


DATABASES = ["", *filter(None, [os.environ.get("TEST_POSTGRESQL_URL")])]
"""SQLite in a fresh file, and an empty PostgreSQL database where the variable names one."""


def empty(engine: Engine) -> None:
    """Delete all rows: a server's database outlives a test."""
    with writing(engine) as tx:
        for table in reversed(metadata.sorted_tables):
            tx.execute(delete(table))


@dataclass
class Clock:
    """Time that moves only when told to."""

    moment: datetime = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.moment

    def forward(self, seconds: float) -> None:
        self.moment += timedelta(seconds=seconds)


def decide(question: Question) -> Decision:
    """Answer, unless the words of the question ask for another outcome: `unknown`, `vague`, `vague` without details."""
    chunk = Chunk("docs/runner.md", 0, ("Runner", "Register"), "Run `gitlab-runner register`.")
    passage = Passage(1, chunk, 0.9, "page", "Runner", "https://docs.example/runner")
    retrieval = Retrieval((passage,), (RankedDocument("docs/runner.md", "page", 0.9, chunk.id),), index_version="v1")
    outcome: Answered | NeedsDetail | Abstained
    if "unknown" in question.full_text:
        outcome = Abstained("weak_evidence", 0.1)
    elif "people" in question.full_text:
        outcome = Abstained("asked_for_people", 0.0)
    elif "vague" in question.full_text and "runner" not in question.full_text:
        outcome = NeedsDetail(("version",), 0.3)
    else:
        cited = Citation(1, "Runner", "https://docs.example/runner", "docs/runner.md", "gitlab-runner register")
        outcome = Answered("Run `gitlab-runner register` [1].", (cited,), 0.9)
    return Decision(outcome, retrieval, "extractive", timings_ms={"total": 1.0})


def marker_for(question_id: str) -> str:
    return f"assistant-ref: {question_id}.0000"


def draft_issue(question: Question, decision: Decision | None, *, awaiting: bool, confidential: bool) -> IssueDraft:
    del decision
    labels = ("support", "awaiting-feedback") if awaiting else ("support",)
    marker = marker_for(question.id)
    return IssueDraft(question.text[:60], f"{question.full_text}\n\n{marker}", labels, confidential, marker)


@dataclass
class RunningHome:
    """A home in a directory; build a second one over the same directory to restart it."""

    path: Path
    clock: Clock = field(default_factory=Clock)
    chat: FakeChat = field(default_factory=FakeChat)
    tracker: FakeTracker | None = None
    answer: Callable[[Question], Decision] = decide
    draft_issue: DraftIssue = draft_issue
    needs_detail_after_s: float = 1800.0
    pace: Pace = field(default_factory=Pace)
    database_url: str = ""

    def __post_init__(self) -> None:
        engine = open_database(self.database_url or f"sqlite:///{self.path}/state.db")
        self.tracker = self.tracker or FakeTracker(self.clock)
        self.store = Store(engine, self.clock)
        self.work = WorkTable(engine, self.clock)
        telling = Telling(self.store, self.work, {"test": self.chat})
        self.escalation = Escalation(
            self.store,
            self.work,
            telling,
            self.tracker,
            self.draft_issue,
            marker_for,
            must_hide=lambda question: "security" in question.full_text,
        )
        self.asking = Asking(self.store, self.work, telling, self.escalation, self.answer, self.needs_detail_after_s)
        handlers: dict[str, Handler] = self.asking.handlers(post_wait_s=75.0)
        self.worker = Worker(engine, handlers, self.clock, self.path / "worker.lock", self.pace, jitter=lambda: 1.0)

    def close(self) -> None:
        self.store.engine.dispose()

    def ask(self, text: str, **changed: object) -> str:
        """Receive a question of a new thread named by its first word, in a public channel unless said otherwise."""
        thread = ThreadRef("test", "C1", text.split(maxsplit=1)[0])
        values: dict[str, object] = {"visibility": "public", "message_id": text, "asker": "ada", "text": text}
        return self.asking.receive(Arrival(**{"thread": thread, **values, **changed}))  # type: ignore[arg-type]

    def run(self) -> None:
        """Work until nothing is due."""
        assert self.worker.run_until_idle(30), "the worker did not come to rest"

    def run_for(self, seconds: float, step: float = 5.0) -> None:
        """Let time pass in steps, working on what falls due."""
        passed = 0.0
        while passed < seconds:
            self.run()
            self.clock.forward(step)
            passed += step
        self.run()

    def look(self, question_id: str) -> Progress:
        return self.store.progress(question_id)

    def state(self, question_id: str) -> str:
        return self.look(question_id).record.state
