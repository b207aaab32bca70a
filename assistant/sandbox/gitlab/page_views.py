"""What the pages show: plain values for the templates, read from the store."""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING, Any

from assistant.sandbox.gitlab import entities, issue_filters, markdown
from assistant.sandbox.gitlab.paging import Listing, paginate

if TYPE_CHECKING:
    from assistant.sandbox.gitlab.store import Row
    from assistant.sandbox.gitlab.web import Call

PER_PAGE = 50
STATES = (("opened", "Open"), ("closed", "Closed"), ("all", "All"))


def spoken_time(stamp: str) -> str:
    """Return a stamp as people read it: `21 Nov 2026, 05:32 UTC`."""
    moment = datetime.fromisoformat(stamp)
    return f"{moment.day} {moment:%b %Y, %H:%M} UTC"


def rendered(project: Row, text: str | None) -> str:
    """Return Markdown as safe HTML; links to uploads lead to the project's, headings stand below the page's own."""
    html = re.sub(
        r"<(/?)h([1-6])", lambda found: f"<{found[1]}h{min(6, int(found[2]) + 2)}", markdown.safe_html(text or "")
    )
    return html.replace('href="/uploads/', f'href="/-/project/{project["id"]}/uploads/')


def _labels(call: Call, issue: Row) -> list[dict[str, Any]]:
    return [entities.label_details(row) for row in entities.labels_of(call.store, issue["id"])]


def _name(call: Call, user_id: int) -> str:
    return str(call.store.get("users", user_id)["name"])


def _row(call: Call, issue: Row) -> dict[str, Any]:
    notes = call.store.value("SELECT count(*) FROM notes WHERE issue_id = ? AND NOT system", issue["id"])
    return {
        "iid": issue["iid"],
        "title": issue["title"],
        "state": issue["state"],
        "confidential": bool(issue["confidential"]),
        "author": _name(call, issue["author_id"]),
        "created_at": issue["created_at"],
        "updated_at": issue["updated_at"],
        "labels": _labels(call, issue),
        "notes": notes,
    }


def issue_list(call: Call, project: Row) -> dict[str, Any]:
    """Return the values of the list page: issues by last change, counts per state, links to more."""
    state, query = call.params["state"], call.params["search"]
    seen = issue_filters.visible(call, project)
    if query:
        issue_filters.search_condition(seen, query, "title,description")
    counts = {
        name: call.store.value(
            f"SELECT count(*) FROM issues WHERE {Listing('issues', seen.where, []).condition} AND ? IN (state, 'all')",  # noqa: S608 - literals
            *seen.values,
            name,
        )
        for name, _ in STATES
    }
    counts["all"] = counts["opened"] + counts["closed"]
    if state != "all":
        seen.add("state = ?", state)
    rows, headers = paginate(call, Listing("issues", seen.where, seen.values, "updated_at"))
    return {
        "issues": [_row(call, row) for row in rows],
        "tabs": [{"state": name, "title": title, "count": counts[name]} for name, title in STATES],
        "state": state,
        "search": query,
        "next_page": headers["X-Next-Page"],
        "prev_page": headers["X-Prev-Page"],
    }


def _comments(call: Call, project: Row, issue: Row) -> list[dict[str, Any]]:
    rows = call.store.rows("SELECT * FROM notes WHERE issue_id = ?", issue["id"])
    return [
        {
            "kind": "event" if row["system"] else "comment",
            "id": row["id"],
            "author": _name(call, row["author_id"]),
            "at": row["created_at"],
            "edited": row["updated_at"] != row["created_at"],
            "internal": bool(row["internal"]),
            "html": rendered(project, row["body"]),
            "text": row["body"],
        }
        for row in rows
    ]


def _events(call: Call, issue: Row) -> list[dict[str, Any]]:
    states = call.store.rows("SELECT * FROM state_events WHERE issue_id = ?", issue["id"])
    labels = call.store.rows(
        "SELECT label_events.*, name FROM label_events JOIN labels ON labels.id = label_id WHERE issue_id = ?",
        issue["id"],
    )
    words = {"add": "added the label", "remove": "removed the label"}
    told = [(row, f"{row['state']} this issue") for row in states]
    told += [(row, f"{words[row['action']]} {row['name']}") for row in labels]
    return [
        {"kind": "event", "author": _name(call, row["user_id"]), "at": row["created_at"], "text": text}
        for row, text in told
    ]


def issue_page(call: Call, project: Row, issue: Row) -> dict[str, Any]:
    """Return the values of one issue's page: text, comments and events in order of time, all labels."""
    held = {label["name"] for label in _labels(call, issue)}
    every = call.store.rows("SELECT * FROM labels WHERE project_id = ? ORDER BY name", project["id"])
    timeline = _comments(call, project, issue) + _events(call, issue)
    return {
        "issue": _row(call, issue),
        "description": rendered(project, issue["description"]),
        "closed_at": issue["closed_at"],
        "timeline": sorted(timeline, key=lambda item: item["at"]),
        "labels": [entities.label_details(row) | {"held": row["name"] in held} for row in every],
    }
