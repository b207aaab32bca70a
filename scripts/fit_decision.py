"""Fits the evidence decision: when is an answer right, judged by what the search found.

Every question is asked as the assistant answers it, with quotations, once with vectors and once with full text alone.
An answer is right when a gold document is among the documents it cites. Logistic regression over few standardised
features predicts that; the threshold is the lowest cross-validated score down to which no more than the wanted share of
answers is wrong. `--write` stores weights and thresholds in `assistant/decision_model.json`.

Features were chosen by cross-validated log loss: of 45, the score of the first document tells most, and which share of
the question's rare words stands in the first passage tells a little more; nothing else earned its place. By full text
alone the scores depend on how large the index is, so only shares of words are used there.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from assistant import settings as configuration
from assistant import wiring
from assistant.core.decision import Weights
from assistant.workflows.answer import load_decision_model, make_answer
from assistant.workflows.evaluate import read_questions, run
from indexing.retrieve import Retriever
from indexing.versions import Versions

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from assistant.core.decision import DecisionModel
    from assistant.workflows.evaluate import Golden

TARGET = Path(__file__).parents[1] / "assistant" / "decision_model.json"
FEATURES = {
    "full": ("score_top1", "term_coverage"),
    "lexical": ("first_line_found", "first_line_shown", "terms_shown"),
}
BASELINES = {
    "full": ("score_top1", "score_margin", "dense_top1", "bm25_per_term"),
    "lexical": ("score_top1", "score_margin", "bm25_per_term", "title_coverage"),
}
RISK = {"full": 0.25, "lexical": 0.4}
"""Share of given answers that may be wrong on these questions; gold is incomplete, so fewer are. Words tell less."""
STRENGTH = 0.3  # inverse of the L2 penalty
FOLDS, REPEATS, SEED = 5, 5, 0
COVERAGES = (0.3, 0.4, 0.5, 0.6, 0.7)


@dataclass(frozen=True, slots=True)
class Asked:
    """A labelled question with what the pipeline made of it.

    Attributes:
        kind: `answerable`, or the class of unanswerable question.
        strict: A gold document is cited. `first`: it is cited first.
        words_alone: It is decided by the weights of full text alone.
    """

    kind: str
    features: dict[str, float]
    strict: bool
    first: bool
    words_alone: bool


def ask(settings: configuration.Settings, questions: Sequence[Golden], mode: str) -> list[Asked]:
    """Search and answer every question with quotations."""
    version = Versions(wiring.index_root(settings)).open_live()
    retrieve = Retriever(version, wiring.embedder(settings) if mode == "full" else None)
    found = []
    for row in run(make_answer(retrieve, None, embed=retrieve.embed), questions):
        decision = row.decision
        cited = list(dict.fromkeys(check.document for check in decision.checks if check.document))
        right = [document in row.golden.gold for document in cited] or [False]
        features = dict(decision.features)
        kind = row.golden.refusal_class or "answerable"
        found.append(Asked(kind, features, any(right), right[0], bool(features["words_alone"])))
    return found


def table(asked: Iterable[Asked], names: Sequence[str]) -> NDArray[np.float64]:
    """Return one row of the named features for each question."""
    return np.array([[one.features[name] for name in names] for one in asked])


def fit(asked: Sequence[Asked], names: Sequence[str], threshold: float = 0.0) -> Weights:
    """Fit standardised logistic regression on whether the answer is strictly right."""
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415 - takes a second

    rows = table(asked, names)
    mean, scale = rows.mean(axis=0), rows.std(axis=0)
    model = LogisticRegression(C=STRENGTH).fit((rows - mean) / scale, [one.strict for one in asked])
    bias = round(float(model.intercept_[0]), 4)
    return Weights(tuple(names), _short(mean), _short(scale), _short(model.coef_[0]), bias, round(threshold, 3))


def _short(values: NDArray[np.float64]) -> tuple[float, ...]:
    return tuple(round(float(value), 4) for value in values)


def cross_validated(asked: Sequence[Asked], names: Sequence[str]) -> NDArray[np.float64]:
    """Return for every question the mean score of models that were fitted without it."""
    from sklearn.model_selection import RepeatedStratifiedKFold  # noqa: PLC0415 - takes a second

    scores = np.zeros(len(asked))
    strata = [one.strict + 2 * (one.kind == "answerable") for one in asked]
    folds = RepeatedStratifiedKFold(n_splits=FOLDS, n_repeats=REPEATS, random_state=SEED)
    for train, test in folds.split(strata, strata):
        weights = fit([asked[n] for n in train], names)
        scores[test] += [weights.score(asked[n].features) / REPEATS for n in test]
    return scores


def choose_threshold(asked: Sequence[Asked], scores: NDArray[np.float64], risk: float) -> float:
    """Return the lowest threshold at which no more than this share of the given answers is wrong.

    Raises:
        SystemExit: There is none.
    """
    order = np.argsort(-scores, kind="stable")
    wrong = np.array([not asked[n].strict for n in order])
    kept = np.flatnonzero(np.cumsum(wrong) / np.arange(1, len(wrong) + 1) <= risk)
    if not len(kept):
        raise SystemExit(f"no threshold keeps the share of wrong answers at {risk:.0%}")
    return float(scores[order[kept[-1]]])


def line(asked: Sequence[Asked], scores: NDArray[np.float64], threshold: float) -> str:
    """Describe what one threshold does."""
    given = scores >= threshold
    kinds = sorted({one.kind for one in asked} - {"answerable"})
    strict, first = (np.array([getattr(one, name) for one in asked]) for name in ("strict", "first"))
    answerable = np.array([one.kind == "answerable" for one in asked])
    risks = [1.0 - right[given].mean() if given.any() else 0.0 for right in (strict, first)]
    refused = ", ".join(f"{1.0 - given[[one.kind == kind for one in asked]].mean():.2f} {kind}" for kind in kinds)
    return (
        f"  {threshold:8.3f}  coverage {given[answerable].mean():.2f}  risk_strict {risks[0]:.2f}  "
        f"risk_first {risks[1]:.2f}  refused: {refused}"
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


def scored(asked: Sequence[Asked], model: DecisionModel) -> NDArray[np.float64]:
    """Return each question's score as the assistant gives it, moved so that one threshold (0) fits all."""
    weights = [model.weights(lexical_only=one.words_alone) for one in asked]
    return np.array([own.score(one.features) - own.threshold for own, one in zip(weights, asked, strict=True)])


def main() -> None:
    """Fit, print, and write where told to."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, required=True, help="ASSISTANT_HOME whose live index is asked")
    parser.add_argument("--questions", type=Path, required=True, help="labelled questions, one JSON object a line")
    parser.add_argument("--check", action="store_true", help="fit nothing: show the stored model on these questions")
    parser.add_argument("--write", action="store_true", help=f"write {TARGET.name}")
    told = parser.parse_args()
    settings = configuration.load(home=told.home)
    questions = read_questions(told.questions)
    parts: dict[str, Any] = {}
    for mode, names in FEATURES.items():
        asked = ask(settings, questions, mode)
        if told.check:
            show(f"{mode}, stored model (scores above the threshold)", asked, scored(asked, load_decision_model()), 0.0)
            continue
        for name in BASELINES[mode]:
            show(f"{mode}, baseline {name}", asked, table(asked, [name])[:, 0])
        scores = cross_validated(asked, names)
        threshold = choose_threshold(asked, scores, RISK[mode])
        show(f"{mode}, fitted, cross-validated", asked, scores, threshold)
        weights = fit(asked, names, threshold)
        print(
            "  weights: " + ", ".join(f"{name} {value:+.2f}" for name, value in zip(names, weights.weight, strict=True))
        )
        parts[mode] = {field: getattr(weights, field) for field in Weights.__slots__}
    if told.write and parts:
        answerable = sum(bool(golden.gold) for golden in questions)
        source = (
            f"{answerable} answerable and {len(questions) - answerable} unanswerable real questions, quotations as "
            f"answers, label: a gold document among the cited; {FOLDS}-fold cross-validation, {REPEATS} times; "
            f"threshold: at most {RISK['full']:.0%} of the given answers without a gold document, as measured; "
            f"{datetime.now(UTC):%Y-%m-%d}; scripts/fit_decision --home HOME --questions QUESTIONS --write"
        )
        TARGET.write_text(json.dumps({"source": source, **parts}, indent=1) + "\n", "utf-8")
        print(f"wrote {TARGET.name}")


if __name__ == "__main__":
    main()
