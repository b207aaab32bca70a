"""Questions while the index is built anew in a niced child: `scripts/benchmark reindex --docs DIR --issues FILE ...`.

Questions come at a fixed rate, whatever the answers take: first with nothing beside them, then while every chunk is
embedded anew, checked by the gate and made live, then with nothing beside them again. A question's time runs from when
it was due to its answer, so waiting counts. The two quiet parts tell how steady the machine is.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import shutil
import statistics
import sys
import tempfile
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from assistant import settings as configuration
from assistant import wiring
from assistant.core.metrics import percentile
from assistant.core.model import Question, ThreadRef
from assistant.update_child import run_update_in_child

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from assistant.ports import Answer
    from assistant.settings import Settings
    from assistant.update_child import UpdateResult

ALLOWED = 2.0
"""Times the 95th percentile without a build beside it."""
_NEAR_S = 5.0  # of the promotion
_WORKERS = 4  # questions that may wait for each other


@dataclass
class Part:
    """A stretch of load.

    Attributes:
        seconds: Of each question.
        answered: Of each: when it was answered, its seconds, and the version that answered.
        failures: By what went wrong.
        versions: That answered, with the number of questions.
    """

    name: str
    seconds: list[float] = field(default_factory=list)
    answered: list[tuple[float, float, str]] = field(default_factory=list)
    failures: Counter[str] = field(default_factory=Counter)
    versions: Counter[str] = field(default_factory=Counter)

    def p(self, share: float) -> float:
        """Return a percentile in milliseconds."""
        return 1000.0 * (percentile(self.seconds, share) or 0.0)

    def around_promotion(self) -> float:
        """Return the milliseconds of the slowest question within five seconds of the first that a new version answered.

        Nan when no version came.
        """
        in_order = sorted(self.answered)
        moments = [when for when, _, version in in_order if version != in_order[0][2]]
        near = [seconds for when, seconds, _ in in_order if moments and abs(when - moments[0]) <= _NEAR_S]
        return 1000.0 * max(near, default=float("nan"))

    def __str__(self) -> str:
        """Return one line."""
        versions = ", ".join(f"{name} {count}" for name, count in self.versions.items())
        return (
            f"{self.name:22} {len(self.seconds):5} questions  p50 {self.p(0.5):7.1f}  p95 {self.p(0.95):7.1f}  "
            f"max {self.p(1.0):7.1f} ms   failed {self.failures.total()}   {versions}"
        )


def main() -> int:
    """Print a line for each part, and the ratio; return 1 when a question failed or the ratio is above 2."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--docs", type=Path, required=True, help="Folder of Markdown files.")
    parser.add_argument("--issues", type=Path, help="Closed issues as JSON Lines.")
    parser.add_argument("--questions", type=Path, required=True, help="Questions, one JSON object a line.")
    parser.add_argument("--rate", type=float, default=2.0, help="Questions a second.")
    parser.add_argument("--quiet-seconds", type=float, default=60.0, help="Length of each part without a build.")
    parser.add_argument("--json", action="store_true", help="Print one JSON object.")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        settings = set_up(Path(folder), options.docs, options.issues)
        parts, result, took = measure(settings, read(options.questions), options.rate, options.quiet_seconds)
    quiet = statistics.mean(part.p(0.95) for part in (parts[0], parts[2]))
    ratio = parts[1].p(0.95) / quiet
    promotion = parts[1].around_promotion()
    failed = sum(part.failures.total() for part in parts)
    if options.json:
        figures = {part.name: {"p50_ms": part.p(0.5), "p95_ms": part.p(0.95), "max_ms": part.p(1.0)} for part in parts}
        print(
            json.dumps(
                {"parts": figures, "ratio_p95": ratio, "failed": failed, "reindex_s": took, "promotion_ms": promotion}
            )
        )
    else:
        for part in parts:
            print(part)
            for what, count in part.failures.items():
                print(f"    {count} x {what}")
        content = result.content
        print(
            f"re-index: {result.state} {result.version}, {content.get('chunks_embedded')} of "
            f"{content.get('chunks')} chunks "
            f"embedded, {took:.0f} s\np95 beside it / without: {ratio:.2f} (allowed {ALLOWED})   failed: {failed}\n"
            f"slowest question within {_NEAR_S:.0f} s of the promotion: {promotion:.0f} ms"
        )
    return 0 if result.state == "live" and not failed and ratio <= ALLOWED else 1


def set_up(folder: Path, docs: Path, issues: Path | None) -> Settings:
    """Make a home with a copy of the sources and a first version, and return its settings."""
    shutil.copytree(docs, folder / "docs", copy_function=shutil.copyfile)
    os.chmod(folder / "docs", 0o700)  # noqa: PTH101 - a read-only copy could not be changed
    for path in (folder / "docs").rglob("*"):
        path.chmod(0o700 if path.is_dir() else 0o600)
    tables = '[[source]]\ntype = "folder"\npath = "docs"\n'
    if issues is not None:
        shutil.copyfile(issues, folder / "issues.jsonl")
        tables += '[[source]]\ntype = "issues"\npath = "issues.jsonl"\n'
    (folder / "assistant.toml").write_text(tables, encoding="utf-8")
    os.chdir(folder)
    settings = configuration.load(home=folder / "home")
    first = run_update_in_child(settings)
    if first.state != "live":
        raise SystemExit(f"the first version was not built: {first.reason}")
    return settings


def change_everything(folder: Path) -> None:
    """Add a word to nearly every chunk of the pages, and to the title of every issue: they are embedded anew."""
    for path in (folder / "docs").rglob("*.md"):
        lines = path.read_text("utf-8", "replace").split("\n")
        path.write_text("\n".join(f"{line} Revised." if line.endswith(".") else line for line in lines), "utf-8")
    path = folder / "issues.jsonl"
    if path.exists():
        rows = [json.loads(line) for line in path.read_text("utf-8").split("\n") if line.strip()]
        lines = [json.dumps({**row, "title": f"Case: {row['title']}"}) + "\n" for row in rows]
        path.write_text("".join(lines), encoding="utf-8")


def read(path: Path) -> list[str]:
    """Return the questions of a file."""
    return [json.loads(line)["question"] for line in path.read_text("utf-8").split("\n") if line.strip()]


def measure(
    settings: Settings, questions: list[str], rate: float, quiet_s: float
) -> tuple[list[Part], UpdateResult, float]:
    """Run the three parts; return them, what came of the re-index, and its wall seconds."""
    index = wiring.live_index(settings)
    index.wait_ready(300.0)
    answer = wiring.answer(settings, index)
    asked = itertools.cycle(questions)
    load(answer, asked, rate, Part("warm-up"), _until(time.monotonic() + 5.0))
    parts = [Part("nothing beside it"), Part("beside a re-index"), Part("nothing beside it, 2")]
    load(answer, asked, rate, parts[0], _until(time.monotonic() + quiet_s))
    change_everything(Path.cwd())
    results: list[UpdateResult] = []
    begun = time.monotonic()
    child = threading.Thread(target=lambda: results.append(run_update_in_child(settings, sweep=True)))
    child.start()
    load(answer, asked, rate, parts[1], lambda: not child.is_alive())
    took = time.monotonic() - begun
    # The new version and its model load now, beside questions: that belongs to it.
    load(answer, asked, rate, parts[1], _until(time.monotonic() + 10.0))
    load(answer, asked, rate, parts[2], _until(time.monotonic() + quiet_s))
    return parts, results[0], took


def _until(moment: float) -> Callable[[], bool]:
    return lambda: time.monotonic() >= moment


def load(answer: Answer, questions: Iterator[str], rate: float, part: Part, is_over: Callable[[], bool]) -> None:
    """Ask at a fixed rate until it is over, and wait for the last answers."""
    with ThreadPoolExecutor(_WORKERS) as workers:
        due = time.monotonic()
        for number in itertools.count():
            if is_over():
                return
            workers.submit(ask, answer, f"{part.name} {number}", next(questions), due, part)
            due += 1.0 / rate
            time.sleep(max(0.0, due - time.monotonic()))


def ask(answer: Answer, name: str, text: str, due: float, part: Part) -> None:
    """Ask one question, and note how long it took since it was due."""
    question = Question(name, text, ThreadRef("console", "load", name), "load", datetime.now(UTC))
    try:
        decision = answer(question)
    except Exception as error:  # noqa: BLE001 - any error at all is a failed question, and is told
        part.failures[f"{type(error).__name__}: {error}"] += 1
        return
    now = time.monotonic()
    part.seconds.append(now - due)
    part.answered.append((now, now - due, decision.retrieval.index_version))
    part.versions[decision.retrieval.index_version + (" by words alone" * decision.retrieval.lexical_only)] += 1


if __name__ == "__main__":
    sys.exit(main())
