"""Restore of a home from a backup.

Everything is unpacked and verified beside the home before the home is touched; the old home is kept aside. Every row in
flight is in doubt: nothing is sent again before it was looked up at the other side.
"""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from contextlib import ExitStack, closing
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from assistant.archive import Contents, unpack
from assistant.backup import (
    KEY,
    SOURCES,
    STATE,
    TRANSCRIPT,
    Place,
    alone,
    check_database,
    clear_leftovers,
    copy_database,
)
from assistant.errors import NotConfigured, Rejected
from assistant.store import open_database
from assistant.store.database import SCHEMA
from assistant.store.restoring import doubt_everything_in_flight
from indexing.durable import sync_directory
from indexing.errors import IndexingError
from indexing.versions import Versions
from indexing.withdrawn import Withdrawn

if TYPE_CHECKING:
    from datetime import datetime

LOCKS = ("worker.lock", "index/build.lock")
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Restored:
    """A home that was restored.

    Attributes:
        in_doubt: Rows that were in flight, and will be looked up before anything is sent.
        kept: Where the home that stood there lies now, or None.
    """

    contents: Contents
    in_doubt: int
    kept: Path | None


def restore(source: Path, place: Place, *, force: bool = False, wait_s: float = 75.0) -> Restored:
    """Put a backup in the place of a home that no assistant runs on.

    Args:
        source: The backup.
        place: Where it goes. The folder that the home stands in must be writable.
        force: There is a home already; it is kept aside.
        wait_s: How long the other side may go on with a request that was sent just before.

    Raises:
        Rejected: The file is no backup or damaged, or there is a home already.
        TemporarilyUnavailable: An assistant runs on the home.
        NotConfigured: A newer release wrote the backup, or the home is no place for it.
        OSError: The disk is full or cannot be written; the home is as it was.
    """
    home, now = place.home, place.now()
    if place.state != home / STATE:
        raise NotConfigured("ASSISTANT_DATABASE_URL names a database outside of the home: unset it for the restore")
    if home.is_mount():
        raise NotConfigured(f"{home} is a mount point and cannot be replaced: set ASSISTANT_HOME to a folder in it")
    if _holds_something(home) and not force:
        raise Rejected(f"{home} is a home already: give --force, and it is kept aside")
    home.parent.mkdir(parents=True, exist_ok=True)
    with ExitStack() as held:
        for name in LOCKS:
            if (home / name).parent.is_dir():
                held.enter_context(alone(home / name, f"an assistant or a build runs on {home}: stop it first"))
        clear_leftovers(home.parent, f".{home.name}.restore-*")
        staged = Path(tempfile.mkdtemp(prefix=f".{home.name}.restore-", dir=home.parent))
        try:
            contents = unpack(source, staged)
            _verify(staged, contents, source)
            in_doubt = _settle(staged, now, wait_s)
            _carry_over(home, staged)
            kept = _swap(home, staged, now)
        finally:
            shutil.rmtree(staged, ignore_errors=True)
    log.info("backup.restored", made_at=contents.made_at, in_doubt=in_doubt)
    return Restored(contents, in_doubt, kept)


def _verify(staged: Path, contents: Contents, source: Path) -> None:
    """Look at everything that was unpacked as its users will."""
    if not (staged / STATE).is_file():
        raise Rejected(f"{source} holds no state")
    for name in (STATE, TRANSCRIPT, SOURCES):
        if (staged / name).is_file():
            check_database(staged / name, f"{name} in {source}")
    if contents.schema > SCHEMA:
        raise NotConfigured("the backup was written by a newer release; install that release")
    try:
        versions = Versions(staged / "index")
        if versions.live() is not None or contents.index_version:
            versions.verify(versions.live() or contents.index_version)
        Withdrawn(staged / "index").read()
    except IndexingError as error:
        raise Rejected(f"the index in {source} is damaged ({error})") from None


def _settle(staged: Path, now: datetime, wait_s: float) -> int:
    """Bring the state forward to this release, and put every row in flight in doubt; return how many."""
    engine = open_database(f"sqlite:///{staged / STATE}")
    try:
        in_doubt = doubt_everything_in_flight(engine, now, timedelta(seconds=wait_s))
    finally:
        engine.dispose()
    with closing(sqlite3.connect(staged / STATE)) as opened:
        opened.execute("PRAGMA wal_checkpoint(TRUNCATE)").close()
    return in_doubt


def _carry_over(home: Path, staged: Path) -> None:
    """Take along from the old home what must not go back in time.

    What was withdrawn since the backup stays withdrawn, and what terminals have shown they have shown: the transcript
    is the other side, and is looked at before anything is shown again.
    """
    old = Withdrawn(home / "index").everything()
    if old:
        Withdrawn(staged / "index").add(old)
    try:
        if (home / TRANSCRIPT).is_file():
            fresh = staged / f"{TRANSCRIPT}.now"
            copy_database(home / TRANSCRIPT, fresh)
            fresh.replace(staged / TRANSCRIPT)
    except (NotConfigured, Rejected) as error:
        log.warning("backup.transcript_lost", error=str(error))


def _swap(home: Path, staged: Path, now: datetime) -> Path | None:
    """Move the old home aside and the new one into its place."""
    for folder in (staged, *(path for path in staged.rglob("*") if path.is_dir())):
        sync_directory(folder)
    kept = None
    if home.exists():
        kept = home.with_name(f"{home.name}.before-restore-{now:%Y%m%d-%H%M%S}")
        home.rename(kept)
    try:
        staged.rename(home)
    except OSError:
        if kept is not None:
            kept.rename(home)
        raise
    sync_directory(home.parent)
    return kept


def _holds_something(home: Path) -> bool:
    return any((home / name).exists() for name in (STATE, TRANSCRIPT, KEY, "index/CURRENT"))
