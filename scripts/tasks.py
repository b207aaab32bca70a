"""The one list of tasks that CI and people share: lint, types, imports, tests. `scripts/test` runs it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BIN = ROOT / ".venv" / "bin"
PYTEST = [str(BIN / "pytest"), "-q", "-n", "2", "--dist", "loadfile"]
TASKS: dict[str, list[str]] = {
    "format": [str(BIN / "ruff"), "format", "--check", "."],
    "lint": [str(BIN / "ruff"), "check", "."],
    "types": [str(BIN / "mypy")],
    "imports": [str(BIN / "lint-imports"), "--no-cache"],
    "tests": PYTEST,
}
"""Name and command; in this order, and all of them even when one fails."""
FAST = {"tests": [*PYTEST, "-m", "not slow and not model"]}


def main(arguments: list[str]) -> int:
    """Run the tasks; 0 when all hold."""
    if "--help" in arguments or "-h" in arguments or set(arguments) - {"--fast", "--list"}:
        print("usage: scripts/test [--fast] [--list]")
        return 0 if {"--help", "-h"} & set(arguments) else 2
    tasks = {**TASKS, **(FAST if "--fast" in arguments else {})}
    if "--list" in arguments:
        for name, command in tasks.items():
            print(f"{name:8} {' '.join(Path(part).name if '/' in part else part for part in command)}")
        return 0
    # Tests decide their own settings; nothing of the person's environment leaks into them.
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("ASSISTANT_", "GITLAB_"))}
    failed = [name for name, command in tasks.items() if not _run(name, command, environment)]
    print(f"\nfailed: {', '.join(failed)}" if failed else "\nall tasks passed")
    return 1 if failed else 0


def _run(name: str, command: list[str], environment: dict[str, str]) -> bool:
    print(f"--- {name}", flush=True)
    begun = time.monotonic()
    code = subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode  # noqa: S603 - the list above
    print(f"--- {name}: {'ok' if code == 0 else 'FAILED'} in {time.monotonic() - begun:.0f} s", flush=True)
    return code == 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
