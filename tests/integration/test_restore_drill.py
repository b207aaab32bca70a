"""The drill: work goes on, backups are taken meanwhile, each is restored later, and nothing happens twice."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from assistant.core.escalation import holds_marker, marker_for
from indexing.versions import Versions
from tests.fakes.gitlab_process import running_gitlab

if TYPE_CHECKING:
    from assistant.sandbox.gitlab.process import RunningGitLab

ROOT = Path(__file__).parents[2]
QUESTIONS = 12
BACKUPS = 4
TAKE_IN = f"""
from assistant import settings, wiring
from assistant.entrypoints.asking import receive, take, terminal_thread
parts = wiring.assistant(settings.load())
for number in range({QUESTIONS}):
    words = f"Please open an issue: my zeppelin number {{number}} does not fly"
    receive(parts, terminal_thread("chat"), take(parts, words))
"""
pytestmark = pytest.mark.slow


class Drill:
    def __init__(self, folder: Path, gitlab: RunningGitLab) -> None:
        self.folder, self.gitlab = folder, gitlab
        self.home = folder / "home"
        self.environment = {
            "PYTHONPATH": str(ROOT),
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "ASSISTANT_HOME": str(self.home),
            "ASSISTANT_EMBEDDER": "hashing",
            "ASSISTANT_UNCERTAIN_WRITE_WAIT_S": "0.5",
            "GITLAB_URL": gitlab.url,
            "GITLAB_PROJECT": gitlab.project,
            "GITLAB_TOKEN": gitlab.bot_token,
        }

    def start(self, *words: str) -> subprocess.Popen[str]:
        return self._start(sys.executable, "-m", "assistant.entrypoints.cli", *words)

    def _start(self, *line: str) -> subprocess.Popen[str]:
        pipe = subprocess.PIPE
        return subprocess.Popen(  # noqa: S603 - our own command
            line, cwd=self.folder, env=self.environment, stdin=pipe, stdout=pipe, stderr=pipe, text=True
        )

    def run(self, *words: str) -> str:
        return self.call(sys.executable, "-m", "assistant.entrypoints.cli", *words)

    def call(self, *line: str) -> str:
        child = self._start(*line)
        out, err = child.communicate(timeout=120)
        assert child.returncode in (0, 3), err
        assert "Traceback" not in err, err
        return out

    def issues(self) -> list[str]:
        """Return the descriptions of all issues, from the stand-in's own file."""
        with closing(sqlite3.connect(next(self.gitlab.data_dir.glob("*.sqlite")))) as data:
            return [row[0] or "" for row in data.execute("SELECT description FROM issues")]

    def questions(self) -> list[str]:
        with closing(sqlite3.connect(self.home / "state.db")) as state:
            assert state.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            return [row[0] for row in state.execute("SELECT id FROM questions ORDER BY asked_at")]

    def messages(self) -> Counter[str]:
        with closing(sqlite3.connect(self.home / "console.db")) as transcript:
            return Counter(row[0] for row in transcript.execute("SELECT message FROM transcript"))

    def settle(self) -> None:
        """Let the assistant do what is due."""
        time.sleep(0.7)
        self.run("ask", "--no-escalate", "Is anybody there?")


# attack A146
def test_any_backup_can_be_restored_later_and_nothing_is_sent_a_second_time(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "runner.md").write_text("# Runner\n\nRegister a runner with `gitlab-runner register`.\n")
    with running_gitlab(tmp_path / "gitlab") as gitlab:
        drill = Drill(tmp_path, gitlab)
        drill.run("index", "build", "--docs", "docs")
        backups = work_and_back_up(drill)
        key = (drill.home / "secret.key").read_bytes()
        issues, told = drill.issues(), drill.messages()
        assert len(issues) == QUESTIONS
        assert max(told.values()) == 1
        in_doubt = 0
        for backup in backups:
            said = drill.run("restore", "--force", str(backup))
            in_doubt += int(said.split("; ")[1].split()[0])
            drill.settle()
            assert sorted(drill.issues()) == sorted(issues), f"after {backup.name} an issue was opened twice"
            assert max(drill.messages().values()) == 1, f"after {backup.name} a message was shown twice"
            for question in drill.questions():
                marker = marker_for(question, key)
                assert sum(holds_marker(description, marker) for description in issues) <= 1
            assert (drill.home / "secret.key").read_bytes() == key
            versions = Versions(drill.home / "index")
            versions.verify(versions.live() or "")
        assert in_doubt >= QUESTIONS, "no backup caught work in flight: the drill shows nothing"


def work_and_back_up(drill: Drill) -> list[Path]:
    """Let questions wait, let a chat work on them, back up before and meanwhile, and kill it when all is done."""
    drill.call(sys.executable, "-c", TAKE_IN)
    backups = [drill.folder / f"backup-{number}.tar" for number in range(BACKUPS)]
    drill.run("backup", str(backups[0]))  # nothing was begun yet
    chat = drill.start("chat")
    for backup in backups[1:]:
        drill.run("backup", str(backup))
    give_up = time.monotonic() + 60
    while len(drill.issues()) < QUESTIONS or len(drill.messages()) < 2 * QUESTIONS:
        assert time.monotonic() < give_up
        time.sleep(0.2)
    chat.send_signal(signal.SIGKILL)
    chat.communicate()
    return backups
