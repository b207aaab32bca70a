"""What only the stand-in can be asked: roles, the clock, faults, records, life and death of its process."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import time
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import gitlab
import httpx
import pytest
import requests

from assistant.sandbox.gitlab.process import CREDENTIALS, Options, find, start
from tests.contract.gitlab.targets import Target, connect

if TYPE_CHECKING:
    import contextlib
    from collections.abc import Callable

    from gitlab.v4.objects import Project

    from tests.fakes.gitlab_process import GitLabSwitches

GUEST, REPORTER, DEVELOPER, OWNER = 10, 20, 30, 50


@pytest.fixture
def bot(direct: Target, switches: GitLabSwitches) -> Project:
    return connect(direct).projects.get(switches.gitlab.project)


def _refused(status: int) -> contextlib.AbstractContextManager[pytest.ExceptionInfo[gitlab.GitlabError]]:
    return pytest.raises(gitlab.GitlabError, check=lambda error: error.response_code == status)


# --- who may do what ---------------------------------------------------------------------------------------------


def test_a_guest_may_ask_but_not_label_close_or_read_internal_notes(
    bot: Project, acting_as: Callable[..., Project]
) -> None:
    guest = acting_as("gina", GUEST)
    assert guest.issues.create({"title": "x", "labels": "made-up-by-guest"}).labels == []
    issue = bot.issues.create({"title": "by the bot"})
    issue.notes.create({"body": "for the team", "internal": True})
    with _refused(403):
        guest.issues.update(issue.iid, {"state_event": "close"})
    with _refused(403):
        guest.issues.get(issue.iid).notes.create({"body": "x", "internal": True})
    assert guest.issues.get(issue.iid).notes.list(get_all=False) == []


def test_a_guests_labels_on_an_existing_issue_are_dropped_in_silence(
    bot: Project, acting_as: Callable[..., Project]
) -> None:
    bot.labels.create({"name": "known", "color": "#123456"})
    guest = acting_as("gina", GUEST)
    own = guest.issues.create({"title": "x"})
    changed = guest.issues.update(own.iid, {"title": "y", "add_labels": "known"})
    assert (changed["title"], changed["labels"]) == ("y", [])


def test_a_confidential_issue_does_not_exist_for_a_guest(bot: Project, acting_as: Callable[..., Project]) -> None:
    guest = acting_as("gina", GUEST)
    issue = bot.issues.create({"title": "secret", "confidential": True})
    with _refused(404):
        guest.issues.get(issue.iid)
    assert issue.iid not in [other.iid for other in guest.issues.list(iterator=True)]
    own = guest.issues.create({"title": "mine", "confidential": True})
    assert guest.issues.get(own.iid).confidential is True


def test_a_stranger_does_not_see_the_project(acting_as: Callable[..., Project]) -> None:
    with pytest.raises(gitlab.GitlabListError, match="404 Project Not Found"):
        acting_as("stella").issues.list(get_all=False)


def test_a_reading_token_may_read_but_not_write(bot: Project, acting_as: Callable[..., Project]) -> None:
    reader = acting_as("rita", REPORTER, scopes=["read_api"])
    iid = bot.issues.create({"title": "x"}).iid
    assert reader.issues.get(iid).iid == iid
    with pytest.raises(gitlab.GitlabCreateError, match="insufficient_scope") as refused:
        reader.issues.create({"title": "x"})
    assert refused.value.response_code == 403


def test_an_expired_and_a_revoked_token_say_so(direct: Target, switches: GitLabSwitches) -> None:
    path = f"{direct.url}/api/v4/user"
    expired = switches.post("users", username="erin", expires_at="2020-01-01")["token"]
    answer = httpx.get(path, headers={"PRIVATE-TOKEN": expired})
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_token")
    assert "expired" in answer.json()["error_description"]
    revoked = switches.post("users", username="erin")["token"]
    assert httpx.get(path, headers={"Authorization": f"Bearer {revoked}"}).status_code == 200
    switches.post("tokens", token=revoked, revoked=True)
    assert "revoked" in httpx.get(path, headers={"PRIVATE-TOKEN": revoked}).json()["error_description"]


def test_anothers_comment_is_not_mine_to_change(bot: Project, acting_as: Callable[..., Project]) -> None:
    issue = bot.issues.create({"title": "x"})
    note = issue.notes.create({"body": "mine"})
    other = acting_as("olga", REPORTER).issues.get(issue.iid, lazy=True)
    with _refused(403):
        other.notes.update(note.id, {"body": "not mine"})
    with _refused(403):
        other.notes.delete(note.id)
    issue.notes.delete(note.id)
    assert issue.notes.list(get_all=False) == []


def test_anothers_vote_is_not_mine_to_take_back(bot: Project, acting_as: Callable[..., Project]) -> None:
    issue = bot.issues.create({"title": "x"})
    vote = issue.awardemojis.create({"name": "thumbsup"})
    other = acting_as("olga", REPORTER).issues.get(issue.iid, lazy=True)
    with _refused(401):
        other.awardemojis.delete(vote.id)
    other.awardemojis.create({"name": "thumbsup"})
    assert bot.issues.get(issue.iid).upvotes == 2


# --- text that runs ------------------------------------------------------------------------------------------------


def test_a_quick_action_in_a_description_runs_with_the_writers_rights(bot: Project, switches: GitLabSwitches) -> None:
    text = 'Help\n\n/label ~urgent ~"two words"\n/confidential\n/title Another\n/estimate 1h\n\nMore'
    issue = bot.issues.create({"title": "x", "description": text})
    assert issue.labels == ["two words", "urgent"]
    assert (issue.confidential, issue.title) == (True, "Another")
    assert "/label" not in issue.description
    assert issue.description.startswith("Help")
    seen = {row["command"]: row["executed"] for row in switches.get("quick_actions")}
    assert seen == {"label": 1, "confidential": 1, "title": 1, "estimate": 0}


def test_quick_actions_run_from_comments_and_edits_too(bot: Project, switches: GitLabSwitches) -> None:
    issue = bot.issues.create({"title": "x"})
    note = issue.notes.create({"body": "thanks\n/close"})
    assert (note.body, bot.issues.get(issue.iid).state) == ("thanks", "closed")
    issue.notes.update(note.id, {"body": "sorry\n\n/reopen"})
    assert bot.issues.get(issue.iid).state == "opened"
    bot.issues.update(issue.iid, {"description": "text\n/CLOSE"})
    assert bot.issues.get(issue.iid).state == "closed"
    assert [row["command"] for row in switches.get("quick_actions")] == ["close", "reopen", "close"]


def test_fenced_text_runs_nothing_and_mentions_nobody(bot: Project, switches: GitLabSwitches) -> None:
    issue = bot.issues.create({"title": "x", "description": "````text\n/close\n@all #1\n```\n````"})
    assert issue.state == "opened"
    assert "/close" in issue.description
    assert switches.get("quick_actions") == switches.get("mentions") == []


def test_mentions_and_references_are_written_down_wherever_they_stand(bot: Project, switches: GitLabSwitches) -> None:
    issue = bot.issues.create({"title": "see #12", "description": "hi &#64;root"})
    issue.notes.create({"body": "> @all"})
    assert [(row["kind"], row["text"]) for row in switches.get("mentions")] == [
        ("reference", "#12"),
        ("mention", "root"),
        ("mention", "all"),
    ]


def test_a_parameter_that_gitlab_does_not_know_is_ignored_but_written_down(
    bot: Project, switches: GitLabSwitches
) -> None:
    assert bot.issues.create({"title": "x", "lables": "a"}).labels == []
    assert [row["name"] for row in switches.get("unknown_parameters")] == ["lables"]


# --- time ------------------------------------------------------------------------------------------------------------


def test_a_second_comment_within_a_minute_does_not_move_updated_at(bot: Project, switches: GitLabSwitches) -> None:
    switches.post("clock", now="2026-11-21T10:00:00Z")
    issue = bot.issues.create({"title": "x"})
    switches.post("clock", advance_s=61)
    issue.notes.create({"body": "first"})
    assert bot.issues.get(issue.iid).updated_at == "2026-11-21T10:01:01.000Z"
    switches.post("clock", advance_s=59)
    issue.notes.create({"body": "second"})
    assert bot.issues.get(issue.iid).updated_at == "2026-11-21T10:01:01.000Z"


def test_a_vote_never_moves_updated_at_and_an_edit_always_does(bot: Project, switches: GitLabSwitches) -> None:
    switches.post("clock", now="2026-11-21T10:00:00Z")
    issue = bot.issues.create({"title": "x"})
    switches.post("clock", advance_s=600)
    issue.awardemojis.create({"name": "thumbsup"})
    assert bot.issues.get(issue.iid).updated_at == issue.updated_at
    bot.issues.update(issue.iid, {"add_labels": "new"})
    assert bot.issues.get(issue.iid).updated_at == "2026-11-21T10:10:00.000Z"


# --- pages of lists --------------------------------------------------------------------------------------------------


def test_totals_are_left_out_above_the_limit(bot: Project, switches: GitLabSwitches) -> None:
    bot.issues.create({"title": "x"})
    switches.post("switches", totals_up_to=0)
    pages = bot.issues.list(iterator=True, per_page=1)
    switches.post("switches", totals_up_to=10_000)
    assert (pages.total, pages.total_pages) == (None, None)
    assert pages.next_page is not None or pages.current_page == 1


def test_keyset_is_refused_where_gitlab_has_none_and_ignored_for_other_orders(bot: Project) -> None:
    with _refused(405):
        bot.labels.list(pagination="keyset", get_all=False)
    pages = bot.issues.list(pagination="keyset", order_by="popularity", iterator=True)
    assert pages.current_page == 1


def test_links_carry_the_configured_host_not_the_one_that_was_asked(tmp_path: Path) -> None:
    with start(tmp_path, Options(external_url="http://gitlab.example")) as running:
        headers = {"PRIVATE-TOKEN": running.bot_token}
        path = f"{running.url}/api/v4/projects/platform%2Fsupport/issues"
        made = httpx.post(path, json={"title": "x"}, headers=headers).json()
        assert made["web_url"] == "http://gitlab.example/platform/support/-/issues/1"
        link = httpx.get(f"{path}?per_page=1", headers=headers).headers["Link"]
        assert link.startswith("<http://gitlab.example/api/v4/projects/platform%2Fsupport/issues?")


def test_web_url_can_name_work_items(bot: Project, switches: GitLabSwitches) -> None:
    switches.post("switches", work_item_urls=True)
    url = bot.issues.create({"title": "x"}).web_url
    switches.post("switches", work_item_urls=False)
    assert "/-/work_items/" in url
    assert httpx.get(url).status_code == 200


def test_an_unchanged_answer_is_304(bot: Project, direct: Target) -> None:
    iid = bot.issues.create({"title": "x"}).iid
    path = f"{direct.url}/api/v4/projects/{bot.id}/issues/{iid}"
    headers = {"PRIVATE-TOKEN": direct.token}
    first = httpx.get(path, headers=headers)
    assert httpx.get(path, headers=headers | {"If-None-Match": first.headers["ETag"]}).status_code == 304


def test_issues_opened_at_the_same_time_are_numbered_without_a_gap(bot: Project, direct: Target) -> None:
    def open_some(_: int) -> list[int]:
        own = connect(direct).projects.get(direct.project, lazy=True)
        return [own.issues.create({"title": "x"}).iid for _ in range(5)]

    last = max(issue.iid for issue in bot.issues.list(get_all=False)) if bot.issues.list(get_all=False) else 0
    with ThreadPoolExecutor(4) as threads:
        numbers = sorted(number for some in threads.map(open_some, range(4)) for number in some)
    assert numbers == list(range(last + 1, last + 21))


def test_the_number_of_a_deleted_issue_is_not_given_again(acting_as: Callable[..., Project]) -> None:
    owner = acting_as("oscar", OWNER)
    gone = owner.issues.create({"title": "x"})
    owner.issues.delete(gone.iid)
    assert owner.issues.create({"title": "y"}).iid == gone.iid + 1


# --- knowledge in the project ----------------------------------------------------------------------------------------


def test_a_folder_is_read_as_a_repository(bot: Project, switches: GitLabSwitches, tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "a b.md").write_text("hello\n")
    (tmp_path / "README.md").write_text("read me\n")
    switches.post("projects", path=bot.path_with_namespace, repository=str(tmp_path))
    entries = bot.repository_tree(recursive=True, pagination="keyset", per_page=1, iterator=True)
    found = {entry["path"]: entry["id"] for entry in entries}
    assert list(found) == ["README.md", "docs", "docs/a b.md"]
    assert found["docs/a b.md"] == "ce013625030ba8dba906f756967f9e9ca394464a"  # git hash-object of "hello\n"
    assert bot.files.get("docs/a b.md", "main").decode() == b"hello\n"
    assert bot.files.raw("docs/a b.md", "main") == b"hello\n"
    with tarfile.open(fileobj=BytesIO(bot.repository_archive(format="tar.gz", exclude_paths="docs"))) as archive:
        names = archive.getnames()
    assert [name.split("/", 1)[1] for name in names] == ["README.md"]
    with _refused(404):
        bot.repository_tree(path="nowhere", get_all=False)
    with _refused(404):
        bot.files.get("README.md", "no-such-branch")
    switches.post("projects", path=bot.path_with_namespace, repository=None)
    with _refused(404):
        bot.repository_tree(get_all=False)


def test_wiki_pages_keep_slashes_in_their_slugs(acting_as: Callable[..., Project]) -> None:
    wikis = acting_as("dora", DEVELOPER).wikis
    wikis.create({"title": "runner/how to", "content": "text"})
    assert wikis.get("runner/how-to").content == "text"
    assert [page.content for page in wikis.list(with_content=True, get_all=True)] == ["text"]
    wikis.delete("runner/how-to")


# --- faults ----------------------------------------------------------------------------------------------------------

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


# --- life of the process ---------------------------------------------------------------------------------------------


def test_it_starts_quickly_is_found_again_and_keeps_its_issues_over_a_restart(tmp_path: Path) -> None:
    began = time.monotonic()
    with start(tmp_path) as first:
        assert time.monotonic() - began < 1.5
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
