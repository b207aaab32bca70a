"""`assistant demo`: the whole system on sample data, in a folder of its own."""

from __future__ import annotations

import contextlib
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from assistant.entrypoints.ending import ERROR, NEGATIVE, errors, fail

if TYPE_CHECKING:
    from collections.abc import Iterator

    from assistant.entrypoints.conversation import Conversation
    from assistant.sandbox.demo import Turn
    from assistant.sandbox.gitlab.process import RunningGitLab
    from assistant.settings import Settings

LOAD_S = 120.0
MODEL_TIMEOUT_S = 120.0
"""A model on two cores takes half a minute for an answer; a person who brought one wants to see it."""


@click.command(
    "demo",
    epilog="""\b
Examples:
  assistant demo
  assistant demo --model qwen2.5-coder-1.5b-instruct-q4_k_m.gguf
  assistant demo --fresh
  assistant demo < /dev/null        plays a script of questions and ends""",
)
@click.option(
    "--model",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Answer with this GGUF file through a local server instead of quotations (extra `local-model`).",
)
@click.option("--fresh", is_flag=True, help="Forget earlier demos first: questions, issues and the sample index.")
def demo(model: Path | None, *, fresh: bool) -> None:
    """Try the whole system on sample data: ask, get sources, and see the issue that it opens.

    Everything stays in `ASSISTANT_HOME/demo`, and nothing leaves this machine. Without a terminal a script of
    questions is played.
    """
    with errors("stopped"):
        from assistant import logs  # noqa: PLC0415 - keeps `--help` quick
        from assistant import settings as configuration  # noqa: PLC0415 - as above

        home = configuration.load().home.resolve() / "demo"
        if fresh:
            shutil.rmtree(home, ignore_errors=True)
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        with contextlib.ExitStack() as running:
            running.enter_context(logs.written_to(home / "assistant.log", "info"))
            gitlab = running.enter_context(_gitlab(home))
            base = _model_settings(running, model)
            settings = configuration.load(**base, **_settings(home, gitlab))
            _build_if_needed(settings)
            _run(settings, gitlab)


@contextlib.contextmanager
def _gitlab(home: Path) -> Iterator[RunningGitLab]:
    from assistant.sandbox.gitlab import process  # noqa: PLC0415 - keeps `--help` quick

    with process.start(home / "gitlab") as running:
        yield running


def _settings(home: Path, gitlab: RunningGitLab) -> dict[str, object]:
    """Return the embedded defaults: nothing of the person's own set-up is used or touched."""
    return {
        "home": home,
        "database_url": "",
        "GITLAB_URL": gitlab.url,
        "GITLAB_PROJECT": gitlab.project,
        "GITLAB_TOKEN": gitlab.bot_token,
        "embedder": "packaged-onnx",
        "escalation": "automatic",
        "console_visibility": "public",
        "needs_detail_after": 0.0,
    }


def _model_settings(running: contextlib.ExitStack, model: Path | None) -> dict[str, object]:
    if model is None:
        return {"model": "", "OPENAI_BASE_URL": ""}
    from assistant.sandbox import local_model  # noqa: PLC0415 - needs the extra

    click.echo(f"Starting the local model {model.name} ...")
    server = running.enter_context(local_model.start(model))
    return {"model": server.model, "OPENAI_BASE_URL": server.base_url, "model_timeout_s": MODEL_TIMEOUT_S}


def _build_if_needed(settings: Settings) -> None:
    """Build the sample index the first time, and when the sample has changed."""
    from assistant import wiring  # noqa: PLC0415 - keeps `--help` quick
    from assistant.entrypoints.index_command import progress_bar  # noqa: PLC0415 - as above
    from assistant.sandbox.demo import sample_sources  # noqa: PLC0415 - as above
    from indexing.build import build  # noqa: PLC0415 - as above
    from indexing.versions import Versions  # noqa: PLC0415 - as above

    root = wiring.index_root(settings)
    first = Versions(root).live() is None
    if first:
        click.echo("Building the sample knowledge base (about half a minute, this once) ...")
    with progress_bar(quiet=not first) as told:
        report = build(sample_sources(), root, wiring.embedder(settings), wiring.clean(settings), on_progress=told)
    if report.built:
        click.echo(f"Sample knowledge base: {report.documents} documents, {report.chunks} chunks.")


def _run(settings: Settings, gitlab: RunningGitLab) -> None:
    from assistant import wiring  # noqa: PLC0415 - keeps `--help` quick
    from assistant.entrypoints.asking import first_use_notice  # noqa: PLC0415 - as above
    from assistant.entrypoints.chat_command import converse  # noqa: PLC0415 - as above
    from assistant.entrypoints.conversation import Conversation  # noqa: PLC0415 - as above
    from assistant.entrypoints.rendering import print_message  # noqa: PLC0415 - as above

    parts = wiring.assistant(settings)
    parts.index.start_loading()
    click.echo(f"GitLab stand-in (its issues, in a browser): {gitlab.url}/{gitlab.project}/-/issues\n")
    first_use_notice(settings, settings.language)
    talk = Conversation(parts, print_message, click.echo)
    with talk.working():
        if sys.stdin.isatty():
            converse(talk)
        elif not parts.index.wait_ready(LOAD_S):
            fail("the embedding model was not loaded in time", ERROR)
        else:
            _play(talk, strict=not settings.model)


def _play(talk: Conversation, *, strict: bool) -> None:
    """Play the script, and end with 3 when a turn did not end as the script says.

    Args:
        talk: The conversation.
        strict: Quotations end the same each time; with a model a surprise is only told.
    """
    from assistant.sandbox.demo import script  # noqa: PLC0415 - keeps `--help` quick

    surprises = [turn.about for turn in script() if not _play_turn(talk, turn)]
    if surprises and not strict:
        click.echo("With this model these turns ended otherwise than with quotations: " + "; ".join(surprises))
        return
    if surprises:
        fail("these turns did not end as the script says: " + "; ".join(surprises), NEGATIVE)
    click.echo("Every turn ended as the script says.")


def _play_turn(talk: Conversation, turn: Turn) -> bool:
    from assistant.core.model import Answered, outcome_name  # noqa: PLC0415 - keeps `--help` quick

    talk.begin_anew()
    click.echo(f"--- {turn.about}")
    click.echo(f"you> {_without_token(turn.say)}\n")
    progress = talk.say(turn.say)
    if progress is None or progress.decision is None or outcome_name(progress.decision.outcome) != turn.expect:
        return False
    outcome = progress.decision.outcome
    if not isinstance(outcome, Answered) or not turn.expect_document:
        return True
    return any(citation.document in turn.expect_document for citation in outcome.citations)


def _without_token(said: str) -> str:
    """The transcript may end up in a log or a screenshot: the made-up token is not repeated."""
    return " ".join("glpat-..." if word.startswith("glpat-") else word for word in said.split(" "))
