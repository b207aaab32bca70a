"""A closed issue as a source read it: frozen data, no more."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment on an issue.

    Attributes:
        author: User name.
        body: Markdown.
        created_at: ISO 8601.
        role: `responder`, `maintainer`, ... of who wrote it; `author` or `member` for all others.
        internal: Only the team may read it; left out.
        system: Written by GitLab itself; only read for what it says of duplicates.
        accepted: Marked as the answer.
        reactions: People who agreed.
        edited_at: ISO 8601 of the last change to its text, where known.
        author_created_at: ISO 8601; when its author's account was made, where known.
        bot: Written by a bot.
    """

    author: str
    body: str
    created_at: str = ""
    role: str = "member"
    internal: bool = False
    system: bool = False
    accepted: bool = False
    reactions: int = 0
    edited_at: str = ""
    author_created_at: str = ""
    bot: bool = False


@dataclass(frozen=True, slots=True)
class ClosedIssue:
    """An issue as a source read it.

    Attributes:
        iid: Number in its project.
        author: User name of the asker.
        comments: In any order.
        project: Path of its project, where several are indexed.
        state: Anything but `closed` is left out.
        confidential: Left out.
        closed_by: User name of who closed it, when known.
        solved_by: What closed it when it was no comment: titles of merge requests, commits.
        closed_by_role: Role of who closed it, as in `Comment.role`; empty when unknown. `bot` for a bot.
        author_created_at: ISO 8601; when the asker's account was made, where known.
        edited_after_close: Its title or description was changed after it was closed.
        duplicate_of: The original, where the tracker names it: `12`, `#12`, `group/project#12` or its address.
        state_reason: Why it was closed, where the tracker has a field for it: `duplicate`, `not_planned`, `completed`.
    """

    iid: int
    title: str
    description: str
    author: str
    comments: tuple[Comment, ...] = ()
    labels: tuple[str, ...] = ()
    created_at: str = ""
    closed_at: str = ""
    web_url: str = ""
    project: str = ""
    state: str = "closed"
    confidential: bool = False
    closed_by: str = ""
    solved_by: tuple[str, ...] = ()
    closed_by_role: str = ""
    author_created_at: str = ""
    edited_after_close: bool = False
    duplicate_of: str = ""
    state_reason: str = ""


def issue_id(issue: ClosedIssue, *, several_projects: bool) -> str:
    """Return `issue:IID`, or `issue:GROUP/PROJECT#IID` with several projects."""
    return f"issue:{issue.project}#{issue.iid}" if several_projects and issue.project else f"issue:{issue.iid}"


def linked_original(links: object) -> str:
    """Return the reference to the original from the `_links` of an issue as GitLab's API writes them; empty for none.

    GitLab names it by an address with the number of its project, which only tells something within the same project.
    """
    if not isinstance(links, dict):
        return ""
    own, _, _ = str(links.get("self") or "").rpartition("/")
    place, _, iid = str(links.get("closed_as_duplicate_of") or "").rpartition("/")
    return f"#{iid}" if place and place == own and iid.isdecimal() else ""


def moment(time: str) -> datetime | None:
    """Return the moment that an ISO 8601 text tells, in UTC; None when it tells none."""
    try:
        read = datetime.fromisoformat(time)
    except ValueError:
        return None
    return (read if read.tzinfo else read.replace(tzinfo=UTC)).astimezone(UTC)
