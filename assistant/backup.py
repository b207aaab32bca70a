"""Backup of a home: state, transcript, key, live index version and what its sources held, as one file.

It is taken while the assistant runs: databases are copied as they stand at one moment, a version never changes.
"""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import structlog
from filelock import FileLock, Timeout
from sqlalchemy.engine import make_url

from assistant import __version__
from assistant.archive import Contents, facts_of, write_archive
from assistant.calibrations import FILE as CALIBRATION
from assistant.errors import NotConfigured, Rejected, TemporarilyUnavailable
from indexing.durable import share_file
from indexing.errors import DamagedIndex
from indexing.manifest import MANIFEST, check_files, read_manifest
from indexing.pointer import Pointer, write_pointer
from indexing.versions import Versions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from assistant.ports import Now

STATE, TRANSCRIPT, KEY, TOLD = "state.db", "console.db", "secret.key", "first-use-told"
SOURCES = "index/sources.sqlite"
_BUSY_S = 30.0
_TRIES = 3

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Backup:
    """A backup that was written.

    Attributes:
        size: Bytes.
    """

    path: Path
    size: int
    contents: Contents


@dataclass(frozen=True, slots=True)
class Place:
    """What is backed up or restored.

    Attributes:
        home: The home.
        database_url: Of the state database.
        now: The clock.
    """

    home: Path
    database_url: str
    now: Now

    @property
    def state(self) -> Path:
        """The file of the state database.

        Raises:
            Rejected: The state does not lie in a file.
        """
        url = make_url(self.database_url)
        if url.get_backend_name() != "sqlite" or not url.database:
            raise Rejected(
                "the state lies in PostgreSQL: back it up with `pg_dump --format=custom`, restore it with "
                "`pg_restore`, and copy the home while the assistant is stopped"
            )
        return Path(url.database)

    def check(self) -> None:
        """Look whether there is a state.

        Raises:
            Rejected: There is none, or it does not lie in a file.
        """
        if not self.state.is_file():
            raise Rejected(f"there is nothing to back up: {self.state} does not exist")


def back_up(place: Place, target: Path, *, with_index: bool = True) -> Backup:
    """Write a backup of a home, also while an assistant runs on it.

    Args:
        place: What is backed up.
        target: The file; one that stands there is replaced.
        with_index: False leaves the index version out: it can be built again from its sources.

    Raises:
        Rejected: The state lies in PostgreSQL, there is no state, or the target cannot be.
        DamagedIndex: The live version is not whole.
        TemporarilyUnavailable: Another backup runs.
        OSError: The disk is full or cannot be written; nothing is left behind.
    """
    place.check()
    home, state = place.home, place.state
    if target.is_dir() or not target.parent.is_dir():
        raise Rejected(f"{target} cannot be written: give the name of a file in a folder that exists")
    with alone(home / "backup.lock", "another backup of this home runs"):
        clear_leftovers(home, "backup-*.tmp")
        staged = Path(tempfile.mkdtemp(prefix="backup-", suffix=".tmp", dir=home))
        try:
            version = _stage(home, state, staged, with_index=with_index)
            contents = Contents(
                place.now().isoformat(timespec="seconds"), __version__, _schema(staged), version, facts_of(staged)
            )
            write_archive(target, staged, contents)
        finally:
            shutil.rmtree(staged, ignore_errors=True)
    log.info("backup.written", files=len(contents.files), index_version=version)
    return Backup(target, target.stat().st_size, contents)


def _stage(home: Path, state: Path, staged: Path, *, with_index: bool) -> str:
    """Put copies of everything into the folder, and return the name of the live version."""
    copy_database(state, staged / STATE)
    for name in (TRANSCRIPT, SOURCES):
        if (home / name).is_file() and (with_index or name != SOURCES):
            copy_database(home / name, staged / name)
    for name in (KEY, TOLD, CALIBRATION, "index/WITHDRAWN.json"):
        if (home / name).is_file():
            (staged / name).parent.mkdir(mode=0o700, exist_ok=True)
            shutil.copyfile(home / name, staged / name)
    return _stage_version(home / "index", staged / "index") if with_index else ""


def _stage_version(root: Path, staged: Path) -> str:
    """Link the live version's files: a prune in between takes only names away."""
    for attempt in range(_TRIES):
        name = Versions(root).live()
        if name is None:
            return ""
        source, target = root / "versions" / name, staged / "versions" / name
        target.mkdir(mode=0o700, parents=True)
        try:
            manifest = read_manifest(source)
            for file in (*manifest.files, MANIFEST):
                share_file(source / file, target / file)
            check_files(target, manifest)
        except (OSError, DamagedIndex) as error:
            if isinstance(error, DamagedIndex) and Versions(root).live() == name:
                raise DamagedIndex(f"{error} (or back up with --no-index)") from error
            if attempt + 1 == _TRIES:
                raise
            shutil.rmtree(target)  # promoted and pruned away meanwhile: the version that is live now
            continue
        write_pointer(staged / "CURRENT", Pointer(name), lambda _: None)
        if Versions(root).paused():
            (staged / "PAUSED").write_text(f"{name}\n", "utf-8")
        return name
    raise TemporarilyUnavailable("index versions change too fast to be backed up: try again")


def copy_database(source: Path, target: Path) -> None:
    """Copy an SQLite database as it stands at one moment, its write-ahead log included, while others write to it."""
    target.parent.mkdir(mode=0o700, exist_ok=True)
    try:
        with closing(sqlite3.connect(source, timeout=_BUSY_S)) as read, closing(sqlite3.connect(target)) as written:
            target.chmod(0o600)
            read.backup(written)
            written.execute("PRAGMA journal_mode=DELETE").close()
    except sqlite3.OperationalError as error:
        raise TemporarilyUnavailable(f"{source} cannot be copied now ({error}): check the disk") from None
    except sqlite3.DatabaseError as error:
        raise NotConfigured(f"{source} cannot be backed up ({error}): restore the last backup") from None
    check_database(target, source)


def check_database(copy: Path, told: Path | str) -> None:
    """Read every page of an SQLite database.

    Raises:
        Rejected: It is damaged; the message calls it `told`.
    """
    try:
        with closing(sqlite3.connect(copy)) as opened:
            found = opened.execute("PRAGMA integrity_check(1)").fetchone()[0]
    except sqlite3.DatabaseError as error:
        found = str(error)
    if found != "ok":
        raise Rejected(f"{told} is damaged ({str(found).splitlines()[0]})")


def _schema(staged: Path) -> str:
    with closing(sqlite3.connect(staged / STATE)) as opened:
        row = opened.execute("SELECT version_num FROM alembic_version").fetchone()
    return str(row[0]) if row else ""


@contextmanager
def alone(path: Path, told: str) -> Iterator[None]:
    """Hold a lock file, without waiting for it.

    Raises:
        TemporarilyUnavailable: Another process holds it; `told` says who and what to do.
    """
    lock = FileLock(path, timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise TemporarilyUnavailable(told) from None
    try:
        yield
    finally:
        lock.release()


def clear_leftovers(folder: Path, pattern: str) -> None:
    """Delete what a backup or a restore that was killed left behind."""
    for path in folder.glob(pattern):
        shutil.rmtree(path, ignore_errors=True)
