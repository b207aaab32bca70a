"""One life of an assistant process that is going to be killed: real database, real GitLab adapter, a harsh chat.

Used by `torture.py`, which forks it. The moments at which it can be killed are called boundaries: before and after
every commit, every call of GitLab, every post, every answer and every acknowledgement, and inside each transaction.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from torture_peers import Boundaries, JournalChat, KillableChat, KillableTracker

from assistant.adapters.gitlab import GitLabTracker
from assistant.core.escalation import Terms, draft_issue, marker_for, searched_from
from assistant.core.model import Abstained, Answered, Decision, IssueDraft, NeedsDetail, Question, ThreadRef
from assistant.errors import AssistantError
from assistant.store import Arrival, Store, open_database
from assistant.work import WorkTable
from assistant.workflows.ask import Asking
from assistant.workflows.escalate import Escalation
from assistant.workflows.telling import Telling
from assistant.workflows.worker import Pace, Worker
from indexing.model import Retrieval

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path


MARKER_KEY = b"torture"
SETTLE_S = 60.0


@dataclass(frozen=True)
class Event:
    """A message that the chat platform delivers again and again until it is acknowledged.

    Attributes:
        verdict: What the asker says to the answer, or empty.
    """

    message_id: str
    text: str
    verdict: str = ""


@dataclass(frozen=True)
class Setting:
    """What the lives of one home have in common.

    Attributes:
        issue_wait_s: `uncertain_wait_s` of issues.
        look_up: False shows what happens without looking before a write is repeated.
    """

    home: Path
    gitlab_url: str
    gitlab_token: str
    project: str
    issue_wait_s: float
    look_up: bool = True


def decide(question: Question) -> Decision:
    """Answer without an index: the words of the question name the outcome."""
    outcome: Answered | NeedsDetail | Abstained = Abstained("weak_evidence", 0.1)
    if question.text.startswith("answer"):
        outcome = Answered("Restart the runner.", (), 0.9)
    elif question.text.startswith("vague"):
        outcome = NeedsDetail(("version",), 0.3)
    return Decision(outcome, Retrieval((), ()), "extractive")


def _draft(question: Question, decision: Decision | None, *, awaiting: bool, confidential: bool) -> IssueDraft:
    terms = Terms(marker_for(question.id, MARKER_KEY), awaiting=awaiting, confidential=confidential)
    return draft_issue(question, searched_from(decision), terms)


def _now() -> datetime:
    return datetime.now(UTC)


class Life:
    """One process' worth of work on one home."""

    def __init__(self, setting: Setting, boundaries: Boundaries) -> None:
        self.setting, self.boundaries = setting, boundaries
        engine = open_database(f"sqlite:///{setting.home}/state.db")
        boundaries.watch(engine)
        self.store, self.work = Store(engine, _now), WorkTable(engine, _now)
        chat = KillableChat(JournalChat(setting.home / "chat.db"), boundaries, setting.look_up)
        real = GitLabTracker(setting.gitlab_url, setting.gitlab_token, setting.project, timeout_s=1.0)
        tracker = KillableTracker(real, boundaries, setting.look_up)
        telling = Telling(self.store, self.work, {"test": chat})
        escalation = Escalation(
            store=self.store,
            work=self.work,
            telling=telling,
            tracker=tracker,
            draft_issue=_draft,
            marker_for=lambda question_id: marker_for(question_id, MARKER_KEY),
            must_hide=lambda _question: False,
            look_back_s=2.0,
        )
        self.asking = Asking(self.store, self.work, telling, escalation, self._answer, needs_detail_after_s=0)
        # The kills are ours, not the fault of the row they hit: no row becomes a dead letter for them.
        pace = Pace(backoff_s=0.02, backoff_cap_s=0.1, paused_retry_s=0.2, max_failures=1000)
        handlers = self.asking.handlers(issue_wait_s=setting.issue_wait_s)
        self.worker = Worker(engine, handlers, _now, setting.home / "worker.lock", pace)

    def _answer(self, question: Question) -> Decision:
        with self.boundaries.around("answer"):
            return decide(question)

    def live(self, events: Sequence[Event], *, until_settled: bool) -> None:
        """Take the events in, then work; for ever unless the life may end when nothing is left to do."""
        acknowledged = self.setting.home / "acknowledged"
        done = set(acknowledged.read_text().split()) if acknowledged.exists() else set()
        with self.worker.owning():
            for one in events:
                # An acknowledged message is delivered again only in the last life: platforms do that, too.
                if one.message_id not in done or until_settled:
                    self._receive(one, acknowledged)
            self._work(events, until_settled=until_settled)

    def _receive(self, one: Event, acknowledged: Path) -> str:
        thread = ThreadRef("test", "C", one.message_id)
        question_id = self.asking.receive(Arrival(thread, one.message_id, "ada", one.text, visibility="public"))
        self.boundaries("before acknowledgement")
        with acknowledged.open("a") as file:
            file.write(f"{one.message_id}\n")
        self.boundaries("after acknowledgement")
        return question_id

    def _work(self, events: Sequence[Event], *, until_settled: bool) -> None:
        give_up = time.monotonic() + SETTLE_S
        while not until_settled or time.monotonic() < give_up:
            try:
                if self.worker.run_once():
                    continue
                self._speak(events)
                if until_settled and self._settled():
                    return
            except AssistantError as error:
                print(f"  the worker met: {error}", flush=True)
            time.sleep(0.01)
        for row in self.work.waiting():
            print(f"  not settled: {row.kind} {row.state} after {row.attempts} tries: {row.error}", flush=True)

    def _speak(self, events: Sequence[Event]) -> None:
        """Let the askers say their word, as often as the platform delivers it."""
        for one in events:
            if one.verdict:
                question_id = self._question_id(one)
                if question_id and self.store.progress(question_id).record.state == "answered":
                    self.asking.feedback(question_id, one.verdict)  # type: ignore[arg-type] - a word of `Verdict`

    def _question_id(self, one: Event) -> str | None:
        with self.store.reading() as tx:
            return self.work.subject_of(tx, f"ask:test/C/{one.message_id}")

    def _settled(self) -> bool:
        with self.store.reading() as tx:
            left = "SELECT count(*) FROM work WHERE state IN ('ready', 'running')"
            return tx.exec_driver_sql(left).scalar() == 0


def in_child(body: Callable[[], None]) -> int:
    """Fork, run the body in the child, and return the child's process id."""
    pid = os.fork()
    if pid:
        return pid
    try:
        body()
        os._exit(0)
    except BaseException as error:  # noqa: BLE001 - a forked child must never return into the parent's stack
        print(f"  a life ended with {type(error).__name__}: {error}", flush=True)
        os._exit(1)
