"""The lists in the report of a back-test: labels, misses, answers to read, settings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from assistant.reporting.backtest_cells import counts, sureness
from assistant.reporting.parts import Link, Section, Table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from assistant.reporting.parts import Cell

_MISSES = 30
_LABELS = 30
_WHY = {
    "not_in_index": "the right document was not in the index then",
    "not_found": "the right document was in the index, and was not found",
    "not_cited": "the right document was found, and another was cited",
    "weak_evidence": "the right document was found, and the evidence was held too weak",
    "": "",
}
_BY = {
    "cited": "the answer cites what the resolution leads to",
    "spoken_of": "the answer cites what people spoke of or named",
    "nearest": "a search for the resolution finds what the answer cites, which proves nothing",
    "led_elsewhere": "the resolution leads elsewhere",
    "nearer_elsewhere": "a search for the resolution finds another document",
    "no_evidence": "nothing to compare with",
}


def labels_section(result: Mapping[str, Any]) -> Section:
    """Return the counts by label."""
    found = result["by_label"]
    shown = dict(list(found.items())[:_LABELS])
    left = len(found) - len(shown)
    note = f"{left} labels with fewer issues are in the file that --output writes." if left else ""
    text = "An issue counts under each of its labels."
    return Section("By label", text, (counts("By label", "label", shown, note),))


def misses_section(result: Mapping[str, Any]) -> Section:
    """Return the worst misses, with why."""
    rows = {row["document"]: row for row in result["issues"]}
    misses = [rows[name] for name in result["misses"]]
    table = Table(
        "Worst misses",
        ("issue", "question", "opened", "score", "what happened", "why", "right", "cited"),
        tuple(
            (
                Link(row["document"], row["url"]),
                row["title"],
                row["opened_at"][:10],
                f"{sureness(row):.2f}",
                "answered wrongly"
                if row["outcome"] == "answered"
                else "escalated"
                if row["outcome"] == "abstained"
                else "asked back",
                _WHY[row["miss"]],
                tuple(row["right"]),
                tuple(row["cited"][:3]),
            )
            for row in misses[:_MISSES]
        ),
        f"The first {_MISSES} of {len(misses)}." if len(misses) > _MISSES else "",
    )
    text = (
        "Wrong answers first, the surest of them at the top; then questions that went to people although a document "
        "that is known to be right was in the index."
    )
    return Section("Worst misses", text, (table,))


def answers_section(result: Mapping[str, Any]) -> Section:
    """Return the answers that a person should read."""
    given = [row for row in result["issues"] if row["judgement"]]
    given.sort(key=lambda row: (row["judgement"]["by"] != "nearer_elsewhere", -sureness(row)))
    table = Table(
        "Answers to read first",
        ("issue", "question", "opened", "score", "verdict", "by", "cited"),
        tuple(
            (
                Link(row["document"], row["url"]),
                row["title"],
                row["opened_at"][:10],
                f"{sureness(row):.2f}",
                row["judgement"]["verdict"].replace("_", " "),
                _BY[row["judgement"]["by"]],
                tuple(row["cited"][:3]),
            )
            for row in given[:_MISSES]
        ),
        f"The first {_MISSES} of {len(given)}; all are in the file that --output writes."
        if len(given) > _MISSES
        else "",
    )
    text = (
        "Open the issue and see whether the cited documents would have solved it. Those whose resolution is nearer to "
        "another document stand first: where people had checked, about half of them were wrong. The surest follow."
    )
    return Section("Answers to read", text, (table,))


def made_section(result: Mapping[str, Any]) -> Section:
    """Return how the back-test was asked for, and how long it took."""
    chosen, took = result["chosen"], result["milliseconds"]
    limits = [f"{name} {chosen[name]}" for name in ("since", "until", "label", "limit") if chosen[name]]
    rows: tuple[tuple[Cell, ...], ...] = (
        ("index version", result["index_version"]),
        ("answers by", ", ".join(result["answered_by"])),
        ("issues chosen", ", ".join(limits) or "all"),
        ("audiences", ", ".join(chosen["audiences"])),
        ("issues without the date they were opened on (left out)", result["without_date"]),
        ("pages that changed later", "left out" if result["pages"]["strict"] else "as they read now"),
        ("milliseconds a question, median", f"{took['p50'] or 0:.0f}"),
        ("milliseconds a question, 95 of 100 below", f"{took['p95'] or 0:.0f}"),
    )
    text = (
        "Made by assistant backtest. Each question is the title and the problem of a closed issue, in its asker's "
        "words. The issue itself and all that were closed later were left out inside the search. Nothing was opened, "
        "sent or stored."
    )
    return Section("How this was made", text, (Table("Settings", ("what", "value"), rows),))
