"""Who may see a GitLab project and its parts. Pure.

The token of the index is a member's and reads what others may not: an answer 404 never comes when a project is made
private, so its visibility is compared with what its source is meant for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

_FEATURES = {"issues": "issues_access_level", "wiki": "wiki_access_level", "files": "repository_access_level"}
_LEVELS = ("private", "internal", "public")
_OFF = -1
_TOO_FEW = "fewer people may see it than its source is meant for: give that [[source]] a visibility of its own"


def reach_of(facts: Mapping[str, Any]) -> dict[str, int]:
    """Return who may see each part of a project: 2 everybody, 1 who signs in, 0 members alone, -1 nobody.

    Args:
        facts: Of the project, as GitLab's API tells them.
    """
    all_parts = level_of(facts)
    told = {part: str(facts.get(name) or "enabled") for part, name in _FEATURES.items()}
    return {part: {"disabled": _OFF, "private": 0}.get(level, all_parts) for part, level in told.items()}


def level_of(facts: Mapping[str, Any]) -> int:
    """Return who may see a project or group: 2 everybody, 1 who signs in, 0 members alone."""
    visibility = str(facts.get("visibility"))
    return _LEVELS.index(visibility) if visibility in _LEVELS else 0


def hidden_parts(facts: Mapping[str, Any], allowed: Mapping[str, int]) -> dict[str, str]:
    """Return the parts of a project that fewer people may see than allowed, with the reason; none when turned off.

    Args:
        facts: Of the project.
        allowed: Part -> who must be able to see it, as `reach_of` tells.
    """
    now = reach_of(facts)
    return {part: "" if now[part] == _OFF else _TOO_FEW for part, level in allowed.items() if now[part] < level}


def first_reach(facts: Mapping[str, Any]) -> dict[str, int]:
    """Return who must be able to see each part from now on, so that it may be shown to everybody.

    A part that is turned off is measured by the project: it may be turned on for its members alone.
    """
    return {part: level_of(facts) if level == _OFF else level for part, level in reach_of(facts).items()}
