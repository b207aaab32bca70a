"""Measures by language how questions are found and answered, with each embedder that is named.

Builds an index with each (once, below `--home`), asks all questions without a language model, and prints Markdown
tables: by the language of the question and of the documents that answer it, with 95 % intervals.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from assistant.core.metrics import reciprocal_rank
from assistant.texts import language_of

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).parents[1]
SAMPLE = ROOT / "assistant" / "sandbox" / "sample"
QUESTIONS = [*sorted((ROOT / "tests" / "languages").glob("*.jsonl")), SAMPLE / "questions.jsonl"]


@dataclass(frozen=True)
class Measured:
    """What one embedder found: golden questions, and the rows of `assistant eval` in the same order."""

    name: str
    questions: Sequence[dict[str, Any]]
    rows: Sequence[dict[str, Any]]
    latency_ms: dict[str, dict[str, float]]


def main() -> int:
    """Measure and print."""
    arguments = _arguments()
    home: Path = arguments.home
    home.mkdir(parents=True, exist_ok=True)
    questions = [
        json.loads(line) for path in arguments.questions for line in path.read_text("utf-8").split("\n") if line.strip()
    ]
    file = home / "questions.jsonl"
    file.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in questions), "utf-8")
    found = [_measured(name, arguments, questions, file) for name in arguments.embedder]
    _print_found(found)
    _print_decided(found)
    _print_told(questions)
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__.split("\n", 1)[0] if __doc__ else None,
        epilog="example: scripts/measure_language --home build/languages --embedder packaged-onnx multilingual",
    )
    parser.add_argument("--home", type=Path, required=True, help="where indexes and results are kept")
    parser.add_argument(
        "--embedder",
        nargs="+",
        default=["packaged-onnx", "multilingual"],
        help="settings to compare; `URL#MODEL` for an endpoint",
    )
    parser.add_argument(
        "--questions",
        nargs="+",
        type=Path,
        default=QUESTIONS,
        help="golden questions (JSON Lines); default: those of the sample, and the German and Chinese ones",
    )
    parser.add_argument("--docs", type=Path, default=SAMPLE / "docs", help="Markdown tree; default: the sample's")
    parser.add_argument(
        "--issues", type=Path, default=SAMPLE / "issues.jsonl", help="issue export; default: the sample's"
    )
    return parser.parse_args()


def _measured(name: str, arguments: argparse.Namespace, questions: list[dict[str, Any]], file: Path) -> Measured:
    home = arguments.home / (re.sub(r"\W+", "-", name).strip("-") or "embedder")
    embedder, _, model = name.partition("#") if name.startswith("http") else (name, "", "")
    environment = {
        **os.environ,
        "ASSISTANT_HOME": str(home),
        "ASSISTANT_EMBEDDER": embedder,
        "ASSISTANT_EMBEDDER_MODEL": model,
    }
    if not (home / "index" / "CURRENT").exists():
        _assistant(["index", "build", "--docs", str(arguments.docs), "--issues", str(arguments.issues)], environment)
    output = home / "result.json"
    _assistant(["eval", "--questions", str(file), "--no-model", "--output", str(output)], environment)
    result = json.loads(output.read_text("utf-8"))
    return Measured(name, questions, result["questions"], result["latency_ms"])


def _assistant(words: list[str], environment: dict[str, str]) -> None:
    command = [str(ROOT / ".venv" / "bin" / "assistant"), *words]
    subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=True)  # noqa: S603 - our own command


# --- tables


def _groups(measured: Measured) -> dict[str, list[tuple[dict[str, Any], dict[str, Any]]]]:
    """Return `de about en` (language of the question, of its gold) -> question and row."""
    groups: dict[str, list[tuple[dict[str, Any], dict[str, Any]]]] = {}
    for question, row in zip(measured.questions, measured.rows, strict=True):
        language = str(question.get("language", "?"))
        if question.get("answerable", bool(question.get("gold"))):
            groups.setdefault(language, []).append((question, row))
            about = question.get("gold_language")
            if about:
                groups.setdefault(f"{language} about {about}", []).append((question, row))
    return dict(sorted(groups.items()))


def _print_found(found: Sequence[Measured]) -> None:
    print("\n| embedder | questions | n | hit@1 | hit@5 | hit@10 | mrr@10 |\n|---|---|---|---|---|---|---|")
    for measured in found:
        for name, some in _groups(measured).items():
            golds = [(frozenset(question["gold"]), row["ranking"]) for question, row in some]
            hits = [sum(bool(gold.intersection(ranking[:k])) for gold, ranking in golds) for k in (1, 5, 10)]
            mean = sum(reciprocal_rank(gold, ranking) for gold, ranking in golds) / len(golds)
            shares = " | ".join(_share(hit, len(some)) for hit in hits)
            print(f"| {measured.name} | {name} | {len(some)} | {shares} | {mean:.3f} |")


def _print_decided(found: Sequence[Measured]) -> None:
    print("\n| embedder | questions | coverage | strict risk | refused | embed p50 / p95 ms | retrieve p50 / p95 ms |")
    print("|---|---|---|---|---|---|---|")
    for measured in found:
        pairs = list(zip(measured.questions, measured.rows, strict=True))
        times = " | ".join(_times(measured.latency_ms, stage) for stage in ("embed", "retrieve"))
        for language in sorted({str(question.get("language", "?")) for question, _ in pairs}):
            own = [(q, row) for q, row in pairs if q.get("language", "?") == language]
            answerable = [row for q, row in own if q["gold"]]
            given = [(q, row) for q, row in own if row["outcome"] == "answered"]
            wrong = sum(not set(q["gold"]) & set(list(dict.fromkeys(row["citations"]))[:3]) for q, row in given)
            refused = [row["outcome"] != "answered" for q, row in own if not q["gold"]]
            covered = _share(sum(row["outcome"] == "answered" for row in answerable), len(answerable))
            figures = f"{covered} | {_share(wrong, len(given))} | {_share(sum(refused), len(refused))}"
            print(f"| {measured.name} | {language} | {figures} | {times} |")


def _print_told(questions: Sequence[dict[str, Any]]) -> None:
    print("\n| questions | language told rightly |\n|---|---|")
    for language in sorted({str(question["language"]) for question in questions}):
        texts = [question["question"] for question in questions if question["language"] == language]
        print(f"| {language} | {_share(sum(language_of(text) == language for text in texts), len(texts))} |")


def _times(latency_ms: dict[str, dict[str, float]], stage: str) -> str:
    times = latency_ms.get(stage)
    return f"{times['p50']:.0f} / {times['p95']:.0f}" if times else "-"


def _share(part: int, whole: int) -> str:
    """Return a share with its exact 95 % interval (Clopper & Pearson 1934)."""
    if not whole:
        return "-"
    from scipy.stats import binomtest  # noqa: PLC0415 - a second of import

    interval = binomtest(part, whole).proportion_ci(0.95)
    return f"{part / whole:.2f} [{interval.low:.2f}, {interval.high:.2f}]"


if __name__ == "__main__":
    sys.exit(main())
