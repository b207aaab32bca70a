"""What a webhook says about our sources, and who may say it."""

from __future__ import annotations

import base64
import json
import secrets
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks import Webhook

from assistant.adapters.gitlab_webhooks import check_sender, delivery_id, read_body
from assistant.core.hooks import Hint, Place, read_hint, sources_of
from assistant.errors import AccessDenied, Rejected

SAMPLES = Path(__file__).parents[2] / ".." / "shared" / "gitlab" / "webhooks"
PROJECT = {"path_with_namespace": "platform/support"}


def issue_hook(**attributes: Any) -> dict[str, Any]:
    return {
        "object_kind": "issue",
        "project": PROJECT,
        "object_attributes": {"iid": 7, "confidential": False, **attributes},
    }


def test_an_issue_hook_names_project_and_issue() -> None:
    assert read_hint(issue_hook()) == Hint("platform/support", 7)


def test_an_issue_that_became_confidential_is_to_be_hidden() -> None:
    assert read_hint(issue_hook(confidential=True)) == Hint("platform/support", 7, hidden=True)


def test_a_task_is_told_as_a_work_item() -> None:
    assert read_hint({**issue_hook(), "object_kind": "work_item"}) == Hint("platform/support", 7)


def test_a_comment_names_its_issue_and_not_itself() -> None:
    body = {
        "object_kind": "note",
        "project": PROJECT,
        "object_attributes": {"noteable_type": "Issue", "id": 99},
        "issue": {"iid": 8},
    }
    assert read_hint(body) == Hint("platform/support", 8)


def test_a_comment_on_a_commit_is_nothing_to_us() -> None:
    body = {"object_kind": "note", "project": PROJECT, "object_attributes": {"noteable_type": "Commit"}}
    assert read_hint(body) is None


@pytest.mark.parametrize("kind", ["push", "wiki_page"])
def test_a_push_or_a_wiki_page_names_the_project(kind: str) -> None:
    assert read_hint({"object_kind": kind, "project": PROJECT}) == Hint("platform/support")


def test_a_kind_that_we_do_not_follow_is_no_error() -> None:
    assert read_hint({"object_kind": "pipeline"}) is None


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"object_kind": None},
        {"object_kind": "push"},
        {"object_kind": "push", "project": {"path_with_namespace": 3}},
        {"object_kind": "note", "project": PROJECT, "object_attributes": None},
        {"object_kind": "issue", "project": PROJECT, "object_attributes": {"iid": "7"}},
        {"object_kind": "issue", "project": PROJECT, "object_attributes": {"iid": True}},
    ],
)
def test_a_body_that_is_no_hook_of_gitlab_is_refused(body: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="is missing"):
        read_hint(body)


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="GitLab's published samples do not lie beside this checkout")
@pytest.mark.parametrize(
    ("sample", "hint"),
    [
        ("work_item_events", Hint("gitlabhq/gitlab-test", 23)),
        ("comment_on_an_issue", Hint("gitlab-org/gitlab-test", 17)),
        ("push_events", Hint("mike/diaspora")),
        ("wiki_page_events", Hint("root/awesome-project")),
        ("emoji_events", None),
        ("comment_on_a_merge_request", None),
        ("milestone_events", None),
    ],
)
def test_the_samples_that_gitlab_publishes_are_understood(sample: str, hint: Hint | None) -> None:
    body = json.loads((SAMPLES / f"{sample}.json").read_text("utf-8"))["body"]
    assert read_hint(body) == hint


PLACES = (
    Place("support", "platform/support"),
    Place("handbook", "platform/support"),
    Place("all", "platform", is_group=True),
    Place("other", "platform-two/support"),
)


def test_a_hint_concerns_every_source_of_its_project_and_of_its_groups() -> None:
    assert sources_of(Hint("Platform/Support", 1), PLACES) == ("support", "handbook", "all")
    assert sources_of(Hint("platform/other"), PLACES) == ("all",)
    assert sources_of(Hint("platform-two/else"), PLACES) == ()


def signed(secret: str, body: str, at: datetime) -> dict[str, str]:
    return {
        "webhook-id": "d1",
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(secret).sign("d1", at, body),
    }


@pytest.fixture
def signing_token() -> str:
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()


def test_a_signed_delivery_is_taken(signing_token: str) -> None:
    check_sender(signed(signing_token, "{}", datetime.now(UTC)), b"{}", signing_token)


@pytest.mark.parametrize("age", [timedelta(minutes=20), timedelta(minutes=-20)])
def test_a_signed_delivery_of_another_time_is_refused(signing_token: str, age: timedelta) -> None:
    with pytest.raises(AccessDenied):
        check_sender(signed(signing_token, "{}", datetime.now(UTC) - age), b"{}", signing_token)


def test_a_changed_body_is_refused(signing_token: str) -> None:
    with pytest.raises(AccessDenied):
        check_sender(signed(signing_token, "{}", datetime.now(UTC)), b'{"a":1}', signing_token)


@pytest.mark.parametrize("signature", ["", "v1", "v1,AAAA", "v1,é", "v2,AAAA", "v1," + "A" * 5000, "x"])
@pytest.mark.parametrize("stamp", ["now", "abc", "", "9" * 5000, "\uff11\uff17", "-1"])
def test_a_signature_that_is_rubbish_is_refused(signing_token: str, signature: str, stamp: str) -> None:
    headers = signed(signing_token, "{}", datetime.now(UTC)) | {"webhook-signature": signature}
    with pytest.raises(AccessDenied):
        check_sender(headers if stamp == "now" else headers | {"webhook-timestamp": stamp}, b"{}", signing_token)


def test_the_plain_token_is_no_way_around_the_signature(signing_token: str) -> None:
    with pytest.raises(AccessDenied):
        check_sender({"x-gitlab-token": signing_token}, b"{}", signing_token)


def test_a_signed_delivery_is_not_taken_for_its_plain_token() -> None:
    with pytest.raises(AccessDenied, match="signing token"):
        check_sender({"x-gitlab-token": "plain", "webhook-signature": "v1,AAAA"}, b"{}", "plain")


def test_the_right_token_is_taken_on_instances_that_do_not_sign() -> None:
    check_sender({"x-gitlab-token": "plain-and-long"}, b"{}", "plain-and-long")


@pytest.mark.parametrize("token", ["", "plain", "x" * 1_000_000, "é"])
@pytest.mark.parametrize("secret", ["plain-and-long", ""])
def test_any_other_token_is_refused(token: str, secret: str) -> None:
    with pytest.raises(AccessDenied):
        check_sender({"x-gitlab-token": token}, b"{}", secret)


@pytest.mark.parametrize("body", [b"", b"'x'", b"[]", b"\xff", b"[" * 200_000, b'{"a":' * 2000, b"3"])
def test_a_body_that_is_no_json_object_is_rejected(body: bytes) -> None:
    with pytest.raises(Rejected):
        read_body(body)


def test_the_same_delivery_has_the_same_id_again() -> None:
    assert delivery_id({"idempotency-key": "k"}, b"a") == delivery_id({"idempotency-key": "k"}, b"b") == "k"
    assert delivery_id({}, b"a") == delivery_id({"idempotency-key": "x" * 500}, b"a") != delivery_id({}, b"b")
