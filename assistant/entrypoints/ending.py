"""How a command ends: one line on standard error, and an exit code that scripts can use."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, NoReturn

import click

if TYPE_CHECKING:
    from collections.abc import Iterator

DONE, ERROR, USAGE, NEGATIVE = 0, 1, 2, 3
"""Done; something failed or is down; wrong usage or settings; done with a negative finding (no answer, damaged)."""


def fail(message: str, code: int) -> NoReturn:
    """End with one line on standard error."""
    click.echo(f"Error: {message}", err=True)
    raise SystemExit(code)


@contextlib.contextmanager
def errors(interrupted: str = "stopped") -> Iterator[None]:
    """Turn every expected error into one line and its exit code; no traceback reaches a person.

    Args:
        interrupted: What is said after Ctrl-C.
    """
    from assistant.errors import AssistantError, NotConfigured, Rejected  # noqa: PLC0415 - keeps `--help` quick
    from indexing.errors import DamagedIndex, IndexingError  # noqa: PLC0415 - as above

    try:
        yield
    except (NotConfigured, Rejected) as error:
        fail(str(error), USAGE)
    except DamagedIndex as error:
        fail(str(error), NEGATIVE)
    except (AssistantError, IndexingError) as error:
        fail(str(error), ERROR)
    except OSError as error:
        fail(f"{error.strerror or error}: {error.filename or 'the disk'}", ERROR)
    except KeyboardInterrupt:
        fail(interrupted, ERROR)
