"""Measures what a cross-encoder can earn and cost: between one that knows the right documents and one that guesses.

Prints one Markdown table with the changes and their 95 % intervals (paired bootstrap over questions). Where
ASSISTANT_RERANKER is set, that reranker stands between the two bounds.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).parents[1]))

from assistant import settings as configuration
from assistant import wiring
from assistant.workflows.evaluate import read_questions
from indexing.retrieve import Retriever
from indexing.second_look import SecondLook
from indexing.versions import Versions
from scripts.measure_retrieval import FIGURES, ask, change, row, searching

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from assistant.workflows.evaluate import Golden


class Guessing:
    """Scores by a hash: always the same, and of no use."""

    fingerprint = "guessing"

    def score(self, question: str, texts: Sequence[str]) -> list[float]:
        """See `CrossEncoder.score`."""
        return [int(hashlib.sha256((question + text).encode()).hexdigest()[:8], 16) / 2**32 for text in texts]


class Knowing(Guessing):
    """Puts the right documents, told by their titles, before the others and guesses between those."""

    fingerprint = "knowing"

    def __init__(self) -> None:
        self.titles: frozenset[str] = frozenset()

    def score(self, question: str, texts: Sequence[str]) -> list[float]:
        """See `CrossEncoder.score`."""
        named = [text.split("\n", 1)[0].split(" > ")[0] in self.titles for text in texts]
        return [knows + guess for knows, guess in zip(named, super().score(question, texts), strict=True)]


def knowing(
    questions: Sequence[Golden], titles: Mapping[str, str], retriever: Retriever, encoder: Knowing
) -> Callable[[str], tuple[str, ...]]:
    """Return what searches with an encoder that is told the right documents of each question before."""
    gold = {item.question: frozenset(titles[name] for name in item.gold if name in titles) for item in questions}
    search = searching(retriever)

    def told(question: str) -> tuple[str, ...]:
        encoder.titles = gold[question]
        return search(question)

    return told


def main() -> None:
    """Ask, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, required=True, help="ASSISTANT_HOME whose live index is asked")
    parser.add_argument("--questions", type=Path, required=True, help="labelled questions, one JSON object a line")
    given = parser.parse_args()
    settings = configuration.load(home=given.home)
    version = Versions(wiring.index_root(settings)).open_live()
    embedder = wiring.embedder(settings)
    questions = [item for item in read_questions(given.questions) if item.gold]
    wanted = version.catalog.documents({name for item in questions for name in item.gold})
    titles = {name: facts.document.title for name, facts in wanted.items()}
    failures: list[str] = []
    knows = Knowing()
    ways = {
        "one that knows": knowing(questions, titles, Retriever(version, embedder, None, SecondLook(knows)), knows),
        "one that guesses": searching(Retriever(version, embedder, None, SecondLook(Guessing()))),
    }
    if (encoder := wiring.cross_encoder(settings)) is not None:
        look = SecondLook(encoder, failures.append)
        ways[settings.reranker_model or settings.reranker] = searching(Retriever(version, embedder, None, look))
    plain = ask(searching(Retriever(version, embedder)), questions)
    print(f"{len(questions)} questions, index {version.name}; bold: beyond chance\n")
    print("| cross-encoder | " + " | ".join(FIGURES) + " |")
    print("|---|" + "---|" * len(FIGURES))
    print(row("none", plain))
    for name, search in ways.items():
        asked = ask(search, questions)
        print(row(name, asked))
        print(change(name, plain, asked).replace("without ", "change by ", 1), flush=True)
    for why in failures:
        print(f"not measured throughout: {why}", file=sys.stderr)
    raise SystemExit(1 if failures else 0)


if __name__ == "__main__":
    main()
