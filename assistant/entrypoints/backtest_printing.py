"""What `assistant backtest` shows on a terminal."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_MISSES = 10
_LABELS = 15
_FEW = 10  # answers of which a share says nothing
_COLUMNS = ("asked", "answered", "rightly", "wrongly", "cannot_be_told", "escalated", "asked_back")
_HEADS = ("asked", "answered", "rightly", "wrongly", "unknown", "escalated", "asked back")


def show(result: dict[str, Any]) -> None:
    """Print one back-test."""
    found, (first, last) = result["overall"], result["opened"]
    by = ", ".join(result["answered_by"])
    click.echo(f"{found['asked']} closed issues opened {first} to {last}, index {result['index_version']}, by {by}")
    click.echo("Each was asked of the index as it stood the day before. In brackets: 95 % interval\n")
    by_asker = _interval(found["deflection_interval_by_asker"])
    for name, key, of in (
        ("Answered: no issue would have been opened", "deflection", by_asker),
        ("Rightly, as far as that can be told", "confirmed_right", _interval(found["confirmed_right_interval"])),
    ):
        click.echo(f"  {name:44} {found[key]:6.1%} {of}")
    if found["expected_right"] is not None:
        told = "of the answers, by the calibration in force"
        click.echo(f"  {'Expected to be right':44} {found['expected_right']:6.1%} {told}")
    name = f"Wrongly, of {found['led']} whose right document is known"
    if found["led"] >= _FEW:
        click.echo(f"  {name:44} {found['risk']:6.1%} {_interval(found['risk_interval'])}")
    else:
        click.echo(f"  {name:44} {found['wrongly']:6} (too few for a share)")
    click.echo(f"\n{'':28}" + "".join(f"{head:>11}" for head in _HEADS))
    _show_line("all", found)
    click.echo()
    for name, some in list(result["by_label"].items())[:_LABELS]:
        _show_line(name, some)
    click.echo()
    for name, some in result["by_period"].items():
        _show_line(name, some)
    rows = {row["document"]: row for row in result["issues"]}
    misses = [rows[name] for name in result["misses"]]
    if misses:
        click.echo("\nWorst misses")
    for row in misses[:_MISSES]:
        click.echo(f"  {row['document']}  {row['miss'].replace('_', ' ')}: {row['title'][:80]}")
    unknown = found["cannot_be_told"]
    click.echo(
        f"\nOf {found['answered']} answers, {unknown} cannot be judged: no document or words to compare them with."
    )
    if found["answered"] and found["expected_right"] is None:
        click.echo("How many of them to expect right is known after `assistant calibrate`.")


def _show_line(name: str, found: dict[str, Any]) -> None:
    click.echo(f"{name[:27]:28}" + "".join(f"{found[column]:11}" for column in _COLUMNS))


def _interval(found: tuple[float, float] | None) -> str:
    return f"[{found[0]:.1%}, {found[1]:.1%}]" if found else ""


@contextmanager
def asking(total: int) -> Iterator[Callable[[], None]]:
    """Show how far the replay is, on a terminal; yields what is called after each issue.

    Args:
        total: Issues.
    """
    from rich.console import Console  # noqa: PLC0415 - keeps `--help` quick
    from rich.progress import MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn  # noqa: PLC0415 - as above

    console = Console(stderr=True)
    columns = (*Progress.get_default_columns()[:2], MofNCompleteColumn(), TextColumn("issues"), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as shown:
        task = shown.add_task("Replaying", total=total)
        yield lambda: shown.advance(task)
