"""Taking a question in from a terminal: mask, check, store; the same for `ask`, `chat` and the demo."""

from __future__ import annotations

import getpass
import uuid
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from assistant.core.model import ThreadRef
from assistant.store import Arrival
from assistant.texts import Text, language_of, tell
from assistant.workflows.answer import check_question
from assistant.workflows.worker import HomeInUse

if TYPE_CHECKING:
    from collections.abc import Iterator

    from assistant.settings import Settings
    from assistant.store.records import Escalation
    from assistant.wiring import Assistant

PLATFORM = "console"


@dataclass(frozen=True, slots=True)
class Taken:
    """A message after cleaning.

    Attributes:
        notice: What the asker is told about removed secrets, or empty.
    """

    text: str
    language: str
    masked: tuple[str, ...]
    notice: str


def take(parts: Assistant, raw: str) -> Taken:
    """Clean, mask and check a message before anything is stored.

    Raises:
        Rejected: Empty, too long or a picture only; told in the asker's language.
    """
    # The length is checked before the costly steps, and again by them on what is left.
    language = language_of(raw[: parts.settings.question_limit], parts.settings.language)
    check_question(raw, parts.settings.question_limit, language)
    cleaned = parts.mask(raw)
    if cleaned.masked:  # the letters of a secret are of no language
        language = language_of(cleaned.text, parts.settings.language)
    check_question(cleaned.text, parts.settings.question_limit, language)
    kinds = ", ".join(sorted({kind.replace("_", " ") for kind in cleaned.masked}))
    notice = tell(language, Text.SECRET_REMOVED, kinds=kinds) if cleaned.masked else ""
    return Taken(cleaned.text.strip(), language, cleaned.masked, notice)


def terminal_thread(conversation: str) -> ThreadRef:
    """Return a new thread of this terminal."""
    return ThreadRef(PLATFORM, conversation, uuid.uuid4().hex[:12])


def receive(parts: Assistant, thread: ThreadRef, taken: Taken, escalation: Escalation | None = None) -> str:
    """Store the question and return its id; it cannot be lost from here on."""
    rule = escalation or parts.settings.escalation
    arrival = Arrival(
        thread=thread,
        message_id=uuid.uuid4().hex,
        asker=user(),
        text=taken.text,
        visibility=parts.settings.console_visibility,
        language=taken.language,
        masked=taken.masked,
        escalation=rule if parts.tracker is not None else "off",
    )
    return parts.asking.receive(arrival)


def user() -> str:
    """Return the name of the person at the terminal."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "unknown"


@contextmanager
def owning(parts: Assistant) -> Iterator[bool]:
    """Own the workers of this home where no other process does; yields whether this one does."""
    try:
        with parts.worker.owning():
            yield True
            return
    except HomeInUse:
        pass
    yield False


def first_use_notice(settings: Settings, language: str) -> None:
    """Tell a person once that an AI answers, what is stored and for how long."""
    mark = settings.home.resolve() / "first-use-told"
    if not mark.exists():
        click.echo(tell(language, Text.AI_NOTICE, days=settings.keep_days) + "\n", err=True)
        mark.touch()
