"""`[[source]]` tables -> sources of the library. A part of `assistant.wiring`."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

from assistant.errors import NotConfigured
from indexing.visibility import with_visibility

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from assistant.settings import Settings
    from assistant.source_settings import Folder, GitLabSource, GitRepository, Source
    from indexing.sources import Source as DocumentSource


class _Shown(TypedDict):
    for_everybody: bool
    own_tokens: tuple[str, ...]


def given_sources(docs: Sequence[Path], issues: Sequence[Path]) -> list[DocumentSource]:
    """Return the sources that were named on the command line."""
    from indexing.sources.issue_export import IssueExport  # noqa: PLC0415 - heavy rooms load when they are used
    from indexing.sources.markdown_tree import MarkdownTree  # noqa: PLC0415 - as above

    return [*(MarkdownTree(path) for path in docs), *(IssueExport(path) for path in issues)]


def configured_sources(settings: Settings, home: Path) -> list[DocumentSource]:
    """Return the sources of `assistant.toml`, each with its visibility.

    Raises:
        NotConfigured: There are none, two have one name, or one lacks an address or a token.
    """
    if not settings.source:
        raise NotConfigured("no sources: give --docs DIR or --issues FILE, or [[source]] tables in assistant.toml")
    names = [source.name for source in settings.source]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise NotConfigured(f"two sources are named {twice!r}: give each [[source]] a name of its own")
    return [with_visibility(_checked(settings, source, home), source.visibility) for source in settings.source]


def audiences(settings: Settings) -> frozenset[str]:
    """Return all audiences whose documents may get into the index."""
    return frozenset({"public", *(source.visibility for source in settings.source)})


def several_projects(settings: Settings) -> bool:
    """Return whether the path of its project stands in the id of an issue."""
    projects = [source for source in settings.source if source.type == "gitlab"]
    return len(projects) > 1 or any(source.group for source in projects)


def _checked(settings: Settings, source: Source, home: Path) -> DocumentSource:
    from indexing.errors import BuildRefused  # noqa: PLC0415 - as above

    try:
        return _source(settings, source, home)
    except BuildRefused as error:  # a pattern or an address that cannot be meant
        raise NotConfigured(f"source {source.name!r}: {error}") from error


def _source(settings: Settings, source: Source, home: Path) -> DocumentSource:
    if source.type == "folder":
        return _folder(source)
    if source.type == "issues":
        from indexing.sources.issue_export import IssueExport  # noqa: PLC0415 - as above

        return IssueExport(source.path, source.name)
    if source.type == "git":
        return _repository(settings, source, home)
    if source.type == "site":
        from indexing.sources.path_filter import PathFilter  # noqa: PLC0415 - as above
        from indexing.sources.site import Site  # noqa: PLC0415 - as above

        return Site(source.sitemap, source.name, PathFilter(source.paths, source.exclude))
    return _gitlab(settings, source)


def _folder(source: Folder) -> DocumentSource:
    from indexing.sources.markdown_tree import MarkdownTree  # noqa: PLC0415 - as above
    from indexing.sources.path_filter import PathFilter  # noqa: PLC0415 - as above

    chosen = PathFilter(source.paths, source.exclude)
    tree = MarkdownTree(source.path, source.name, source.base_url, filter=chosen)
    if source.formats == ("markdown",):
        return tree
    from indexing.sources.converted_files import ConvertedFiles  # noqa: PLC0415 - as above

    return ConvertedFiles(tree, source.formats)


def _repository(settings: Settings, source: GitRepository, home: Path) -> DocumentSource:
    from indexing.sources.git_repository import GitRepository as Repository  # noqa: PLC0415 - as above
    from indexing.sources.path_filter import PathFilter  # noqa: PLC0415 - as above
    from indexing.sources.site_client import origin_of  # noqa: PLC0415 - as above

    # The token is for this GitLab alone: no other host may see it.
    is_ours = bool(settings.gitlab_url) and origin_of(source.url) == origin_of(settings.gitlab_url)
    return Repository(
        source.url,
        home / "git",
        source.ref,
        source.name,
        filter=PathFilter(source.paths, source.exclude),
        base_url=source.base_url,
        token=settings.gitlab_read_token.get_secret_value() if is_ours else "",
    )


def _gitlab(settings: Settings, source: GitLabSource) -> DocumentSource:
    from indexing.sources.gitlab_group import GitLabGroup  # noqa: PLC0415 - loads python-gitlab
    from indexing.sources.gitlab_project import GitLabProject, IssueFilter, ProjectParts  # noqa: PLC0415 - as above
    from indexing.sources.path_filter import PathFilter  # noqa: PLC0415 - as above

    token = settings.gitlab_read_token.get_secret_value() or settings.gitlab_token.get_secret_value()
    if not settings.gitlab_url or not token:
        place = source.project or source.group
        raise NotConfigured(f"source {place}: set GITLAB_URL and GITLAB_READ_TOKEN (scope read_api)")
    wanted = IssueFilter(
        labels=source.labels,
        without_labels=source.without_labels,
        closed_as=source.closed_as,
        merge_requests=source.merge_requests,
        responders=frozenset(source.responders),
        bots=frozenset(source.bots),
    )
    files = PathFilter(source.paths, source.exclude) if source.files else None
    parts = ProjectParts(wanted if source.issues else None, source.wiki, files, source.ref)
    writing = settings.gitlab_token.get_secret_value()
    shown: _Shown = {
        "for_everybody": source.visibility == "public",
        "own_tokens": (writing,) if writing else (),  # what the assistant writes itself is no answer of a responder
    }
    if source.group:
        return GitLabGroup(settings.gitlab_url, token, source.group, source.name, parts, **shown)
    several = several_projects(settings)
    return GitLabProject(settings.gitlab_url, token, source.project, source.name, parts, several, **shown)
