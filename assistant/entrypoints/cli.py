"""`assistant`: the one command. Each command is a module that is imported when it is used, so `--help` is quick."""

from __future__ import annotations

import importlib
import os
import sys

import click

from assistant import __version__

COMMANDS = {
    "demo": ("demo_command", "demo", "Try the whole system on sample data, with a local GitLab stand-in."),
    "ask": ("ask_command", "ask", "Ask one question and get one outcome with its sources."),
    "chat": ("chat_command", "chat", "Talk to the assistant in the terminal."),
    "index": ("index_command", "index", "Build the knowledge base and keep its versions."),
    "serve": ("serve_command", "serve", "Follow the sources: GitLab's webhooks at once, a sweep when it is due."),
    "eval": ("eval_command", "evaluate", "Measure an index version on questions with known answers."),
    "calibrate": ("calibrate_command", "calibrate", "Choose how sure an answer must be for a wished share of errors."),
    "backtest": ("backtest_command", "backtest", "Replay closed issues against the index as it stood then."),
    "backup": ("backup_command", "backup", "Write state, key and live index version into one file."),
    "restore": ("restore_command", "restore", "Put a backup in the place of the home; nothing is sent again."),
    "explain": ("explain_command", "explain", "Show one question end to end: what was found, checked and decided."),
    "doctor": ("doctor_command", "doctor", "Check every connection, token, model and index, and say what to do."),
}


class _Lazy(click.Group):
    """Lists commands without importing them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names, in the order of use."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return one command."""
        del ctx
        if cmd_name not in COMMANDS:
            return None
        module, name, _ = COMMANDS[cmd_name]
        command: click.Command = getattr(importlib.import_module(f"assistant.entrypoints.{module}"), name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list from the table above, so that `--help` imports nothing heavy."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, told) for name, (_, _, told) in COMMANDS.items()])


@click.group(
    cls=_Lazy,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog="""\b
Examples:
  assistant demo
  assistant index build --docs handbook --issues closed-issues.jsonl
  assistant ask "How do I register a runner?"
  assistant doctor

\b
Exit codes: 0 done, 1 something failed or is down, 2 wrong usage or settings,
3 done but not answered, or a check failed.""",
)
@click.version_option(__version__, prog_name="assistant")
def cli() -> None:
    """Answers support questions from your documentation and closed GitLab issues, with sources.

    When it does not know, it says so and opens an issue.
    """


def main() -> None:
    """Run the command line."""
    # Set before any library reads it: no model hub is ever asked, and threads of the tokenizer do not fight forks.
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    try:
        cli()
    except BrokenPipeError:  # `assistant ... | head`: the reader has gone, there is nobody to tell
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(1) from None


if __name__ == "__main__":
    main()
