"""The filters of the issue list, as SQL conditions."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from assistant.sandbox.gitlab import auth
from assistant.sandbox.gitlab.store import Row, Value, placeholders
from assistant.sandbox.gitlab.web import PLANNER, Call

LABELLED = "SELECT issue_id FROM issue_labels JOIN labels ON labels.id = label_id WHERE labels.project_id = {project}"


@dataclass
class Conditions:
    """Conditions joined with AND, and the values of their marks."""

    where: list[str] = field(default_factory=list)
    values: list[Value] = field(default_factory=list)

    def add(self, sql: str, *values: Value) -> None:
        """Add one condition."""
        self.where.append(sql)
        self.values += values


def like(text: str) -> str:
    """Return the pattern that finds the text anywhere, taken literally."""
    return "%" + re.sub(r"([\\%_])", r"\\\1", text) + "%"


def visible(call: Call, project: Row) -> Conditions:
    """Return the conditions of the issues the caller may read."""
    found = Conditions()
    found.add("project_id = ?", project["id"])
    if auth.level_of(call, project) < PLANNER:
        assigned = "id IN (SELECT issue_id FROM issue_assignees WHERE user_id = ?)"
        found.add(f"NOT confidential OR author_id = ? OR {assigned}", call.user_id, call.user_id)
    return found


def search_condition(conditions: Conditions, text: str, places: str) -> None:
    """Ask for every word of the text in the title or description (`in=title,description`)."""
    columns = [name for name in ("title", "description") if name in places.split(",")] or ["title", "description"]
    for word in text.split():
        conditions.add(" OR ".join(f"{name} LIKE ? ESCAPE '\\'" for name in columns), *[like(word)] * len(columns))


def _label_conditions(conditions: Conditions, project: Row, names: list[str]) -> None:
    labelled = LABELLED.format(project=int(project["id"]))
    if [name.lower() for name in names] == ["none"]:
        conditions.add(f"id NOT IN ({labelled})")
    elif [name.lower() for name in names] == ["any"]:
        conditions.add(f"id IN ({labelled})")
    else:
        for name in names:
            conditions.add(f"id IN ({labelled} AND labels.name = ?)", name)


def _excluded(conditions: Conditions, project: Row, refused: dict[str, Any]) -> None:
    labelled = LABELLED.format(project=int(project["id"]))
    names = refused.get("labels") or []
    names = names.split(",") if isinstance(names, str) else names
    for name in names:
        conditions.add(f"id NOT IN ({labelled} AND labels.name = ?)", str(name).strip())
    iids = refused.get("iids") or []
    iids = iids if isinstance(iids, list) else str(iids).split(",")
    if iids:
        conditions.add(f"iid NOT IN ({placeholders(iids)})", *[int(number) for number in iids])
    if refused.get("author_id"):
        conditions.add("author_id <> ?", int(refused["author_id"]))
    if refused.get("author_username"):
        conditions.add("author_id NOT IN (SELECT id FROM users WHERE username = ?)", str(refused["author_username"]))


def _scope(conditions: Conditions, call: Call) -> None:
    scope = call.params.get("scope") or "all"
    if scope.replace("-", "_") == "created_by_me":
        conditions.add("author_id = ?", call.user_id)
    elif scope.replace("-", "_") == "assigned_to_me":
        conditions.add("id IN (SELECT issue_id FROM issue_assignees WHERE user_id = ?)", call.user_id)


def _people(conditions: Conditions, params: dict[str, Any]) -> None:
    if params.get("author_id"):
        conditions.add("author_id = ?", params["author_id"])
    if params.get("author_username"):
        conditions.add("author_id IN (SELECT id FROM users WHERE username = ?)", params["author_username"])
    assigned = "SELECT issue_id FROM issue_assignees"
    assignee = str(params.get("assignee_id") or "")
    if assignee.lower() in ("none", "any"):
        conditions.add(f"id {'NOT ' if assignee.lower() == 'none' else ''}IN ({assigned})")
    elif assignee.isdigit():
        conditions.add(f"id IN ({assigned} WHERE user_id = ?)", int(assignee))
    names = params.get("assignee_username") or []
    if names:
        people = f"SELECT id FROM users WHERE username IN ({placeholders(names)})"  # noqa: S608 - only marks
        conditions.add(f"id IN ({assigned} WHERE user_id IN ({people}))", *names)


def _plain_fields(conditions: Conditions, params: dict[str, Any]) -> None:
    if params.get("state") in ("opened", "closed"):
        conditions.add("state = ?", params["state"])
    for name in ("created", "updated"):
        for suffix, compare in (("after", ">="), ("before", "<=")):  # both ends count, as in GitLab
            if params.get(f"{name}_{suffix}"):
                conditions.add(f"{name}_at {compare} ?", params[f"{name}_{suffix}"])
    for name in ("issue_type", "closed_by_id"):
        if params.get(name):
            conditions.add(f"{name} = ?", params[name])
    if params.get("confidential") is not None:
        conditions.add("confidential = ?", int(params["confidential"]))
    if params.get("milestone"):
        conditions.add("milestone_id IN (SELECT id FROM milestones WHERE title = ?)", params["milestone"])


def conditions_of(call: Call, project: Row) -> Conditions:
    """Return all conditions that the request's parameters make."""
    params, found = dict(call.params), visible(call, project)
    _plain_fields(found, params)
    if params.get("iids"):
        found.add(f"iid IN ({placeholders(params['iids'])})", *params["iids"])
    if params.get("my_reaction_emoji"):
        mine = "SELECT awardable_id FROM awards WHERE awardable_type = 'Issue' AND user_id = ? AND name = ?"
        found.add(f"id IN ({mine})", call.user_id, params["my_reaction_emoji"])
    if params.get("search"):
        search_condition(found, params["search"], params.get("in") or "title,description")
    _label_conditions(found, project, params.get("labels") or [])
    _excluded(found, project, params.get("not") or {})
    _people(found, params)
    _scope(found, call)
    return found
