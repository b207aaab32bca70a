"""What an index costs from ten thousand to a million chunks: build, open, a question by stage, memory, disk, recall.

The chunks are those of a real index (--index) again and again. Each copy's vector is moved by the difference of two
other real vectors, so that it stays near its original but not on it; sentences of its text are exchanged for sentences
of other chunks, and a word of its title, so that full text search has real work too. Written by the program's own
writer and searched with its own retriever, each size in processes of its own: one writes, another one asks.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY))

from indexing.catalog import ChunkedDocument  # noqa: E402 - the line above makes our own packages importable
from indexing.index_version import open_version  # noqa: E402 - as above
from indexing.manifest import FORMAT, Manifest, write_manifest  # noqa: E402 - as above
from indexing.onnx_embedder import OnnxEmbedder  # noqa: E402 - as above
from indexing.query import read_question  # noqa: E402 - as above
from indexing.retrieve import Retriever  # noqa: E402 - as above
from indexing.sentence_transformers_embedder import (  # noqa: E402 - as above
    PACKAGED_SHA256,
    SentenceTransformersEmbedder,
    packaged_model,
)
from indexing.versions import Versions  # noqa: E402 - as above
from indexing.writing import BuildFacts, VersionChange, write_version  # noqa: E402 - as above

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from indexing.embedder import Embedder
    from indexing.index_version import IndexVersion

SIZES = (10_000, 100_000, 300_000, 1_000_000)
NOISE = 0.4  # of the difference of two vectors: 94 of 100 nearest neighbours stay in the families they were in
EXCHANGED = 0.3  # of the sentences of a copy
UPDATE = 0.01  # of the documents
ANSWERS = 200  # questions asked at most
DISK_BYTES_A_CHUNK = {"float32": 12_000, "int8": 11_000}  # of two versions, generously
_SENTENCE = re.compile(r"(?<=[.!?])\s+|\n+")


class Copies:
    """Documents and vectors of an index, multiplied."""

    def __init__(self, base: IndexVersion, count: int) -> None:
        self._random = np.random.default_rng(7)
        self._originals = list(base.catalog.chunked(base.manifest.partitions))
        known = base.known_vectors([digest for item in self._originals for _, digest in item.chunks])
        vectors = np.stack(list(known.values()))
        self._sentences = [
            line for item in self._originals for chunk, _ in item.chunks for line in _SENTENCE.split(chunk.text) if line
        ]
        self._words = [word for item in self._originals for word in item.document.title.split()]
        self.documents: list[ChunkedDocument] = []
        self._row_of: dict[bytes, int] = {}
        parents: list[NDArray[np.float32]] = []
        left, copy = count, 0
        while left > 0:
            for item in self._originals:
                if left <= 0:
                    break
                made = item if copy == 0 else self._copied(item, copy)
                self.documents.append(made)
                for (_, old), (_, new) in zip(item.chunks, made.chunks, strict=True):
                    if new not in self._row_of:
                        self._row_of[new] = len(parents)
                        parents.append(known[old])
                left -= len(made.chunks)
            copy += 1
        self.chunks = sum(len(item.chunks) for item in self.documents)
        self.rows = np.stack(parents)
        self._move(vectors, sum(len(item.chunks) for item in self._originals))

    def vectors_of(self, hashes: Sequence[bytes]) -> NDArray[np.float32]:
        """Return the vectors of chunks by the hash of their text."""
        return self.rows[np.fromiter((self._row_of[digest] for digest in hashes), dtype=np.int64, count=len(hashes))]

    def changed(self, share: float) -> list[ChunkedDocument]:
        """Return so many documents with other texts, spread evenly; their vectors are moved again."""
        step = max(1, round(1 / share))
        made = [self._copied(item, 0) for item in self.documents[::step]]
        for old, new in zip(self.documents[::step], made, strict=True):
            for (_, before), (_, after) in zip(old.chunks, new.chunks, strict=True):
                self._row_of[after] = self._row_of[before]
        return made

    def _copied(self, item: ChunkedDocument, copy: int) -> ChunkedDocument:
        """Return the document with other sentences here and there; `copy` 0 keeps its name."""
        words = item.document.title.split() or ["untitled"]
        words[int(self._random.integers(len(words)))] = self._any(self._words)
        name = f"{item.document.id}~{copy}" if copy else item.document.id
        document = replace(item.document, id=name, title=" ".join(words))
        chunks = []
        for chunk, _ in item.chunks:
            lines = _SENTENCE.split(chunk.text)
            for place in np.flatnonzero(self._random.random(len(lines)) < EXCHANGED).tolist():
                lines[place] = self._any(self._sentences)
            made = replace(chunk, document=name, text=" ".join([*lines, f"({copy})"]))
            chunks.append((made, made.text_hash))
        digest = hashlib.sha256(b"".join(text_hash for _, text_hash in chunks)).hexdigest()
        return ChunkedDocument(document, digest, tuple(chunks))

    def _any(self, values: Sequence[str]) -> str:
        return values[int(self._random.integers(len(values)))]

    def _move(self, vectors: NDArray[np.float32], first: int) -> None:
        """Move all rows but the first, which are originals."""
        for start in range(first, len(self.rows), 50_000):
            part = self.rows[start : start + 50_000]
            one, other = self._random.integers(len(vectors), size=(2, len(part)))
            part += np.float32(NOISE) * (vectors[one] - vectors[other])
            part /= np.linalg.norm(part, axis=1, keepdims=True)


# -- the process that writes


def write(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Write one version of so many chunks and a second one with 1 % changed; and the exact nearest of the questions."""
    base = open_version(_version_path(options.index))
    copies = Copies(base, options.child)
    questions = np.load(folder / "questions.npy")
    facts = BuildFacts((), (), base.manifest.dimension, options.stored_as)
    used, wall, _ = _cost(
        lambda: _written(folder / "v0001", base, None, VersionChange(copies.documents), copies, facts)
    )
    first = open_version(folder / "v0001")
    exact = _exact(first, copies, questions)
    changed = copies.changed(UPDATE)
    again, again_wall, _ = _cost(lambda: _written(folder / "v0002", base, first, VersionChange(changed), copies, facts))
    np.save(folder / "exact.npy", exact)
    inodes = {entry.stat().st_ino: entry.stat().st_size for entry in folder.glob("v000?/*")}
    return {
        "chunks": copies.chunks,
        "documents": len(copies.documents),
        "build_s": wall,
        "build_cpu_s": used,
        "update_s": again_wall,
        "update_cpu_s": again,
        "update_documents": len(changed),
        "writer_peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "disk_mb": sum(entry.stat().st_size for entry in (folder / "v0001").iterdir()) / 1e6,
        "vectors_mb": sum(entry.stat().st_size for entry in (folder / "v0001").glob("*.faiss")) / 1e6,
        "disk_two_versions_mb": sum(inodes.values()) / 1e6,
    }


def _written(  # noqa: PLR0913, PLR0917 - the arguments of the writer, and whose they are
    path: Path,
    base: IndexVersion,
    previous: IndexVersion | None,
    change: VersionChange,
    copies: Copies,
    facts: BuildFacts,
) -> None:
    from indexing.durable import file_facts  # noqa: PLC0415 - what a build does after writing

    path.mkdir()
    done = write_version(path, previous, change, copies.vectors_of, facts)
    files = {entry.name: done.files.get(entry.name) or file_facts(entry) for entry in path.iterdir()}
    manifest = Manifest(
        path.name,
        base.manifest.created_at,
        base.manifest.embedder,
        base.manifest.dimension,
        base.manifest.chunker,
        done.counts,
        done.sources,
        files,
        done.partitions,
    )
    write_manifest(path, manifest)


def _exact(version: IndexVersion, copies: Copies, questions: NDArray[np.float32]) -> NDArray[np.int64]:
    """Return the ids of the ten nearest chunks of each question in each partition, by the vectors before storing.

    Returns:
        int64, (partitions, questions, 10).
    """
    ids = version.catalog.chunks_with([digest for item in copies.documents for _, digest in item.chunks])
    places = np.fromiter(ids.values(), dtype=np.int64, count=len(ids))
    rows = copies.vectors_of(list(ids))
    nearest = []
    for partition in version.manifest.partitions:
        here = np.flatnonzero((places >= partition.ids.start) & (places < partition.ids.stop))
        best = np.full((len(questions), 10), -2.0, dtype=np.float32)
        found = np.full((len(questions), 10), -1, dtype=np.int64)
        for start in range(0, len(here), 50_000):
            some = here[start : start + 50_000]
            scores = np.concatenate([best, questions @ rows[some].T], axis=1)
            names = np.concatenate([found, np.broadcast_to(places[some], (len(questions), len(some)))], axis=1)
            order = np.argpartition(-scores, min(10, scores.shape[1] - 1), axis=1)[:, :10]
            best, found = np.take_along_axis(scores, order, axis=1), np.take_along_axis(names, order, axis=1)
        nearest.append(found)
    return np.stack(nearest)


# -- the process that asks


def ask(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Open the version in a fresh process and ask all questions."""
    embedder = _embedder(open_version(_version_path(options.index)).manifest.embedder)
    embedder.encode_query("loaded")
    questions = json.loads((folder / "questions.json").read_text("utf-8"))
    resting = _memory()
    _, opened, version = _cost(lambda: open_version(folder / "v0001"))
    _, ready, retriever = _cost(lambda: Retriever(version, embedder))
    _, first, _ = _cost(lambda: retriever(questions[0]))
    stages: dict[str, list[float]] = {}
    for question in questions:
        _, wall, retrieval = _cost(lambda question=question: retriever(question))
        for stage, milliseconds in {**retrieval.timings_ms, "whole": 1000.0 * wall}.items():
            stages.setdefault(stage, []).append(milliseconds)
    return {
        "open_s": opened,
        "retriever_s": ready,
        "first_question_s": first,
        **{f"{name}_p50_ms": statistics.median(values) for name, values in stages.items()},
        **{f"{name}_p95_ms": statistics.quantiles(values, n=20)[-1] for name, values in stages.items()},
        "recall_at_10": _recall(version, np.load(folder / "exact.npy"), np.load(folder / "questions.npy")),
        "anonymous_mb": _memory()["RssAnon"] - resting["RssAnon"],
        "mapped_mb": _memory()["RssFile"] - resting["RssFile"],
    }


def _recall(version: IndexVersion, exact: NDArray[np.int64], questions: NDArray[np.float32]) -> float:
    """Return the share of the exact ten that a search has among its first ten, by partition with ten rows or more."""
    shares = []
    for partition, nearest in zip(version.manifest.partitions, exact, strict=True):
        for question, wanted in zip(questions, nearest, strict=True):
            found = version.vectors.search(question, 200, [partition.ids], np.empty(0, dtype=np.int64))
            shares.append(len(set(list(found)[:10]) & set(wanted.tolist())) / 10)
    return statistics.mean(shares)


def _memory() -> dict[str, float]:
    """Return the resident megabytes of this process by kind (Linux)."""
    told = re.findall(r"(RssAnon|RssFile):\s+(\d+)", Path("/proc/self/status").read_text("ascii"))
    return {name: int(kilobytes) / 1024 for name, kilobytes in told}


# -- both


def _cost(work: Any) -> tuple[float, float, Any]:  # noqa: ANN401 - any callable
    """Return CPU seconds, wall seconds and what the work returned."""
    before, started = os.times(), time.perf_counter()
    result = work()
    after = os.times()
    return after.user + after.system - before.user - before.system, time.perf_counter() - started, result


def _version_path(index: Path) -> Path:
    return index if (index / "MANIFEST.json").is_file() else Versions(index).open_live().path


def _embedder(fingerprint: str) -> Embedder:
    models = Path(tempfile.gettempdir()) / "benchmark-scale-models"
    known: list[Embedder] = [
        SentenceTransformersEmbedder(packaged_model(), PACKAGED_SHA256),
        OnnxEmbedder(packaged_model(), PACKAGED_SHA256, models, "float32"),
        OnnxEmbedder(packaged_model(), PACKAGED_SHA256, models, "int8"),
    ]
    for embedder in known:
        if embedder.fingerprint == fingerprint:
            return embedder
    raise SystemExit(f"the index was built with {fingerprint}: build one with the packaged model")


# -- the process that starts the others


def measure(options: argparse.Namespace, size: int, stored_as: str) -> dict[str, Any]:
    """Write and ask in processes of their own; nothing stays on the disk."""
    with tempfile.TemporaryDirectory(dir=options.temporary, prefix="benchmark-scale-") as name:
        folder = Path(name)
        needed = size * DISK_BYTES_A_CHUNK[stored_as]
        if shutil.disk_usage(folder).free < needed:
            raise SystemExit(
                f"{size} chunks need {needed / 1e9:.0f} GB in {folder.parent}: free some, or set --temporary"
            )
        for entry in options.prepared.iterdir():
            shutil.copy(entry, folder)
        figures: dict[str, Any] = {"stored_as": stored_as}
        for phase in ("write", "ask"):
            command = [sys.executable, __file__, "--index", str(options.index), "--child", str(size)]
            command += ["--stored-as", stored_as, "--phase", phase, "--folder", name]
            subprocess.run(command, check=True)  # noqa: S603 - this script
            figures |= json.loads((folder / f"{phase}.json").read_text("utf-8"))
    return figures


def prepare(options: argparse.Namespace, folder: Path) -> None:
    """Embed the questions once."""
    base = open_version(_version_path(options.index))
    if options.questions:
        lines = options.questions.read_text("utf-8").splitlines()
        questions = [json.loads(line)["question"] for line in lines if line.strip()]
    else:
        questions = [item.document.title for item in base.catalog.chunked(base.manifest.partitions)]
    step = max(1, len(questions) // ANSWERS)
    chosen = questions[::step][:ANSWERS]
    rows = _embedder(base.manifest.embedder).encode([read_question(question).dense for question in chosen])
    (folder / "questions.json").write_text(json.dumps(chosen), encoding="utf-8")
    np.save(folder / "questions.npy", rows)


COLUMNS = (
    ("chunks", "chunks", "{:,.0f}"), ("stored_as", "vectors", "{}"), ("build_s", "build s", "{:.1f}"),
    ("update_s", "1 % s", "{:.1f}"), ("open_s", "open s", "{:.2f}"), ("first_question_s", "first s", "{:.2f}"),
    ("dense_p50_ms", "dense p50", "{:.1f}"), ("dense_p95_ms", "p95", "{:.1f}"),
    ("lexical_p50_ms", "lexical p50", "{:.1f}"), ("lexical_p95_ms", "p95", "{:.1f}"),
    ("merge_p50_ms", "merge p50", "{:.1f}"), ("whole_p50_ms", "whole p50", "{:.0f}"),
    ("whole_p95_ms", "p95", "{:.0f}"), ("recall_at_10", "recall@10", "{:.3f}"),
    ("anonymous_mb", "memory MB", "{:.0f}"), ("mapped_mb", "mapped MB", "{:.0f}"),
    ("vectors_mb", "vectors MB", "{:.0f}"), ("disk_mb", "disk MB", "{:.0f}"),
    ("writer_peak_mb", "writer peak MB", "{:.0f}"),
)  # fmt: skip


def main() -> None:
    """Measure all sizes, smallest first, and print a row as soon as it is known."""
    options = _options()
    if options.child:
        figures = {"write": write, "ask": ask}[options.phase](options, options.folder)
        (options.folder / f"{options.phase}.json").write_text(json.dumps(figures), encoding="utf-8")
        return
    results = []
    with tempfile.TemporaryDirectory(prefix="benchmark-scale-questions-") as name:
        options.prepared = Path(name)
        prepare(options, options.prepared)
        if not options.json:
            print(" | ".join(title for _, title, _ in COLUMNS), flush=True)
        for size in options.sizes:
            for stored_as in options.stored_as or ("float32", "int8"):
                results.append(measure(options, size, stored_as))
                if not options.json:
                    print(" | ".join(form.format(results[-1][key]) for key, _, form in COLUMNS), flush=True)
    if options.json:
        print(json.dumps({"format": FORMAT, "cores": os.cpu_count(), "sizes": results}, indent=2))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/benchmark scale", description=__doc__)
    parser.add_argument("--index", type=Path, required=True, help="index root, or the directory of one version")
    parser.add_argument("--questions", type=Path, help="JSON Lines with `question`; without, titles are asked")
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, help="numbers of chunks")
    parser.add_argument("--stored-as", action="append", choices=["float32", "int8"], help="default: both")
    parser.add_argument("--temporary", type=Path, help="folder for the versions: up to 12 GB for a million chunks")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--child", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--phase", choices=["write", "ask"], help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        options.stored_as = options.stored_as[0]
    return options


if __name__ == "__main__":
    main()
