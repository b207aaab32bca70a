"""A folder read as a Git repository: the ids are Git's own, so that only a changed file changes its id."""

from __future__ import annotations

import hashlib
import io
import os
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from assistant.sandbox.gitlab.store import Row

COMMIT_TIME = 1_700_000_000


@dataclass(frozen=True)
class Entry:
    """One file or folder.

    Attributes:
        path: Path in the repository, with `/`.
        kind: `blob` or `tree`.
        mode: Git's mode.
        sha: Git's object id, 40 hex digits.
    """

    path: str
    kind: str
    mode: str
    sha: str

    @property
    def name(self) -> str:
        """Last part of the path."""
        return self.path.rsplit("/", 1)[-1]


def _object_id(kind: str, content: bytes) -> str:
    return hashlib.sha1(f"{kind} {len(content)}\0".encode() + content, usedforsecurity=False).hexdigest()


@dataclass(frozen=True)
class Snapshot:
    """The folder as it is now.

    Attributes:
        folder: The folder; links in it are not followed.
        entries: All files and folders, depth first, folders before what is in them.
        tree: Id of the top tree.
    """

    folder: Path
    entries: tuple[Entry, ...]
    tree: str

    @property
    def commit(self) -> str:
        """Id that changes with any content."""
        return _object_id("commit", f"tree {self.tree}".encode())

    def find(self, path: str) -> Entry | None:
        """Return the entry at a path."""
        return next((entry for entry in self.entries if entry.path == path), None)

    def read(self, entry: Entry) -> bytes:
        """Return a file's content."""
        return (self.folder / entry.path).read_bytes()

    def below(self, path: str, *, recursive: bool) -> list[Entry]:
        """Return what lies in a folder; without `recursive` folders come first."""
        prefix = f"{path}/" if path else ""
        found = [entry for entry in self.entries if entry.path.startswith(prefix) and entry.path != path]
        if recursive:
            return found
        direct = [entry for entry in found if "/" not in entry.path[len(prefix) :]]
        return sorted(direct, key=lambda entry: (entry.kind != "tree", entry.path))


def _walk(folder: Path, prefix: str) -> tuple[str, list[Entry]]:
    lines: list[tuple[str, bytes]] = []
    entries: list[Entry] = []
    for item in sorted(os.scandir(folder), key=lambda item: item.name):
        path = f"{prefix}{item.name}"
        if item.name == ".git" or item.is_symlink():
            continue
        if item.is_dir():
            sha, inner = _walk(Path(item.path), f"{path}/")
            entry = Entry(path, "tree", "040000", sha)
            sort_key, mode = item.name + "/", "40000"
        else:
            mode = "100755" if os.access(item.path, os.X_OK) else "100644"
            entry, inner = Entry(path, "blob", mode, _object_id("blob", Path(item.path).read_bytes())), []
            sort_key = item.name
        entries += [entry, *inner]
        lines.append((sort_key, f"{mode} {item.name}\0".encode() + bytes.fromhex(entry.sha)))
    return _object_id("tree", b"".join(line for _, line in sorted(lines))), entries


def snapshot(project: Row) -> Snapshot | None:
    """Return the project's repository, or None when it has none."""
    if not project["repository"] or not Path(project["repository"]).is_dir():
        return None
    folder = Path(project["repository"])
    tree, entries = _walk(folder, "")
    return Snapshot(folder, tuple(entries), tree)


def _archived(snap: Snapshot, path: str, excluded: list[str]) -> Iterator[Entry]:
    for entry in snap.entries:
        inside = not path or entry.path == path or entry.path.startswith(f"{path}/")
        left_out = any(entry.path == bad or entry.path.startswith(f"{bad}/") for bad in excluded)
        if inside and not left_out:
            yield entry


def archive(snap: Snapshot, top: str, path: str, excluded: list[str]) -> bytes:
    """Return a tar.gz whose one top folder is `top`.

    Args:
        snap: The repository.
        top: Name of the top folder.
        path: Only what lies below; empty for all.
        excluded: Paths that are left out.
    """
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for entry in _archived(snap, path, excluded):
            info = tarfile.TarInfo(f"{top}/{entry.path}")
            info.mtime = COMMIT_TIME
            if entry.kind == "tree":
                info.type, info.mode = tarfile.DIRTYPE, 0o755
                tar.addfile(info)
            else:
                content = snap.read(entry)
                info.size, info.mode = len(content), int(entry.mode[-3:], 8)
                tar.addfile(info, io.BytesIO(content))
    return buffer.getvalue()
