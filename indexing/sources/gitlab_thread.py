"""One closed issue of GitLab with its comments, reactions and merge requests -> a document."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from indexing.closed_issue import ClosedIssue, Comment, linked_original, moment
from indexing.model import Document, Skipped
from indexing.resolution import to_document
from indexing.sources.flags import is_set
from indexing.sources.gitlab_client import PAGE, is_gone
from indexing.sources.gitlab_people import username

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from gitlab.v4.objects import ProjectIssue, ProjectIssueNote

    from indexing.sources.gitlab_people import People

_REACTED = 5  # comments of an issue, the last ones, whose reactions are read
_YOUNGEST = "9999-12-31T00:00:00Z"


@dataclass(frozen=True, slots=True)
class ThreadReader:
    """Reads issues of one project.

    Attributes:
        source: Stands in `Document.source`.
        path: Full path of the project.
        several_projects: It stands in the ids of documents.
        merge_requests: Read the titles of related merge requests where none closed the issue.
    """

    people: People
    source: str
    path: str
    several_projects: bool = False
    merge_requests: bool = True

    def document(self, issue: ProjectIssue) -> Document | Skipped:
        """Return the issue as a document.

        Raises:
            GitlabError: GitLab cannot be read now, or the issue is gone.
        """
        closed = self._closed(issue)
        found = self._told(closed)
        if not isinstance(found, Document) or not found.confirmed or closed.closed_by_role == "responder":
            return found
        # Nobody of the team closed it. Where only its author stands behind the answer, the age of the account counts.
        judged = self._told(replace(closed, author_created_at=_YOUNGEST))
        if isinstance(judged, Document) and judged.confirmed:
            return found
        return self._told(replace(closed, author_created_at=self.people.made_at(issue.attributes.get("author") or {})))

    def _told(self, closed: ClosedIssue) -> Document | Skipped:
        return to_document(closed, self.source, several_projects=self.several_projects)

    def _closed(self, issue: ProjectIssue) -> ClosedIssue:
        facts = issue.attributes
        closer = username(facts.get("closed_by"))
        return ClosedIssue(
            iid=int(facts["iid"]),
            title=facts.get("title") or "",
            description=facts.get("description") or "",
            author=username(facts.get("author")),
            comments=self._comments(issue),
            labels=tuple(facts.get("labels") or ()),
            created_at=facts.get("created_at") or "",
            closed_at=facts.get("closed_at") or "",
            web_url=facts.get("web_url") or "",
            project=self.path,
            state=str(facts.get("state")),
            confidential=is_set(facts.get("confidential")),
            closed_by=closer,
            solved_by=self._solved_by(issue),
            closed_by_role=self.people.role(closer) if closer else "",
            duplicate_of=linked_original(facts.get("_links")),
        )

    def _comments(self, issue: ProjectIssue) -> tuple[Comment, ...]:
        """Return what everybody may read of what people wrote below the issue."""
        if issue.attributes.get("user_notes_count") == 0:
            return ()
        listed = issue.notes.list(
            iterator=True, activity_filter="only_comments", order_by="created_at", sort="asc", per_page=PAGE
        )
        notes = [note for note in listed if not is_hidden(note.attributes)]
        asker = username(issue.attributes.get("author"))
        answers = [note for note in notes if username(note.attributes.get("author")) != asker]
        # One call each: reactions only tell something where several people answered.
        reacted = {note.get_id() for note in answers[-_REACTED:]} if len(answers) > 1 else set()
        closed = moment(issue.attributes.get("closed_at") or "")
        return tuple(self._comment(note, closed, read_awards=note.get_id() in reacted) for note in notes)

    def _comment(self, note: ProjectIssueNote, closed: datetime | None, *, read_awards: bool) -> Comment:
        facts = note.attributes
        author = facts.get("author") or {}
        name = username(author)
        changed, made = moment(facts.get("updated_at") or ""), moment(facts.get("created_at") or "")
        is_changed_late = closed is not None and changed is not None and changed > closed and changed != made
        reactions = _thumbs(note) if read_awards or is_changed_late else 0
        # A reaction moves `updated_at` as well: a comment with one is not taken for edited.
        edited = facts.get("updated_at") or "" if is_changed_late and not reactions else ""
        return Comment(
            author=name,
            body=facts.get("body") or "",
            created_at=facts.get("created_at") or "",
            role=self.people.role(name),
            system=is_set(facts.get("system")),
            reactions=reactions,
            edited_at=edited,
            bot=self.people.is_bot(name) or is_set(author.get("bot")),
        )

    def _solved_by(self, issue: ProjectIssue) -> tuple[str, ...]:
        """Return the merge requests that closed the issue, or else those that are related to it and were merged."""
        from gitlab.exceptions import GitlabError  # noqa: PLC0415 - loaded only where GitLab is read

        if not issue.attributes.get("merge_requests_count"):
            return ()
        try:
            found = issue.closed_by(get_all=True)
            if not found and self.merge_requests:
                found = issue.related_merge_requests(get_all=True)
        except GitlabError as error:
            if is_gone(error):
                return ()  # the project has none any more, or shows them to few
            raise
        merged = [request for request in found if request.get("state") == "merged"]
        return tuple(f"merge request !{request['iid']}: {request['title']}" for request in merged)


def is_hidden(note: Mapping[str, Any]) -> bool:
    """Return whether only the team may read a comment."""
    return is_set(note.get("internal")) or is_set(note.get("confidential"))


def _thumbs(note: ProjectIssueNote) -> int:
    """Return how many people other than its author agreed with a comment."""
    author = username(note.attributes.get("author"))
    awards = note.awardemojis.list(iterator=True, per_page=PAGE)
    return sum(award.name == "thumbsup" and username(award.attributes.get("user")) != author for award in awards)
