"""A folder with PDF, Office, HTML and Markdown files -> documents. What did not change is not converted again."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from indexing.model import Skipped
from indexing.sources import Checkpoint, Present, items_of
from indexing.sources.converting import FORMATS, MAX_FILE, Converter
from indexing.sources.markdown_file import MARKDOWN, read_markdown
from indexing.sources.zip_guard import Unreadable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from indexing.sources import Change, Item
    from indexing.sources.markdown_tree import MarkdownTree

_READER = "files 1"
_CHECKPOINT_AFTER = 50  # files read


@dataclass(frozen=True, slots=True)
class ConvertedFiles:
    """The files of some formats below a folder, in the order of their paths.

    Attributes:
        tree: The folder, its name and what of it is read.
        formats: `markdown`, `pdf`, `office`, `html`.
        convert: Reads a file that is not trusted; made anew for each reading when it is None.
    """

    tree: MarkdownTree
    formats: tuple[str, ...]
    convert: Converter | None = None

    @property
    def name(self) -> str:
        """Name that stands in `Document.source`."""
        return self.tree.name

    @property
    def reader(self) -> str:
        """What a stored document depends on beside the files."""
        tree = self.tree
        chosen = (tree.root.resolve().as_posix(), tree.base_url, tree.filter.paths, tree.filter.exclude)
        return f"{_READER}; {'; '.join(map(str, chosen))}; {','.join(sorted(self.formats))}"

    def items(self) -> Iterator[Item]:
        """Yield each document, and each file left out with the reason.

        Raises:
            BuildRefused: There is no such folder.
        """
        yield from items_of(self.changes(None, sweep=True))

    def changes(self, cursor: Mapping[str, object] | None, *, sweep: bool) -> Iterator[Change]:
        """Yield files that are new or changed, then the complete list.

        Args:
            cursor: Of the last checkpoint, or None.
            sweep: Compare the content of every file; else one with the same size and time of change is not read.

        Raises:
            BuildRefused: There is no such folder.
        """
        known = (cursor or {}).get("files")
        state: dict[str, list[object]] = dict(known) if isinstance(known, dict) else {}
        yield from self._read(state, lambda _: True, is_sweep=sweep)

    def again(self, documents: frozenset[str]) -> Iterator[Change]:
        """Read these files again.

        Raises:
            BuildRefused: There is no such folder.
        """
        yield from items_of(self._read({}, documents.__contains__, is_sweep=True))

    def _read(
        self, state: dict[str, list[object]], wanted: Callable[[str], bool], *, is_sweep: bool
    ) -> Iterator[Change]:
        suffixes = frozenset[str]().union(*(FORMATS.get(form, MARKDOWN) for form in self.formats))
        paths = {self.tree.document(path): path for path in self.tree.paths(suffixes)}
        convert = self.convert or Converter()
        try:
            read = 0
            for document, path in paths.items():
                if (
                    wanted(document)
                    and (item := self._item(document, path, state, convert, is_sweep=is_sweep)) is not None
                ):
                    yield item
                    read += 1
                    if read % _CHECKPOINT_AFTER == 0:
                        yield Checkpoint({"files": dict(state)})
        finally:
            if self.convert is None:
                convert.close()
        for gone in state.keys() - paths.keys():
            del state[gone]
        yield Present(f"{self.name}/", frozenset(paths))
        yield Checkpoint({"files": dict(state)})

    def _item(
        self, document: str, path: Path, state: dict[str, list[object]], convert: Converter, *, is_sweep: bool
    ) -> Item | None:
        """Return the document or why it is left out; None when the file is as it was."""
        stamp = self._stamp(path)
        known = state.get(document, [])
        if known[:2] == stamp and not is_sweep:
            return None
        content = self.tree.read(path, self.tree.max_bytes if path.suffix.lower() in MARKDOWN else MAX_FILE)
        if isinstance(content, Skipped):
            state.pop(document, None)
            return content
        digest = hashlib.sha256(content).hexdigest()
        is_same = known[2:] == [digest]
        state[document] = [*stamp, digest]
        return None if is_same else self._converted(document, path, content, convert)

    def _stamp(self, path: Path) -> list[object]:
        try:
            found = (self.tree.root / path).lstat()
        except OSError:
            return [-1, -1]
        return [found.st_size, found.st_mtime_ns]

    def _converted(self, document: str, path: Path, content: bytes, convert: Converter) -> Item:
        suffix = path.suffix.lower()
        if suffix in MARKDOWN:
            return read_markdown(content, self.tree.origin(path))
        try:
            converted = convert(content, suffix)
        except Unreadable as error:
            return Skipped(document, str(error))
        return read_markdown(converted.markdown.encode("utf-8", "replace"), self.tree.origin(path, converted.title))
