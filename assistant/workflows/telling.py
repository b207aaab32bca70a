"""Tell the asker of each change once: a message is a row beside its state, and is looked up before a resend."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from assistant.codec import dump, load
from assistant.core.model import Message
from assistant.errors import NotConfigured
from assistant.work import Task

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection

    from assistant.ports import Chat
    from assistant.store import QuestionRecord, Store
    from assistant.work import Job, WorkTable

POST = "post"


@dataclass(frozen=True, slots=True)
class Telling:
    """Messages to askers.

    Attributes:
        chats: Chat by platform (`console`, ...).
    """

    store: Store
    work: WorkTable
    chats: Mapping[str, Chat]

    def tell(self, tx: Connection, record: QuestionRecord, message: Message) -> None:
        """Add the message to the outbox, in the transaction of the change that it tells.

        Its key names the change, so that one change is told once whatever is tried again. Messages of one thread keep
        their order.
        """
        question = record.question
        thread = question.thread
        key = f"{POST}:{question.id}:{record.changes}:{message.kind}"
        if self.work.subject_of(tx, key) is not None:
            return
        self.work.add(
            tx,
            Task(
                key=key,
                kind=POST,
                subject=question.id,
                payload={"text": self.store.add_text(tx, question.id, "message", dump(message))},
                lane=f"{POST}:{thread.platform}/{thread.conversation}/{thread.thread}",
            ),
        )

    def post(self, job: Job) -> None:
        """Send one message; look first whether an earlier try did.

        Raises:
            AssistantError: As `Chat.post` and `Chat.find`.
        """
        with self.store.reading() as tx:
            body = self.store.text(tx, job.payload["text"])
            thread = self.store.question(tx, job.subject).question.thread
        if body is not None:  # else it was deleted before it was sent ("forget me"): nothing is to be said
            chat = self.chats.get(thread.platform)
            if chat is None:
                raise NotConfigured(f"no chat is set up for {thread.platform}; start the assistant with its tokens set")
            if not job.look_first or chat.find(thread, job.key) is None:
                self.work.ensure_lease(job)
                chat.post(thread, load(Message, body), job.key)
        with self.store.writing() as tx:
            self.work.finish(tx, job)
