"""The wiki of a GitLab project and the documentation files of its repository at a ref."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from indexing.errors import BuildRefused
from indexing.model import Skipped
from indexing.sources.gitlab_client import PAGE, is_gone, is_missing
from indexing.sources.markdown_file import MAX_BYTES, Origin, is_wanted, read_markdown, too_large, web_address

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gitlab.v4.objects import Project

    from indexing.sources import Item
    from indexing.sources.path_filter import PathFilter


@dataclass(frozen=True, slots=True)
class WikiReader:
    """Reads the wiki. GitLab lists it whole and tells no times: what changed is told by the content.

    Attributes:
        source: Stands in `Document.source`.
        prefix: Stands in front of `wiki/SLUG` in `Document.id`.
    """

    project: Project
    source: str
    prefix: str

    def items(self) -> list[Item] | None:
        """Return all pages; None when there is no wiki, or the token may not read it."""
        from gitlab.exceptions import GitlabError  # noqa: PLC0415 - loaded only where GitLab is read

        try:
            pages = [page.attributes for page in self.project.wikis.list(get_all=True, with_content="true")]
        except GitlabError as error:
            if is_gone(error):
                return None
            raise
        return [self._page(page) for page in sorted(pages, key=lambda page: str(page.get("slug")))]

    def _page(self, page: Mapping[str, Any]) -> Item:
        slug = str(page.get("slug") or "")
        web = str(self.project.attributes.get("web_url") or "")
        url = f"{web}/-/wikis/{quote(slug)}" if web else ""
        path = f"{self.prefix.removeprefix(self.source).lstrip('/')}wiki/{slug}"
        origin = Origin(self.source, path, url, title=str(page.get("title") or ""))
        if page.get("format") != "markdown":
            return Skipped(origin.document, f"written in {page.get('format')}: only Markdown is read")
        content = str(page.get("content") or "").encode("utf-8", "replace")
        if len(content) > MAX_BYTES:
            return too_large(origin.document, len(content), MAX_BYTES)
        return read_markdown(content, origin)


@dataclass(frozen=True, slots=True)
class FileReader:
    """Reads the Markdown files of the repository.

    Attributes:
        source: Stands in `Document.source`.
        prefix: Stands in front of the path in `Document.id`.
        ref: Branch, tag or commit; empty takes the default branch.
        paths: Which files are read.
        must_exist: A ref that is not there is an error; in a group many projects have none of that name.
    """

    project: Project
    source: str
    prefix: str
    ref: str
    paths: PathFilter
    must_exist: bool = True

    def head(self) -> str:
        """Return the commit that the ref names; empty while the repository is empty.

        Raises:
            BuildRefused: The ref that was set is not there, or the token may not read the repository.
        """
        from gitlab.exceptions import GitlabError  # noqa: PLC0415 - as above

        try:
            return str(self.project.commits.get(self._ref()).get_id())
        except GitlabError as error:
            if not is_gone(error):
                raise
            if self.must_exist and (self.ref or not is_missing(error)):
                place = self.project.attributes.get("path_with_namespace")
                raise BuildRefused(
                    f"the ref {self._ref()!r} of {place} is not there, or the token may not read the repository: "
                    "check `ref` of this [[source]], and that the token has the scope read_api"
                ) from error
            return ""

    def blobs(self) -> dict[str, str]:
        """Return path -> hash of the content, of the files that are read."""
        listed = self.project.repository_tree(
            ref=self._ref(), recursive=True, iterator=True, pagination="keyset", per_page=PAGE
        )
        return {
            str(entry["path"]): str(entry["id"])
            for entry in listed
            if entry["type"] == "blob" and is_wanted(str(entry["path"])) and self.paths.takes(str(entry["path"]))
        }

    def changed(self, now: Mapping[str, str], before: Mapping[str, str]) -> Iterator[tuple[str, Item]]:
        """Yield path and content of the files whose content is another one than before."""
        base = str(self.project.attributes.get("web_url") or "")
        for path, blob in sorted(now.items()):
            if before.get(path) != blob:
                yield path, self._file(path, blob, f"{base}/-/blob/{quote(self._ref(), safe='/')}" if base else "")

    def document_id(self, path: str) -> str:
        """Return `Document.id` of a file."""
        return f"{self.prefix}{path}"

    def _file(self, path: str, blob: str, base: str) -> Item:
        content = self.project.repository_raw_blob(blob)
        assert isinstance(content, bytes)  # noqa: S101 - nothing else is asked for
        inside = f"{self.prefix.removeprefix(self.source).lstrip('/')}{path}"
        origin = Origin(self.source, inside, web_address(base, path) if base else "")
        if len(content) > MAX_BYTES:
            return too_large(origin.document, len(content), MAX_BYTES)
        return read_markdown(content, origin)

    def _ref(self) -> str:
        return self.ref or str(self.project.attributes.get("default_branch") or "main")
