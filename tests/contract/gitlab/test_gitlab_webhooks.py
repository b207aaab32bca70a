"""The stand-in's webhooks against other judges: GitLab's published samples, a typed reader, the signing standard."""

from __future__ import annotations

import base64
import json
import secrets
import uuid
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import ValidationError
from pydantic_gitlab_webhooks import (  # type: ignore[import-untyped] # it publishes no types
    validate_event_body_dict,
)
from standardwebhooks import Webhook, WebhookVerificationError

from assistant.adapters.gitlab_webhooks import check_sender
from assistant.core.hooks import Hint, read_hint
from assistant.errors import AccessDenied
from tests.contract.gitlab import peers
from tests.contract.gitlab.receiver import Delivery, Receiver, receiving

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from gitlab.v4.objects import Project, ProjectIssue

    from tests.fakes.gitlab_process import GitLabSwitches

EVENTS = ("push", "issues", "confidential_issues", "note", "confidential_note", "wiki_page")
MAINTAINER = 40
ABSENT_HERE = {
    "work_item_events": {"object_attributes.escalation_policy.*"},  # on-call duties are a paid feature
    "push_events": {"commits.*"},  # the stand-in's repository is a folder: it knows no commit but the last
}
"""Keys of a sample that the stand-in cannot fill: what hangs below is null or an empty list."""


class Office:
    """A project of its own whose webhooks arrive at a receiver."""

    def __init__(self, project: Project, switches: GitLabSwitches, receiver: Receiver) -> None:
        self.project = project
        self.switches = switches
        self.receiver = receiver

    def hook(self, **more: Any) -> Any:
        wanted = {f"{name}_events": True for name in EVENTS}
        return self.project.hooks.create({"url": self.receiver.url, **wanted, **more})

    def issue(self, **fields: Any) -> ProjectIssue:
        return self.project.issues.create({"title": "A question", "description": "How?", **fields})

    def all(self) -> list[Delivery]:
        """Return everything that was sent up to now: the last is a push that tells of the end."""
        before = len([one for one in self.receiver.deliveries if one.event == "Push Hook"])
        self.switches.post("push", path=self.project.path_with_namespace)
        while True:
            came = self.receiver.wait(len(self.receiver.deliveries))
            pushes = [one for one in came if one.event == "Push Hook"]
            if len(pushes) > before:
                return came[: came.index(pushes[-1])]
            self.receiver.wait(len(came) + 1)

    def events(self) -> list[str]:
        return [one.event for one in self.all()]


@pytest.fixture
def bare(acting_as: Callable[..., Project], switches: GitLabSwitches) -> Iterator[Office]:
    """A project that nobody is told of yet."""
    path = f"platform/hooks-{uuid.uuid4().hex[:10]}"
    switches.post("projects", path=path)
    client = acting_as(f"mia-{uuid.uuid4().hex[:8]}", MAINTAINER, project=path).manager.gitlab
    with receiving() as receiver:
        yield Office(client.projects.get(path), switches, receiver)


@pytest.fixture
def office(bare: Office) -> Office:
    """A project whose every event is sent to the receiver."""
    bare.hook()
    return bare


def everything(office: Office) -> dict[str, Delivery]:
    """Make one of each event and return each under the name of the sample that GitLab publishes of it."""
    client = office.project.manager.gitlab
    client.auth()
    assert client.user is not None
    issue = office.issue(labels="API", assignee_ids=[client.user.id])
    office.project.issues.update(issue.iid, {"labels": ["Platform"]})
    issue.notes.create({"body": "Hello world"})
    office.project.wikis.create({"title": "Awesome", "content": "awesome content goes here"})
    sent = office.all()
    assert [one.event for one in sent] == ["Issue Hook", "Issue Hook", "Note Hook", "Wiki Page Hook"]
    push = office.receiver.deliveries[-1]
    names = ("work_item_events", "comment_on_an_issue", "wiki_page_events", "push_events")
    return dict(zip(names, (sent[1], sent[2], sent[3], push), strict=True))


@pytest.fixture
def each(office: Office) -> dict[str, Delivery]:
    return everything(office)


def missing(sample: Any, sent: Any, place: str = "") -> set[str]:
    """Return the keys of the sample that what was sent lacks, recursively; items of a list share their keys."""
    if not sample or not isinstance(sample, dict | list):
        return set()
    if not sent or not isinstance(sent, type(sample)):
        return {f"{place}.*"}
    found: set[str] = set()
    if isinstance(sample, list):
        return found.union(*(missing(sample[0], item, place) for item in sent))
    for key, value in sample.items():
        here = f"{place}.{key}".lstrip(".")
        found |= missing(value, sent[key], here) if key in sent else {here}
    return found


def sample_of(name: str) -> dict[str, Any]:
    file = peers.need_shared(peers.SHARED / "webhooks" / f"{name}.json")
    found: dict[str, Any] = json.loads(file.read_text("utf-8"))
    return found


def test_every_key_of_the_published_samples_is_sent(each: dict[str, Delivery]) -> None:
    for name, delivery in each.items():
        sample = sample_of(name)
        assert delivery.event == sample["headers"]["X-Gitlab-Event"]
        assert missing(sample["body"], delivery.body) == ABSENT_HERE.get(name, set()), name


def kinds(value: Any, place: str = "") -> dict[str, str]:
    """Return the JSON type at each place; null says nothing."""
    if isinstance(value, dict):
        return {k: v for key, item in value.items() for k, v in kinds(item, f"{place}.{key}").items()}
    if isinstance(value, list):
        return {k: v for item in value for k, v in kinds(item, place + "[]").items()} | {place: "list"}
    return {} if value is None else {place: type(value).__name__}


def test_every_value_is_of_the_type_that_the_samples_show(each: dict[str, Delivery]) -> None:
    for name, delivery in each.items():
        wanted, sent = kinds(sample_of(name)["body"]), kinds(delivery.body)
        assert {place: sent[place] for place in sent.keys() & wanted} == {
            place: wanted[place] for place in sent.keys() & wanted
        }, name


def test_a_typed_reader_takes_every_body(each: dict[str, Delivery]) -> None:
    read = {name: type(validate_event_body_dict(delivery.body)).__name__ for name, delivery in each.items()}
    assert read == {
        "work_item_events": "IssueEvent",
        "comment_on_an_issue": "IssueNoteEvent",
        "wiki_page_events": "WikiPageEvent",
        "push_events": "PushEvent",
    }


def _pop(*path: str) -> Callable[[dict[str, Any]], None]:
    def change(body: dict[str, Any]) -> None:
        for key in path[:-1]:
            body = body[key]
        del body[path[-1]]

    return change


SEEDED = {
    "no project": ("work_item_events", _pop("project")),
    "no number of the issue": ("comment_on_an_issue", _pop("issue", "iid")),
    "the issue's state is lost": ("work_item_events", _pop("object_attributes", "state")),
    "a page without its slug": ("wiki_page_events", _pop("object_attributes", "slug")),
    "a push without its ref": ("push_events", _pop("ref")),
    "labels of a change are lost": ("work_item_events", _pop("changes", "labels")),
}


def test_each_seeded_defect_is_noticed_by_the_samples(each: dict[str, Delivery]) -> None:
    for defect, (name, spoil) in SEEDED.items():
        body = each[name].body
        spoil(body)
        assert missing(sample_of(name)["body"], body) != ABSENT_HERE.get(name, set()), defect


@pytest.mark.parametrize("name", ["work_item_events", "comment_on_an_issue", "wiki_page_events", "push_events"])
def test_the_typed_reader_notices_a_number_that_is_text(name: str, each: dict[str, Delivery]) -> None:
    body = each[name].body
    body["project"]["id"] = "number four"
    with pytest.raises(ValidationError):
        validate_event_body_dict(body)


def test_the_assistant_reads_from_each_what_it_tells(each: dict[str, Delivery], office: Office) -> None:
    path = office.project.path_with_namespace
    hints = {name: read_hint(delivery.body) for name, delivery in each.items()}
    assert hints == {
        "work_item_events": Hint(path, 1),
        "comment_on_an_issue": Hint(path, 1),
        "wiki_page_events": Hint(path),
        "push_events": Hint(path),
    }


def test_what_changed_is_told_before_and_after(office: Office) -> None:
    issue = office.issue(labels="one")
    office.project.issues.update(issue.iid, {"title": "Another", "labels": ["two"], "state_event": "close"})
    office.project.issues.update(issue.iid, {"state_event": "reopen"})
    opened, closed, reopened = (one.body for one in office.all())
    assert [body["object_attributes"]["action"] for body in (opened, closed, reopened)] == ["open", "close", "reopen"]
    assert closed["changes"]["title"] == {"previous": "A question", "current": "Another"}
    assert closed["changes"]["state_id"] == {"previous": 1, "current": 2}
    labels = closed["changes"]["labels"]
    assert [[label["title"] for label in labels[side]] for side in ("previous", "current")] == [["one"], ["two"]]
    assert closed["object_attributes"]["closed_at"]
    assert reopened["object_attributes"]["closed_at"] is None


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
