"""The knowledge base is brought up to date: refresh, build a candidate, check it, make it live or keep it aside.

refresh sources -> candidate -> gate: checksums, counts, golden questions against the live version
                                  │ holds -> live; answers that stood on what changed are checked again; old ones go
                                  └ fails -> kept aside with a report; questions go on with the live version
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Literal

import structlog

from assistant.core.gate import GateCheck, GateReport, Holding, Limits, found_again, judge
from assistant.errors import AssistantError
from assistant.workflows.golden import ask_both, found_by_themselves, from_issues
from indexing.build import BuildOptions, Progress, after_promotion, build
from indexing.build_lock import building
from indexing.errors import DamagedIndex, Incompatible, NoEmbedder, NoIndex
from indexing.versions import Versions

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from assistant.core.gate import GoldenQuestion, Probe
    from indexing.build import BuildReport
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

    @property
    def troubled(self) -> tuple[str, ...]:
        """Why sources were held back or could not be read, one line each."""
        return tuple(source.reason for source in self.build.sources if source.state in {"held", "failed"})


@dataclass(frozen=True, slots=True)
class Gate:
    """Checks a version against the live one.

    Attributes:
        root: The index root.
        embedder_of: Loads the embedder that a version was built with; `Incompatible` when nobody knows it any more.
        golden: Golden questions of people.
        limits: How much may fall.
        on_progress: Stages `check` (files) and `ask` (golden questions).
    """

    root: Path
    embedder_of: Callable[[IndexVersion], Embedder]
    golden: Callable[[], Sequence[GoldenQuestion]]
    limits: Limits
    on_progress: Callable[[Progress], None] = field(default=lambda _: None)

    def check(self, name: str, *, force: bool = False) -> GateReport:
        """Compare a version with the live one, and keep the report beside it.

        Args:
            name: Of the version.
            force: Its sources may have shrunk.

        Raises:
            NoIndex: There is no such version.
        """
        versions = Versions(self.root)
        live = _served(versions)
        report = replace(self._judged(versions, name, live, force=force), against=live.name if live else "")
        versions.write_report(name, asdict(report))
        return report

    def _judged(self, versions: Versions, name: str, live: IndexVersion | None, *, force: bool) -> GateReport:
        self.on_progress(Progress("check", 0, 1))
        try:
            versions.verify(name)
            candidate = versions.open(name)
        except DamagedIndex as error:
            return GateReport(passed=False, checks=(GateCheck("checksums", passed=False, detail=str(error)),))
        self.on_progress(Progress("check", 1, 1))
        checks = [GateCheck("checksums", passed=True, detail=f"{len(candidate.manifest.files)} files are whole")]
        checks.append(found_again(*found_by_themselves(candidate, self.embedder_of(candidate))))
        probes: list[Probe] = []
        if live is None:
            checks.append(GateCheck("live version", passed=True, detail="there is none to compare with"))
        else:
            try:
                probes = self._probes(live, candidate)
            except (AssistantError, Incompatible, NoEmbedder, OSError) as error:
                checks.append(GateCheck("golden questions", passed=False, detail=f"they cannot be asked: {error}"))
        limits = replace(self.limits, force=force)
        return judge(probes, _holding(live) if live else None, _holding(candidate), limits, checks)

    def _probes(self, live: IndexVersion, candidate: IndexVersion) -> list[Probe]:
        questions = [*self.golden(), *from_issues(live, candidate)]
        total = 2 * len(questions)
        return ask_both(
            questions,
            live,
            candidate,
            self.embedder_of,
            lambda done: self.on_progress(Progress("ask", done, total)),
        )


@dataclass(frozen=True, slots=True)
class Reindexing:
    """Brings one index up to date.

    Attributes:
        sources: All that are configured, in their order; `BuildOptions.only` says which are read.
        embedder: Of new versions.
        keep: Versions that stay on the disk.
        after: Told the name of a version that became live; returns how many given answers it takes back.
    """

    gate: Gate
    sources: Sequence[Source]
    clean: Clean
    embedder: Embedder
    keep: int = 3
    after: Callable[[str], int] = lambda _: 0

    def __call__(self, options: BuildOptions, *, promote: bool = True) -> Update:
        """Refresh, build, check, promote.

        Args:
            options: Of the build; `force` also lets a source shrink at the gate.
            promote: Make the candidate live when it passes.

        Raises:
            BuildRefused: Another update runs, or the build cannot go on.
        """
        root = self.gate.root
        with building(root, options.now, "update"):
            report = build(
                self.sources,
                root,
                self.embedder,
                self.clean,
                promote=False,
                on_progress=self.gate.on_progress,
                options=options,
            )
            versions = Versions(root, options.now, options.on_step)
            if report.version == versions.live():
                after_promotion(root)
                return Update("unchanged", replace(report, promoted=True))
            update = self._judged(report, versions, force=options.force, promote=promote)
            return replace(update, pruned=versions.prune(self.keep))

    def _judged(self, report: BuildReport, versions: Versions, *, force: bool, promote: bool) -> Update:
        if versions.paused() and not report.built:  # it was checked when it was built, and waits for a person
            return Update("paused", replace(report, paused=True), "promotion is paused by a rollback")
        live = versions.live()
        gate = self.gate.check(report.version, force=force)
        if not gate.passed:
            log.warning("gate.failed", version=report.version, checks=[check.name for check in gate.failed])
            return Update("aside", report, told(gate), gate)
        if not promote:
            return Update("aside", report, "as was asked", gate)
        if versions.live() != live:
            return Update("aside", report, "another version became live while it was checked: run this again", gate)
        if not versions.promote(report.version, unless_paused=True):
            return Update("paused", replace(report, paused=True), "promotion is paused by a rollback", gate)
        return Update("live", replace(report, promoted=True), gate=gate, recalled=self._went_live(report.version))

    def _went_live(self, name: str) -> int:
        after_promotion(self.gate.root)
        recalled = self.after(name)
        log.info("index.promoted", version=name, recalled=recalled)
        return recalled


def told(gate: GateReport) -> str:
    """Return why a version did not pass, in one line."""
    return "; ".join(f"{check.name}: {check.detail}" for check in gate.failed)


def _served(versions: Versions) -> IndexVersion | None:
    """Return the version that is served; None when there is none, or none is whole any more."""
    try:
        return versions.open_live()
    except NoIndex:
        return None
    except DamagedIndex as error:
        log.warning("gate.no_whole_live_version", error=str(error))
        return None


def _holding(version: IndexVersion) -> Holding:
    return Holding(version.catalog.counts_by_source(), version.manifest.chunker)


__all__ = ["BuildOptions", "Gate", "Progress", "Reindexing", "State", "Update", "told"]
