"""Measures and fits when a question is asked back for detail (`assistant/core/detail.py`).

Two sets that share no question: those that a maintainer asked back against those that have an answer; and the closed
issues of the index themselves, asked back by their first responder or not, each with itself left out. Features are
fitted by logistic regression on one set and tested on the other, and cross-validated on each. Then every question is
answered by the assistant (quotations, no model), to show what asking back does beside the decision to answer.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from assistant import settings as configuration
from assistant import wiring
from assistant.core.detail import FITTED, THRESHOLD, lacking
from assistant.core.model import outcome_name
from assistant.workflows.answer import make_answer
from assistant.workflows.evaluate import read_questions, run
from indexing.asking_back import kinds_asked
from indexing.manifest import PUBLIC
from indexing.model import Document
from indexing.retrieve import Retriever
from indexing.sources.issue_export import IssueExport
from indexing.versions import Versions

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from numpy.typing import NDArray
    from sklearn.pipeline import Pipeline

    from assistant.ports import Answer
    from indexing.model import Retrieval

NAMES = ("problem", "lacks")
STRENGTH, FOLDS, REPEATS, DRAWS = 0.3, 5, 5, 2000
RATES = (0.05, 0.10)


@dataclass(frozen=True)
class Case:
    """A question. `asked_back`: people did. `reply`: the words of a maintainer, where known."""

    text: str
    asked_back: bool
    features: dict[str, float]
    missing: tuple[str, ...]
    reply: str = ""


@dataclass(frozen=True)
class Search:
    """Searches the live index; `asked_for` stands in for an index that was built before it was kept."""

    retrieve: Retriever
    asked_for: dict[str, tuple[str, ...]]

    def __call__(self, question: str, audiences: Collection[str] = PUBLIC) -> Retrieval:
        """Return what is found, with what the near issues were asked for."""
        found = self.retrieve(question, audiences)
        known = self.asked_for
        ranking = tuple(replace(one, asked_for=known.get(one.document, one.asked_for)) for one in found.ranking)
        return replace(found, ranking=ranking)

    def case(self, text: str, *, asked_back: bool, own: str = "", reply: str = "") -> Case:
        """Return a question with its features; its own issue counts for nothing."""
        ranking = [one for one in self(text).ranking if one.document != own]
        found = lacking(text, ranking)
        return Case(text, asked_back, dict(found.features), found.missing, reply)


def table(cases: Sequence[Case]) -> NDArray[np.float64]:
    """Return a row of features for each question."""
    return np.array([[case.features[name] for name in NAMES] for case in cases])


def fitted(cases: Sequence[Case]) -> Pipeline:
    """Return logistic regression over the features; both classes weigh the same, however large they are."""
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415 - takes a second
    from sklearn.pipeline import make_pipeline  # noqa: PLC0415 - as above
    from sklearn.preprocessing import StandardScaler  # noqa: PLC0415 - as above

    model = make_pipeline(StandardScaler(), LogisticRegression(C=STRENGTH, class_weight="balanced"))
    return model.fit(table(cases), [case.asked_back for case in cases])


def cross_validated(cases: Sequence[Case]) -> NDArray[np.float64]:
    """Return for every question the mean score of models that were fitted without it."""
    from sklearn.model_selection import RepeatedStratifiedKFold  # noqa: PLC0415 - takes a second

    labels = [case.asked_back for case in cases]
    scores = np.zeros(len(cases))
    for train, test in RepeatedStratifiedKFold(n_splits=FOLDS, n_repeats=REPEATS, random_state=0).split(labels, labels):
        model = fitted([cases[n] for n in train])
        scores[test] += model.predict_proba(table([cases[n] for n in test]))[:, 1] / REPEATS
    return scores


def told(cases: Sequence[Case], scores: NDArray[np.float64]) -> str:
    """Return area under the curve and recall at the false-ask rates, with 95 % bootstrap intervals."""
    labels = np.array([case.asked_back for case in cases])
    draws = np.random.default_rng(0)
    yes, no = scores[labels], scores[~labels]
    found = [_figures(yes, no)]
    found += [_figures(draws.choice(yes, len(yes)), draws.choice(no, len(no))) for _ in range(DRAWS)]
    low, high = np.percentile(np.array(found[1:]), [2.5, 97.5], axis=0)
    names = ["AUC", *(f"recall at {rate:.0%} false" for rate in RATES)]
    return ", ".join(
        f"{name} {value:.2f} [{a:.2f}, {b:.2f}]" for name, value, a, b in zip(names, found[0], low, high, strict=True)
    )


def _figures(yes: NDArray[np.float64], no: NDArray[np.float64]) -> list[float]:
    both = np.concatenate([yes, no])
    ranks = np.searchsorted(np.sort(no), yes, "left") + np.searchsorted(np.sort(no), yes, "right")
    cuts = [_cut(no, both, rate) for rate in RATES]
    return [float(ranks.mean() / (2 * len(no))), *(float((yes >= cut).mean()) for cut in cuts)]


def _cut(no: NDArray[np.float64], both: NDArray[np.float64], rate: float) -> float:
    """Return the lowest score at which at most this share of questions with an answer is asked back."""
    kept = [score for score in np.unique(both) if (no >= score).mean() <= rate]
    return float(min(kept)) if kept else float("inf")


def kinds(cases: Sequence[Case]) -> str:
    """Return how often what would be asked for is what the maintainer asked for."""
    rows = [(set(kinds_asked(case.reply)), case.missing) for case in cases if kinds_asked(case.reply)]
    first = sum(bool(wanted & set(missing[:1])) for wanted, missing in rows)
    both = sum(bool(wanted & set(missing[:2])) for wanted, missing in rows)
    always = sum(bool(wanted & {"version", "installation"}) for wanted, _ in rows)
    return f"kind asked first {first}, one of two {both}, version or installation always {always}, of {len(rows)}"


def outcomes(answer: Answer, path: Path) -> dict[str, tuple[int, int]]:
    """Return how many questions of each outcome there are, and how many in all."""
    names = [outcome_name(row.decision.outcome) for row in run(answer, read_questions(path))]
    return {name: (names.count(name), len(names)) for name in sorted(set(names))}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, required=True, help="ASSISTANT_HOME whose live index is asked")
    parser.add_argument(
        "--questions", type=Path, required=True, help="golden questions; those with gold have an answer"
    )
    parser.add_argument("--asked-back", type=Path, required=True, help="JSON Lines of `question`, `maintainer_reply`")
    parser.add_argument("--issues", type=Path, required=True, help="the issue export that the index was built from")
    return parser.parse_args()


def _rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").split("\n") if line.strip()]


def main() -> None:
    """Measure and print."""
    given = _arguments()
    settings = configuration.load(home=given.home)
    retriever = Retriever(Versions(wiring.index_root(settings)).open_live(), wiring.embedder(settings))
    documents = {one.id: one for one in IssueExport(given.issues, "issues").items() if isinstance(one, Document)}
    search = Search(retriever, {name: one.asked_for for name, one in documents.items()})
    golden = _rows(given.questions)
    back = _rows(given.asked_back)
    asked = [search.case(row["question"], asked_back=True, reply=row["maintainer_reply"]) for row in back]
    answerable = [search.case(row["question"], asked_back=False) for row in golden if row["answerable"]]
    other = [search.case(row["question"], asked_back=False) for row in golden if not row["answerable"]]
    rows = [(f"issue:{row['iid']}", row) for row in _rows(given.issues)]
    issues = [
        search.case(f"{row['title']}\n{row['description']}", asked_back=bool(documents[name].asked_for), own=name)
        for name, row in rows
        if name in documents
    ]
    posted = [*asked, *answerable]
    for name, cases in (("questions", posted), ("issues", issues)):
        yes = sum(case.asked_back for case in cases)
        print(f"{name}: {yes} asked back, {len(cases) - yes} not")
        for column, feature in enumerate(NAMES):
            print(f"  {feature} alone: {told(cases, table(cases)[:, column])}")
        print(f"  cross-validated: {told(cases, cross_validated(cases))}")
    print(f"fitted on issues, tested on questions: {told(posted, fitted(issues).predict_proba(table(posted))[:, 1])}")
    print(f"fitted on questions, tested on issues: {told(issues, fitted(posted).predict_proba(table(issues))[:, 1])}")
    model = fitted([*posted, *issues])
    weights = model[-1].coef_[0] / model[0].scale_
    bias = float(model[-1].intercept_[0] - weights @ model[0].mean_)
    both = {"bias": round(bias, 3), **{name: round(float(w), 3) for name, w in zip(NAMES, weights, strict=True)}}
    print(f"fitted on both: {both}; in force: {FITTED}, threshold {THRESHOLD}")
    scores = {
        name: model.predict_proba(table(cases))[:, 1] for name, cases in _groups(asked, answerable, other, issues)
    }
    for threshold in np.arange(0.4, 0.81, 0.025):
        shares = ", ".join(f"{name} {(found >= threshold).mean():.3f}" for name, found in scores.items())
        print(f"  score >= {threshold:.3f}: {shares}")
    print(kinds(asked))
    answer = make_answer(search, None, embed=retriever.embed)
    print(f"asked back by people: {outcomes(answer, given.asked_back)}")
    answered = [row for row in golden if row["answerable"]]
    for name, group in (("with an answer", answered), ("without", [row for row in golden if not row["answerable"]])):
        path = given.home / "measure_detail.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in group), "utf-8")
        print(f"{name}: {outcomes(answer, path)}")


def _groups(*cases: Sequence[Case]) -> list[tuple[str, Sequence[Case]]]:
    return list(zip(("asked back", "with an answer", "without", "issues"), cases, strict=True))


if __name__ == "__main__":
    main()
