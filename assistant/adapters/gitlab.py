"""The issue tracker: GitLab over python-gitlab, with one client for writes and one for reads.

The write client never repeats a request: an answer that was lost makes an `Uncertain`, and the work table looks the
issue up by its marker before it tries again. (python-gitlab made seven issues of one call with its own retries on.)
Reads are repeated by stamina.
"""

from __future__ import annotations

from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

import structlog

from assistant.adapters.gitlab_errors import raise_for, translated
from assistant.core.escalation import holds_marker
from assistant.core.model import IssueDraft, IssueRef
from assistant.errors import AccessDenied, AssistantError, Rejected, TemporarilyUnavailable, Uncertain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    import gitlab
    import requests

    from assistant.ports import Now

T = TypeVar("T")
log = structlog.get_logger(__name__)

READ_TRIES = 3
READ_WAIT_MAX_S = 2.0
"""A read waits this long for a busy GitLab; longer waits are the work table's."""
PER_PAGE = 100
LABEL_COLOURS = ("#1f75cb", "#dd8b2d", "#6e49cb")
"""Blue, orange, violet of GitLab's own palette, in the order of the names."""


class GitLabTracker:
    """The project that escalations go to; implements `ports.Tracker`.

    Args:
        url: Address of the instance, with a path when GitLab lives below one.
        token: Scope `api`, role Reporter or Planner.
        project: Full path or number.
        timeout_s: For each connection and each pause in an answer.
        now: Injected clock; turns an HTTP date in Retry-After into seconds.
    """

    def __init__(
        self, url: str, token: str, project: str, *, timeout_s: float = 20.0, now: Now = lambda: datetime.now(UTC)
    ) -> None:
        self.project = project
        self._url = url.rstrip("/")
        self._token = token
        self._timeout_s = timeout_s
        self._now = now
        self._clients: dict[bool, gitlab.Gitlab] = {}
        self._own_id: int | None = None

    def close(self) -> None:
        """Close the connections; the tracker opens new ones when it is used again."""
        for client in self._clients.values():
            client.session.close()
        self._clients.clear()

    def open_issue(self, draft: IssueDraft) -> IssueRef:
        """Create the issue; see `ports.Tracker.open_issue`.

        The answer is compared with the draft; what differs is logged and set right through the API's fields.
        """
        fields = {
            "title": draft.title,
            "description": draft.description,
            "labels": list(draft.labels),
            "confidential": draft.confidential,
        }
        with self._writing() as client:
            issue = client.projects.get(self.project, lazy=True).issues.create(fields)
            made = _whole(issue.attributes)
        self._set_right(made, draft)
        return self._ref(made)

    def find_issue(self, marker: str, since: datetime) -> IssueRef | None:
        """Return our issue that holds the marker line, created at or after `since`; see `ports.Tracker.find_issue`.

        Lists our own issues instead of searching: a search index may lag behind, a list does not. Labels are no
        condition, since a responder may have changed them meanwhile.
        """

        def look(client: gitlab.Gitlab) -> IssueRef | None:
            conditions: dict[str, Any] = {
                "author_id": self._me(client),
                "created_after": since.astimezone(UTC).isoformat(),
                "scope": "all",
                "order_by": "created_at",
                "sort": "asc",
            }
            issues = client.projects.get(self.project, lazy=True).issues
            for issue in issues.list(iterator=True, per_page=PER_PAGE, query_parameters=conditions):
                if holds_marker(issue.attributes.get("description") or "", marker):
                    return self._ref(issue.attributes)
            return None

        return self._read(look)

    def ensure_labels(self, names: Sequence[str]) -> tuple[str, ...]:
        """Create the labels that are missing and return those; one that another replica just made is no error.

        Raises:
            AccessDenied: The bot's role may not create labels.
        """
        present = self.labels()
        created = []
        for number, name in enumerate(dict.fromkeys(names)):
            if name in present:
                continue
            colour = LABEL_COLOURS[number % len(LABEL_COLOURS)]
            try:
                with self._writing() as client:
                    client.projects.get(self.project, lazy=True).labels.create({"name": name, "color": colour})
            except Rejected as error:
                if "already exists" not in str(error):
                    raise
            except AccessDenied as error:
                raise AccessDenied(
                    f"The bot may not create the label {name!r}: give it the role Reporter (or Planner) in"
                    f" {self.project}, or create the label by hand."
                ) from error
            else:
                created.append(name)
        return tuple(created)

    def labels(self) -> frozenset[str]:
        """Return the names of the labels an issue of the project may carry, those of its groups included."""

        def look(client: gitlab.Gitlab) -> frozenset[str]:
            listed = client.projects.get(self.project, lazy=True).labels.list(iterator=True, per_page=PER_PAGE)
            return frozenset(str(label.attributes["name"]) for label in listed)

        return self._read(look)

    def get(self, path: str) -> dict[str, Any]:
        """Return one JSON object of the API (`/user`); for checks.

        Raises:
            AssistantError: See `gitlab_errors`.
        """

        def look(client: gitlab.Gitlab) -> dict[str, Any]:
            found = client.http_get(path)
            if not isinstance(found, dict):
                raise TemporarilyUnavailable(f"GitLab's answer to {path} is not JSON: check GITLAB_URL.")
            return found

        return self._read(look)

    def _ref(self, made: Mapping[str, Any]) -> IssueRef:
        where = self.project, int(made["iid"]), str(made["web_url"])
        return IssueRef(*where, "closed") if made["state"] == "closed" else IssueRef(*where)

    def _me(self, client: gitlab.Gitlab) -> int:
        if self._own_id is None:
            found = client.http_get("/user")
            self._own_id = int(found["id"]) if isinstance(found, dict) else None
        if self._own_id is None:
            raise TemporarilyUnavailable("GitLab does not say who the bot is: check GITLAB_URL.")
        return self._own_id

    def _set_right(self, made: Mapping[str, Any], draft: IssueDraft) -> None:
        """Compare the created issue with the draft; the issue exists, so nothing here may raise."""
        change = _differences(made, draft)
        if not change:
            return
        iid = int(made["iid"])
        log.warning("issue_differs_from_draft", iid=iid, fields=sorted(change), marker=draft.marker)
        try:
            with self._writing() as client:
                client.projects.get(self.project, lazy=True).issues.update(iid, change)
        except AssistantError as error:
            log.error("issue_not_set_right", iid=iid, fields=sorted(change), error=type(error).__name__)  # noqa: TRY400 - the cause is in the warning; a trace would hold people's text

    @contextmanager
    def _writing(self) -> Iterator[gitlab.Gitlab]:
        with translated(writing=True):
            yield self._client(writing=True)

    def _read(self, look: Callable[[gitlab.Gitlab], T]) -> T:
        import stamina  # noqa: PLC0415 - not needed for `assistant --help`

        waits = {"wait_initial": 0.1, "wait_max": 1.0, "wait_jitter": 0.2}
        for attempt in stamina.retry_context(on=_worth_a_wait, attempts=READ_TRIES, **waits):
            with attempt, translated(writing=False):
                return look(self._client(writing=False))
        raise AssertionError("stamina returns or raises")

    def _client(self, *, writing: bool) -> gitlab.Gitlab:
        if writing not in self._clients:
            import gitlab  # noqa: PLC0415 - loads requests; `assistant --help` must not
            import requests  # noqa: PLC0415 - as gitlab

            def check(response: requests.Response, *_: object, **__: object) -> None:
                try:
                    raise_for(response, self._now, writing=writing)
                except AssistantError:
                    response.close()  # else its connection stays open until it is collected
                    raise

            session = requests.Session()
            session.hooks["response"].append(check)
            self._clients[writing] = gitlab.Gitlab(
                self._url,
                private_token=self._token,
                timeout=self._timeout_s,
                keep_base_url=True,  # pages link to the configured host, which may not be reachable from here
                retry_transient_errors=False,
                session=session,
            )
        return self._clients[writing]


def _worth_a_wait(error: Exception) -> bool:
    return isinstance(error, TemporarilyUnavailable) and (error.retry_after_s or 0.0) <= READ_WAIT_MAX_S


def _whole(made: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the created issue, or raise when its answer lacks what identifies it.

    Raises:
        Uncertain: An answer with status 201 that is no issue: a proxy cut it.
    """
    if not {"iid", "web_url", "state"} <= set(made):
        raise Uncertain("GitLab's answer to the new issue was cut.")
    return made


def _differences(made: Mapping[str, Any], draft: IssueDraft) -> dict[str, Any]:
    """Return the API fields that make the created issue what the draft says; empty when it is."""
    change: dict[str, Any] = {}
    present = {label if isinstance(label, str) else label["name"] for label in made.get("labels", ())}
    if missing := [name for name in draft.labels if name not in present]:
        change["add_labels"] = ",".join(missing)
    if extra := sorted(present - set(draft.labels)):
        change["remove_labels"] = ",".join(extra)
    if bool(made.get("confidential")) != draft.confidential:
        change["confidential"] = draft.confidential
    if made["state"] != "opened":
        change["state_event"] = "reopen"
    if made.get("assignees"):
        change["assignee_ids"] = [0]  # GitLab's way to say nobody
    return change
