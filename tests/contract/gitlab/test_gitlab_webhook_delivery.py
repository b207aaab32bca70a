"""Who is told of what by a webhook of the stand-in, who sent it, and what becomes of one that fails."""

from __future__ import annotations

import base64
import json
import secrets
import uuid
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from pydantic_gitlab_webhooks import (  # type: ignore[import-untyped] # it publishes no types
    validate_event_body_dict,
)
from standardwebhooks import Webhook, WebhookVerificationError

from assistant.adapters.gitlab_webhooks import check_sender
from assistant.core.hooks import Hint, read_hint
from assistant.errors import AccessDenied
from tests.contract.gitlab import peers
from tests.contract.gitlab.receiver import EVENTS, Office

if TYPE_CHECKING:
    from gitlab.v4.objects import Project

    from tests.fakes.gitlab_process import GitLabSwitches


def test_confidential_things_have_names_of_their_own(office: Office) -> None:
    secret = office.issue(confidential=True)
    secret.notes.create({"body": "in a hidden issue"})
    shown = office.issue()
    shown.notes.create({"body": "for members only", "internal": True})
    shown.notes.create({"body": "for all"})
    office.project.issues.update(shown.iid, {"confidential": True})
    sent = office.all()
    assert [(one.event, one.body["event_type"]) for one in sent] == [
        ("Confidential Issue Hook", "confidential_issue"),
        ("Confidential Note Hook", "confidential_note"),
        ("Issue Hook", "issue"),
        ("Confidential Note Hook", "confidential_note"),
        ("Note Hook", "note"),
        ("Confidential Issue Hook", "confidential_issue"),
    ]
    assert read_hint(sent[-1].body) == Hint(office.project.path_with_namespace, shown.iid, hidden=True)
    for one in sent:
        validate_event_body_dict(one.body)


def test_who_asks_for_public_issues_hears_nothing_of_confidential_ones(bare: Office) -> None:
    silent = {f"{name}_events": False for name in EVENTS} | {"issues_events": True, "push_events": True}
    bare.hook(**silent)
    bare.issue(confidential=True).notes.create({"body": "hidden"})
    issue = bare.issue()
    issue.notes.create({"body": "notes are not asked for"})
    bare.project.wikis.create({"title": "Page", "content": "pages are not asked for"})
    assert bare.events() == ["Issue Hook"]


def test_a_task_is_told_as_a_work_item_under_the_same_header(office: Office) -> None:
    office.issue(issue_type="task")
    [one] = office.all()
    assert (one.event, one.body["object_kind"], one.body["object_attributes"]["type"]) == (
        "Issue Hook",
        "work_item",
        "Task",
    )


def test_comments_in_threads_and_edits_are_told_too(office: Office) -> None:
    issue = office.issue()
    thread = issue.discussions.create({"body": "first"})
    thread.notes.create({"body": "reply"})
    note = issue.notes.create({"body": "lone"})
    issue.notes.update(note.id, {"body": "edited"})
    notes = [one.body["object_attributes"] for one in office.all()[1:]]
    told = [(note["note"], note["action"]) for note in notes]
    assert told == [("first", "create"), ("reply", "create"), ("lone", "create"), ("edited", "update")]
    assert notes[0]["discussion_id"] == notes[1]["discussion_id"] != notes[2]["discussion_id"]


def test_nothing_is_sent_of_reactions_system_notes_deletions_and_changes_of_nothing(office: Office) -> None:
    issue = office.issue()
    note = issue.notes.create({"body": "text"})
    office.project.issues.update(issue.iid, {"title": "Another"})  # GitLab writes a note of its own about it
    assert office.events() == ["Issue Hook", "Note Hook", "Issue Hook"]
    issue.awardemojis.create({"name": "thumbsup"})
    issue.notes.get(note.id).awardemojis.create({"name": "thumbsup"})
    office.project.issues.update(issue.iid, {"title": "Another"})
    issue.notes.delete(note.id)
    office.project.labels.create({"name": "new", "color": "#ff0000"})
    assert office.events()[4:] == []


def test_a_comment_that_moves_only_the_time_of_the_issue_is_no_change_of_it(office: Office) -> None:
    office.switches.post("clock", now="2026-11-21T10:00:00Z")
    issue = office.issue()
    office.switches.post("clock", advance_s=600)
    issue.notes.create({"body": "much later"})
    assert office.events() == ["Issue Hook", "Note Hook"]


def test_a_comment_of_quick_actions_only_tells_of_the_issue_and_of_no_comment(office: Office) -> None:
    issue = office.issue()
    issue.notes.create({"body": "/close"})
    assert [one.body["object_attributes"]["action"] for one in office.all()] == ["open", "close"]


def test_a_duplicate_is_closed_and_told(office: Office) -> None:
    original, repeated = office.issue(), office.issue()
    repeated.notes.create({"body": f"/duplicate #{original.iid}"})
    last = office.all()[-1].body["object_attributes"]
    assert (last["iid"], last["action"], last["state"]) == (repeated.iid, "close", "closed")


def test_wiki_pages_are_told_when_they_come_change_and_go(office: Office) -> None:
    page = office.project.wikis.create({"title": "Page", "content": "one"})
    page.content = "two"
    page.save()
    page.delete()
    told = [(one.body["object_attributes"]["action"], one.body["object_attributes"]["slug"]) for one in office.all()]
    assert told == [("create", "Page"), ("update", "Page"), ("delete", "Page")]


def test_a_request_that_is_refused_sends_nothing(office: Office) -> None:
    with pytest.raises(Exception, match="is too long"):
        office.issue(title="x" * 300)
    assert office.events() == []


def test_another_project_hears_nothing(office: Office, bot: Project) -> None:
    bot.issues.create({"title": "elsewhere"})
    assert office.events() == []


def test_every_delivery_carries_its_own_key_and_names_its_instance(office: Office, switches: GitLabSwitches) -> None:
    for _ in range(3):
        office.issue()
    sent = office.all()
    assert len({one.headers["idempotency-key"] for one in sent}) == 3
    assert {one.headers["x-gitlab-instance"] for one in sent} == {switches.gitlab.url}
    for one in sent:
        assert uuid.UUID(one.headers["x-gitlab-webhook-uuid"]).version == 4
        assert uuid.UUID(one.headers["x-gitlab-event-uuid"]).version == 4
        assert one.headers["user-agent"].startswith("GitLab/")
        assert one.headers["content-type"] == "application/json"
        assert not {"x-gitlab-token", "webhook-signature"} & set(one.headers)


def test_the_plain_token_is_sent_as_it_is_and_never_shown_again(bare: Office) -> None:
    token = secrets.token_urlsafe(16)
    bare.hook(token=token)
    bare.issue()
    [one] = bare.all()
    check_sender(one.headers, one.raw, token)
    with pytest.raises(AccessDenied):
        check_sender(one.headers, one.raw, token + "x")
    assert token not in json.dumps([hook.attributes for hook in bare.project.hooks.list(get_all=True)])


def test_a_signature_holds_for_these_bytes_this_time_and_this_key_only(bare: Office) -> None:
    key = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
    bare.hook(signing_token=key)
    bare.issue(title="Ünïcode")
    [one] = bare.all()
    Webhook(key).verify(one.raw, one.headers)
    check_sender(one.headers, one.raw, key)
    assert one.headers["webhook-id"] == one.headers["idempotency-key"]
    spoiled = [
        (one.raw + b" ", one.headers),
        (one.raw, one.headers | {"webhook-id": "another"}),
        (one.raw, one.headers | {"webhook-timestamp": str(int(one.headers["webhook-timestamp"]) + 1)}),
    ]
    for raw, headers in spoiled:
        with pytest.raises(WebhookVerificationError):
            Webhook(key).verify(raw, headers)


def test_a_signature_names_the_time_of_gitlabs_clock(bare: Office) -> None:
    key = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
    bare.hook(signing_token=key)
    bare.switches.post("clock", now=(datetime.now(UTC) - timedelta(minutes=20)).isoformat())
    bare.issue()
    [one] = bare.all()
    with pytest.raises(AccessDenied):
        check_sender(one.headers, one.raw, key)


def test_events_of_one_receiver_come_in_their_order(office: Office) -> None:
    for number in range(20):
        office.issue(title=f"n{number}")
    titles = [one.body["object_attributes"]["title"] for one in office.all()]
    assert titles == [f"n{number}" for number in range(20)]


@pytest.mark.parametrize("status", [400, 401, 500, 503])
def test_what_a_receiver_refuses_is_not_sent_again(office: Office, status: int) -> None:
    office.receiver.status = status
    office.issue(title="lost")
    office.receiver.wait(1)
    office.receiver.status = 200
    office.issue(title="after")
    assert [one.body["object_attributes"]["title"] for one in office.all()] == ["lost", "after"]


def test_a_receiver_that_is_not_there_holds_nobody_else_up(bare: Office) -> None:
    bare.project.hooks.create({"url": f"http://127.0.0.1:{peers.free_port()}/", "issues_events": True})
    bare.project.hooks.create({"url": "nonsense", "issues_events": True})
    bare.hook()
    bare.issue()
    assert bare.events() == ["Issue Hook"]


@pytest.mark.slow
def test_a_receiver_that_is_too_slow_is_given_up_after_ten_seconds_and_not_asked_again(office: Office) -> None:
    office.receiver.sleep_s = 12
    office.issue(title="slow")
    office.receiver.wait(1)
    office.receiver.sleep_s = 0
    office.issue(title="after")
    came = office.receiver.wait(2, seconds=15)
    assert [one.body["object_attributes"]["title"] for one in came] == ["slow", "after"]
