"""`assistant calibrate`: how careful the assistant is, as a number."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from assistant.entrypoints.ending import DONE, NEGATIVE, errors, fail

if TYPE_CHECKING:
    from assistant.core.calibration import Calibration
    from assistant.core.decision import DecisionModel
    from assistant.settings import Settings
    from assistant.store.feedback import JudgedAnswer
    from assistant.workflows.calibrate import Calibrated, Refused
    from assistant.workflows.labelling import Labels

_SHARE = click.FloatRange(0.0, 1.0, min_open=True, max_open=True)


@click.command(
    "calibrate",
    epilog="""\b
Examples:
  assistant calibrate --questions questions.jsonl --max-risk 0.10
  assistant calibrate --questions questions.jsonl --max-risk 0.20 --report calibration.html --dry-run
  assistant calibrate --show
  assistant calibrate --remove""",
)
@click.option(
    "--questions",
    "path",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Questions with the documents that answer them, one JSON object a line, as for `assistant eval`.",
)
@click.option("--max-risk", type=_SHARE, help="Share of given answers that may be wrong, such as 0.10.")
@click.option("--assurance", type=_SHARE, default=0.95, show_default=True, help="How sure it is that this holds.")
@click.option("--report", type=click.Path(dir_okay=False, path_type=Path), help="Write a page with plots here (HTML).")
@click.option("--dry-run", is_flag=True, help="Measure and report; put nothing in force.")
@click.option("--model/--no-model", "use_model", default=True, help="Draft with the configured model, or quote.")
@click.option("--feedback/--no-feedback", default=True, help="Fit on what askers said of answers, too.")
@click.option("--index-version", metavar="NAME", help="Index version to ask; the live one by default.")
@click.option("--show", is_flag=True, help="Print what is in force, and end.")
@click.option("--remove", is_flag=True, help="Take away what is in force: the shipped threshold holds again.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on standard output.")
def calibrate(  # noqa: PLR0913 - one argument an option
    *,
    path: Path | None,
    max_risk: float | None,
    assurance: float,
    report: Path | None,
    dry_run: bool,
    use_model: bool,
    feedback: bool,
    index_version: str | None,
    show: bool,
    remove: bool,
    as_json: bool,
) -> None:
    """Choose from labelled questions how sure an answer must be, so that at most a wished share is wrong.

    Ends with 3 and changes nothing when the questions cannot support the wish. Opens no issue.
    """
    if show and remove:
        raise click.UsageError("give one of --show and --remove")
    if report is not None and not report.parent.is_dir():
        raise click.UsageError(f"--report: there is no folder {report.parent}")
    with errors("stopped; nothing was changed"):
        from assistant import logs  # noqa: PLC0415 - keeps `--help` quick
        from assistant import settings as configuration  # noqa: PLC0415 - as above

        settings = configuration.load()
        logs.set_up(settings.log_level)
        if show or remove:
            raise SystemExit(_show(settings, as_json=as_json) if show else _remove(settings, as_json=as_json))
        if path is None or max_risk is None:
            raise click.UsageError("give --questions and --max-risk, or --show, or --remove")
        from assistant.core.guarantee import Wish  # noqa: PLC0415 - as above

        run = _Run(settings, path, index_version, use_model=use_model, feedback=feedback)
        found = run.calibrated(Wish(max_risk, assurance))
        _finish(settings, found, report, dry_run=dry_run, as_json=as_json)


class _Run:
    """One measurement."""

    def __init__(
        self, settings: Settings, path: Path, index_version: str | None, *, use_model: bool, feedback: bool
    ) -> None:
        from assistant import wiring  # noqa: PLC0415 - keeps `--help` quick
        from assistant.workflows.answer import load_decision_model  # noqa: PLC0415 - as above
        from assistant.workflows.evaluate import read_questions  # noqa: PLC0415 - as above

        self._settings, self._feedback = settings, feedback
        self._questions = read_questions(path)
        self._answer = wiring.answerer(settings, version=index_version, use_model=use_model, thresholds=False)
        self._model: DecisionModel = load_decision_model()

    def calibrated(self, wish: Any) -> Calibrated | Refused:  # noqa: ANN401 - a Wish, imported late
        """Ask, and calibrate."""
        from assistant import wiring  # noqa: PLC0415 - keeps `--help` quick
        from assistant.workflows import calibrate as story  # noqa: PLC0415 - as above

        labels, version = self._labels()
        embedder = wiring.embedder_of_version(self._settings, version) or ""
        asked = (version, wiring.utc_now().isoformat(timespec="seconds"))
        return story.calibrate(labels, wish, self._model, embedder, asked)

    def _labels(self) -> tuple[Labels, str]:
        from rich.console import Console  # noqa: PLC0415 - keeps `--help` quick
        from rich.progress import Progress  # noqa: PLC0415 - as above

        from assistant import wiring  # noqa: PLC0415 - as above
        from assistant.store.feedback import judged_answers  # noqa: PLC0415 - as above
        from assistant.workflows.evaluate import run  # noqa: PLC0415 - as above
        from assistant.workflows.labelling import labels_of  # noqa: PLC0415 - as above

        console = Console(stderr=True)
        with Progress(console=console, disable=not console.is_terminal) as shown:
            task = shown.add_task("Asking", total=len(self._questions))
            rows = run(self._answer, self._questions, lambda: shown.advance(task))
        judged: tuple[JudgedAnswer, ...] = ()
        if self._feedback:
            with wiring.store(self._settings).reading() as tx:
                judged = judged_answers(tx)
        return labels_of(rows, judged, self._model), rows[0].decision.retrieval.index_version


def _finish(
    settings: Settings, found: Calibrated | Refused, report: Path | None, *, dry_run: bool, as_json: bool
) -> None:
    from dataclasses import asdict  # noqa: PLC0415 - as its neighbours

    from assistant import calibrations, wiring  # noqa: PLC0415 - keeps `--help` quick
    from assistant.workflows.calibrate import Refused  # noqa: PLC0415 - as above
    from assistant.workflows.calibration_figures import figures  # noqa: PLC0415 - as above

    if isinstance(found, Refused):
        if as_json:
            click.echo(json.dumps({"written": False, "refused": asdict(found)}, ensure_ascii=False))
        fail(found.told, NEGATIVE)
    result = figures(found)
    if report is not None:
        from assistant.workflows.calibration_report import report as page_of  # noqa: PLC0415 - loads matplotlib

        report.write_text(page_of(result), "utf-8")
    if not dry_run:
        calibrations.write(wiring.home(settings) / calibrations.FILE, found.calibration)
    if as_json:
        click.echo(json.dumps({"written": not dry_run, **result}, ensure_ascii=False))
    else:
        _print(result, written=not dry_run)


def _show(settings: Settings, *, as_json: bool) -> int:
    from dataclasses import asdict  # noqa: PLC0415 - as its neighbours

    from assistant import wiring  # noqa: PLC0415 - keeps `--help` quick

    found, why = wiring.calibration_state(settings)
    if as_json:
        click.echo(json.dumps({"calibration": asdict(found) if found else None, "not_used": why or None}))
    elif found is None:
        click.echo("No calibration: the shipped threshold holds, and answers carry no confidence.")
    else:
        _print_in_force(found, why)
    return NEGATIVE if why else DONE


def _remove(settings: Settings, *, as_json: bool) -> int:
    from assistant import calibrations, wiring  # noqa: PLC0415 - keeps `--help` quick

    gone = calibrations.remove(wiring.home(settings) / calibrations.FILE)
    told = "Taken away: the shipped threshold holds." if gone else "There was none: the shipped threshold holds."
    click.echo(json.dumps({"removed": gone}) if as_json else told)
    return DONE


def _print_in_force(found: Calibration, why: str) -> None:
    measured, valid = found.measured, found.valid_for
    click.echo(
        f"At most {measured.max_risk:.1%} wrong, with {measured.assurance:.0%} assurance; made {measured.made_at}"
    )
    click.echo(f"  threshold      {_threshold(found.threshold)}")
    for one in found.group_thresholds:
        click.echo(
            f"    {one.group:12} {_threshold(one.threshold)}, {one.wrong} of {one.given} wrong, bound {one.bound:.1%}"
        )
    click.echo(f"  measured       {measured.wrong} of {measured.given} answers wrong, bound {measured.bound:.1%}")
    click.echo(f"  answers by     {valid.answered_by}, {'words alone' if valid.lexical_only else 'with vectors'}")
    click.echo(f"  index version  {measured.index_version}, embedder {valid.embedder}")
    click.echo(f"  map            {measured.method} of {', '.join(measured.features)}; weights {valid.weights}")
    click.echo("  labels         " + ", ".join(f"{name} {count}" for name, count in measured.counts.items()))
    if why:
        click.echo(f"NOT USED: {why}. Run `assistant calibrate` again, or --remove")


def _threshold(value: float) -> str:
    return f"{value:.3f}" if value <= 1.0 else "none: not given"


def _print(result: dict[str, Any], *, written: bool) -> None:
    wish, common = result["wish"], result["thresholds"]["common"]
    click.echo(f"At most {wish['max_risk']:.1%} wrong, with {wish['assurance']:.0%} assurance")
    if common:
        every = "" if common["threshold"] else " (none is too unsure: every answer that stands is given)"
        click.echo(f"  threshold  {common['threshold']:.3f}; risk at most {common['bound']:.1%}{every}")
    else:
        click.echo("  threshold  none that holds for all: only answers of the groups below are given")
    for one in result["thresholds"]["groups"]:
        click.echo(f"  {one['group']}  {one['threshold']:.3f}; risk at most {one['bound']:.1%}")
    click.echo(f"On {result['labels']['choosing']} questions that fitted nothing:")
    click.echo(f"  risk       {_told(result['risk'])} of the given answers were wrong")
    click.echo(f"  coverage   {_told(result['coverage'])} of the answerable questions were answered")
    for name, refused in result["refused"].items():
        click.echo(f"  refused    {_told(refused)} of unanswerable questions: {name}")
    brier, ece = result["brier"], result["ece"]
    click.echo(f"  brier      {brier['before']:.3f} as a bare score, {brier['after']:.3f} calibrated (lower is better)")
    click.echo(f"  ece        {ece['before']:.3f} as a bare score, {ece['after']:.3f} calibrated (lower is better)")
    if result["map"]["method"] == "score":
        click.echo("  map        none: the score is a probability already, no map did better")
    labels = result["labels"]
    click.echo(
        f"Labels: {labels['questions']} questions ({labels['fitting']} fitted, {labels['choosing']} chose); "
        f"feedback {labels['feedback_right']} right, {labels['feedback_wrong']} wrong; {labels['left_out']} left out"
    )
    for why, count in result["left_out"].items():
        click.echo(f"  left out   {count}: {why}")
    click.echo("In force from now on." if written else "Nothing was put in force (--dry-run).")


def _told(share: dict[str, Any]) -> str:
    if share["share"] is None:
        return "none of 0"
    low, high = share["interval"]
    return f"{share['share']:.1%} ({share['count']}/{share['of']}, 95% interval {low:.1%} to {high:.1%})"
