"""Logs: JSON lines of events with ids and lengths, never the text of a message."""

from __future__ import annotations

import contextlib
import logging
import sys
from typing import TYPE_CHECKING, TextIO

import structlog
from structlog.tracebacks import ExceptionDictTransformer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from structlog.typing import EventDict

LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


def _without_retries(logger: object, method: str, event: EventDict) -> EventDict:
    """Leave out what stamina logs before it tries again: what fails in the end says so itself."""
    del logger, method
    if event["event"] == "stamina.retry_scheduled":
        raise structlog.DropEvent
    return event


def set_up(level: str, stream: TextIO | None = None) -> None:
    """Send log events of this level and above to a stream; None is standard error.

    Args:
        level: `debug`, `info`, `warning` or `error`.
        stream: Open for text.
    """
    structlog.configure(
        processors=[
            *([] if level in {"debug", "info"} else [_without_retries]),
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            # Local variables of a traceback hold what people wrote.
            structlog.processors.ExceptionRenderer(ExceptionDictTransformer(show_locals=False)),
            structlog.processors.JSONRenderer(ensure_ascii=True),  # control characters cannot reach a terminal
        ],
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[level]),
        logger_factory=structlog.WriteLoggerFactory(stream or sys.stderr),
        cache_logger_on_first_use=False,
    )


@contextlib.contextmanager
def written_to(path: Path, level: str) -> Iterator[None]:
    """Append log events to a file for a while: a conversation in a terminal is not cut by log lines."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8", buffering=1) as file:
        set_up(level, file)
        try:
            yield
        finally:
            set_up(level)
