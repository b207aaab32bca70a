"""Where the contract suite runs, and a client whose answers are all held against GitLab's schemas."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import gitlab
import pytest
import requests

from tests.contract.gitlab import peers

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from tests.fakes.gitlab_process import GitLabSwitches


@dataclass(frozen=True)
class Target:
    """Where the contract suite runs.

    Attributes:
        url: Address of the server, or of the validating proxy before it.
        token: Scope `api`.
        project: Full path.
        stand_in: Switches of our stand-in; None for another server.
    """

    url: str
    token: str
    project: str
    stand_in: GitLabSwitches | None = None


def _checked(response: requests.Response, *_: Any, **__: Any) -> None:
    """Hold each answer that the client receives against GitLab's own schema."""
    if not peers.SCHEMAS.exists() or "json" not in response.headers.get("Content-Type", ""):
        return
    request = response.request
    found = peers.problems(str(request.method), response.status_code, request.path_url, response.json())
    assert not found, found


def connect(target: Target) -> gitlab.Gitlab:
    """Return a client that neither retries nor follows foreign links, and whose answers are all checked."""
    session = requests.Session()
    session.trust_env = False
    session.hooks["response"].append(_checked)
    return gitlab.Gitlab(
        target.url,
        private_token=target.token,
        session=session,
        timeout=20,
        keep_base_url=True,
        retry_transient_errors=False,
    )


def refused(status: int) -> AbstractContextManager[pytest.ExceptionInfo[gitlab.GitlabError]]:
    """Expect GitLab to refuse with this status."""
    return pytest.raises(gitlab.GitlabError, check=lambda error: error.response_code == status)
