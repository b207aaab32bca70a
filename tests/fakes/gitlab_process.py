"""The GitLab stand-in as a process for tests: started once, with a client per role and its test-only switches."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import httpx

from assistant.sandbox.gitlab.process import Options, RunningGitLab, start

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class GitLabSwitches:
    """The stand-in's `/_fake` routes: what it recorded, faults, clock.

    Attributes:
        gitlab: The running stand-in.
    """

    def __init__(self, gitlab: RunningGitLab) -> None:
        self.gitlab = gitlab

    def get(self, name: str) -> Any:
        """Return a record: `mentions`, `quick_actions`, `unknown_parameters`, `requests`."""
        answer = httpx.get(f"{self.gitlab.url}/_fake/{name}", timeout=5, trust_env=False)
        answer.raise_for_status()
        return answer.json()

    def post(self, name: str, **values: Any) -> Any:
        """Throw a switch: `faults`, `clock`, `users`, `forget`; see `assistant/sandbox/gitlab/control.py`."""
        answer = httpx.post(f"{self.gitlab.url}/_fake/{name}", json=values, timeout=5, trust_env=False)
        answer.raise_for_status()
        return answer.json()


@contextmanager
def running_gitlab(data_dir: Path) -> Iterator[RunningGitLab]:
    """Run a stand-in of this folder's own and stop it at the end."""
    gitlab = start(data_dir, Options(test_switches=True))
    try:
        yield gitlab
    finally:
        gitlab.stop()
