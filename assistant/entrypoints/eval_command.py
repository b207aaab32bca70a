"""`assistant eval`: how well questions with known answers are found and decided."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from assistant.entrypoints.ending import errors

if TYPE_CHECKING:
    from collections.abc import Sequence

    from assistant.ports import Answer
    from assistant.workflows.evaluate import Golden, Row

RETRIEVAL = (
    ("mixed_hit@1", "a right document stands first in the one list"),
    ("mixed_hit@5", "... among the first five"),
    ("mixed_hit@10", "... among the first ten (the figure that counts)"),
    ("own_kind_hit@10", "... among the first ten of its own kind (pages, or issues)"),
    ("mrr@10", "mean of 1/rank of the first right document"),
    ("ndcg@10", "rank-weighted share of right documents"),
)
DECISION = (
    ("coverage", "share of answerable questions that were answered"),
    ("risk_strict", "share of answers with no right document among their first three citations"),
    ("risk_first", "share of answers whose first citation is not a right document"),
    ("aurc", "area under risk over coverage; lower is better"),
)


@click.command(
    "eval",
    epilog="""\b
Examples:
  assistant eval --questions questions.jsonl
  assistant eval --questions questions.jsonl --index-version v0004 --json | jq .retrieval
  assistant eval --questions questions.jsonl --no-model --output result.json""",
)
@click.option(
    "--questions",
    "path",
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Questions with the documents that answer them, one JSON object a line.",
)
@click.option("--index-version", metavar="NAME", help="Index version to search; the live one by default.")
@click.option("--model/--no-model", "use_model", default=True, help="Draft with the configured model, or quote.")
@click.option("--limit", type=click.IntRange(min=1), help="Ask only the first so many questions.")
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="Write the whole result here as JSON.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on standard output.")
def evaluate(  # noqa: PLR0913 - one argument an option
    path: Path, *, index_version: str | None, use_model: bool, limit: int | None, output: Path | None, as_json: bool
) -> None:
    """Measure an index version on questions with known answers. It opens no issue and stores nothing."""
    with errors():
        from assistant import logs, wiring  # noqa: PLC0415 - keeps `--help` quick
        from assistant import settings as configuration  # noqa: PLC0415 - as above
        from assistant.workflows.evaluate import read_questions, summary  # noqa: PLC0415 - as above

        settings = configuration.load()
        logs.set_up(settings.log_level)
        questions = read_questions(path)[:limit]
        rows = _asked(wiring.answerer(settings, version=index_version, use_model=use_model), questions)
        result = summary(rows)
        if output is not None:
            output.write_text(json.dumps(result, ensure_ascii=False, indent=1) + "\n", "utf-8")
    click.echo(json.dumps(result, ensure_ascii=False)) if as_json else _print(result)


def _asked(answer: Answer, questions: Sequence[Golden]) -> list[Row]:
    from rich.console import Console  # noqa: PLC0415 - keeps `--help` quick
    from rich.progress import Progress  # noqa: PLC0415 - as above

    from assistant.workflows.evaluate import run  # noqa: PLC0415 - as above

    console = Console(stderr=True)
    with Progress(console=console, disable=not console.is_terminal) as shown:
        task = shown.add_task("Asking", total=len(questions))
        return run(answer, questions, lambda: shown.advance(task))


def _print(result: dict[str, Any]) -> None:
    by = ", ".join(result["answered_by"])
    click.echo(f"{len(result['questions'])} questions, index {result['index_version']}, answers by {by}\n")
    for title, figures, names in (
        ("Found", result["retrieval"], RETRIEVAL),
        ("Decided", result["decision"], DECISION),
    ):
        click.echo(title)
        for name, told in names:
            click.echo(f"  {name:16} {_shown(figures[name])}  {told}")
    for name, refused in result["decision"]["refused"].items():
        told = f"share of {refused['questions']} unanswerable questions that were not answered: {name}"
        click.echo(f"  {'refused':16} {_shown(refused['refused'])}  {told}")
    click.echo("\nBy group              questions   hit@1  hit@5 hit@10  own@10  coverage  risk_strict")
    for groups in result["by"].values():
        for key, figures in groups.items():
            _print_group(key, figures)
    total = result["latency_ms"].get("total", {"p50": None, "p95": None})
    click.echo(f"\nMilliseconds a question: p50 {total['p50'] or 0:.0f}, p95 {total['p95'] or 0:.0f}")


def _print_group(key: str, figures: dict[str, Any]) -> None:
    found, decided = figures["retrieval"], figures["decision"]
    names = ("mixed_hit@1", "mixed_hit@5", "mixed_hit@10", "own_kind_hit@10")
    shares = "  ".join(_shown(found[name]) for name in names)
    risk = f"{_shown(decided['coverage'])}  {_shown(decided['risk_strict'])}"
    click.echo(f"  {key:18} {decided['questions']:10}   {shares}   {risk}")


def _shown(value: float | None) -> str:
    return "  -  " if value is None else f"{value:5.3f}"
