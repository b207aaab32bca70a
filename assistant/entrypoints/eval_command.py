"""`assistant eval`: how well questions with known answers are found and decided."""

from __future__ import annotations

import json
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from assistant.entrypoints.ending import errors

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from assistant.entrypoints.eval_sides import Asking
    from assistant.workflows.evaluate import Golden


@click.command(
    "eval",
    epilog="""\b
Examples:
  assistant eval --questions questions.jsonl
  assistant eval --questions questions.jsonl --index-version v0004 --json | jq .retrieval
  assistant eval --questions questions.jsonl --no-model --output result.json
  assistant eval --questions questions.jsonl --compare v0003 v0004 --report compared.html
  assistant eval --questions questions.jsonl --compare assistant.toml other.toml
  assistant eval --compare result.json newer.json""",
)
@click.option(
    "--questions",
    "path",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Questions with the documents that answer them, one JSON object a line.",
)
@click.option(
    "--compare",
    nargs=2,
    metavar="A B",
    help="Two index versions, settings files (.toml) or results of --output (.json): figure by figure, with what is "
    "beyond chance.",
)
@click.option("--index-version", metavar="NAME", help="Index version to search; the live one by default.")
@click.option("--model/--no-model", "use_model", default=True, help="Draft with the configured model, or quote.")
@click.option("--limit", type=click.IntRange(min=1), help="Ask only the first so many questions.")
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="Write the whole result here as JSON.")
@click.option(
    "--report", type=click.Path(dir_okay=False, path_type=Path), help="Write a page (HTML) to show around, with plots."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on standard output.")
def evaluate(  # noqa: PLR0913 - one argument an option
    path: Path | None,
    *,
    compare: tuple[str, str] | None,
    index_version: str | None,
    use_model: bool,
    limit: int | None,
    output: Path | None,
    report: Path | None,
    as_json: bool,
) -> None:
    """Measure an index version on questions with known answers. It opens no issue and stores nothing."""
    with errors():
        from assistant import logs  # noqa: PLC0415 - keeps `--help` quick
        from assistant import settings as configuration  # noqa: PLC0415 - as above
        from assistant.entrypoints.eval_printing import show, show_comparison  # noqa: PLC0415 - as above
        from assistant.entrypoints.eval_sides import Asking  # noqa: PLC0415 - as above
        from assistant.workflows.evaluate import read_questions  # noqa: PLC0415 - as above

        if path is None and not (compare and all(name.endswith(".json") for name in compare)):
            raise click.UsageError("--questions FILE is needed, unless two results are compared")
        settings = configuration.load()
        logs.set_up(settings.log_level)
        questions = None if path is None else read_questions(path)[:limit]
        asking = Asking(settings, index_version, use_model)
        wants_page = report is not None
        if compare:
            result, html = _compared(compare, questions, asking, wants_page=wants_page)
        else:
            result, html = _measured(questions or [], asking, wants_page=wants_page)
        if output is not None:
            output.write_text(json.dumps(result, ensure_ascii=False, indent=1) + "\n", "utf-8")
        if report is not None:
            report.write_text(html, "utf-8")
    if as_json:
        click.echo(json.dumps(result, ensure_ascii=False))
    else:
        (show_comparison if compare else show)(result)


def _measured(questions: list[Golden], asking: Asking, *, wants_page: bool) -> tuple[dict[str, Any], str]:
    from assistant import wiring  # noqa: PLC0415 - keeps `--help` quick
    from assistant.workflows.eval_report import evaluation_page  # noqa: PLC0415 - as above
    from assistant.workflows.evaluate import asked_of, run, summary  # noqa: PLC0415 - as above
    from assistant.workflows.resampling import intervals  # noqa: PLC0415 - as above

    answer = wiring.answerer(asking.settings, version=asking.version, use_model=asking.use_model)
    with _progress(len(questions)) as advance:
        result = summary(run(answer, questions, advance))
    bounds = {name: list(found) for name, found in intervals(asked_of(result, "this result")).items()}
    result["intervals"] = bounds
    return result, evaluation_page(result) if wants_page else ""


def _compared(
    names: tuple[str, str], questions: list[Golden] | None, asking: Asking, *, wants_page: bool
) -> tuple[dict[str, Any], str]:
    from assistant.entrypoints.eval_sides import results, side  # noqa: PLC0415 - keeps `--help` quick
    from assistant.workflows.compare import compare  # noqa: PLC0415 - as above
    from assistant.workflows.eval_report import comparison_page  # noqa: PLC0415 - as above

    sides = [side(name, asking) for name in names]
    live = sum(one.answer is not None for one in sides)
    with _progress(live * len(questions or ())) as advance:
        a, b = results(sides, questions, advance)
    found = compare(a, b, names)
    return found, comparison_page(found, (a, b)) if wants_page else ""


@contextmanager
def _progress(total: int) -> Iterator[Callable[[], None]]:
    from rich.console import Console  # noqa: PLC0415 - keeps `--help` quick
    from rich.progress import Progress  # noqa: PLC0415 - as above

    console = Console(stderr=True)
    with Progress(console=console, disable=not (console.is_terminal and total)) as shown:
        task = shown.add_task("Asking", total=total)
        yield lambda: shown.advance(task)
