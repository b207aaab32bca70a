"""Index versions on disk: immutable directories, one of them live, swapped so that a crash leaves exactly one whole.

ROOT/versions/v0001/   catalog.sqlite  vectors-0.faiss ...  MANIFEST.json (SHA-256 and size of each file)
ROOT/versions/v0002.tmp/                    being written, or left by a crash; never read
ROOT/CURRENT           {"live": "v0001", "previous": []}
ROOT/PAUSED            promotion is paused by a rollback until `resume`
ROOT/WITHDRAWN.json    documents that no version may show any more
ROOT/reports/v0001.json   what was found when the version was checked before its promotion
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from filelock import FileLock

from indexing.durable import known_file_facts, sync_directory, sync_tree, write_atomically
from indexing.errors import BuildRefused, DamagedIndex, IndexingError, NoIndex
from indexing.index_version import IndexVersion, VersionState, open_text, open_version
from indexing.manifest import Manifest, check_files, check_presence, read_manifest, write_manifest
from indexing.pointer import NAME, Pointer, read_pointer, write_pointer
from indexing.reports import read_report, report_path, write_report
from indexing.withdrawn import Withdrawn

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Step", "VersionState", "Versions", "utc_now"]

Step = Callable[[str], None]
"""Called after each step that reaches the disk; tests kill the process there."""


def utc_now() -> datetime:
    """Return the time in UTC."""
    return datetime.now(tz=UTC)


class Versions:
    """All versions below one index root.

    Args:
        root: The index root; need not exist yet.
        now: Clock in UTC, for `created_at`.
        on_step: See `Step`.
    """

    def __init__(self, root: Path, now: Callable[[], datetime] = utc_now, on_step: Step = lambda _: None) -> None:
        self._root = root
        self._directory = root / "versions"
        self._now = now
        self._on_step = on_step

    # -- reading

    def names(self) -> tuple[str, ...]:
        """Return the names of all finished versions, oldest first."""
        if not self._directory.is_dir():
            return ()
        found = [path.name for path in self._directory.iterdir() if path.is_dir() and NAME.fullmatch(path.name)]
        return tuple(sorted(found, key=_number))

    def list(self) -> Sequence[VersionState]:
        """Return all finished versions, oldest first. Reads manifests, verifies no checksum."""
        live = self.live()
        states = []
        for name in self.names():
            try:
                states.append(VersionState(name, name == live, read_manifest(self._directory / name)))
            except DamagedIndex as error:
                states.append(VersionState(name, name == live, None, str(error)))
        return states

    def live(self) -> str | None:
        """Return the name that CURRENT holds, or None when there is none or it cannot be read."""
        with contextlib.suppress(DamagedIndex):
            pointer = self._pointer()
            return pointer.live if pointer else None
        return None

    def open(self, name: str) -> IndexVersion:
        """Return a version after verifying its checksums, once per process while its files stay as they are.

        Raises:
            NoIndex: There is no such version.
            DamagedIndex: A file is missing, changed or foreign.
        """
        return replace(open_version(self._existing(name)), withdrawn=Withdrawn(self._root).hidden_in(name))

    def open_live(self) -> IndexVersion:
        """Return the live version; when it is damaged, the newest older whole one, with the damage told.

        When vectors of all are damaged (versions share files): the newest whole catalog, for full text search alone.

        Raises:
            NoIndex: Nothing was built yet.
            DamagedIndex: No version is whole, and no catalog.
        """
        candidates, damage = self._candidates()
        hidden_in = Withdrawn(self._root).hidden_in
        for open_one in (open_version, open_text):
            for name in candidates:
                try:
                    return replace(open_one(self._existing(name)), damage=damage, withdrawn=hidden_in(name))
                except IndexingError as error:
                    damage = tuple(dict.fromkeys([*damage, str(error)]))
        if damage:
            raise DamagedIndex(f"no whole index version is left, build again: {'; '.join(damage)}")
        raise NoIndex("there is no index yet: run `assistant index build --docs DIR`")

    def verify(self, name: str) -> None:
        """Read every file of the version anew.

        Raises:
            NoIndex: There is no such version.
            DamagedIndex: A file is missing, changed or foreign.
        """
        path = self._existing(name)
        check_files(path, read_manifest(path))

    def aside(self) -> tuple[str, ...]:
        """Return the names of versions that are neither live nor what a rollback goes back to, oldest first."""
        pointer = None
        with contextlib.suppress(DamagedIndex):
            pointer = self._pointer()
        served = {pointer.live, *pointer.previous} if pointer else set()
        return tuple(name for name in self.names() if name not in served)

    def read_report(self, name: str) -> Mapping[str, object] | None:
        """Return the report that was kept for the version, or None when there is none."""
        return read_report(report_path(self._root, name))

    def paused(self) -> bool:
        """Return whether a rollback has paused promotion."""
        return (self._root / "PAUSED").exists()

    # -- writing

    def publish(self, write: Callable[[Path], None], manifest: Callable[[str, str], Manifest]) -> str:
        """Write a new version and return its name. It is whole or not there; it is not live yet.

        Args:
            write: Writes catalog and vectors into the directory it is given.
            manifest: Makes the manifest from name and creation time, after `write`; the facts of files that it does not
                know are filled in here.

        Raises:
            BuildRefused: The disk is full or cannot be written.
        """
        try:
            return self._publish(write, manifest)
        except OSError as error:
            raise BuildRefused(f"{self._directory} cannot be written ({error.strerror}): is the disk full?") from error

    def _publish(self, write: Callable[[Path], None], manifest: Callable[[str, str], Manifest]) -> str:
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._clear_leftovers()
        name = f"v{self._next_number():04d}"
        temporary = self._directory / f"{name}.tmp"
        temporary.mkdir(mode=0o700)
        self._on_step("directory made")
        write(temporary)
        self._on_step("files written")
        created_at = self._now().astimezone(UTC).isoformat(timespec="seconds")
        made = manifest(name, created_at)
        present = sorted(entry.name for entry in temporary.iterdir())
        files = {file: made.files.get(file) or known_file_facts(temporary / file) for file in present}
        write_manifest(temporary, replace(made, files=files))
        self._on_step("manifest written")
        sync_tree(temporary)
        self._on_step("files synced")
        temporary.rename(self._directory / name)
        self._on_step("version renamed")
        sync_directory(self._directory)
        self._on_step("version published")
        return name

    def promote(self, name: str, *, unless_paused: bool = False) -> bool:
        """Make a version the live one after reading every file of it anew.

        Args:
            name: Of the version.
            unless_paused: Do nothing while a rollback has paused promotion, also one of this very moment.

        Returns:
            Whether the version is live now.

        Raises:
            NoIndex: There is no such version.
            DamagedIndex: It is not whole.
        """
        self.verify(name)
        with self._changing():
            if unless_paused and self.paused():
                return False
            try:
                pointer = self._pointer()
            except DamagedIndex:
                pointer = None  # a damaged pointer is replaced by a good one
            if pointer is None:
                self._point(Pointer(name))
            elif pointer.live != name:
                earlier = [pointer.live, *pointer.previous]
                self._point(Pointer(name, tuple(entry for entry in earlier if entry != name)))
            return True

    def rollback(self) -> str:
        """Make the version that was live before the live one again, pause promotion, and return its name.

        Files are looked for and measured, not read, however large; damage inside of one shows when it is opened.

        Raises:
            NoIndex: There is no earlier whole version.
        """
        with self._changing():
            pointer = self._pointer()
            previous = pointer.previous if pointer else ()
            for position, name in enumerate(previous):
                try:
                    path = self._existing(name)
                    check_presence(path, read_manifest(path))
                except IndexingError:
                    continue  # pruned or damaged: the one before it
                write_atomically(self._root / "PAUSED", f"{pointer.live if pointer else ''}\n")
                self._on_step("paused")
                self._point(Pointer(name, previous[position + 1 :]))
                return name
        raise NoIndex("there is no earlier whole version to go back to: build a new one with `assistant index build`")

    def resume(self) -> bool:
        """Allow promotion again; return whether it was paused."""
        was_paused = self.paused()
        (self._root / "PAUSED").unlink(missing_ok=True)
        return was_paused

    def prune(self, keep: int = 3) -> tuple[str, ...]:
        """Delete all but the newest `keep`, the live one and the one a rollback goes to; return the deleted names."""
        with self._changing():
            pointer = self._pointer()
            needed = {pointer.live, *pointer.previous[:1]} if pointer else set()
            names = self.names()
            gone = tuple(name for name in names[: max(0, len(names) - keep)] if name not in needed)
            for name in gone:
                leftover = self._directory / f"{name}.tmp"  # a crash in the middle leaves no half version behind
                (self._directory / name).rename(leftover)
                shutil.rmtree(leftover)
                report_path(self._root, name).unlink(missing_ok=True)
            return gone

    def write_report(self, name: str, report: Mapping[str, object]) -> None:
        """Keep what was found when the version was checked; JSON values. It goes when the version is pruned."""
        write_report(report_path(self._root, name), report)

    def building(self) -> FileLock:
        """Return the lock that a build holds, with no waiting."""
        self._root.mkdir(mode=0o700, parents=True, exist_ok=True)
        return FileLock(self._root / "build.lock", timeout=0)

    # -- inside

    def _candidates(self) -> tuple[Sequence[str], tuple[str, ...]]:
        """Return names in the order of serving (live, earlier live, other older ones) and damage."""
        try:
            pointer = self._pointer()
        except DamagedIndex as error:
            return self.names()[::-1], (str(error),)
        if pointer is None:
            return (), ()
        older = [name for name in reversed(self.names()) if _number(name) < _number(pointer.live)]
        return tuple(dict.fromkeys([pointer.live, *pointer.previous, *older])), ()

    def _pointer(self) -> Pointer | None:
        return read_pointer(self._root / "CURRENT")

    def _point(self, pointer: Pointer) -> None:
        write_pointer(self._root / "CURRENT", pointer, self._on_step)

    @contextlib.contextmanager
    def _changing(self) -> Iterator[None]:
        """Hold the pointer for a moment, so that two commands do not swap it at once."""
        if not self._root.is_dir():
            raise NoIndex("there is no index yet: run `assistant index build --docs DIR`")
        with FileLock(self._root / "pointer.lock", timeout=30):
            yield

    def _existing(self, name: str) -> Path:
        path = self._directory / name
        if not NAME.fullmatch(name) or not path.is_dir():
            known = ", ".join(self.names()[-5:]) or "none yet"
            raise NoIndex(f"there is no index version {name[:40]!r} (there are: {known})")
        return path

    def _next_number(self) -> int:
        with contextlib.suppress(DamagedIndex):
            if pointer := self._pointer():
                return 1 + max(map(_number, [*self.names(), pointer.live, *pointer.previous]))
        return 1 + max(map(_number, self.names()), default=0)

    def _clear_leftovers(self) -> None:
        for path in self._directory.glob("v*.tmp"):
            shutil.rmtree(path)


def _number(name: str) -> int:
    return int(name[1:])
