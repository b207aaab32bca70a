"""Fits the weights that put the first ten documents in order (`indexing/reranking.py`), and prints them.

Listwise softmax regression (ListNet's top-one likelihood: Cao et al., ICML 2007) over the first ten documents of each
question that has a gold document among them. Prints the cross-validated log loss of each set of features, and what it
does to the order, so that a feature can be judged before it is taken.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from assistant import settings as configuration
from assistant import wiring
from assistant.workflows.evaluate import read_questions
from indexing.reranking import FIRST, Reranker
from indexing.retrieve import Retriever
from indexing.versions import Versions

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from numpy.typing import NDArray

    from assistant.workflows.evaluate import Golden
    from indexing.index_version import IndexVersion
    from indexing.ranking import Candidate

    Lists = list[tuple[NDArray[np.float64], NDArray[np.bool_]]]

FEATURES = ("score", "cosine with the title", "words of the title")
SETS = {"as found": (0,), "with the cosine": (0, 1), "with the words": (0, 2), "with both": (0, 1, 2)}
PENALTY = 0.01
FOLDS, REPEATS = 10, 4


class Recording(Reranker):
    """Keeps what it would decide by, and leaves the order as it is."""

    def __init__(self, version: IndexVersion) -> None:
        super().__init__(version)
        self.seen: tuple[list[Candidate], NDArray[np.float64]] = ([], np.empty((0, len(FEATURES))))

    def __call__(
        self,
        ranked: Sequence[Candidate],
        title: NDArray[np.float32] | None,
        words: Mapping[str, float],
        doubtful: Collection[int],
    ) -> list[Candidate]:
        """See `Reranker`."""
        del doubtful
        first = list(ranked[:FIRST])
        if title is not None and first:
            columns = [[one.score for one in first], self._cosines(first, title), self._shares(first, words)]
            self.seen = first, np.array(columns).T
        return list(ranked)


def collect(version: IndexVersion, retrieve: Retriever, questions: Sequence[Golden]) -> Lists:
    """Return features and rightness of the first ten documents of each question that can be learnt from."""
    recording = Recording(version)
    retrieve._rerank = recording  # noqa: SLF001 - looks at what the search hands on
    found: Lists = []
    for question in questions:
        retrieve(question.question)
        first, rows = recording.seen
        chunks = version.catalog.stored(one.chunks[0] for one in first)
        gold = np.array([chunks[one.chunks[0]].chunk.document in question.gold for one in first])
        if gold.any():
            found.append((rows, gold))
    return found


def fit(lists: Lists) -> NDArray[np.float64]:
    """Return one weight for each column."""
    from scipy.optimize import minimize  # noqa: PLC0415 - takes a moment

    scale = np.concatenate([rows for rows, _ in lists]).std(axis=0)

    def loss(weights: NDArray[np.float64]) -> float:
        return float(
            np.mean([_loss(rows / scale @ weights, gold) for rows, gold in lists]) + PENALTY * weights @ weights
        )

    return np.asarray(minimize(loss, np.zeros(len(scale)), method="L-BFGS-B").x / scale)


def _loss(scores: NDArray[np.float64], gold: NDArray[np.bool_]) -> float:
    shares = np.exp(scores - scores.max())
    return float(-np.log(shares[gold].sum() / shares.sum()))


def cross_validated(lists: Lists) -> tuple[float, float]:
    """Return the mean log loss, and how often a right document comes first, of lists that were not fitted on."""
    losses, firsts = [], []
    for repeat in range(REPEATS):
        order = np.random.default_rng(repeat).permutation(len(lists))
        for fold in range(FOLDS):
            held = order[fold::FOLDS]
            weights = fit([lists[n] for n in np.setdiff1d(order, held)])
            for rows, gold in (lists[n] for n in held):
                scores = rows @ weights
                losses.append(_loss(scores, gold))
                firsts.append(bool(gold[np.argmax(scores)]))
    return float(np.mean(losses)), float(np.mean(firsts))


def main() -> None:
    """Fit, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, required=True, help="ASSISTANT_HOME whose live index is asked")
    parser.add_argument("--questions", type=Path, required=True, help="labelled questions, one JSON object a line")
    told = parser.parse_args()
    settings = configuration.load(home=told.home)
    version = Versions(wiring.index_root(settings)).open_live()
    questions = [item for item in read_questions(told.questions) if item.gold]
    lists = collect(version, Retriever(version, wiring.embedder(settings)), questions)
    print(f"{len(lists)} of {len(questions)} questions have a gold document among the first {FIRST}")
    for name, columns in SETS.items():
        chosen = [(rows[:, columns], gold) for rows, gold in lists]
        loss, first = cross_validated(chosen)
        weights = ", ".join(f"{FEATURES[n]} {w:.2f}" for n, w in zip(columns, fit(chosen), strict=True))
        print(f"{name:16} log loss {loss:.4f}, right first {first:.3f}; weights: {weights}")


if __name__ == "__main__":
    main()
