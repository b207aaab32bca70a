"""The issue tracker, and what is written into it. A part of `assistant.wiring`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from assistant.errors import NotConfigured
from assistant.wiring.place import secret_key, utc_now

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from assistant.adapters.gitlab import GitLabTracker
    from assistant.core.model import Check, Decision, IssueDraft, IssueRef, Question
    from assistant.ports import Tracker
    from assistant.settings import Settings
    from assistant.workflows.escalate import DraftIssue, Escalation
    from assistant.workflows.telling import Telling

log = structlog.get_logger(__name__)


def tracker(settings: Settings) -> GitLabTracker | None:
    """Return the project that takes issues, or None when no GitLab is set up.

    Raises:
        NotConfigured: GitLab is set up by halves.
    """
    values = {
        "GITLAB_URL": settings.gitlab_url,
        "GITLAB_PROJECT": settings.gitlab_project,
        "GITLAB_TOKEN": settings.gitlab_token.get_secret_value(),
    }
    missing = [name for name, value in values.items() if not value]
    reads_only = missing == ["GITLAB_PROJECT", "GITLAB_TOKEN"] and settings.gitlab_read_token.get_secret_value()
    if len(missing) == len(values) or reads_only:
        return None
    if missing:
        raise NotConfigured(f"GitLab is set up by halves: set {', '.join(missing)} as well")
    from assistant.adapters.gitlab import GitLabTracker  # noqa: PLC0415 - loads python-gitlab

    return GitLabTracker(
        values["GITLAB_URL"],
        values["GITLAB_TOKEN"],
        values["GITLAB_PROJECT"],
        timeout_s=settings.gitlab_timeout_s,
        now=utc_now,
    )


def tracker_checks(settings: Settings) -> Sequence[Check]:
    """Look at token, role, project and labels, for `doctor`; empty without GitLab."""
    from assistant.adapters.gitlab_checks import check_gitlab  # noqa: PLC0415 - loads python-gitlab

    found = tracker(settings)
    return check_gitlab(found, (settings.label_support, settings.label_awaiting_feedback)) if found else ()


def issue_drafter(settings: Settings) -> DraftIssue:
    """Return what builds the text of an issue from a question and its decision."""
    from assistant.core import escalation  # noqa: PLC0415 - heavy rooms load when they are used
    from assistant.core.labels import Labels  # noqa: PLC0415 - as above

    key = secret_key(settings)
    labels = Labels(settings.label_support, settings.label_awaiting_feedback)

    def draft(question: Question, decision: Decision | None, *, awaiting: bool, confidential: bool) -> IssueDraft:
        terms = escalation.Terms(
            marker=escalation.marker_for(question.id, key),
            awaiting=awaiting,
            confidential=confidential,
            labels=labels,
            topics=settings.topic_labels,
        )
        return escalation.draft_issue(question, escalation.searched_from(decision, labels), terms)

    return draft


class _NoTracker:
    """Stands where no GitLab is set up: new questions are not escalated; rows of a time with one keep waiting."""

    _TOLD = "no issue tracker is set up: set GITLAB_URL, GITLAB_PROJECT and GITLAB_TOKEN"

    def open_issue(self, draft: IssueDraft) -> IssueRef:
        del draft
        raise NotConfigured(self._TOLD)

    def find_issue(self, marker: str, since: datetime) -> IssueRef | None:
        del marker, since
        raise NotConfigured(self._TOLD)

    def ensure_labels(self, names: Sequence[str]) -> tuple[str, ...]:
        del names
        raise NotConfigured(self._TOLD)


def escalation_of(settings: Settings, telling: Telling, issues: Tracker | None, drafter: DraftIssue) -> Escalation:
    """Return what passes questions on; without a tracker, rows of a time with one keep waiting."""
    from assistant.core.environment import is_security  # noqa: PLC0415 - heavy rooms load when they are used
    from assistant.core.escalation import marker_for  # noqa: PLC0415 - as above
    from assistant.workflows.escalate import Escalation  # noqa: PLC0415 - as above

    key = secret_key(settings)
    return Escalation(
        telling.store,
        telling.work,
        telling,
        issues or _NoTracker(),
        drafter,
        lambda question_id: marker_for(question_id, key),
        must_hide=lambda question: is_security(question.full_text),
        confirm_wait_s=settings.confirm_within * 3600,
    )
