"""Measures the evidence check: what it keeps of sentences that a passage supports, and of sentences made wrong.

Sentences are taken from the passages that an index finds for real questions. Supported: quoted, reworded by rule.
Unsupported: a number, a literal, a name changed, the sense turned round, or a sentence of another document. Each stands
in a draft that cites the passage. The share that is kept is reported with its exact 95 % interval: for the rule that
was there before (60 % of the terms, literals letter by letter), for this check, and for one that also accepts what
means nearly the same to the embedder. Documents are split in two halves: thresholds are chosen on the first, every
figure is of the second.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import re
import sys
import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).parents[1]))

from altered_sentences import (
    number_of_elsewhere,
    of_another_product,
    paraphrased,
    relabelled,
    renumbered,
    turned_round,
)

from assistant import settings as configuration
from assistant import wiring
from assistant.core import evidence
from assistant.core.claims import Rarity, Source, support
from assistant.core.claims_literals import bare
from assistant.core.claims_meaning import nearness
from assistant.core.metrics import percentile
from assistant.core.model import Claim, Draft
from assistant.core.terms import literals, terms
from indexing.retrieve import Retriever
from indexing.versions import Versions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from assistant.core.claims import Support
    from assistant.core.claims_meaning import Embed
    from indexing.model import Passage, Retrieval

SUPPORTED = ("quoted", "reworded", "reworded more")
TERMS_HELD = 0.6
NEARLY, SAME_MEANING = 0.3, 0.8  # support and cosine from which meaning would decide; it is not used
SENTENCES = 2  # of a passage
SHORTEST, LONGEST = 6, 50  # terms; words
PASSAGES = 4  # of a question
GRID = [n / 20 for n in range(6, 17)]
OVER = 0.03  # share of reworded sentences that a threshold may cost
_MARK = re.compile(r"^\s*(?:[-*+]|\d{1,3}[.)])\s+")


@dataclass(frozen=True, slots=True)
class Case:
    """A sentence that cites a passage. `half`: 0 to choose thresholds on, 1 to report."""

    kind: str
    text: str
    passage: Passage
    shown: tuple[Passage, ...]
    half: int


def sentences_of(passage: Passage) -> list[str]:
    """Return the sentences that could stand in an answer: no question, no lead-in, no block, nothing of a problem."""
    found = []
    for piece in Source((passage,)).pieces:
        text = _MARK.sub("", piece.text).strip()
        whole = "\n" not in text and not text.startswith(("|", "```", "~~~")) and not text.endswith(("?", ":"))
        if whole and not piece.complains and len(set(terms(bare(text)))) >= SHORTEST and len(text.split()) <= LONGEST:
            found.append(text)
    return found


def cases_of(retrieval: Retrieval, seen: set[str], rng: random.Random) -> Iterator[Case]:
    """Yield sentences that cite the passages found for one question."""
    shown = retrieval.passages
    for passage in shown[:PASSAGES]:
        if passage.chunk.id in seen:
            continue
        seen.add(passage.chunk.id)
        half = hashlib.sha256(passage.chunk.document.encode()).digest()[0] % 2
        others = [one for one in shown if one.chunk.document != passage.chunk.document]
        whole = sentences_of(passage)
        for text in rng.sample(whole, min(SENTENCES, len(whole))):
            for kind, made in altered(text, passage, others, rng):
                yield Case(kind, made, passage, shown, half)
        strange = [text for other in others for text in sentences_of(other) if text not in passage.chunk.text]
        if strange and whole:
            text = rng.choice(strange)
            alone = (passage, *(one for one in shown if text not in one.chunk.text and one is not passage))
            yield Case("of another document", text, passage, alone, half)
            yield Case("wrongly cited", text, passage, shown, half)


def altered(text: str, passage: Passage, others: Sequence[Passage], rng: random.Random) -> Iterator[tuple[str, str]]:
    """Yield (kind, sentence): as it is, reworded, and made wrong, half of these after rewording."""
    reworded = paraphrased(text, rng)
    yield "quoted", text
    made = [("reworded", reworded), ("reworded more", paraphrased(text, rng, most=8))]
    base = reworded if reworded and rng.random() < 0.5 else text  # noqa: PLR2004 - as often as not
    made += [
        ("another number", renumbered(base, rng)),
        ("another number of the passage", number_of_elsewhere(base, passage.chunk.text, rng)),
        ("another literal", relabelled(base, [one.chunk.text for one in others], rng)),
        ("another literal of the passage", relabelled(base, [passage.chunk.text], rng)),
        ("turned round", turned_round(base, rng)),
        ("another product", of_another_product(base)),
    ]
    yield from ((kind, sentence) for kind, sentence in made if sentence)


def before(case: Case) -> bool:
    """Return what the rule said that was there before."""
    held = " ".join(case.passage.chunk.embedded_text.split()).casefold()
    if " ".join(case.text.split()).casefold() in held:
        return True
    if any(" ".join(literal.split()).casefold() not in held for literal in literals(case.text)):
        return False
    wanted = set(terms(case.text))
    return bool(wanted) and len(wanted & set(terms(case.passage.chunk.embedded_text))) / len(wanted) >= TERMS_HELD


class Judging:
    """Support of every case, worked out once."""

    def __init__(self, cases: Sequence[Case], embed: Embed) -> None:
        self.found: list[tuple[Case, Support, float]] = []
        for case in cases:
            rarity = Rarity([Source((one,)) for one in case.shown])
            found = support(case.text, Source((case.passage,)), rarity)
            near = 0.0
            if not found.missing and found.score < 1.0 and found.quote:
                near = (nearness([(case.text, " ".join(found.quote))], embed) or [0.0])[0]
            self.found.append((case, found, near))

    def kept(self, half: int, rule: Callable[[Support, float], bool]) -> dict[str, list[bool]]:
        """Return kind -> whether each of its sentences is kept by a rule over support and cosine."""
        out: dict[str, list[bool]] = defaultdict(list)
        for case, found, near in self.found:
            if case.half == half:
                out[case.kind].append(not found.missing and rule(found, near))
        return out


def interval(kept: Sequence[bool]) -> str:
    """Return share and exact 95 % interval (Clopper & Pearson 1934)."""
    from scipy.stats import binomtest  # noqa: PLC0415 - a development dependency

    found = binomtest(sum(kept), len(kept)).proportion_ci(method="exact")
    return f"{sum(kept) / len(kept):.3f} ({found.low:.3f}-{found.high:.3f})"


def times(cases: Sequence[Case], embed: Embed, count: int, rng: random.Random) -> tuple[list[float], list[float]]:
    """Return wall and processor milliseconds of the check of drafts of four sentences, as the assistant runs it."""
    by_shown: dict[tuple[str, ...], list[Case]] = defaultdict(list)
    for case in cases:
        by_shown[tuple(one.chunk.id for one in case.shown)].append(case)
    wall, processor = [], []
    for some in rng.sample(list(by_shown.values()), min(count, len(by_shown))):
        four = [rng.choice(some) for _ in range(4)]
        draft = Draft(tuple(Claim(one.text, (one.passage.n,)) for one in four), found=True, written_by="made")
        begun, used = time.perf_counter(), time.process_time()
        evidence.check(draft, four[0].shown, four[0].shown[0].title, embed)
        wall.append((time.perf_counter() - begun) * 1000.0)
        processor.append((time.process_time() - used) * 1000.0)
    return wall, processor


def report(cases: Sequence[Case], embed: Embed) -> dict[str, object]:
    """Print the table and return it."""
    judged = Judging(cases, embed)
    chosen = _chosen(judged)
    print(f"least support that costs at most {OVER:.0%} of the reworded sentences of the first half: {chosen:.2f}")
    print(f"used: HELD={evidence.HELD}, NEARLY={NEARLY}, SAME_MEANING={SAME_MEANING}\n")
    alone = judged.kept(1, lambda found, _: found.score >= evidence.HELD)
    meant = judged.kept(
        1,
        lambda found, near: found.score >= evidence.HELD or (found.score >= NEARLY and near >= SAME_MEANING),
    )
    old: dict[str, list[bool]] = defaultdict(list)
    for case in cases:
        if case.half == 1:
            old[case.kind].append(before(case))
    rows = {}
    print("| sentence | n | kept before | kept now | with meaning |\n|---|---|---|---|---|")
    for kind in sorted(old, key=lambda kind: (kind not in SUPPORTED, kind)):
        rows[kind] = [len(old[kind]), interval(old[kind]), interval(alone[kind]), interval(meant[kind])]
        print(f"| {kind} | " + " | ".join(map(str, rows[kind])) + " |")
    return {"chosen": chosen, "rows": rows}


def _chosen(judged: Judging) -> float:
    """Return the highest threshold that keeps nearly all reworded sentences which pass the literal checks."""
    scores = [found.score for case, found, _ in judged.found if not case.half and case.kind == "reworded"]
    fitting = [held for held in GRID if sum(score >= held for score in scores) >= (1.0 - OVER) * len(scores)]
    return max(fitting, default=GRID[0])


def recited(cases: Sequence[Case], embed: Embed | None) -> str:
    """Return how often a sentence that cites the wrong passage is cited from one that holds it."""
    wrong = [case for case in cases if case.kind == "wrongly cited" and case.half == 1]
    right = []
    for case in wrong:
        draft = Draft((Claim(case.text, (case.passage.n,)),), found=True, written_by="made")
        cited = {one.chunk for one in evidence.check(draft, case.shown, "", embed).citations}
        right.append(any(case.text in " ".join(p.chunk.text.split()) for p in case.shown if p.chunk.id in cited))
    return interval(right)


def main() -> None:
    """Run; see the module's docstring."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--questions", type=Path, required=True, help="questions, one JSON object a line")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--answers", type=int, default=200, help="drafts to take times of")
    parser.add_argument("--output", type=Path, help="write the figures here as JSON")
    given = parser.parse_args()
    settings = configuration.load()  # ASSISTANT_HOME names the index
    retriever = Retriever(Versions(wiring.index_root(settings)).open_live(), wiring.embedder(settings))
    rng = random.Random(given.seed)  # noqa: S311 - a draw that can be repeated
    lines = [json.loads(line) for line in given.questions.read_text("utf-8").split("\n") if line.strip()]
    seen: set[str] = set()
    cases = [case for line in lines for case in cases_of(retriever(line["question"].strip()), seen, rng)]
    print(f"{len(cases)} sentences that cite {len(seen)} passages\n")
    found = report(cases, retriever.embed)
    print(f"\nwrongly cited, cited rightly now: {recited(cases, retriever.embed)}")
    for name, taken in zip(("wall", "processor"), times(cases, retriever.embed, given.answers, rng), strict=True):
        p50, p95 = percentile(taken, 0.5), percentile(taken, 0.95)
        print(f"{name} ms for a draft of four sentences: p50 {p50:.1f}, p95 {p95:.1f}, of {len(taken)}")
        found[f"{name}_ms"] = {"p50": p50, "p95": p95}
    if given.output is not None:
        given.output.write_text(json.dumps(found, ensure_ascii=False, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
