"""Cells and tables that several parts of the report of a back-test are made of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from assistant.core.backtest import wilson
from assistant.reporting.parts import Table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def counts(
    title: str, first: str, groups: Mapping[str, Mapping[str, Any]], note: str = "", *, folded: bool = False
) -> Table:
    """Return a table of outcomes, one row for each group."""
    columns = (
        first,
        "asked",
        "answered",
        "share",
        "95 %",
        "rightly",
        "wrongly",
        "cannot be told",
        "escalated",
        "asked back",
    )
    rows = tuple(
        (
            name,
            one["asked"],
            one["answered"],
            percent(one["deflection"]),
            bounds(one["deflection_interval"]),
            *(one[key] for key in ("rightly", "wrongly", "cannot_be_told", "escalated", "asked_back")),
        )
        for name, one in groups.items()
    )
    return Table(title, columns, rows, note, folded=folded)


def with_bounds(
    rows: Sequence[Mapping[str, Any]], key: str
) -> tuple[list[float | None], list[float | None], list[float | None]]:
    """Return a share of each window, and the ends of its interval."""
    bounds = [one[f"{key}_interval"] or (None, None) for one in rows]
    return [one[key] for one in rows], [low for low, _ in bounds], [high for _, high in bounds]


def sureness(row: Mapping[str, Any]) -> float:
    """Return the confidence of an outcome, or its score where there is no calibration."""
    return float(row["score"] if row["confidence"] is None else row["confidence"])


def share_of(found: Mapping[str, Any], key: str) -> tuple[int, str]:
    """Return a count and its share of all that were asked."""
    return found[key], percent(found[key] / found["asked"])


def interval_of(found: Mapping[str, Any], key: str) -> str:
    """Return the 95 % interval of a count among all that were asked."""
    return bounds(wilson(found[key], found["asked"]))


def percent(share: float | None) -> str:
    """Return a share in per cent; None as a dash."""
    return "\N{EN DASH}" if share is None else f"{share:.1%}"


def bounds(found: Sequence[float] | None) -> str:
    """Return an interval in per cent; None as nothing."""
    return f"{found[0]:.1%} to {found[1]:.1%}" if found else ""
