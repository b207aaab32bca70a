"""A client that reads GitLab, and its errors in one line. It and its neighbours alone use python-gitlab.

It reads and never writes, so retries are safe here.
"""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from indexing.errors import BuildRefused

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gitlab import Gitlab

PAGE = 100  # rows, the most that GitLab sends
GONE = frozenset({403, 404})
"""Answers for what is not there or may not be seen: GitLab does not tell the two apart."""
_TIMEOUT_S = 20.0  # of one answer
_UNAUTHORIZED = 401


def connect(url: str, token: str) -> Gitlab:
    """Return a client for reading: it retries, waits no longer than a timeout, and stays on this host."""
    import gitlab  # noqa: PLC0415 - loaded only where GitLab is read

    return gitlab.Gitlab(url, private_token=token, timeout=_TIMEOUT_S, keep_base_url=True, retry_transient_errors=True)


def look_up(url: str, token: str, *, project: str = "", group: str = "") -> None:
    """Ask once for a project, or for a group.

    Raises:
        BuildRefused: It is not there, or the token may not read it, or GitLab does not answer.
    """
    import gitlab  # noqa: PLC0415 - as above

    place = f"the GitLab project {project} at {url}" if project else f"the GitLab group {group} at {url}"
    client = gitlab.Gitlab(url, private_token=token, timeout=_TIMEOUT_S, keep_base_url=True)
    with reading(place):
        if project:
            client.projects.get(project)
        else:
            client.groups.get(group, with_projects=False)


@contextlib.contextmanager
def reading(place: str) -> Iterator[None]:
    """Turn GitLab's errors into one that says what to do.

    Args:
        place: What is read, for the message.

    Raises:
        BuildRefused: GitLab does not answer, or refuses the token: half a project must not replace a whole one.
    """
    import requests  # noqa: PLC0415 - as above
    from gitlab.exceptions import GitlabAuthenticationError, GitlabError  # noqa: PLC0415 - as above

    try:
        yield
    except GitlabAuthenticationError as error:
        raise BuildRefused(f"{place} refuses the token: give one with the scope read_api") from error
    except GitlabError as error:
        reason = "is not there, or the token may not read it" if error.response_code in GONE else "cannot be read now"
        raise BuildRefused(f"{place} {reason} (answer {error.response_code})") from error
    # A proxy's Retry-After with a date makes python-gitlab raise ValueError.
    except (requests.RequestException, ValueError) as error:
        if isinstance(error, BuildRefused):
            raise
        raise BuildRefused(f"{place} cannot be read now ({type(error).__name__})") from error


def is_gone(error: Exception) -> bool:
    """Return whether an error of python-gitlab says that a thing is not there or may not be seen."""
    return getattr(error, "response_code", None) in GONE


def server_time(client: Gitlab) -> datetime:
    """Return GitLab's own time in UTC, so that a wrong clock here does not miss changes."""
    import requests  # noqa: PLC0415 - as above

    answer = client.http_request("get", "/version")
    assert isinstance(answer, requests.Response)  # noqa: S101 - what `http_request` gives
    try:
        return parsedate_to_datetime(answer.headers["Date"]).astimezone(UTC)
    except (KeyError, ValueError):
        return datetime.now(UTC)
