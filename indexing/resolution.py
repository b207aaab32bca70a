"""A closed issue -> problem, environment, resolution. Pure.

The fix is indexed, not the complaint: what solved the issue stands under its own heading right after the problem, and
the talk around it shrinks to what says something. Text of people is data here: a dangerous command stays text, and an
answer that nobody of the support team gave or confirmed is marked as unconfirmed.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace

from indexing.asking_back import asked_back
from indexing.closed_issue import ClosedIssue, Comment, issue_id, moment
from indexing.closing import find_ending, is_changed, is_confirmed, is_late, wanted
from indexing.cutting import LIMIT, blocks, weight
from indexing.markdown import normalise
from indexing.model import Document, Skipped
from indexing.phrases import is_noise
from indexing.quoting import without_repeats, words_of
from indexing.shortening import is_log, short_log, shortened
from indexing.solving import RESPONDER_ROLES, Said, Solution, find_solution

__all__ = ["ClosedIssue", "Comment", "issue_id", "to_document", "wanted"]

_LONGEST_TEXT = 60_000  # characters of one description or comment that are read
_PROBLEM_WORDS = 700
_RESOLUTION_WORDS = 500  # of one comment
_DISCUSSION_WORDS = 350
_REMARK_WORDS = 120  # of one comment in the discussion
_LONGEST_TITLE = 255
_AUTHOR_DIGITS = 12
_LOG_WORDS = 160  # of a log in the description: its first lines and, as the cause stands at the end, more of its last
_EMOJI = re.compile(r"(?<![\w:]):[a-z][a-z0-9_+-]{2,30}:(?![\w:])")
_GREETING = re.compile(
    r"\A\W*(?:hi|hello|hey|dear|hallo|guten tag|moin|bonjour|hola)\b[^.?\n]{0,40}[,!.:]?[ ]*\n+", re.IGNORECASE
)
_SPOKEN_OF = re.compile(
    r"(?:is|was|has|had|and|or|did|does|can|could|will|would|says?|said|mentioned|wrote|suggest\w*|point\w*|might|may)\b"
)
_ADDRESSING = re.compile(
    r"(?:\n|\b(?:thanks|thank you|thx|hi|hello|hey|dear|cc|danke|hallo|merci)[ ,]+)\Z", re.IGNORECASE
)
_TEMPLATE = re.compile(
    r"^\W*(?:issue summary|technical details:?(?: i)?"
    r"|a summary of the issue and the browser/os environment in which it occurs"
    r"|any other info e\.?g\.? why do you consider this to be a bug.*|what did you expect to happen instead"
    r"|checklist|description|summary)\W*$",
    re.IGNORECASE | re.MULTILINE,
)
_ENVIRONMENT = re.compile(
    r"^[ \t]*(?:[-*+] +)?(?:\*\*|__)?(?=[A-Za-z])(?=[^:\n]{0,60}\b(?:versions?|browser|os|operating system|runner"
    r"|executor|install(?:ed|ation)?|environment|platform|kubernetes|docker|image|python|node|java|database|betriebssystem"
    r"|umgebung)\b)[^:\n?.{}=]{2,60}:(?:\*\*|__)?[ \t]*[^\s/{].{0,200}$",
    re.IGNORECASE | re.MULTILINE,
)


def to_document(issue: ClosedIssue, source: str, *, several_projects: bool = False) -> Document | Skipped:
    """Return the closed issue as Markdown with the headings Problem, Environment, Resolution and Discussion.

    A heading stands only where there is something below it. Confidential issues, internal notes and notes of GitLab
    itself never get in.

    Args:
        issue: As a source read it.
        source: Name of the source.
        several_projects: The project stands in the document's id.
    """
    document = issue_id(issue, several_projects=several_projects)
    if issue.confidential:
        return Skipped(document, "confidential: it stays out of the index")
    if issue.state != "closed":
        return Skipped(document, f"not closed (its state is {issue.state[:20]!r})")
    title = " ".join(normalise(issue.title[:_LONGEST_TITLE]).text.split()) or f"Issue {issue.iid}"
    thread = _Thread(issue, several_projects=several_projects)
    sections = thread.sections()
    if not sections:
        return Skipped(document, "holds no text that a reader would see")
    return Document(
        id=document,
        kind="issue",
        title=title,
        url=issue.web_url,
        text="\n\n".join(f"## {heading}\n\n{text}" for heading, text in sections),
        source=source,
        labels=tuple(sorted(set(issue.labels))),
        updated_at=_utc(issue.closed_at) or _utc(issue.created_at),
        confirmed=thread.confirmed,
        closed_as=thread.ending.closed_as,
        resolved_by=thread.reasons(),
        duplicate_of=thread.ending.duplicate_of,
        author=hashlib.sha256(issue.author.encode()).hexdigest()[:_AUTHOR_DIGITS] if issue.author else "",
        opened_at=_utc(issue.created_at),
        asked_for=thread.asked_for,
    )


class _Thread:
    """One issue with its comments in order, each reduced to what a reader sees and was not said before."""

    def __init__(self, issue: ClosedIssue, *, several_projects: bool = False) -> None:
        self._issue = issue
        visible = [note for note in issue.comments if not (note.internal or note.system)]
        self._notes = sorted(visible, key=lambda note: note.created_at)
        self._people = frozenset(note.author for note in self._notes) | {issue.author}
        self._problem = self._plain(issue.description, _LOG_WORDS)
        self._texts = self._own_words()
        self._thread = [self._said(note, text) for note, text in zip(self._notes, self._texts, strict=True)]
        self._solution, self._left_out = self._trusted_solution()
        self.ending = find_ending(issue, self._notes, self._thread, self._solution, several_projects=several_projects)
        if self.ending.told_by >= 0 and not self._solution.comments:
            self._solution = Solution((self.ending.told_by,), (), self.ending.told_by)
        is_stale = self.ending.closed_as == "stale"
        self.confirmed = not is_stale and is_confirmed(issue, self._thread, self._notes, self._solution)
        self.asked_for = asked_back(self._thread, self._solution.comments).kinds

    def sections(self) -> list[tuple[str, str]]:
        """Return the headings that have something to say, with their text."""
        environment, problem = _environment(self._problem)
        found = [
            ("Problem", shortened(problem, _PROBLEM_WORDS)),
            ("Environment", environment),
            ("Resolution", self._resolution()),
            ("Discussion", self._discussion()),
        ]
        return [(heading, text) for heading, text in found if text.strip()]

    def reasons(self) -> tuple[str, ...]:
        """Return why the resolution was taken for one, best reason first."""
        by_tracker = tuple(f"closed by {what}" for what in self._issue.solved_by)
        return (*self.ending.reasons, *by_tracker, *self._solution.reasons)

    def _trusted_solution(self) -> tuple[Solution, frozenset[int]]:
        """Return the solution, and the comments that may not stand beside it.

        What strangers wrote or changed after the issue was closed is passed over where a responder stands behind what
        was there before: whoever closed the issue did not see it.
        """
        unseen = frozenset(
            number
            for number, (said, note) in enumerate(zip(self._thread, self._notes, strict=True))
            if not said.is_responder and (said.late or is_changed(self._issue, note))
        )
        if unseen:
            seen = [replace(said, eligible=n not in unseen) for n, said in enumerate(self._thread)]
            solution = find_solution(seen)
            if is_confirmed(self._issue, self._thread, self._notes, solution):
                return solution, unseen
        return find_solution(self._thread), frozenset()

    def _own_words(self) -> list[str]:
        before, texts = [words_of(self._problem)], []
        for note in self._notes:
            text = self._plain(note.body, LIMIT)
            texts.append(without_repeats(text, before))
            before.append(words_of(text))
        return texts

    def _plain(self, markdown: str, log_words: int) -> str:
        """Return what a reader sees, without headings, greetings, names of people in the thread and emoji names.

        Args:
            markdown: A description or comment.
            log_words: Length that a log or a piece of code may have.
        """
        parts = []
        for block in blocks(_GREETING.sub("", normalise(markdown[:_LONGEST_TEXT]).text)):
            text = short_log(block.text, log_words) if is_log(block) else block.text
            if block.kind not in {"fence", "code_block"}:
                text = self._without_names(_EMOJI.sub("", text))
                text = f"**{text.lstrip('#').strip()}**" if block.level else text
                text = _TEMPLATE.sub("", text)
            parts.append(text.strip("\n"))
        return "\n\n".join(part for part in parts if part.strip())

    def _without_names(self, text: str) -> str:
        """Return the text without the names of people in the thread: they tell a reader of the index nothing."""

        def said(match: re.Match[str]) -> str:
            name, space = match.groups()
            if name not in self._people:
                return match.group()
            is_address = not text[: match.start()].strip() or _ADDRESSING.search(text, 0, match.start())
            if is_address and not _SPOKEN_OF.match(text, match.end()):
                return ""
            return ("the asker" if name == self._issue.author else "another user") + space

        return re.sub(r"(?<![\w`/.])@([\w.-]*\w)((?:[,:]?[ ]*(?=\n|\Z)|[,:]? ?))", said, text)

    def _said(self, note: Comment, text: str) -> Said:
        named = frozenset(re.findall(r"(?<![\w`/.])@([\w.-]*\w)", note.body[:_LONGEST_TEXT]))
        return Said(
            text=text,
            by=note.author,
            is_asker=note.author == self._issue.author,
            is_responder=note.role.lower() in RESPONDER_ROLES,
            mentions=named & self._people,
            accepted=note.accepted,
            reactions=note.reactions,
            linked="](http" in note.body,
            closed_it=bool(note.author) and note.author == self._issue.closed_by,
            late=is_late(self._issue, note),
        )

    def _resolution(self) -> str:
        ending = self.ending
        said = [f"Duplicate of {ending.original}: see there for the solution."] if ending.original else []
        said += [shortened(self._texts[number], _RESOLUTION_WORDS) for number in self._solution.comments]
        said += [f"Solved by {what}" for what in self._issue.solved_by]
        return "\n\n".join(said)

    def _discussion(self) -> str:
        """Return what else was said that says something, in order, up to a limit."""
        room, parts = _DISCUSSION_WORDS, []
        for number, text in enumerate(self._texts):
            if number in self._solution.comments or number in self._left_out or is_noise(text):
                continue
            part = shortened(text, min(_REMARK_WORDS, room))
            room -= weight(part)
            if part:
                parts.append(part)
            if room <= 0:
                break
        return "\n\n".join(parts)


def _environment(text: str) -> tuple[str, str]:
    """Return the lines that tell versions and systems, and the text without them."""
    found: list[str] = []

    def take(match: re.Match[str]) -> str:
        found.append(re.sub(r"^[-*+ \t]+", "", match.group()).strip())
        return ""

    parts = []
    for block in blocks(text):
        is_code = block.kind in {"fence", "code_block"}
        parts.append(block.text if is_code else _ENVIRONMENT.sub(take, block.text).strip("\n"))
    rest = "\n\n".join(part for part in parts if part.strip())
    if not rest.strip():
        return "", text
    return "\n".join(f"- {line}" for line in found), rest


def _utc(time: str) -> str:
    read = moment(time)
    return read.isoformat(timespec="seconds") if read is not None else ""
