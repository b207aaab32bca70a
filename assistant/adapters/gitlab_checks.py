"""What `assistant doctor` says about GitLab: token, user, role, project, labels, each with what to do."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from assistant.core.model import Check
from assistant.errors import AssistantError, NotConfigured

if TYPE_CHECKING:
    from collections.abc import Iterable

    from assistant.adapters.gitlab import GitLabTracker

PLANNER = 15
EXPIRES_SOON = timedelta(days=14)
_ROLES = {
    5: "Minimal access",
    10: "Guest",
    15: "Planner",
    20: "Reporter",
    30: "Developer",
    40: "Maintainer",
    50: "Owner",
}


def check_gitlab(tracker: GitLabTracker, labels: Iterable[str], today: date | None = None) -> list[Check]:
    """Look at the connection with read requests only; the first failure that hides the rest ends the list.

    Args:
        tracker: Connected with the token that writes.
        labels: Names that escalations use.
        today: For the token's expiry; default the current day in UTC.
    """
    checks: list[Check] = []
    try:
        user = tracker.get("/user")
        checks.append(Check("gitlab user", "ok", f"{user.get('username')} (id {user.get('id')})"))
        checks.append(_token(tracker, today or datetime.now(UTC).date()))
        checks += _project(tracker.get(f"/projects/{quote(str(tracker.project), safe='')}"))
        missing = sorted(set(labels) - tracker.labels())
        told = f"missing, made with the first issue: {', '.join(missing)}" if missing else "present"
        checks.append(Check("gitlab labels", "warning" if missing else "ok", told))
    except AssistantError as error:
        checks.append(Check("gitlab", "failed", str(error)))
    return checks


def _token(tracker: GitLabTracker, today: date) -> Check:
    try:
        token = tracker.get("/personal_access_tokens/self")
    except NotConfigured:
        return Check("gitlab token", "warning", "not a personal, project or group token: its scopes cannot be read")
    scopes, expires = token.get("scopes") or [], token.get("expires_at")
    if "api" not in scopes:
        return Check("gitlab token", "failed", f"has {', '.join(scopes)}: GITLAB_TOKEN needs the scope `api`")
    if expires and date.fromisoformat(expires) - today <= EXPIRES_SOON:
        return Check("gitlab token", "warning", f"expires on {expires}: rotate it and set GITLAB_TOKEN")
    return Check("gitlab token", "ok", f"scope api, expires {expires or 'never'}")


def _project(project: dict[str, Any]) -> list[Check]:
    path = project.get("path_with_namespace")
    permissions = project.get("permissions") or {}
    levels = [(access or {}).get("access_level", 0) for access in permissions.values()]
    level = max(levels, default=0)
    role = _ROLES.get(level, f"level {level}")
    checks = [Check("gitlab project", "ok", f"{path} ({project.get('visibility')})")]
    if project.get("archived") or project.get("issues_access_level") == "disabled":
        why = "is archived" if project.get("archived") else "has issues switched off"
        checks = [Check("gitlab project", "failed", f"{path} {why}: set GITLAB_PROJECT to one that takes issues")]
    if level < PLANNER:
        told = f"{role}: labels would be dropped silently; give the bot the role Reporter (or Planner)"
        return [*checks, Check("gitlab role", "failed", told)]
    return [*checks, Check("gitlab role", "ok", role)]
