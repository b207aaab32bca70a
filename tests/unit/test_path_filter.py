"""Path filters of a source: patterns as in .gitignore, exclusion wins, a pattern that cannot match is refused."""

from __future__ import annotations

import pytest

from indexing.errors import BuildRefused
from indexing.sources.path_filter import PathFilter

_PATHS = ("README.md", "docs/a.md", "docs/ci/b.md", "docs/ci/b.txt", "old/docs/c.md", "docs.md", "文档/安装.md")


def _taken(*paths: str, exclude: tuple[str, ...] = ()) -> list[str]:
    chosen = PathFilter(paths, exclude)
    return [path for path in _PATHS if chosen.takes(path)]


def test_no_pattern_takes_all() -> None:
    assert _taken() == list(_PATHS)


@pytest.mark.parametrize(
    ("pattern", "taken"),
    [
        ("docs/**", ["docs/a.md", "docs/ci/b.md", "docs/ci/b.txt"]),
        ("/docs/", ["docs/a.md", "docs/ci/b.md", "docs/ci/b.txt"]),
        ("docs/*.md", ["docs/a.md"]),
        ("docs/**/*.md", ["docs/a.md", "docs/ci/b.md"]),
        ("**/c.md", ["old/docs/c.md"]),
        ("*.txt", ["docs/ci/b.txt"]),
        ("/*.md", ["README.md", "docs.md"]),
        ("docs", ["docs/a.md", "docs/ci/b.md", "docs/ci/b.txt", "old/docs/c.md"]),
        ("[Rr]eadme.md", []),
        ("文档/**", ["文档/安装.md"]),
    ],
)
def test_patterns_mean_what_they_mean_in_git(pattern: str, taken: list[str]) -> None:
    assert _taken(pattern) == taken


def test_several_patterns_take_what_any_of_them_matches() -> None:
    assert _taken("/README.md", "docs/ci") == ["README.md", "docs/ci/b.md", "docs/ci/b.txt"]


def test_what_is_excluded_wins() -> None:
    assert _taken("docs/**", exclude=("*.txt", "a.md")) == ["docs/ci/b.md"]
    assert _taken(exclude=("**/docs/**",)) == ["README.md", "docs.md", "文档/安装.md"]


def test_a_leading_slash_of_an_address_does_not_matter() -> None:
    assert PathFilter(("/help/**",)).takes("/help/a")


@pytest.mark.parametrize("pattern", ["", "   ", "/", "# docs", "docs/[a", "[z-a].md", "docs\\", "!docs/**"])
def test_a_pattern_that_cannot_match_is_refused_by_name(pattern: str) -> None:
    for paths, exclude in (((pattern,), ()), ((), (pattern,))):
        with pytest.raises(BuildRefused) as refused:
            PathFilter(paths, exclude)
        assert repr(pattern) in str(refused.value)
        assert "\n" not in str(refused.value)
