"""What would have come of questions of the past: outcomes, counts by month and label, misses. Pure."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

from assistant.core.judging import CITED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from assistant.core.judging import Judgement
    from assistant.core.model import OutcomeName
    from indexing.model import Chunk

Miss = Literal["", "not_in_index", "not_found", "not_cited", "weak_evidence"]
"""Why the right document did not help: it came later, was not in the ranking, was in the ranking but not cited, or was
found and not trusted. Empty: nothing was missed, or nobody knows."""

_WINDOW = 30  # issues at least, of which shares are taken over time
_Z = 1.959964  # of 95 %
_HEADING = re.compile(r"^## (Problem|Environment|Resolution|Discussion)[ \t]*$", re.MULTILINE)
_LONGEST = 8000  # characters that a question may have


@dataclass(frozen=True, slots=True)
class Told:
    """What the index keeps of a closed issue, part by part."""

    title: str
    parts: dict[str, str]

    @property
    def question(self) -> str:
        """The asker's words: title, problem, and the lines about versions and systems."""
        said = [self.title, *(self.parts.get(name, "") for name in ("Problem", "Environment"))]
        return "\n".join(part for part in said if part)[:_LONGEST]

    @property
    def resolution(self) -> str:
        """What solved it; may be empty."""
        return self.parts.get("Resolution", "")

    @property
    def discussion(self) -> str:
        """What else was said; may be empty."""
        return self.parts.get("Discussion", "")


def told_by(title: str, chunks: Iterable[Chunk]) -> Told:
    """Return the parts of an issue from its chunks, in order."""
    parts: dict[str, list[str]] = defaultdict(list)
    now = ""
    for chunk in chunks:
        # A chunk stands below one heading, or holds the headings of several short parts.
        now = chunk.headings[1] if len(chunk.headings) > 1 else now
        before, *rest = _HEADING.split(chunk.text)
        parts[now].append(before)
        for now, text in zip(rest[::2], rest[1::2], strict=True):
            parts[now].append(text)
    return Told(title, {name: "\n\n".join(t.strip() for t in texts if t.strip()) for name, texts in parts.items()})


@dataclass(frozen=True, slots=True)
class Replayed:
    """A closed issue, and what would have come of it on the day it was opened.

    Attributes:
        document: `Document.id` of the issue.
        title, url, opened_at, labels, author: Of the issue.
        outcome: As it would have been told.
        reason: Of an abstention.
        score, confidence: Of the outcome.
        cited: Documents, in order; of an answer only.
        right: Documents that are known to be right.
        judgement: Of an answer; None for other outcomes.
        miss: See `Miss`.
        milliseconds: That the question took.
        answered_by: Model name, or `extractive`.
    """

    document: str
    title: str
    url: str
    opened_at: str
    labels: tuple[str, ...]
    author: str
    outcome: OutcomeName
    reason: str
    score: float
    confidence: float | None
    cited: tuple[str, ...]
    right: tuple[str, ...]
    judgement: Judgement | None
    miss: Miss
    milliseconds: float
    answered_by: str = ""

    @property
    def month(self) -> str:
        """`YYYY-MM` in which it was opened."""
        return self.opened_at[:7]

    def as_object(self) -> dict[str, Any]:
        """Return all of it but who asked, as plain data."""
        found = asdict(self)
        del found["author"]
        return found


def missed(
    right: Iterable[str], holds: Callable[[str], bool], ranking: Sequence[str], cited: Sequence[str] | None
) -> Miss:
    """Return why the right documents did not help.

    Args:
        right: Known to be right.
        holds: Whether the index held a document then.
        ranking: What was found, best first.
        cited: By an answer; None when none was given.
    """
    known = set(right)
    if not known or (cited is not None and known & set(cited[:CITED])):
        return ""
    if not any(holds(document) for document in known):
        return "not_in_index"
    if not known & set(ranking):
        return "not_found"
    return "weak_evidence" if cited is None else "not_cited"


@dataclass(frozen=True, slots=True)
class Counts:
    """Questions by what would have come of them; `rightly`, `wrongly` and `cannot_be_told` add up to `answered`.

    `led` are the answers to questions whose resolution leads to a document: the only ones among which right and wrong
    can both be told, so that risk is a share of these. `expected_right` is the mean confidence of the answers, as the
    calibration in force has it; None where an answer has none.
    """

    asked: int = 0
    answered: int = 0
    rightly: int = 0
    wrongly: int = 0
    cannot_be_told: int = 0
    escalated: int = 0
    asked_back: int = 0
    led: int = 0
    expected_right: float | None = None

    def as_object(self) -> dict[str, Any]:
        """Return the counts with the shares and their intervals; a share of nothing is None."""
        return {
            **asdict(self),
            "deflection": share(self.answered, self.asked),
            "deflection_interval": wilson(self.answered, self.asked),
            "confirmed_right": share(self.rightly, self.asked),
            "confirmed_right_interval": wilson(self.rightly, self.asked),
            "risk": share(self.wrongly, self.led),
            "risk_interval": wilson(self.wrongly, self.led),
        }


def counted(rows: Sequence[Replayed]) -> Counts:
    """Return the counts of some issues."""
    verdicts = [row.judgement.verdict for row in rows if row.judgement is not None]
    outcomes = [row.outcome for row in rows]
    confidences = [row.confidence for row in rows if row.outcome == "answered"]
    known = [confidence for confidence in confidences if confidence is not None]
    return Counts(
        asked=len(rows),
        answered=outcomes.count("answered"),
        rightly=verdicts.count("rightly"),
        wrongly=verdicts.count("wrongly"),
        cannot_be_told=verdicts.count("cannot_be_told"),
        escalated=outcomes.count("abstained"),
        asked_back=outcomes.count("needs_detail"),
        led=sum(row.judgement is not None and bool(row.right) for row in rows),
        expected_right=sum(known) / len(known) if known and len(known) == len(confidences) else None,
    )


def by_month(rows: Sequence[Replayed]) -> dict[str, list[Replayed]]:
    """Return the issues by the month they were opened in, oldest first."""
    return _grouped(rows, lambda row: (row.month,))


def by_quarter(rows: Sequence[Replayed]) -> dict[str, list[Replayed]]:
    """Return the issues by the quarter they were opened in, oldest first."""
    return _grouped(rows, lambda row: (f"{row.month[:4]}-Q{(int(row.month[5:7]) + 2) // 3}",))


def by_label(rows: Sequence[Replayed]) -> dict[str, list[Replayed]]:
    """Return the issues by label, most first; an issue counts under each of its labels."""
    found = _grouped(rows, lambda row: row.labels or ("(no label)",))
    return dict(sorted(found.items(), key=lambda entry: (-len(entry[1]), entry[0])))


def _grouped(rows: Sequence[Replayed], names: Callable[[Replayed], Sequence[str]]) -> dict[str, list[Replayed]]:
    found: dict[str, list[Replayed]] = defaultdict(list)
    for row in rows:
        for name in names(row):
            found[name].append(row)
    return dict(sorted(found.items()))


def worst(rows: Sequence[Replayed]) -> list[Replayed]:
    """Return the misses, worst first: wrong answers, surest first; then what was escalated for nothing, surest first.

    A question was escalated for nothing when a document that is known to be right was in the index.
    """
    wrong = [row for row in rows if row.judgement is not None and row.judgement.verdict == "wrongly"]
    idle = [row for row in rows if row.outcome != "answered" and row.miss in {"not_found", "weak_evidence"}]

    def surest(row: Replayed) -> tuple[float, float]:
        return -(row.confidence if row.confidence is not None else row.score), -row.score

    return [*sorted(wrong, key=surest), *sorted(idle, key=surest)]


def rolling(rows: Sequence[Replayed]) -> list[dict[str, Any]]:
    """Return the shares among the issues asked last, again and again: does it learn as issues accumulate?

    A window holds a tenth of the issues, 30 at least, and moves by a third of itself.
    """
    window = max(_WINDOW, len(rows) // 10)
    ends = range(min(window, len(rows)), len(rows) + 1, max(1, window // 3))
    found = []
    for end in ends:
        some = rows[max(0, end - window) : end]
        found.append({"until": some[-1].opened_at[:10], "before": end - len(some)} | counted(some).as_object())
    return found


def share(count: int, of: int) -> float | None:
    """Return the share, or None of nothing."""
    return count / of if of else None


def wilson(count: int, of: int) -> tuple[float, float] | None:
    """Return the 95 % score interval of a share, or None of nothing.

    Wilson, "Probable Inference, the Law of Succession, and Statistical Inference", JASA, 1927.
    """
    if not of:
        return None
    rate, square = count / of, _Z * _Z
    middle = (rate + square / (2 * of)) / (1 + square / of)
    half = _Z / (1 + square / of) * math.sqrt(rate * (1 - rate) / of + square / (4 * of * of))
    return max(0.0, middle - half), min(1.0, middle + half)
