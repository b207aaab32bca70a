"""Admin commands in a chat: what was asked, and who may ask it. Pure.

A command is one line whose first word is `/index`. Arguments come from a fixed list: names of versions, names of
configured sources. What is quoted, pasted or stands further down in a message is never a command.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

PREFIX = "/index"

_VERSION = re.compile(r"v[0-9]{4,9}")
_SHOWN = 40  # characters of a wrong word that are shown


@dataclass(frozen=True, slots=True)
class Command:
    """A command whose words were all checked.

    Attributes:
        name: One of `COMMANDS`.
        arguments: Names of versions or of a source.
    """

    name: str
    arguments: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Return the line that gives this command."""
        return " ".join((PREFIX, self.name, *self.arguments))


@dataclass(frozen=True, slots=True)
class Refused:
    """A line that looks like a command and is none; `reason` is one line for who wrote it."""

    reason: str


@dataclass(frozen=True, slots=True)
class Shape:
    """What a command takes.

    Attributes:
        takes: One word for each argument: `NAME`, `A`, `B` (versions), `[SOURCE]` (may be left out).
        told: What it does, in a few words.
        changes: It changes what is served, or costs a build: one at a time.
        again: Doing it twice comes to the same, also much later: a crash in the middle is answered by doing it again.
    """

    takes: tuple[str, ...]
    told: str
    changes: bool = False
    again: bool = True


COMMANDS: Mapping[str, Shape] = {
    "status": Shape((), "what is live, how old it is, what runs now"),
    "sources": Shape((), "last and next refresh, counts and failures of each source"),
    "list": Shape((), "all versions"),
    "show": Shape(("[NAME]",), "what a version holds, what was left out, what the gate said"),
    "diff": Shape(("A", "B"), "what B has gained, lost and changed"),
    "update": Shape(("[SOURCE]",), "refresh what is due, or one source, and make the result live", changes=True),
    "retry": Shape((), "read again what was left out", changes=True),
    "build": Shape((), "read everything anew and make the result live", changes=True),
    "promote": Shape(("NAME",), "make a version live", changes=True, again=False),
    "rollback": Shape((), "go back to the version before, and pause promotion", changes=True, again=False),
    "resume": Shape((), "allow promotion again", changes=True, again=False),
    "verify": Shape(("[NAME]",), "compare every file of a version, or of all, with its checksum"),
    "prune": Shape((), "delete old versions", changes=True, again=False),
    "recalled": Shape((), "answers that their sources do not support any more"),
    "findings": Shape((), "duplicates, conflicts and stale documents"),
}
"""Every command, in the order of help."""


def is_command(text: str) -> bool:
    """True when the message is meant as an admin command: its very first characters are `/index`, as a word."""
    return text.startswith(PREFIX) and (text == PREFIX or text[len(PREFIX)].isspace())


def parse(text: str, sources: Collection[str] = ()) -> Command | Refused:
    """Return the command of a message for which `is_command` holds, or why it is none.

    Args:
        text: The whole message.
        sources: Names of the configured sources.
    """
    if len(text.strip().splitlines()) > 1:
        return Refused(f"a command is one line: {PREFIX} COMMAND; this message has several")
    words = text.split()[1:]
    if not words or words == ["help"]:
        return Refused(usage())
    name, *arguments = words
    shape = COMMANDS.get(name)
    if shape is None:
        return Refused(f"unknown command {_shown(name)}; there are: {', '.join(COMMANDS)}")
    least = sum(not one.startswith("[") for one in shape.takes)
    for position, word in enumerate(arguments):
        if position >= len(shape.takes) or not _fits(shape.takes[position], word, sources):
            return Refused(f"unknown argument {_shown(word)}: {_accepted(name, shape, sources)}")
    if len(arguments) < least:
        return Refused(f"an argument is missing: {_accepted(name, shape, sources)}")
    return Command(name, tuple(arguments))


def may_run(who: str, admins: Collection[str]) -> bool:
    """True when this stable id (`PLATFORM/USER ID`) is listed, letter by letter; names that people see never count."""
    return who in admins


def usage() -> str:
    """Return all commands, one a line."""
    lines = [" ".join((PREFIX, name, *shape.takes)) for name, shape in COMMANDS.items()]
    width = max(map(len, lines))
    return "\n".join(f"{line:<{width}}  {shape.told}" for line, shape in zip(lines, COMMANDS.values(), strict=True))


def _fits(wanted: str, word: str, sources: Collection[str]) -> bool:
    return word in sources if wanted == "[SOURCE]" else bool(_VERSION.fullmatch(word))


def _accepted(name: str, shape: Shape, sources: Collection[str]) -> str:
    line = " ".join((PREFIX, name, *shape.takes))
    if not shape.takes:
        return f"{line} takes none"
    if "[SOURCE]" in shape.takes:
        return f"{line}, where SOURCE is one of: {', '.join(sorted(sources)) or 'none is configured'}"
    return f"{line}, where versions are named like v0001"


def _shown(word: str) -> str:
    """Return a wrong word so that it can be shown anywhere: nothing in it is markup, a mention or a link."""
    plain = "".join(letter if letter.isascii() and (letter.isalnum() or letter in "-_./") else "?" for letter in word)
    return plain if len(plain) <= _SHOWN else plain[: _SHOWN - 1] + "…"
