"""`assistant ask`: one question, one outcome."""

from __future__ import annotations

import hashlib
import json
import sys
from typing import TYPE_CHECKING

import click

from assistant.entrypoints.ending import DONE, ERROR, NEGATIVE, errors, fail

if TYPE_CHECKING:
    from assistant.entrypoints.asking import Taken
    from assistant.store import Progress
    from assistant.wiring import Assistant

WAIT_S = 120.0


@click.command(
    "ask",
    epilog="""\b
Examples:
  assistant ask "How do I register a runner?"
  assistant ask --json --no-escalate "ERROR: Job failed: exit status 1" | jq .answer
  assistant ask --dry-run "My job hangs"        shows the issue, opens none
  assistant ask --reply Q7F3K2 "Runner 17.4, the log says ..."
  journalctl -u runner -n 20 | assistant ask -

\b
Exit codes: 0 answered, 1 error, 2 wrong usage or settings, 3 not answered.""",
)
@click.argument("question")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on standard output.")
@click.option("--no-escalate", is_flag=True, help="Open no issue when there is no answer.")
@click.option("--dry-run", is_flag=True, help="Store nothing and open nothing; show the issue that would be opened.")
@click.option("--reply", metavar="ID", help="The text is the detail that question ID was asked for.")
def ask(question: str, *, as_json: bool, no_escalate: bool, dry_run: bool, reply: str | None) -> None:
    """Ask one QUESTION (`-` reads it from standard input) and get one outcome.

    What cannot be answered becomes a GitLab issue when GitLab is set up.
    """
    with errors("stopped; a stored question goes on with the next command"):
        from assistant import logs, wiring  # noqa: PLC0415 - keeps `--help` quick
        from assistant import settings as configuration  # noqa: PLC0415 - as above
        from assistant.entrypoints.asking import take  # noqa: PLC0415 - as above

        settings = configuration.load(**({"escalation": "off"} if no_escalate else {}))
        logs.set_up(settings.log_level)
        parts = wiring.assistant(settings)
        parts.index.start_loading()
        taken = take(parts, sys.stdin.read() if question == "-" else question)
        if taken.notice:
            click.echo(f"Note: {taken.notice}", err=True)
        if dry_run:
            _dry_run(parts, taken, as_json=as_json)
            return
        _ask(parts, taken, reply, as_json=as_json)


def _ask(parts: Assistant, taken: Taken, reply: str | None, *, as_json: bool) -> None:
    from assistant.entrypoints.asking import first_use_notice, receive, terminal_thread  # noqa: PLC0415 - as above

    if not as_json:
        first_use_notice(parts.settings, taken.language)
    if reply:
        question_id = reply
        # The same reply given again (a retried script) is the same message.
        message_id = "reply-" + hashlib.sha256(f"{reply}\n{taken.text}".encode()).hexdigest()[:16]
        parts.asking.add_detail(question_id, taken.text, message_id, taken.masked)
    else:
        question_id = receive(parts, terminal_thread("ask"), taken)
    progress = _finish(parts, question_id)
    _show(parts, progress, as_json=as_json)


def _finish(parts: Assistant, question_id: str) -> Progress:
    """Work until the question has come to rest, or wait for the process that owns the workers."""
    from assistant.entrypoints.asking import owning  # noqa: PLC0415 - keeps `--help` quick

    with owning(parts) as own:
        if own:
            parts.index.wait_ready()
            parts.worker.run_until_idle(WAIT_S)
            return parts.store.progress(question_id)
    return parts.store.wait_for_outcome(question_id, WAIT_S)


def _show(parts: Assistant, progress: Progress, *, as_json: bool) -> None:
    from assistant.entrypoints import outcome  # noqa: PLC0415 - keeps `--help` quick
    from assistant.entrypoints.rendering import print_message  # noqa: PLC0415 - as above
    from assistant.texts import Text, tell  # noqa: PLC0415 - as above

    question = progress.record.question
    if progress.decision is None:
        fail(f"question {question.id} is kept but not answered yet: {progress.error or 'still working'}", ERROR)
    if as_json:
        click.echo(json.dumps(outcome.as_json(question.id, progress.decision, progress.link), ensure_ascii=False))
    else:
        for shown in parts.console.read(question.thread):
            print_message(shown.message, question.language)
        if parts.tracker is None and not outcome.is_answered(progress):
            click.echo(tell(question.language, Text.NO_TRACKER))
        click.echo(f"\nQuestion {question.id}: {progress.record.state}. Details: assistant explain {question.id}")
    raise SystemExit(DONE if outcome.is_answered(progress) else NEGATIVE)


def _dry_run(parts: Assistant, taken: Taken, *, as_json: bool) -> None:
    from assistant.core.environment import is_security  # noqa: PLC0415 - as above
    from assistant.core.model import Answered, Question  # noqa: PLC0415 - keeps `--help` quick
    from assistant.entrypoints import outcome  # noqa: PLC0415 - as above
    from assistant.entrypoints.asking import terminal_thread, user  # noqa: PLC0415 - as above
    from assistant.entrypoints.rendering import print_message  # noqa: PLC0415 - as above
    from assistant.texts import Text, tell  # noqa: PLC0415 - as above
    from assistant.workflows import wording  # noqa: PLC0415 - as above

    question = Question(
        id="DRYRUN",
        text=taken.text,
        thread=terminal_thread("ask"),
        asker=user(),
        asked_at=parts.asking.work.now(),
        visibility=parts.settings.console_visibility,
        language=taken.language,
        masked=taken.masked,
    )
    parts.index.wait_ready()
    decision = parts.asking.answer(question)
    hidden = question.visibility == "private" or bool(question.masked) or is_security(question.text)
    draft = parts.draft_issue(question, decision, awaiting=False, confidential=hidden)
    if as_json:
        would = {"title": draft.title, "description": draft.description, "labels": list(draft.labels)}
        found = outcome.as_json(question.id, decision, None)
        answered = found["outcome"] == "answered"
        click.echo(json.dumps({**found, "would_open": None if answered else would}, ensure_ascii=False))
    elif isinstance(decision.outcome, Answered):
        print_message(wording.answered(question, decision.outcome, decision), question.language)
    else:
        click.echo(tell(question.language, Text.ISSUE_DRY_RUN))
        click.echo(f"\n{draft.title}\n{', '.join(draft.labels)}\n\n{draft.description}")
    raise SystemExit(DONE if isinstance(decision.outcome, Answered) else NEGATIVE)
