"""Fits the evidence decision: when is an answer right, judged by what the search found.

Every question is searched and answered with quotations, once with vectors and once with full text alone. An answer is
right when a gold document is among the documents it cites. Logistic regression over few standardised features predicts
that; the threshold is the lowest cross-validated score at which the wanted share of unanswerable questions is refused.
`--write` stores weights and thresholds in `assistant/decision_model.json`.
"""

from __future__ import annotations

import argparse
import json
import sys
import warnings
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from assistant.core.decision import DecisionModel, Weights, features, is_unspaced
from assistant.core.evidence import check
from assistant.core.model import Question, ThreadRef
from assistant.core.quoting import Extractive
from assistant.workflows.answer import load_decision_model
from indexing.retrieve import Retriever
from indexing.sentence_transformers_embedder import PACKAGED_SHA256, SentenceTransformersEmbedder, packaged_model
from indexing.versions import Versions

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from indexing.index_version import IndexVersion

TARGET = Path(__file__).parents[1] / "assistant" / "decision_model.json"
FEATURES = {
    "full": ("score_top1", "first_line_found", "dense_top1"),
    "lexical": ("first_line_found", "first_line_shown", "terms_shown", "score_gap"),
}
BASELINES = {
    "full": ("dense_top1", "bm25_per_term", "score_margin"),
    "lexical": ("bm25_per_term", "title_coverage", "score_margin"),
}
REFUSED = {"full": 0.95, "lexical": 0.97}
"""Share of unanswerable questions that the threshold refuses; words alone meet by chance, so there it is stricter."""
STRENGTH = 0.3  # inverse of the L2 penalty
FOLDS, REPEATS, SEED = 5, 5, 0
COVERAGES = (0.4, 0.5, 0.6, 0.7, 0.8)


@dataclass(frozen=True, slots=True)
class Asked:
    """A labelled question with what the pipeline made of it.

    Attributes:
        kind: `answerable`, or the class of unanswerable question.
        strict: A gold document is cited. `first`: it is cited first.
    """

    kind: str
    features: dict[str, float]
    strict: bool
    first: bool
    unspaced: bool


def read_questions(path: Path) -> list[dict[str, Any]]:
    """Return the rows of a JSON Lines file of labelled questions."""
    return [json.loads(line) for line in path.read_text("utf-8").splitlines() if line.strip()]


def ask(version: IndexVersion, rows: Sequence[dict[str, Any]], mode: str) -> list[Asked]:
    """Search and answer every question with quotations."""
    embedder = SentenceTransformersEmbedder(packaged_model(), PACKAGED_SHA256) if mode == "full" else None
    retrieve = Retriever(version, embedder)
    found = []
    for row in rows:
        question = Question(
            row["id"], row["question"].strip(), ThreadRef("eval", "eval", row["id"]), "eval", datetime.now(UTC)
        )
        retrieval = retrieve(question.text)
        draft, _ = Extractive().draft(question, retrieval.passages)
        cited = [citation.document for citation in check(draft, retrieval.passages).citations]
        right = [document in row["gold"] for document in dict.fromkeys(cited)] or [False]
        kind = "answerable" if row["answerable"] else row.get("unanswerable_kind", "not answerable")
        found.append(Asked(kind, features(question, retrieval), any(right), right[0], is_unspaced(question.text)))
    return found


def table(asked: Iterable[Asked], names: Sequence[str]) -> NDArray[np.float64]:
    """Return one row of the named features for each question."""
    return np.array([[one.features[name] for name in names] for one in asked])


def fit(asked: Sequence[Asked], names: Sequence[str], threshold: float = 0.0) -> Weights:
    """Fit standardised logistic regression on whether the answer is strictly right."""
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415 - a development dependency

    rows = table(asked, names)
    mean, scale = rows.mean(axis=0), rows.std(axis=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = LogisticRegression(C=STRENGTH).fit((rows - mean) / scale, [one.strict for one in asked])
    bias = round(float(model.intercept_[0]), 4)
    return Weights(tuple(names), _short(mean), _short(scale), _short(model.coef_[0]), bias, round(threshold, 3))


def _short(values: NDArray[np.float64]) -> tuple[float, ...]:
    return tuple(round(float(value), 4) for value in values)


def cross_validated(asked: Sequence[Asked], names: Sequence[str]) -> NDArray[np.float64]:
    """Return for every question the mean score of models that were fitted without it."""
    from sklearn.model_selection import RepeatedStratifiedKFold  # noqa: PLC0415 - a development dependency

    scores = np.zeros(len(asked))
    strata = [one.strict + 2 * (one.kind == "answerable") for one in asked]
    folds = RepeatedStratifiedKFold(n_splits=FOLDS, n_repeats=REPEATS, random_state=SEED)
    for train, test in folds.split(strata, strata):
        weights = fit([asked[n] for n in train], names)
        scores[test] += [weights.score(asked[n].features) / REPEATS for n in test]
    return scores


def choose_threshold(asked: Sequence[Asked], scores: NDArray[np.float64], refused: float) -> float:
    """Return the lowest threshold that refuses the wanted share of unanswerable questions."""
    wrong = np.sort([score for one, score in zip(asked, scores, strict=True) if one.kind != "answerable"])
    return float(np.quantile(wrong, refused))


def line(asked: Sequence[Asked], scores: NDArray[np.float64], threshold: float) -> str:
    """Describe what one threshold does."""
    given = scores >= threshold
    kinds = sorted({one.kind for one in asked} - {"answerable"})
    strict, first = (np.array([getattr(one, name) for one in asked]) for name in ("strict", "first"))
    answerable = np.array([one.kind == "answerable" for one in asked])
    risks = [1.0 - right[given].mean() if given.any() else 0.0 for right in (strict, first)]
    own = given & answerable
    refused = ", ".join(f"{1.0 - given[[one.kind == kind for one in asked]].mean():.2f} {kind}" for kind in kinds)
    return (
        f"  {threshold:8.3f}  coverage {given[answerable].mean():.2f}  risk_strict {risks[0]:.2f} (answerable alone "
        f"{1.0 - strict[own].mean() if own.any() else 0.0:.2f})  risk_first {risks[1]:.2f}  refused: {refused}"
    )


def aurc(asked: Sequence[Asked], scores: NDArray[np.float64]) -> float:
    """Return the area under risk over coverage: the mean risk of the best 1, 2, 3, ... questions."""
    right = np.array([asked[n].strict for n in np.argsort(-scores, kind="stable")])
    return float(np.mean(1.0 - np.cumsum(right) / np.arange(1, len(right) + 1)))


def show(title: str, asked: Sequence[Asked], scores: NDArray[np.float64], threshold: float | None = None) -> None:
    """Print the curve of a score, and what the chosen threshold does."""
    print(f"{title}: aurc {aurc(asked, scores):.3f}")
    answerable = np.sort([score for one, score in zip(asked, scores, strict=True) if one.kind == "answerable"])[::-1]
    for coverage in COVERAGES:
        print(line(asked, scores, answerable[round(coverage * len(answerable)) - 1]))
    if threshold is not None:
        print("  at the threshold:")
        print(line(asked, scores, threshold))


def scored(asked: Sequence[Asked], model: DecisionModel, mode: str) -> tuple[NDArray[np.float64], float]:
    """Return each question's score as the assistant gives it, moved so that one threshold (0) fits all."""
    scores = []
    for one in asked:
        weights = model.weights(lexical_only=mode == "lexical" or one.unspaced)
        scores.append(weights.score(one.features) - weights.threshold)
    return np.array(scores), 0.0


def main() -> None:
    """Fit, print, and write where told to."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--index", type=Path, required=True, help="folder of the index versions; the live one is used")
    parser.add_argument("--questions", type=Path, required=True, help="labelled questions, one JSON object a line")
    parser.add_argument("--check", action="store_true", help="fit nothing: show the stored model on these questions")
    parser.add_argument("--write", action="store_true", help=f"write {TARGET.name}")
    told = parser.parse_args()
    version = Versions(told.index).open_live()
    rows = read_questions(told.questions)
    parts: dict[str, Any] = {}
    for mode, names in FEATURES.items():
        asked = ask(version, rows, mode)
        if told.check:
            scores, threshold = scored(asked, load_decision_model(), mode)
            show(f"{mode}, stored model (scores above the threshold)", asked, scores, threshold)
            continue
        for name in BASELINES[mode]:
            show(f"{mode}, baseline {name}", asked, table(asked, [name])[:, 0])
        scores = cross_validated(asked, names)
        threshold = choose_threshold(asked, scores, REFUSED[mode])
        show(f"{mode}, fitted, cross-validated", asked, scores, threshold)
        weights = fit(asked, names, threshold)
        print(
            "  weights: " + ", ".join(f"{name} {value:+.2f}" for name, value in zip(names, weights.weight, strict=True))
        )
        parts[mode] = {field: getattr(weights, field) for field in Weights.__slots__}
    if told.write and parts:
        answerable = sum(row["answerable"] for row in rows)
        source = (
            f"{answerable} answerable and {len(rows) - answerable} unanswerable real questions, quotations as answers, "
            f"label: a gold document among the cited; {FOLDS}-fold cross-validation, {REPEATS} times; "
            f"threshold: {REFUSED['full']:.0%} of the unanswerable refused, {REFUSED['lexical']:.0%} without vectors; "
            f"{datetime.now(UTC):%Y-%m-%d}; "
            "scripts/fit_decision --index INDEX --questions QUESTIONS --write"
        )
        TARGET.write_text(json.dumps({"source": source, **parts}, indent=1) + "\n", "utf-8")
        print(f"wrote {TARGET.name}")


if __name__ == "__main__":
    main()
