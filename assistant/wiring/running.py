"""All running parts of one home. A part of `assistant.wiring`."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from assistant.errors import AssistantError
from assistant.wiring.answering import answer, language_model
from assistant.wiring.escalating import escalation_of, issue_drafter, tracker
from assistant.wiring.knowledge import clean, live_index
from assistant.wiring.place import home, utc_now

if TYPE_CHECKING:
    from assistant.adapters.console import ConsoleChat
    from assistant.ports import Now, Tracker
    from assistant.settings import Settings
    from assistant.store import Store
    from assistant.workflows.administer import Administering
    from assistant.workflows.ask import Asking
    from assistant.workflows.escalate import DraftIssue
    from assistant.workflows.worker import Worker
    from indexing.live import LiveIndex
    from indexing.model import Clean

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Assistant:
    """The running parts of one home.

    Attributes:
        asking: The life of a question.
        mask: Cleans and masks a text; everything people write passes it first.
        index: Retrieval over the live version.
        tracker: None when no GitLab is set up.
        administering: Admin commands of chats.
        stopping: Set when this process ends: a command of an admin that runs is ended with it.
    """

    settings: Settings
    store: Store
    asking: Asking
    worker: Worker
    console: ConsoleChat
    mask: Clean
    index: LiveIndex
    tracker: Tracker | None
    draft_issue: DraftIssue
    administering: Administering
    stopping: threading.Event


def assistant(settings: Settings, *, now: Now = utc_now, stop: threading.Event | None = None) -> Assistant:
    """Build all parts of a home.

    Args:
        settings: As loaded.
        now: The clock.
        stop: Set by the caller when the process is to end; see `Assistant.stopping`.

    Raises:
        NotConfigured: A setting is wrong; the message says how to mend it.
    """
    from assistant.adapters.console import ConsoleChat  # noqa: PLC0415 - heavy rooms load when they are used
    from assistant.command_child import run_in_child  # noqa: PLC0415 - as above
    from assistant.store import Store, open_database  # noqa: PLC0415 - as above
    from assistant.work import WorkTable  # noqa: PLC0415 - as above
    from assistant.workflows.administer import Administering  # noqa: PLC0415 - as above
    from assistant.workflows.ask import Asking  # noqa: PLC0415 - as above
    from assistant.workflows.telling import Telling  # noqa: PLC0415 - as above
    from assistant.workflows.worker import Worker, boot_clock  # noqa: PLC0415 - as above

    place = home(settings)
    engine = open_database(settings.database())
    store, work = Store(engine, now), WorkTable(engine, now)
    console = ConsoleChat(place / "console.db")
    telling = Telling(store, work, {"console": console})
    issues, drafter = tracker(settings), issue_drafter(settings)
    escalation = escalation_of(settings, telling, issues, drafter)
    index = live_index(settings)
    decide = answer(settings, index, language_model(settings))
    asking = Asking(store, work, telling, escalation, decide, settings.needs_detail_after * 60)
    stopping = stop or threading.Event()
    sources = [source.name for source in settings.source]
    run = run_in_child(settings, stopping.is_set)
    administering = Administering(store, work, {"console": console}, run, settings.admins, sources)
    handlers = {**asking.handlers(issue_wait_s=settings.uncertain_write_wait_s), **administering.handlers()}
    worker = Worker(engine, handlers, now, place / "worker.lock", elapsed=boot_clock)
    return Assistant(
        settings,
        store,
        asking,
        worker,
        console,
        clean(settings),
        index,
        issues,
        drafter,
        administering,
        stopping,
    )


def make_labels(parts: Assistant) -> None:
    """Make the labels of escalations that are missing, at start-up; `doctor` shows what stands in the way."""
    if parts.tracker is None:
        return
    try:
        made = parts.tracker.ensure_labels((parts.settings.label_support, parts.settings.label_awaiting_feedback))
    except AssistantError as error:  # questions are answered all the same, and issues wait for GitLab
        log.warning("labels.not_made", error=str(error))
    else:
        log.info("labels.present", made=list(made))
