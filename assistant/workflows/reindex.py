"""The knowledge base is brought up to date: refresh, build a candidate, check it, make it live or keep it aside.

refresh sources -> candidate -> gate: counts, golden questions against the live version
                                  │ holds -> live, answers that stood on what changed are checked again
                                  └ fails -> kept aside with a report; questions go on with the live version
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Literal

import structlog

from assistant.core.gate import GateReport, Holding, Limits, judge
from assistant.workflows.golden import ask_both, from_issues
from indexing.build import Progress, after_promotion, build
from indexing.build_lock import building
from indexing.errors import DamagedIndex, NoIndex
from indexing.versions import Versions

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from assistant.core.gate import GoldenQuestion, Probe
    from indexing.build import BuildOptions, BuildReport
    from indexing.embedder import Embedder
    from indexing.index_version import IndexVersion
    from indexing.model import Clean
    from indexing.sources import Source

State = Literal["unchanged", "live", "aside", "paused"]
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Update:
    """What an update came to.

    Attributes:
        state: `unchanged`: the live version holds just this; `live`: a new version is; `aside`: the candidate was kept
            aside, `reason` says why; `paused`: as a rollback has paused promotion.
        gate: None when there was nothing to check.
        pruned: Versions that were deleted.
        recalled: Given answers that no longer stand on what they cited.
    """

    state: State
    build: BuildReport
    reason: str = ""
    gate: GateReport | None = None
    pruned: tuple[str, ...] = ()
    recalled: int = 0


@dataclass(frozen=True, slots=True)
class Reindexing:
    """Brings one index up to date.

    Attributes:
        root: The index root.
        embedder: Of new versions.
        embedder_of: Loads the embedder that a version was built with.
        golden: Golden questions of people.
        limits: Of the gate.
        keep: Versions that stay on the disk.
        after: Told the name of a version that became live; returns how many given answers it takes back.
    """

    root: Path
    sources: Sequence[Source]
    clean: Clean
    embedder: Embedder
    embedder_of: Callable[[IndexVersion], Embedder]
    golden: Callable[[], Sequence[GoldenQuestion]]
    limits: Limits
    keep: int = 3
    after: Callable[[str], int] = lambda _: 0
    on_progress: Callable[[Progress], None] = field(default=lambda _: None)

    def __call__(self, options: BuildOptions, *, promote: bool = True) -> Update:
        """Refresh, build, check, promote.

        Args:
            options: Of the build; `force` also passes the gate, whose report is kept all the same.
            promote: Make the candidate live when it passes.

        Raises:
            BuildRefused: Another update runs, or the build cannot go on.
        """
        with building(self.root, options.now, "update"):
            report = build(
                self.sources,
                self.root,
                self.embedder,
                self.clean,
                promote=False,
                on_progress=self.on_progress,
                options=options,
            )
            versions = Versions(self.root, options.now, options.on_step)
            if report.version == versions.live():
                after_promotion(self.root)
                return Update("unchanged", replace(report, promoted=True))
            update = self._judged(report, versions, force=options.force, promote=promote)
            return replace(update, pruned=versions.prune(self.keep))

    def check(self, name: str, versions: Versions) -> GateReport:
        """Compare a version with the live one, and keep the report.

        Raises:
            NoIndex: There is no such version.
            DamagedIndex: The version is not whole.
        """
        candidate, live = versions.open(name), _live(versions)
        report = judge(
            self._probes(live, candidate),
            _holding(live) if live is not None else None,
            _holding(candidate),
            candidate.catalog.content_hashes(),
            self.limits,
        )
        versions.write_report(name, {"against": live.name if live else None, **asdict(report)})
        return report

    def _judged(self, report: BuildReport, versions: Versions, *, force: bool, promote: bool) -> Update:
        gate = self.check(report.version, versions)
        if versions.paused():
            return Update("paused", replace(report, paused=True), "promotion is paused by a rollback", gate)
        if not promote:
            return Update("aside", report, "as was asked", gate)
        if not gate.passed and not force:
            failed = [check for check in gate.checks if not check.passed]
            log.warning("gate.failed", version=report.version, checks=[check.name for check in failed])
            return Update("aside", report, "; ".join(f"{check.name} {check.detail}" for check in failed), gate)
        versions.promote(report.version)
        after_promotion(self.root)
        recalled = self.after(report.version)
        log.info("index.promoted", version=report.version, recalled=recalled)
        return Update("live", replace(report, promoted=True), gate=gate, recalled=recalled)

    def _probes(self, live: IndexVersion | None, candidate: IndexVersion) -> list[Probe]:
        if live is None:
            return []
        questions = [*self.golden(), *from_issues(live, candidate)]
        total = 2 * len(questions)
        return ask_both(
            questions,
            live,
            candidate,
            self.embedder_of,
            lambda done: self.on_progress(Progress("check", done, total)),
        )


def _live(versions: Versions) -> IndexVersion | None:
    """Return the version that is served; None when there is none, or none is whole any more."""
    try:
        return versions.open_live()
    except NoIndex:
        return None
    except DamagedIndex as error:
        log.warning("gate.no_whole_live_version", error=str(error))
        return None


def _holding(version: IndexVersion) -> Holding:
    manifest = version.manifest
    return Holding(manifest.sources, manifest.counts["documents"], manifest.counts["chunks"])
