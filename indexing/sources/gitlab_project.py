"""A GitLab project's closed issues with their comments, and its wiki -> documents.

The library's only user of python-gitlab. It reads and never writes, so retries are safe here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from indexing.errors import BuildRefused
from indexing.model import Skipped
from indexing.resolution import ClosedIssue, Comment, to_document
from indexing.sources.flags import is_set
from indexing.sources.markdown_file import MAX_BYTES, Origin, read_markdown, too_large

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from gitlab import Gitlab
    from gitlab.v4.objects import Project, ProjectIssue

    from indexing.sources import Item

_TIMEOUT_S = 20.0  # of one answer
_PAGE = 100  # rows, the most that GitLab sends
_DEVELOPER = 30  # access level from which a member counts as a responder
_GONE = frozenset({403, 404})
_BOT = re.compile(r"(?:project|group)_\d+_bot")


def connect(url: str, token: str) -> Gitlab:
    """Return a client for reading: it retries, waits no longer than a timeout, and stays on this host."""
    import gitlab  # noqa: PLC0415 - loaded only where a project is read

    return gitlab.Gitlab(url, private_token=token, timeout=_TIMEOUT_S, keep_base_url=True, retry_transient_errors=True)


@dataclass(frozen=True, slots=True)
class GitLabProject:
    """The closed issues and the wiki of a GitLab project.

    Attributes:
        url: Address of the instance.
        token: Read token (scope `read_api`).
        project: Full path, or id, of the project.
        name: Stands in `Document.source`, and in front of the slug of wiki pages.
        labels: Only issues with all of these labels are read; empty reads all.
        wiki: Whether to read the wiki.
        several_projects: The project's path stands in the ids of its issues.
        responders: User names of people who answer, beside the members with the role Developer and above.
        bots: User names whose comments never count as a responder's, such as the assistant's own.
        client: Makes the client.
    """

    url: str
    token: str = field(repr=False)
    project: str
    name: str = "gitlab"
    labels: tuple[str, ...] = ()
    wiki: bool = True
    several_projects: bool = False
    responders: frozenset[str] = frozenset()
    bots: frozenset[str] = frozenset()
    client: Callable[[str, str], Gitlab] = connect

    def items(self) -> Iterator[Item]:
        """Yield each document, and each issue or page left out with the reason.

        Raises:
            BuildRefused: GitLab does not answer, or refuses the token: half a project must not replace a whole one.
        """
        import requests  # noqa: PLC0415 - as above
        from gitlab.exceptions import GitlabAuthenticationError, GitlabError  # noqa: PLC0415 - as above

        place = f"the GitLab project {self.project} at {self.url}"
        try:
            project = self.client(self.url, self.token).projects.get(self.project)
            yield from self._issues(project)
            if self.wiki:
                yield from self._wiki_pages(project)
        except GitlabAuthenticationError as error:
            raise BuildRefused(f"{place} refuses the token: give one with the scope read_api") from error
        except GitlabError as error:
            reason = (
                "is not there, or the token may not read it" if error.response_code in _GONE else "cannot be read now"
            )
            raise BuildRefused(f"{place} {reason} (answer {error.response_code})") from error
        # A proxy's Retry-After with a date makes python-gitlab raise ValueError.
        except (requests.RequestException, ValueError) as error:
            raise BuildRefused(f"{place} cannot be read now ({type(error).__name__})") from error

    def _issues(self, project: Project) -> Iterator[Item]:
        responders = self._responders(project)
        filters: dict[str, Any] = {"labels": list(self.labels)} if self.labels else {}
        listed = project.issues.list(
            iterator=True,
            state="closed",
            confidential="false",  # as text: python-gitlab writes a boolean as `False`
            order_by="created_at",
            sort="asc",
            pagination="keyset",
            per_page=_PAGE,
            **filters,
        )
        for issue in listed:
            yield self._issue(issue, project, responders)

    def _issue(self, issue: ProjectIssue, project: Project, responders: frozenset[str]) -> Item:
        facts = issue.attributes
        from gitlab.exceptions import GitlabError  # noqa: PLC0415 - as above

        try:
            comments = self._comments(issue, responders)
            solved_by = _merged_requests(issue) if facts.get("merge_requests_count") else ()
        except GitlabError as error:
            if error.response_code in _GONE:
                return Skipped(f"issue:{facts['iid']}", "gone or hidden while it was read")
            raise
        closed = ClosedIssue(
            iid=int(facts["iid"]),
            title=facts.get("title") or "",
            description=facts.get("description") or "",
            author=_username(facts.get("author")),
            comments=comments,
            labels=tuple(facts.get("labels") or ()),
            created_at=facts.get("created_at") or "",
            closed_at=facts.get("closed_at") or "",
            web_url=facts.get("web_url") or "",
            project=str(project.attributes.get("path_with_namespace") or self.project),
            state=facts.get("state") or "unknown",
            confidential=is_set(facts.get("confidential")),
            closed_by=_username(facts.get("closed_by")),
            solved_by=solved_by,
        )
        return to_document(closed, self.name, several_projects=self.several_projects)

    def _comments(self, issue: ProjectIssue, responders: frozenset[str]) -> tuple[Comment, ...]:
        """Return what everybody may read of what people wrote below the issue."""
        if issue.attributes.get("user_notes_count") == 0 or is_set(issue.attributes.get("confidential")):
            return ()
        listed = issue.notes.list(
            iterator=True, activity_filter="only_comments", order_by="created_at", sort="asc", per_page=_PAGE
        )
        return tuple(_comment(note.attributes, responders) for note in listed)

    def _responders(self, project: Project) -> frozenset[str]:
        """Return the user names of those who answer; members count when the token may see them."""
        from gitlab.exceptions import GitlabError  # noqa: PLC0415 - as above

        try:
            members = [member.attributes for member in project.members_all.list(iterator=True, per_page=_PAGE)]
        except GitlabError as error:
            if error.response_code in _GONE:
                return self.responders - self.bots
            raise
        names = self.responders | {
            _username(member) for member in members if int(member.get("access_level") or 0) >= _DEVELOPER
        }
        return frozenset(name for name in names - self.bots if not _BOT.match(name))

    def _wiki_pages(self, project: Project) -> Iterator[Item]:
        from gitlab.exceptions import GitlabError  # noqa: PLC0415 - as above

        try:
            pages = [page.attributes for page in project.wikis.list(get_all=True, with_content="true")]
        except GitlabError as error:
            if error.response_code in _GONE:
                return  # the project has no wiki
            raise
        for page in sorted(pages, key=lambda page: str(page.get("slug"))):
            yield self._wiki_page(page, str(project.attributes.get("web_url") or ""))

    def _wiki_page(self, page: dict[str, Any], project_url: str) -> Item:
        slug = str(page.get("slug") or "")
        url = f"{project_url}/-/wikis/{quote(slug)}" if project_url else ""
        origin = Origin(self.name, f"wiki/{slug}", url, title=str(page.get("title") or ""))
        if page.get("format") != "markdown":
            return Skipped(origin.document, f"written in {page.get('format')}: only Markdown is read")
        content = str(page.get("content") or "").encode("utf-8", "replace")
        if len(content) > MAX_BYTES:
            return too_large(origin.document, len(content), MAX_BYTES)
        return read_markdown(content, origin)


def _comment(note: dict[str, Any], responders: frozenset[str]) -> Comment:
    author = _username(note.get("author"))
    return Comment(
        author=author,
        body=note.get("body") or "",
        created_at=note.get("created_at") or "",
        role="responder" if author in responders else "member",
        internal=is_set(note.get("internal")) or is_set(note.get("confidential")),
        system=is_set(note.get("system")),
    )


def _merged_requests(issue: ProjectIssue) -> tuple[str, ...]:
    """Return the merge requests that closed the issue."""
    found = [request for request in issue.closed_by(get_all=True) if request.get("state") == "merged"]
    return tuple(f"merge request !{request['iid']}: {request['title']}" for request in found)


def _username(person: object) -> str:
    return str(person.get("username") or "") if isinstance(person, dict) else ""
