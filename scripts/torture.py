"""Kill the assistant at every boundary, and at random moments, and count what was lost or doubled.

Every life is a process of its own that is killed with SIGKILL; GitLab is the local stand-in, another process that goes
on with requests whose sender is dead. Lost answers, refusals and requests that are finished late ("ghosts") are mixed
in. Exit status 1 when any question, issue or message was lost or doubled.

    scripts/torture                      every boundary, 6 ghosts, then 500 random kills
    scripts/torture --sample             16 boundaries spread over a life, 2 ghosts, 15 random kills
    scripts/torture --without-look-up    shows what the look-up is for: doubles (exit status 1)
    scripts/torture --without-wait       shows what the wait before the look-up is for: ghosts double
"""

from __future__ import annotations

import argparse
import logging
import os
import random
import shutil
import signal
import sqlite3
import sys
import tempfile
import time
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import structlog
from torture_ghost import Ghosts, start_ghosts
from torture_life import MARKER_KEY, Event, Life, Setting, in_child
from torture_peers import Boundaries, JournalChat

from assistant.core.escalation import holds_marker, marker_for
from assistant.sandbox.gitlab.process import Options, RunningGitLab, start

if TYPE_CHECKING:
    from collections.abc import Sequence

STORY = (Event("m1", "unknown error"), Event("m2", "answer me", "wrong"))
FAULTS: tuple[dict[str, Any], ...] = (
    {"kind": "drop"},
    {"kind": "ghost"},
    {"kind": "502_after"},
    {"kind": "empty"},
    {"kind": "cut"},
    {"kind": "502"},
    {"kind": "429", "retry_after": 1},
    {"kind": "lock"},
    {"kind": "reset"},
)
FAULT_RATE = 0.5
"""Share of lives in which GitLab misbehaves once."""
GHOST_S = 1.5
"""So long GitLab goes on with a request; the adapter waits 1 s for its answer."""
GHOST_WAIT_S = 4.0
"""Longer than a ghost lives, also on a machine under load."""
EXPECTED = {
    "unknown": ("abstained", "issue_opened"),
    "answer": ("answered", "abstained", "issue_opened"),
    "vague": ("needs_detail", "issue_opened"),
}


@dataclass
class Tally:
    """What was lost and what was doubled, by sort of thing."""

    lost: Counter[str] = field(default_factory=Counter)
    doubled: Counter[str] = field(default_factory=Counter)
    seen: Counter[str] = field(default_factory=Counter)

    def count(self, thing: str, name: str, times: int) -> None:
        """Count a thing that must be there once."""
        self.seen[thing] += 1
        if times == 0:
            self.lost[thing] += 1
            print(f"  LOST {thing} {name}")
        if times > 1:
            self.doubled[thing] += times - 1
            print(f"  DOUBLED {thing} {name}")

    @property
    def clean(self) -> bool:
        """Whether everything is there once."""
        return not self.lost and not self.doubled

    def __str__(self) -> str:
        things = [
            f"{self.seen[thing]} {thing}: {self.lost[thing]} lost, {self.doubled[thing]} doubled"
            for thing in ("questions", "issues", "messages")
        ]
        return " · ".join(things)


@dataclass
class Torture:
    """Runs homes through their lives and judges what is left.

    Attributes:
        folder: For homes; each is deleted when it was clean.
    """

    gitlab: RunningGitLab
    ghosts: Ghosts
    folder: Path
    look_up: bool
    wait: bool
    tally: Tally = field(default_factory=Tally)
    kills: int = 0

    def setting(self, name: str, issue_wait_s: float) -> Setting:
        """Return a fresh home."""
        home = self.folder / name
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir()
        access = (self.ghosts.url, self.gitlab.bot_token, self.gitlab.project)
        return Setting(home, *access, issue_wait_s=issue_wait_s, look_up=self.look_up)

    def boundaries_of_a_life(self) -> list[str]:
        """Let one life pass unharmed and return the names of its boundaries."""
        setting = self.setting("whole", 0.05)

        def whole() -> None:
            boundaries = Boundaries()
            Life(setting, boundaries).live(STORY, until_settled=True)
            (setting.home / "passed").write_text("\n".join(boundaries.passed))

        self._end(in_child(whole))
        passed = (setting.home / "passed").read_text().splitlines()
        self._judge(setting, STORY)
        return passed

    def kill_at(self, number: int) -> None:
        """Kill the first life at the boundary, and let a second one finish."""
        setting = self.setting(f"boundary-{number}", 0.05)
        first = in_child(lambda: Life(setting, Boundaries(number)).live(STORY, until_settled=True))
        self.kills += self._end(first)
        self._end(in_child(lambda: Life(setting, Boundaries()).live(STORY, until_settled=True)))
        self._judge(setting, STORY)

    def kill_with_ghost(self, number: int) -> None:
        """Kill a life while GitLab works on its request, and let the next one find what comes of it."""
        setting = self.setting(f"ghost-{number}", GHOST_WAIT_S if self.wait else 0.0)
        held = self.ghosts.held
        self.ghosts.hold_next(GHOST_S)
        child = in_child(lambda: Life(setting, Boundaries()).live(STORY[:1], until_settled=True))
        while self.ghosts.held == held:
            time.sleep(0.01)
        os.kill(child, signal.SIGKILL)
        self.kills += self._end(child)
        self._end(in_child(lambda: Life(setting, Boundaries()).live(STORY[:1], until_settled=True)))
        if not self.wait:
            time.sleep(GHOST_WAIT_S)  # or the judge comes before the ghost
        self._judge(setting, STORY[:1])

    def kill_at_random(self, times: int, chance: random.Random) -> None:
        """Kill life after life of one home while new questions come in and GitLab misbehaves."""
        setting = self.setting("random", GHOST_WAIT_S if self.wait else 0.0)
        events: list[Event] = []
        for life in range(times):
            words, verdict = chance.choice((("unknown", ""), ("answer", "wrong"), ("vague", "")))
            events.append(Event(f"r{life}", f"{words} {life}", verdict))
            if chance.random() < FAULT_RATE:
                self._switch(chance.choice(FAULTS))
            child = in_child(lambda: Life(setting, Boundaries()).live(events, until_settled=False))
            time.sleep(chance.uniform(0.02, 0.4))
            os.kill(child, signal.SIGKILL)
            self.kills += self._end(child)
        httpx.delete(f"{self.gitlab.url}/_fake/faults", trust_env=False).raise_for_status()
        self._end(in_child(lambda: Life(setting, Boundaries()).live(events, until_settled=True)))
        self._judge(setting, events)

    def _switch(self, fault: dict[str, Any]) -> None:
        if fault["kind"] == "ghost":
            self.ghosts.hold_next(GHOST_S)
            return
        only = {"method": "POST", "path": "issues"}
        httpx.post(f"{self.gitlab.url}/_fake/faults", json=fault | only, trust_env=False).raise_for_status()

    def _end(self, child: int) -> bool:
        _, status = os.waitpid(child, 0)
        return os.WIFSIGNALED(status)

    def _judge(self, setting: Setting, events: Sequence[Event]) -> None:
        before = (sum(self.tally.lost.values()), sum(self.tally.doubled.values()))
        with closing(sqlite3.connect(setting.home / "state.db")) as state:
            ids = dict(state.execute("SELECT thread, id FROM questions").fetchall())
            asked = Counter(row[0] for row in state.execute("SELECT thread FROM questions"))
        issues = self._issues()
        shown = JournalChat(setting.home / "chat.db").shown()
        for one in events:
            self.tally.count("questions", one.message_id, asked[one.message_id])
            marker = marker_for(ids.get(one.message_id, ""), MARKER_KEY)
            found = sum(1 for description in issues if holds_marker(description, marker))
            self.tally.count("issues", f"{one.message_id} ({marker})", found)
            kinds = Counter(kind for thread, _, kind in shown if thread == one.message_id)
            for kind in EXPECTED[one.text.split(maxsplit=1)[0]]:
                self.tally.count("messages", f"{one.message_id} {kind}", kinds[kind])
            if kinds["issue_waiting"] > 1:
                self.tally.count("messages", f"{one.message_id} issue_waiting", kinds["issue_waiting"])
        if before == (sum(self.tally.lost.values()), sum(self.tally.doubled.values())):
            shutil.rmtree(setting.home)

    def _issues(self) -> list[str]:
        """Return the descriptions of all issues, from the stand-in's own file."""
        with closing(sqlite3.connect(next(self.gitlab.data_dir.glob("*.sqlite")))) as data:
            return [row[0] or "" for row in data.execute("SELECT description FROM issues")]


def main() -> int:
    """Run, print one line of counts, and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=500, help="random kills (default 500)")
    parser.add_argument("--every", type=int, default=1, help="only every n-th boundary")
    parser.add_argument("--ghosts", type=int, default=6, help="kills while GitLab works on the request (default 6)")
    parser.add_argument("--only", default="", help="only boundaries with this name, such as 'after gitlab.open_issue'")
    parser.add_argument("--sample", action="store_true", help="16 boundaries and 15 random kills")
    parser.add_argument("--without-look-up", action="store_true", help="repeat writes without looking first")
    parser.add_argument("--without-wait", action="store_true", help="look at once after an uncertain write")
    parser.add_argument("--seed", type=int, default=0, help="of the random kills")
    given = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    folder = Path(tempfile.mkdtemp(prefix="torture-"))
    begun = time.monotonic()
    options = Options(test_switches=True)
    with start(folder / "gitlab", options) as gitlab, start_ghosts(gitlab.url) as ghosts:
        torture = Torture(gitlab, ghosts, folder, look_up=not given.without_look_up, wait=not given.without_wait)
        boundaries = torture.boundaries_of_a_life()
        numbers = [n for n, name in enumerate(boundaries, start=1) if given.only in ("", name)]
        step = max(1, len(numbers) // 16) if given.sample else given.every
        for number in numbers[::step]:
            torture.kill_at(number)
        took = time.monotonic() - begun
        print(f"killed at {torture.kills} of {len(boundaries)} boundaries in {took:.0f} s", flush=True)
        for number in range(2 if given.sample else given.ghosts):
            torture.kill_with_ghost(number)
        torture.kill_at_random(15 if given.sample else given.kills, random.Random(given.seed))  # noqa: S311 - moments, not secrets
    print(f"{torture.kills} kills in {time.monotonic() - begun:.0f} s · {torture.tally}")
    if torture.tally.clean:
        shutil.rmtree(folder)
        return 0
    print(f"the homes that are not clean are kept in {folder}")
    return 1


if __name__ == "__main__":
    sys.exit(main())
