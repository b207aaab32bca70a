"""One Markdown file -> a document, or the reason why not. Shared by the sources that read files. Pure."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING
from urllib.parse import quote

from indexing.markdown import normalise
from indexing.model import Document, Skipped

if TYPE_CHECKING:
    from indexing.sources import Item

MAX_BYTES = 5_000_000
"""Size up to which a file is read; longer ones are not written by hand."""

MARKDOWN = frozenset({".md", ".markdown", ".mdx"})
"""Suffixes of Markdown files."""

_MAX_LINES = 200_000
_SKIPPED_FOLDERS = frozenset({"node_modules", "__pycache__", "venv", "vendor"})
_LONGEST_TITLE = 250  # characters
_MARKS = (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_MARKED = ("utf-32", "utf-32", "utf-16", "utf-16")
_BINARY = re.compile("[\0-\b\x0e-\x1a\x1c-\x1f]")  # a tab, a line end and an escape sequence may stand in text


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a file comes from.

    Attributes:
        source: Name of the source.
        path: POSIX path below its root.
        url: Address a reader can open.
        title: Stands in for one that the text does not have; empty for one made of the path.
    """

    source: str
    path: str
    url: str
    title: str = ""

    @property
    def document(self) -> str:
        """`Document.id`."""
        return f"{self.source}/{self.path}"


def is_wanted(path: str, suffixes: frozenset[str] = MARKDOWN) -> bool:
    """Return whether a path below the root is of these kinds, outside of hidden and dependency folders."""
    *folders, name = PurePosixPath(path).parts
    if name.startswith((".", "~$")) or PurePosixPath(name).suffix.lower() not in suffixes:
        return False
    return not any(folder.startswith(".") or folder in _SKIPPED_FOLDERS for folder in folders)


def web_address(base_url: str, path: str) -> str:
    """Return the address of a file below a web address, with every odd character of its path escaped."""
    return f"{base_url.rstrip('/')}/{quote(path)}"


def too_large(document: str, size: int, limit: int) -> Skipped:
    """Return why a file of `size` bytes is left out."""
    return Skipped(document, f"larger than the limit ({size:,} bytes, {limit:,} allowed): split the file")


def read_markdown(content: bytes, origin: Origin) -> Item:
    """Return the document that a Markdown file holds, or why it is left out."""
    text = _decoded(content)
    if text is None:
        return Skipped(origin.document, "neither UTF-8 nor UTF-16 with a byte order mark: save the file as UTF-8")
    if _BINARY.search(text):
        return Skipped(origin.document, "holds binary data: it is no Markdown file")
    if text.count("\n") > _MAX_LINES:
        return Skipped(origin.document, f"has more than {_MAX_LINES:,} lines: split the file")
    seen = normalise(text, components=origin.path.lower().endswith(".mdx"))
    if not seen.text.strip():
        return Skipped(origin.document, "holds no text that a reader would see")
    title = " ".join((seen.title or origin.title or _readable(origin.path)).split())[:_LONGEST_TITLE]
    return Document(origin.document, "page", title, origin.url, seen.text, origin.source)


def _decoded(content: bytes) -> str | None:
    for mark, name in zip(_MARKS, _MARKED, strict=True):
        if content.startswith(mark):
            try:
                return content.decode(name)
            except UnicodeDecodeError:
                continue
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return None


def _readable(path: str) -> str:
    """Return a title made of the file's name, or its folder's when the name says nothing (`index.md`)."""
    file = PurePosixPath(path)
    name = file.stem
    if name.lower() in {"index", "_index", "readme"} and file.parent.name:
        name = file.parent.name
    words = " ".join(re.sub(r"[-_.\s]+", " ", name).split())
    return (words[:1].upper() + words[1:]) or "Untitled"
