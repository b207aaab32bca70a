"""Whether a candidate version may go live: nothing may be worse than in the live one. Pure.

Each figure is compared on the same questions. A fall counts when it is larger than the margin; for questions that were
drawn from closed issues, which nobody chose, two misses are allowed whatever the margin, as one or two of fifty change
places whenever documents come in. Golden questions of people have no such allowance.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

Origin = Literal["file", "confirmed", "closed issues"]
_DRAWN = 2.0  # questions of a drawn set that may fall
_DEPTH = 10
_FIFTH = 5
_SHOWN = 20  # questions named in a report
_TINY = 1e-9


@dataclass(frozen=True, slots=True)
class GoldenQuestion:
    """A question and the documents that answer it.

    Attributes:
        origin: From a file of the admin, an answer that its asker confirmed, or a closed issue.
    """

    id: str
    text: str
    gold: frozenset[str]
    origin: Origin


@dataclass(frozen=True, slots=True)
class Probe:
    """What a golden question found: documents in the order of their rank, in the live version and in the candidate."""

    golden: GoldenQuestion
    before: tuple[str, ...]
    after: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class GateCheck:
    """One thing that was compared.

    Attributes:
        before: In the live version; None when there is none.
        after: In the candidate.
        allowed: The least that passes.
        detail: Why it failed, and how to mend it; empty when it passed.
    """

    name: str
    passed: bool
    before: float | None
    after: float
    allowed: float
    detail: str = ""


@dataclass(frozen=True, slots=True)
class WorseQuestion:
    """A golden question whose documents stand lower than before.

    Attributes:
        rank_before, rank_after: Of the best golden document, from 1; None beyond the tenth.
        gone: Golden documents that the candidate does not hold any more.
    """

    id: str
    question: str
    origin: Origin
    rank_before: int | None
    rank_after: int | None
    gone: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Holding:
    """What a version holds, by name of the source, and in all."""

    sources: Mapping[str, int]
    documents: int
    chunks: int


@dataclass(frozen=True, slots=True)
class Limits:
    """How much may fall.

    Attributes:
        margin: Of a figure between 0 and 1, absolute.
        shrink: Share of documents.
        configured: Sources that are set up; one that was taken out of the settings may go.
    """

    margin: float
    shrink: float
    configured: frozenset[str]


@dataclass(frozen=True, slots=True)
class GateReport:
    """What the gate found. `passed` is true when every check holds."""

    passed: bool
    checks: tuple[GateCheck, ...]
    worse: tuple[WorseQuestion, ...] = ()
    questions: Mapping[str, int] = field(default_factory=dict)


def judge(
    probes: Sequence[Probe], live: Holding | None, candidate: Holding, documents: Iterable[str], limits: Limits
) -> GateReport:
    """Compare a candidate with the live version.

    Args:
        probes: What each golden question found in both.
        live: None when nothing is live yet: then there is nothing to be worse than.
        candidate: What it holds.
        documents: Ids of all documents of the candidate.
        limits: How much may fall.
    """
    if live is None:
        return GateReport(passed=True, checks=())
    checks = _counts(live, candidate, limits)
    sets: dict[Origin, list[Probe]] = {}
    for probe in probes:
        sets.setdefault(probe.golden.origin, []).append(probe)
    for origin, some in sets.items():
        checks += _figures(origin, some, limits.margin)
    held = frozenset(documents)
    worse = [found for probe in probes if (found := _worse(probe, held)) is not None]
    worse.sort(key=lambda found: (found.rank_after or _DEPTH + 1) - (found.rank_before or _DEPTH + 1), reverse=True)
    counts = {str(origin): len(some) for origin, some in sets.items()}
    return GateReport(all(check.passed for check in checks), tuple(checks), tuple(worse[:_SHOWN]), counts)


def changed_citations(probes: Iterable[Probe]) -> list[Probe]:
    """Return the questions that find another document first."""
    return [probe for probe in probes if probe.before[:1] != probe.after[:1]]


def _counts(live: Holding, candidate: Holding, limits: Limits) -> list[GateCheck]:
    compared = [("documents", live.documents, candidate.documents), ("chunks", live.chunks, candidate.chunks)]
    compared += [
        (f"documents of {name}", count, candidate.sources.get(name, 0))
        for name, count in live.sources.items()
        if name in limits.configured
    ]
    checks = []
    for name, before, after in compared:
        # One document may always go, unless it was the last; see the guard of a refresh.
        allowed = min(before * (1.0 - limits.shrink), float(max(1, before - 1)))
        passed = after >= allowed - _TINY
        told = f"{before} before, {after} now: check the sources; `assistant index diff` names them"
        checks.append(GateCheck(name, passed, before, after, allowed, "" if passed else told))
    return checks


def _figures(origin: Origin, probes: Sequence[Probe], margin: float) -> list[GateCheck]:
    allowed_fall = max(margin, _DRAWN / len(probes)) if origin == "closed issues" else margin
    ranks = [(_rank(probe, probe.before), _rank(probe, probe.after)) for probe in probes]
    checks = []
    for name, value in _FIGURES.items():
        before, after = (sum(value(pair[side]) for pair in ranks) / len(ranks) for side in (0, 1))
        passed = after >= before - allowed_fall - _TINY
        told = f"fell by {before - after:.3f}, allowed are {allowed_fall:.3f}, on {len(probes)} questions"
        least = max(0.0, before - allowed_fall)
        checks.append(GateCheck(f"{name} ({origin})", passed, before, after, least, "" if passed else told))
    return checks


def _rank(probe: Probe, ranking: Sequence[str]) -> int | None:
    for place, document in enumerate(ranking[:_DEPTH], start=1):
        if document in probe.golden.gold:
            return place
    return None


_FIGURES: dict[str, Callable[[int | None], float]] = {
    "hit@1": lambda rank: float(rank == 1),
    "hit@5": lambda rank: float(rank is not None and rank <= _FIFTH),
    "mrr@10": lambda rank: 0.0 if rank is None else 1.0 / rank,
}


def _worse(probe: Probe, held: frozenset[str]) -> WorseQuestion | None:
    before, after = _rank(probe, probe.before), _rank(probe, probe.after)
    if (after or _DEPTH + 1) <= (before or _DEPTH + 1):
        return None
    gone = tuple(sorted(probe.golden.gold - held))
    golden = probe.golden
    return WorseQuestion(golden.id, golden.text[:200], golden.origin, before, after, gone)
