"""Measures what rewriting follow-ups earns, on two-turn dialogs made by rule from labelled questions.

Turn 1 is always the title of a question. Turn 2 is one of:

pointing   the first sentence of the same question's body, its words of the title replaced by "it"
fragment   "and for X?", "what about X?" ..., X being the commonest word of the body that the title lacks
new topic  the title of another question: nothing may be dragged to the old topic
new post   the first sentence of another question's body as it stands, which may say "it" of what its title names

Each turn 2 is searched alone, glued behind turn 1 whatever it is, and as `assistant.core.followup` rewrites it. The
gold is that of the question that turn 2 comes from. Intervals are of the paired bootstrap over dialogs, 95 %.

With `--answers` fragments are answered as well (by quotations), once about a word of the question's body and once about
one that its documentation does not know ("and on FreeBSD?"), with and without the check that a cited passage names it.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import sys
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.stats import binomtest

sys.path.insert(0, str(Path(__file__).parents[1]))

from assistant import settings, wiring
from assistant.core.followup import earlier_turn, follow_up, standing_alone
from assistant.core.model import Answered, Question, ThreadRef
from assistant.core.requests import says_nothing
from assistant.core.sentences import units
from assistant.core.terms import terms
from indexing.retrieve import Retriever
from indexing.versions import Versions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from assistant.core.model import Outcome
    from assistant.ports import Answer

FORMS = ("and for {}?", "what about {}?", "and with {}?", "and {}?")
CUTS = (5, 10)
SAMPLES, SEED = 5000, 0
LONGEST_SENTENCE = 300
FOREIGN = ("FreeBSD", "Solaris", "Xcode", "TeamCity", "Bitbucket", "COBOL", "Fortran", "AIX", "Salesforce", "SAP")
"""Names that are no part of what the measured documentation is about."""
_WORD = re.compile(r"[^\W_]+(?:[-_.][^\W_]+)*")
_BEFORE_NOUN = frozenset({"a", "an", "the", "my", "our", "your", "this", "these", "some", "any"})


@dataclass(frozen=True, slots=True)
class Dialog:
    """Two turns and the documents of which one answers the second."""

    kind: str
    first: str
    second: str
    gold: tuple[str, ...]


def first_sentence(body: str) -> str:
    """Return the first sentence that is no greeting; empty where there is none, or it is longer than people type."""
    found = next((unit.text for unit in units(body) if not unit.is_code and not says_nothing(unit.text)), "")
    sentence = " ".join(found.split())
    return sentence if terms(sentence) and len(sentence) <= LONGEST_SENTENCE else ""


def pointing(title: str, body: str) -> str:
    """Return the first sentence of the body with the title's words replaced by "it"; empty where none stands in it."""
    sentence = first_sentence(body)
    topic, out, replaced = set(terms(title)), "", 0
    end = 0
    for word in _WORD.finditer(sentence):
        between = sentence[end : word.start()]
        if topic.intersection(terms(word[0])):
            words = out.split()
            if words and words[-1].casefold() in _BEFORE_NOUN:
                out = out.rstrip()[: -len(words[-1])]
                between = ""
            if not (words and words[-1] == "it" and not between.strip()):
                out += between + "it"
                replaced += 1
        else:
            out += between + word[0]
        end = word.end()
    out = (out + sentence[end:]).strip()
    return out if replaced and terms(out) and len(out) <= LONGEST_SENTENCE else ""


def fragment(title: str, body: str, form: str) -> str:
    """Return an ellipsis about the commonest word of the body that the title lacks; empty where there is none."""
    known = set(terms(title))
    words = [word[0] for word in _WORD.finditer(body) if terms(word[0]) and not known.intersection(terms(word[0]))]
    counted = Counter(word.casefold() for word in words if not word.isdigit())
    return form.format(counted.most_common(1)[0][0]) if counted else ""


def dialogs(rows: Sequence[dict[str, Any]]) -> Iterator[Dialog]:
    """Make the dialogs of labelled questions."""
    rng = random.Random(SEED)  # noqa: S311 - a sample, no secret
    for number, row in enumerate(rows):
        title, body, gold = row["title"], row.get("body") or "", tuple(row["gold"])
        if second := pointing(title, body):
            yield Dialog("pointing", title, second, gold)
        if second := fragment(title, body, FORMS[number % len(FORMS)]):
            yield Dialog("fragment", title, second, gold)
        other = rng.choice([other for other in rows if not set(other["gold"]) & set(gold)])
        yield Dialog("new topic", other["title"], title, gold)
        if second := first_sentence(body):
            yield Dialog("new post", other["title"], second, gold)


def found_ranks(dialog: Dialog, retrieve: Callable[[str], tuple[str, ...]]) -> dict[str, int]:
    """Return the place of the first gold document, from 0, for each way to search; a large number without one."""
    rewritten = follow_up(dialog.second, earlier_turn(dialog.first))
    asked = {
        "alone": dialog.second,
        "glued": f"{dialog.first}\n{dialog.second}",
        "rewritten": rewritten.text if rewritten else dialog.second,
    }
    places = {}
    for way, text in asked.items():
        ranking = retrieve(text)
        places[way] = next((n for n, document in enumerate(ranking) if document in dialog.gold), len(ranking) + 1000)
    return {**places, "flagged": int(rewritten is not None)}


def interval(gained: NDArray[np.float64]) -> tuple[float, float]:
    """Return the 95 % interval of the mean of paired differences, by the bootstrap over dialogs."""
    rng = np.random.default_rng(SEED)
    means = gained[rng.integers(0, len(gained), (SAMPLES, len(gained)))].mean(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return float(low), float(high)


def table(found: dict[str, list[dict[str, int]]]) -> list[dict[str, Any]]:
    """Return one row for each kind of dialog."""
    rows = []
    for kind, places in found.items():
        row: dict[str, Any] = {"kind": kind, "dialogs": len(places)}
        row["taken for a follow-up"] = float(np.mean([place["flagged"] for place in places]))
        for cut in CUTS:
            hit = {
                way: np.array([float(place[way] < cut) for place in places]) for way in ("alone", "glued", "rewritten")
            }
            row |= {f"{way} hit@{cut}": float(values.mean()) for way, values in hit.items()}
            low, high = interval(hit["rewritten"] - hit["alone"])
            row[f"gain@{cut}"] = f"{float((hit['rewritten'] - hit['alone']).mean()):+.3f} [{low:+.3f}, {high:+.3f}]"
        rows.append(row)
    return rows


@dataclass(frozen=True, slots=True)
class Ended:
    """How a fragment ended with the check that a cited passage names what it asks for, and without; and the gold."""

    checked: Outcome
    unchecked: Outcome
    gold: frozenset[str]


def answered(made: Sequence[Dialog], answer: Answer) -> list[dict[str, Any]]:
    """Return for fragments about known and foreign words how many are answered, checked and unchecked."""
    found: dict[str, list[Ended]] = {"of the body": [], "foreign": []}
    for number, dialog in enumerate(one for one in made if one.kind == "fragment"):
        foreign = FORMS[number % len(FORMS)].format(FOREIGN[number % len(FOREIGN)])
        for kind, second in (("of the body", dialog.second), ("foreign", foreign)):
            thread, context = ThreadRef("measure", "", ""), earlier_turn(dialog.first)
            asked = Question("q", second, thread, "", datetime.now(UTC), context=context)
            ended = Ended(answer(asked).outcome, answer(standing_alone(asked)).outcome, frozenset(dialog.gold))
            found[kind].append(ended)
    return [{"fragment about a word": kind, "dialogs": len(ended), **shares(ended)} for kind, ended in found.items()]


def shares(ended: Sequence[Ended]) -> dict[str, str]:
    """Return the share answered, and of these the share that cites gold of the earlier question, each way."""
    out: dict[str, str] = {}
    for way in ("checked", "unchecked"):
        given = [(outcome, one.gold) for one in ended if isinstance(outcome := getattr(one, way), Answered)]
        right = sum(not gold.isdisjoint(c.document for c in outcome.citations) for outcome, gold in given)
        out |= {f"answered, {way}": share(len(given), len(ended)), f"gold cited, {way}": share(right, len(given))}
    return out


def share(part: int, whole: int) -> str:
    """Return a share with its exact (Clopper-Pearson) 95 % interval."""
    if not whole:
        return "none"
    found = binomtest(part, whole).proportion_ci(method="exact")
    return f"{part / whole:.3f} [{found.low:.3f}, {found.high:.3f}]"


def main() -> None:
    """Read the arguments, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--questions", type=Path, required=True, help="labelled questions as JSON Lines")
    parser.add_argument("--json", action="store_true", help="print rows as JSON")
    parser.add_argument("--show", type=int, default=0, metavar="N", help="print N dialogs of each kind, and end")
    parser.add_argument("--answers", action="store_true", help="measure which fragments are answered instead")
    given = parser.parse_args()
    rows = [json.loads(line) for line in given.questions.read_text("utf-8").splitlines() if line.strip()]
    made = list(dialogs([row for row in rows if row["answerable"]]))
    if given.show:
        show(made, given.show)
        return
    home = settings.load()
    if given.answers:
        print_table(answered(made, wiring.answerer(home, use_model=False)), as_json=given.json)
        return
    retriever = Retriever(Versions(wiring.index_root(home)).open_live(), wiring.embedder(home))
    ranked: dict[str, tuple[str, ...]] = {}

    def retrieve(text: str) -> tuple[str, ...]:
        if text not in ranked:
            ranked[text] = tuple(document.document for document in retriever(text).ranking)
        return ranked[text]

    found: dict[str, list[dict[str, int]]] = {}
    for number, dialog in enumerate(made, start=1):
        found.setdefault(dialog.kind, []).append(found_ranks(dialog, retrieve))
        if sys.stderr.isatty():
            print(f"\r{number} of {len(made)}", end="", file=sys.stderr)
    print_table(table(found), as_json=given.json)


def show(made: Sequence[Dialog], count: int) -> None:
    """Print some dialogs, with what is searched for each."""
    for kind in dict.fromkeys(dialog.kind for dialog in made):
        for dialog in [one for one in made if one.kind == kind][:count]:
            rewritten = follow_up(dialog.second, earlier_turn(dialog.first))
            print(
                f"{kind}\n  1: {dialog.first}\n  2: {dialog.second}\n  -> {rewritten.text if rewritten else 'alone'!r}"
            )


def print_table(rows: Sequence[dict[str, Any]], *, as_json: bool) -> None:
    """Print the rows as a Markdown table, or as JSON."""
    if as_json:
        print(json.dumps(rows, indent=2))
        return
    names = list(rows[0])
    print(f"| {' | '.join(names)} |\n|{'---|' * len(names)}")
    for row in rows:
        print(
            "| "
            + " | ".join(f"{value:.3f}" if isinstance(value, float) else str(value) for value in row.values())
            + " |"
        )


if __name__ == "__main__":
    main()
