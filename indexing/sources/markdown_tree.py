"""A folder of Markdown files -> documents.

It is read whole each time: a thousand files take two seconds, most of it for taking away what a reader does not see.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from indexing.errors import BuildRefused
from indexing.model import Skipped
from indexing.sources.markdown_file import MARKDOWN, MAX_BYTES, Origin, is_wanted, read_markdown, too_large, web_address
from indexing.sources.path_filter import PathFilter

if TYPE_CHECKING:
    from collections.abc import Iterator

    from indexing.sources import Item


@dataclass(frozen=True, slots=True)
class MarkdownTree:
    """The Markdown files below a folder, in the order of their paths. Links are not followed.

    Attributes:
        root: The folder.
        name: Stands in front of the path in `Document.id`.
        base_url: Web address of the folder; without it a document's address is its `file:` URI.
        max_bytes: Size up to which a file is read.
        filter: Which files are read.
    """

    root: Path
    name: str = "docs"
    base_url: str = ""
    max_bytes: int = MAX_BYTES
    filter: PathFilter = field(default_factory=PathFilter)

    def items(self) -> Iterator[Item]:
        """Yield each document, and each file left out with the reason.

        Raises:
            BuildRefused: There is no such folder.
        """
        for below in self.paths(MARKDOWN):
            content = self.read(below, self.max_bytes)
            yield content if isinstance(content, Skipped) else read_markdown(content, self.origin(below))

    def paths(self, suffixes: frozenset[str]) -> list[Path]:
        """Return the files and links that are named like this and that the filter takes, below the root, in order.

        Raises:
            BuildRefused: There is no such folder.
        """
        root = self.root.resolve()
        if not root.is_dir():
            raise BuildRefused(f"{self.root} is no folder: check the path of the source {self.name!r}")
        found = (
            Path(folder, name).relative_to(root)
            for folder, _, names in os.walk(root, followlinks=False)
            for name in names
        )
        taken = (path for path in found if is_wanted(path.as_posix(), suffixes) and self.filter.takes(path.as_posix()))
        return sorted(taken, key=lambda path: path.parts)

    def read(self, below: Path, max_bytes: int) -> bytes | Skipped:
        """Return what a file holds, or why it is left out."""
        root = self.root.resolve()
        path, document = root / below, self.document(below)
        if path.is_symlink():
            return Skipped(document, "a symbolic link: links are not followed")
        try:
            if not path.resolve().is_relative_to(root):
                return Skipped(document, "outside of the folder")
            if not path.is_file():
                return Skipped(document, "no regular file")
            if (size := path.stat().st_size) > max_bytes:
                return too_large(document, size, max_bytes)
            return path.read_bytes()
        except OSError as error:
            return Skipped(document, f"cannot be read: {error.strerror or type(error).__name__}")

    def document(self, below: Path) -> str:
        """Return the `Document.id` of a file."""
        return f"{self.name}/{_shown(below)}"

    def origin(self, below: Path, title: str = "") -> Origin:
        """Return where a file comes from; the title stands in for one that it does not have."""
        shown = _shown(below)
        url = web_address(self.base_url, shown) if self.base_url else (self.root.resolve() / below).as_uri()
        return Origin(self.name, shown, url, title)


def _shown(below: Path) -> str:
    return below.as_posix().encode("utf-8", "replace").decode()  # a name that is no UTF-8 must still be stored
