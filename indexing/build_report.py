"""What a build is told, and what it tells: options, progress, report."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from indexing.collecting import RefreshOptions
from indexing.versions import Step, utc_now

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from indexing.cleaning import MaskedSecret
    from indexing.collecting import SourceReport
    from indexing.model import Skipped
    from indexing.vectors import StoredAs


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a build is.

    Attributes:
        stage: `read` (documents; total unknown: 0), `embed` (chunks) or `write` (1).
        source: Name of the source that is read; empty in other stages.
    """

    stage: str
    done: int
    total: int
    source: str = ""


@dataclass(frozen=True, slots=True)
class BuildReport:
    """What a build did.

    Attributes:
        version: Name of the new version, or of the one that already holds just this.
        built: False when nothing had changed and no version was made.
        promoted: True when the version is live now.
        paused: True when a rollback has paused promotion: the version stays aside until `resume`.
        added, changed, removed, unchanged: Documents, compared with the newest version.
        seconds: Wall time.
        sources: What the refresh of each source came to.
        cut: Documents read anew of which only the first part is indexed, as they are too long.
        notes: What else an admin should know, one line each.
    """

    version: str
    built: bool
    promoted: bool
    paused: bool
    documents: int
    pages: int
    issues: int
    chunks: int
    added: int
    changed: int
    removed: int
    unchanged: int
    chunks_embedded: int
    chunks_reused: int
    skipped: tuple[Skipped, ...]
    masked: tuple[MaskedSecret, ...]
    seconds: float
    sources: tuple[SourceReport, ...] = ()
    cut: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class BuildOptions(RefreshOptions):
    """What a build seldom needs to be told.

    Attributes:
        strict: A source that is held or cannot be read refuses the build; else it goes on with what it had.
        stored_as: How vectors are stored.
        embedder_name: The setting that made the embedder, for the manifest.
        now: Clock in UTC.
        on_step: See `indexing.versions.Step`.
    """

    strict: bool = True
    stored_as: StoredAs = "float32"
    embedder_name: str = ""
    now: Callable[[], datetime] = utc_now
    on_step: Step = lambda _: None
