"""Figures -> SVG text, the same for the same figures. The only importer of matplotlib.

Everything can be told apart without colour: by marker, line style, hatch and label. Texts stay texts.
"""

from __future__ import annotations

import io
import math
import warnings
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from assistant.reporting.inline_svg import FOREGROUND

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from matplotlib.axes import Axes as Drawn
    from matplotlib.figure import Figure

# Colours of about the same lightness, so that each has a contrast of 4 on white paper and on dark.
_COLOURS = ("#2a7fb8", "#c2611f", "#2f8f5b", "#9467bd", "#b8487a", "#7d7d2a")
_MARKERS = ("o", "s", "^", "D", "v", "P")
_LINES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (1, 3)))
_HATCHES = ("", "///", "...", "xx", "\\\\\\", "++")
_SIZE_IN = (8.0, 3.6)
_SQUARE_IN = (5.2, 4.6)
_TICKS = 12  # names on the axis; more would overlap


@dataclass(frozen=True, slots=True)
class Axes:
    """What the axes show. With `percent`, y runs from 0 to 1 and is labelled in per cent."""

    x: str
    y: str
    percent: bool = False


@dataclass(frozen=True, slots=True)
class Series:
    """A line: one y for each x, with a range around it where `low` and `high` are given. None leaves a gap."""

    name: str
    y: Sequence[float | None]
    low: Sequence[float | None] = ()
    high: Sequence[float | None] = ()


@dataclass(frozen=True, slots=True)
class Bin:
    """Answers of about the same confidence: their mean confidence, the share that was right, its interval, 0..1."""

    predicted: float
    observed: float
    low: float
    high: float
    count: int


def line_plot(axes: Axes, x: Sequence[str] | Sequence[float], series: Sequence[Series]) -> str:
    """Return lines over numbers, or over names in their order.

    Args:
        axes: Labels.
        x: Shared by all series.
        series: At most six; each as long as `x`.
    """
    with _figure(_SIZE_IN) as (figure, drawn):
        places = _places(drawn, x)
        for number, one in enumerate(series):
            look: dict[str, Any] = {"color": _COLOURS[number], "linestyle": _LINES[number], "marker": _MARKERS[number]}
            drawn.plot(places, _gaps(one.y), label=one.name, linewidth=1.8, markersize=5, **look)
            if one.low and one.high:
                low, high = _gaps(one.low), _gaps(one.high)
                drawn.fill_between(places, low, high, color=_COLOURS[number], alpha=0.15, linewidth=0)
        _labelled(drawn, axes, len(series) > 1)
        return _svg(figure)


def bar_plot(axes: Axes, x: Sequence[str], series: Sequence[Series]) -> str:
    """Return stacked bars over names in their order.

    Args:
        axes: Labels.
        x: Names.
        series: From the bottom up, at most six; each as long as `x`.
    """
    with _figure(_SIZE_IN) as (figure, drawn):
        places = _places(drawn, x)
        base = [0.0] * len(x)
        for number, one in enumerate(series):
            heights = [value or 0.0 for value in one.y]
            look: dict[str, Any] = {"facecolor": _COLOURS[number], "hatch": _HATCHES[number], "edgecolor": FOREGROUND}
            drawn.bar(places, heights, bottom=base, label=one.name, width=0.8, linewidth=0.6, **look)
            base = [below + height for below, height in zip(base, heights, strict=True)]
        _labelled(drawn, axes, len(series) > 1)
        return _svg(figure)


def reliability_plot(axes: Axes, bins: Sequence[Bin]) -> str:
    """Return confidence against the share that was right, beside the diagonal of a perfect calibration.

    Args:
        axes: Labels.
        bins: In order of confidence; each is labelled with its count.
    """
    with _figure(_SQUARE_IN) as (figure, drawn):
        drawn.plot([0, 1], [0, 1], color=FOREGROUND, linestyle=":", linewidth=1, label="perfectly calibrated")
        x, y = [one.predicted for one in bins], [one.observed for one in bins]
        around = [
            [max(0.0, one.observed - one.low) for one in bins],
            [max(0.0, one.high - one.observed) for one in bins],
        ]
        drawn.errorbar(x, y, yerr=around, color=_COLOURS[0], marker="o", capsize=3, linewidth=1.5, label="measured")
        for one in bins:
            drawn.annotate(
                str(one.count), (one.predicted, one.observed), (5, -12), textcoords="offset points", fontsize=8
            )
        drawn.set_xlim(0, 1)
        _labelled(drawn, axes, legend=True)
        return _svg(figure)


@contextmanager
def _figure(size: tuple[float, float]) -> Iterator[tuple[Figure, Drawn]]:
    import matplotlib as mpl  # noqa: PLC0415 - slow to load
    from matplotlib.figure import Figure  # noqa: PLC0415 - as above

    look: Any = {  # the type that matplotlib publishes names each of its settings
        "svg.fonttype": "none",
        "svg.hashsalt": "report",
        "font.family": "sans-serif",
        "text.parse_math": False,
        "hatch.linewidth": 0.7,
        **dict.fromkeys(("text.color", "axes.edgecolor", "axes.labelcolor", "xtick.color", "ytick.color"), FOREGROUND),
    }
    with mpl.rc_context(look), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from font")  # the browser's fonts show the text
        figure = Figure(figsize=size, layout="constrained")
        figure.patch.set_alpha(0.0)
        drawn = figure.add_subplot()
        drawn.patch.set_alpha(0.0)
        drawn.spines[["top", "right"]].set_visible(False)
        drawn.grid(visible=True, axis="y", color=FOREGROUND, alpha=0.15, linewidth=0.8)
        drawn.set_axisbelow(True)
        yield figure, drawn


def _places(drawn: Drawn, x: Sequence[str] | Sequence[float]) -> list[float]:
    """Return where on the axis each x stands; names are spread evenly, and not all are written when they are many."""
    if not all(isinstance(one, str) for one in x):
        return [float(one) for one in x]
    step = max(1, math.ceil(len(x) / _TICKS))
    drawn.set_xticks(range(0, len(x), step), [str(name) for name in x[::step]])
    longest = max((len(str(name)) for name in x), default=0)
    if longest * min(len(x), _TICKS) > 60:  # noqa: PLR2004 - letters that fit side by side
        drawn.tick_params("x", rotation=30)
        for label in drawn.get_xticklabels():
            label.set_horizontalalignment("right")
    return [float(place) for place in range(len(x))]


def _gaps(values: Sequence[float | None]) -> list[float]:
    return [math.nan if value is None else value for value in values]


def _labelled(drawn: Drawn, axes: Axes, legend: bool) -> None:  # noqa: FBT001 - a private step of each plot
    drawn.set_xlabel(axes.x)
    drawn.set_ylabel(axes.y)
    if axes.percent:
        from matplotlib.ticker import PercentFormatter  # noqa: PLC0415 - slow to load

        drawn.set_ylim(0.0, 1.0)
        drawn.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    else:
        drawn.set_ylim(bottom=0.0)
        drawn.locator_params("y", integer=True)
    if legend:
        drawn.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False, fontsize=9)


def _svg(figure: Figure) -> str:
    file = io.BytesIO()
    figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None}, transparent=True)
    return file.getvalue().decode("utf-8")
