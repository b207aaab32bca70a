"""`assistant chat`: a conversation in the terminal."""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING

import click

from assistant.entrypoints.ending import errors

if TYPE_CHECKING:
    from assistant.entrypoints.conversation import Conversation

HELP = """Type a question. Then: solved, wrong, people (open an issue), cancel, or more detail when you are asked.
Ask on in the same thread ("and on Windows?"); to speak of an earlier answer, add its id: wrong ID.
/new begins a new thread, /help shows this, /quit ends. Admins: /index help."""


@click.command(
    "chat",
    epilog="""\b
Examples:
  assistant chat
  printf 'How do I register a runner?\\n' | assistant chat""",
)
def chat() -> None:
    """Talk to the assistant in the terminal: threads, feedback and escalation."""
    with errors("stopped; stored questions go on with the next start"):
        from assistant import logs, wiring  # noqa: PLC0415 - keeps `--help` quick
        from assistant import settings as configuration  # noqa: PLC0415 - as above
        from assistant.entrypoints.asking import first_use_notice  # noqa: PLC0415 - as above
        from assistant.entrypoints.conversation import Conversation  # noqa: PLC0415 - as above
        from assistant.entrypoints.rendering import print_message  # noqa: PLC0415 - as above

        settings = configuration.load()
        parts = wiring.assistant(settings)
        parts.index.start_loading()
        first_use_notice(settings, settings.language)
        talk = Conversation(parts, print_message, click.echo)
        with logs.written_to(settings.home / "assistant.log", settings.log_level), talk.working():
            if not sys.stdin.isatty():
                parts.index.wait_ready()
            converse(talk)


def converse(talk: Conversation) -> None:
    """Read lines until the end of input or `/quit`."""
    from assistant.errors import Rejected  # noqa: PLC0415 - keeps `--help` quick

    click.echo(HELP + "\n")
    while True:
        line = read_line()
        if line is None or line.strip() in ("/quit", "/exit"):
            return
        if line.strip() == "/help":
            click.echo(HELP)
        elif line.strip() == "/new":
            talk.begin_anew()
            click.echo("New thread.")
        elif line.strip():
            try:
                talk.say(line.rstrip("\r\n"))
            except Rejected as error:
                click.echo(str(error))


def read_line() -> str | None:
    """Return the next line, or None at the end of input; the prompt is shown to people only."""
    if sys.stdin.isatty():
        with contextlib.suppress(ImportError):
            import readline  # noqa: F401, PLC0415 - gives the prompt editing and history where Python has it
        try:
            return input("you> ")
        except EOFError:
            return None
    line = sys.stdin.readline()
    if not line:
        return None
    click.echo(f"you> {line.rstrip()}")
    return line
