"""How a closed issue ended, and whether its resolution can be trusted. Pure; a part of `indexing/resolution.py`.

Only what the tracker, a responder or who closed the issue says counts: a stranger's comment can neither end an issue
nor send its readers to another one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from indexing.closed_issue import moment
from indexing.cutting import weight
from indexing.model import ClosedAs, Document, Skipped
from indexing.phrases import is_noise, is_question, seeks_help
from indexing.solving import RESPONDER_ROLES

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from indexing.closed_issue import ClosedIssue, Comment
    from indexing.solving import Said, Solution

_NEW_ACCOUNT = timedelta(days=30)
_LAST_WORDS = 3  # comments at the end in which an issue is declined or given up
_REMARK = 60  # words up to which a comment that names another issue says no more than that
_LONGEST = 4000  # characters of a comment that are looked at

_DUPLICATE = frozenset(
    {"duplicate", "dup", "duplicated", "duplikat", "doublon", "duplicado", "duplicata", "重复", "重複"}
)
_DECLINED = frozenset(
    {
        *(
            "wontfix",
            "won t fix",
            "wont fix",
            "won t do",
            "wont do",
            "invalid",
            "by design",
            "as designed",
            "not a bug",
        ),
        *(
            "works as designed",
            "works as intended",
            "working as intended",
            "working as designed",
            "declined",
            "rejected",
        ),
        *("out of scope", "not planned", "not reproducible", "cannot reproduce", "can t reproduce", "abgelehnt"),
    }
)
_STALE = frozenset(
    {
        *("stale", "inactive", "abandoned", "no response", "no reply", "no feedback", "auto closed", "autoclosed"),
        *("closed due to inactivity", "awaiting feedback", "waiting for feedback", "awaiting reply", "needs feedback"),
    }
)
_DECLINES = re.compile(
    r"\bwon['\u2019]?t ?fix\b"
    r"|\bclos(?:e|ed|ing)\b[^.\n]{0,40}\b(?:invalid|not a bug|by design|out of scope|not planned|off[- ]topic)\b"
    r"|\bclos(?:e|ed|ing)\b[^.\n]{0,40}\bas (?:designed|intended)\b"
    r"|\bwerden wir nicht (?:beheben|umsetzen)\b|\bkein fehler, so gewollt\b",
    re.IGNORECASE,
)
_GIVEN_UP = re.compile(
    r"\b(?:due to|because of|for|after|lack of|no)\b[^.\n]{0,30}\b(?:inactivity|no (?:response|reply|feedback|activity)"
    r"|lack of (?:response|feedback|activity)|recent activity)\b"
    r"|\bhas not had (?:any )?(?:recent )?activity\b|\bautomatically (?:closed|marked as stale)\b|\bmarked as stale\b"
    r"|\b(?:no|without) (?:response|reply|feedback|answer)\b[^.\n]{0,60}\bclos(?:e|ed|ing)\b"
    r"|\bclos(?:e|ed|ing)\b[^.\n]{0,60}\b(?:no|without|lack of) (?:response|reply|feedback|further|answer|activity)"
    r"|\bkeine (?:rückmeldung|antwort|reaktion)\b|\b(?:nicht mehr aktiv|inaktivität)\b|长时间(?:未|没有)回复",
    re.IGNORECASE,
)
_REFERENCE = r"(https?://[^\s()<>\]\[]+/(?:issues|work_items)/\d+|(?:\w[\w./-]*)?#\d+)"
_SAYS_DUPLICATE = re.compile(
    r"(?<!not a )(?<!not )(?<!no )\b(?:(?:duplicates?|dup|duped?|duplicated) (?:of|to|by)|closed? in favou?r of"
    r"|(?:already|also) (?:reported|answered|tracked|discussed|solved) (?:in|at|with|as)|same (?:issue|problem|bug) as"
    r"|duplikat (?:von|zu)|(?:schon|bereits) (?:gemeldet|beantwortet|gelöst) in|doublon de|duplicad[oa] de"
    r"|duplicata d[eo]|duplicato di|дубликат|duplikat)(?: issue| ticket| bug)?[\s:*_<(\[]{0,6}" + _REFERENCE,
    re.IGNORECASE,
)
_SAYS_DUPLICATE_UNSPACED = re.compile(rf"(?:重复|重複|중복)[^#\n]{{0,12}}?{_REFERENCE}")
_SAID_DUPLICATE_UNSPACED = re.compile(rf"{_REFERENCE}\s?(?:的?重复|の重複|의 중복)")
_SYSTEM_DUPLICATE = re.compile(rf"marked this (?:\w+ )?as a duplicate of {_REFERENCE}", re.IGNORECASE)
_ADDRESS = re.compile(r"https?://[^/\s]+/(?P<project>\S+?)/(?:-/)?(?:issues|work_items)/(?P<iid>\d+)\Z")
_SHORT_REFERENCE = re.compile(r"(?:(?P<project>\w[\w./-]*)?#)?(?P<iid>\d+)\Z")


@dataclass(frozen=True, slots=True)
class Ending:
    """How an issue ended.

    Attributes:
        reasons: Why it is taken to have ended so, in words an admin reads.
        original: For duplicates: the original as a reader knows it, `#12` or `group/project#12`; empty when unknown.
        duplicate_of: Its `Document.id`; empty when unknown, or in a project that is not indexed.
        told_by: Position of the comment that declined the issue; -1 when no comment did.
    """

    closed_as: ClosedAs
    reasons: tuple[str, ...] = ()
    original: str = ""
    duplicate_of: str = ""
    told_by: int = -1


def wanted(document: Document, closed_as: Collection[ClosedAs]) -> Document | Skipped:
    """Return the document, or why it is left out when issues that ended so are not wanted."""
    if document.kind != "issue" or not document.closed_as or document.closed_as in closed_as:
        return document
    return Skipped(document.id, f"closed as {document.closed_as}, which the setting closed_as leaves out")


def find_ending(
    issue: ClosedIssue, notes: Sequence[Comment], thread: Sequence[Said], solution: Solution, *, several_projects: bool
) -> Ending:
    """Return how the issue ended.

    Args:
        issue: As a source read it.
        notes: Its comments that everybody may read, in order.
        thread: The same as the scoring saw them.
        solution: What solved it.
        several_projects: Projects stand in the ids of documents.
    """
    labels = _plain_labels(issue)
    original, reasons = _told_original(issue, notes, solution)
    if original or labels & _DUPLICATE or issue.state_reason.casefold() == "duplicate":
        reasons = reasons or ("marked as a duplicate",)
        shown, document = _addressed(original, issue, several_projects=several_projects)
        return Ending("duplicate", reasons, shown, document)
    if issue.solved_by or solution.confirmed_by_asker:
        return Ending("solved")
    told_by = _declined_by(notes, thread)
    if labels & _DECLINED or issue.state_reason.casefold() == "not_planned" or told_by >= 0:
        reason = "a responder declined it" if told_by >= 0 else "labelled as declined"
        return Ending("declined", (reason,), told_by=told_by if told_by >= 0 else _last_answer(thread))
    given_up = _given_up(issue, notes, labels)
    if given_up and not _was_answered(thread, solution):
        return Ending("stale", (given_up,))
    return Ending("solved" if solution.comments else "unsolved")


def is_confirmed(issue: ClosedIssue, thread: Sequence[Said], notes: Sequence[Comment], solution: Solution) -> bool:
    """Return whether a responder stands behind the resolution.

    One that only the asker, or strangers to the support team, gave and closed is what a poisoned issue looks like: it
    counts once a responder closed the issue or spoke after it without objecting, unless it was changed later or comes
    from an account younger than thirty days.
    """
    if solution.best < 0:
        return bool(issue.solved_by) and not issue.edited_after_close
    said, note = thread[solution.best], notes[solution.best]
    if said.is_responder:
        return True
    if said.late or is_changed(issue, note) or _is_new(issue, note):
        return False
    closed_by_responder = _is_closed_by_responder(issue, thread)
    spoken_after = any(
        other.is_responder and not is_question(other.text) and not seeks_help(other.text)
        for other in thread[solution.best + 1 :]
    )
    return closed_by_responder or spoken_after


def is_changed(issue: ClosedIssue, note: Comment) -> bool:
    """Return whether a comment, or the asker's text if it is the asker's, was changed after the issue was closed."""
    closed, edited = moment(issue.closed_at), moment(note.edited_at)
    if closed and edited and edited > closed:
        return True
    return issue.edited_after_close and note.author == issue.author


def is_late(issue: ClosedIssue, note: Comment) -> bool:
    """Return whether a comment was written after the issue was closed."""
    closed, created = moment(issue.closed_at), moment(note.created_at)
    return bool(closed and created and created > closed)


def _is_new(issue: ClosedIssue, note: Comment) -> bool:
    made = moment(note.author_created_at or (issue.author_created_at if note.author == issue.author else ""))
    written = moment(note.created_at) or moment(issue.closed_at)
    return bool(made and written and written - made < _NEW_ACCOUNT)


def _is_closed_by_responder(issue: ClosedIssue, thread: Sequence[Said]) -> bool:
    if issue.closed_by_role:
        return issue.closed_by_role.casefold() in RESPONDER_ROLES
    return bool(issue.closed_by) and any(said.is_responder and said.by == issue.closed_by for said in thread)


def _plain_labels(issue: ClosedIssue) -> set[str]:
    """Return the labels in small letters without scope (`resolution::wontfix`) and signs."""
    return {
        " ".join(re.findall(r"\w+", label.rpartition("::")[2].casefold().replace("_", " "))) for label in issue.labels
    }


def _told_original(issue: ClosedIssue, notes: Sequence[Comment], solution: Solution) -> tuple[str, tuple[str, ...]]:
    """Return the reference to the original as it was written, and who told it; empty where nobody did."""
    if issue.duplicate_of.strip():
        return issue.duplicate_of.strip(), ("the tracker names the original",)
    for note in issue.comments:
        found = _SYSTEM_DUPLICATE.search(note.body[:_LONGEST]) if note.system and not note.internal else None
        if found:
            return found.group(1), ("the tracker names the original",)
    answered = solution.best >= 0 and notes[solution.best].role.casefold() in RESPONDER_ROLES
    for note in reversed(notes):
        is_responder = note.role.casefold() in RESPONDER_ROLES
        closed_own = note.author == issue.author == issue.closed_by and not answered
        if not (is_responder or closed_own) or weight(note.body[:_LONGEST]) > _REMARK:
            continue
        for pattern in (_SAYS_DUPLICATE, _SAYS_DUPLICATE_UNSPACED, _SAID_DUPLICATE_UNSPACED):
            found = pattern.search(note.body[:_LONGEST])
            if found:
                who = "a responder" if is_responder else "the asker"
                return found.group(1), (f"{who} named the original",)
    return "", ()


def _addressed(reference: str, issue: ClosedIssue, *, several_projects: bool) -> tuple[str, str]:
    """Return the original as a reader knows it, and its `Document.id`; empty where unclear."""
    found = _ADDRESS.match(reference) or _SHORT_REFERENCE.match(reference)
    if found is None:
        return "", ""
    own = _own_project(issue)
    project, iid = (found["project"] or own).strip("/"), int(found["iid"])
    elsewhere = bool(project) and project.casefold() != own.casefold()
    if iid == issue.iid and not elsewhere:
        return "", ""
    shown = f"{project}#{iid}" if elsewhere else f"#{iid}"
    if several_projects and project:
        return shown, f"issue:{project}#{iid}"
    is_known = not elsewhere or not own
    return shown, f"issue:{iid}" if is_known else ""


def _own_project(issue: ClosedIssue) -> str:
    address = _ADDRESS.match(issue.web_url)
    return issue.project or (address["project"] if address else "")


def _declined_by(notes: Sequence[Comment], thread: Sequence[Said]) -> int:
    """Return the position of the comment near the end in which a responder declined the issue, or -1."""
    answers = [n for n, said in enumerate(thread) if said.is_responder and not is_noise(said.text)]
    for number in reversed(answers[-_LAST_WORDS:]):
        if _DECLINES.search(notes[number].body[:_LONGEST]) and not is_question(thread[number].text):
            return number
    return -1


def _last_answer(thread: Sequence[Said]) -> int:
    answers = [n for n, said in enumerate(thread) if said.is_responder and not is_noise(said.text)]
    return answers[-1] if answers else -1


def _given_up(issue: ClosedIssue, notes: Sequence[Comment], labels: set[str]) -> str:
    """Return why the issue was closed for want of an answer; empty when it was not."""
    if labels & _STALE:
        return "labelled as waiting or stale"
    for note in notes[-_LAST_WORDS:]:
        is_trusted = note.bot or note.role.casefold() in RESPONDER_ROLES or note.author == issue.closed_by
        if is_trusted and _GIVEN_UP.search(note.body[:_LONGEST]):
            return "closed for want of an answer"
    return "closed by a bot" if issue.closed_by_role.casefold() == "bot" else ""


def _was_answered(thread: Sequence[Said], solution: Solution) -> bool:
    """Return whether a responder gave an answer, and did not ask back last."""
    if solution.best < 0 or not (thread[solution.best].is_responder or thread[solution.best].is_asker):
        return False
    last = [said for said in thread if said.is_responder and not said.late and not _GIVEN_UP.search(said.text)]
    return not last or not is_question(last[-1].text)
