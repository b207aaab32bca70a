"""Ours against LlamaIndex, Haystack, txtai, LangChain and the bare parts, each in a process of its own.

Each has an environment of its own, too. Same model folder, same chunks, same questions; ours runs once in onnxruntime
and once in torch. Ours starts from documents and also cleans, masks, cuts, checks and publishes; the others are given
the chunks. Each step (build, ask, update of 1 % of the documents) is one process; the ways take turns, so that a busy
machine meets all of them, and medians are given. CPU seconds stand beside wall time.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY))

from indexing.chunking import chunks  # noqa: E402 - the line above makes our own packages importable
from indexing.model import Document  # noqa: E402 - as above
from indexing.sentence_transformers_embedder import packaged_model  # noqa: E402 - as above
from indexing.sources.issue_export import IssueExport  # noqa: E402 - as above
from indexing.sources.markdown_tree import MarkdownTree  # noqa: E402 - as above

BASE = ("torch<=2.13.0", "sentence-transformers>=6.2,<7", "faiss-cpu")
WAYS: dict[str, tuple[str, ...]] = {
    "ours": (),
    "ours_torch": (),
    "bare": (),
    "llamaindex": (
        "llama-index-core==0.14.25",
        "llama-index-embeddings-huggingface==0.8.0",
        "llama-index-vector-stores-faiss==0.7.0",
        "llama-index-retrievers-bm25==0.8.0",
    ),
    "haystack_faiss": ("haystack-ai==3.4.0", "faiss-haystack==3.0.0", "sentence-transformers-haystack==2.0.0"),
    "txtai_hybrid": ("txtai==9.14.0",),
    "langchain_faiss": (
        "langchain-community==0.4.2",
        "langchain-classic==1.0.8",
        "langchain-huggingface==1.2.3",
        "rank-bm25==0.2.2",
    ),
}
"""Module in `scripts/peers`, and what its environment holds beside the model's libraries; none: our own environment."""
STEPS = ("build", "ask", "update")
LIMIT_S = 3600


def environment(way: str, folder: Path) -> Path:
    """Return the Python of the way's environment, made when it is missing."""
    if not WAYS[way]:
        return Path(sys.executable)
    python = folder / way / "bin" / "python"
    marker = folder / way / "complete"
    if not marker.exists():
        print(f"installing {way} ...", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder / way)], check=True)  # noqa: S603 - ours
        for wanted in (BASE[:1], (*BASE, *WAYS[way])):  # torch first, so that no other build of it is chosen
            subprocess.run([str(python), "-m", "pip", "install", "-q", *wanted], check=True)  # noqa: S603 - ours
        marker.write_text("\n".join(WAYS[way]), encoding="utf-8")
    return python


def prepare(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return what every way is given: chunks, documents, questions, and a change of 1 % of the documents."""
    found = [item for path in arguments.docs for item in MarkdownTree(path).items()]
    found += [item for path in arguments.issues for item in IssueExport(path).items()]
    documents = {item.id: item for item in found if isinstance(item, Document)}
    with arguments.questions.open(encoding="utf-8") as lines:
        asked = [json.loads(line) for line in lines]
    asked = [item for item in asked if item.get("gold") and set(item["gold"]) <= documents.keys()][: arguments.asked]
    if not asked:
        raise SystemExit("no question has its known documents among the sources: give more --docs and --issues")
    wanted = list(dict.fromkeys([*(name for item in asked for name in item["gold"]), *documents]))
    kept: list[Document] = []
    pieces: list[list[str]] = []
    for name in wanted:
        if len(pieces) >= arguments.chunks:
            break
        kept.append(documents[name])
        pieces += _pieces(documents[name])
    changed = kept[:: max(1, round(len(kept) / max(1, round(len(kept) / 100))))]
    after = {document.id: replace(document, text=document.text + "\n\nOne more sentence.\n") for document in changed}
    return {
        "model": str(packaged_model()),
        "chunks": pieces,
        "documents": [asdict(document) for document in kept],
        "questions": [{"question": item["question"], "gold": item["gold"]} for item in asked],
        "removed": [name for document in changed for name, _ in _pieces(document)],
        "added": [piece for document in after.values() for piece in _pieces(document)],
        "changed_documents": [asdict(after.get(document.id, document)) for document in kept],
    }


def _pieces(document: Document) -> list[list[str]]:
    return [[chunk.id, chunk.embedded_text] for chunk in chunks(document)]


def run_step(python: Path, way: str, step: str, folder: Path) -> dict[str, float]:
    """Run one step in its own process and return its figures."""
    command = [str(python), str(REPOSITORY / "scripts" / "peers" / "measure.py"), way, step, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S, check=False)  # noqa: S603 - ours
    if done.returncode != 0:
        raise SystemExit(f"{way} {step} failed:\n{done.stderr[-2000:]}")
    figures: dict[str, float] = json.loads(done.stdout.strip().splitlines()[-1])
    return figures


def measure(arguments: argparse.Namespace) -> dict[str, dict[str, dict[str, float]]]:
    """Return the median figures by way and step."""
    pythons = {way: environment(way, arguments.environments) for way in arguments.ways}
    given = prepare(arguments)
    rows: dict[tuple[str, str], list[dict[str, float]]] = {}
    print(f"{len(given['chunks'])} chunks of {len(given['documents'])} documents", file=sys.stderr)
    for number in range(arguments.rounds):
        order = arguments.ways if number % 2 == 0 else arguments.ways[::-1]
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            (folder / "input.json").write_text(json.dumps(given), encoding="utf-8")
            for step in STEPS:
                for way in order:
                    rows.setdefault((way, step), []).append(run_step(pythons[way], way, step, folder))
                    print(f"round {number + 1}: {way} {step} {rows[way, step][-1]}", file=sys.stderr)
    medians: dict[str, dict[str, dict[str, float]]] = {}
    for (way, step), found in rows.items():
        medians.setdefault(way, {})[step] = {
            figure: statistics.median(row[figure] for row in found) for figure in found[0]
        }
    return medians


def table(medians: dict[str, dict[str, dict[str, float]]]) -> str:
    """Return the figures as a Markdown table; ratios are ours to theirs, so below 1 is ahead."""
    lines = [
        "| way | build CPU s | build s | update 1 % CPU s | cold start s | question p50 / p95 ms | question CPU ms |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    lines[0] += " peak MiB build / ask | disk MiB | hit@10 |"
    for way, steps in medians.items():
        build, ask, update = (steps[step] for step in STEPS)
        lines.append(
            f"| {way} | {build['cpu_s']:.1f} | {build['wall_s']:.1f} | {update['cpu_s']:.2f} | "
            f"{ask['cold_start_s']:.1f} | {ask['p50_ms']:.0f} / {ask['p95_ms']:.0f} | {ask['cpu_ms']:.0f} | "
            f"{build['peak_mib']:.0f} / {ask['peak_mib']:.0f} | {build['disk_mib']:.1f} | {ask['hit_at_10']:.2f} |"
        )
    return "\n".join(lines)


def main() -> None:
    """Read the arguments, measure, print."""
    parser = argparse.ArgumentParser(prog="scripts/benchmark peers", description=__doc__)
    parser.add_argument("--docs", type=Path, nargs="*", default=[], help="folders of Markdown files")
    parser.add_argument("--issues", type=Path, nargs="*", default=[], help="issue exports (JSON Lines)")
    parser.add_argument("--questions", type=Path, required=True, help="golden questions (JSON Lines)")
    parser.add_argument("--chunks", type=int, default=400, help="how many, about")
    parser.add_argument("--asked", type=int, default=40, help="how many questions at most")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--ways", nargs="*", choices=list(WAYS), default=list(WAYS))
    parser.add_argument("--environments", type=Path, default=REPOSITORY / ".cache" / "peers")
    parser.add_argument("--clear", action="store_true", help="make the environments anew")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    if arguments.clear:
        shutil.rmtree(arguments.environments, ignore_errors=True)
    medians = measure(arguments)
    print(json.dumps(medians) if arguments.json else table(medians))


if __name__ == "__main__":
    main()
