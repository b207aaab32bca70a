"""What was found when a version was checked before its promotion: a JSON file for each, beside the versions."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from indexing.durable import write_atomically
from indexing.errors import DamagedIndex, NoIndex
from indexing.pointer import NAME

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def report_path(root: Path, name: str) -> Path:
    """Return where the report of that version lies.

    Raises:
        NoIndex: That is no name of a version.
    """
    if not NAME.fullmatch(name):
        raise NoIndex(f"there is no index version {name[:40]!r}")
    return root / "reports" / f"{name}.json"


def read_report(path: Path) -> Mapping[str, object] | None:
    """Return the report, or None when there is none.

    Raises:
        DamagedIndex: The file cannot be read.
    """
    try:
        content = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise DamagedIndex(f"{path} cannot be read: check {path.stem} again") from error
    return content if isinstance(content, dict) else None


def write_report(path: Path, report: Mapping[str, object]) -> None:
    """Write the report; a crash leaves the old or the new one."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_atomically(path, json.dumps(report, indent=1, ensure_ascii=False) + "\n")
