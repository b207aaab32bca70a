"""GitLab's answers translated into our error tree, where the HTTP response is still at hand.

answer                                             read                      write
no connection made (refused, DNS)                  TemporarilyUnavailable    TemporarilyUnavailable: nothing was sent
timeout, reset, 5xx, 408, 2xx empty or cut         TemporarilyUnavailable    Uncertain
429, 409 "Resource lock"                           TemporarilyUnavailable with retry_after_s
401, 403                                           AccessDenied              AccessDenied
404 (absent and not visible look alike), redirect  NotConfigured             NotConfigured
other 4xx                                          Rejected                  Rejected
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, NoReturn
from urllib.parse import urljoin, urlsplit

from assistant.errors import AccessDenied, NotConfigured, Rejected, TemporarilyUnavailable, Uncertain

if TYPE_CHECKING:
    from collections.abc import Iterator

    import requests

    from assistant.ports import Now

_TOLD_MAX = 300
"""Characters of GitLab's own words that go into our one line."""


def retry_after_s(header: str | None, now: datetime) -> float | None:
    """Return the seconds a Retry-After header asks for; GitLab sends seconds, proxies also send HTTP dates."""
    if not header:
        return None
    try:
        return max(0.0, float(header))
    except ValueError:
        pass
    try:
        until = parsedate_to_datetime(header)
    except ValueError:
        return None
    until = until if until.tzinfo else until.replace(tzinfo=UTC)
    return max(0.0, (until - now).total_seconds())


def raise_for(response: requests.Response, now: Now, *, writing: bool) -> None:
    """Raise for every answer that is not a success; python-gitlab would drop the headers.

    Raises:
        AssistantError: As in the table above.
    """
    status = response.status_code
    if status < 300:  # noqa: PLR2004 - HTTP success
        return
    if status < 400:  # noqa: PLR2004 - HTTP redirects
        _raise_redirect(response, writing=writing)
        return
    told = _told(response)
    wait = retry_after_s(response.headers.get("Retry-After"), now())
    if status == 429 or (status == 409 and "resource lock" in told.lower()):  # noqa: PLR2004 - HTTP status
        raise TemporarilyUnavailable(f"GitLab is busy ({status}); it is tried again by itself.", retry_after_s=wait)
    if status >= 500 or status == 408:  # noqa: PLR2004 - HTTP status
        lost = Uncertain if writing else TemporarilyUnavailable
        raise lost(f"GitLab failed with status {status}; it is tried again by itself.", retry_after_s=wait)
    _raise_refusal(status, told, response)


def _raise_redirect(response: requests.Response, *, writing: bool) -> None:
    """Reads follow a redirect on the same host; a write is not repeated, and no other host gets the token."""
    where = response.headers.get("Location", "another address")
    host = urlsplit(urljoin(response.url, where)).netloc
    if writing or host != urlsplit(response.url).netloc:
        raise NotConfigured(f"GitLab redirects to {where}: set GITLAB_URL and GITLAB_PROJECT to where they are now.")


def _raise_refusal(status: int, told: str, response: requests.Response) -> NoReturn:
    if status == 401:  # noqa: PLR2004 - HTTP status
        raise AccessDenied(f"GitLab refused the token ({told}): put a valid one into GITLAB_TOKEN.")
    if status == 403 and "insufficient_scope" in response.text:  # noqa: PLR2004 - HTTP status
        raise AccessDenied("The token lacks a scope: GITLAB_TOKEN needs `api`, GITLAB_READ_TOKEN `read_api`.")
    if status == 403:  # noqa: PLR2004 - HTTP status
        raise AccessDenied(f"GitLab forbids this ({told}): give the bot the role Reporter (or Planner) in the project.")
    if status == 404:  # noqa: PLR2004 - HTTP status
        raise NotConfigured(f"GitLab does not find it ({told}): check GITLAB_PROJECT and that the bot is a member.")
    raise Rejected(f"GitLab refused the request ({status}): {told}")


def _told(response: requests.Response) -> str:
    """What GitLab says is wrong, on one line: parameter checks say `error`, models say `message`."""
    try:
        body = response.json()
        said: Any = body.get("message") or body.get("error") or "" if isinstance(body, dict) else ""
    except ValueError:
        said = response.text
    text = said if isinstance(said, str) else json.dumps(said, ensure_ascii=False)
    return " ".join(text.split())[:_TOLD_MAX] or f"status {response.status_code}"


@contextmanager
def translated(*, writing: bool) -> Iterator[None]:
    """Translate what goes wrong below HTTP, and answers that are no answer.

    Raises:
        AssistantError: As in the table above.
    """
    import gitlab  # noqa: PLC0415 - loads requests; `assistant --help` must not
    import requests  # noqa: PLC0415 - as gitlab

    lost = Uncertain if writing else TemporarilyUnavailable
    try:
        yield
    except requests.exceptions.SSLError as error:
        raise NotConfigured("GitLab's certificate is not trusted: put its CA into REQUESTS_CA_BUNDLE.") from error
    except requests.exceptions.ConnectTimeout as error:
        raise TemporarilyUnavailable("GitLab does not take a connection; nothing was sent.") from error
    except requests.exceptions.RequestException as error:
        if _never_sent(error):
            raise TemporarilyUnavailable("GitLab cannot be reached (GITLAB_URL); nothing was sent.") from error
        raise lost("The connection to GitLab broke before its answer came.") from error
    except gitlab.exceptions.RedirectError as error:
        raise NotConfigured("GitLab redirects: set GITLAB_URL and GITLAB_PROJECT to where they are now.") from error
    except gitlab.exceptions.GitlabError as error:
        raise lost("GitLab's answer was empty, cut or not JSON.") from error


def _never_sent(error: BaseException) -> bool:
    """True when no connection was made at all (refused, name not found), so that a write cannot have happened."""
    from urllib3.exceptions import MaxRetryError, NewConnectionError  # noqa: PLC0415 - as gitlab

    cause = error.args[0] if error.args else None
    if isinstance(cause, MaxRetryError):
        cause = cause.reason
    return isinstance(cause, NewConnectionError)
