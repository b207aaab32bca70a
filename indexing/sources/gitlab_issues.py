"""The closed issues of a GitLab project: whole, since a moment, and compared with a complete listing."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from indexing.closing import wanted
from indexing.model import ClosedAs, Document, Skipped
from indexing.sources import Checkpoint, Gone, Present
from indexing.sources.flags import is_set
from indexing.sources.gitlab_client import PAGE, is_gone

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gitlab.v4.objects import Project, ProjectIssue

    from indexing.sources import Change
    from indexing.sources.gitlab_thread import ThreadReader

OVERLAP = timedelta(minutes=5)
"""Read again before the last reading: GitLab moves `updated_at` at most once a minute, and clocks differ."""

_ASKED_ALONE = 50  # issues that are missing from a listing and asked for one by one, and
_ASKED_SHARE = 5  # one of so many of all that are known
_BROKEN = 3  # issues at which GitLab may fail in one refresh
_KINDS = {"issue", "incident", "ticket"}
_ITS_FAULT = 500  # answer to one request that GitLab cannot work out


@dataclass(frozen=True, slots=True)
class IssueFilter:
    """Which issues are read.

    Attributes:
        labels: All of these must be there.
        without_labels: None of these.
        closed_as: How they may have ended.
        merge_requests: Read titles of related merge requests.
        responders: User names of people who answer, beside the members with the role Developer and above.
        bots: User names whose comments never count as a responder's.
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
        part: What the ids of all its issues begin with.
        thread: Makes a document of one issue.
        page: Issues of one answer, and between two checkpoints.
        marks: Number -> `mark_of` of each issue that was read and is there; changed here while it is read.
    """

    project: Project
    part: str
    filter: IssueFilter
    thread: ThreadReader
    page: int = PAGE
    marks: dict[int, int] = field(default_factory=dict)
    _broken: set[int] = field(default_factory=set, init=False)

    def document_id(self, iid: int) -> str:
        """Return `Document.id` of an issue."""
        return f"{self.part}{iid}"

    # -- reading

    def closed(self, since: str = "") -> Iterator[Change]:
        """Yield the closed issues that are wanted, with a checkpoint after each page.

        Args:
            since: Only those whose `updated_at` is not before this moment, to go on with a reading that broke off.
        """
        yield from self._paged({**self._closed_filter(), **({"updated_after": since} if since else {})})

    def changed(self, since: str) -> Iterator[Change]:
        """Yield what changed since a moment: closed issues, and those that must leave."""
        yield from self._paged({"state": "all", "updated_after": since})

    def one(self, iid: int) -> Iterator[Change]:
        """Yield one issue as it is now, or that it is gone."""
        from gitlab.exceptions import GitlabError  # noqa: PLC0415 - loaded only where GitLab is read

        try:
            issue = self.project.issues.get(iid)
        except GitlabError as error:
            if not is_gone(error):
                raise
            self.marks.pop(iid, None)
            yield Gone(self.document_id(iid), "deleted, or hidden from the token", withdrawn=True)
        else:
            yield from self._read(issue)

    def compared(self) -> Iterator[Change]:
        """Yield what a complete listing shows to be otherwise than when it was read, and the listing.

        An issue is read again when its time of change, its number of comments or of merge requests is another one: a
        deleted comment moves no time, and an issue that is visible again, or was there all the time, has none of us.
        """
        listed: set[int] = set()
        count = 0
        for issue in self._listed(self._closed_filter(), "created_at"):
            if self._passes(issue.attributes):
                iid = int(issue.attributes["iid"])
                listed.add(iid)
                if self.marks.get(iid) != mark_of(issue.attributes) and iid not in self._broken:
                    yield from self._read(issue)
                    count += 1
                    if count % self.page == 0:
                        yield Checkpoint({})
        missing = sorted(self.marks.keys() - listed)
        # More than a few is no clean-up: the guard of the refresh decides, and nothing is hidden before.
        asked = missing if len(missing) <= max(_ASKED_ALONE, len(self.marks) // _ASKED_SHARE) else ()
        for iid in asked:
            yield from self.one(iid)
        for iid in missing:
            self.marks.pop(iid, None)
        yield Present(self.part, frozenset(map(self.document_id, listed)))

    def _paged(self, filters: Mapping[str, Any]) -> Iterator[Change]:
        for count, issue in enumerate(self._listed(filters, "updated_at"), start=1):
            yield from self._read(issue)
            if count % self.page == 0:
                yield Checkpoint({"read_to": issue.attributes.get("updated_at") or ""})

    def _listed(self, filters: Mapping[str, Any], order: str) -> Iterator[ProjectIssue]:
        yield from self.project.issues.list(
            iterator=True, order_by=order, sort="asc", pagination="keyset", per_page=self.page, **filters
        )

    def _closed_filter(self) -> dict[str, Any]:
        found: dict[str, Any] = {"state": "closed", "confidential": "false"}
        if self.filter.labels:
            found["labels"] = ",".join(self.filter.labels)
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

    def _read(self, issue: ProjectIssue) -> Iterator[Document | Skipped | Gone]:
        iid = int(issue.attributes["iid"])
        before = self.marks.pop(iid, None)
        change = self._leaves(issue.attributes)
        if change is not None:
            yield change
        else:
            yield from self._document(issue, was_read=before is not None)

    def _leaves(self, facts: Mapping[str, Any]) -> Gone | None:
        """Return why an issue is not in the index; None when it is."""
        document = self.document_id(int(facts["iid"]))
        if is_set(facts.get("confidential")):
            return Gone(document, "confidential now", withdrawn=True)
        if facts.get("moved_to_id"):
            return Gone(document, "moved to another project")
        if facts.get("state") != "closed":
            return Gone(document, "opened again")
        if not self._passes(facts):
            return Gone(document, "its labels or type are not wanted any more")
        return None

    def _document(self, issue: ProjectIssue, *, was_read: bool) -> Iterator[Document | Skipped]:
        """Yield the issue as a document; nothing when GitLab fails at it and what was read of it before stays.

        Nothing is noted of an issue that could not be read: the next sweep asks for it again.
        """
        from gitlab.exceptions import GitlabError  # noqa: PLC0415 - as above

        iid = int(issue.attributes["iid"])
        try:
            found = self.thread.document(issue)
        except GitlabError as error:
            if is_gone(error):
                yield Skipped(self.document_id(iid), "gone or hidden while it was read")
                return
            self._broken.add(iid)
            if error.response_code != _ITS_FAULT or len(self._broken) > _BROKEN:
                raise
            if not was_read:
                yield Skipped(self.document_id(iid), "GitLab fails at it (answer 500)")
            return
        self.marks[iid] = mark_of(issue.attributes)
        yield found if isinstance(found, Skipped) else wanted(found, self.filter.closed_as)


def mark_of(facts: Mapping[str, Any]) -> int:
    """Return a number that is another one when an issue in a listing is not as it was."""
    seen = (facts.get("updated_at"), facts.get("user_notes_count"), facts.get("merge_requests_count"))
    return zlib.crc32(repr(seen).encode())
