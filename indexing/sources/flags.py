"""Flags as other systems write them. Pure."""

from __future__ import annotations

_NO = frozenset({"", "false", "0", "no", "off", "null", "none"})


def is_set(value: object) -> bool:
    """Return whether a flag is set. Whatever is not plainly `no` counts as set: what is hidden must stay hidden."""
    if isinstance(value, str):
        return value.strip().lower() not in _NO
    return value is not None and value is not False and value != 0
