"""How often the verdicts of a back-test are confirmed: `scripts/measure_judging QUESTIONS.jsonl`.

Asks questions whose right documents and whose answer by a person (`gold_answer`) are known, judges each answer by the
words of that person alone, addresses taken out, and compares the verdict with strict rightness.
"""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path

from assistant import settings as configuration
from assistant import wiring
from assistant.core.backtest import Told, wilson
from assistant.core.model import Answered
from assistant.workflows.backtest import judging_of
from assistant.workflows.evaluate import read_questions, run

_ADDRESS = re.compile(r"(?:https?://|www\.)\S+")


def main() -> None:
    """Print a line for each kind of evidence: confirmed, of, 95 % interval."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("questions", type=Path)
    given = parser.parse_args()
    lines = [json.loads(line) for line in given.questions.read_text("utf-8").splitlines() if line.strip()]
    said = {line["id"]: (line["title"], line.get("gold_answer") or "") for line in lines}
    past = wiring.past(configuration.load(), version=None, use_model=False, strict_pages=False, told=())
    judging = judging_of(past)
    verdicts: dict[str, list[bool]] = {}
    for row in run(past.answer, [one for one in read_questions(given.questions) if one.gold]):
        answer = row.decision.outcome
        title, gold_answer = said[row.golden.id]
        if not isinstance(answer, Answered) or not gold_answer:
            continue
        told = Told(title, {"Problem": row.golden.question, "Resolution": _ADDRESS.sub(" ", gold_answer)})
        judged = judging.judged("", told, answer)
        for name in ("all answers", judged.verdict, f"{judged.verdict}: {judged.by}"):
            verdicts.setdefault(name, []).append(row.judged.strictly_right)
    for name, right in sorted(verdicts.items()):
        low, high = wilson(sum(right), len(right)) or (0.0, 1.0)
        print(
            f"{name:32} strictly right {sum(right):4} of {len(right):4} = {sum(right) / len(right):.2f}",
            f"[{low:.2f}, {high:.2f}]",
        )


if __name__ == "__main__":
    main()
