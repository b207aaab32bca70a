"""A GitLab project as a source, over HTTP from the stand-in: what everybody may read, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import gitlab
import pytest

from indexing.errors import BuildRefused
from indexing.model import Document, Skipped
from indexing.sources import Gone
from indexing.sources.gitlab_project import GitLabProject, IssueFilter, ProjectParts, connect
from tests.fakes.gitlab_process import GitLabSwitches, running_gitlab

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gitlab.v4.objects import Project

    from assistant.sandbox.gitlab.process import RunningGitLab

CANARY = "canary-7f3a-violet-otter"


def _quick(url: str, token: str) -> gitlab.Gitlab:
    """Return a client that gives up at once, for faults."""
    return gitlab.Gitlab(url, private_token=token, timeout=2, keep_base_url=True)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGitLab]:
    with running_gitlab(tmp_path_factory.mktemp("gitlab")) as gitlab_:
        yield gitlab_


@pytest.fixture(scope="module")
def asker(running: RunningGitLab) -> Project:
    made = GitLabSwitches(running).post("users", username="ada", access_level=10, project=running.project)
    return _project(running, made["token"])


@pytest.fixture(scope="module")
def responder(running: RunningGitLab) -> Project:
    return _project(running, running.responder_token)


def _project(running: RunningGitLab, token: str) -> Project:
    return gitlab.Gitlab(running.url, private_token=token, keep_base_url=True, timeout=10).projects.get(running.project)


def _solved(asker: Project, responder: Project, title: str, **fields: Any) -> int:
    issue = asker.issues.create({"title": title, "description": f"{title}: how do I mend it?", **fields})
    answer = responder.issues.get(issue.iid)
    answer.notes.create({"body": "You need to set `concurrent = 4` in config.toml, see the docs."})
    answer.notes.create({"body": f"Only for us: {CANARY}", "internal": True})
    asker.issues.get(issue.iid).notes.create({"body": "Thanks, that worked!"})
    answer.labels = ["support", "runner"]
    answer.state_event = "close"
    answer.save()
    return int(issue.iid)


def _source(running: RunningGitLab, **more: Any) -> GitLabProject:
    return GitLabProject(running.url, running.read_token, running.project, **more)


def _by_id(source: GitLabProject) -> dict[str, Document]:
    return {item.id: item for item in source.items() if isinstance(item, Document)}


def test_closed_issues_become_documents_and_nothing_hidden_does(
    running: RunningGitLab, asker: Project, responder: Project
) -> None:
    solved = _solved(asker, responder, "Runner takes one job at a time")
    hidden = _solved(asker, responder, f"Leak {CANARY}", confidential=True)
    still_open = asker.issues.create({"title": "Still open"}).iid
    documents = _by_id(_source(running))
    document = documents[f"issue:{solved}"]
    assert document.text == (
        "## Problem\n\nRunner takes one job at a time: how do I mend it?\n\n"
        "## Resolution\n\nYou need to set `concurrent = 4` in config.toml, see the docs."
    )
    assert document.labels == ("runner", "support")
    assert document.url.startswith(running.url)
    assert document.source == "gitlab"
    assert document.confirmed
    assert f"issue:{hidden}" not in documents
    assert f"issue:{still_open}" not in documents
    assert not any(CANARY in document.text + document.title for document in documents.values())


def test_an_issue_that_becomes_confidential_is_gone_at_the_next_reading(
    running: RunningGitLab, asker: Project, responder: Project
) -> None:
    iid = _solved(asker, responder, "Shown at first")
    assert f"issue:{iid}" in _by_id(_source(running))
    issue = responder.issues.get(iid)
    issue.confidential = True
    issue.save()
    assert f"issue:{iid}" not in _by_id(_source(running))


def test_a_server_that_ignores_the_filter_still_leaks_nothing(
    running: RunningGitLab, asker: Project, responder: Project
) -> None:
    iid = _solved(asker, responder, f"Filter {CANARY}", confidential=True)

    class Unfiltered(gitlab.Gitlab):
        def http_list(self, path: str, *args: Any, **fields: Any) -> Any:
            fields.pop("confidential", None)
            return super().http_list(path, *args, **fields)

    source = GitLabProject(
        running.url,
        running.responder_token,
        running.project,
        client=lambda url, token: Unfiltered(url, private_token=token, keep_base_url=True, timeout=10),
    )
    changes = list(source.changes(None, sweep=True))
    assert Gone(f"issue:{iid}", "confidential now", withdrawn=True) in changes
    assert not any(CANARY in repr(change) for change in changes)


def test_more_issues_than_a_page_holds_are_all_read_in_pages(running: RunningGitLab, responder: Project) -> None:
    made = []
    for number in range(7):
        issue = responder.issues.create({"title": f"Page {number}", "description": "x y z", "labels": "paged"})
        responder.issues.update(issue.iid, {"state_event": "close"})
        made.append(f"issue:{issue.iid}")

    source = _source(running, parts=ProjectParts(IssueFilter(labels=("paged",)), wiki=False, page=3))
    assert sorted(_by_id(source)) == sorted(made)


def test_wiki_pages_become_documents(running: RunningGitLab, responder: Project) -> None:
    responder.wikis.create({"title": "Guides/Set up", "content": "<!-- x -->\n\nRun the installer."})
    responder.wikis.create({"title": "Ascii", "content": "= x", "format": "asciidoc"})
    items = {item.id if isinstance(item, Document) else item.document: item for item in _source(running).items()}
    page = items["gitlab/wiki/Guides/Set-up"]
    assert isinstance(page, Document)
    assert (page.kind, page.title, page.text) == ("page", "Set up", "Run the installer.")
    assert page.url.endswith("/-/wikis/Guides/Set-up")
    assert isinstance(items["gitlab/wiki/Ascii"], Skipped)
    assert "gitlab/wiki/Guides/Set-up" not in _by_id(_source(running, parts=ProjectParts(wiki=False)))


def test_the_reader_asks_for_what_gitlab_understands(running: RunningGitLab) -> None:
    switches = GitLabSwitches(running)
    switches.post("forget")
    list(_source(running).items())
    assert switches.get("unknown_parameters") == []
    assert {request["method"] for request in switches.get("requests")} == {"GET"}


def test_a_refused_token_or_an_unknown_project_refuses_the_build_in_one_line(running: RunningGitLab) -> None:
    for token, project, why in (
        ("glpat-wrong", running.project, "token"),
        (running.read_token, "no/such", "is not there"),
    ):
        with pytest.raises(BuildRefused, match=why) as refused:
            list(GitLabProject(running.url, token, project, client=_quick).items())
        assert "\n" not in str(refused.value)
        assert token not in str(refused.value)


@pytest.mark.parametrize("kind", ["502", "reset", "drop", "empty", "cut", "429"])
@pytest.mark.parametrize("path", ["/issues", "/notes", "/wikis"])
def test_a_server_that_fails_in_the_middle_refuses_the_build(
    running: RunningGitLab, asker: Project, responder: Project, kind: str, path: str
) -> None:
    _solved(asker, responder, "Something to read")
    switches = GitLabSwitches(running)
    date = {"retry_after": "Wed, 21 Oct 2065 07:28:00 GMT"} if kind == "429" else {}
    switches.post("faults", kind=kind, count=50, method="GET", path=path, **date)
    try:
        with pytest.raises(BuildRefused, match="cannot be read now"):
            list(_source(running, client=_quick).items())
    finally:
        switches.post("forget")


def test_a_server_that_fails_once_is_asked_again(running: RunningGitLab) -> None:
    whole = _by_id(_source(running))
    switches = GitLabSwitches(running)
    switches.post("faults", kind="502", count=1, method="GET", path="/issues")
    assert _by_id(_source(running)) == whole


@pytest.mark.parametrize("wait", [0, "Wed, 21 Oct 2015 07:28:00 GMT", "soon"])
def test_a_server_that_asks_to_wait_is_asked_again(running: RunningGitLab, wait: int | str) -> None:
    whole = _by_id(_source(running))
    GitLabSwitches(running).post("faults", kind="429", count=1, method="GET", path="/issues", retry_after=wait)
    assert _by_id(_source(running)) == whole


@pytest.mark.parametrize("wait", [86400, "Wed, 21 Oct 2065 07:28:00 GMT"])
def test_a_server_that_asks_to_wait_for_long_is_read_by_the_next_refresh(
    running: RunningGitLab, wait: int | str
) -> None:
    switches = GitLabSwitches(running)
    switches.post("faults", kind="429", count=1, method="GET", path="/issues", retry_after=wait)
    with pytest.raises(BuildRefused, match=r"asks to wait for \d+ minutes"):
        list(_source(running).items())
    switches.post("forget")


def test_the_token_follows_no_redirection_to_another_host(running: RunningGitLab) -> None:
    switches = GitLabSwitches(running)
    switches.post(
        "faults", kind="redirect", count=1, method="GET", path="/issues", location="http://elsewhere.example/"
    )
    with pytest.raises(BuildRefused, match=r"sends its readers on to http://elsewhere\.example"):
        list(_source(running).items())
    switches.post("forget")


def test_a_server_that_is_not_there_refuses_the_build() -> None:
    with pytest.raises(BuildRefused, match="cannot be read now"):
        list(GitLabProject("http://127.0.0.1:9", "t", "p", client=_quick).items())


def test_the_client_has_a_time_limit_and_stays_on_its_host() -> None:
    client = connect("https://gitlab.example", "canary")
    assert client.timeout
    assert client.keep_base_url
    assert "canary" not in repr(GitLabProject("https://gitlab.example", "canary", "g/p"))
