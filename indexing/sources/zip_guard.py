"""Checks a ZIP container (Office file) before a library reads it. Pure."""

from __future__ import annotations

import io
import zipfile

MAX_ENTRIES = 2_000
MAX_BYTES = 50_000_000
"""Of all entries together, unpacked."""
MAX_RATIO = 200
"""Of unpacked to packed bytes; text packs to a twentieth."""

_SMALL = 1_000_000  # bytes up to which a high ratio is harmless
_PIECE = 65_536
_OLD_OFFICE = bytes.fromhex("d0cf11e0a1b11ae1")  # also the container of encrypted files
_IS_ENCRYPTED = 1  # bit of an entry's flags
_DECLARATIONS = tuple(
    word.encode(encoding) for word in ("<!DOCTYPE", "<!ENTITY") for encoding in ("utf-8", "utf-16-le", "utf-16-be")
)
_LONGEST_DECLARATION = max(map(len, _DECLARATIONS))


class Unreadable(Exception):
    """The file is left out; the message says why in words an admin can act on."""


def check_zip(content: bytes) -> None:
    """Unpack every entry once, counting what really comes out: headers may lie.

    Raises:
        Unreadable: It is no ZIP file, encrypted, a bomb, or declares entities.
    """
    if content.startswith(_OLD_OFFICE):
        raise Unreadable(
            "is encrypted, or of an old Office format: save it without a password as .docx, .pptx or .xlsx"
        )
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as container:
            _check_entries(container)
    except (zipfile.BadZipFile, EOFError, NotImplementedError, ValueError, OSError) as error:
        raise Unreadable("is damaged: it is no whole Office file") from error
    except zipfile.zlib.error as error:  # type: ignore[attr-defined]
        raise Unreadable("is damaged: it is no whole Office file") from error


def _check_entries(container: zipfile.ZipFile) -> None:
    entries = container.infolist()
    if len(entries) > MAX_ENTRIES:
        raise Unreadable(f"holds {len(entries):,} entries, {MAX_ENTRIES:,} allowed: it may be a zip bomb")
    total = 0
    for entry in entries:
        if entry.flag_bits & _IS_ENCRYPTED:
            raise Unreadable("is encrypted: save it without a password")
        if entry.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
            raise Unreadable("is packed in a way that Office does not use")
        total += _unpacked(container, entry, MAX_BYTES - total)


def _unpacked(container: zipfile.ZipFile, entry: zipfile.ZipInfo, left: int) -> int:
    """Return how many bytes an entry holds, after looking at all of them."""
    size, before = 0, b""
    is_xml = entry.filename.lower().endswith((".xml", ".rels", ".vml"))
    with container.open(entry) as stream:
        while piece := stream.read(_PIECE):
            size += len(piece)
            if size > left:
                raise Unreadable(f"unpacks to more than {MAX_BYTES // 1_000_000} MB: it may be a zip bomb")
            if size > _SMALL and size > MAX_RATIO * max(entry.compress_size, 1):
                raise Unreadable(f"unpacks to more than {MAX_RATIO} times its size: it may be a zip bomb")
            if is_xml:
                window = before + piece
                if any(word in window for word in _DECLARATIONS):
                    raise Unreadable("declares XML entities, which no Office program writes")
                before = window[-_LONGEST_DECLARATION:]
    return size
