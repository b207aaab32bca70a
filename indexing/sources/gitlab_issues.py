"""The closed issues of a GitLab project, whole or since a moment, each with what solved it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from indexing.closed_issue import ClosedIssue, Comment, linked_original, moment
from indexing.closing import wanted
from indexing.model import ClosedAs, Document, Skipped
from indexing.resolution import to_document
from indexing.sources import Checkpoint, Gone, Present
from indexing.sources.flags import is_set
from indexing.sources.gitlab_client import PAGE, is_gone

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gitlab.v4.objects import Project, ProjectIssue, ProjectIssueNote

    from indexing.sources import Change

OVERLAP = timedelta(minutes=5)
"""Read again before the last reading: GitLab moves `updated_at` at most once a minute, and clocks differ."""

_DEVELOPER = 30  # access level from which a member counts as a responder
_BOT = re.compile(r"(?:project|group)_\d+_bot")
_ASKED_ALONE = 50  # issues that are missing from a listing and asked for one by one
_REACTED = 5  # comments of an issue, the last ones, whose reactions are read
_KINDS = {"issue", "incident", "ticket"}


@dataclass(frozen=True, slots=True)
class IssueFilter:
    """Which issues are read.

    Attributes:
        labels: All of these must be there.
        without_labels: None of these.
        closed_as: How they may have ended.
        merge_requests: Read titles of related merge requests.
        responders: User names of people who answer, beside the members with the role Developer and above.
        bots: User names whose comments never count as a responder's, such as the assistant's own.
    """

    labels: tuple[str, ...] = ()
    without_labels: tuple[str, ...] = ()
    closed_as: tuple[ClosedAs, ...] = ("solved", "unsolved", "duplicate")
    merge_requests: bool = True
    responders: frozenset[str] = frozenset()
    bots: frozenset[str] = frozenset()


@dataclass
class IssueReader:
    """Reads the issues of one project during one refresh.

    Attributes:
        source: Stands in `Document.source`.
        several_projects: The project's path stands in the ids of its issues.
        page: Issues of one answer, and between two checkpoints.
    """

    project: Project
    source: str
    filter: IssueFilter
    several_projects: bool = False
    page: int = PAGE
    _responders: frozenset[str] | None = field(default=None, init=False)
    _made: dict[int, str] = field(default_factory=dict, init=False)

    @property
    def path(self) -> str:
        """Full path of the project, as GitLab spells it."""
        return str(self.project.attributes.get("path_with_namespace") or self.project.get_id())

    @property
    def part(self) -> str:
        """What the ids of all its issues begin with."""
        return f"issue:{self.path}#" if self.several_projects else "issue:"

    def document_id(self, iid: int) -> str:
        """Return `Document.id` of an issue."""
        return f"{self.part}{iid}"

    # -- reading

    def all(self) -> Iterator[Change]:
        """Yield all closed issues that are wanted, with a checkpoint after each page."""
        yield from self._paged({"state": "closed", "confidential": "false", **self._label_filter()}, {})

    def since(self, time: str) -> Iterator[Change]:
        """Yield what changed since a moment: closed issues, and those that must leave."""
        yield from self._paged({"state": "all", "updated_after": time}, {})

    def goes_on(self, time: str) -> Iterator[Change]:
        """Yield the rest of a first reading that broke off: `time` is the `updated_at` it had come to."""
        fixed = {"state": "closed", "confidential": "false", "updated_after": time, **self._label_filter()}
        yield from self._paged(fixed, {})

    def one(self, iid: int) -> Iterator[Change]:
        """Yield one issue as it is now, or that it is gone."""
        from gitlab.exceptions import GitlabError  # noqa: PLC0415 - loaded only where GitLab is read

        try:
            issue = self.project.issues.get(iid)
        except GitlabError as error:
            if not is_gone(error):
                raise
            yield Gone(self.document_id(iid), "deleted, or hidden from the token", withdrawn=True)
        else:
            yield self._change(issue)

    def listing(self, known: frozenset[int]) -> Iterator[Change]:
        """Yield a complete listing of the wanted issues, and before it what became of known ones that miss in it.

        Raises:
            GitlabError: GitLab cannot be read now.
        """
        listed = {
            int(issue.attributes["iid"])
            for issue in self._listed(
                {"state": "closed", "confidential": "false", **self._label_filter()}, "created_at"
            )
            if self._passes(issue.attributes)
        }
        missing = sorted(known - listed)
        # More than a few is no clean-up: the guard of the refresh decides, and nothing is hidden before.
        for iid in missing if len(missing) <= _ASKED_ALONE else ():
            yield from self.one(iid)
        yield Present(self.part, frozenset(map(self.document_id, listed)))

    def _paged(self, filters: Mapping[str, Any], cursor: dict[str, object]) -> Iterator[Change]:
        count = 0
        for count, issue in enumerate(self._listed(filters, "updated_at"), start=1):
            yield self._change(issue)
            cursor["read_to"] = issue.attributes.get("updated_at") or ""
            if count % self.page == 0:
                yield Checkpoint(dict(cursor))

    def _listed(self, filters: Mapping[str, Any], order: str) -> Iterator[ProjectIssue]:
        yield from self.project.issues.list(
            iterator=True, order_by=order, sort="asc", pagination="keyset", per_page=self.page, **filters
        )

    def _label_filter(self) -> dict[str, Any]:
        found: dict[str, Any] = {"labels": ",".join(self.filter.labels)} if self.filter.labels else {}
        if self.filter.without_labels:
            found["not[labels]"] = ",".join(self.filter.without_labels)
        return found

    def _passes(self, facts: Mapping[str, Any]) -> bool:
        """Return whether labels and type are wanted; GitLab's own filter is not relied on."""
        labels = set(facts.get("labels") or ())
        kind = str(facts.get("issue_type") or "issue")
        has_all = labels >= set(self.filter.labels) and not labels & set(self.filter.without_labels)
        return has_all and kind in _KINDS

    # -- one issue

    def _change(self, issue: ProjectIssue) -> Document | Skipped | Gone:
        from gitlab.exceptions import GitlabError  # noqa: PLC0415 - as above

        facts = issue.attributes
        document = self.document_id(int(facts["iid"]))
        if is_set(facts.get("confidential")):
            return Gone(document, "confidential now", withdrawn=True)
        if facts.get("moved_to_id"):
            return Gone(document, "moved to another project")
        if facts.get("state") != "closed":
            return Gone(document, "opened again")
        if not self._passes(facts):
            return Gone(document, "its labels or type are not wanted any more")
        try:
            return self._document(issue)
        except GitlabError as error:
            if not is_gone(error):
                raise
            return Skipped(document, "gone or hidden while it was read")

    def _document(self, issue: ProjectIssue) -> Document | Skipped:
        facts = issue.attributes
        closer = _username(facts.get("closed_by"))
        author = facts.get("author") or {}
        closed = ClosedIssue(
            iid=int(facts["iid"]),
            title=facts.get("title") or "",
            description=facts.get("description") or "",
            author=_username(author),
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
            closed_by_role=self._role(closer) if closer else "",
            # Only an issue that nobody of the team closed is judged by the age of its author's account.
            author_created_at="" if closer in self.responders() else self._made_at(author),
            duplicate_of=linked_original(facts.get("_links")),
        )
        document = to_document(closed, self.source, several_projects=self.several_projects)
        return document if isinstance(document, Skipped) else wanted(document, self.filter.closed_as)

    def _comments(self, issue: ProjectIssue) -> tuple[Comment, ...]:
        """Return what everybody may read of what people wrote below the issue."""
        if issue.attributes.get("user_notes_count") == 0:
            return ()
        listed = issue.notes.list(
            iterator=True, activity_filter="only_comments", order_by="created_at", sort="asc", per_page=PAGE
        )
        notes = [note for note in listed if not is_set(note.attributes.get("internal"))]
        asker = _username(issue.attributes.get("author"))
        answers = [note for note in notes if _username(note.attributes.get("author")) != asker]
        # One call each: reactions only tell something where several people answered.
        reacted = {note.get_id() for note in answers[-_REACTED:]} if len(answers) > 1 else set()
        closed = moment(issue.attributes.get("closed_at") or "")
        return tuple(self._comment(note, closed, read_awards=note.get_id() in reacted) for note in notes)

    def _comment(self, note: ProjectIssueNote, closed: datetime | None, *, read_awards: bool) -> Comment:
        facts = note.attributes
        author = facts.get("author") or {}
        name = _username(author)
        changed = moment(facts.get("updated_at") or "")
        is_changed_late = closed is not None and changed is not None and changed > closed
        reactions = _thumbs(note) if read_awards or is_changed_late else 0
        # A reaction moves `updated_at` as well: a comment with one is not taken for edited.
        edited = facts.get("updated_at") or "" if is_changed_late and not reactions else ""
        return Comment(
            author=name,
            body=facts.get("body") or "",
            created_at=facts.get("created_at") or "",
            role=self._role(name),
            internal=is_set(facts.get("internal")) or is_set(facts.get("confidential")),
            system=is_set(facts.get("system")),
            reactions=reactions,
            edited_at=edited,
            bot=self._is_bot(name) or is_set(author.get("bot")),
        )

    def _solved_by(self, issue: ProjectIssue) -> tuple[str, ...]:
        """Return the merge requests that closed the issue, or else those that are related to it and were merged."""
        if not issue.attributes.get("merge_requests_count"):
            return ()
        found = issue.closed_by(get_all=True)
        if not found and self.filter.merge_requests:
            found = issue.related_merge_requests(get_all=True)
        merged = [request for request in found if request.get("state") == "merged"]
        return tuple(f"merge request !{request['iid']}: {request['title']}" for request in merged)

    # -- people

    def responders(self) -> frozenset[str]:
        """Return the user names of those who answer; members count when the token may see them."""
        if self._responders is None:
            self._responders = frozenset(name for name in self._team() if not self._is_bot(name))
        return self._responders

    def _team(self) -> frozenset[str]:
        from gitlab.exceptions import GitlabError  # noqa: PLC0415 - as above

        try:
            members = [member.attributes for member in self.project.members_all.list(iterator=True, per_page=PAGE)]
        except GitlabError as error:
            if is_gone(error):
                return self.filter.responders
            raise
        found = (_username(person) for person in members if int(person.get("access_level") or 0) >= _DEVELOPER)
        return self.filter.responders | frozenset(found)

    def _role(self, name: str) -> str:
        if self._is_bot(name):
            return "bot"
        return "responder" if name in self.responders() else "member"

    def _is_bot(self, name: str) -> bool:
        return name in self.filter.bots or bool(_BOT.match(name))

    def _made_at(self, person: Mapping[str, Any]) -> str:
        """Return when an account was made; empty when GitLab does not tell."""
        from gitlab.exceptions import GitlabError  # noqa: PLC0415 - as above

        number = person.get("id")
        if not isinstance(number, int):
            return ""
        if number not in self._made:
            try:
                told = self.project.manager.gitlab.users.get(number).attributes.get("created_at")
            except GitlabError as error:
                if not is_gone(error):
                    raise
                told = ""  # nobody, or not to be seen
            self._made[number] = str(told or "")
        return self._made[number]


def _thumbs(note: ProjectIssueNote) -> int:
    """Return how many people other than its author agreed with a comment."""
    author = _username(note.attributes.get("author"))
    awards = note.awardemojis.list(iterator=True, per_page=PAGE)
    return sum(award.name == "thumbsup" and _username(award.attributes.get("user")) != author for award in awards)


def _username(person: object) -> str:
    return str(person.get("username") or "") if isinstance(person, dict) else ""
