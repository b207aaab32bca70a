"""Golden questions from a file, from confirmed answers and from closed issues; and what versions find for them."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from assistant.core.gate import GoldenQuestion, Probe
from assistant.workflows.evaluate import read_questions
from indexing.retrieve import Retriever

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from indexing.catalog import DocumentFacts
    from indexing.embedder import Embedder
    from indexing.index_version import IndexVersion

DRAWN = 50
"""Closed issues that are asked about."""
_WORDS = 40  # of a problem's text that make a question


def from_file(path: Path) -> list[GoldenQuestion]:
    """Return the questions of the file that have known documents.

    Raises:
        Rejected: A line is malformed; the message names it.
    """
    return [GoldenQuestion(item.id, item.question, item.gold, "file") for item in read_questions(path) if item.gold]


def from_issues(live: IndexVersion, candidate: IndexVersion) -> list[GoldenQuestion]:
    """Return a sample of solved issues that both versions hold, each asked about in its asker's words.

    The sample is drawn by the hash of the id, so that it is the same from one build to the next.
    """
    found = sorted(_solved(live), key=lambda facts: hashlib.sha256(facts.document.id.encode()).digest())
    here = candidate.catalog.documents(facts.document.id for facts in found)
    found = [facts for facts in found if facts.document.id in here and facts.document.id not in candidate.withdrawn]
    chunks = live.catalog.stored(facts.first_chunk for facts in found[:DRAWN])
    return [
        GoldenQuestion(
            facts.document.id,
            _asked(facts.document.title, chunks[facts.first_chunk].chunk.text),
            frozenset({facts.document.id, facts.document.duplicate_of} - {""}),
            "closed issues",
        )
        for facts in found[:DRAWN]
        if facts.first_chunk in chunks
    ]


def ask_both(
    questions: Sequence[GoldenQuestion],
    live: IndexVersion | None,
    candidate: IndexVersion,
    embedder_of: Callable[[IndexVersion], Embedder],
    on_done: Callable[[int], None] = lambda _: None,
) -> list[Probe]:
    """Return what every question finds in both versions, each searched with the embedder it was built with.

    Args:
        questions: Asked in this order.
        live: None finds nothing.
        candidate: The version that may go live.
        embedder_of: Loads the embedder of a version.
        on_done: Called with the number of questions done.
    """
    if not questions:
        return []
    versions = [version for version in (live, candidate) if version is not None]
    rankings: list[list[tuple[str, ...]]] = []
    for number, version in enumerate(versions):
        retriever, audiences = Retriever(version, embedder_of(version)), _audiences(version)
        found = []
        for count, question in enumerate(questions, start=1):
            ranking = retriever(question.text, audiences).ranking
            found.append(tuple(ranked.document for ranked in ranking))
            on_done(number * len(questions) + count)
        rankings.append(found)
    before = rankings[0] if live is not None else [()] * len(questions)
    return [Probe(*row) for row in zip(questions, before, rankings[-1], strict=True)]


def _audiences(version: IndexVersion) -> frozenset[str]:
    """Return all audiences of the version: the gate looks at everything."""
    return frozenset(partition.audience for partition in version.manifest.partitions)


def _solved(version: IndexVersion) -> Iterable[DocumentFacts]:
    for name in version.manifest.sources:
        for facts in version.catalog.documents_of(name):
            document = facts.document
            if document.kind == "issue" and document.confirmed and document.closed_as in {"", "solved"}:
                yield facts


def _asked(title: str, text: str) -> str:
    """Return title and first words of the problem: what its asker would have typed."""
    body = " ".join(word for word in text.removeprefix("## Problem").split()[:_WORDS])
    return f"{title}\n\n{body}"
