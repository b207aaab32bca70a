"""Two evaluations of the same questions, figure by figure, with what is chance and which questions changed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from assistant.core.comparing import changed, figures, higher_is_better
from assistant.errors import Rejected
from assistant.workflows.evaluate import asked_of
from assistant.workflows.resampling import LEVEL, RESAMPLES, differences

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from assistant.core.comparing import Asked

METHOD = f"paired percentile bootstrap over questions, {RESAMPLES} resamples"
_NAMED = 5  # ids in an error
_Result = dict[str, Any]


def read_result(path: Path) -> _Result:
    """Read a result that `assistant eval --output` wrote.

    Raises:
        Rejected: It is none.
        OSError: The file cannot be read.
    """
    try:
        found = json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise Rejected(f"{path} is no JSON ({error}): give a file that `assistant eval --output FILE` wrote") from error
    asked_of(found, str(path))
    return found  # type: ignore[no-any-return]


def compare(a: Mapping[str, Any], b: Mapping[str, Any], names: tuple[str, str]) -> _Result:
    """Return what `assistant eval --compare A B --json` prints.

    Args:
        a: Result of an evaluation.
        b: Another one of the same questions, in any order.
        names: How the two are called.

    Returns:
        `a` and `b` (`name`, `index_version`, `answered_by`, `degraded`), `questions` (how many), `figures` (by name:
        `a`, `b`, `difference`, `low`, `high`, `beyond_chance`, `verdict`), `changed` (ids) and `method`.

    Raises:
        Rejected: The questions or their gold differ.
    """
    before, after = asked_of(a, names[0]), asked_of(b, names[1])
    after = _aligned(before, after, names)
    bounds = differences(before, after)
    found_a, found_b = figures(before), figures(after)
    moved = changed(before, after)
    return {
        "a": _told(a, names[0]),
        "b": _told(b, names[1]),
        "questions": len(before),
        "figures": {
            name: _figure(name, (found_a[name], found_b[name]), bounds.get(name)) for name in found_a if name in found_b
        },
        "changed": {
            "better": list(moved.better),
            "worse": list(moved.worse),
            "found_earlier": list(moved.found_earlier),
            "found_later": list(moved.found_later),
        },
        "method": METHOD,
        "level": LEVEL,
    }


def _told(result: Mapping[str, Any], name: str) -> _Result:
    return {
        "name": name,
        "index_version": result.get("index_version", ""),
        "answered_by": list(result.get("answered_by", ())),
        "degraded": dict(result.get("degraded", {})),
    }


def _figure(name: str, values: tuple[float | None, float | None], bounds: tuple[float, float] | None) -> _Result:
    a, b = values
    difference = None if a is None or b is None else b - a
    low, high = bounds or (None, None)
    beyond = bounds is not None and (bounds[0] > 0 or bounds[1] < 0)
    verdict = ""
    if beyond and difference is not None:
        wanted = higher_is_better(name)
        verdict = "differs" if wanted is None else "better" if (difference > 0) == wanted else "worse"
    return {
        "a": a,
        "b": b,
        "difference": difference,
        "low": low,
        "high": high,
        "beyond_chance": beyond,
        "verdict": verdict,
    }


def _aligned(before: Sequence[Asked], after: Sequence[Asked], names: tuple[str, str]) -> list[Asked]:
    """Return B's questions in the order of A's."""
    known = {question.id: question for question in after}
    of_a, of_b = {question.id for question in before}, known.keys()
    if len(of_a) < len(before) or len(of_b) < len(after):
        raise Rejected("two questions have one id: give each line of the file an `id` of its own")
    for here, there, name in ((of_a, of_b, names[0]), (of_b, of_a, names[1])):
        if alone := sorted(here - there):
            told = ", ".join(alone[:_NAMED]) + (" …" if len(alone) > _NAMED else "")
            raise Rejected(f"{len(alone)} questions are only in {name} ({told}): compare results of the same questions")
    other = [question.id for question in before if question.judged.gold != known[question.id].judged.gold]
    if other:
        raise Rejected(f"{other[0]} has another gold in {names[1]}: evaluate both again with the same file")
    return [known[question.id] for question in before]
