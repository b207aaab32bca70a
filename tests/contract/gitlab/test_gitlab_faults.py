"""Faults on demand, and the life of the stand-in's process."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import gitlab
import httpx
import pytest
import requests

from assistant.sandbox.gitlab.process import CREDENTIALS, find, start
from tests.contract.gitlab.targets import Target, connect

if TYPE_CHECKING:
    from gitlab.v4.objects import Project

    from tests.fakes.gitlab_process import GitLabSwitches


FAULTS = {
    "429": (gitlab.GitlabHttpError, 429, False),
    "429_text": (gitlab.GitlabHttpError, 429, False),
    "502": (gitlab.GitlabHttpError, 502, False),
    "lock": (gitlab.GitlabHttpError, 409, False),
    "reset": (requests.ConnectionError, None, False),
    "drop": (requests.ConnectionError, None, True),
    "502_after": (gitlab.GitlabHttpError, 502, True),
    "empty": (gitlab.GitlabParsingError, None, True),
    "cut": (gitlab.GitlabParsingError, None, True),
}


@pytest.mark.parametrize("kind", FAULTS)
def test_a_fault_hits_the_next_call_once_and_some_leave_their_mark(
    kind: str, bot: Project, direct: Target, switches: GitLabSwitches
) -> None:
    error, status, done = FAULTS[kind]
    switches.post("faults", kind=kind, method="POST", path="/issues")
    title = f"fault {kind} {time.monotonic_ns()}"
    plain = gitlab.Gitlab(direct.url, private_token=direct.token, timeout=5)
    with pytest.raises(error) as failed:
        plain.http_post(f"/projects/{bot.id}/issues", post_data={"title": title}, obey_rate_limit=False)
    assert getattr(failed.value, "response_code", None) == status
    assert [issue.title for issue in bot.issues.list(search=title, get_all=False)] == ([title] if done else [])
    assert switches.get("faults") == []


def test_a_hanging_and_a_slow_answer_run_into_the_clients_patience(
    bot: Project, direct: Target, switches: GitLabSwitches
) -> None:
    hasty = gitlab.Gitlab(direct.url, private_token=direct.token, timeout=0.3)
    for kind in ("hang", "slow"):
        switches.post("faults", kind=kind, delay_s=1.0)
        with pytest.raises(requests.Timeout):
            hasty.http_get(f"/projects/{bot.id}")
    assert hasty.http_get(f"/projects/{bot.id}")


def test_a_moved_project_redirects_reading_and_refuses_writing(
    bot: Project, direct: Target, switches: GitLabSwitches
) -> None:
    plain = gitlab.Gitlab(direct.url, private_token=direct.token, timeout=5)
    there = f"{direct.url}/api/v4/projects/{bot.id}"
    switches.post("faults", kind="redirect", location=there)
    assert plain.projects.get("moved/away").id == bot.id
    switches.post("faults", kind="redirect", location=f"{there}/issues")
    with pytest.raises(gitlab.RedirectError):
        plain.http_post("/projects/1/issues", post_data={"title": "x"})


def test_limits_per_minute_are_refused_with_a_waiting_time(bot: Project, switches: GitLabSwitches) -> None:
    switches.post("clock", now="2026-11-21T10:00:00Z")
    switches.post("limits", notes=1)
    issue = bot.issues.create({"title": "x"})
    issue.notes.create({"body": "one"})
    with pytest.raises(gitlab.GitlabHttpError) as refused:
        bot.manager.gitlab.http_post(
            f"/projects/{bot.id}/issues/{issue.iid}/notes", post_data={"body": "two"}, obey_rate_limit=False
        )
    assert refused.value.response_code == 429
    switches.post("clock", advance_s=61)
    assert issue.notes.create({"body": "two"}).id


def test_it_starts_quickly_is_found_again_and_keeps_its_issues_over_a_restart(tmp_path: Path) -> None:
    began = time.monotonic()
    with start(tmp_path) as first:
        assert time.monotonic() - began < 3  # 0.3 s on an idle machine
        connect(Target(first.url, first.bot_token, first.project)).projects.get(first.project).issues.create(
            {"title": "stays"}
        )
        again = start(tmp_path)
        assert (again.pid, again.reused, again.bot_token) == (first.pid, True, first.bot_token)
        with again:
            pass
        assert find(tmp_path) is not None
        assert (tmp_path / CREDENTIALS).stat().st_mode & 0o777 == 0o600
        assert (tmp_path / "gitlab.sqlite").stat().st_mode & 0o077 == 0
    assert find(tmp_path) is None
    with start(tmp_path) as second:
        project = connect(Target(second.url, second.bot_token, second.project)).projects.get(second.project)
        assert [issue.title for issue in project.issues.list(get_all=False)] == ["stays"]
        assert second.url == first.url


@pytest.mark.slow
def test_it_ends_when_the_program_that_started_it_dies(tmp_path: Path) -> None:
    program = f"""
from pathlib import Path
from assistant.sandbox.gitlab.process import start
print(start(Path({str(tmp_path)!r})).pid, flush=True)
"""
    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=True, cwd=Path.cwd()
    )
    pid, until = int(done.stdout), time.monotonic() + 5
    while time.monotonic() < until:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return
        time.sleep(0.1)
    raise AssertionError(f"process {pid} still runs")


def test_it_listens_on_loopback_only(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "assistant.sandbox.gitlab", "--data", str(tmp_path / "x"), "--host", "0.0.0.0"]  # noqa: S104 - refused
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)  # noqa: S603 - our own module
    assert done.returncode != 0
    assert "loopback only" in done.stderr


def test_switches_are_off_unless_asked_for(tmp_path: Path) -> None:
    with start(tmp_path) as running:
        assert httpx.post(f"{running.url}/_fake/users", json={"username": "eve"}).status_code == 403
        assert httpx.get(f"{running.url}/_fake/mentions").status_code == 200


def test_a_request_from_a_web_page_elsewhere_is_refused(switches: GitLabSwitches) -> None:
    foreign = {"Origin": "http://evil.example"}
    assert httpx.get(f"{switches.gitlab.url}/_fake/mentions", headers=foreign).status_code == 421
    assert httpx.get(f"{switches.gitlab.url}/", headers={"Host": "evil.example"}).status_code == 421
