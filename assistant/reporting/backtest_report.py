"""The report of a back-test, for people who were not there: what would have happened, and how sure that is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from assistant.core.backtest import wilson
from assistant.reporting.backtest_cells import bounds, counts, interval_of, percent, share_of, with_bounds
from assistant.reporting.backtest_lists import answers_section, labels_section, made_section, misses_section
from assistant.reporting.page import page
from assistant.reporting.parts import Plot, Section, Table
from assistant.reporting.plots import Axes, Series, bar_plot, line_plot

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from assistant.reporting.parts import Cell

_FEW = 10  # answers of which a share says nothing
_ENOUGH = 30  # answers whose right document is known, before their risk is drawn over time
_PARTS = (
    ("rightly", "answered rightly"),
    ("cannot_be_told", "answered, cannot be told"),
    ("wrongly", "answered wrongly"),
    ("asked_back", "asked back"),
    ("escalated", "escalated"),
)


def report_of(result: Mapping[str, Any]) -> str:
    """Return the report as one HTML file.

    Args:
        result: By `assistant.workflows.backtest_summary.summary`.
    """
    found, (first, last) = result["overall"], result["opened"]
    subtitle = (
        f"{found['asked']} closed issues opened from {first} to {last}, each asked of the index as it stood the day "
        f"before; index {result['index_version']}, answers by {', '.join(result['answered_by'])}"
    )
    sections = (
        _overall(result),
        _trust(result),
        _time(result),
        labels_section(result),
        misses_section(result),
        answers_section(result),
    )
    return page("What the assistant would have done", subtitle, (*sections, made_section(result)))


def _expected(found: Mapping[str, Any]) -> tuple[tuple[Cell, ...], ...]:
    """Return the row of what the calibration in force expects; none without one."""
    if found["expected_right"] is None:
        return ()
    count = round(found["expected_right"] * found["answered"])
    return (("- expected to be right, by calibrated confidence", count, percent(count / found["asked"]), ""),)


def _overall(result: Mapping[str, Any]) -> Section:
    found = result["overall"]
    risk = f"{found['wrongly']} of {found['led']} were wrong"
    risk += (
        f", {percent(found['risk'])} ({bounds(found['risk_interval'])})"
        if found["led"] >= _FEW
        else ", too few to tell"
    )
    rows: tuple[tuple[Cell, ...], ...] = (
        ("asked", found["asked"], "", ""),
        ("answered: no issue opened", *share_of(found, "answered"), bounds(found["deflection_interval_by_asker"])),
        ("- rightly, as far as can be told", *share_of(found, "rightly"), bounds(found["confirmed_right_interval"])),
        *_expected(found),
        ("- wrongly, as far as can be told", *share_of(found, "wrongly"), interval_of(found, "wrongly")),
        ("- cannot be told", *share_of(found, "cannot_be_told"), interval_of(found, "cannot_be_told")),
        ("asked back for a detail", *share_of(found, "asked_back"), interval_of(found, "asked_back")),
        ("escalated to people", *share_of(found, "escalated"), interval_of(found, "escalated")),
    )
    note = (
        "95 % intervals. That of the answered is over askers, as one person asks several alike questions; the others "
        f"are Wilson's. By issue, the answered are {bounds(found['deflection_interval'])}."
    )
    text = (
        f"Of {found['asked']} questions, {found['answered']} would have had an answer at once "
        f"({percent(found['deflection'])}, the deflection rate, which says nothing of whether an answer was right), "
        f"{found['escalated']} would have gone to people, and {found['asked_back']} would have been asked for a detail."
        f"\n\nOf the answers, {found['rightly']} were right and {found['wrongly']} wrong as far as the closed issues "
        f"tell; of {found['cannot_be_told']} nobody can tell from them, and none of these is counted as right. "
        f"How often it is wrong can be told of answers to questions whose resolution leads to a document alone: {risk}."
    )
    return Section("In short", text, (Table("Outcomes", ("outcome", "issues", "share", "95 %"), rows, note),))


def _trust(result: Mapping[str, Any]) -> Section:
    rows = tuple(
        (
            one["evidence"],
            one["confirmed"],
            one["of"],
            percent(one["confirmed"] / one["of"]),
            bounds(wilson(one["confirmed"], one["of"])),
        )
        for one in result["judge"]
        if one["of"]
    )
    pages = result["pages"]
    text = (
        "Nobody labelled these questions. An answer counts as right when one of its first three documents is one that "
        "the resolution leads to or names, or that the discussion links, or the original of a duplicate. It counts as "
        "wrong when the resolution leads to a document and none of this holds. That an answer is unlike the resolution "
        "proves nothing: such answers were as often right as wrong where people had checked. That it is like it, or "
        "from the same page, proves nothing either: the page about a topic need not tell what solved the issue.\n\n"
        "What still leaks from the future: which words are rare is counted over the whole index of today; "
        f"{pages['without_date']} of {pages['pages']} pages have no date and count as there from the beginning; "
        f"{pages['changed_later']} pages changed after the first of these questions and "
        f"{'were left out until then' if pages['strict'] else 'are read as they are now'}; what was said in an issue "
        "after it was closed is in its text; and weights and thresholds were fitted later."
    )
    note = (
        "Measured on answers to questions of a public support forum whose right documents are known, with the program "
        "that made this report. A right document that the list of known ones lacks counts against the verdict here. "
        "Each of these questions has a document that answers it; where none does, fewer verdicts hold. "
        "How often 'wrongly' is right could not be measured in the same way."
    )
    columns = ("verdict", "right", "of", "share", "95 %")
    return Section("How far to trust the verdicts", text, (Table("The judge, judged", columns, rows, note),))


def _time(result: Mapping[str, Any]) -> Section:
    periods, rolling = result["by_period"], result["rolling"]
    names = tuple(periods)
    drawn = bar_plot(
        Axes("opened in", "issues"),
        names,
        [Series(told, [periods[name][key] for name in names]) for key, told in _PARTS],
    )
    described = "Stacked bars, one for each period: from the bottom up " + ", ".join(told for _, told in _PARTS) + "."
    outcomes = Plot("Outcomes over time", drawn, described, counts("Outcomes over time", "opened in", periods))
    parts: list[Table | Plot] = [outcomes]
    if len(rolling) > 1:
        parts.append(_learning(rolling))
        if result["overall"]["led"] >= _ENOUGH:
            parts.append(_risk(rolling))
    parts.append(counts("By month", "month", result["by_month"], folded=True))
    led = result["overall"]["led"]
    few = "" if led >= _ENOUGH else f" Wrong answers are not drawn: of {led} answers alone the right document is known."
    return Section(
        "Over time",
        "The index grows with each issue that is closed. If the assistant learns from them, the share that it answers "
        f"rises, while the share of wrong answers does not.{few}",
        tuple(parts),
    )


def _learning(rolling: Sequence[Mapping[str, Any]]) -> Plot:
    dates = [one["until"] for one in rolling]
    covered = Series("answered", *with_bounds(rolling, "deflection"))
    right = Series("known to be right", *with_bounds(rolling, "confirmed_right"))
    change = rolling[-1]["deflection"] - rolling[0]["deflection"]
    described = (
        f"Two lines over time, each with its 95 % interval: of the {rolling[0]['asked']} issues asked last, the share "
        f"that would have been answered, from {percent(rolling[0]['deflection'])} at first to "
        f"{percent(rolling[-1]['deflection'])} at last ({change:+.0%}), and the share known to be answered rightly, "
        f"from {percent(rolling[0]['confirmed_right'])} to {percent(rolling[-1]['confirmed_right'])}. Windows "
        "overlap."
    )
    table = Table(
        "Answered over time",
        ("until", "asked", "answered", "95 %", "known to be right", "95 % of these"),
        tuple(
            (
                one["until"],
                one["asked"],
                percent(one["deflection"]),
                bounds(one["deflection_interval"]),
                percent(one["confirmed_right"]),
                bounds(one["confirmed_right_interval"]),
            )
            for one in rolling
        ),
    )
    drawn = line_plot(Axes("until", "share of issues", percent=True), dates, [covered, right])
    return Plot("Does it learn?", drawn, described, table)


def _risk(rolling: Sequence[Mapping[str, Any]]) -> Plot:
    dates = [one["until"] for one in rolling]
    wrong = Series("wrong, of those whose right document is known", *with_bounds(rolling, "risk"))
    described = (
        "One line over time with its 95 % interval: among the issues asked last, of the answers to questions whose "
        "resolution leads to a document, the share that was wrong. Where there is no such answer, the line has a gap."
    )
    table = Table(
        "Risk over time",
        ("until", "right document known", "wrong", "share", "95 %"),
        tuple(
            (one["until"], one["led"], one["wrongly"], percent(one["risk"]), bounds(one["risk_interval"]))
            for one in rolling
        ),
    )
    drawn = line_plot(Axes("until", "share of these answers", percent=True), dates, [wrong])
    return Plot("How often wrong?", drawn, described, table)
