"""What a back-test found, as one object: overall, by month and label, misses, and what the figures are worth."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from assistant.core.backtest import by_label, by_month, by_quarter, counted, rolling, worst
from assistant.core.judging import MEASURED
from assistant.core.metrics import percentile

if TYPE_CHECKING:
    from collections.abc import Sequence

    from assistant.core.backtest import Replayed
    from assistant.workflows.backtest import Chosen, Past

_MOST_MONTHS = 24  # that are drawn one by one; more are drawn as quarters


def summary(past: Past, chosen: Chosen, rows: Sequence[Replayed], *, strict_pages: bool) -> dict[str, Any]:
    """Return the object that `assistant backtest --json` prints.

    Args:
        past: What was asked.
        chosen: Which issues.
        rows: What came of them, oldest first; at least one.
        strict_pages: As it was asked.
    """
    months = by_month(rows)
    periods = months if len(months) <= _MOST_MONTHS else by_quarter(rows)
    took = [row.milliseconds for row in rows]
    return {
        "index_version": past.version,
        "answered_by": sorted({row.answered_by for row in rows}),
        "chosen": {**asdict(chosen), "audiences": sorted(chosen.audiences)},
        "opened": [rows[0].opened_at[:10], rows[-1].opened_at[:10]],
        "without_date": sum(not issue.document.opened_at for issue in past.issues),
        "pages": {**pages_of(past, rows), "strict": strict_pages},
        "overall": counted(rows).as_object() | {"deflection_interval_by_asker": clustered_interval(rows)},
        "by_month": {name: counted(some).as_object() for name, some in months.items()},
        "by_period": {name: counted(some).as_object() for name, some in periods.items()},
        "by_label": {name: counted(some).as_object() for name, some in by_label(rows).items()},
        "rolling": rolling(rows),
        "judge": [asdict(measured) for measured in MEASURED],
        "milliseconds": {"p50": percentile(took, 0.5), "p95": percentile(took, 0.95)},
        "misses": [row.document for row in worst(rows)],
        "issues": [row.as_object() for row in rows],
    }


def clustered_interval(rows: Sequence[Replayed], *, draws: int = 2000) -> tuple[float, float] | None:
    """Return the 95 % interval of the share that is answered, people drawn anew: one asks several alike questions.

    Percentile bootstrap over askers; issues without a known asker are drawn one by one.
    """
    import numpy as np  # noqa: PLC0415 - slow to load

    people: dict[str, list[bool]] = defaultdict(list)
    for row in rows:
        people[row.author or row.document].append(row.outcome == "answered")
    if not people:
        return None
    answered = np.array([sum(one) for one in people.values()], dtype=np.float64)
    asked = np.array([len(one) for one in people.values()], dtype=np.float64)
    random = np.random.default_rng(0)
    shares = []
    for _ in range(draws):
        drawn = random.integers(0, len(asked), len(asked))
        shares.append(answered[drawn].sum() / asked[drawn].sum())
    low, high = np.percentile(shares, [2.5, 97.5])
    return float(low), float(high)


def pages_of(past: Past, rows: Sequence[Replayed]) -> dict[str, Any]:
    """Return how far the dates of pages are known: a page that changed later is asked with the words of today."""
    pages = [facts.document for facts in past.documents if facts.document.kind == "page"]
    first = min(row.opened_at for row in rows)
    return {
        "pages": len(pages),
        "without_date": sum(not page.updated_at for page in pages),
        "changed_later": sum(page.updated_at >= first for page in pages if page.updated_at),
    }
