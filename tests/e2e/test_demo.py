"""The demo as a stranger sees it: its own process, no terminal, the real embedding model."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("ASSISTANT_", "GITLAB_"))}
    command = [str(Path(sys.executable).with_name("assistant")), *arguments]
    return subprocess.run(  # noqa: S603 - our own command
        command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )


@pytest.mark.slow
@pytest.mark.model
def test_the_demo_plays_its_script_in_three_languages_and_every_turn_ends_as_it_says(tmp_path: Path) -> None:
    played = run(tmp_path, "demo")
    assert played.returncode == 0, played.stdout + played.stderr
    assert "Every turn ended as the script says." in played.stdout
    for said in ("Quellen", "来源", "I opened an issue for the support team: http://127.0.0.1:"):
        assert said in played.stdout
    kept = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert b"CANARY-" not in kept, "a confidential issue or an internal note of the sample got in"
    again = run(tmp_path, "demo")
    assert again.returncode == 0, again.stdout + again.stderr
    assert "Building" not in again.stdout


def test_help_of_every_command_has_examples_and_loads_nothing_heavy() -> None:
    heavy = ("torch", "sentence_transformers", "faiss", "openai", "gitlab", "sqlalchemy", "starlette", "rich")
    code = (
        "import sys; from click.testing import CliRunner; from assistant.entrypoints.cli import COMMANDS, cli\n"
        "for name in COMMANDS:\n"
        "    said = CliRunner().invoke(cli, [name, '--help']); assert said.exit_code == 0, said.output\n"
        "    assert 'assistant ' + name in said.output or name == 'index', name\n"
        f"print([name for name in {heavy!r} if name in sys.modules])"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own code
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"
