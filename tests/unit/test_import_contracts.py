"""Each contract on imports is proven by a violation that makes it fail: one that cannot fail checks nothing."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
VIOLATIONS = {
    "library": ("indexing/model.py", "import assistant.errors"),
    "core": ("assistant/core/labels.py", "import sqlite3"),
    "workflows": ("assistant/workflows/ask.py", "import assistant.adapters.console"),
    "adapters": ("assistant/adapters/console.py", "import assistant.workflows.ask"),
    "adapters-apart": ("assistant/adapters/console.py", "import assistant.adapters.gitlab"),
    "owner-faiss": ("indexing/build.py", "import faiss"),
    "owner-sqlite-utils": ("assistant/store/questions.py", "import sqlite_utils"),
    "owner-openai": ("assistant/workflows/answer.py", "import openai"),
    "owner-sentence-transformers": ("indexing/retrieve.py", "import sentence_transformers"),
    "owner-sqlalchemy": ("assistant/core/model.py", "import sqlalchemy"),
}


def lint(folder: Path, contract: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as run; run()"]
    command += ["--no-cache", "--config", "pyproject.toml", "--contract", contract]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)  # noqa: S603 - our own tool


def test_every_contract_has_its_violation() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    assert {contract["id"] for contract in contracts} == set(VIOLATIONS)


@pytest.mark.slow
@pytest.mark.parametrize("contract", VIOLATIONS)
def test_a_violation_breaks_its_contract(contract: str, tmp_path: Path) -> None:
    for package in ("assistant", "indexing"):
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__", "sample"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    file, line = VIOLATIONS[contract]
    whole = (tmp_path / file).read_text("utf-8")
    assert lint(tmp_path, contract).returncode == 0, "the contract must hold before"
    (tmp_path / file).write_text(whole + f"\n{line}\n", "utf-8")
    broken = lint(tmp_path, contract)
    assert broken.returncode == 1, broken.stdout + broken.stderr
    assert "BROKEN" in broken.stdout
