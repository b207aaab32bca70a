"""Which paths of a source are read. The only user of pathspec.

The patterns are those of `.gitignore`: every developer knows them, and pathspec (pure Python, no dependencies) passes
Git's own cases for them. `fnmatch` has no `**`, and `PurePath.full_match` needs a newer Python.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from indexing.errors import BuildRefused

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec


@dataclass(frozen=True, slots=True)
class PathFilter:
    """Patterns such as `docs/**`, `*.md` (at any depth), `/README.md` (at the top) or `docs` (all below the folder).

    Attributes:
        paths: What is read; none takes all.
        exclude: What is not read, also where `paths` takes it.

    Raises:
        BuildRefused: A pattern would match nothing; the message names it.
    """

    paths: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for pattern in (*self.paths, *self.exclude):
            _check(pattern)

    def takes(self, path: str) -> bool:
        """Return whether a POSIX path below the source's root is read."""
        path = path.lstrip("/")
        if self.exclude and _matches(self.exclude, path):
            return False
        return not self.paths or _matches(self.paths, path)


def _check(pattern: str) -> None:
    from pathspec import GitIgnoreSpec  # noqa: PLC0415 - loaded only where a source has patterns

    if pattern.startswith("!"):
        raise BuildRefused(f"the path pattern {pattern!r} begins with '!': write what is left out under exclude")
    try:
        understood = list(GitIgnoreSpec.from_lines([pattern]).patterns)
    except (ValueError, re.error) as error:
        raise BuildRefused(_refusal(pattern)) from error
    # An empty pattern, a comment and a bracket that never closes match nothing in Git, without a word.
    if not understood or understood[0].include is None:
        raise BuildRefused(_refusal(pattern))


def _refusal(pattern: str) -> str:
    return f"the path pattern {pattern!r} cannot match anything: write it like docs/**, *.md or /README.md"


@functools.lru_cache(maxsize=64)
def _spec(patterns: tuple[str, ...]) -> GitIgnoreSpec:
    from pathspec import GitIgnoreSpec  # noqa: PLC0415 - as above

    return GitIgnoreSpec.from_lines(patterns)


def _matches(patterns: tuple[str, ...], path: str) -> bool:
    return _spec(patterns).match_file(path)
