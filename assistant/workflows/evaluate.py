"""Ask questions with known answers, and say how well they were found and decided. Escalates and stores nothing."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, get_args

from assistant.core.comparing import Asked
from assistant.core.metrics import Judged, decision_figures, kind_of, percentile, retrieval_figures
from assistant.core.model import Answered, OutcomeName, Question, ThreadRef, outcome_name
from assistant.errors import Rejected
from assistant.texts import language_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from assistant.core.model import Decision
    from assistant.ports import Answer

P50, P95 = 0.5, 0.95
_NOW = datetime(2000, 1, 1, tzinfo=UTC)  # the time of asking decides nothing


@dataclass(frozen=True, slots=True)
class Golden:
    """One line of a file of questions; the format is described in `docs/admin.md`."""

    id: str
    question: str
    gold: frozenset[str]
    product: str
    language: str
    refusal_class: str
    needs_image: bool


@dataclass(frozen=True, slots=True)
class Row:
    """A golden question and what came of it."""

    golden: Golden
    judged: Judged
    decision: Decision


def read_questions(path: Path) -> list[Golden]:
    """Read golden questions, one JSON object a line.

    Raises:
        Rejected: A line is malformed, or there is none; the message names the line.
    """
    found: list[Golden] = []
    try:
        lines = path.read_text("utf-8").split("\n")  # not splitlines: JSON may hold U+2028 unescaped
    except UnicodeDecodeError as error:
        raise Rejected(f"{path} is not UTF-8: {error}") from error
    for number, line in enumerate(lines, start=1):
        if line.strip():
            try:
                found.append(_golden(json.loads(line), number))
            except (ValueError, TypeError, KeyError, AttributeError) as error:
                why = f"the field {error} is missing" if isinstance(error, KeyError) else str(error)
                raise Rejected(f"{path}, line {number}: no question ({why})") from error
    if not found:
        raise Rejected(f"{path} holds no questions")
    return found


def _golden(line: dict[str, Any], number: int) -> Golden:
    text = line["question"]
    gold = line.get("gold", [])
    if not isinstance(text, str) or not text.strip():
        raise ValueError("`question` is empty")
    if not isinstance(gold, list) or not all(isinstance(one, str) for one in gold):
        raise ValueError("`gold` is no list of documents")
    if bool(gold) != bool(line.get("answerable", bool(gold))):
        raise ValueError("`answerable` and `gold` disagree")
    return Golden(
        id=str(line.get("id", number)),
        question=text,
        gold=frozenset(gold),
        product=str(line.get("product", "")),
        language=str(line.get("language") or language_of(text)),
        refusal_class="" if gold else _class(str(line.get("unanswerable_kind", ""))),
        needs_image=bool(line.get("needs_image", False)),
    )


def _class(told: str) -> str:
    if "taken out" in told or "removed" in told:
        return "page removed"
    return "other product" if "other" in told else "same product"


def run(answer: Answer, questions: Sequence[Golden], on_done: Callable[[], None] = lambda: None) -> list[Row]:
    """Ask every question.

    Args:
        answer: Reads and computes only.
        questions: Golden ones.
        on_done: Called after each.
    """
    return [row for (row,) in run_beside([answer], questions, on_done)]


def run_beside(
    answers: Sequence[Answer], questions: Sequence[Golden], on_done: Callable[[], None] = lambda: None
) -> list[tuple[Row, ...]]:
    """Ask every question of each in turn, so that what else the machine does slows all of them down alike.

    Args:
        answers: They read and compute only.
        questions: Golden ones.
        on_done: Called after each question and answer.

    Returns:
        For each question its rows, in the order of `answers`.
    """
    found = []
    for number, golden in enumerate(questions):
        thread = ThreadRef("console", "eval", golden.id)
        asked = Question(golden.id, golden.question, thread, "eval", _NOW, language=golden.language)
        rows: dict[int, Row] = {}
        places = range(len(answers))
        for place in places if number % 2 == 0 else reversed(places):  # the second finds its files and caches warm
            decision = answers[place](asked)
            rows[place] = Row(golden, _judged(golden, decision), decision)
            on_done()
        found.append(tuple(rows[place] for place in places))
    return found


def _judged(golden: Golden, decision: Decision) -> Judged:
    outcome = decision.outcome
    if isinstance(outcome, Answered):
        found = [citation.document for citation in outcome.citations]
    else:  # what would have been cited below the threshold counts for the area under risk over coverage
        found = [check.document for check in decision.checks if check.document]
    cited = tuple(dict.fromkeys(found))
    name = outcome_name(outcome)
    ranking = tuple(ranked.document for ranked in decision.retrieval.ranking)
    return Judged(golden.gold, ranking, name, cited, outcome.score, golden.refusal_class)


def summary(rows: Sequence[Row]) -> dict[str, Any]:
    """Return the object that `assistant eval --json` prints, without its intervals.

    `by` has the figures of each product, language, kind of gold (`page`, `issue`) and kind of gold in a product. A
    question whose gold is of both kinds counts in both, each time with the gold of that kind alone.
    """
    groups: dict[str, dict[str, list[Row]]] = {name: defaultdict(list) for name in ("product", "kind", "language")}
    for row in rows:
        groups["product"][row.golden.product or "unnamed"].append(row)
        groups["language"][row.golden.language].append(row)
        for kind in sorted({kind_of(document) for document in row.golden.gold}):
            gold = frozenset(document for document in row.judged.gold if kind_of(document) == kind)
            of_kind = replace(row, judged=replace(row.judged, gold=gold))
            for name in dict.fromkeys((kind, f"{row.golden.product} {kind}".strip())):
                groups["kind"][name].append(of_kind)
    with_text = [row for row in rows if not row.golden.needs_image]
    return {
        **_figures(rows),
        "without_pictures": _figures(with_text) if len(with_text) < len(rows) else None,
        "latency_ms": _latency(rows),
        "by": {
            name: {key: {**_figures(some), "latency_ms": _latency(some)} for key, some in sorted(of.items())}
            for name, of in groups.items()
        },
        "index_version": rows[0].decision.retrieval.index_version if rows else "",
        "answered_by": sorted({row.decision.written_by for row in rows}),
        "degraded": dict(Counter(row.decision.degraded for row in rows if row.decision.degraded)),
        "questions": [_row(row) for row in rows],
    }


def _figures(rows: Sequence[Row]) -> dict[str, Any]:
    judged = [row.judged for row in rows]
    return {"retrieval": retrieval_figures(judged), "decision": decision_figures(judged)}


def _latency(rows: Sequence[Row]) -> dict[str, dict[str, float | None]]:
    stages: dict[str, list[float]] = defaultdict(list)
    for row in rows:
        for stage, value in row.decision.timings_ms.items():
            stages[stage].append(value)
    return {stage: {"p50": percentile(values, P50), "p95": percentile(values, P95)} for stage, values in stages.items()}


def _row(row: Row) -> dict[str, Any]:
    outcome = row.decision.outcome
    answer = outcome if isinstance(outcome, Answered) else None
    return {
        "id": row.golden.id,
        "outcome": row.judged.outcome,
        "confidence": outcome.confidence,
        "score": outcome.score,
        "citations": [citation.document for citation in answer.citations] if answer else [],
        "ranking": list(row.judged.ranking),
        "gold": sorted(row.golden.gold),
        "latency_ms": dict(row.decision.timings_ms),
        "product": row.golden.product,
        "language": row.golden.language,
        "refusal_class": row.judged.refusal_class,
        "would_cite": list(row.judged.cited),  # also of an answer below the threshold: aurc counts it
        "strictly_right": row.judged.strictly_right,
        "degraded": row.decision.degraded,
    }


def asked_of(result: Mapping[str, Any], name: str) -> list[Asked]:
    """Return the questions of a result as they were judged, from what `summary` returned or a file kept of it.

    Args:
        result: The object.
        name: How it is called in an error.

    Raises:
        Rejected: It is no result of `assistant eval`, or of a version that kept less.
    """
    try:
        return [_asked(row) for row in result["questions"]]
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise Rejected(
            f"{name} is no result that can be compared ({error!r}): write one with `assistant eval --output FILE`"
        ) from error


def _asked(row: Mapping[str, Any]) -> Asked:
    if row["outcome"] not in get_args(OutcomeName):
        raise ValueError(f"no outcome: {row['outcome']}")
    judged = Judged(
        gold=frozenset(map(str, row["gold"])),
        ranking=tuple(map(str, row["ranking"])),
        outcome=row["outcome"],
        cited=tuple(map(str, row["would_cite"])),
        score=float(row["score"]),
        refusal_class=str(row["refusal_class"]),
    )
    took = row["latency_ms"].get("total")
    return Asked(str(row["id"]), judged, None if took is None else float(took))
