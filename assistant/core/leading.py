"""Where a text leads: the documents of an index that its addresses and issue references mean. Pure."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterable

    from indexing.model import Document

_ADDRESS = re.compile(r"https?://[^\s<>()\[\]\"'`]+", re.IGNORECASE)
_REFERENCE = re.compile(r"(?<![\w&#/.-])((?:[\w.-]+/)+[\w.-]+)?#(\d{1,9})\b")
_ENDING = re.compile(r"(?:/(?:index|_index|readme))?(?:\.(?:md|html?|markdown))?/?$", re.IGNORECASE)
_POST: Final = re.compile(r"/\d+$")  # of a thread: the address goes on with the number of a post
_SEGMENTS = 2  # at the end of a path at least, by which a page without an address is known


class Places:
    """Knows the documents of an index by their addresses.

    A page whose source has no address on the web is known by the end of its path: no other page may end so, and what
    stands before the end, the name of the source apart, must be told by the address as well (`redash/setup` by
    `redash.example/help/setup`).

    Args:
        documents: All of the index.
    """

    def __init__(self, documents: Iterable[Document]) -> None:
        self._ids: set[str] = set()
        self._by_address: dict[str, str] = {}
        self._paths: dict[str, str] = {}
        by_end: dict[str, set[str]] = defaultdict(set)
        for document in documents:
            self._ids.add(document.id)
            if document.url.startswith(("http://", "https://")):
                self._by_address[_plain(document.url)] = document.id
            elif document.kind == "page":
                self._paths[document.id] = path = _ENDING.sub("", document.id).casefold()
                for end in _ends(path):
                    by_end[end].add(document.id)
        self._by_path = {address.partition("/")[2]: name for address, name in self._by_address.items()}
        self._by_end = {end: next(iter(found)) for end, found in by_end.items() if len(found) == 1}

    def led_to(self, text: str, origin: str) -> frozenset[str]:
        """Return the documents that a text leads to.

        Args:
            text: Of a person.
            origin: `Document.id` of the issue that it stands in; references without a project mean its project.
        """
        found = {self._of_address(match.group().rstrip(".,;:!?*_")) for match in _ADDRESS.finditer(text)}
        for match in _REFERENCE.finditer(_ADDRESS.sub(" ", text)):
            found.add(self._of_reference(match[1] or "", match[2], origin))
        return frozenset(found - {"", origin})

    def _of_reference(self, project: str, number: str, origin: str) -> str:
        project = project or origin.removeprefix("issue:").rpartition("#")[0]
        name = f"issue:{project}#{number}" if project else f"issue:{number}"
        if name in self._ids:
            return name
        # Where one project is indexed its issues go by their number alone.
        return self._by_path.get(f"{project}/-/issues/{number}", "")

    def _of_address(self, address: str) -> str:
        plain = _plain(address)
        known = self._by_address.get(plain) or self._by_address.get(_POST.sub("", plain))
        if known:
            return known
        host, _, path = plain.partition("/")
        for end in _ends(path):
            if end in self._by_end:
                page = self._by_end[end]
                before = self._paths[page].removesuffix(end).strip("/").split("/")[1:]
                said = set(re.split(r"[./_-]", f"{host}/{path.casefold().removesuffix(end)}"))
                return page if not before or said & set(before) else ""
        return ""


def _plain(address: str) -> str:
    """Return host and path, without what does not tell pages apart; empty for what is no address."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return ""
    path = _ENDING.sub("", unquote(parts.path))
    return f"{parts.netloc.casefold().removeprefix('www.')}{path}"


def _ends(path: str) -> list[str]:
    """Return the ends of a path that name a page, longest first."""
    parts = [part for part in path.casefold().split("/") if part]
    return ["/".join(parts[start:]) for start in range(len(parts) - _SEGMENTS + 1)]
