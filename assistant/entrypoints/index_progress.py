"""Progress of long work: bars with rates on a terminal; elsewhere a line at the beginning and the end of each stage."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.progress import Progress as Bars
    from rich.progress import TaskID

    from indexing.build import Progress

_NAMES = {
    "read": "Reading documents",
    "embed": "Embedding chunks",
    "write": "Writing the version",
    "check": "Reading the files of the version",
    "ask": "Asking golden questions",
}


@contextlib.contextmanager
def progress_bar(*, quiet: bool = False) -> Iterator[Callable[[Progress], None]]:
    """Show progress on standard error; nothing when quiet."""
    from rich import progress as bars  # noqa: PLC0415 - keeps `--help` quick
    from rich.console import Console  # noqa: PLC0415 - as above

    console = Console(stderr=True)
    columns = (
        bars.TextColumn("{task.description}"),
        bars.BarColumn(),
        bars.MofNCompleteColumn(),
        bars.TextColumn("{task.fields[rate]}"),
        bars.TimeRemainingColumn(),
    )
    if quiet or not console.is_terminal:
        lines = _Lines(quiet=quiet)
        yield lines
        lines.end()
        return
    with bars.Progress(*columns, console=console) as shown:
        yield _Shown(shown)


@dataclass
class _Shown:
    """A bar for each stage."""

    bars: Bars
    _tasks: dict[str, TaskID] = field(default_factory=dict, init=False)

    def __call__(self, step: Progress) -> None:
        name = f"{_NAMES[step.stage]} of {step.source}" if step.source else _NAMES[step.stage]
        if step.stage not in self._tasks:
            self._tasks[step.stage] = self.bars.add_task(name, total=None, rate="")
        task = self._tasks[step.stage]
        speed = self.bars.tasks[task].speed or 0.0
        rate = f"{speed:.0f}/s" if speed else ""
        self.bars.update(task, description=name, completed=step.done, total=step.total or None, rate=rate)


@dataclass
class _Lines:
    """Two lines for each stage."""

    quiet: bool
    _stage: str = field(default="", init=False)
    _done: int = field(default=0, init=False)
    _since: float = field(default=0.0, init=False)

    def __call__(self, step: Progress) -> None:
        if step.stage != self._stage:
            self.end()
            self._stage, self._since = step.stage, time.monotonic()
            self._say(f"{_NAMES[step.stage]} ...")
        self._done = step.done

    def end(self) -> None:
        """Tell how much the stage that runs has done."""
        seconds = time.monotonic() - self._since
        if self._stage in {"read", "embed", "ask"} and self._done:
            rate = f", {self._done / seconds:.0f}/s" if seconds > 0.0 else ""
            self._say(f"{_NAMES[self._stage]}: {self._done} in {seconds:.1f} s{rate}")
        self._stage, self._done = "", 0

    def _say(self, line: str) -> None:
        if not self.quiet:
            click.echo(line, err=True)
