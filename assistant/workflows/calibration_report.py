"""The figures of a calibration as a page that an admin can show around."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from assistant.reporting import Plot, Section, Table, page

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

METHODS = {
    "score": "the score is one already, no map did better",
    "platt": "logistic, as Platt's",
    "isotonic": "isotonic steps",
    "features": "logistic over all features of the decision",
}
"""What each way to fit is called."""
POINTS = 40
"""Of the risk-coverage curve, in the plot and its table."""


def report(result: Mapping[str, Any]) -> str:
    """Return the page.

    Args:
        result: See `workflows.calibration_figures.figures`.
    """
    wish = result["wish"]
    subtitle = (
        f"At most {wish['max_risk']:.1%} of given answers wrong, with {wish['assurance']:.0%} assurance; "
        f"{result['made_at']}, index {result['index_version']}, answers by {result['valid_for']['answered_by']}"
    )
    return page(
        "Calibrated confidence", subtitle, [_promise(result), _seen(result), _reliability(result), _how(result)]
    )


def _promise(result: Mapping[str, Any]) -> Section:
    thresholds = result["thresholds"]
    named = [("all others" if thresholds["groups"] else "all answers", thresholds["common"])]
    named += [(one["group"], one) for one in thresholds["groups"]]
    rows = tuple(
        (name, one["threshold"], one["given"], one["wrong"], f"{one['bound']:.1%}")
        if one
        else (name, "not given", 0, 0, None)
        for name, one in named
    )
    text = (
        "An answer is given when its confidence reaches the threshold. Among answers to questions like those that were "
        f"asked here, at most {result['wish']['max_risk']:.1%} are wrong; the chance that this promise fails, because "
        f"these questions happened to be easy, is at most {1 - result['wish']['assurance']:.1%}. An answer counts as "
        "wrong when none of its first three cited documents is one that is known to answer the question; other "
        "documents may answer it too, so the true share is rather lower."
    )
    note = f"The doubt is shared out among {thresholds['promises']} promises." if thresholds["promises"] > 1 else ""
    columns = ("answers", "threshold", "given", "wrong", "risk at most")
    return Section("What is promised", text, (Table("Thresholds", columns, rows, note),))


def _seen(result: Mapping[str, Any]) -> Section:
    shares = [("wrong, of the given answers", result["risk"]), ("answered, of the answerable", result["coverage"])]
    shares += [(f"refused, of the unanswerable: {name}", one) for name, one in result["refused"].items()]
    rows = tuple(
        (name, one["count"], one["of"], _percent(one["share"]), _range(one["interval"])) for name, one in shares
    )
    table = Table("At the threshold", ("share", "count", "of", "share in %", "95 % interval"), rows, "Exact intervals.")
    text = "Counted on the questions that chose the threshold and fitted nothing."
    return Section("What was seen", text, (table, _curve(result)))


def _curve(result: Mapping[str, Any]) -> Plot:
    from assistant.reporting.plots import Axes, Series, line_plot  # noqa: PLC0415 - loads matplotlib

    points = _thinned(result["curve"])
    wish = result["wish"]["max_risk"]
    axes = Axes(
        "share of answerable questions that are answered", "share of given answers that are wrong", percent=True
    )
    risk = Series("risk seen", [one["risk"] for one in points])
    bound = Series("its bound", [one["bound"] for one in points])
    series = [risk, bound, Series("wish", [wish] * len(points))]
    svg = line_plot(axes, [one["coverage"] for one in points], series)
    columns = ("coverage", "risk", "bound", "threshold", "given")
    rows = tuple(tuple(one[name] for name in columns) for one in points)
    described = (
        f"Risk over coverage when the threshold falls from strict to none: from {_at(points[0])} to {_at(points[-1])}. "
        f"The level line is the wish, {wish:.1%}. The bound above the curve holds for one threshold alone; the "
        "chosen one is the last of a sequence, fixed beforehand, whose bounds all stay below the wish."
    )
    return Plot("Risk and coverage", svg, described, Table("Points", columns, rows))


def _at(point: Mapping[str, Any]) -> str:
    return f"{point['risk']:.0%} wrong at {point['coverage']:.0%} answered"


def _reliability(result: Mapping[str, Any]) -> Section:
    text = (
        "Of the answers with a confidence of 70 %, about 70 % should be right. The brier score is the mean squared "
        "distance of confidence and truth, the calibration error the mean distance over ten bins of equal size; lower "
        "is better, and neither is 0 on few answers."
    )
    rows = tuple((name, result[key]["before"], result[key]["after"]) for name, key in _FIGURES)
    table = Table("Before and after", ("figure", "bare score", "confidence"), rows)
    confidence = _bins("Confidence", result["reliability"]["after"])
    if result["map"]["method"] == "score":
        return Section("How far a confidence may be trusted", text, (table, confidence))
    bare = _bins("Bare score", result["reliability"]["before"])
    return Section("How far a confidence may be trusted", text, (table, bare, confidence))


_FIGURES = (("brier score", "brier"), ("expected calibration error", "ece"))


def _bins(title: str, found: Sequence[Mapping[str, Any]]) -> Plot:
    from assistant.reporting.plots import Axes, Bin, reliability_plot  # noqa: PLC0415 - loads matplotlib

    bins = [
        Bin(one["confidence"], one["share"], one["interval"][0], one["interval"][1], one["answers"]) for one in found
    ]
    rows = tuple((one["confidence"], one["share"], _range(one["interval"]), one["answers"]) for one in found)
    furthest = max(found, key=lambda one: abs(one["confidence"] - one["share"]))
    described = (
        f"{len(found)} bins of answers, least sure first. On the diagonal both agree; furthest from it is the bin at "
        f"{furthest['confidence']:.0%}, of which {furthest['share']:.0%} are right."
    )
    svg = reliability_plot(Axes("said", "right", percent=True), bins)
    columns = ("said", "right", "95 % interval", "answers")
    return Plot(f"{title} against truth", svg, described, Table(f"Bins: {title.lower()}", columns, rows))


def _how(result: Mapping[str, Any]) -> Section:
    counts = Table("Labels", ("labels", "count"), tuple((_plain(name), n) for name, n in result["labels"].items()))
    left_out = tuple((why, count) for why, count in result["left_out"].items())
    text = (
        "The questions are divided by a hash of their ids. One part, with what askers said of given answers, fits the "
        f"map from score to probability ({METHODS[result['map']['method']]}); the other fits nothing and proves the "
        "threshold, by fixed-sequence testing with exact binomial bounds (Angelopoulos and others, Learn then Test, "
        "2021)."
    )
    parts = (counts, Table("Left out", ("why", "count"), left_out)) if left_out else (counts,)
    return Section("How it was measured", text, parts)


def _thinned(points: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    places = sorted({round(step * (len(points) - 1) / (POINTS - 1)) for step in range(POINTS)})
    return [points[place] for place in places]


def _percent(share: float | None) -> str | None:
    return None if share is None else f"{share:.1%}"


def _range(found: Sequence[float] | None) -> str | None:
    return None if found is None else f"{found[0]:.1%} to {found[1]:.1%}"


def _plain(name: str) -> str:
    return name.replace("_", " ")
