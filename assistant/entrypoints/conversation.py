"""A conversation in a terminal: what is typed becomes a question, a detail, a yes or no, or feedback."""

from __future__ import annotations

import threading
import time
import uuid
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, get_args

from assistant import wiring
from assistant.core.commands import is_command
from assistant.entrypoints.asking import owning, receive, take, terminal_thread
from assistant.store.records import Verdict
from assistant.workflows.administer import Request

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from assistant.core.model import Message, ThreadRef
    from assistant.store import Progress
    from assistant.wiring import Assistant

ADMIN_ID = "console/local"
"""Who sits at the terminal, for `ASSISTANT_ADMINS`: its rights are those of the files, so it needs no finer name."""
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)
YES = frozenset({"y", "yes", "j", "ja", "是", "好", "好的", "はい"})
NO = frozenset({"n", "no", "nein", "不", "不用", "否", "いいえ"})
POLL_S = 0.05
REST_S = 120.0
"""How long a person is made to wait for one message at most; work goes on behind the prompt."""


@dataclass
class Conversation:
    """One thread at a time; a new question without an open one begins in the same thread.

    Attributes:
        show: Prints one message, in the asker's language.
        note: Prints one line that is no message (removed secrets, refusals).
    """

    parts: Assistant
    show: Callable[[Message, str], None]
    note: Callable[[str], None]
    thread: ThreadRef = field(default_factory=lambda: terminal_thread("chat"))
    question_id: str = ""
    _asked: list[str] = field(default_factory=list)
    _shown: int = 0

    @contextmanager
    def working(self) -> Iterator[None]:
        """Work on questions in the background while the conversation goes on."""
        stop = threading.Event()
        with owning(self.parts) as own:
            worker = threading.Thread(target=self._work, args=(stop,), name="workers")
            if own:
                worker.start()
            else:
                self.note("Another assistant process does the work of this home; this one only talks.")
            try:
                yield
            finally:
                stop.set()
                self.parts.stopping.set()
                if own:
                    worker.join()

    def _work(self, stop: threading.Event) -> None:
        wiring.make_labels(self.parts)
        self.parts.worker.run_forever(stop)

    def say(self, text: str) -> Progress | None:
        """Do what the words ask for, and show what comes of it; None when nothing was asked yet.

        Raises:
            Rejected: The words do not fit the state of the question; the message says why.
        """
        if is_command(text):
            self._command(text)
            return None
        word = text.strip().casefold()
        open_question = self.parts.store.progress(self.question_id) if self.question_id else None
        awaiting = open_question.record.awaiting if open_question else ""
        if awaiting == "confirm" and word in YES | NO:
            self.parts.asking.confirm(self.question_id, yes=word in YES)
        elif (verdict := self._verdict(word)) is not None:
            self.parts.asking.feedback(*verdict)
            return self.rest(verdict[0])
        else:
            self._ask(text, is_detail=awaiting == "detail")
        return self.rest()

    def _verdict(self, word: str) -> tuple[str, Verdict] | None:
        """Return question and verdict: of the newest question, or of an earlier one of this thread that is named.

        A word alone never counts for an earlier answer: who asked again was perhaps not helped by it.
        """
        said, _, named = word.partition(" ")
        verdict = next((one for one in VERDICTS if one == said), None)
        named = named.strip("` ")
        if verdict is None or not self.question_id:
            return None
        if not named:
            return self.question_id, verdict
        return (named, verdict) if named in self._asked else None

    def _command(self, text: str) -> None:
        """Give an admin command, and follow its message until it says how it ended."""
        masked = self.parts.mask(text).text  # a word that is no argument is shown back
        received = self.parts.administering.receive(Request(self.thread, uuid.uuid4().hex, ADMIN_ID, masked))
        if received.told:
            self.note(received.told)
        elif received.row is not None:
            self._follow(received.row)

    def _follow(self, row: int) -> None:
        give_up = time.monotonic() + REST_S
        told, before = "", self._shown
        while not self.parts.administering.is_settled(row):
            if time.monotonic() > give_up:
                self.note("It goes on in the background; its end will be shown here.")
                return
            step = _step(self._newest_text(before))
            if step and step != told:
                told = step
                self.note(f"… {step}")
            time.sleep(POLL_S)
        self._show_new("en")

    def _newest_text(self, after: int) -> str:
        shown = self.parts.console.read(self.thread, after)
        return shown[-1].message.text if shown else ""

    def _ask(self, text: str, *, is_detail: bool) -> None:
        taken = take(self.parts, text)
        if taken.notice:
            self.note(taken.notice)
        if is_detail:
            self.parts.asking.add_detail(self.question_id, taken.text, uuid.uuid4().hex, taken.masked)
        else:
            self.question_id = receive(self.parts, self.thread, taken)
            self._asked.append(self.question_id)

    def rest(self, question_id: str = "") -> Progress | None:
        """Show messages until nothing more will happen by itself with a question; the newest, if none is named."""
        question_id = question_id or self.question_id
        if not question_id:
            return None
        give_up = time.monotonic() + REST_S
        while True:
            progress = self.parts.store.progress(question_id)
            self._show_new(progress.record.question.language)
            if progress.settled or time.monotonic() > give_up:
                return progress
            time.sleep(POLL_S)

    def _show_new(self, language: str) -> None:
        for shown in self.parts.console.read(self.thread, self._shown):
            self._shown = shown.id
            self.show(shown.message, language)
            if shown.message.kind == "answered":
                self.note(f"Question {shown.message.question_id}\n")

    def begin_anew(self) -> None:
        """Leave the question behind and begin a new thread."""
        self.thread = terminal_thread("chat")
        self.question_id = ""
        self._asked.clear()


def _step(text: str) -> str:
    """Return what the message of a running command says last; nothing of one that has ended: it is shown whole."""
    title, _, shown = text.partition("\n\n")
    if not title.endswith((": begun", ": running")):
        return ""
    return shown.strip("`\n") or title
