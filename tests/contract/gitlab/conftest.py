"""The server under test: the one named by GITLAB_URL, GITLAB_TOKEN and GITLAB_PROJECT, else our stand-in.

Against a real GitLab give a throw-away project and a token with scope `api` and role Reporter or higher.
"""

from __future__ import annotations

import os
import uuid
from typing import TYPE_CHECKING, Any

import pytest

from tests.contract.gitlab import peers
from tests.contract.gitlab.receiver import Office, receiving
from tests.contract.gitlab.targets import Target, connect
from tests.fakes.gitlab_process import GitLabSwitches, running_gitlab

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import gitlab
    from gitlab.v4.objects import Project


@pytest.fixture(scope="session")
def direct(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """Give the server itself."""
    if "GITLAB_URL" in os.environ:
        yield Target(os.environ["GITLAB_URL"], os.environ["GITLAB_TOKEN"], os.environ["GITLAB_PROJECT"])
        return
    with running_gitlab(tmp_path_factory.mktemp("gitlab")) as running:
        yield Target(running.url, running.bot_token, running.project, GitLabSwitches(running))


@pytest.fixture(scope="session")
def behind_prism(direct: Target, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """Give the server behind the validating proxy."""
    with peers.prism(direct.url, tmp_path_factory.mktemp("prism") / "prism.log") as url:
        yield Target(url, direct.token, direct.project, direct.stand_in)


@pytest.fixture(params=["direct", pytest.param("behind_prism", marks=pytest.mark.slow)])
def target(request: pytest.FixtureRequest) -> Target:
    """Give the server, once as it is and once behind the validating proxy."""
    found: Target = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def project(target: Target) -> Project:
    """Give the project, for calls that the held specification describes."""
    return connect(target).projects.get(target.project, lazy=True)


@pytest.fixture
def client(direct: Target) -> gitlab.Gitlab:
    """Give a client on the server itself, for calls outside the held specification."""
    return connect(direct)


@pytest.fixture
def switches(direct: Target) -> Iterator[GitLabSwitches]:
    """Give the stand-in's switches, and put them back afterwards; skip for another server."""
    if direct.stand_in is None:
        pytest.skip("this test throws switches that only the stand-in has")
    direct.stand_in.post("forget")
    yield direct.stand_in
    direct.stand_in.post("forget")


@pytest.fixture
def acting_as(direct: Target, switches: GitLabSwitches) -> Callable[..., Project]:
    """Give a way to see the project with the eyes of a new user of some role."""

    def act(username: str, access_level: int = 0, **more: Any) -> Project:
        made = switches.post("users", username=username, access_level=access_level, **more)
        return connect(Target(direct.url, made["token"], direct.project)).projects.get(direct.project, lazy=True)

    return act


@pytest.fixture
def bot(direct: Target, switches: GitLabSwitches) -> Project:
    """Give the stand-in's project as the bot sees it, with all switches off."""
    return connect(direct).projects.get(switches.gitlab.project)


@pytest.fixture
def bare(acting_as: Callable[..., Project], switches: GitLabSwitches) -> Iterator[Office]:
    """Give a project of its own that has no webhook yet, as its maintainer sees it."""
    path = f"platform/hooks-{uuid.uuid4().hex[:10]}"
    switches.post("projects", path=path)
    client = acting_as(f"mia-{uuid.uuid4().hex[:8]}", 40, project=path).manager.gitlab
    with receiving() as receiver:
        yield Office(client.projects.get(path), switches, receiver)


@pytest.fixture
def office(bare: Office) -> Office:
    """Give a project whose every event is sent to the receiver."""
    bare.hook()
    return bare
