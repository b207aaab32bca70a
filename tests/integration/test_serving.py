"""The server follows its sources: what a webhook tells is in the index within a minute."""

from __future__ import annotations

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import gitlab
import httpx
import pytest

from indexing.versions import Versions
from indexing.withdrawn import Withdrawn
from tests.fakes.gitlab_process import GitLabSwitches, running_gitlab

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from gitlab.v4.objects import Project

    from assistant.sandbox.gitlab.process import RunningGitLab

pytestmark = pytest.mark.slow


class Server:
    """`assistant serve` in a process of its own, following one project of the stand-in."""

    def __init__(self, home: Path, running: RunningGitLab, secret: str) -> None:
        self.root = home / ".assistant" / "index"
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.address = f"127.0.0.1:{free.getsockname()[1]}"
        (home / "assistant.toml").write_text(
            f'embedder = "hashing"\nlisten = "{self.address}"\nrefresh_minutes = 600\n'
            f'[[source]]\ntype = "gitlab"\nproject = "{running.project}"\nname = "support"\n',
            encoding="utf-8",
        )
        environment = {
            **os.environ,
            "GITLAB_URL": running.url,
            "GITLAB_READ_TOKEN": running.read_token,
            "GITLAB_WEBHOOK_SECRET": secret,
        }
        self._log = (home / "serve.log").open("wb")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "assistant.entrypoints.cli", "serve"],
            cwd=home,
            env=environment,
            stdout=self._log,
            stderr=self._log,
        )

    def documents(self) -> set[str]:
        try:
            version = Versions(self.root).open_live()
        except Exception:  # noqa: BLE001 - nothing is live yet
            return set()
        return set(version.catalog.content_hashes()) - version.withdrawn

    def post(self, body: bytes, **headers: str) -> int:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return httpx.post(f"http://{self.address}/webhooks/gitlab", content=body, headers=named, timeout=5).status_code

    def get(self, path: str) -> httpx.Response:
        return httpx.get(f"http://{self.address}{path}", timeout=5)

    def end(self) -> int:
        self._process.send_signal(signal.SIGTERM)
        code = self._process.wait(30)
        self._log.close()
        return code


def until(true: Callable[[], bool], seconds: float = 60.0) -> float:
    """Wait for it and return how long it took."""
    begun = time.monotonic()
    while not true():
        assert time.monotonic() - begun < seconds, "it did not come about in time"
        time.sleep(0.1)
    return time.monotonic() - begun


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGitLab]:
    with running_gitlab(tmp_path_factory.mktemp("gitlab")) as gitlab_:
        yield gitlab_


@pytest.fixture(scope="module")
def project(running: RunningGitLab) -> Project:
    made = GitLabSwitches(running).post("users", username="mia", access_level=40, project=running.project)
    client = gitlab.Gitlab(running.url, private_token=made["token"], keep_base_url=True, timeout=10)
    return client.projects.get(running.project)


@pytest.fixture(scope="module")
def secret() -> str:
    return secrets.token_urlsafe(24)


@pytest.fixture(scope="module")
def server(
    running: RunningGitLab, project: Project, secret: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    for number in range(4):
        solved(project, f"setting_{number}")
    started = Server(tmp_path_factory.mktemp("home"), running, secret)
    try:
        until(lambda: len(started.documents()) == 4)  # the first sweep is due at once
        wanted = {f"{kind}_events": True for kind in ("push", "issues", "confidential_issues", "note", "wiki_page")}
        project.hooks.create({"url": f"http://{started.address}/webhooks/gitlab", "token": secret, **wanted})
        yield started
    finally:
        code = started.end()
    assert code == 0


def solved(project: Project, title: str, **fields: Any) -> int:
    issue = project.issues.create({"title": title, "description": f"{title}: how is it set?", **fields})
    project.issues.get(issue.iid).notes.create({"body": f"You need to set `{title}` to 4 in config.toml."})
    project.issues.update(issue.iid, {"state_event": "close"})
    return int(issue.iid)


def test_an_issue_that_is_closed_is_in_the_index_within_a_minute(server: Server, project: Project) -> None:
    iid = solved(project, "fresh")
    assert until(lambda: f"issue:{iid}" in server.documents()) < 60


def test_a_wiki_page_that_is_written_is_in_the_index_within_a_minute(server: Server, project: Project) -> None:
    project.wikis.create({"title": "Fresh page", "content": "Text of the page."})
    assert until(lambda: "support/wiki/Fresh-page" in server.documents()) < 60


def test_an_issue_that_becomes_confidential_is_hidden_at_once(server: Server, project: Project) -> None:
    iid = solved(project, "plan")
    until(lambda: f"issue:{iid}" in server.documents())
    project.issues.update(iid, {"confidential": True})
    assert until(lambda: f"issue:{iid}" in Withdrawn(server.root).read()) < 5
    assert f"issue:{iid}" not in server.documents()


def test_a_storm_of_hooks_is_taken_quickly_and_is_few_refreshes(server: Server, secret: str, project: Project) -> None:
    body = json.dumps({"object_kind": "push", "project": {"path_with_namespace": project.path_with_namespace}})
    before = len(Versions(server.root).names())
    waits = []
    for _ in range(200):
        begun = time.monotonic()
        assert server.post(body.encode(), X_Gitlab_Token=secret) == 200
        waits.append(time.monotonic() - begun)
    assert sorted(waits)[197] < 1.0
    assert len(Versions(server.root).names()) <= before + 1


@pytest.mark.parametrize("token", ["", "x", "x" * 60_000])
def test_a_stranger_is_refused(server: Server, token: str) -> None:
    assert server.post(b"{}", X_Gitlab_Token=token) == 401


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b'{"object_kind":"note","object_attributes":null}', 400),
        (b"[]", 400),
        (b"'x'", 400),
        (b"{}", 400),
        (b'{"a":' * 2000, 400),
        (b"x" * 3_000_000, 413),
        (b'{"object_kind":"pipeline"}', 200),
        (b'{"object_kind":"push","project":{"path_with_namespace":"foreign/project"}}', 200),
    ],
)
def test_a_body_that_is_malformed_or_foreign_harms_nothing(
    server: Server, secret: str, body: bytes, status: int
) -> None:
    assert server.post(body, X_Gitlab_Token=secret) == status
    assert server.get("/livez").text == "ok"


def test_a_packed_body_is_refused_before_it_is_unpacked(server: Server, secret: str) -> None:
    assert server.post(b"x" * 100, X_Gitlab_Token=secret, Content_Encoding="gzip") == 400


def test_health_says_nothing_but_how_it_is(server: Server) -> None:
    assert (server.get("/livez").text, server.get("/readyz").text) == ("ok", "ok")
    assert server.get("/metrics").status_code == 404
