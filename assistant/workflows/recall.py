"""Recall of answers: when what a given answer stood on changes or goes, it is checked again and listed.

version live ──> answers whose cited chunks are not there any more ──> evidence check ──> supported | changed | gone
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol

import structlog

from assistant.core.model import Answered
from assistant.core.rechecking import Finding, recheck
from assistant.store.records import Recheck
from assistant.store.standing import decision_of, given_answers, put_recheck, recalled_answers
from indexing.model import Passage

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from assistant.core.model import ThreadRef
    from assistant.store import Store
    from assistant.store.records import GivenAnswer, RecalledAnswer
    from indexing.index_version import IndexVersion

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Source:
    """A document as an index version has it.

    Attributes:
        audience: Who may read it.
        hashes: SHA-256 of the embedded text of each of its chunks.
    """

    audience: str
    hashes: frozenset[bytes]


class CurrentTexts(Protocol):
    """What recall needs of an index version."""

    @property
    def name(self) -> str:
        """Name of the version."""

    def source(self, document: str) -> Source | None:
        """Return the document, or None when it is not there or was withdrawn."""

    def passages(self, document: str) -> tuple[Passage, ...]:
        """Return all its chunks as passages, in order, `n` from 1."""

    def is_withdrawn(self, document: str) -> bool:
        """Return whether nobody may see the document any more."""


@dataclass(frozen=True, slots=True)
class RecallReport:
    """How many answers were checked again for a version, and what came of it."""

    index_version: str
    given: int
    supported: int
    changed: int
    gone: int

    @property
    def recalled(self) -> int:
        """Answers that their sources do not support any more."""
        return self.changed + self.gone


@dataclass
class VersionTexts:
    """`CurrentTexts` of an opened index version; asks for each document once."""

    version: IndexVersion
    _known: dict[str, Source | None] = field(default_factory=dict, init=False)

    @property
    def name(self) -> str:
        """Name of the version."""
        return self.version.name

    def source(self, document: str) -> Source | None:
        """Return the document, or None when it is not there or was withdrawn."""
        if document not in self._known:
            facts = None if self.is_withdrawn(document) else self.version.catalog.document(document)
            hashes = frozenset(self.version.catalog.chunk_hashes(document).values()) if facts else frozenset()
            self._known[document] = Source(facts.document.audience, hashes) if facts else None
        return self._known[document]

    def passages(self, document: str) -> tuple[Passage, ...]:
        """Return all its chunks as passages, in order, `n` from 1."""
        facts = self.version.catalog.document(document)
        if facts is None:
            return ()
        found = self.version.catalog.stored(range(facts.first_chunk, facts.first_chunk + facts.chunks))
        return tuple(
            Passage(
                n=n,
                chunk=stored.chunk,
                score=0.0,
                kind=stored.kind,
                title=stored.title,
                url=stored.url,
                labels=stored.labels,
                updated_at=stored.updated_at,
                confirmed=stored.confirmed,
                audience=stored.audience,
                closed_as=stored.closed_as,
                author=stored.author,
            )
            for n, (_, stored) in enumerate(sorted(found.items()), start=1)
        )

    def is_withdrawn(self, document: str) -> bool:
        """Return whether nobody may see the document any more."""
        return document in self.version.withdrawn


def recall(
    store: Store,
    texts: CurrentTexts,
    keep_days: int = 365,
    audiences: Callable[[ThreadRef], Collection[str]] = lambda _: {"public"},
) -> RecallReport:
    """Check every given answer again whose cited chunks this version does not have as they were.

    Doing it twice for a version changes nothing; a crash in between leaves whole answers done. An answer whose sources
    are back (a rollback, an edit taken back) is supported again.

    Args:
        store: Of the home.
        texts: The version that has become live.
        keep_days: Older answers are left alone.
        audiences: Who reads along in a thread: a source that became more private is gone for them.
    """
    with store.reading() as tx:
        given = list(given_answers(tx, store.now() - timedelta(days=keep_days)))
    counts: Counter[str] = Counter()
    for answer in given:
        finding = _check(store, answer, texts, frozenset(audiences(answer.thread)))
        if finding is None:
            continue
        counts[finding.state] += 1
        _note(store, answer, finding, texts.name)
    report = RecallReport(texts.name, len(given), counts["supported"], counts["changed"], counts["gone"])
    log.info("recall.done", version=texts.name, given=len(given), changed=report.changed, gone=report.gone)
    return report


def recalled(store: Store) -> tuple[RecalledAnswer, ...]:
    """Return the answers that their sources do not support any more, the latest found first."""
    with store.reading() as tx:
        return recalled_answers(tx)


def _check(store: Store, answer: GivenAnswer, texts: CurrentTexts, readers: frozenset[str]) -> Finding | None:
    """Return what the version says of the answer; None when nothing it cites has changed and nothing was found."""
    sources = {document: texts.source(document) for document, _ in answer.cited}
    hidden = [
        document
        for document, source in sources.items()
        if texts.is_withdrawn(document) or (source is not None and source.audience not in readers)
    ]
    here = {name: source for name, source in sources.items() if source is not None and name not in hidden}
    if all(name in here and text_hash in here[name].hashes for name, text_hash in answer.cited):
        return None if answer.before is None or answer.before.state == "supported" else Finding("supported")
    with store.reading() as tx:
        decision = decision_of(tx, answer.id)
    if decision is None or not isinstance(decision.outcome, Answered):
        return None  # its text was deleted: nobody can rely on it any more
    now = {name: texts.passages(name) for name in here}
    return recheck(decision.outcome, decision.retrieval.passages, now, hidden)


def _note(store: Store, answer: GivenAnswer, finding: Finding, version: str) -> None:
    before = answer.before
    same = before is not None and before.state == finding.state
    since = before.since if before is not None and same else store.now()
    found = Recheck(version, finding.state, since, finding.detail)
    if found != before:
        with store.writing() as tx:
            put_recheck(tx, answer.id, found)
