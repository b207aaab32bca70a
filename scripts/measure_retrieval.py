"""Measures what each step of the search earns: every row leaves one step out, and is asked the same questions.

Prints one Markdown table: figures of the whole search, and for each step the change without it, with a 95 % interval
(paired bootstrap over questions). A step that earns nothing here has to earn something elsewhere, or go: collapsing
near-identical issues, for one, is there for hostile issues (`scripts/measure_poisoning`).
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).parents[1]))

from assistant import settings as configuration
from assistant import wiring
from assistant.core.comparing import Asked
from assistant.core.metrics import Judged, retrieval_figures
from assistant.workflows.evaluate import read_questions
from assistant.workflows.resampling import differences
from indexing.query import Query, read_question
from indexing.retrieve import Retriever
from indexing.versions import Versions

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from assistant.workflows.evaluate import Golden
    from indexing.catalog import DocumentFacts, Scores
    from indexing.ranking import Candidate, Found

FIGURES = ("mixed_hit@1", "mixed_hit@5", "mixed_hit@10", "own_kind_hit@10", "ndcg@10")


class WithoutCleaning(Retriever):
    """Searches the whole post as it stands: greetings, signatures, templates and stop words too."""

    @staticmethod
    def _read(text: str) -> Query:
        first, _, rest = text.strip().partition("\n")
        read = read_question(text)
        words = dict.fromkeys(text.lower().split())
        title = tuple(dict.fromkeys(first.lower().split()))
        body = tuple(word for word in words if word not in title)[:60]
        return replace(read, title=first, dense=f"{first}\n{rest}".strip(), title_words=title, body_words=body)


class WithoutIdentifiers(Retriever):
    """Does not look for identifiers, error codes and unknown words as they are written."""

    def _lexical(
        self, query: Query, substrings: Sequence[str], needed: Sequence[str], ids: Sequence[range]
    ) -> tuple[Scores, ...]:
        del substrings
        return super()._lexical(query, [], needed, ids)


class WithoutFullText(Retriever):
    """Vectors alone."""

    def _lexical(
        self, query: Query, substrings: Sequence[str], needed: Sequence[str], ids: Sequence[range]
    ) -> tuple[Scores, ...]:
        del query, substrings, needed, ids
        return {}, {}, {}


class WithoutTopics(Retriever):
    """Does not ask what a document as a whole is about."""

    def _found(
        self,
        dense: Scores,
        lexical: Sequence[Scores],
        numbers: Mapping[int, int],
        vector: NDArray[np.float32] | None,
        by_collection: list[float],
    ) -> Found:
        found = super()._found(dense, lexical, numbers, vector, by_collection)
        return replace(found, topics=lambda documents: [0.0] * len(documents))


class WithoutNames(Retriever):
    """Does not look whether the question names a product or project."""

    def _found(
        self,
        dense: Scores,
        lexical: Sequence[Scores],
        numbers: Mapping[int, int],
        vector: NDArray[np.float32] | None,
        by_collection: list[float],
    ) -> Found:
        return super()._found(dense, lexical, numbers, vector, [0.0] * len(by_collection))


class WithoutReranking(Retriever):
    """Leaves the first ten in the order in which they were found."""

    def _vectors(self, query: Query) -> tuple[NDArray[np.float32] | None, NDArray[np.float32] | None]:
        return super()._vectors(query)[0], None


class WithoutCollapsing(Retriever):
    """Lets near-identical, unconfirmed and duplicate issues stand as they were found."""

    def __init__(self, *given: object) -> None:
        super().__init__(*given)  # type: ignore[arg-type]
        self._standing.collapsed = self._as_found  # type: ignore[method-assign]

    @staticmethod
    def _as_found(ranked: Sequence[Candidate], may_show: Callable[[DocumentFacts], bool]) -> list[Candidate]:
        del may_show
        return list(ranked)


STEPS: dict[str, type[Retriever]] = {
    "cleaning of the question": WithoutCleaning,
    "identifiers and unknown words as written": WithoutIdentifiers,
    "full text": WithoutFullText,
    "topic of the whole document": WithoutTopics,
    "names of products": WithoutNames,
    "collapsing and trust": WithoutCollapsing,
    "reranking by the title": WithoutReranking,
}


def ask(retrieve: Callable[[str], Collection[str]], questions: Sequence[Golden]) -> list[Asked]:
    """Return what is found for each question."""
    return [
        Asked(item.id, Judged(item.gold, tuple(retrieve(item.question)), "abstained", (), 0.0), None)
        for item in questions
    ]


def searching(retriever: Retriever) -> Callable[[str], tuple[str, ...]]:
    """Return what gives the documents for a question, best first."""
    return lambda question: tuple(entry.document for entry in retriever(question).ranking)


def row(name: str, asked: Sequence[Asked]) -> str:
    """Return a row with the figures themselves."""
    found = retrieval_figures([one.judged for one in asked])
    return f"| {name} | " + " | ".join(f"{found[figure]:.3f}" for figure in FIGURES) + " |"


def change(name: str, whole: Sequence[Asked], without: Sequence[Asked]) -> str:
    """Return a row with what changes without a step."""
    before, after = (retrieval_figures([one.judged for one in asked]) for asked in (whole, without))
    between = differences(whole, without)
    cells = []
    for figure in FIGURES:
        low, high = between[figure]
        mark = "**" if low > 0 or high < 0 else ""
        cells.append(f"{mark}{(after[figure] or 0) - (before[figure] or 0):+.3f}{mark} [{low:+.3f}, {high:+.3f}]")
    return f"| without {name} | " + " | ".join(cells) + " |"


def main() -> None:
    """Ask, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, required=True, help="ASSISTANT_HOME whose live index is asked")
    parser.add_argument("--questions", type=Path, required=True, help="labelled questions, one JSON object a line")
    told = parser.parse_args()
    settings = configuration.load(home=told.home)
    version = Versions(wiring.index_root(settings)).open_live()
    embedder = wiring.embedder(settings)
    questions = [item for item in read_questions(told.questions) if item.gold]
    whole = ask(searching(Retriever(version, embedder)), questions)
    print(f"{len(questions)} questions, index {version.name}; bold: beyond chance\n")
    print("| search | " + " | ".join(FIGURES) + " |")
    print("|---|" + "---|" * len(FIGURES))
    print(row("whole", whole))
    print(row("full text alone", ask(searching(Retriever(version, None)), questions)))
    for name, without in STEPS.items():
        print(change(name, whole, ask(searching(without(version, embedder)), questions)), flush=True)


if __name__ == "__main__":
    main()
