"""The labels of an issue as one state machine, and the names a deployment gives them.

    opened ──> FOR_RESPONDER {support} ──responder needs more / no detail in time──> FOR_ASKER {support, awaiting}
                     ^                                                                      │
                     └──────────────────────── asker replies ───────────────────────────────┘
    any ──closed──> CLOSED {} ──reopened, or asker replies──> FOR_RESPONDER

`awaiting-feedback` stands beside `support`, never alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from indexing.model import Passage


@dataclass(frozen=True, slots=True)
class Labels:
    """Label names of this deployment.

    Attributes:
        support: The issue waits for a responder.
        awaiting: Beside `support`, while the issue waits for the asker.
    """

    support: str = "support"
    awaiting: str = "awaiting-feedback"


class Waiting(Enum):
    """Whom an issue waits for."""

    FOR_RESPONDER = "responder"
    FOR_ASKER = "asker"
    CLOSED = "closed"


class Event(Enum):
    """What changes whom an issue waits for."""

    RESPONDER_ASKED_BACK = "responder asked back"
    ASKER_REPLIED = "asker replied"
    CLOSED = "closed"
    REOPENED = "reopened"


_NEXT = {
    (Waiting.FOR_RESPONDER, Event.RESPONDER_ASKED_BACK): Waiting.FOR_ASKER,
    (Waiting.FOR_ASKER, Event.ASKER_REPLIED): Waiting.FOR_RESPONDER,
    (Waiting.CLOSED, Event.ASKER_REPLIED): Waiting.FOR_RESPONDER,
    (Waiting.CLOSED, Event.REOPENED): Waiting.FOR_RESPONDER,
    (Waiting.FOR_RESPONDER, Event.CLOSED): Waiting.CLOSED,
    (Waiting.FOR_ASKER, Event.CLOSED): Waiting.CLOSED,
}


def after(state: Waiting, event: Event) -> Waiting:
    """Return whom the issue waits for after the event; an event that changes nothing leaves the state."""
    return _NEXT.get((state, event), state)


def labels_of(state: Waiting, labels: Labels) -> tuple[str, ...]:
    """Return the state's labels."""
    if state is Waiting.CLOSED:
        return ()
    return (labels.support, labels.awaiting) if state is Waiting.FOR_ASKER else (labels.support,)


def state_of(present: Collection[str], labels: Labels, *, closed: bool = False) -> Waiting:
    """Read the state from an issue's labels."""
    if closed:
        return Waiting.CLOSED
    return Waiting.FOR_ASKER if labels.awaiting in present else Waiting.FOR_RESPONDER


def label_change(present: Collection[str], state: Waiting, labels: Labels) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the labels to add and those to remove; topic labels are never touched."""
    wanted = labels_of(state, labels)
    add = tuple(name for name in wanted if name not in present)
    remove = tuple(name for name in (labels.support, labels.awaiting) if name in present and name not in wanted)
    return add, remove


def topic_labels(passages: Iterable[Passage], labels: Labels, *, most: int = 2) -> tuple[str, ...]:
    """Suggest topic labels: those that at least two of the five nearest closed issues carry, most frequent first.

    Names that cannot travel in GitLab's comma-separated field are left out.
    """
    nearest: dict[str, tuple[str, ...]] = {}
    for passage in passages:
        if passage.kind == "issue" and len(nearest) < 5:  # noqa: PLR2004 - five are near, more are not
            nearest.setdefault(passage.chunk.document, passage.labels)
    votes: dict[str, int] = {}
    for names in nearest.values():
        for name in set(names) - {labels.support, labels.awaiting}:
            votes[name] = votes.get(name, 0) + 1
    agreed = [name for name, count in votes.items() if count >= 2 and "," not in name]  # noqa: PLR2004 - one issue alone proves nothing
    return tuple(sorted(agreed, key=lambda name: (-votes[name], name))[:most])
