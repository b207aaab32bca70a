"""Where a home lies, its clock, its key and its state. A part of `assistant.wiring`."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from assistant.errors import NotConfigured

if TYPE_CHECKING:
    from pathlib import Path

    from assistant.settings import Settings
    from assistant.store import Store
KEY_BYTES = 32


def utc_now() -> datetime:
    """Return the time in UTC."""
    return datetime.now(UTC)


def home(settings: Settings) -> Path:
    """Return the home, made when absent and closed to other users."""
    path = settings.home.resolve()
    try:
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise NotConfigured(f"ASSISTANT_HOME={settings.home} cannot be made: {error.strerror}") from error
    return path


def index_root(settings: Settings) -> Path:
    """Return the folder of the index versions."""
    return home(settings) / "index"


def secret_key(settings: Settings) -> bytes:
    """Return the key of this home's issue markers; made once, readable by the owner alone."""
    path = home(settings) / "secret.key"
    if not path.exists():
        # Written whole beside it and linked: a crash in between leaves no half key, and the first of two starts wins.
        made = path.with_name(f"secret.key.{os.getpid()}")
        with os.fdopen(os.open(made, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600), "wb") as file:
            file.write(secrets.token_bytes(KEY_BYTES))
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            path.hardlink_to(made)
        made.unlink()
    key = path.read_bytes()
    if len(key) != KEY_BYTES:
        raise NotConfigured(f"{path} is damaged: restore it from a backup; issues are found again by it")
    return key


def store(settings: Settings) -> Store:
    """Return the state of this home.

    Raises:
        NotConfigured: The database's URL is wrong or its file is damaged.
    """
    from assistant.store import Store, open_database  # noqa: PLC0415 - loads SQLAlchemy

    home(settings)
    return Store(open_database(settings.database()), utc_now)
