"""Measures whether a new report finds the earlier report of the same problem, beside BM25 on the same reports.

A folder holds `corpus.jsonl` (`id`, `title`, `body`, `created_at`), `queries.jsonl` (the same, with `gold`) and
`candidates.jsonl` (for each query a list ranked by plain BM25, with what is relevant in it). An index of the corpus is
built in a temporary folder; for each query the query itself is left out, and with `--earlier` all that came later.
Prints hit@1, 5 and 10 of both and their ratio, with 95 % intervals (paired bootstrap over queries).
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from assistant import settings as configuration
from assistant import wiring
from indexing.build import build
from indexing.closed_issue import ClosedIssue
from indexing.model import Cleaned
from indexing.resolution import to_document
from indexing.retrieve import Retriever
from indexing.versions import Versions

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from indexing.embedder import Embedder
    from indexing.sources import Item

DEPTHS = (1, 5, 10)
RESAMPLES, SEED = 5000, 20_061


@dataclass(frozen=True, slots=True)
class Reports:
    """The corpus as a source of closed issues; `Source` of the index."""

    rows: Sequence[dict[str, Any]]
    numbers: dict[str, int]
    name: str = "reports"

    def items(self) -> Iterator[Item]:
        """Yield each report as an issue whose solution nobody wrote down."""
        for row in self.rows:
            issue = ClosedIssue(self.numbers[row["id"]], row["title"], row["body"] or row["title"], author="")
            yield to_document(issue, self.name)


def read(path: Path) -> list[dict[str, Any]]:
    """Return the rows of a JSON Lines file."""
    return [json.loads(line) for line in path.read_text("utf-8").split("\n") if line.strip()]


def moment(text: str) -> datetime:
    """Return the time of a report: ISO 8601, or as issue trackers print it (`12/Mar/21 07:45`)."""
    try:
        return datetime.fromisoformat(text).replace(tzinfo=None)
    except ValueError:
        return datetime.strptime(text, "%d/%b/%y %H:%M")  # noqa: DTZ007 - compared with its own kind alone


def hits(folder: Path, embedder: Embedder, *, earlier: bool) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return hits of ours and of BM25: float64 (queries, depths), 0 or 1."""
    corpus, queries = read(folder / "corpus.jsonl"), read(folder / "queries.jsonl")
    numbers = {row["id"]: number for number, row in enumerate(corpus, start=1)}
    by_words = {
        row["query"]: [one["relevant"] for one in row["candidates"]] for row in read(folder / "candidates.jsonl")
    }
    with tempfile.TemporaryDirectory() as place:
        build([Reports(corpus, numbers)], Path(place), embedder, Cleaned)
        version = Versions(Path(place)).open_live()
        ours, theirs = [], []
        for query in queries:
            later = [row["id"] for row in corpus if earlier and moment(row["created_at"]) > moment(query["created_at"])]
            hidden = frozenset(f"issue:{numbers[name]}" for name in {query["id"], *later} & numbers.keys())
            gold = {f"issue:{numbers[name]}" for name in query["gold"] if name in numbers}
            found = Retriever(version, embedder, hidden)(f"{query['title']}\n{query['body']}").ranking
            ours.append([bool(gold & {entry.document for entry in found[:depth]}) for depth in DEPTHS])
            theirs.append([any(by_words[query["id"]][:depth]) for depth in DEPTHS])
    return np.array(ours, float), np.array(theirs, float)


def table(name: str, ours: NDArray[np.float64], theirs: NDArray[np.float64]) -> Iterator[str]:
    """Yield one row for each depth."""
    drawn = np.random.default_rng(SEED).integers(0, len(ours), (RESAMPLES, len(ours)))
    for place, depth in enumerate(DEPTHS):
        a, b = ours[:, place], theirs[:, place]
        ratios = a[drawn].mean(axis=1) / np.maximum(b[drawn].mean(axis=1), 1e-9)
        low, high = np.quantile(ratios, [0.025, 0.975])
        ratio = a.mean() / max(b.mean(), 1e-9)
        yield f"| {name} | {depth} | {a.mean():.3f} | {b.mean():.3f} | {ratio:.2f} [{low:.2f}, {high:.2f}] |"


def main() -> None:
    """Ask, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path, help="folders with corpus, queries and candidates")
    parser.add_argument(
        "--earlier", action="append", default=[], metavar="NAME", help="folder in which later reports are left out"
    )
    told = parser.parse_args()
    embedder = wiring.embedder(configuration.load())
    print("| reports | first | ours | BM25 | ratio |\n|---|---|---|---|---|")
    for folder in told.folders:
        print("\n".join(table(folder.name, *hits(folder, embedder, earlier=folder.name in told.earlier))), flush=True)


if __name__ == "__main__":
    main()
