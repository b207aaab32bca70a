"""The stand-in's webhooks against other judges: GitLab's published samples, a typed reader, the signing standard."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import ValidationError
from pydantic_gitlab_webhooks import (  # type: ignore[import-untyped] # it publishes no types
    validate_event_body_dict,
)

from assistant.core.hooks import Hint, read_hint
from tests.contract.gitlab import peers

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.contract.gitlab.receiver import Delivery, Office


ABSENT_HERE = {
    "work_item_events": {"object_attributes.escalation_policy.*"},  # on-call duties are a paid feature
    "push_events": {"commits.*"},  # the stand-in's repository is a folder: it knows no commit but the last
}
"""Keys of a sample that the stand-in cannot fill: what hangs below is null or an empty list."""


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
