"""Who may do what in the stand-in, and whose rights a text runs with."""

from __future__ import annotations

from typing import TYPE_CHECKING

import gitlab
import httpx
import pytest

from tests.contract.gitlab.targets import Target, refused

if TYPE_CHECKING:
    from collections.abc import Callable

    from gitlab.v4.objects import Project

    from tests.fakes.gitlab_process import GitLabSwitches


GUEST, REPORTER = 10, 20


def test_a_guest_may_ask_but_not_label_close_or_read_internal_notes(
    bot: Project, acting_as: Callable[..., Project]
) -> None:
    guest = acting_as("gina", GUEST)
    assert guest.issues.create({"title": "x", "labels": "made-up-by-guest"}).labels == []
    issue = bot.issues.create({"title": "by the bot"})
    issue.notes.create({"body": "for the team", "internal": True})
    with refused(403):
        guest.issues.update(issue.iid, {"state_event": "close"})
    with refused(403):
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
    with refused(404):
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
    with pytest.raises(gitlab.GitlabCreateError, match="insufficient_scope") as failed:
        reader.issues.create({"title": "x"})
    assert failed.value.response_code == 403


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
    with refused(403):
        other.notes.update(note.id, {"body": "not mine"})
    with refused(403):
        other.notes.delete(note.id)
    issue.notes.delete(note.id)
    assert issue.notes.list(get_all=False) == []


def test_anothers_vote_is_not_mine_to_take_back(bot: Project, acting_as: Callable[..., Project]) -> None:
    issue = bot.issues.create({"title": "x"})
    vote = issue.awardemojis.create({"name": "thumbsup"})
    other = acting_as("olga", REPORTER).issues.get(issue.iid, lazy=True)
    with refused(401):
        other.awardemojis.delete(vote.id)
    other.awardemojis.create({"name": "thumbsup"})
    assert bot.issues.get(issue.iid).upvotes == 2


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
