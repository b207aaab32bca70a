"""The pointer to the live index version: one small file, replaced atomically."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from indexing.durable import write_atomically
from indexing.errors import DamagedIndex

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NAME = re.compile(r"v\d{4,}")
"""Names of versions; nothing else is ever made into a path."""


@dataclass(frozen=True, slots=True)
class Pointer:
    """Name of the live version, and of those that were live before it, the last one first."""

    live: str
    previous: tuple[str, ...] = ()


def read_pointer(path: Path) -> Pointer | None:
    """Return the pointer, or None when there is no file.

    Raises:
        DamagedIndex: The file is no pointer.
    """
    try:
        content = json.loads(path.read_text("utf-8"))
        names = [content["live"], *content["previous"]]
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DamagedIndex(f"{path} cannot be read: run `assistant index promote NAME`") from error
    if not all(isinstance(name, str) and NAME.fullmatch(name) for name in names):
        raise DamagedIndex(f"{path} names no version: run `assistant index promote NAME`")
    return Pointer(names[0], tuple(names[1:]))


def write_pointer(path: Path, pointer: Pointer, on_step: Callable[[str], None]) -> None:
    """Replace the pointer; a crash leaves the old or the new one."""
    write_atomically(path, json.dumps(asdict(pointer)) + "\n", on_step)
