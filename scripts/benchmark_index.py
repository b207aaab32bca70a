"""Cost of building and asking, as ratios to the bare libraries doing the same work.

CPU seconds (user and system, all threads and children) are compared, because wall time on a shared machine tells more
of the neighbours. Ours and the bare way take turns in one process, and medians are given. The bare way is
sentence-transformers in torch; ours runs the same weights in onnxruntime, or with `--runtime torch` in torch too.
"""

from __future__ import annotations

import argparse
import json
import re
import resource
import sqlite3
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY))

import faiss  # noqa: E402 - the line above makes our own packages importable
import numpy as np  # noqa: E402 - as above

from assistant.adapters.secret_scanner import make_mask  # noqa: E402 - as above
from indexing.build import build  # noqa: E402 - as above
from indexing.chunking import chunks  # noqa: E402 - as above
from indexing.model import Document  # noqa: E402 - as above
from indexing.onnx_embedder import PREPARED, OnnxEmbedder  # noqa: E402 - as above
from indexing.retrieve import Retriever  # noqa: E402 - as above
from indexing.sentence_transformers_embedder import (  # noqa: E402 - as above
    PACKAGED_SHA256,
    SentenceTransformersEmbedder,
    packaged_model,
)
from indexing.sources.issue_export import IssueExport  # noqa: E402 - as above
from indexing.sources.markdown_tree import MarkdownTree  # noqa: E402 - as above
from indexing.versions import Versions  # noqa: E402 - as above

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sentence_transformers import SentenceTransformer

    from indexing.embedder import Embedder
    from indexing.index_version import IndexVersion
    from indexing.model import Skipped
    from indexing.sources import Source

GOALS = {"build": 1.05, "rebuild": 0.03, "question": 1.20}
BATCH = 8
QUESTIONS = 20


class Sample:
    """The first documents of the sources, up to a number of chunks."""

    name = "sample"

    def __init__(self, sources: list[Source], limit: int) -> None:
        self._sources = sources
        self._limit = limit

    def items(self) -> Iterator[Document | Skipped]:
        """Yield documents, read anew each time, until their chunks reach the limit."""
        left = self._limit
        for source in self._sources:
            for item in source.items():
                yield item
                if isinstance(item, Document):
                    left -= item.text.count(" ") // 150 + 1  # about; counting chunks would be part of what is measured
                if left <= 0:
                    return


def cpu(work: Callable[[], Any]) -> tuple[float, float, Any]:
    """Return CPU seconds, wall seconds and what the work returned."""
    before, started = _used(), time.perf_counter()
    result = work()
    return _used() - before, time.perf_counter() - started, result


def _used() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in used)


def measure_build(sample: Sample, embedder: Embedder, model: SentenceTransformer, rounds: int) -> dict[str, Any]:
    """Build against bare encode of the same texts; an unchanged rebuild against the first."""
    clean = make_mask()
    texts = [chunk.embedded_text for item in sample.items() if isinstance(item, Document) for chunk in chunks(item)]
    bare, ours, again = [], [], []
    for _ in range(rounds):
        bare.append(cpu(lambda: model.encode(texts, batch_size=BATCH, show_progress_bar=False))[0])
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder)
            used, _, report = cpu(lambda root=root: build([sample], root, embedder, clean))
            ours.append(used)
            used, _, unchanged = cpu(lambda root=root: build([sample], root, embedder, clean))
            if unchanged.built or report.chunks_embedded == 0:
                raise SystemExit("the rounds did not do what they should: sources changed while measuring")
            again.append(used)
    return {
        "chunks": len(texts),
        "bare_encode_cpu_s": statistics.median(bare),
        "build_cpu_s": statistics.median(ours),
        "rebuild_cpu_s": statistics.median(again),
        "build": statistics.median(mine / plain for mine, plain in zip(ours, bare, strict=True)),
        "rebuild": statistics.median(second / first for second, first in zip(again, ours, strict=True)),
    }


class Bare:
    """The least that a hybrid search does: encode, one exact FAISS search, one FTS5 query."""

    def __init__(self, model: SentenceTransformer, version: IndexVersion) -> None:
        self._model = model
        self._index = faiss.IndexFlatIP(version.manifest.dimension)
        for partition in version.manifest.partitions:
            self._index.add(version.vectors.of(partition.number).run(0, partition.rows))
        uri = f"{(version.path / 'catalog.sqlite').as_uri()}?mode=ro&immutable=1"
        self._connection = sqlite3.connect(uri, uri=True)

    def __call__(self, question: str) -> None:
        """Search; what is found is thrown away."""
        vector = self._model.encode([question], batch_size=BATCH, show_progress_bar=False, normalize_embeddings=True)
        self._index.search(np.asarray(vector, dtype=np.float32), 50)
        expression = " OR ".join(f'"{word}"' for word in dict.fromkeys(re.findall(r"\w+", question.lower())))
        query = "SELECT rowid, bm25(words) AS score FROM words WHERE words MATCH ? ORDER BY score LIMIT 50"
        self._connection.execute(query, (expression,)).fetchall()


def measure_question(ours: Retriever, bare: Bare, questions: list[str], rounds: int) -> dict[str, Any]:
    """One question's retrieval against the bare way, question by question."""
    costs: dict[str, list[float]] = {"ours": [], "bare": []}
    walls: dict[str, list[float]] = {"ours": [], "bare": []}
    ways: list[tuple[str, Callable[[str], object]]] = [("ours", ours), ("bare", bare)]
    for question in questions:
        for _, way in ways:
            way(question)  # warm
    per_round = []
    for number in range(rounds):
        sums = {"ours": 0.0, "bare": 0.0}
        for position, question in enumerate(questions):
            for name, way in ways if (number + position) % 2 else ways[::-1]:
                used, wall, _ = cpu(lambda way=way, question=question: way(question))
                sums[name] += used
                costs[name].append(used)
                walls[name].append(wall)
        per_round.append(sums["ours"] / sums["bare"])
    return {
        "questions": len(questions),
        "bare_cpu_ms": 1000 * statistics.mean(costs["bare"]),
        "ours_cpu_ms": 1000 * statistics.mean(costs["ours"]),
        "bare_wall_p50_ms": 1000 * statistics.median(walls["bare"]),
        "ours_wall_p50_ms": 1000 * statistics.median(walls["ours"]),
        "ours_wall_p95_ms": 1000 * statistics.quantiles(walls["ours"], n=20)[-1],
        "question": statistics.median(per_round),
    }


def main() -> None:
    """Measure, print a table or JSON, and end with 3 when a goal is missed."""
    options = _options()
    plain = SentenceTransformersEmbedder(packaged_model(), PACKAGED_SHA256)
    model = plain.load()
    embedder: Embedder = plain
    if options.runtime == "onnx":
        embedder = OnnxEmbedder(packaged_model(), PACKAGED_SHA256, PREPARED, "float32")
        embedder.encode_query("ready")
    sources: list[Source] = [MarkdownTree(path) for path in options.docs]
    sources += [IssueExport(path) for path in options.issues]
    sample = Sample(sources, options.chunks)
    results: dict[str, Any] = {}
    if not options.only or options.only == "build":
        results |= measure_build(sample, embedder, model, options.rounds)
    if not options.only or options.only == "question":
        with tempfile.TemporaryDirectory() as folder:
            root = options.index or Path(folder)
            if options.index is None:
                build([sample], root, embedder, make_mask())
            version = Versions(root).open_live()
            ours, bare = Retriever(version, embedder), Bare(model, version)
            results |= {"index_chunks": len(version.catalog)}
            results |= measure_question(ours, bare, _questions(options, sample), options.rounds)
    results["peak_memory_mib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    results["goals_met"] = all(results[name] <= goal for name, goal in GOALS.items() if name in results)
    if options.json:
        print(json.dumps(results))
    else:
        _print_table(results)
    raise SystemExit(0 if results["goals_met"] else 3)


def _questions(options: argparse.Namespace, sample: Sample) -> list[str]:
    if options.questions is not None:
        lines = options.questions.read_text(encoding="utf-8").splitlines()
        return [json.loads(line)["question"] for line in lines][:: max(1, len(lines) // QUESTIONS)][:QUESTIONS]
    documents = [item for item in sample.items() if isinstance(item, Document)]
    return [f"How do I solve this: {item.title}?\n{item.text[:200]}" for item in documents[:QUESTIONS]]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, prog="scripts/benchmark"
    )
    parser.add_argument(
        "--docs", type=Path, action="append", default=[], help="Markdown tree (default: docs/ and the sample)"
    )
    parser.add_argument("--issues", type=Path, action="append", default=[], help="issue export, JSON Lines")
    parser.add_argument("--chunks", type=int, default=300, help="about how many chunks to build with (default 300)")
    parser.add_argument("--rounds", type=int, default=5, help="rounds of which medians are taken (default 5)")
    parser.add_argument("--index", type=Path, help="index root to ask (default: one built from the sample)")
    parser.add_argument("--questions", type=Path, help="JSON Lines with `question` (default: made from the documents)")
    parser.add_argument("--runtime", choices=("onnx", "torch"), default="onnx", help="of our embedder (default: onnx)")
    parser.add_argument("--only", choices=("build", "question"), help="measure one part only")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    if not options.docs and not options.issues:
        sample = REPOSITORY / "assistant" / "sandbox" / "sample"
        options.docs = [path for path in (sample / "docs", REPOSITORY / "docs") if path.is_dir()]
        options.issues = sorted(sample.glob("*issues*.jsonl"))
    return options


def _print_table(results: dict[str, Any]) -> None:
    titles = {
        "build": "build / bare encode of the same chunks",
        "rebuild": "rebuild with nothing changed / first build",
        "question": "one question / bare encode + FAISS + FTS5",
    }
    print(f"{'ratio of CPU seconds, medians':46} {'measured':>9} {'goal':>6}")
    for name, title in titles.items():
        if name in results:
            verdict = "ok" if results[name] <= GOALS[name] else "MISSED"
            print(f"{title:46} {results[name]:9.3f} {GOALS[name]:6.2f}  {verdict}")
    print("\nbeside them")
    for name, value in results.items():
        if name not in GOALS and name != "goals_met":
            print(f"  {name:44} {value:9.1f}")


if __name__ == "__main__":
    main()
