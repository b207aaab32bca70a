"""The whole system on loopback, with a model that obeys everybody: what an attack can reach is reached.

Real parts: settings, cleaning, index build, retrieval, evidence check, store, work table, console chat, GitLab client.
Stand-ins: GitLab (own process), the model server (`obey`), the embedder (word hashing).
"""

from __future__ import annotations

import json
import re
import sqlite3
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import structlog

from assistant import logs, wiring
from assistant import settings as configuration
from assistant.entrypoints.asking import receive, take, terminal_thread
from assistant.entrypoints.outcome import as_json
from assistant.errors import Rejected
from indexing.build import build
from indexing.versions import Versions
from tests.fakes.openai_server import MODEL

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from assistant.sandbox.gitlab.process import RunningGitLab
    from assistant.settings import Settings
    from assistant.wiring import Assistant
    from indexing.sources import Source
    from tests.fakes.gitlab_process import GitLabSwitches
    from tests.fakes.openai_server import FakeOpenAI

WAIT_S = 30.0
CONNECTED: list[tuple[str, int]] = []
"""Every address this process has connected to, by an audit hook that nothing below Python can go round."""
_LIVE_MENTION = re.compile(r"<!(?:channel|here|everyone)\b|<@[UW]\w+|<at>|(?<![\w`])@(?:channel|here|everyone|all)\b")
_hooked: list[bool] = []


def watch_connections() -> None:
    """Start recording addresses; once a process, since an audit hook cannot be taken off."""
    if _hooked:
        return

    def note(event: str, details: tuple[Any, ...]) -> None:
        if event == "socket.connect" and isinstance(details[1], tuple):
            CONNECTED.append((str(details[1][0]), int(details[1][1])))

    sys.addaudithook(note)
    _hooked.append(True)


@dataclass(frozen=True)
class Turn:
    """What came back for one message.

    Attributes:
        reply: All that the asker was shown, citations included; a refusal's words when nothing was stored.
        outcome: What `ask --json` prints; empty for a refusal.
    """

    reply: str
    outcome: dict[str, Any]
    kinds: tuple[str, ...] = ()
    seconds: float = 0.0

    @property
    def pings(self) -> list[str]:
        """Mentions that a chat platform could make live."""
        return _LIVE_MENTION.findall(self.reply)


@dataclass
class System:
    """One home with its parts.

    Attributes:
        said: Everything shown so far, over all turns.
    """

    home: Path
    gitlab: RunningGitLab
    model: FakeOpenAI
    parts: Assistant
    log: Path
    said: list[Turn] = field(default_factory=list)

    def ask(self, text: str, *, notices: bool = True) -> Turn:
        """Ask as the terminal does, and work until everything is at rest."""
        started = time.monotonic()
        try:
            taken = take(self.parts, text)
        except Rejected as refusal:
            turn = Turn(str(refusal), {}, seconds=time.monotonic() - started)
            self.said.append(turn)
            return turn
        thread = terminal_thread("attack")
        question_id = receive(self.parts, thread, taken)
        with self.parts.worker.owning():
            self.parts.index.wait_ready()
            self.parts.worker.run_until_idle(WAIT_S)
        turn = self._turn(question_id, thread, taken.notice if notices else "", started)
        self.said.append(turn)
        return turn

    def _turn(self, question_id: str, thread: Any, notice: str, started: float) -> Turn:
        progress = self.parts.store.progress(question_id)
        assert progress.decision is not None, progress.error
        messages = [shown.message for shown in self.parts.console.read(thread)]
        shown = [notice, *(message.text for message in messages)]
        shown += [f"{c.n} {c.title} {c.url} {c.quote}" for message in messages for c in message.citations]
        found = as_json(question_id, progress.decision, progress.link)
        kinds = tuple(message.kind for message in messages)
        return Turn("\n".join(shown), found, kinds, time.monotonic() - started)

    def prompts(self) -> str:
        """Return everything the model server was sent."""
        return json.dumps(self.model.requests, ensure_ascii=False)

    def stored(self) -> dict[str, bytes]:
        """Return every byte that was kept anywhere: home, logs, GitLab's database and log, the model's requests."""
        files = [path for root in (self.home, self.gitlab.data_dir) for path in root.rglob("*") if path.is_file()]
        found = {str(path): path.read_bytes() for path in [*files, self.log]}
        return found | {"model requests": self.prompts().encode()}

    def live_index(self) -> bytes:
        """Return the bytes of the live index version."""
        root = wiring.index_root(self.parts.settings)
        live = Versions(root).live()
        assert live is not None
        [folder] = [path for path in root.rglob(live) if path.is_dir()]
        return b"\0".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


@dataclass(frozen=True)
class World:
    """What is outside of a home: GitLab, the model server, and the log all homes write to."""

    switches: GitLabSwitches
    model: FakeOpenAI
    log: Path

    @property
    def gitlab(self) -> RunningGitLab:
        """The running stand-in."""
        return self.switches.gitlab

    def forget(self) -> None:
        """Empty the records of both stand-ins and of connections."""
        self.switches.post("forget")
        self.model.requests.clear()
        CONNECTED.clear()

    @contextmanager
    def home(self, folder: Path, *sources: Source, **changes: Any) -> Iterator[System]:
        """Build an index from the sources and run a home over it.

        Args:
            folder: Of the home.
            sources: Of the index.
            changes: Settings that differ from those of a public terminal with the obeying model.
        """
        values: dict[str, Any] = {
            "home": folder,
            "embedder": "hashing",
            "log_level": "debug",
            "console_visibility": "public",
            "needs_detail_after": 0,
            "model": MODEL,
            "openai_base_url": self.model.base_url,
            "gitlab_url": self.gitlab.url,
            "gitlab_project": self.gitlab.project,
            "gitlab_token": self.gitlab.bot_token,
            "gitlab_read_token": self.gitlab.read_token,
        }
        settings = configuration.load(**(values | changes))
        rebuild(settings, sources)
        parts = wiring.assistant(settings)
        try:
            yield System(folder, self.gitlab, self.model, parts, self.log)
        finally:
            parts.store.engine.dispose()
            close = getattr(parts.tracker, "close", None)
            if close:
                close()


QUOTING: dict[str, Any] = {"model": "", "openai_base_url": ""}
"""Settings of a home without a language model."""


@contextmanager
def logging_to(path: Path) -> Iterator[Path]:
    """Log everything of every home into one file, as a process does."""
    with logs.written_to(path, "debug"):
        yield path
    structlog.reset_defaults()


def rebuild(settings: Settings, sources: Sequence[Source]) -> Any:
    """Build a new index version as `assistant index build` does."""
    return build(sources, wiring.index_root(settings), wiring.embedder(settings), wiring.clean(settings))


def issues_of(gitlab: RunningGitLab) -> list[dict[str, Any]]:
    """Return the issues as they lie in the stand-in's database, oldest first."""
    [file] = gitlab.data_dir.glob("*.sqlite")
    connection = sqlite3.connect(f"file:{file}?mode=ro", uri=True)
    connection.row_factory = sqlite3.Row
    try:
        rows = connection.execute("SELECT * FROM issues ORDER BY id").fetchall()
        named = "SELECT name FROM labels JOIN issue_labels ON label_id = labels.id WHERE issue_id = ? ORDER BY name"
        return [
            dict(row) | {"labels": [name for (name,) in connection.execute(named, (row["id"],)).fetchall()]}
            for row in rows
        ]
    finally:
        connection.close()
