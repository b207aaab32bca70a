"""Frozen data <-> JSON text, for what is stored: decisions, messages, issue drafts."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import TypeAdapter

T = TypeVar("T")

_adapters: dict[type, TypeAdapter[Any]] = {}


def _adapter(kind: type) -> TypeAdapter[Any]:
    """Return the adapter of a dataclass; building one takes milliseconds, so each is kept."""
    if kind not in _adapters:
        _adapters[kind] = TypeAdapter(kind)
    return _adapters[kind]


def dump(value: object) -> str:
    """Return the dataclass as one JSON object."""
    return _adapter(type(value)).dump_json(value).decode()


def load(kind: type[T], text: str) -> T:
    """Return the dataclass that `dump` wrote.

    Raises:
        ValueError: The text is not JSON of this dataclass.
    """
    value: T = _adapter(kind).validate_json(text)
    return value
