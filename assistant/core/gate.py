"""Whether a candidate version may go live: nothing may be worse than in the live one. Pure.

Both versions are asked the same golden questions, so a figure changes because documents or model did, never by chance.
But gold is incomplete (a new page may answer as well and stand first), and of few questions one exceeds any margin. So:

- a golden question of people (the admin's file, an answer its asker confirmed) must stay among the first five: there a
  fall beyond the margin counts, though it be one question;
- that it moves within the first ten counts when it is more than the margin and more than one question is worth;
- of questions drawn from closed issues, which nobody chose, two may be lost whatever the margin.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from assistant.core.golden import DEPTH, GoldenQuestion, Origin, Probe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from indexing.model import Kind

__all__ = [
    "GateCheck",
    "GateReport",
    "GoldenQuestion",
    "Holding",
    "Limits",
    "Origin",
    "Probe",
    "WorseQuestion",
    "changed_citations",
    "found_again",
    "judge",
]

_GRACE = {"file": 1.0, "confirmed": 1.0, "closed issues": 2.0}  # questions that may fall whatever the margin
_STRICT = "hit@5"  # where there is no grace for questions of people
_FIFTH = 5
_FEW_CHUNKS = 10  # that may always go
_FOUND_AGAIN = 0.5  # titles may be alike ("Introduction"), but a broken version finds next to nothing
_SHOWN = 20  # questions named in a report
_SHOWN_FOUND = 3  # documents named for each
_SHOWN_GONE = 3
_TINY = 1e-9


@dataclass(frozen=True, slots=True)
class GateCheck:
    """One thing that was checked.

    Attributes:
        before: In the live version; None when there is none.
        after: In the candidate; None where there is no figure.
        allowed: The least that passes.
        detail: What was found; of a failed check also how to mend it.
    """

    name: str
    passed: bool
    before: float | None = None
    after: float | None = None
    allowed: float | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class WorseQuestion:
    """A golden question whose documents stand lower than before.

    Attributes:
        question: Empty for confirmed answers: people's words stay in the state database, where they can be forgotten.
        rank_before, rank_after: Of the best golden document, from 1; None beyond the tenth.
        found_before, found_after: The first documents that were found.
        gone: Golden documents that the candidate does not hold any more: removed at their source, or left out.
    """

    id: str
    question: str
    origin: Origin
    rank_before: int | None
    rank_after: int | None
    found_before: tuple[str, ...] = ()
    found_after: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Holding:
    """What a version holds.

    Attributes:
        sources: (Source, kind) -> documents and chunks.
        chunker: How documents were cut; chunks of two ways of cutting are not compared.
    """

    sources: Mapping[tuple[str, Kind], tuple[int, int]]
    chunker: str = ""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much may fall.

    Attributes:
        margin: Of a figure between 0 and 1, absolute.
        shrink: Share of the documents of a source and kind.
        configured: Sources that are set up; one that was taken out of the settings may go.
        force: Somebody said that sources may shrink.
    """

    margin: float
    shrink: float
    configured: frozenset[str]
    force: bool = False


@dataclass(frozen=True, slots=True)
class GateReport:
    """What the gate found.

    Attributes:
        passed: Every check holds.
        against: The live version; empty when there was none.
        questions: Origin -> golden questions that were asked.
    """

    passed: bool
    checks: tuple[GateCheck, ...]
    worse: tuple[WorseQuestion, ...] = ()
    questions: Mapping[str, int] = field(default_factory=dict)
    against: str = ""

    @property
    def failed(self) -> tuple[GateCheck, ...]:
        """The checks that did not pass."""
        return tuple(check for check in self.checks if not check.passed)


def judge(
    probes: Sequence[Probe],
    live: Holding | None,
    candidate: Holding,
    limits: Limits,
    others: Sequence[GateCheck] = (),
) -> GateReport:
    """Compare a candidate with the live version.

    Args:
        probes: What each golden question found in both.
        live: None when nothing is live yet: then there is nothing to be worse than.
        candidate: What it holds.
        limits: How much may fall.
        others: What was checked without the live version.
    """
    checks = list(others)
    sets: dict[Origin, list[Probe]] = {}
    if live is not None:
        checks += _counts(live, candidate, limits)
        for probe in probes:
            sets.setdefault(probe.golden.origin, []).append(probe)
    for origin, some in sets.items():
        checks += _figures(origin, some, limits.margin)
    worse = [found for some in sets.values() for probe in some if (found := _worse(probe)) is not None]
    worse.sort(key=lambda found: _fall(found.rank_before, found.rank_after), reverse=True)
    counts = {str(origin): len(some) for origin, some in sets.items()}
    return GateReport(all(check.passed for check in checks), tuple(checks), tuple(worse[:_SHOWN]), counts)


def changed_citations(probes: Iterable[Probe]) -> list[Probe]:
    """Return the questions that find another document first."""
    return [probe for probe in probes if probe.before[:1] != probe.after[:1]]


def found_again(found: int, asked: int) -> GateCheck:
    """Check that documents are found by their own words: vectors, full text and documents belong together.

    Args:
        found: Documents that stood among the first ten.
        asked: Documents that were looked for.
    """
    share = found / asked if asked else 1.0
    passed = share >= _FOUND_AGAIN
    told = f"{found} of {asked} documents are found by their own title and first words"
    mend = "" if passed else ": its vectors and texts do not belong together, build again"
    return GateCheck("self-check", passed, None, share, _FOUND_AGAIN, told + mend)


# -- what it holds


def _counts(live: Holding, candidate: Holding, limits: Limits) -> list[GateCheck]:
    checks = []
    for (source, kind), (before, _) in live.sources.items():
        if source not in limits.configured:
            continue
        after = candidate.sources.get((source, kind), (0, 0))[0]
        # One document may always go, unless it was the last of its source; see the guard of a refresh.
        is_empty = not any(count for (name, _), (count, _) in candidate.sources.items() if name == source)
        allowed = max(min(before * (1.0 - limits.shrink), before - 1.0), 1.0 if is_empty else 0.0)
        checks.append(_count(f"{kind}s of {source}", before, after, allowed, limits))
    before, after = _chunks(live, limits), _chunks(candidate, limits)
    if live.chunker == candidate.chunker:
        checks.append(_count("chunks", before, after, before * (1.0 - limits.shrink) - _FEW_CHUNKS, limits))
    return checks


def _count(name: str, before: int, after: int, allowed: float, limits: Limits) -> GateCheck:
    fell = after < allowed - _TINY
    told = ""
    if fell:
        mend = (
            "allowed by --force" if limits.force else "look at `assistant index diff`, and say --force if it is right"
        )
        told = f"{before} before, {after} now: {mend}"
    return GateCheck(name, not fell or limits.force, before, after, max(0.0, allowed), told)


def _chunks(holding: Holding, limits: Limits) -> int:
    return sum(chunks for (source, _), (_, chunks) in holding.sources.items() if source in limits.configured)


# -- what it finds


def _figures(origin: Origin, probes: Sequence[Probe], margin: float) -> list[GateCheck]:
    # What an admin wrote down counts though its document is gone; a confirmed answer goes with its document.
    counted = [probe for probe in probes if origin == "file" or not probe.cannot_be_answered]
    left = len(probes) - len(counted)
    told = [f"{left} left out, as what answered them was removed at its source"] if left else []
    if not counted:
        return [GateCheck(f"golden questions ({origin})", passed=True, detail="; ".join(told))]
    ranks = [(_rank(probe, probe.before), _rank(probe, probe.after)) for probe in counted]
    checks = []
    for name, value in _FIGURES.items():
        before, after = (sum(value(pair[side]) for pair in ranks) / len(ranks) for side in (0, 1))
        grace = 0.0 if name == _STRICT and origin != "closed issues" else _GRACE[origin] / len(ranks)
        least = max(0.0, before - max(margin, grace))
        passed = after >= least - _TINY
        details = [f"on {len(ranks)} questions", *told]
        if not passed:
            details += [f"fell by {before - after:.3f}, allowed are {max(margin, grace):.3f}", *_removed(counted)]
        checks.append(GateCheck(f"{name} ({origin})", passed, before, after, least, "; ".join(details)))
    return checks


def _removed(probes: Iterable[Probe]) -> list[str]:
    gone = sorted({document for probe in probes if probe.cannot_be_answered for document in probe.gone})
    if not gone:
        return []
    more = f" and {len(gone) - _SHOWN_GONE} more" if len(gone) > _SHOWN_GONE else ""
    named = ", ".join(gone[:_SHOWN_GONE])
    return [f"removed at the source: {named}{more} (if it is right, take these questions out of the file)"]


def _rank(probe: Probe, ranking: Sequence[str]) -> int | None:
    for place, document in enumerate(ranking[:DEPTH], start=1):
        if document in probe.golden.gold:
            return place
    return None


_FIGURES: dict[str, Callable[[int | None], float]] = {
    "hit@1": lambda rank: float(rank == 1),
    "hit@5": lambda rank: float(rank is not None and rank <= _FIFTH),
    "mrr@10": lambda rank: 0.0 if rank is None else 1.0 / rank,
}


def _worse(probe: Probe) -> WorseQuestion | None:
    before, after = _rank(probe, probe.before), _rank(probe, probe.after)
    if (after or DEPTH + 1) <= (before or DEPTH + 1):
        return None
    golden = probe.golden
    return WorseQuestion(
        id=golden.id,
        question="" if golden.origin == "confirmed" else golden.text[:200],
        origin=golden.origin,
        rank_before=before,
        rank_after=after,
        found_before=probe.before[:_SHOWN_FOUND],
        found_after=probe.after[:_SHOWN_FOUND],
        gone=tuple(sorted(probe.gone)),
    )


def _fall(before: int | None, after: int | None) -> float:
    value = _FIGURES["mrr@10"]
    return value(before) - value(after)
