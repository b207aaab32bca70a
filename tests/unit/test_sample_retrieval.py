"""The sample as the index sees it: nothing hidden gets in, nothing is masked, questions find their gold."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from assistant.adapters.secret_scanner import make_mask
from indexing.build import build
from indexing.model import Document, Skipped
from indexing.retrieve import Retriever
from indexing.sentence_transformers_embedder import PACKAGED_SHA256, SentenceTransformersEmbedder, packaged_model
from indexing.sources.issue_export import IssueExport
from indexing.sources.markdown_tree import MarkdownTree
from indexing.versions import Versions

if TYPE_CHECKING:
    from indexing.model import Retrieval

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "assistant" / "sandbox" / "sample"
SOURCES = (
    MarkdownTree(SAMPLE / "docs", "docs"),
    MarkdownTree(ROOT / "docs", "assistant"),
    IssueExport(SAMPLE / "issues.jsonl"),
)


def _rows(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (SAMPLE / name).read_text(encoding="utf-8").splitlines()]


@pytest.fixture(scope="module")
def read() -> list[Document | Skipped]:
    return [item for source in SOURCES for item in source.items()]


def test_only_what_is_confidential_or_open_is_left_out(read: list[Document | Skipped]) -> None:
    left_out = {item.document: item.reason for item in read if isinstance(item, Skipped)}
    assert set(left_out) == {"issue:1261", "issue:1262", "issue:1263"}


def test_no_canary_of_a_confidential_issue_or_an_internal_note_gets_in(read: list[Document | Skipped]) -> None:
    assert sum(isinstance(item, Document) for item in read) > 80
    assert [item.id for item in read if isinstance(item, Document) and "CANARY-" in item.title + item.text] == []


def test_nothing_in_the_sample_looks_like_a_secret(read: list[Document | Skipped]) -> None:
    mask = make_mask()
    masked = {item.id: mask(item.text).masked for item in read if isinstance(item, Document)}
    assert {document: kinds for document, kinds in masked.items() if kinds} == {}


@pytest.fixture(scope="module")
def retriever(tmp_path_factory: pytest.TempPathFactory) -> Retriever:
    embedder = SentenceTransformersEmbedder(packaged_model(), PACKAGED_SHA256)
    root = tmp_path_factory.mktemp("index")
    build(SOURCES, root, embedder, make_mask())
    return Retriever(Versions(root).open_live(), embedder)


def _is_among_first(found: Retrieval, gold: list[str], first: int) -> bool:
    return any(document.document in gold for document in found.ranking[:first])


@pytest.mark.slow
@pytest.mark.model
@pytest.mark.parametrize("language", ["en", "de", "zh"])
def test_golden_questions_find_their_document_among_the_first_five(retriever: Retriever, language: str) -> None:
    asked = [row for row in _rows("questions.jsonl") if row["answerable"] and row["language"] == language]
    hits = [_is_among_first(retriever(row["question"]), row["gold"], 5) for row in asked]
    assert sum(hits) / len(hits) >= 0.9


@pytest.mark.slow
@pytest.mark.model
def test_each_answer_of_the_script_is_found_first(retriever: Retriever) -> None:
    turns = [turn for turn in _rows("script.jsonl") if turn["expect"] == "answered"]
    missed = [turn["say"] for turn in turns if not _is_among_first(retriever(turn["say"]), turn["expect_document"], 1)]
    assert missed == []
