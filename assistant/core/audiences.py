"""Who may read what: the audiences of the place a question was asked in. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from assistant.core.model import ThreadRef

PUBLIC = "public"


def audiences_of(thread: ThreadRef, table: Mapping[str, Sequence[str]]) -> frozenset[str]:
    """Return the audiences whose documents everybody in the place may read; `public` is always among them.

    Args:
        thread: Where the question was asked.
        table: Place (`PLATFORM/CONVERSATION`, or `PLATFORM` for all of it) -> audiences, as the admin set it.
    """
    whole = table.get(thread.platform, ())
    return frozenset((PUBLIC, *whole, *table.get(f"{thread.platform}/{thread.conversation}", ())))
