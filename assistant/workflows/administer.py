"""Admin commands over a chat: one row, one message whose text follows the progress, one line in the audit.

receive ──not an admin, or no command──> told privately, audited `refused`
   ├──the same is asked for already──> told who asked, audited `joined`
   └──row admin──> message posted, edited while it runs ──> audited, row admin_reply ──> message says how it ended

A crash in the middle: what may be done twice is done again; what may not (a rollback) is told as interrupted.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog

from assistant.core.commands import COMMANDS, Command, Refused, may_run, parse
from assistant.core.model import Message, ThreadRef
from assistant.errors import AssistantError, NotConfigured, Uncertain
from assistant.store.audit import audit, audit_row, begin, end
from assistant.store.statements import open_payloads, unfinished_work
from assistant.work import Task
from assistant.workflows.worker import Handler
from indexing.errors import IndexingError

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from assistant.ports import Chat
    from assistant.store import Store
    from assistant.store.records import AuditResult, AuditRow
    from assistant.work import Job, WorkTable

ADMIN, REPLY = "admin", "admin_reply"
LONGEST_S = 6 * 3600.0
"""Longer than any command takes; a process that dies is noticed by its lock, not by this."""
SHOWN = 3000
"""Characters of a result that a message shows."""

RunCommand = Callable[[Command, Callable[[str], None]], str]
"""Carries a command out and returns what it came to, as text for a person; the callable is told each step in one line.

Raises an `AssistantError` or `IndexingError` whose message is one line that says how to mend it.
"""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Request:
    """A message that is meant as a command (`core.commands.is_command`).

    Attributes:
        message_id: The platform's id of the message, unique in its conversation: a second delivery has no effect.
        who: Stable id, `PLATFORM/USER ID`; never a name that people can choose.
        text: Cleaned and masked.
    """

    thread: ThreadRef
    message_id: str
    who: str
    text: str


@dataclass(frozen=True, slots=True)
class Received:
    """What comes of a request.

    Attributes:
        told: For the eyes of who asked alone; empty when the progress is shown in the thread.
        row: Of the audit, when the command will be carried out.
    """

    told: str = ""
    row: int | None = None


@dataclass(frozen=True, slots=True)
class Administering:
    """Admin commands.

    Attributes:
        chats: Chat by platform.
        run: Carries commands out.
        admins: Stable ids of who may.
        sources: Names of the configured sources.
        post_wait_s: How long a platform may go on with a request whose answer was lost; 0 for the console.
        edit_every_s: Time between two edits of a message; platforms count edits.
        clock: Seconds, for that time.
    """

    store: Store
    work: WorkTable
    chats: Mapping[str, Chat]
    run: RunCommand
    admins: Collection[str]
    sources: Collection[str] = ()
    post_wait_s: float = 0.0
    edit_every_s: float = 2.0
    clock: Callable[[], float] = time.monotonic

    def receive(self, request: Request) -> Received:
        """Take a command in; it cannot be lost any more then."""
        if not may_run(request.who, self.admins):
            log.warning("admin.refused", who=request.who, platform=request.thread.platform)
            audit(self.store, request.who, "index", "refused", "not an admin")
            return Received(
                f"Only admins may do this, and you ({request.who}) are none. "
                "Who runs the assistant can add this id to ASSISTANT_ADMINS."
            )
        command = parse(request.text, self.sources)
        if isinstance(command, Refused):
            audit(self.store, request.who, "index", "refused", "no such command or argument")  # not what was typed
            return Received(command.reason)
        return self._add(request, command)

    def _add(self, request: Request, command: Command) -> Received:
        thread = request.thread
        key = f"{ADMIN}:{thread.platform}/{thread.conversation}/{request.message_id}"
        with self.store.writing() as tx:
            if self.work.subject_of(tx, key) is not None:
                return Received()
            other = self._same(tx, command)
            row = begin(tx, self.store, request.who, f"index {command.name}", command.arguments)
            if other is not None:
                told = f"{other.who} asked for {command} already, at {other.at:%H:%M} UTC; it is not begun twice."
                end(tx, self.store, row, "joined", told)
                return Received(told)
            payload = {
                "audit": row,
                "command": [command.name, *command.arguments],
                "thread": [thread.platform, thread.conversation, thread.thread, thread.url],
            }
            lane = ADMIN if COMMANDS[command.name].changes else ""
            self.work.add(tx, Task(key, ADMIN, _subject(row), payload, lane))
            return Received(row=row)

    def _same(self, tx: Connection, command: Command) -> AuditRow | None:
        """Return who has asked for the same change, when it is not finished."""
        if not COMMANDS[command.name].changes:
            return None
        wanted = [command.name, *command.arguments]
        rows = [payload["audit"] for payload in open_payloads(tx, ADMIN) if payload["command"] == wanted]
        return audit_row(tx, rows[0]) if rows else None

    def is_settled(self, row: int) -> bool:
        """Return whether a command is over and its message says so, or waits for an outage to end."""
        with self.store.reading() as tx:
            return unfinished_work(tx, _subject(row), self.store.now())[0]

    def carry_out(self, job: Job) -> None:
        """Run one command, and store how it ended with the row that tells it."""
        with self.store.reading() as tx:
            row = audit_row(tx, job.payload["audit"])
        name, *arguments = job.payload["command"]
        command = Command(name, tuple(arguments))
        progress = Progress(self, job, f"`{command}`" + (f" by {row.who}" if row else ""))
        result, told = self._run(job, command, row, progress)
        with self.store.writing() as tx:
            self.work.finish(tx, job)
            self._close(tx, job, result, told, in_doubt=progress.in_doubt)

    def _run(self, job: Job, command: Command, row: AuditRow | None, progress: Progress) -> tuple[AuditResult, str]:
        shape = COMMANDS.get(command.name)
        if shape is None or row is None or not may_run(row.who, self.admins):
            return "refused", "this may not be run any more"
        if job.uncertain and not shape.again:
            return "failed", f"it was interrupted and may have been done: look at /index status before {command} again"
        progress.begin()
        try:
            return "done", self.run(command, progress.tell)
        except (AssistantError, IndexingError) as error:
            return "failed", str(error)

    def gave_up(self, tx: Connection, job: Job, error: str) -> None:
        """Tell that a command broke again and again."""
        self._close(tx, job, "failed", error, in_doubt=True)

    def _close(self, tx: Connection, job: Job, result: AuditResult, told: str, *, in_doubt: bool) -> None:
        end(tx, self.store, job.payload["audit"], result, told)
        payload = {**job.payload, "marker": job.key}
        # A message that may be on its way is looked up only when it must have come.
        due = self.work.now() + timedelta(seconds=self.post_wait_s) if in_doubt else None
        self.work.add(tx, Task(f"{REPLY}:{job.key}", REPLY, job.subject, payload, due_at=due))

    def reply(self, job: Job) -> None:
        """Put the end of a command into its message.

        Raises:
            AssistantError: As the methods of `Chat`.
        """
        with self.store.reading() as tx:
            row = audit_row(tx, job.payload["audit"])
        if row is not None:  # else retention deleted it: nobody waits any more
            name, *arguments = job.payload["command"]
            message = _message(f"`{Command(name, tuple(arguments))}` by {row.who}: {row.result}", row.detail)
            thread, marker = ThreadRef(*job.payload["thread"]), job.payload["marker"]
            chat = self.chat(thread)
            posted = chat.find(thread, marker)
            self.work.ensure_lease(job)
            if posted is None:
                chat.post(thread, message, marker)
            else:
                chat.edit(thread, posted, message)
        with self.store.writing() as tx:
            self.work.finish(tx, job)

    def chat(self, thread: ThreadRef) -> Chat:
        """Return the chat of a thread.

        Raises:
            NotConfigured: There is none for its platform.
        """
        found = self.chats.get(thread.platform)
        if found is None:
            raise NotConfigured(f"no chat is set up for {thread.platform}; start the assistant with its tokens set")
        return found

    def handlers(self) -> dict[str, Handler]:
        """Return the handler of each kind of row."""
        return {
            ADMIN: Handler(self.carry_out, lease_s=LONGEST_S, on_dead=self.gave_up),
            REPLY: Handler(self.reply, uncertain_wait_s=self.post_wait_s),
        }


@dataclass(slots=True)
class Progress:
    """The message of a command while it runs. A chat that is down does not stop the command.

    Attributes:
        in_doubt: The message may have been posted, or not.
    """

    admin: Administering
    job: Job
    title: str
    in_doubt: bool = False
    _posted: str = field(default="", init=False)
    _last: float = field(default=0.0, init=False)

    def begin(self) -> None:
        """Post the message, or find the one of an earlier try."""
        thread = ThreadRef(*self.job.payload["thread"])
        try:
            chat = self.admin.chat(thread)
            found = chat.find(thread, self.job.key) if self.job.look_first else None
            self._posted = found or chat.post(thread, _message(f"{self.title}: begun"), self.job.key)
        except Uncertain as error:
            self.in_doubt = True
            log.warning("admin.not_shown", row=self.job.id, error=str(error))
        except AssistantError as error:
            log.warning("admin.not_shown", row=self.job.id, error=str(error))
        self._last = self.admin.clock()

    def tell(self, step: str) -> None:
        """Show a step, unless the last one was shown just now."""
        now = self.admin.clock()
        if not self._posted or now - self._last < self.admin.edit_every_s:
            return
        self._last = now
        thread = ThreadRef(*self.job.payload["thread"])
        try:
            self.admin.chat(thread).edit(thread, self._posted, _message(f"{self.title}: running", step))
        except AssistantError as error:
            log.warning("admin.not_shown", row=self.job.id, error=str(error))


def _subject(row: int) -> str:
    return f"admin-{row}"


def _message(title: str, text: str = "") -> Message:
    """Return a message whose text stands in a block of code: names of documents are data, not markup."""
    shown = text if len(text) <= SHOWN else text[: SHOWN - 1] + "…"
    fence = "`" * max(3, 1 + max(map(len, re.findall(r"`+", shown)), default=0))
    return Message("notice", f"{title}\n\n{fence}\n{shown}\n{fence}" if shown else title)
