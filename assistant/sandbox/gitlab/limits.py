"""GitLab's own limits per minute and user, off until a test switches them on."""

from __future__ import annotations

from collections import defaultdict, deque
from typing import TYPE_CHECKING

from assistant.sandbox.gitlab.faults import TOO_MANY
from assistant.sandbox.gitlab.web import ApiError, Endpoint

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

WINDOW_S = 60.0
NAMES = ("notes", "issues", "search", "archive")


def limit_of(endpoint: Endpoint) -> str | None:
    """Return which limit an endpoint counts against."""
    writes = {"notes": "/notes", "issues": "/issues"}
    for name, ending in writes.items():
        if endpoint.method == "POST" and endpoint.path.endswith(ending):
            return name
    if endpoint.path.endswith("/search"):
        return "search"
    return "archive" if "/repository/archive" in endpoint.path else None


class Limits:
    """Counts calls in a sliding minute.

    Attributes:
        per_minute: Limit name -> calls in 60 s; a name that is absent has no limit.
    """

    def __init__(self) -> None:
        self.per_minute: dict[str, int] = {}
        self._seen: defaultdict[tuple[str, int], deque[datetime]] = defaultdict(deque)

    def set(self, wanted: Mapping[str, int]) -> None:
        """Replace all limits and forget what was counted."""
        unknown = set(wanted) - set(NAMES)
        if unknown:
            raise ApiError(400, {"error": f"limits are {', '.join(NAMES)}"})
        self.per_minute = dict(wanted)
        self._seen.clear()

    def check(self, endpoint: Endpoint, user_id: int, now: datetime) -> None:
        """Count the call.

        Raises:
            ApiError: 429 above the limit; with Retry-After except for archives, as in GitLab.
        """
        name = limit_of(endpoint)
        if name is None or name not in self.per_minute:
            return
        seen = self._seen[name, user_id]
        while seen and (now - seen[0]).total_seconds() >= WINDOW_S:
            seen.popleft()
        if len(seen) >= self.per_minute[name]:
            wait = max(1, round(WINDOW_S - (now - seen[0]).total_seconds()))
            headers = {} if name == "archive" else {"Retry-After": str(wait)}
            raise ApiError(429, {"message": {"error": TOO_MANY}}, headers)
        seen.append(now)
