"""GitLab, the obeying model server and the log of one run of attacks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.e2e.attacks.harness import World, logging_to, watch_connections
from tests.fakes.gitlab_process import GitLabSwitches, running_gitlab
from tests.fakes.openai_server import FakeOpenAI

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="package")
def standing_world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Start both stand-ins and the log once."""
    watch_connections()
    with (
        running_gitlab(tmp_path_factory.mktemp("gitlab")) as gitlab,
        FakeOpenAI(mode="obey") as model,
        logging_to(tmp_path_factory.mktemp("logs") / "assistant.log") as log,
    ):
        yield World(GitLabSwitches(gitlab), model, log)


@pytest.fixture
def world(standing_world: World) -> World:
    """The world with empty records."""
    standing_world.forget()
    return standing_world
