"""Request parameters as Grape (GitLab's API library) reads and checks them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from assistant.sandbox.gitlab.store import stamp

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

Kind = Literal["text", "flag", "number", "time", "words", "numbers", "object", "file"]

_TRUE = {"true", "t", "1", "on", "yes"}
_FALSE = {"false", "f", "0", "off", "no"}


@dataclass(frozen=True)
class Param:
    """One declared parameter.

    Attributes:
        name: As in GitLab's documentation.
        kind: What the value is coerced to.
        required: Absent gives `NAME is missing`.
        values: Allowed values; others give `NAME does not have a valid value`.
        filled: An empty text gives `NAME is empty`.
    """

    name: str
    kind: Kind = "text"
    required: bool = False
    values: tuple[str, ...] = ()
    filled: bool = False


def required(name: str, kind: Kind = "text") -> Param:
    """Return a parameter that must be there."""
    return Param(name, kind, required=True)


def optional(name: str, kind: Kind = "text", values: Sequence[str] = ()) -> Param:
    """Return a parameter that may be left out."""
    return Param(name, kind, values=tuple(values))


PAGING = (
    optional("page", "number"),
    optional("per_page", "number"),
    optional("pagination", values=("keyset", "offset", "none", "legacy")),
    optional("cursor"),
)


class BadValueError(ValueError):
    """A value that cannot be coerced to its kind."""


def _flag(value: object) -> bool:
    text = str(value).lower()
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    raise BadValueError


def _number(value: object) -> int:
    if isinstance(value, bool) or not re.fullmatch(r"-?\d+", str(value)):
        raise BadValueError
    return int(str(value))


def _time(value: object) -> str:
    try:
        moment = datetime.fromisoformat(str(value))
    except ValueError as error:
        raise BadValueError from error
    return stamp(moment if moment.tzinfo else moment.replace(tzinfo=UTC))


def _words(value: object) -> list[str]:
    parts = value if isinstance(value, list) else str(value).split(",")
    words = [word.strip() for part in parts for word in str(part).split(",")]
    return list(dict.fromkeys(word for word in words if word))


def _numbers(value: object) -> list[int]:
    parts = value if isinstance(value, list) else str(value).split(",")
    return [_number(part) for part in parts if str(part).strip()]


def _text(value: object) -> str:
    if isinstance(value, dict | list):
        raise BadValueError
    return str(value)


def _object(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise BadValueError
    return value


_COERCE: dict[Kind, Callable[[object], object]] = {
    "text": _text,
    "flag": _flag,
    "number": _number,
    "time": _time,
    "words": _words,
    "numbers": _numbers,
    "object": _object,
    "file": lambda value: value,
}


def nested(pairs: Iterable[tuple[str, object]]) -> dict[str, Any]:
    """Return form or query pairs as Rails nests them: `a[]=1`, `not[labels]=x`, `not[iids][]=2`."""
    result: dict[str, Any] = {}
    for key, value in pairs:
        name, *inner = re.findall(r"[^\[\]]+|\[\]", key) or [key]
        target = result
        while inner and inner[0] != "[]":
            child = target.setdefault(name, {})
            if not isinstance(child, dict):
                break
            target, name = child, inner.pop(0)
        if inner:
            held = target.setdefault(name, [])
            if isinstance(held, list):
                held.append(value)
        else:
            target[name] = value
    return result


def _check_one(param: Param, given: object) -> tuple[object, str | None]:
    if given is None or (given == "" and param.kind in ("flag", "number", "time", "object")):
        return None, None
    try:
        value = _COERCE[param.kind](given)
    except BadValueError:
        return None, f"{param.name} is invalid"
    if param.values and value not in param.values:
        return None, f"{param.name} does not have a valid value"
    if param.filled and value == "":
        return None, f"{param.name} is empty"
    return value, None


def check(declared: Sequence[Param], given: Mapping[str, Any]) -> tuple[dict[str, Any], list[str], list[str]]:
    """Coerce the given values.

    Returns:
        The values of declared parameters that were given, the complaints in GitLab's words, and the names that are
        not declared (GitLab ignores them silently).
    """
    values: dict[str, Any] = {}
    complaints: list[str] = []
    for param in declared:
        if param.name not in given:
            if param.required:
                complaints.append(f"{param.name} is missing")
            continue
        value, complaint = _check_one(param, given[param.name])
        if complaint:
            complaints.append(complaint)
        elif param.required and value is None:
            complaints.append(f"{param.name} is missing")
        else:
            values[param.name] = value
    known = {param.name for param in declared}
    return values, complaints, [name for name in given if name not in known]
