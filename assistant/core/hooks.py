"""What a webhook of GitLab says about our sources. Pure.

A hook is only a hint: what changed is always read from the API again. One thing is believed at once, as it can only
hide something: an issue that is said to be confidential is not shown any more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Hint:
    """Something changed in a project.

    Attributes:
        project: Full path.
        issue: Number of the issue, or 0.
        hidden: The issue is confidential now.
    """

    project: str
    issue: int = 0
    hidden: bool = False


@dataclass(frozen=True, slots=True)
class Place:
    """Where a source is read from.

    Attributes:
        source: Its name.
        path: Full path of a project, or of a group.
        is_group: The path is a group's: all projects below it belong to the source.
    """

    source: str
    path: str
    is_group: bool = False


def read_hint(body: Mapping[str, Any]) -> Hint | None:
    """Return what a webhook's body says, or None when it does not concern any source.

    Dispatches on the body, as the header of confidential events has other names.

    Raises:
        ValueError: It is no webhook of GitLab.
    """
    kind = body.get("object_kind")
    if not isinstance(kind, str):
        raise ValueError("`object_kind` is missing")  # noqa: TRY004 - the caller treats all malformed bodies alike
    if kind not in {"issue", "work_item", "note", "push", "wiki_page"}:
        return None
    project = _mapping(body, "project").get("path_with_namespace")
    if not isinstance(project, str) or not project:
        raise ValueError("`project.path_with_namespace` is missing")
    if kind in {"push", "wiki_page"}:
        return Hint(project)
    if kind == "note" and _mapping(body, "object_attributes").get("noteable_type") not in {"Issue", "WorkItem"}:
        return None
    issue = _mapping(body, "issue" if kind == "note" else "object_attributes")
    number = issue.get("iid")
    if isinstance(number, bool) or not isinstance(number, int):
        raise ValueError("the number of the issue is missing")  # noqa: TRY004 - as above
    return Hint(project, number, issue.get("confidential") is True)


def sources_of(hint: Hint, places: Sequence[Place]) -> tuple[str, ...]:
    """Return the names of the sources that the hint concerns. Paths are compared as GitLab does, without case."""
    project = hint.project.casefold()
    names = [
        place.source
        for place in places
        if project == place.path.casefold() or (place.is_group and project.startswith(place.path.casefold() + "/"))
    ]
    return tuple(dict.fromkeys(names))


def _mapping(body: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = body.get(name)
    if not isinstance(value, Mapping):
        raise ValueError(f"`{name}` is missing")  # noqa: TRY004 - as above
    return value
