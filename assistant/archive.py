"""The file a backup is: one tar of plain files, with a manifest of their checksums in front.

MANIFEST.json   format, time, versions, and size and SHA-256 of every file
state.db  console.db  secret.key  first-use-told  calibration.json
index/CURRENT  index/WITHDRAWN.json  index/PAUSED  index/sources.sqlite  index/versions/v0003/...
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import tarfile
from dataclasses import asdict, dataclass
from typing import IO, TYPE_CHECKING

from assistant.errors import Rejected
from indexing.durable import FileFacts, file_facts, sync_directory

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

FORMAT = 1
MANIFEST = "MANIFEST.json"
_MANIFEST_MAX = 16_000_000
_NAMES = re.compile(
    r"state\.db|console\.db|secret\.key|first-use-told|calibration\.json"
    r"|index/(?:CURRENT|WITHDRAWN\.json|PAUSED|sources\.sqlite)"
    r"|index/versions/v[0-9]{4,9}/[A-Za-z0-9][A-Za-z0-9._-]{0,99}"
)
"""All that may stand in a backup: nothing else is ever made into a path."""
_PIECE = 1 << 20


@dataclass(frozen=True, slots=True)
class Contents:
    """What a backup holds.

    Attributes:
        made_at: ISO 8601 in UTC.
        program: Version of the program that wrote it.
        schema: Of the state database.
        index_version: The live one; empty when there is none.
        files: Name in the archive -> facts.
    """

    made_at: str
    program: str
    schema: str
    index_version: str
    files: Mapping[str, FileFacts]


def names_in(folder: Path) -> list[str]:
    """Return the names of all files below the folder, as the archive calls them."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def write_archive(target: Path, folder: Path, contents: Contents) -> None:
    """Write the archive whole or not at all, readable by its owner alone; an earlier one is replaced.

    Args:
        target: The file.
        folder: Holds the files of `contents` under their names.
        contents: What the manifest says.

    Raises:
        OSError: The disk is full or cannot be written; nothing is left behind.
    """
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        with os.fdopen(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
            with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as archive:
                manifest = json.dumps({"format": FORMAT, **asdict(contents)}, indent=1).encode()
                archive.addfile(_member(MANIFEST, len(manifest)), io.BytesIO(manifest))
                for name, facts in contents.files.items():
                    with (folder / name).open("rb") as content:
                        archive.addfile(_member(name, facts.size), content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(target)
        sync_directory(target.parent)
    finally:
        temporary.unlink(missing_ok=True)


def _member(name: str, size: int) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.size, member.mode = size, 0o600
    return member


def facts_of(folder: Path) -> dict[str, FileFacts]:
    """Return size and checksum of every file below the folder."""
    return {name: file_facts(folder / name) for name in names_in(folder)}


def unpack(source: Path, folder: Path) -> Contents:
    """Unpack an archive into the folder, and compare every file with the manifest.

    Only plain files with names that a backup may have are written; a link, a device, a path that leads elsewhere, a
    file twice, one too many or too few end it.

    Args:
        source: The file.
        folder: An empty folder of the caller's own.

    Raises:
        Rejected: It is no backup, of another format, or damaged; what was unpacked is of no use.
        OSError: It cannot be read, or the disk is full.
    """
    try:
        with source.open("rb") as file, tarfile.open(fileobj=file, mode="r:") as archive:
            return _unpacked(archive, folder)
    except (tarfile.TarError, EOFError, ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
        raise Rejected(f"{source} is no backup of this assistant, or is damaged ({error})") from None


def _unpacked(archive: tarfile.TarFile, folder: Path) -> Contents:
    contents = _manifest(archive)
    left = dict(contents.files)
    while (member := archive.next()) is not None:
        facts = left.pop(member.name, None)
        if facts is None or member.type != tarfile.REGTYPE or member.sparse is not None or member.size != facts.size:
            raise ValueError("it holds something that its manifest does not name so")
        target = folder / member.name
        for parent in reversed(target.relative_to(folder).parents):
            (folder / parent).mkdir(mode=0o700, exist_ok=True)
        content = archive.extractfile(member)
        if content is None or _written(content, target) != facts.sha256:
            raise ValueError(f"{member.name} is not what was backed up")
    if left:
        raise ValueError(f"{min(left)} is missing")
    return contents


def _manifest(archive: tarfile.TarFile) -> Contents:
    member = archive.next()
    if member is None or member.name != MANIFEST or member.type != tarfile.REGTYPE or member.size > _MANIFEST_MAX:
        raise ValueError("it does not begin with a manifest")
    stream = archive.extractfile(member)
    found = json.loads(stream.read() if stream is not None else b"")
    if found.pop("format") != FORMAT:
        raise ValueError("it is of another format: restore it with the release that wrote it")
    files = {name: FileFacts(**facts) for name, facts in found.pop("files").items()}
    if not all(_NAMES.fullmatch(name) for name in files):
        raise ValueError("its manifest names a file that no backup holds")
    contents = Contents(files=files, **found)
    if not all(isinstance(told, str) for told in (contents.made_at, contents.program, contents.schema)):
        raise ValueError("its manifest is malformed")
    return contents


def _written(content: IO[bytes], target: Path) -> str:
    """Write the file, bring it to the disk, and return its SHA-256."""
    digest = hashlib.sha256()
    with os.fdopen(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
        while piece := content.read(_PIECE):
            digest.update(piece)
            file.write(piece)
        file.flush()
        os.fsync(file.fileno())
    return digest.hexdigest()
