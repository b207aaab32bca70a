"""Golden questions from a file, from confirmed answers and from closed issues; and what versions find for them."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

from assistant.core.golden import DEPTH, GoldenQuestion, Probe
from assistant.workflows.evaluate import read_questions
from indexing.manifest import PUBLIC
from indexing.retrieve import Retriever

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence
    from pathlib import Path

    from assistant.store.records import ConfirmedAnswer
    from indexing.catalog import DocumentFacts
    from indexing.embedder import Embedder
    from indexing.index_version import IndexVersion

DRAWN = 50
"""Closed issues that are asked about."""
CONFIRMED = 200
"""Confirmed answers that are asked about, the newest: older ones speak of older documents."""
_LOOKED_FOR = 20  # documents of a self-check
_WORDS = 40  # of a problem's text that make a question
_HEADING = re.compile(r"^#+ .*$", re.MULTILINE)


def from_file(path: Path) -> list[GoldenQuestion]:
    """Return the questions of the file that have known documents; its format is that of `assistant eval`.

    Raises:
        Rejected: A line is malformed; the message names it.
        OSError: The file cannot be read.
    """
    return [GoldenQuestion(item.id, item.question, item.gold, "file") for item in read_questions(path) if item.gold]


def from_confirmed(answers: Sequence[ConfirmedAnswer]) -> list[GoldenQuestion]:
    """Return questions whose asker said that the answer solved them; gold is what it cited."""
    return [
        GoldenQuestion(one.question_id, one.text, frozenset(one.documents), "confirmed")
        for one in answers[:CONFIRMED]
        if one.documents and one.text.strip()
    ]


def from_issues(live: IndexVersion, candidate: IndexVersion) -> list[GoldenQuestion]:
    """Return a sample of solved issues that both versions hold, each asked about in its asker's words.

    The sample is drawn by the hash of the id, so that it is the same from one build to the next. A duplicate is asked
    about too when its original is there; gold is the issue itself, or its original.
    """
    here = frozenset(candidate.catalog.content_hashes()) - candidate.withdrawn
    found = [facts for facts in _solved(live) if facts.document.id in here]
    drawn = sorted(found, key=lambda facts: _digest(facts.document.id))[:DRAWN]
    return [
        GoldenQuestion(
            facts.document.id,
            _asked(live, facts),
            frozenset({facts.document.id, facts.document.duplicate_of} - {""}),
            "closed issues",
        )
        for facts in drawn
    ]


def ask_both(
    questions: Sequence[GoldenQuestion],
    live: IndexVersion,
    candidate: IndexVersion,
    embedder_of: Callable[[IndexVersion], Embedder],
    on_done: Callable[[int], None] = lambda _: None,
) -> list[Probe]:
    """Return what every question finds in both versions, each searched with the embedder it was built with.

    Args:
        questions: Asked in this order.
        live: The version that is served.
        candidate: The version that may go live.
        embedder_of: Loads the embedder of a version.
        on_done: Called with the number of questions done, of both versions.
    """
    if not questions:
        return []  # loads no model
    rankings: list[list[tuple[str, ...]]] = []
    for number, version in enumerate((live, candidate)):
        search = searching(version, embedder_of(version))
        found = []
        for count, question in enumerate(questions, start=1):
            found.append(search(question.text))
            on_done(number * len(questions) + count)
        rankings.append(found)
    return [
        Probe(question, before, after, _held(live, question.gold), _held(candidate, question.gold))
        for question, before, after in zip(questions, *rankings, strict=True)
    ]


def found_by_themselves(version: IndexVersion, embedder: Embedder) -> tuple[int, int]:
    """Look for a few documents by their own title and first words; return how many were found, and looked for."""
    names = sorted(version.catalog.content_hashes().keys() - version.withdrawn, key=_digest)[:_LOOKED_FOR]
    search = searching(version, embedder)
    sample = version.catalog.documents(names)
    return sum(name in search(_asked(version, facts)) for name, facts in sample.items()), len(sample)


def searching(version: IndexVersion, embedder: Embedder) -> Callable[[str], tuple[str, ...]]:
    """Return what finds the first documents for a question, best first, over all audiences of the version.

    Raises:
        Incompatible: The version was built with another embedder.
    """
    retriever = Retriever(version, embedder)
    audiences = PUBLIC | {partition.audience for partition in version.manifest.partitions}
    return lambda question: tuple(one.document for one in retriever(question, audiences).ranking[:DEPTH])


def _held(version: IndexVersion, documents: frozenset[str]) -> frozenset[str]:
    return frozenset(version.catalog.documents(documents))


def _solved(version: IndexVersion) -> Iterator[DocumentFacts]:
    here = version.catalog.content_hashes().keys() - version.withdrawn
    for name in version.manifest.sources:
        for facts in version.catalog.documents_of(name):
            if facts.document.id in here and _is_solved(facts, here):
                yield facts


def _is_solved(facts: DocumentFacts, here: Collection[str]) -> bool:
    document = facts.document
    if document.kind != "issue":
        return False
    return document.duplicate_of in here or (document.confirmed and document.closed_as in {"", "solved"})


def _asked(version: IndexVersion, facts: DocumentFacts) -> str:
    """Return title and first words of a document's text: what its asker would have typed."""
    stored = version.catalog.stored([facts.first_chunk])
    text = stored[facts.first_chunk].chunk.text if facts.first_chunk in stored else ""
    return f"{facts.document.title}\n\n{' '.join(_HEADING.sub(' ', text).split()[:_WORDS])}".strip()


def _digest(name: str) -> bytes:
    return hashlib.sha256(name.encode("utf-8", "surrogatepass")).digest()
