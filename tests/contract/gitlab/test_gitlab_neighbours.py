"""What lies around issues, through python-gitlab and against GitLab's lists of keys: groups, merge requests, hooks."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import pytest

from tests.contract.gitlab import peers
from tests.contract.gitlab.targets import refused

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import gitlab
    from gitlab.v4.objects import Project

    from tests.fakes.gitlab_process import GitLabSwitches

DEVELOPER, MAINTAINER = 30, 40


@pytest.fixture
def made(acting_as: Callable[..., Project], switches: GitLabSwitches) -> Project:
    """A project in a subgroup of its own, as its maintainer sees it."""
    path = f"g{uuid.uuid4().hex[:8]}/sub/one"
    switches.post("projects", path=path)
    client = acting_as(f"mia-{uuid.uuid4().hex[:8]}", MAINTAINER, project=path).manager.gitlab
    return client.projects.get(path)


def client_of(project: Project) -> gitlab.Gitlab:
    return project.manager.gitlab


def known(name: str, body: dict[str, Any]) -> None:
    """Hold the keys against those that GitLab lists of the entity: none is made up."""
    assert set(body) <= peers.entity(name), set(body) - peers.entity(name)


def test_a_group_lists_its_projects_and_on_demand_those_below(made: Project, switches: GitLabSwitches) -> None:
    top, sub, _ = made.path_with_namespace.split("/")
    client = client_of(made)
    group = client.groups.get(top)
    known("GroupDetail", group.attributes)
    assert (group.full_path, group.parent_id, client.groups.get(group.id).full_path) == (top, None, top)
    assert client.groups.get(f"{top}/{sub}").parent_id == group.id
    assert group.projects.list(get_all=True) == []
    below = group.projects.list(include_subgroups=True, get_all=True)
    assert [project.id for project in below] == [made.id]
    known("Project", {key: value for key, value in below[0].attributes.items() if key != "group_id"})  # the client's
    switches.post("projects/change", path=made.path_with_namespace, archived=True)
    assert group.projects.list(include_subgroups=True, archived=False, get_all=True) == []


def test_a_group_of_which_nothing_is_visible_is_not_there(made: Project, client: gitlab.Gitlab) -> None:
    with refused(404):
        client.groups.get(made.path_with_namespace.split("/")[0])


def test_projects_of_a_group_come_in_pages(
    made: Project, switches: GitLabSwitches, acting_as: Callable[..., Project]
) -> None:
    folder = made.path_with_namespace.rpartition("/")[0]
    person = f"ada-{uuid.uuid4().hex[:8]}"
    for part in ("two", "three", "four"):
        switches.post("projects", path=f"{folder}/{part}")
        project = acting_as(person, DEVELOPER, project=f"{folder}/{part}")
    found = client_of(project).groups.get(folder).projects
    ids = [one.id for one in found.list(per_page=2, iterator=True)]
    assert len(ids) == len(set(ids)) == 3
    keyset = [one.id for one in found.list(per_page=2, pagination="keyset", order_by="id", iterator=True)]
    assert sorted(keyset) == sorted(ids)


def test_a_project_that_becomes_private_is_gone_for_strangers_and_back_when_public(
    made: Project, switches: GitLabSwitches, client: gitlab.Gitlab
) -> None:
    path = made.path_with_namespace
    for visibility, seen in (("public", True), ("private", False), ("public", True)):
        switches.post("projects/change", path=path, visibility=visibility)
        if seen:
            assert client.projects.get(path).visibility == "public"
        else:
            with refused(404):
                client.projects.get(path)


def test_merge_requests_that_close_an_issue_and_those_that_mention_it(made: Project, switches: GitLabSwitches) -> None:
    issue, other = (made.issues.create({"title": title}) for title in ("one", "two"))
    path = made.path_with_namespace
    switches.post("merge_requests", path=path, title="Mend it", closes=[issue.iid])
    switches.post("merge_requests", path=path, title="See also", state="opened", mentions=[issue.iid])
    closing, related = issue.closed_by(get_all=True), issue.related_merge_requests(get_all=True)
    assert [found["title"] for found in closing] == ["Mend it"]
    assert [found["title"] for found in related] == ["Mend it", "See also"]
    assert [(found["state"], found["merged_at"] is None) for found in related] == [("merged", False), ("opened", True)]
    assert other.closed_by(get_all=True) == other.related_merge_requests(get_all=True) == []
    for found in related:
        known("MergeRequestBasic", found)
        assert found["web_url"].endswith(f"/{path}/-/merge_requests/{found['iid']}")


def test_related_merge_requests_come_in_pages(made: Project, switches: GitLabSwitches) -> None:
    issue = made.issues.create({"title": "one"})
    for number in range(5):
        switches.post("merge_requests", path=made.path_with_namespace, title=f"m{number}", closes=[issue.iid])
    pages = issue.related_merge_requests(per_page=2, page=3)
    assert [found["title"] for found in pages] == ["m4"]
    assert len(list(issue.closed_by(per_page=2, iterator=True))) == 5


def test_a_commit_is_named_by_branch_or_id_and_changes_with_any_content(
    made: Project, switches: GitLabSwitches, tmp_path: Path
) -> None:
    path = f"{made.path_with_namespace}-files"
    folder = tmp_path / "files"
    folder.mkdir()
    (folder / "a.md").write_text("one")
    switches.post("projects", path=path, repository=str(folder), visibility="public")
    project = client_of(made).projects.get(path)
    head = project.commits.get(project.default_branch)
    known("CommitDetail", head.attributes)
    assert len(head.id) == 40
    assert head.id.startswith(head.short_id)
    assert project.commits.get(head.id).id == head.id
    (folder / "a.md").write_text("two")
    assert project.commits.get(project.default_branch).id != head.id
    with refused(404):
        project.commits.get("0" * 40)


def test_of_another_user_only_what_everybody_may_know_is_shown(made: Project, bot: Project) -> None:
    author = bot.issues.create({"title": "x"}).author
    other = client_of(made).users.get(author["id"])
    known("User", other.attributes)
    assert other.username == author["username"]
    assert not {"email", "commit_email", "last_sign_in_at"} & set(other.attributes)
    with refused(404):
        client_of(made).users.get(1)


def test_a_moved_issue_is_closed_here_and_open_there(made: Project, switches: GitLabSwitches) -> None:
    there = f"{made.path_with_namespace}-there"
    switches.post("projects", path=there, visibility="public")
    issue = made.issues.create({"title": "moves", "description": "text"})
    iid = switches.post("issues/move", path=made.path_with_namespace, iid=issue.iid, to=there)["iid"]
    left = made.issues.get(issue.iid)
    arrived = client_of(made).projects.get(there).issues.get(iid)
    assert (left.state, left.moved_to_id) == ("closed", arrived.id)
    assert (arrived.state, arrived.title, arrived.description, arrived.moved_to_id) == ("opened", "moves", "text", None)
    assert arrived.id != issue.id


def test_a_duplicate_is_closed_with_a_note_of_gitlabs_that_names_the_original(made: Project) -> None:
    original, again = (made.issues.create({"title": title}) for title in ("one", "one again"))
    again.notes.create({"body": f"/duplicate #{original.iid}"})
    assert made.issues.get(again.iid).state == "closed"
    assert made.issues.get(original.iid).state == "opened"
    notes = [note for note in again.notes.list(get_all=True) if note.system]
    assert f"marked this issue as a duplicate of #{original.iid}" in [note.body for note in notes]


def test_hooks_are_made_listed_and_removed_in_gitlabs_shape(made: Project) -> None:
    hook = made.hooks.create({"url": "http://127.0.0.1:9/", "token": "t", "note_events": True, "push_events": False})
    assert (hook.note_events, hook.push_events, hook.issues_events, hook.emoji_events) == (True, False, False, False)
    assert made.hooks.create({"url": "http://127.0.0.1:9/"}).push_events
    assert made.hooks.get(hook.id).attributes == hook.attributes
    assert "token" not in hook.attributes
    assert len(made.hooks.list(per_page=1, iterator=True)) == 2
    made.hooks.delete(hook.id)
    with refused(404):
        made.hooks.get(hook.id)
    assert len(made.hooks.list(get_all=True)) == 1


def test_hooks_are_for_maintainers_only(made: Project, acting_as: Callable[..., Project]) -> None:
    path = made.path_with_namespace
    developer = client_of(acting_as(f"dev-{uuid.uuid4().hex[:8]}", DEVELOPER, project=path)).projects.get(path)
    for ask in (
        lambda: developer.hooks.list(get_all=True),
        lambda: developer.hooks.create({"url": "http://127.0.0.1:9/"}),
    ):
        with refused(403):
            ask()


def test_gitlabs_schema_notices_a_hook_of_another_shape(made: Project) -> None:
    body = made.hooks.create({"url": "http://127.0.0.1:9/"}).attributes
    path = f"/api/v4/projects/{made.id}/hooks"
    assert peers.problems("POST", 201, path, body) == []
    for spoiled in (body | {"token": "t"}, body | {"note_events": "yes"}, {**body, "alert_status": "fine"}):
        assert peers.problems("POST", 201, path, spoiled), spoiled
    with pytest.raises(AssertionError):
        known("MergeRequestBasic", {"id": 1, "made_up": 2})
