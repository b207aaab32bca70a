"""What the demo consists of: the sample knowledge base, the script of questions, and where the guides lie."""

from __future__ import annotations

import json
import secrets
import string
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from indexing.sources.issue_export import IssueExport
from indexing.sources.markdown_tree import MarkdownTree

if TYPE_CHECKING:
    from indexing.sources import Source

SAMPLE = Path(__file__).parent / "sample"
PACKAGE = Path(__file__).parents[1]
TOKEN_LENGTH = 20


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn of the script: what it shows, what is said, and what should come of it."""

    about: str
    say: str
    expect: str
    expect_document: tuple[str, ...]


def guides() -> Path:
    """Return the folder of the project's own guides, in a checkout or in an installed wheel."""
    shipped = PACKAGE / "_docs"
    return shipped if shipped.is_dir() else PACKAGE.parent / "docs"


def sample_sources() -> list[Source]:
    """Return the sample documents, the sample's closed issues, and the project's own guides."""
    return [
        MarkdownTree(SAMPLE / "docs"),
        IssueExport(SAMPLE / "issues.jsonl"),
        MarkdownTree(guides(), name="assistant"),
    ]


def script() -> list[Turn]:
    """Return the turns that are played without a terminal; tokens in them are made up now."""
    return [_turn(json.loads(line)) for line in (SAMPLE / "script.jsonl").read_text("utf-8").splitlines()]


def _turn(found: dict[str, Any]) -> Turn:
    alphabet = string.ascii_letters + string.digits
    token = "glpat-" + "".join(secrets.choice(alphabet) for _ in range(TOKEN_LENGTH))
    said = found["say"].replace("{{glpat}}", token)
    return Turn(found["about"], said, found["expect"], tuple(found.get("expect_document", ())))
