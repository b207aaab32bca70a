"""A message on a terminal: Markdown for people, plain text where nobody looks at colours."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from assistant.entrypoints.outcome import sources

if TYPE_CHECKING:
    from rich.console import Console

    from assistant.core.model import Message

WIDTH_MAX = 100


@cache
def console() -> Console:
    """Return the terminal; rich honours NO_COLOR and turns colours off where there is no terminal."""
    from rich.console import Console  # noqa: PLC0415 - keeps `--help` quick

    found = Console(highlight=False)
    found.width = min(found.width, WIDTH_MAX)
    return found


def print_message(message: Message, language: str = "en") -> None:
    """Print a message with its sources below it, headed in the asker's language."""
    from rich.markdown import Markdown  # noqa: PLC0415 - keeps `--help` quick

    from assistant.texts import Text, tell  # noqa: PLC0415 - as above

    screen = console()
    if screen.is_terminal:
        screen.print(Markdown(message.text, hyperlinks=False))
    else:
        screen.print(message.text, markup=False, soft_wrap=True)
    if message.citations:
        screen.print(f"\n{tell(language, Text.SOURCES)}", markup=False, style="bold")
        for line in sources(message.citations):
            screen.print(line, markup=False, soft_wrap=True)
    screen.print()
