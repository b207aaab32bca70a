"""The tracker keeps its promises to the work table, against the GitLab stand-in and its faults."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import structlog

from assistant.adapters.gitlab import GitLabTracker
from assistant.adapters.gitlab_checks import check_gitlab
from assistant.adapters.gitlab_errors import retry_after_s
from assistant.core.escalation import holds_marker, marker_for
from assistant.core.model import IssueDraft
from assistant.errors import AccessDenied, NotConfigured, Rejected, TemporarilyUnavailable, Uncertain
from tests.fakes.gitlab_process import GitLabSwitches, running_gitlab

if TYPE_CHECKING:
    from assistant.sandbox.gitlab.process import RunningGitLab

LONG_AGO = timedelta(minutes=10)
KEY = b"a key for tests"
Connect = Callable[..., GitLabTracker]


@pytest.fixture(scope="module")
def gitlab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGitLab]:
    with running_gitlab(tmp_path_factory.mktemp("gitlab")) as running:
        yield running


@pytest.fixture
def switches(gitlab: RunningGitLab) -> Iterator[GitLabSwitches]:
    found = GitLabSwitches(gitlab)
    yield found
    httpx.delete(f"{gitlab.url}/_fake/faults", timeout=5, trust_env=False).raise_for_status()
    found.post("clock")


@pytest.fixture
def connect(gitlab: RunningGitLab) -> Iterator[Connect]:
    """Connect a tracker with a token, to the stand-in unless told otherwise; closed after the test."""
    connected: list[GitLabTracker] = []

    def connection(
        token: str, project: str = gitlab.project, *, url: str = gitlab.url, timeout_s: float = 2.0
    ) -> GitLabTracker:
        connected.append(GitLabTracker(url, token, project, timeout_s=timeout_s))
        return connected[-1]

    yield connection
    for tracker in connected:
        tracker.close()


@pytest.fixture
def tracker(gitlab: RunningGitLab, connect: Connect, switches: GitLabSwitches) -> GitLabTracker:  # noqa: ARG001 - faults end with the test
    return connect(gitlab.bot_token)


_count = 0


def draft(**changes: Any) -> IssueDraft:
    """Return a draft with a marker of its own."""
    global _count  # noqa: PLW0603 - one number for the module
    _count += 1
    marker = marker_for(f"q{_count}-{os.getpid()}", KEY)
    fields: dict[str, Any] = {
        "title": "Runner does not start",
        "description": f"### Question\n\n```text\nit does not start\n```\n\n<!--\n{marker}\n-->\n",
        "labels": ("support",),
        "confidential": False,
        "marker": marker,
    }
    return IssueDraft(**(fields | changes))


def in_gitlab(gitlab: RunningGitLab, iid: int) -> dict[str, Any]:
    path = gitlab.project.replace("/", "%2F")
    answer = httpx.get(
        f"{gitlab.url}/api/v4/projects/{path}/issues/{iid}",
        headers={"PRIVATE-TOKEN": gitlab.responder_token},
        timeout=5,
        trust_env=False,
    )
    answer.raise_for_status()
    found: dict[str, Any] = answer.json()
    return found


def held(gitlab: RunningGitLab, wanted: IssueDraft) -> int:
    """Return how many issues of the project hold the draft's marker."""
    path = gitlab.project.replace("/", "%2F")
    answer = httpx.get(
        f"{gitlab.url}/api/v4/projects/{path}/issues?per_page=100&scope=all",
        headers={"PRIVATE-TOKEN": gitlab.responder_token},
        timeout=5,
        trust_env=False,
    )
    return sum(holds_marker(issue["description"] or "", wanted.marker) for issue in answer.json())


def test_an_issue_is_opened_as_drafted(gitlab: RunningGitLab, tracker: GitLabTracker) -> None:
    wanted = draft(labels=("support", "awaiting-feedback"), confidential=True)
    issue = tracker.open_issue(wanted)
    found = in_gitlab(gitlab, issue.iid)
    assert found["title"] == wanted.title
    assert sorted(found["labels"]) == ["awaiting-feedback", "support"]
    assert found["confidential"] is True
    assert holds_marker(found["description"], wanted.marker)
    assert issue.url == found["web_url"]
    assert issue.state == "opened"


def test_an_opened_issue_is_found_again_by_its_marker(tracker: GitLabTracker) -> None:
    wanted = draft()
    issue = tracker.open_issue(wanted)
    assert tracker.find_issue(wanted.marker, datetime.now(UTC) - LONG_AGO) == issue


def test_an_issue_that_nobody_opened_is_not_found(tracker: GitLabTracker) -> None:
    tracker.open_issue(draft())
    assert tracker.find_issue(draft().marker, datetime.now(UTC) - LONG_AGO) is None


def test_an_issue_older_than_the_first_try_is_not_found(tracker: GitLabTracker) -> None:
    wanted = draft()
    tracker.open_issue(wanted)
    assert tracker.find_issue(wanted.marker, datetime.now(UTC) + LONG_AGO) is None


def test_an_issue_is_found_after_a_responder_has_closed_it_and_changed_its_labels(
    gitlab: RunningGitLab, tracker: GitLabTracker
) -> None:
    wanted = draft()
    issue = tracker.open_issue(wanted)
    path = gitlab.project.replace("/", "%2F")
    httpx.put(
        f"{gitlab.url}/api/v4/projects/{path}/issues/{issue.iid}",
        headers={"PRIVATE-TOKEN": gitlab.responder_token},
        json={"state_event": "close", "labels": "ci"},
        timeout=5,
        trust_env=False,
    ).raise_for_status()
    found = tracker.find_issue(wanted.marker, datetime.now(UTC) - LONG_AGO)
    assert found is not None
    assert (found.iid, found.state) == (issue.iid, "closed")


def test_an_issue_of_somebody_else_with_our_marker_is_not_ours(
    gitlab: RunningGitLab, tracker: GitLabTracker, connect: Connect
) -> None:
    wanted = draft()
    connect(gitlab.responder_token).open_issue(wanted)
    assert tracker.find_issue(wanted.marker, datetime.now(UTC) - LONG_AGO) is None


def test_an_issue_is_found_on_a_later_page(tracker: GitLabTracker) -> None:
    tracker_page = 100
    first = draft()
    tracker.open_issue(first)
    for _ in range(tracker_page):
        tracker.open_issue(draft())
    last = draft()
    issue = tracker.open_issue(last)
    assert tracker.find_issue(last.marker, datetime.now(UTC) - LONG_AGO) == issue


@pytest.mark.parametrize("kind", ["drop", "502_after", "empty", "cut"])
def test_a_lost_answer_is_uncertain_and_the_issue_is_found_once(
    gitlab: RunningGitLab, tracker: GitLabTracker, switches: GitLabSwitches, kind: str
) -> None:
    wanted = draft()
    switches.post("faults", kind=kind, method="POST", path="/issues")
    with pytest.raises(Uncertain):
        tracker.open_issue(wanted)
    assert held(gitlab, wanted) == 1
    assert tracker.find_issue(wanted.marker, datetime.now(UTC) - LONG_AGO) is not None


@pytest.mark.parametrize("kind", ["502", "reset"])
def test_a_failure_before_the_issue_was_made_is_uncertain_too_because_nobody_can_tell(
    gitlab: RunningGitLab, tracker: GitLabTracker, switches: GitLabSwitches, kind: str
) -> None:
    wanted = draft()
    switches.post("faults", kind=kind, method="POST", path="/issues")
    with pytest.raises(Uncertain):
        tracker.open_issue(wanted)
    assert held(gitlab, wanted) == 0


def test_a_request_that_hangs_is_uncertain_after_the_timeout(
    gitlab: RunningGitLab, switches: GitLabSwitches, connect: Connect
) -> None:
    switches.post("faults", kind="hang", method="POST", path="/issues", delay_s=20)
    impatient = connect(gitlab.bot_token, timeout_s=0.3)
    with pytest.raises(Uncertain):
        impatient.open_issue(draft())


@pytest.mark.parametrize("kind", ["429", "429_text"])
def test_a_busy_gitlab_says_how_long_to_wait_and_is_not_asked_again(
    gitlab: RunningGitLab, tracker: GitLabTracker, switches: GitLabSwitches, kind: str
) -> None:
    wanted = draft()
    switches.post("faults", kind=kind, method="POST", path="/issues", retry_after=7)
    with pytest.raises(TemporarilyUnavailable) as caught:
        tracker.open_issue(wanted)
    assert not isinstance(caught.value, Uncertain)
    assert caught.value.retry_after_s == 7
    assert held(gitlab, wanted) == 0


def test_a_proxy_may_say_how_long_to_wait_with_a_date(tracker: GitLabTracker, switches: GitLabSwitches) -> None:
    until = format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True)
    switches.post("faults", kind="429_text", method="POST", path="/issues", retry_after=until)
    with pytest.raises(TemporarilyUnavailable) as caught:
        tracker.open_issue(draft())
    assert caught.value.retry_after_s == pytest.approx(90, abs=5)


def test_a_locked_resource_is_tried_later(tracker: GitLabTracker, switches: GitLabSwitches) -> None:
    switches.post("faults", kind="lock", method="POST", path="/issues")
    with pytest.raises(TemporarilyUnavailable) as caught:
        tracker.open_issue(draft())
    assert not isinstance(caught.value, Uncertain)


def test_a_redirect_is_not_followed_with_the_issue(tracker: GitLabTracker, switches: GitLabSwitches) -> None:
    switches.post("faults", kind="redirect", method="POST", path="/issues", location="https://elsewhere.test/")
    with pytest.raises(NotConfigured, match="GITLAB_URL"):
        tracker.open_issue(draft())


def test_a_read_is_not_redirected_to_another_host_with_our_token(
    tracker: GitLabTracker, switches: GitLabSwitches
) -> None:
    switches.post("faults", kind="redirect", method="GET", path="/labels", location="http://elsewhere.test/")
    with pytest.raises(NotConfigured, match=r"elsewhere\.test"):
        tracker.labels()


def test_a_read_is_tried_again(tracker: GitLabTracker, switches: GitLabSwitches) -> None:
    switches.post("faults", kind="502", method="GET", path="/labels", count=2)
    assert "support" in tracker.labels()


def test_a_read_that_goes_on_failing_is_temporarily_unavailable(
    tracker: GitLabTracker, switches: GitLabSwitches
) -> None:
    switches.post("faults", kind="502", method="GET", path="/labels", count=50)
    with pytest.raises(TemporarilyUnavailable) as caught:
        tracker.labels()
    assert not isinstance(caught.value, Uncertain)


def test_a_read_does_not_sleep_for_a_gitlab_that_is_busy_for_long(
    tracker: GitLabTracker, switches: GitLabSwitches
) -> None:
    switches.post("faults", kind="429", method="GET", path="/labels", retry_after=120)
    with pytest.raises(TemporarilyUnavailable) as caught:
        tracker.labels()
    assert caught.value.retry_after_s == 120


def test_a_gitlab_that_is_not_there_took_nothing(connect: Connect) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    away = connect("token", url=f"http://127.0.0.1:{port}")
    with pytest.raises(TemporarilyUnavailable) as caught:
        away.open_issue(draft())
    assert not isinstance(caught.value, Uncertain)


def test_a_revoked_token_needs_an_admin(connect: Connect) -> None:
    with pytest.raises(AccessDenied, match="GITLAB_TOKEN"):
        connect("glpat-wrong").open_issue(draft())


def test_a_token_that_may_only_read_names_the_scope(gitlab: RunningGitLab, connect: Connect) -> None:
    with pytest.raises(AccessDenied, match="api"):
        connect(gitlab.read_token).open_issue(draft())


def test_an_unknown_project_is_named_as_a_setting(gitlab: RunningGitLab, connect: Connect) -> None:
    with pytest.raises(NotConfigured, match="GITLAB_PROJECT"):
        connect(gitlab.bot_token, "no/where").open_issue(draft())


def test_a_refused_content_says_what_is_wrong(tracker: GitLabTracker) -> None:
    with pytest.raises(Rejected, match="too long"):
        tracker.open_issue(draft(title="x" * 300))


def test_missing_labels_are_created_once(tracker: GitLabTracker) -> None:
    name = f"new-label-{datetime.now(UTC).timestamp()}"
    assert tracker.ensure_labels(["support", name, name]) == (name,)
    assert tracker.ensure_labels(["support", name]) == ()


def test_a_label_that_another_replica_just_made_is_no_error(
    gitlab: RunningGitLab, tracker: GitLabTracker, monkeypatch: pytest.MonkeyPatch, connect: Connect
) -> None:
    name = f"raced-{datetime.now(UTC).timestamp()}"
    connect(gitlab.bot_token).ensure_labels([name])
    monkeypatch.setattr(tracker, "labels", frozenset)  # what the list said before the other replica's write
    assert tracker.ensure_labels([name]) == ()


def test_a_guest_is_told_which_role_creates_labels(switches: GitLabSwitches, connect: Connect) -> None:
    guest = switches.post("users", username=f"guest{datetime.now(UTC).timestamp():.0f}", access_level=10)
    with pytest.raises(AccessDenied, match="Reporter"):
        connect(guest["token"]).ensure_labels(["brand-new"])


def test_labels_that_gitlab_dropped_are_reported(switches: GitLabSwitches, connect: Connect) -> None:
    guest = switches.post("users", username=f"dropper{datetime.now(UTC).timestamp():.0f}", access_level=10)
    wanted = draft(labels=("support", "never-made"))
    with structlog.testing.capture_logs() as logs:
        issue = connect(guest["token"]).open_issue(wanted)
    assert issue.iid > 0
    assert [line["event"] for line in logs][:1] == ["issue_differs_from_draft"]
    assert logs[0]["fields"] == ["add_labels"]


def test_a_quick_action_that_slipped_through_is_undone(gitlab: RunningGitLab, tracker: GitLabTracker) -> None:
    wanted = draft()
    leaking = replace(wanted, description=wanted.description + "\n/close\n/label ~ci\n/confidential\n")
    with structlog.testing.capture_logs() as logs:
        issue = tracker.open_issue(leaking)
    found = in_gitlab(gitlab, issue.iid)
    assert (found["state"], found["labels"], found["confidential"]) == ("opened", ["support"], False)
    assert logs[0]["event"] == "issue_differs_from_draft"
    assert leaking.title not in str(logs)


def test_no_request_has_a_parameter_that_gitlab_does_not_know(tracker: GitLabTracker, switches: GitLabSwitches) -> None:
    switches.post("forget")
    wanted = draft(confidential=True)
    tracker.ensure_labels(["support", "awaiting-feedback"])
    tracker.open_issue(wanted)
    tracker.find_issue(wanted.marker, datetime.now(UTC) - LONG_AGO)
    assert switches.get("unknown_parameters") == []


def test_a_draft_runs_no_quick_action_and_mentions_nobody(tracker: GitLabTracker, switches: GitLabSwitches) -> None:
    switches.post("forget")
    tracker.open_issue(draft())
    assert switches.get("quick_actions") == []
    assert switches.get("mentions") == []


def test_the_doctor_finds_a_well_configured_gitlab_well(tracker: GitLabTracker) -> None:
    tracker.ensure_labels(["support", "awaiting-feedback"])
    checks = check_gitlab(tracker, ["support", "awaiting-feedback"])
    assert [check.state for check in checks] == ["ok"] * len(checks)
    assert {check.name for check in checks} >= {"gitlab user", "gitlab token", "gitlab project", "gitlab role"}


def test_the_doctor_warns_before_a_token_expires(switches: GitLabSwitches, connect: Connect) -> None:
    ends = (datetime.now(UTC) + timedelta(days=5)).date().isoformat()
    name = f"ending{datetime.now(UTC).timestamp():.0f}"
    user = switches.post("users", username=name, access_level=20, expires_at=ends)
    checks = check_gitlab(connect(user["token"]), [], today=datetime.now(UTC).date())
    assert next(check for check in checks if check.name == "gitlab token").state == "warning"


def test_the_doctor_says_what_a_read_only_token_lacks(gitlab: RunningGitLab, connect: Connect) -> None:
    checks = check_gitlab(connect(gitlab.read_token), [])
    token = next(check for check in checks if check.name == "gitlab token")
    assert token.state == "failed"
    assert "`api`" in token.detail


def test_the_doctor_says_that_a_guest_is_too_little(switches: GitLabSwitches, connect: Connect) -> None:
    guest = switches.post("users", username=f"low{datetime.now(UTC).timestamp():.0f}", access_level=10)
    checks = check_gitlab(connect(guest["token"]), [])
    assert next(check for check in checks if check.name == "gitlab role").state == "failed"


def test_the_doctor_says_in_one_line_that_gitlab_is_away(connect: Connect) -> None:
    checks = check_gitlab(connect("token", url="http://127.0.0.1:9"), [], today=date(2026, 11, 21))
    assert [(check.name, check.state) for check in checks] == [("gitlab", "failed")]


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("7", 7.0), ("0", 0.0), ("-3", 0.0), (None, None), ("soon", None), ("Sat, 21 Nov 2026 05:00:30 GMT", 30.0)],
)
def test_retry_after_is_read_as_seconds_or_as_a_date(header: str | None, seconds: float | None) -> None:
    assert retry_after_s(header, datetime(2026, 11, 21, 5, 0, 0, tzinfo=UTC)) == seconds
