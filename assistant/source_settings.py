"""The `[[source]]` tables of `assistant.toml`: what the knowledge base is made from."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - pydantic reads the type at run time
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Name = Annotated[str, Field(pattern=r"^\w[\w.-]{0,63}$")]
"""Of a source: begins every document's name, and is one word of a command."""


class _SourceTable(BaseModel):
    """What every `[[source]]` table may say.

    `visibility` is `public`, or a named audience that `[audiences]` gives places to; `refresh_minutes` is the time
    between two sweeps of this source.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    visibility: str = Field("public", pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")
    refresh_minutes: float | None = Field(None, gt=0)


class _Paths(_SourceTable):
    """Filters by path: shell patterns such as `docs/**` or `*.md`; none takes all."""

    paths: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()


class Folder(_Paths):
    """A tree of Markdown files; with `formats`, PDF, Office and HTML files too."""

    type: Literal["folder"]
    path: Path
    name: Name = "docs"
    base_url: str = ""
    formats: tuple[Literal["markdown", "pdf", "office", "html"], ...] = ("markdown",)


class IssueFile(_SourceTable):
    """Closed issues as JSON Lines."""

    type: Literal["issues"]
    path: Path
    name: Name = "issues"


class GitRepository(_Paths):
    """The Markdown files of a git repository at a ref."""

    type: Literal["git"]
    url: str
    name: Name
    ref: str = ""
    base_url: str = ""


class GitLabSource(_Paths):
    """A GitLab project, or all projects of a group: closed issues, wiki, documentation files at a ref.

    Read with `GITLAB_READ_TOKEN`. `labels` must all be there, of `without_labels` none; `closed_as` says which issues
    are indexed; `files` reads the Markdown files of the repository that `paths` and `exclude` leave.
    """

    type: Literal["gitlab"]
    project: str = ""
    group: str = ""
    name: Name = "issues"
    issues: bool = True
    labels: tuple[str, ...] = ()
    without_labels: tuple[str, ...] = ()
    closed_as: tuple[Literal["solved", "unsolved", "duplicate", "declined", "stale"], ...] = (
        "solved",
        "unsolved",
        "duplicate",
    )
    merge_requests: bool = True
    wiki: bool = True
    files: bool = False
    ref: str = ""
    responders: tuple[str, ...] = ()
    bots: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if bool(self.project) == bool(self.group):
            raise ValueError("give either project or group")
        return self


class Site(_Paths):
    """A documentation site, by its sitemap; `paths` and `exclude` are matched against the path of each address."""

    type: Literal["site"]
    sitemap: str
    name: Name


Source = Annotated[Folder | IssueFile | GitRepository | GitLabSource | Site, Field(discriminator="type")]

_TABLES: dict[str, type[BaseModel]] = {
    "folder": Folder,
    "git": GitRepository,
    "gitlab": GitLabSource,
    "site": Site,
    "issues": IssueFile,
}
KEYS = {kind: tuple(name for name in table.model_fields if name != "type") for kind, table in _TABLES.items()}
"""What a table of each type takes, for messages."""
