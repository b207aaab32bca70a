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
    "A005": "reindex_started is checked; admin commands of a chat are attacked in tests/dialogs/test_administering.py",
    "A015": "as A005",
}
"""Cases that run here in part."""

BY_WEBHOOK = ("A111", "A112", "A113", "A114", "A115", "A120", "A134")
"""Cases that `test_attacks_by_webhook.py` runs against the server's application."""

ELSEWHERE = {
    "A136": "tests/dialogs/test_administering.py",
    "A138": "tests/dialogs/test_administering.py",
    "A139": "tests/dialogs/test_administering.py",
    "A140": "tests/dialogs/test_administering.py",
    "A141": "tests/dialogs/test_administering.py",
    "A142": "tests/dialogs/test_administering.py",
    "A146": "tests/integration/test_restore_drill.py",
    "A147": "tests/unit/test_collecting.py",
}
"""Cases that run beside what they attack: the file that names the case at its test."""

LATER = {
    "A020": "Teams markup: there is no Teams adapter yet (the reply part runs in A018 and A021)",
    "A052": "private Slack channels: there is no Slack adapter yet",
    "A057": "messages of other bots: a terminal has none",
    "A060": "limits per user and channel: come with the chat adapters, a terminal has one user",
    "A069": "edited messages: a terminal has none",
    "A117": "comments of an issue are not carried into a chat yet, so that nothing can echo",
    "A118": "as A117: no text of a comment reaches a chat yet",
    "A122": "Slack's signature: there is no Slack adapter yet",
    "A123": "as A122",
    "A125": "as A122",
    "A126": "as A122",
    "A128": "as A122",
    "A129": "as A122",
    "A130": "a Teams token: there is no Teams adapter yet",
    "A133": "as A130",
}
"""Cases whose surface does not exist in this stage, with the reason."""


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
    """Return the ids of a surface's cases that run with the attacks themselves."""
    apart = {*LATER, *ELSEWHERE}
    return [case.id for case in CASES.values() if case.surface == surface and case.id not in apart]
