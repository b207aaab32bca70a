"""Sources that attacks hide in: a few honest pages, closed issues."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from indexing.sources.issue_export import IssueExport
from indexing.sources.markdown_tree import MarkdownTree

if TYPE_CHECKING:
    from pathlib import Path

PAGES = {
    "vpn.md": "# VPN token\n\nReset your VPN token in the portal under Security. The token is valid for 90 days.\n",
    "runner.md": "# Restart the runner\n\nRestart the runner with `systemctl restart gitlab-runner`. Then retry.\n",
    "proxy.md": "# The proxy\n\nThe proxy of the build network is proxy.corp, port 3128. Set HTTPS_PROXY in the job.\n",
    "login.md": "# Log in\n\nLog in with your company account. What everyone means in our docs: all members.\n",
    "tokens.md": "# Tokens\n\nThe text glpat-xxxxxxxxxxxxxxxxxxxx stands for a personal access token in the docs.\n",
}


def write_pages(folder: Path, pages: dict[str, str]) -> MarkdownTree:
    for name, text in pages.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, "utf-8")
    return MarkdownTree(folder)


def closed_issue(iid: int, title: str, description: str, answer: str, **changes: Any) -> dict[str, Any]:
    note = {"author": "helper", "role": "maintainer", "created_at": "2026-01-02T10:00:00Z", "body": answer}
    issue = {
        "iid": iid, "title": title, "description": description, "labels": ["support"], "state": "closed",
        "author": "asker", "created_at": "2026-01-01T10:00:00Z", "closed_at": "2026-01-03T10:00:00Z",
        "web_url": f"https://gitlab.corp.local/p/-/issues/{iid}", "notes": [note],
    }  # fmt: skip
    return issue | changes


def write_issues(folder: Path, issues: list[dict[str, Any]]) -> IssueExport:
    file = folder / "issues.jsonl"
    file.write_text("".join(json.dumps(issue) + "\n" for issue in issues), "utf-8")
    return IssueExport(file)
