"""Measures the masking of secrets: generated secrets and look-alikes, the attack catalogue, real prose, time.

Prints a Markdown table. Where a folder of documents is given, each masked place in it is listed, to be looked at.
"""

from __future__ import annotations

import argparse
import re
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).parents[1]))

from assistant.adapters.secret_scanner import make_mask
from assistant.core.masking import mask_with, own_spans
from assistant.core.safety import clean
from tests.fakes.look_alikes import look_alikes
from tests.fakes.more_secret_samples import all_secrets
from tests.fakes.secret_samples import Sample, left_in

if TYPE_CHECKING:
    from collections.abc import Iterator

    from indexing.model import Clean, Cleaned


def own_only(text: str) -> Cleaned:
    """Mask with our own patterns alone."""
    return mask_with(clean(text), own_spans)


def rules_only() -> Clean:
    """Return masking with the rule engine alone."""
    from assistant.adapters.secret_scanner import rule_spans  # noqa: PLC0415 - private to this comparison

    return lambda text: mask_with(clean(text), rule_spans)


def paragraphs(folder: Path) -> Iterator[tuple[str, str]]:
    """Yield (file, paragraph) of the Markdown files below a folder."""
    for file in sorted(folder.rglob("*.md")):
        for paragraph in re.split(r"\n\s*\n", file.read_text("utf-8", "replace")):
            if paragraph.strip():
                yield str(file.relative_to(folder)), paragraph


def share(good: int, total: int) -> str:
    """Return `good/total (percent)`."""
    return f"{good}/{total} ({100 * good / max(total, 1):.1f} %)"


def row(name: str, mask: Clean, samples: list[Sample], innocent: list[Sample]) -> str:
    """Measure one detector and return its line of the table."""
    tuned = [s for s in samples if not s.held_out]
    held = [s for s in samples if s.held_out]
    whole = [sum(not left_in(s, mask(s.text).text) for s in group) for group in (tuned, held)]
    wrong = sum(mask(s.text).text != s.text for s in innocent)
    started = time.perf_counter()
    for sample in samples:
        mask(sample.text)
    each_ms = (time.perf_counter() - started) / len(samples) * 1000
    cells = [share(whole[0], len(tuned)), share(whole[1], len(held)), share(wrong, len(innocent)), f"{each_ms:.2f}"]
    return f"| {name} | {' | '.join(cells)} |"


def show_prose(folder: Path, mask: Clean) -> None:
    """List what is masked in real documents."""
    total = hit = 0
    started = time.perf_counter()
    for file, paragraph in paragraphs(folder):
        total += 1
        cleaned = mask(paragraph)
        if cleaned.masked:
            hit += 1
            print(f"{file}: {', '.join(cleaned.masked)}: {' '.join(cleaned.text.split())[:160]}")
    each_ms = (time.perf_counter() - started) / max(total, 1) * 1000
    print(
        f"\n{hit} of {total} paragraphs hold a mark ({1000 * hit / max(total, 1):.2f} of 1,000), {each_ms:.2f} ms each"
    )


def main() -> None:
    """Run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5, help="how often each form is made")
    parser.add_argument("--docs", type=Path, help="folder of Markdown files to look for wrong marks in")
    given = parser.parse_args()
    samples = [sample for seed in range(given.seeds) for sample in all_secrets(seed)]
    innocent = [sample for seed in range(given.seeds) for sample in look_alikes(seed)]
    mask = make_mask()
    started = time.perf_counter()
    mask("first")
    print(f"start-up {(time.perf_counter() - started) * 1000:.0f} ms\n")
    print("| detector | wholly masked | held-out forms | look-alikes masked | ms a text |\n|---|---|---|---|---|")
    print(row("rules alone", rules_only(), samples, innocent))
    print(row("own patterns alone", own_only, samples, innocent))
    print(row("both", mask, samples, innocent))
    missed = sorted({s.form for s in samples if left_in(s, mask(s.text).text)})
    print(f"\nnot wholly masked by both: {', '.join(missed) or 'none'}\n")
    if given.docs:
        show_prose(given.docs, mask)


if __name__ == "__main__":
    main()
