"""A client that reads GitLab, and its errors in one line. It and its neighbours alone use python-gitlab.

It reads and never writes, so retries are safe here.
"""

from __future__ import annotations

import contextlib
import math
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

from indexing.errors import BuildRefused

if TYPE_CHECKING:
    from collections.abc import Iterator

    import requests
    from gitlab import Gitlab

PAGE = 100  # rows, the most that GitLab sends
GONE = frozenset({403, 404})
"""Answers for what is not there or may not be seen: GitLab does not tell the two apart."""
_MISSING = 404
_TIMEOUT_S = 20.0  # of one answer
_RETRIES = 7  # of one request, about 13 s: the next refresh tries again
_LONGEST_WAIT_S = 900  # that GitLab may ask for; its own limits end after ten minutes at most


def connect(url: str, token: str) -> Gitlab:
    """Return a client for reading: it retries, waits no longer than a timeout, and stays on this host."""
    import gitlab  # noqa: PLC0415 - loaded only where GitLab is read
    import requests  # noqa: PLC0415 - as above

    class Patient(gitlab.Gitlab):
        """Retries a few times."""

        def http_request(self, verb: str, path: str, **fields: Any) -> requests.Response:  # type: ignore[override] # noqa: ANN401 - passed on
            return super().http_request(verb, path, **{"max_retries": _RETRIES, **fields})

    session = requests.Session()
    session.hooks["response"] += [_same_host, _bounded_wait]
    return Patient(
        url, private_token=token, timeout=_TIMEOUT_S, keep_base_url=True, retry_transient_errors=True, session=session
    )


def _same_host(response: requests.Response, **_: object) -> None:
    """Follow no redirection that would show the token to somebody else.

    Raises:
        BuildRefused: GitLab sends us to another host, or out of HTTPS.
    """
    asked, target = urlsplit(response.url), urlsplit(urljoin(response.url, response.headers.get("Location", "")))
    is_safe = target.hostname == asked.hostname and (target.scheme, asked.scheme) != ("http", "https")
    if response.is_redirect and not is_safe:
        raise BuildRefused(f"GitLab sends its readers on to {target.scheme}://{target.hostname}: check GITLAB_URL")


def _bounded_wait(response: requests.Response, **_: object) -> None:
    """Turn the wait that an answer asks for into seconds: python-gitlab reads no date, and would wait for days.

    Raises:
        BuildRefused: The wait is too long for one refresh.
    """
    headers = response.headers
    told = headers.pop("Retry-After", "").strip()
    if not headers.get("RateLimit-Reset", "0").isdecimal():
        del headers["RateLimit-Reset"]
    seconds = int(told) if told.isdecimal() else _until(told)
    if seconds is None:
        return
    if seconds > _LONGEST_WAIT_S:
        raise BuildRefused(f"GitLab cannot be read now: it asks to wait for {math.ceil(seconds / 60)} minutes")
    headers["Retry-After"] = str(seconds)


def _until(date: str) -> int | None:
    """Return the seconds until a date of an HTTP header; None when it is none."""
    try:
        moment = parsedate_to_datetime(date)
    except ValueError:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0, math.ceil((moment - datetime.now(UTC)).total_seconds()))


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


def is_missing(error: Exception) -> bool:
    """Return whether an error of python-gitlab says that a thing is not there; so it says of what is hidden, too.

    An answer 403 is another matter: the token lacks a scope, or something in between refuses.
    """
    return getattr(error, "response_code", None) == _MISSING


def server_time(client: Gitlab) -> datetime:
    """Return GitLab's own time in UTC, so that a wrong clock here does not miss changes."""
    from gitlab.exceptions import GitlabError  # noqa: PLC0415 - as above

    try:
        date = client.http_request("get", "/version").headers["Date"]
        return parsedate_to_datetime(date).astimezone(UTC)
    except (KeyError, ValueError):
        return datetime.now(UTC)
    except GitlabError as error:
        if not is_gone(error):
            raise
        return datetime.now(UTC)  # a token for a few things alone
