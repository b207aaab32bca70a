"""What we rely on GitLab to do, asked through python-gitlab.

Each test runs against the server itself and, as a slow test, behind a proxy that refuses what GitLab's specification
does not allow. GITLAB_URL, GITLAB_TOKEN and GITLAB_PROJECT name another server than our stand-in.
"""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import gitlab
import pytest
from gitlab.v4.objects import Project, ProjectIssue

if TYPE_CHECKING:
    from tests.contract.gitlab.targets import Target


def _word() -> str:
    return f"contract-{secrets.token_hex(6)}"


def _issue(project: Project, **more: object) -> ProjectIssue:
    opened = project.issues.create({"title": _word(), **more})
    assert isinstance(opened, ProjectIssue)
    return opened


def test_an_issue_is_opened_with_its_labels_and_read_back(project: Project) -> None:
    label, title = _word(), _word()
    opened = project.issues.create({"title": title, "description": "Some *text*", "labels": [label]})
    read = project.issues.get(opened.iid)
    assert (read.title, read.description, read.labels, read.state) == (title, "Some *text*", [label], "opened")
    assert read.iid != read.id
    assert str(read.iid) in read.web_url
    assert read.confidential is False


def test_a_confidential_issue_stays_confidential(project: Project) -> None:
    assert project.issues.get(_issue(project, confidential=True).iid).confidential is True


def test_labels_are_merged_by_add_and_remove_and_replaced_by_labels(project: Project) -> None:
    one, two, three = sorted(_word() for _ in range(3))
    iid = _issue(project, labels=[one]).iid
    assert project.issues.update(iid, {"add_labels": two})["labels"] == sorted([one, two])
    assert project.issues.update(iid, {"remove_labels": one})["labels"] == [two]
    assert project.issues.update(iid, {"labels": three})["labels"] == [three]


def test_closing_sets_who_and_when_and_reopening_clears_both(project: Project) -> None:
    iid = _issue(project).iid
    closed = project.issues.update(iid, {"state_event": "close"})
    assert (closed["state"], bool(closed["closed_at"]), bool(closed["closed_by"])) == ("closed", True, True)
    opened = project.issues.update(iid, {"state_event": "reopen"})
    assert (opened["state"], opened["closed_at"], opened["closed_by"]) == ("opened", None, None)


def test_an_issue_is_found_again_by_a_marker_in_its_description(project: Project) -> None:
    marker = _word()
    iid = _issue(project, description=f"text\n\n<!-- {marker} -->").iid
    found = project.issues.list(query_parameters={"search": marker, "in": "description"}, get_all=False)
    assert [issue.iid for issue in found] == [iid]
    assert marker in found[0].description


def test_closed_issues_are_read_page_by_page_with_a_cursor(project: Project) -> None:
    label = _word()
    expected = [_issue(project, labels=label).iid for _ in range(5)]
    for iid in expected:
        project.issues.update(iid, {"state_event": "close"})
    pages = project.issues.list(
        state="closed", labels=label, order_by="updated_at", sort="asc", pagination="keyset", per_page=2, iterator=True
    )
    assert [issue.iid for issue in pages] == expected


def test_offset_pages_carry_totals(project: Project) -> None:
    label = _word()
    made = {_issue(project, labels=label).iid for _ in range(3)}
    pages = project.issues.list(labels=label, per_page=2, iterator=True)
    assert (pages.total, pages.total_pages, pages.per_page) == (3, 2, 2)
    assert {issue.iid for issue in pages} == made


def test_changes_since_a_moment_include_that_moment(project: Project) -> None:
    issue = _issue(project)
    found = project.issues.list(updated_after=issue.updated_at, get_all=False)
    assert issue.iid in [other.iid for other in found]
    later = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    assert project.issues.list(updated_after=later, get_all=False) == []


def test_filters_by_label_and_absence_of_labels(project: Project) -> None:
    one, two = _word(), _word()
    both, single, bare = _issue(project, labels=[one, two]), _issue(project, labels=[one]), _issue(project)
    assert [issue.iid for issue in project.issues.list(labels=[one, two], get_all=False)] == [both.iid]
    numbers = [both.iid, single.iid, bare.iid]
    chosen = project.issues.list(iids=numbers, labels="None", get_all=False)
    assert [issue.iid for issue in chosen] == [bare.iid]


def test_a_comment_is_written_changed_and_listed_newest_first(project: Project) -> None:
    issue = _issue(project)
    first = issue.notes.create({"body": "first"})
    issue.notes.create({"body": "second"})
    issue.notes.update(first.id, {"body": "first, changed"})
    listed = issue.notes.list(activity_filter="only_comments", get_all=False)
    assert [note.body for note in listed] == ["second", "first, changed"]
    assert listed[0].noteable_iid == issue.iid


def test_an_internal_note_says_so(project: Project) -> None:
    assert _issue(project).notes.create({"body": "for the team", "internal": True}).internal is True


def test_a_comment_of_commands_only_leaves_no_note(project: Project) -> None:
    issue = _issue(project)
    answer = issue.notes.create({"body": "/close"})
    assert "id" not in answer.attributes
    assert project.issues.get(issue.iid).state == "closed"


def test_a_thread_holds_its_replies(project: Project) -> None:
    issue = _issue(project)
    thread = issue.discussions.create({"body": "question"})
    thread.notes.create({"body": "reply"})
    found = next(other for other in issue.discussions.list(get_all=False) if other.id == thread.id)
    assert [note["body"] for note in found.attributes["notes"]] == ["question", "reply"]
    assert found.individual_note is False


def test_a_second_vote_of_the_same_user_is_refused_as_not_found(project: Project) -> None:
    issue = _issue(project)
    issue.awardemojis.create({"name": "thumbsup"})
    with pytest.raises(gitlab.GitlabCreateError) as refused:
        issue.awardemojis.create({"name": "thumbsup"})
    assert refused.value.response_code == 404
    assert "has already been taken" in str(refused.value)
    assert project.issues.get(issue.iid).upvotes == 1


def test_two_issues_are_linked_once(project: Project, target: Target) -> None:
    one, two = _issue(project), _issue(project)
    wanted = {"target_project_id": target.project, "target_issue_iid": str(two.iid)}
    one.links.create(wanted)
    with pytest.raises(gitlab.GitlabCreateError) as refused:
        one.links.create(wanted)
    assert refused.value.response_code == 409
    assert [link.iid for link in one.links.list(get_all=False)] == [two.iid]


def test_a_label_is_created_once(project: Project) -> None:
    name = _word()
    project.labels.create({"name": name, "color": "#0b5cad"})
    with pytest.raises(gitlab.GitlabCreateError) as refused:
        project.labels.create({"name": name, "color": "#0b5cad"})
    assert (refused.value.response_code, "already exists" in str(refused.value)) == (409, True)
    assert name in [label.name for label in project.labels.list(search=name, get_all=False)]


def test_an_unknown_issue_is_not_found(project: Project) -> None:
    with pytest.raises(gitlab.GitlabGetError) as missing:
        project.issues.get(99_999_999)
    assert missing.value.response_code == 404


def test_a_title_that_is_too_long_is_refused_by_name(project: Project) -> None:
    with pytest.raises(gitlab.GitlabCreateError) as refused:
        project.issues.create({"title": "x" * 256})
    assert refused.value.response_code == 400
    assert "title" in str(refused.value)
    assert "255" in str(refused.value)


def test_a_wrong_token_is_unauthorised(target: Target) -> None:
    stranger = gitlab.Gitlab(target.url, private_token="wrong", timeout=20)
    with pytest.raises(gitlab.GitlabAuthenticationError):
        stranger.projects.get(target.project, lazy=True).issues.list(get_all=False)


def test_the_token_tells_its_scopes_and_its_user(client: gitlab.Gitlab) -> None:
    client.auth()
    token = client.personal_access_tokens.get("self")
    assert client.user is not None
    assert (token.user_id, "api" in token.scopes, token.active) == (client.user.id, True, True)


def test_the_instance_tells_its_version(client: gitlab.Gitlab) -> None:
    version, revision = client.version()
    assert int(version.split(".")[0]) >= 17
    assert revision


def test_the_project_is_found_by_its_path_and_by_its_number(client: gitlab.Gitlab, direct: Target) -> None:
    by_path = client.projects.get(direct.project)
    assert client.projects.get(by_path.id).path_with_namespace == direct.project
    assert by_path.permissions["project_access"]["access_level"] >= 15


def test_another_project_is_not_found_by_name(client: gitlab.Gitlab) -> None:
    with pytest.raises(gitlab.GitlabGetError, match="404 Project Not Found"):
        client.projects.get(f"nobody/{_word()}")


def test_who_closed_and_labelled_is_kept_as_events(client: gitlab.Gitlab, direct: Target) -> None:
    project = client.projects.get(direct.project, lazy=True)
    label = _word()
    issue = _issue(project)
    project.issues.update(issue.iid, {"add_labels": label})
    project.issues.update(issue.iid, {"state_event": "close"})
    project.issues.update(issue.iid, {"state_event": "reopen"})
    assert [event.state for event in issue.resourcestateevents.list(get_all=False)] == ["closed", "reopened"]
    events = issue.resourcelabelevents.list(get_all=False)
    assert [(event.action, event.label["name"]) for event in events] == [("add", label)]


def test_parameters_that_are_missing_or_wrong_are_named(client: gitlab.Gitlab, direct: Target) -> None:
    path = f"/projects/{direct.project.replace('/', '%2F')}/issues"
    with pytest.raises(gitlab.GitlabHttpError, match="title is missing") as missing:
        client.http_post(path, post_data={"description": "x"})
    assert missing.value.response_code == 400
    with pytest.raises(gitlab.GitlabHttpError, match="state does not have a valid value"):
        client.http_get(path, query_data={"state": "ajar"})


def test_creating_answers_201_and_reading_200(client: gitlab.Gitlab, direct: Target) -> None:
    path = f"{direct.url}/api/v4/projects/{direct.project.replace('/', '%2F')}/issues"
    headers = {"PRIVATE-TOKEN": direct.token}
    made = client.session.post(path, json={"title": _word()}, headers=headers, timeout=20)
    assert made.status_code == 201
    assert client.session.get(f"{path}/{made.json()['iid']}", headers=headers, timeout=20).status_code == 200


def test_a_file_is_uploaded_and_linked_in_markdown(client: gitlab.Gitlab, direct: Target) -> None:
    sent = client.projects.get(direct.project).upload("log.txt", filedata=b"line")
    assert sent["markdown"] == f"[log.txt]({sent['url']})"


def test_markdown_shows_which_mentions_would_notify(client: gitlab.Gitlab, direct: Target) -> None:
    client.auth()
    assert client.user is not None
    name = client.user.username
    live = client.markdown(f"hi @{name}", gfm=True, project=direct.project)
    fenced = client.markdown(f"```\nhi @{name}\n```", gfm=True, project=direct.project)
    assert ("gfm-project_member" in live, "gfm-project_member" in fenced) == (True, False)
