"""Who gave which `assistant index` command, when, and how it ended: a row in the state database."""

from __future__ import annotations

import contextlib
import getpass
import os
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from assistant.settings import Settings
    from assistant.store.audit import Entry

NO_AUDIT = "no audit"
"""In the context of a command whose caller writes the row (a chat, the schedule)."""


@contextlib.contextmanager
def audited(settings: Settings, what: str, arguments: Sequence[str] = ()) -> Iterator[Entry | None]:
    """Keep a row of the command while the block runs; None when its caller keeps one.

    The knowledge base can be mended though the state database is down: then a line says that there is no row.
    """
    from assistant import wiring  # noqa: PLC0415 - keeps `--help` quick
    from assistant.errors import AssistantError  # noqa: PLC0415 - as above
    from assistant.store import audit  # noqa: PLC0415 - as above

    context = click.get_current_context(silent=True)
    if context is not None and context.meta.get(NO_AUDIT):
        yield None
        return
    with contextlib.ExitStack() as stack:
        entry = None
        try:
            store = wiring.store(settings)
            stack.callback(store.engine.dispose)
            entry = stack.enter_context(audit.audited(store, _who(), f"index {what}", arguments))
        except AssistantError as error:
            click.echo(f"Note: no audit row is kept of this ({error})", err=True)
        yield entry


def _who() -> str:
    try:
        return f"cli/{getpass.getuser()}"
    except (OSError, KeyError):  # a container's user without a name
        return f"cli/{os.getuid()}"
