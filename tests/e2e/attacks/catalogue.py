"""The attack catalogue beside the checkout, its secrets made at run time, and what this stage cannot run yet."""

from __future__ import annotations

import importlib.util
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[3] / ".." / "shared" / "attacks"
CANARY = "canary-7f3a-violet-otter"
LONGEST = 1_000_000

NOT_YET = {
    "A005": "reindex_started is checked; the admin chat command itself comes with Slack and Teams",
    "A015": "as A005",
}
"""Cases that run here in part."""

LATER = {
    "A020": "Teams markup: there is no Teams adapter yet (the reply part runs in A018 and A021)",
    "A052": "private Slack channels: there is no Slack adapter yet",
    "A057": "messages of other bots: a terminal has none",
    "A060": "limits per user and channel: come with the chat adapters, a terminal has one user",
    "A069": "edited messages: a terminal has none",
    "A140": "admin chat command",
    "A136": "admin chat command",
    "A138": "admin chat command",
    "A139": "admin chat command",
    "A141": "admin chat command; two builders at once are refused in tests/unit/test_build.py",
    "A142": "admin chat command",
    "A146": "restore of a backup: there is no backup command yet; look-up before re-send in tests/integration",
    "A147": "tombstones on rollback: come with the sync of webhooks",
}
"""Cases whose surface does not exist in this stage, with the reason; webhooks are all later."""


@dataclass(frozen=True)
class Case:
    """One attack.

    Attributes:
        secrets: Bodies that must be kept nowhere.
        check: What must hold, machine-readable.
    """

    id: str
    surface: str
    category: str
    payload: str
    secrets: tuple[str, ...]
    check: dict[str, Any]


def available() -> bool:
    """Return whether the catalogue lies beside this checkout."""
    return (FOLDER / "attacks.jsonl").exists()


def load() -> dict[str, Case]:
    """Return the cases by id, with secrets made for this run."""
    spec = importlib.util.spec_from_file_location("attacks_expand", FOLDER / "attacks_expand.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    cases = {}
    lines = (FOLDER / "attacks.jsonl").read_bytes().strip().split(b"\n")  # a payload holds U+2028, a line break for str
    for number, line in enumerate(lines):
        raw = json.loads(line)
        payload, secrets = module.expand(raw["payload"], 1000 + number)
        cases[raw["id"]] = Case(raw["id"], raw["surface"], raw["category"], payload, tuple(secrets), raw["check"])
    return cases


CASES = load() if available() else {}


def of(surface: str) -> list[str]:
    """Return the ids of a surface's cases that this stage runs."""
    return [case.id for case in CASES.values() if case.surface == surface and case.id not in LATER]
