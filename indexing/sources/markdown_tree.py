"""A folder of Markdown files -> documents."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from indexing.errors import BuildRefused
from indexing.model import Skipped
from indexing.sources.markdown_file import MAX_BYTES, Origin, is_wanted, read_markdown, too_large, web_address

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from indexing.sources import Item


@dataclass(frozen=True, slots=True)
class MarkdownTree:
    """The Markdown files below a folder, in the order of their paths. Links are not followed.

    Attributes:
        root: The folder.
        name: Stands in front of the path in `Document.id`.
        base_url: Web address of the folder; without it a document's address is its `file:` URI.
        max_bytes: Size up to which a file is read.
    """

    root: Path
    name: str = "docs"
    base_url: str = ""
    max_bytes: int = MAX_BYTES

    def items(self) -> Iterator[Item]:
        """Yield each document, and each file left out with the reason.

        Raises:
            BuildRefused: There is no such folder.
        """
        root = self.root.resolve()
        if not root.is_dir():
            raise BuildRefused(f"{self.root} is no folder: check the path of the source {self.name!r}")
        for path in sorted(_files(root), key=lambda file: file.relative_to(root).parts):
            yield self._item(path, root)

    def _item(self, path: Path, root: Path) -> Item:
        below = path.relative_to(root).as_posix()
        shown = below.encode("utf-8", "replace").decode()  # a name that is no UTF-8 must still be stored
        document = f"{self.name}/{shown}"
        if path.is_symlink():
            return Skipped(document, "a symbolic link: links are not followed")
        try:
            if not path.resolve().is_relative_to(root):
                return Skipped(document, "outside of the folder")
            if (size := path.stat().st_size) > self.max_bytes:
                return too_large(document, size, self.max_bytes)
            content = path.read_bytes()
        except OSError as error:
            return Skipped(document, f"cannot be read: {error.strerror or type(error).__name__}")
        url = web_address(self.base_url, shown) if self.base_url else path.as_uri()
        return read_markdown(content, Origin(self.name, shown, url))


def _files(root: Path) -> Iterator[Path]:
    """Yield files and links that are named like Markdown; no link to a folder is walked into."""
    for folder, _, names in os.walk(root, followlinks=False):
        for name in names:
            path = root.joinpath(folder, name)
            if is_wanted(path.relative_to(root).as_posix()):
                yield path
