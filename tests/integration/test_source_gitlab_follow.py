"""A GitLab project followed over HTTP from the stand-in: what changes there changes here, and nothing more is read."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import gitlab
import pytest

from indexing.collecting import Refresh, RefreshOptions
from indexing.errors import BuildRefused
from indexing.model import Document, Skipped
from indexing.source_store import SourceStore
from indexing.sources import Gone, Present
from indexing.sources.gitlab_group import GitLabGroup
from indexing.sources.gitlab_project import HIDDEN_AFTER, GitLabProject, IssueFilter, ProjectParts
from indexing.sources.path_filter import PathFilter
from indexing.versions import utc_now
from indexing.withdrawn import Withdrawn
from tests.fakes.gitlab_process import GitLabSwitches, running_gitlab
from tests.fakes.memory_source import unchanged

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gitlab.v4.objects import Project

    from assistant.sandbox.gitlab.process import RunningGitLab
    from indexing.collecting import SourceReport
    from indexing.sources import FollowedSource

NAMES = itertools.count(1)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGitLab]:
    with running_gitlab(tmp_path_factory.mktemp("gitlab")) as gitlab_:
        yield gitlab_


class World:
    """A project of its own with an asker and a responder, and the index that follows it."""

    def __init__(self, running: RunningGitLab, folder: Path, path: str = "") -> None:
        self.running = running
        self.switches = GitLabSwitches(running)
        self.path = path or f"platform/p{next(NAMES)}"
        self.folder = folder
        self.switches.post("projects", path=self.path, repository=str(folder / "repository"))
        (folder / "repository").mkdir(parents=True, exist_ok=True)
        self.asker = self._project("ada", 10)
        self.responder = self._project("rob", 40)
        self.reader = self._token("index-reader", 20)
        self.store = SourceStore(folder / "index" / "sources.sqlite", utc_now)

    def _token(self, name: str, level: int) -> str:
        made = self.switches.post("users", username=f"{name}-{next(NAMES)}", access_level=level, project=self.path)
        return str(made["token"])

    def _project(self, name: str, level: int) -> Project:
        client = gitlab.Gitlab(self.running.url, private_token=self._token(name, level), keep_base_url=True, timeout=10)
        return client.projects.get(self.path)

    def solved(self, title: str, **fields: Any) -> int:
        issue = self.asker.issues.create({"title": title, "description": f"{title}: how do I mend it?", **fields})
        answer = self.responder.issues.get(issue.iid)
        answer.notes.create({"body": f"You need to set `{title}` to 4 in config.toml."})
        answer.state_event = "close"
        answer.save()
        return int(issue.iid)

    def source(self, **more: Any) -> GitLabProject:
        return GitLabProject(self.running.url, self.reader, self.path, "support", **more)

    def refresh(self, source: FollowedSource | None = None, **options: Any) -> SourceReport:
        chosen = RefreshOptions(**options)
        return Refresh(self.folder / "index", self.store, unchanged, chosen, lambda _: None)(source or self.source())

    def held(self) -> set[str]:
        return set(self.store.entries("support"))

    def calls(self) -> list[str]:
        return [request["path"].partition("?")[0] for request in self.switches.get("requests")]


@pytest.fixture
def world(running: RunningGitLab, tmp_path: Path) -> Iterator[World]:
    made = World(running, tmp_path)
    yield made
    made.switches.post("forget")
    made.store.close()


def test_with_nothing_changed_nothing_but_the_lists_is_read(world: World) -> None:
    world.switches.post("clock", advance_s=-3600)
    for number in range(5):
        world.solved(f"setting_{number}")
    world.switches.post("clock")
    assert world.refresh().documents == 5
    world.switches.post("forget")
    assert world.refresh(sweep=False).state == "unchanged"
    assert not any("/notes" in call for call in world.calls())
    assert len(world.calls()) == 4  # the project, the time, the changed issues, the wiki


def test_an_issue_that_was_closed_since_comes_in_and_only_it_is_read(world: World) -> None:
    world.switches.post("clock", advance_s=-3600)
    world.solved("first")
    world.switches.post("clock")
    world.refresh()
    iid = world.solved("second")
    world.switches.post("forget")
    report = world.refresh(sweep=False)
    assert (report.state, report.added, report.changed) == ("read", 1, 0)
    assert f"issue:{iid}" in world.held()
    assert sum("/notes" in call for call in world.calls()) == 1


def test_a_second_comment_within_a_minute_is_not_missed(world: World) -> None:
    iid = world.solved("quick")
    world.refresh()
    world.responder.issues.get(iid).notes.create({"body": "Set it to 8 instead, 4 is too few for most runners."})
    assert world.refresh(sweep=False).changed == 1


def test_an_issue_that_is_opened_again_leaves_and_comes_back_when_it_is_closed(world: World) -> None:
    iid = world.solved("again")
    other = world.solved("other")
    world.refresh()
    issue = world.responder.issues.get(iid)
    issue.state_event = "reopen"
    issue.save()
    assert world.refresh(sweep=False).removed == 1
    assert world.held() == {f"issue:{other}"}
    issue.state_event = "close"
    issue.save()
    world.refresh(sweep=False)
    assert f"issue:{iid}" in world.held()


def test_an_issue_that_becomes_confidential_is_withdrawn_from_every_version(world: World) -> None:
    iid = world.solved("secret plan")
    world.solved("other")
    world.refresh()
    issue = world.responder.issues.get(iid)
    issue.confidential = True
    issue.save()
    world.refresh(sweep=False)
    assert f"issue:{iid}" not in world.held()
    assert Withdrawn(world.folder / "index").read() == {f"issue:{iid}"}


def test_a_token_that_cannot_see_confidential_issues_learns_of_it_by_the_sweep(world: World) -> None:
    iid = world.solved("secret plan")
    world.solved("other")
    guest = replace(world.source(), token=world._token("guest-reader", 10))  # noqa: SLF001 - of this file's own class
    world.refresh(guest)
    issue = world.responder.issues.get(iid)
    issue.confidential = True
    issue.save()
    world.refresh(guest, sweep=False)
    assert f"issue:{iid}" in world.held()
    world.refresh(guest, sweep=True)
    assert f"issue:{iid}" not in world.held()
    assert f"issue:{iid}" in Withdrawn(world.folder / "index").read()


def test_a_deleted_issue_leaves_with_the_sweep_and_at_once_when_it_is_asked_for(world: World) -> None:
    gone, asked = world.solved("gone"), world.solved("asked")
    world.solved("stays")
    world.refresh()
    owner = world._project("owner", 50)  # noqa: SLF001 - as above
    owner.issues.delete(gone)
    owner.issues.delete(asked)
    assert Gone(f"issue:{asked}", "deleted, or hidden from the token", withdrawn=True) in list(
        world.source().again(frozenset({f"issue:{asked}"}))
    )
    world.refresh(sweep=True)
    assert not world.held() & {f"issue:{gone}", f"issue:{asked}"}


def test_an_issue_that_moved_or_lost_its_label_leaves(world: World, running: RunningGitLab, tmp_path: Path) -> None:
    other = World(running, tmp_path / "other")
    moved, relabelled, stays = (world.solved(name, labels="support") for name in ("moved", "relabelled", "stays"))
    for iid in (moved, relabelled, stays):
        issue = world.responder.issues.get(iid)
        issue.labels = ["support"]
        issue.save()
    source = world.source(parts=ProjectParts(IssueFilter(labels=("support",))))
    world.refresh(source)
    assert len(world.held()) == 3
    world.switches.post("issues/move", path=world.path, iid=moved, to=other.path)
    issue = world.responder.issues.get(relabelled)
    issue.labels = ["internal"]
    issue.save()
    world.refresh(source, sweep=False, force=True)
    assert world.held() == {f"issue:{stays}"}
    other.store.close()


def test_a_duplicate_names_its_original_and_one_that_nobody_solved_may_be_left_out(world: World) -> None:
    original = world.solved("original")
    issue = world.asker.issues.create({"title": "Same again", "description": "It is the same as before, I think."})
    world.responder.issues.get(issue.iid).notes.create({"body": f"/duplicate #{original}"})
    items = {item.id: item for item in world.source().items() if isinstance(item, Document)}
    assert items[f"issue:{issue.iid}"].closed_as == "duplicate"
    assert items[f"issue:{issue.iid}"].duplicate_of == f"issue:{original}"
    only = world.source(parts=ProjectParts(IssueFilter(closed_as=("solved",))))
    left_out = [item for item in only.items() if isinstance(item, Skipped)]
    assert [item.document for item in left_out] == [f"issue:{issue.iid}"]


def test_the_merge_request_that_closed_an_issue_is_its_resolution(world: World) -> None:
    issue = world.asker.issues.create({"title": "Crash at start", "description": "The runner crashes at its start."})
    world.switches.post(
        "merge_requests", path=world.path, title="Check the config before the start", closes=[issue.iid]
    )
    answer = world.responder.issues.get(issue.iid)
    answer.state_event = "close"
    answer.save()
    [document] = [item for item in world.source().items() if isinstance(item, Document)]
    assert "merge request !1: Check the config before the start" in document.text
    assert document.closed_as == "solved"


def test_reactions_of_others_help_to_find_the_solution(world: World) -> None:
    issue = world.asker.issues.create({"title": "Slow jobs", "description": "My jobs are slow since the update."})
    talk = world.responder.issues.get(issue.iid)
    talk.notes.create({"body": "Add more runners to the group and restart the manager after that."})
    good = talk.notes.create({"body": "Set `check_interval = 1` in the configuration file of the manager."})
    for name in ("x", "y", "z"):
        fan = world._project(name, 10)  # noqa: SLF001 - as above
        fan.issues.get(issue.iid).notes.get(good.get_id()).awardemojis.create({"name": "thumbsup"})
    talk.state_event = "close"
    talk.save()
    [document] = [item for item in world.source().items() if isinstance(item, Document)]
    assert "check_interval" in document.text.split("## Resolution")[1].split("## Discussion")[0]
    assert any("agreed" in reason for reason in document.resolved_by)


def test_files_at_a_ref_are_read_once_and_again_only_when_they_change(world: World) -> None:
    repository = world.folder / "repository"
    (repository / "docs").mkdir()
    for name in ("a", "b", "c", "d"):
        (repository / "docs" / f"{name}.md").write_text(f"# {name}\n\nText of {name}.\n", encoding="utf-8")
    (repository / "docs" / "draft.md").write_text("# Draft\n\nNot yet.\n", encoding="utf-8")
    (repository / "code.py").write_text("print()\n", encoding="utf-8")
    source = world.source(parts=ProjectParts(None, wiki=False, files=PathFilter(("docs/**",), ("draft.md",))))
    assert world.refresh(source).documents == 4
    [page] = world.store.documents("support", ["support/docs/a.md"])
    assert page.url == f"{world.running.url}/{world.path}/-/blob/main/docs/a.md"
    world.switches.post("forget")
    assert world.refresh(source).state == "unchanged"
    assert not any("/blobs/" in call or "/tree" in call for call in world.calls())
    (repository / "docs" / "a.md").write_text("# a\n\nOther text.\n", encoding="utf-8")
    (repository / "docs" / "b.md").rename(repository / "docs" / "e.md")
    world.switches.post("forget")
    report = world.refresh(source)
    assert (report.added, report.changed, report.removed) == (1, 1, 1)
    assert sum("/blobs/" in call for call in world.calls()) == 2
    assert "support/docs/b.md" not in world.held()


def test_wiki_pages_follow_too(world: World) -> None:
    for name in ("One", "Two", "Three", "Four", "Five", "Six"):
        world.responder.wikis.create({"title": name, "content": f"Text of {name}."})
    world.refresh()
    page = world.responder.wikis.get("One")
    page.content = "Other words."
    page.save()
    world.responder.wikis.delete("Two")
    report = world.refresh(sweep=False)
    assert (report.changed, report.removed) == (1, 1)


def test_a_first_reading_that_breaks_off_goes_on_where_it_was(world: World) -> None:
    made = {f"issue:{world.solved(f'setting_{number}')}" for number in range(7)}

    source = world.source(
        parts=ProjectParts(page=2),
        client=lambda url, token: gitlab.Gitlab(url, private_token=token, keep_base_url=True, timeout=2),
    )
    world.switches.post("faults", kind="502", count=50, method="GET", path=r"/issues/5/notes")
    assert world.refresh(source).state == "failed"
    assert 0 < len(world.held()) < len(made)
    world.switches.post("forget")
    assert world.refresh(source).state == "read"
    assert world.held() == made
    read_again = {call.split("/issues/")[1].split("/")[0] for call in world.calls() if "/notes" in call}
    assert len(read_again) < len(made)


def test_a_project_that_is_hidden_for_long_is_withdrawn_and_one_that_answers_badly_for_a_moment_is_not(
    world: World,
) -> None:
    for number in range(3):
        world.solved(f"setting_{number}")
    world.responder.wikis.create({"title": "Home", "content": "Welcome."})
    now = datetime.now(UTC)
    source = world.source(now=lambda: now)
    world.refresh(source)
    stranger = replace(source, token=GitLabSwitches(world.running).post("users", username="stranger")["token"])
    assert world.refresh(stranger).state == "failed"
    assert len(world.held()) == 4
    later = replace(stranger, now=lambda: now + HIDDEN_AFTER + timedelta(minutes=1))
    report = world.refresh(later)
    assert report.state == "failed"
    assert "is not there, or the token may not read it" in report.reason
    assert world.held() == set()
    assert len(Withdrawn(world.folder / "index").read()) == 4
    world.refresh(source)
    assert len(world.held()) == 4


def test_a_comment_that_is_deleted_leaves_with_the_sweep(world: World) -> None:
    iid = world.solved("deleted")
    issue = world.responder.issues.get(iid)
    note = issue.notes.create({"body": "The password of the old server is on the door, take it."})
    world.refresh()
    assert "on the door" in next(iter(world.store.documents("support", [f"issue:{iid}"]))).text
    note.delete()
    assert world.refresh(sweep=True).changed == 1
    assert "on the door" not in next(iter(world.store.documents("support", [f"issue:{iid}"]))).text


def test_a_project_that_is_made_private_is_hidden_although_the_token_reads_it(world: World) -> None:
    world.switches.post("projects/change", path=world.path, visibility="internal")
    iid = world.solved("shown")
    world.refresh()
    world.switches.post("projects/change", path=world.path, visibility="private")
    report = world.refresh(sweep=False)
    assert (report.documents, report.left_out) == (0, 2)
    assert f"issue:{iid}" in Withdrawn(world.folder / "index").read()
    world.switches.post("projects/change", path=world.path, visibility="internal")
    world.refresh(sweep=True)
    assert world.held() == {f"issue:{iid}"}


def test_documents_get_new_names_when_a_second_project_is_added(world: World) -> None:
    iid = world.solved("named")
    world.refresh()
    world.refresh(world.source(several_projects=True), sweep=False)
    assert world.held() == {f"issue:{world.path}#{iid}"}


def test_a_group_follows_its_projects_as_they_come_and_go(running: RunningGitLab, tmp_path: Path) -> None:
    name = f"team{next(NAMES)}"
    one, two = (World(running, tmp_path / part, f"{name}/{part}") for part in ("one", "sub/two"))
    iids = [world.solved("shared") for world in (one, two)]
    two.responder.wikis.create({"title": "Home", "content": "Welcome."})
    token = one.switches.post("users", username=f"{name}-reader", access_level=20, project=one.path)["token"]
    reader = one.switches.post("users", username=f"{name}-reader", access_level=20, project=two.path)["token"]
    assert token
    group = GitLabGroup(running.url, reader, name, "support")
    one.refresh(group)
    assert one.held() == {
        f"issue:{name}/one#{iids[0]}",
        f"issue:{name}/sub/two#{iids[1]}",
        f"support/{name}/sub/two/wiki/Home",
    }
    one.switches.post("projects/change", path=two.path, new_path=f"{name}/sub/renamed")
    one.refresh(group, force=True)
    assert f"issue:{name}/sub/renamed#{iids[1]}" in one.held()
    assert not any("/sub/two" in document for document in one.held())
    one.switches.post("projects/change", path=f"{name}/sub/renamed", archived=1)
    one.refresh(group, force=True)
    assert one.held() == {f"issue:{name}/one#{iids[0]}"}
    for world in (one, two):
        world.store.close()


def test_one_project_of_a_group_that_fails_does_not_stop_the_others(running: RunningGitLab, tmp_path: Path) -> None:
    name = f"team{next(NAMES)}"
    one, two = (World(running, tmp_path / part, f"{name}/{part}") for part in ("a", "b"))
    iids = [world.solved("shared") for world in (one, two)]
    reader = ""
    for world in (one, two):
        made = world.switches.post("users", username=f"{name}-reader", access_level=20, project=world.path)
        reader = made["token"]
    quick = GitLabGroup(
        running.url,
        reader,
        name,
        "support",
        client=lambda url, token: gitlab.Gitlab(url, private_token=token, timeout=2, keep_base_url=True),
    )
    project = one.asker.get_id()
    one.switches.post("faults", kind="502", count=50, method="GET", path=f"/projects/{project}/issues")
    report = one.refresh(quick)
    assert report.state == "failed"
    assert f"{name}/a" in report.reason
    assert one.held() == {f"issue:{name}/b#{iids[1]}"}
    one.switches.post("forget")
    one.refresh(quick)
    assert len(one.held()) == 2
    for world in (one, two):
        world.store.close()


def test_a_complete_listing_ends_a_first_reading_and_each_sweep(world: World) -> None:
    iid = world.solved("setting")
    changes = list(world.source().changes(None, sweep=False))
    assert Present("issue:", frozenset({f"issue:{iid}"})) in changes


def test_a_group_that_is_not_there_is_refused_in_one_line(running: RunningGitLab) -> None:
    with pytest.raises(BuildRefused, match=r"the GitLab group no/such .* is not there"):
        list(GitLabGroup(running.url, running.read_token, "no/such").items())
