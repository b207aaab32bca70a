"""Does a question name the collection that a document belongs to? Pure.

An index holds the documents of several products, teams and projects. Who asks about one of them nearly always names it,
and never thinks of the others; the words of a page seldom repeat the name of their product often enough to tell.
"""

from __future__ import annotations

import re
from array import array
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

_WORD = re.compile(r"[^\W_]+")
_SHORTEST = 2
_SAYS_NOTHING = frozenset(
    {"docs", "doc", "documentation", "help", "guide", "guides", "issue", "issues", "wiki", "page"}
)
"""Names of collections that are words for what they hold."""


def collection_of(document: str, source: str) -> str:
    """Return the name of a document's collection: the first folder of its source, or the project of an issue.

    Args:
        document: `Document.id`.
        source: Name of its source. A document at the top of a source belongs to that source.
    """
    if document.startswith("issue:"):
        project, numbered, _ = document.removeprefix("issue:").rpartition("#")
        return project.rsplit("/", 1)[-1] if numbered else ""
    folder, below, _ = document.removeprefix(f"{source}/").partition("/")
    return folder if below else source


def words_of(name: str) -> frozenset[str]:
    """Return the words of a collection's name that can tell it from others; `gitlab-runner` has two."""
    found = {singular(word) for word in _WORD.findall(name.casefold()) if len(word) >= _SHORTEST}
    return frozenset(found - _SAYS_NOTHING)


def spoken(question: str) -> frozenset[str]:
    """Return the words of a question, made comparable with those of names."""
    return frozenset(singular(word) for word in _WORD.findall(question.casefold()))


def singular(word: str) -> str:
    """Return the word without the `s` of an English plural."""
    return word[:-1] if word.endswith("s") and len(word) > _SHORTEST + 1 else word


def named(words: Collection[str], question: Collection[str]) -> float:
    """Return the share of a collection's words (`words_of`) that the question (`spoken`) holds, 0 to 1."""
    return sum(word in question for word in words) / len(words) if words else 0.0


class Collections:
    """The collection of every document of a catalog, small enough for a million of them.

    Args:
        documents: (`Document.id`, name of its source) in the order of their numbers.
    """

    def __init__(self, documents: Iterable[tuple[str, str]]) -> None:
        names: dict[str, int] = {}
        self._of = array("i", (names.setdefault(collection_of(*document), len(names)) for document in documents))
        self._words = [words_of(name) for name in names]

    def named(self, question: str) -> list[float]:
        """Return by collection how much of its name the question holds."""
        held = spoken(question)
        return [named(words, held) for words in self._words]

    def shares(self, by_collection: list[float], numbers: Iterable[int]) -> list[float]:
        """Return for each document what `named` says of its collection."""
        return [by_collection[self._of[number]] for number in numbers]
