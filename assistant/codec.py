"""Frozen data <-> JSON text, for what is stored: decisions, messages, issue drafts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

from pydantic import TypeAdapter

from assistant.core import model as core
from indexing import model as indexed

T = TypeVar("T")

_NAMES: dict[str, Any] = {**vars(indexed), **vars(core), "Mapping": Mapping, "Sequence": Sequence, "datetime": datetime}
"""What the models' annotations may name: they import most of it for the type checker alone."""

_adapters: dict[type, TypeAdapter[Any]] = {}


def _adapter(kind: type) -> TypeAdapter[Any]:
    """Return the adapter of a dataclass; building one takes milliseconds, so each is kept."""
    if kind not in _adapters:
        adapter: TypeAdapter[Any] = TypeAdapter(kind)
        adapter.rebuild(force=True, _types_namespace=_NAMES)
        _adapters[kind] = adapter
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
