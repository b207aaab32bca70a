"""What is wrong with a setting, in one line that says what is accepted; values that may hold a secret are not shown."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

    from pydantic import ValidationError
    from pydantic_core import ErrorDetails

_SOURCE_KEY = 3  # an error inside a [[source]] table is at (source, number, type, key, ...)
_LISTS = frozenset({"tuple_type", "list_type"})


def explained(error: ValidationError, file: str, known: Collection[str], unshown: Collection[str]) -> str:
    """Return one error of the settings as one line.

    Args:
        error: Of pydantic.
        file: Name of the settings file, for the message.
        known: Names of all settings.
        unshown: Names of settings whose value is never repeated.
    """
    found = error.errors()
    # A mistyped name comes before what is missing because of it.
    first = next((one for one in found if one["type"] == "extra_forbidden"), found[0])
    place = first["loc"]
    if place and place[0] == "source" and len(place) > 1:
        return _in_source(first, file)
    name = ".".join(str(part) for part in place)
    if first["type"] == "extra_forbidden":
        return f"unknown setting {name} in {file}{nearest(name, known)}"
    return f"setting {name}: {_reason(first)}{'' if name in unshown else _found(first)}"


def nearest(name: str, known: Collection[str]) -> str:
    """Return a hint at the known name that was meant."""
    close = difflib.get_close_matches(name, sorted(known), 1)
    return f"; did you mean {close[0]}?" if close else "; the README lists all settings"


def _in_source(first: ErrorDetails, file: str) -> str:
    from assistant.source_settings import KEYS  # noqa: PLC0415 - only when something is wrong

    place = first["loc"]
    kind = str(place[2]) if len(place) > 2 else ""  # noqa: PLR2004 - see _SOURCE_KEY
    where = f"[[source]] number {int(place[1]) + 1} of {file}"
    if first["type"] == "union_tag_not_found":
        return f"{where} has no type: give it one of {', '.join(KEYS)}"
    if first["type"] == "union_tag_invalid":
        return f"{where} has the type {first['ctx']['tag']!r}: give it one of {', '.join(KEYS)}"
    name = ".".join(str(part) for part in place[_SOURCE_KEY:])
    if first["type"] == "extra_forbidden":
        return f"{where}: unknown key {name}; type {kind} takes {', '.join(KEYS.get(kind, ()))}"
    if first["type"] == "missing":
        return f"{where}: type {kind} needs {name}"
    return f"{where}: {f'{name}: ' if name else ''}{_reason(first)}{_found(first)}"


def _reason(first: ErrorDetails) -> str:
    return (
        'a list is expected, such as ["one"]' if first["type"] in _LISTS else first["msg"].removeprefix("Value error, ")
    )


def _found(first: ErrorDetails) -> str:
    """Return the value, when it is a plain one: a table may hold an address with a token."""
    value = first["input"]
    if isinstance(value, str) and "://" in value and "@" in value:
        return ""
    return f" (found {value!r})" if isinstance(value, str | int | float) else ""
