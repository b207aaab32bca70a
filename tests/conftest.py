"""What holds for every test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import structlog

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def _own_logging() -> Iterator[None]:
    """A command that sets up logging does so for the whole process; no test finds what another, or its fixture, did."""
    structlog.reset_defaults()
    yield
    structlog.reset_defaults()
