"""`[[source]]` tables become sources with their filters, and the token goes to no host but ours."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from assistant.errors import NotConfigured
from assistant.settings import Settings
from assistant.sourcing import configured_sources
from indexing.sources.converted_files import ConvertedFiles
from indexing.sources.git_repository import GitRepository
from indexing.sources.gitlab_group import GitLabGroup
from indexing.sources.gitlab_project import GitLabProject
from indexing.sources.markdown_tree import MarkdownTree
from indexing.sources.site import Site

if TYPE_CHECKING:
    from pathlib import Path

    from indexing.sources import Source


def _source(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, **table: object) -> Source:
    monkeypatch.setenv("GITLAB_URL", "https://gitlab.example")
    monkeypatch.setenv("GITLAB_READ_TOKEN", "canary")
    (source,) = configured_sources(Settings.model_validate({"source": [table]}), tmp_path)
    return source


def test_a_folder_with_formats_is_converted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    plain = _source(monkeypatch, tmp_path, type="folder", path=tmp_path, paths=("a/**",))
    assert isinstance(plain, MarkdownTree)
    assert plain.filter.paths == ("a/**",)
    files = _source(monkeypatch, tmp_path, type="folder", path=tmp_path, formats=("markdown", "pdf"), exclude=("old",))
    assert isinstance(files, ConvertedFiles)
    assert (files.formats, files.tree.filter.exclude) == (("markdown", "pdf"), ("old",))


def test_a_wrong_pattern_is_told_with_its_source(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with pytest.raises(NotConfigured, match=r"source 'docs': the path pattern '\[a'"):
        _source(monkeypatch, tmp_path, type="folder", path="docs", paths=("[a",))


def test_a_site_is_read_by_its_sitemap(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    site = _source(monkeypatch, tmp_path, type="site", name="manual", sitemap="https://d.example/s.xml", paths=("/en",))
    assert isinstance(site, Site)
    assert (site.sitemap, site.filter.paths) == ("https://d.example/s.xml", ("/en",))


@pytest.mark.parametrize(
    ("url", "token"),
    [
        ("https://gitlab.example/a/b.git", "canary"),
        ("https://gitlab.example:443/a/b.git", "canary"),
        ("http://gitlab.example/a/b.git", ""),
        ("https://gitlab.example.evil.test/a/b.git", ""),
        ("https://gitlab.example@evil.test/a/b.git", ""),
        ("https://evil.test/gitlab.example.git", ""),
        ("ssh://gitlab.example/a/b.git", ""),
        ("/srv/git/b", ""),
    ],
)
def test_the_read_token_is_for_our_gitlab_alone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, url: str, token: str
) -> None:
    repository = _source(monkeypatch, tmp_path, type="git", name="code", url=url)
    assert isinstance(repository, GitRepository)
    assert repository.token == token


@pytest.mark.parametrize("place", [{"project": "platform/support"}, {"group": "platform"}])
def test_what_the_assistant_writes_itself_is_known_as_its_own(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, place: dict[str, str]
) -> None:
    monkeypatch.setenv("GITLAB_TOKEN", "canary-that-writes")
    source = _source(monkeypatch, tmp_path, type="gitlab", **place)
    assert isinstance(source, GitLabProject | GitLabGroup)
    assert source.own_tokens == ("canary-that-writes",)
    assert "canary" not in repr(source)
