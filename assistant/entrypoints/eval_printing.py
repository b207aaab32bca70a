"""What `assistant eval` shows on a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from assistant.core.comparing import FIGURES
from assistant.core.metrics import AT_RISK

if TYPE_CHECKING:
    from collections.abc import Sequence

RETRIEVAL = (*(f"mixed_hit@{k}" for k in (1, 5, 10)), "own_kind_hit@10", "mrr@10", "ndcg@10")
DECISION = ("coverage", "needs_detail", "risk_strict", "risk_first", "aurc", *AT_RISK)
IDS_SHOWN = 30


def show(result: dict[str, Any]) -> None:
    """Print one evaluation."""
    by = ", ".join(result["answered_by"])
    click.echo(f"{len(result['questions'])} questions, index {result['index_version']}, answers by {by}")
    _show_degraded(result)
    click.echo("In brackets: 95 % interval, were other questions of this kind asked\n")
    bounds = result["intervals"]
    for title, figures, names in (
        ("Found", result["retrieval"], RETRIEVAL),
        ("Decided", result["decision"], DECISION),
    ):
        click.echo(title)
        for name in names:
            click.echo(f"  {name:16} {_shown(figures[name])} {_bounds(bounds.get(name))}  {FIGURES[name]}")
    for name, refused in result["decision"]["refused"].items():
        told = f"share of {refused['questions']} unanswerable questions that were not answered: {name}"
        interval = _bounds(bounds.get(f"refused {name}"))
        click.echo(f"  {'refused':16} {_shown(refused['refused'])} {interval}  {told}")
    click.echo("\nBy group              questions   hit@1  hit@5 hit@10  own@10  coverage  risk_strict")
    for groups in result["by"].values():
        for key, figures in groups.items():
            _show_group(key, figures)
    click.echo("\nMilliseconds a question      p50      p95")
    for stage, took in result["latency_ms"].items():
        click.echo(f"  {stage:24} {took['p50'] or 0:7.1f}  {took['p95'] or 0:7.1f}")


def _show_group(key: str, figures: dict[str, Any]) -> None:
    found, decided = figures["retrieval"], figures["decision"]
    names = ("mixed_hit@1", "mixed_hit@5", "mixed_hit@10", "own_kind_hit@10")
    shares = "  ".join(_shown(found[name]) for name in names)
    risk = f"{_shown(decided['coverage'])}  {_shown(decided['risk_strict'])}"
    click.echo(f"  {key:18} {decided['questions']:10}   {shares}   {risk}")


def show_comparison(found: dict[str, Any]) -> None:
    """Print two evaluations side by side."""
    for letter in ("a", "b"):
        told = found[letter]
        by = ", ".join(told["answered_by"]) or "nobody"
        click.echo(f"{letter.upper()}  {told['name']} (index {told['index_version']}, answers by {by})")
        _show_degraded(told)
    click.echo(f"\n{found['questions']} questions                 A          B      B - A   95 % of B - A")
    for name, figure in found["figures"].items():
        values = "  ".join(_number(name, figure[key]) for key in ("a", "b"))
        difference = _number(name, figure["difference"], signed=True)
        between = ", ".join(_number(name, figure[key], signed=True).strip() for key in ("low", "high"))
        click.echo(f"  {name:24} {values}  {difference}   [{between}]  {figure['verdict']}".rstrip())
    click.echo(
        "\nbetter, worse: the interval of the difference does not hold 0. One figure in twenty looks so by chance.\n"
    )
    moved = found["changed"]
    _show_ids("answered better by B", moved["better"])
    _show_ids("answered worse by B", moved["worse"])
    _show_ids("right document further up in B", moved["found_earlier"])
    _show_ids("right document further down in B", moved["found_later"])


def _show_degraded(told: dict[str, Any]) -> None:
    """Name what was answered in another way than the one that is measured: a slow model would look like quotations."""
    for reason, count in sorted(told["degraded"].items()):
        click.echo(f"   {count} questions were not answered in the configured way: {reason}")


def _show_ids(told: str, ids: Sequence[str]) -> None:
    rest = f" … (all {len(ids)}: --json)" if len(ids) > IDS_SHOWN else ""
    click.echo(f"{len(ids)} {told}{': ' if ids else ''}{' '.join(ids[:IDS_SHOWN])}{rest}")


def _number(name: str, value: float | None, *, signed: bool = False) -> str:
    digits = 0 if name.endswith("_ms") else 3
    sign = "+" if signed else ""
    return "-".rjust(9) if value is None else format(value, f"{sign}9.{digits}f")


def _bounds(found: Sequence[float] | None) -> str:
    return f"[{found[0]:.3f}, {found[1]:.3f}]" if found else " " * 14


def _shown(value: float | None) -> str:
    return "  -  " if value is None else f"{value:5.3f}"
