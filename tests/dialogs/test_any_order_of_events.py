"""Deliveries, duplicates, crashes, lost answers, outages and time in any order: nothing is lost, nothing is doubled."""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from sqlalchemy import event

from assistant.errors import AccessDenied, TemporarilyUnavailable
from assistant.store import open_database
from tests.fakes.fake_chat import FakeChat
from tests.fakes.fake_tracker import FakeTracker
from tests.fakes.running_home import Clock, RunningHome, decide

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection

    from assistant.core.model import Decision, IssueDraft, IssueRef, Message, Question, ThreadRef

TEXTS = ("unknown error", "vague trouble", "register a runner", "people please")


class Crash(BaseException):
    """The process dies here."""


@dataclass
class Fuse:
    """Lets the process die at the n-th boundary from now; 0 means never."""

    left: int = 0

    def __call__(self) -> None:
        if self.left:
            self.left -= 1
            if self.left == 0:
                raise Crash


@dataclass
class CrashingTracker:
    tracker: FakeTracker
    fuse: Fuse

    def open_issue(self, draft: IssueDraft) -> IssueRef:
        self.fuse()
        ref = self.tracker.open_issue(draft)
        try:
            self.fuse()
        except Crash:
            # GitLab goes on with the request of a process that is dead.
            created, what = self.tracker.opened[-1]
            self.tracker.opened[-1] = (created + timedelta(seconds=self.tracker.ghost_s), what)
            raise
        return ref

    def find_issue(self, marker: str, since: datetime) -> IssueRef | None:
        self.fuse()
        found = self.tracker.find_issue(marker, since)
        self.fuse()
        return found

    def ensure_labels(self, names: tuple[str, ...]) -> tuple[str, ...]:
        return self.tracker.ensure_labels(names)


@dataclass
class CrashingChat:
    chat: FakeChat
    fuse: Fuse

    def post(self, thread: ThreadRef, message: Message, marker: str) -> str:
        self.fuse()
        posted = self.chat.post(thread, message, marker)
        self.fuse()
        return posted

    def find(self, thread: ThreadRef, marker: str) -> str | None:
        self.fuse()
        return self.chat.find(thread, marker)


class AnyOrder(RuleBasedStateMachine):
    """The assistant, its world, and a model of what must be true."""

    @initialize()
    def start(self) -> None:
        self.path = Path(tempfile.mkdtemp(prefix="order-", dir=MEMORY))
        shutil.copy(empty_database(), self.path / "state.db")
        self.clock, self.fuse = Clock(), Fuse()
        self.tracker, self.chat = FakeTracker(self.clock), FakeChat()
        self.asked: dict[str, str] = {}
        self.home = self.birth()

    def birth(self) -> RunningHome:
        def answer(question: Question) -> Decision:
            self.fuse()
            return decide(question)

        home = RunningHome(
            self.path,
            clock=self.clock,
            chat=CrashingChat(self.chat, self.fuse),
            tracker=CrashingTracker(self.tracker, self.fuse),
            answer=answer,
        )

        def committing(connection: Connection) -> None:
            if not connection.get_execution_options().get("reads_only"):
                self.fuse()

        event.listen(home.store.engine, "commit", committing)
        return home

    def survive(self, act: object) -> None:
        """Do something; when it kills the process, start another one, which takes up what is left."""
        try:
            act()  # type: ignore[operator]
        except Crash:
            self.home.close()
            self.home = self.birth()
            with self.home.worker.owning():
                pass

    @rule(text=st.sampled_from(TEXTS), crash=st.booleans())
    def deliver(self, text: str, crash: bool) -> None:  # noqa: FBT001 - hypothesis passes it by name
        name = f"m{len(self.asked)}"
        words = f"{name} {text}"
        self.fuse.left = int(crash)
        self.asked[name] = words
        self.survive(lambda: self.home.ask(words, message_id=name))
        self.fuse.left = 0
        self.home.run()

    @precondition(lambda self: self.asked)
    @rule(data=st.data())
    def deliver_again(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.asked)))
        self.home.ask(self.asked[name], message_id=name)

    @rule(text=st.sampled_from(TEXTS[:2]), after=st.integers(1, 8), ghost_s=st.sampled_from((0, 60)))
    def deliver_and_crash_at_work(self, text: str, after: int, ghost_s: int) -> None:
        self.deliver_unworked(text)
        self.tracker.ghost_s = ghost_s
        self.fuse.left = after
        self.survive(self.home.run)
        self.fuse.left = 0
        self.home.run()

    @rule(text=st.sampled_from(TEXTS))
    def deliver_unworked(self, text: str) -> None:
        name = f"m{len(self.asked)}"
        self.asked[name] = f"{name} {text}"
        self.home.ask(self.asked[name], message_id=name)

    @rule(seconds=st.sampled_from((0, 1, 10, 60, 80, 400, 2000)), after=st.sampled_from((0, 0, 1, 2, 3, 5, 8, 13)))
    def time_passes(self, seconds: int, after: int) -> None:
        self.clock.forward(seconds)
        self.fuse.left = after
        self.survive(self.home.run)
        self.fuse.left = 0

    @rule(answers=st.integers(1, 2), ghost_s=st.sampled_from((0, 60)))
    def gitlab_loses_answers(self, answers: int, ghost_s: int) -> None:
        self.tracker.lose_answers, self.tracker.ghost_s = answers, ghost_s
        self.deliver_unworked("unknown error")
        self.home.run()

    @rule()
    def chat_loses_an_answer(self) -> None:
        self.chat.lose_answers = 1

    @rule(word=st.sampled_from(("down", "denied", "up")))
    def gitlab_changes(self, word: str) -> None:
        errors = {"down": TemporarilyUnavailable("GitLab is down"), "denied": AccessDenied("the token was revoked")}
        self.tracker.down = errors.get(word)

    @rule(down=st.booleans())
    def chat_changes(self, down: bool) -> None:  # noqa: FBT001 - hypothesis passes it by name
        self.chat.down = TemporarilyUnavailable("chat is down") if down else None

    @precondition(lambda self: self.asked)
    @rule(data=st.data())
    def an_answer_is_wrong(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.asked)))
        question = self.home.ask(self.asked[name], message_id=name)
        if self.home.state(question) == "answered":
            self.home.asking.feedback(question, "wrong")

    @invariant()
    def nothing_is_doubled(self) -> None:
        if hasattr(self, "home"):
            assert max(Counter(draft.marker for _, draft in self.tracker.opened).values(), default=1) == 1
            assert max(Counter(marker for _, marker, _ in self.chat.shown).values(), default=1) == 1

    def teardown(self) -> None:
        if not hasattr(self, "home"):
            return
        self.tracker.down = self.chat.down = None
        for name, words in self.asked.items():  # a message that was not acknowledged is delivered again
            self.home.ask(words, message_id=name)
        self.home.run_for(4000, step=50)
        self.nothing_is_doubled()
        for name, words in self.asked.items():
            question = self.home.ask(words, message_id=name)
            progress = self.home.look(question)
            assert progress.settled
            assert progress.record.state in {"answered", "escalated"}
            opened = sum(draft.marker.endswith(f"{question}.0000") for _, draft in self.tracker.opened)
            assert opened == (progress.record.state == "escalated")
            last = "answered" if progress.record.state == "answered" else "issue_opened"
            assert self.chat.kinds(name)[-1] == last
        self.home.close()
        shutil.rmtree(self.path)


def empty_database() -> Path:
    """Return a migrated file, made once: each example copies it."""
    file = Path(tempfile.gettempdir()) / "assistant-empty-state"
    if not EMPTY:
        file.unlink(missing_ok=True)
        engine = open_database(f"sqlite:///{file}")
        with engine.connect().execution_options(reads_only=True) as connection:
            connection.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").close()
        engine.dispose()
        EMPTY.append(file)
    return EMPTY[0]


EMPTY: list[Path] = []
MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108 - thousands of commits that no power cut will test
TestAnyOrder = pytest.mark.slow(AnyOrder.TestCase)
TestAnyOrder.settings = settings(
    max_examples=30,
    stateful_step_count=30,
    deadline=None,
    phases=[Phase.reuse, Phase.generate],  # to make a failure small takes minutes; its steps say enough
    suppress_health_check=[HealthCheck.too_slow],
)
