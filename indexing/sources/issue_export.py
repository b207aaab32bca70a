"""A JSON Lines export of issues with their comments -> documents."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO

from indexing.closed_issue import ClosedIssue, Comment, linked_original
from indexing.errors import BuildRefused
from indexing.model import Skipped
from indexing.resolution import to_document
from indexing.sources.flags import is_set

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from indexing.sources import Item

_LONGEST_LINE = 20_000_000  # bytes


@dataclass(frozen=True, slots=True)
class IssueExport:
    """The closed issues in a JSON Lines file, one object a line.

    Fields: `iid`, `title`, `description`, `labels`, `state`, `author`, `created_at`, `closed_at`, `web_url`, `notes`
    (`author`, `role`, `created_at`, `body`, `internal`, `system`), and where known `confidential`,
    `project`, `closed_by`, `closed_by_role`, `author_created_at`, `edited_after_close`, `duplicate_of`, `state_reason`,
    `solved_by` (titles of merge requests), and of notes `accepted`, `upvotes`, `edited_at`, `author_created_at`, `bot`.

    Attributes:
        path: The file.
        name: Stands in `Document.source`.
    """

    path: Path
    name: str = "issues"

    def items(self) -> Iterator[Item]:
        """Yield each document, and each line or issue left out with the reason.

        Raises:
            BuildRefused: The file cannot be read.
        """
        try:
            several = len(self._projects()) > 1
            for number, line in self._lines():
                yield self._item(number, line, several_projects=several)
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise BuildRefused(f"the issue export {self.path} cannot be read: {reason}") from error

    def _projects(self) -> set[str]:
        """Return the projects that appear in the file."""
        found = set()
        for _, line in self._lines():
            record = _record(line)
            if isinstance(record, dict):
                found.add(_project(record))
        return found - {""}

    def _item(self, number: int, line: bytes | None, *, several_projects: bool) -> Item:
        place = f"{self.name}:line {number}"
        record = _record(line)
        if isinstance(record, str):
            return Skipped(place, record)
        try:
            issue = _issue(record)
        except (KeyError, TypeError, ValueError) as error:
            return Skipped(place, f"not an issue: {_fault(error)}")
        return to_document(issue, self.name, several_projects=several_projects)

    def _lines(self) -> Iterator[tuple[int, bytes | None]]:
        """Yield the lines that are not empty, numbered from 1; None stands for one that is too long."""
        with self.path.open("rb") as file:
            number = 0
            while line := file.readline(_LONGEST_LINE):
                number += 1
                is_whole = line.endswith(b"\n") or len(line) < _LONGEST_LINE
                if not is_whole:
                    _pass_line(file)
                    yield number, None
                elif line.strip():
                    yield number, line


def _pass_line(file: BinaryIO) -> None:
    while (part := file.readline(_LONGEST_LINE)) and not part.endswith(b"\n"):
        continue


def _record(line: bytes | None) -> dict[str, Any] | str:
    """Return the object on a line, or why there is none."""
    if line is None:
        return f"longer than {_LONGEST_LINE:,} bytes"
    try:
        record = json.loads(line.decode("utf-8-sig"))
    except UnicodeDecodeError:
        return "not UTF-8: export the issues again"
    except (ValueError, RecursionError):
        return "not JSON: one issue a line is expected"
    return record if isinstance(record, dict) else "not a JSON object: one issue a line is expected"


def _project(record: dict[str, Any]) -> str:
    """Return the path of the issue's project, from `project` or from GitLab's `references`."""
    project = record.get("project") or record.get("project_path") or ""
    if isinstance(project, dict):
        project = project.get("path_with_namespace") or ""
    references = record.get("references")
    if not project and isinstance(references, dict):
        project = str(references.get("full") or "").rpartition("#")[0]
    return str(project)


def _issue(record: dict[str, Any]) -> ClosedIssue:
    iid = record["iid"]
    if isinstance(iid, bool) or int(iid) < 1:
        raise ValueError("iid is no positive number")
    return ClosedIssue(
        iid=int(iid),
        title=_text(record, "title"),
        description=_text(record, "description"),
        author=_person(record.get("author")),
        comments=tuple(_comment(note) for note in record.get("notes") or ()),
        labels=tuple(
            str(label.get("name", "") if isinstance(label, dict) else label) for label in record.get("labels") or ()
        ),
        created_at=_text(record, "created_at"),
        closed_at=_text(record, "closed_at"),
        web_url=_web_address(_text(record, "web_url")),
        project=_project(record),
        state=_text(record, "state") or "unknown",
        confidential=is_set(record.get("confidential")),
        closed_by=_person(record.get("closed_by")),
        solved_by=_texts(record, "solved_by"),
        closed_by_role=_text(record, "closed_by_role") or _fact(record, "closed_by", "role"),
        author_created_at=_text(record, "author_created_at") or _fact(record, "author", "created_at"),
        edited_after_close=is_set(record.get("edited_after_close")),
        duplicate_of=str(record.get("duplicate_of") or "") or linked_original(record.get("_links")),
        state_reason=_text(record, "state_reason"),
    )


def _comment(note: object) -> Comment:
    if not isinstance(note, dict):
        raise TypeError("a note is no JSON object")
    return Comment(
        author=_person(note.get("author")),
        body=_text(note, "body"),
        created_at=_text(note, "created_at"),
        role=_text(note, "role") or "member",
        internal=is_set(note.get("internal")) or is_set(note.get("confidential")),
        system=is_set(note.get("system")),
        accepted=is_set(note.get("accepted")),
        reactions=_count(note.get("upvotes")),
        edited_at=_text(note, "edited_at") or _text(note, "last_edited_at"),
        author_created_at=_text(note, "author_created_at") or _fact(note, "author", "created_at"),
        bot=is_set(note.get("bot")) or bool(_fact(note, "author", "bot")),
    )


def _text(record: dict[str, Any], name: str) -> str:
    value = record.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise TypeError(f"{name} is no text")
    return value


def _texts(record: dict[str, Any], name: str) -> tuple[str, ...]:
    value = record.get(name) or ()
    if not isinstance(value, list | tuple) or not all(isinstance(entry, str) for entry in value):
        raise TypeError(f"{name} is no list of texts")
    return tuple(value)


def _fact(record: dict[str, Any], person: str, name: str) -> str:
    """Return a fact about a person that is written as an object; empty when it is not told."""
    value = record.get(person)
    fact = value.get(name) if isinstance(value, dict) else None
    return "" if fact is None or fact is False else str(fact)


def _count(value: object) -> int:
    return max(0, value) if isinstance(value, int) and not isinstance(value, bool) else 0


def _person(value: object) -> str:
    return str(value.get("username") or "") if isinstance(value, dict) else str(value or "")


def _web_address(address: str) -> str:
    return address if address.startswith(("https://", "http://")) else ""


def _fault(error: Exception) -> str:
    return f"{error.args[0]} is missing" if isinstance(error, KeyError) else str(error)[:100]
