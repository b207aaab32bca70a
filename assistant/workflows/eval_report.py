"""`assistant eval --report FILE`: what was measured, or compared, as one page that can be shown around."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from assistant.core.comparing import FIGURES, REFUSED, figures
from assistant.core.metrics import running_risks
from assistant.reporting import Plot, Section, Table, page
from assistant.workflows.evaluate import asked_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from assistant.core.comparing import Asked
    from assistant.reporting.parts import Cell

_STEPS = 20
_Result = dict[str, Any]
_CHOSEN = "The interval holds 95 of 100 times, were other questions of this kind asked."


def evaluation_page(result: _Result) -> str:
    """Return one evaluation as HTML.

    Args:
        result: What `assistant eval --json` prints.
    """
    asked = asked_of(result, "this result")
    bounds: Mapping[str, Sequence[float]] = result["intervals"]
    rows = tuple(
        (_named(name), value, *(bounds.get(name) or (None, None)), _meaning(name))
        for name, value in figures(asked).items()
    )
    measured = Table("Figures", ("figure", "value", "from", "to", "means"), rows, _CHOSEN)
    count = len(asked)
    subtitle = f"{count} questions, index {result['index_version']}, answers by {', '.join(result['answered_by'])}"
    return page(
        "Evaluation",
        subtitle,
        [
            Section("What was measured", _GOLD, (measured,)),
            Section("Risk over coverage", _CURVE, (_curve([("all questions", asked)]),)),
            Section("By product, kind and language", "", (_groups(result["by"]),)),
            Section("Time", "Milliseconds by stage.", (_times(result["latency_ms"]),)),
        ],
    )


def comparison_page(found: _Result, sides: Sequence[_Result]) -> str:
    """Return a comparison as HTML.

    Args:
        found: What `assistant eval --compare --json` prints.
        sides: The results of A and B.
    """
    columns = ("figure", "A", "B", "B - A", "from", "to", "beyond chance", "means")
    rows = tuple(
        (
            _named(name),
            *(one[key] for key in ("a", "b", "difference", "low", "high")),
            one["verdict"] or "no",
            _meaning(name),
        )
        for name, one in found["figures"].items()
    )
    told = [f"{letter.upper()} is {found[letter]['name']}, index {found[letter]['index_version']}" for letter in "ab"]
    moved = found["changed"]
    ids = tuple((name, len(moved[key]), " ".join(moved[key])) for key, name in _MOVES.items())
    curves = [
        (f"{letter}: {one['name']}", asked_of(side, one["name"])) for letter, side, one in _lettered(found, sides)
    ]
    return page(
        "Two evaluations compared",
        f"{found['questions']} questions. {'. '.join(told)}.",
        [
            Section("Figure by figure", f"{_CHANCE}\n\n{_GOLD}", (Table("Figures", columns, rows, found["method"]),)),
            Section("Risk over coverage", _CURVE, (_curve(curves),)),
            Section("Questions that changed", "", (Table("Questions", ("what changed", "how many", "which"), ids),)),
        ],
    )


_GOLD = (
    "The documents that are known to answer a question are not all that do: hit rates are lower bounds, and the strict "
    "risk has a floor. Compare with these figures, and read answers."
)
_CHANCE = (
    "Both answered the same questions. Questions are drawn again and again, and the middle 95 % of the differences is "
    "the interval from ... to. Where it does not hold 0, the difference is beyond chance: better or worse. One figure "
    "in twenty looks so by chance."
)
_CURVE = (
    "Questions are answered in the order of their score, from the surest on. The further to the right a curve stays "
    "low, the better the score tells right answers from wrong ones."
)
_MOVES = {
    "better": "answered better by B",
    "worse": "answered worse by B",
    "found_earlier": "right document further up in B",
    "found_later": "right document further down in B",
}


def _lettered(found: _Result, sides: Sequence[_Result]) -> list[tuple[str, _Result, _Result]]:
    return [(letter.upper(), side, found[letter]) for letter, side in zip("ab", sides, strict=True)]


def _curve(named: Sequence[tuple[str, Sequence[Asked]]]) -> Plot:
    from assistant.reporting.plots import Axes, Series, line_plot  # noqa: PLC0415 - loads matplotlib

    shares = [step / _STEPS for step in range(1, _STEPS + 1)]
    lines = []
    for name, asked in named:
        risks = running_risks([question.judged for question in asked])
        lines.append(Series(name, [risks[max(1, round(share * len(risks))) - 1] for share in shares]))
    axes = Axes("share of all questions that are answered", "strict risk", percent=True)
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (f"{share:.0%}", *(line.y[n] for line in lines)) for n, share in enumerate(shares)
    )
    ends = "; ".join(f"{line.name} from {line.y[0]:.0%} at 5 % to {line.y[-1]:.0%} at 100 %" for line in lines)
    return Plot(
        "Strict risk over coverage",
        line_plot(axes, shares, lines),
        f"The share of wrong answers as more questions are answered: {ends}.",
        Table("Strict risk over coverage", ("answered", *(line.name for line in lines)), rows),
    )


def _groups(by: Mapping[str, Mapping[str, _Result]]) -> Table:
    names = ("mixed_hit@1", "mixed_hit@5", "mixed_hit@10", "own_kind_hit@10")
    rows = tuple(
        (
            key,
            kind,
            one["decision"]["questions"],
            *(one["retrieval"][name] for name in names),
            one["decision"]["coverage"],
            one["decision"]["risk_strict"],
        )
        for kind, groups in by.items()
        for key, one in groups.items()
    )
    columns = ("group", "of", "questions", "hit@1", "hit@5", "hit@10", "own kind hit@10", "coverage", "strict risk")
    return Table("By group", columns, rows, "A question whose gold is of both kinds counts in both.")


def _times(latency: Mapping[str, Mapping[str, float | None]]) -> Table:
    rows = tuple((stage, took["p50"], took["p95"]) for stage, took in latency.items())
    return Table("Time", ("stage", "half are faster than", "95 of 100 are faster than"), rows)


def _named(figure: str) -> str:
    return figure.replace("_", " ")


def _meaning(figure: str) -> str:
    return "share of these unanswerable questions not answered" if figure.startswith(REFUSED) else FIGURES[figure]
