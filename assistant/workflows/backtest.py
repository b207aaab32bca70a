"""Ask the closed issues of the past again, each of the index as it stood the day before. Stores and opens nothing."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from assistant.core.backtest import Replayed, missed, told_by
from assistant.core.judging import CITED, Compared, Rarity, judge, lead_of, named
from assistant.core.leading import Places
from assistant.core.model import Abstained, Answered, Question, ThreadRef, outcome_name
from assistant.errors import Rejected
from assistant.texts import language_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from assistant.core.backtest import Told
    from assistant.core.judging import Judgement
    from assistant.core.model import Decision
    from assistant.ports import Answer
    from indexing.as_of import AsOf
    from indexing.catalog_rows import ChunkedDocument, DocumentFacts
    from indexing.model import Document, Retrieval

PLATFORM, CONVERSATION = "console", "backtest"


@dataclass(frozen=True, slots=True)
class Past:
    """An index version, ready to be asked about its own past.

    Attributes:
        index: The version, at any moment.
        answer: Answers from `index`; reads and computes only.
        documents: All that the version holds.
        issues: Its issues, with their chunks.
        version: Its name.
    """

    index: AsOf
    answer: Answer
    documents: Sequence[DocumentFacts]
    issues: Sequence[ChunkedDocument]
    version: str


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which issues are replayed: opened in [since, until), with the label, at most `limit`, the newest."""

    since: str = ""
    until: str = ""
    label: str = ""
    limit: int | None = None
    audiences: frozenset[str] = frozenset({"public"})

    def of(self, issues: Sequence[ChunkedDocument]) -> list[ChunkedDocument]:
        """Return the issues, oldest first.

        Raises:
            Rejected: There is none; the message says why.
        """
        dated = [issue for issue in issues if issue.document.opened_at]
        if not dated:
            raise Rejected(
                f"nothing to replay: the index holds {len(issues)} closed issues, none with the date it was opened on. "
                "Build it from a source that tells `created_at`, with `assistant index build`"
            )
        found = sorted(
            (i for i in dated if self._wants(i.document)), key=lambda i: (i.document.opened_at, i.document.id)
        )
        if not found:
            first, last = min(i.document.opened_at for i in dated), max(i.document.opened_at for i in dated)
            raise Rejected(
                f"nothing to replay: none of the {len(dated)} closed issues, opened from {first[:10]} to {last[:10]}, "
                "is of these dates, label and audiences"
            )
        return found[-self.limit :] if self.limit else found

    def _wants(self, issue: Document) -> bool:
        opened = issue.opened_at
        in_time = self.since <= opened and (not self.until or opened < self.until)
        return in_time and (not self.label or self.label in issue.labels) and issue.audience in self.audiences


@dataclass(frozen=True, slots=True)
class Judging:
    """Compares answers with what responders said.

    Attributes:
        places: Knows documents by their addresses.
        rarity: Which words tell something.
        titles: Of all documents.
        search: Finds the documents that a resolution is near to, at the moment of the question.
        originals: Of duplicates, where they are known.
    """

    places: Places
    rarity: Rarity
    titles: Mapping[str, str]
    search: Callable[[str], Retrieval]
    originals: Mapping[str, str] = field(default_factory=dict)

    def right(self, issue: str, told: Told) -> frozenset[str]:
        """Return the documents that the resolution of an issue led to, and the original of a duplicate."""
        original = self.originals.get(issue, "")
        led = self.places.led_to(told.resolution, issue) - self.places.led_to(told.question, issue)
        return led | ({original} if original in self.titles else set())

    def judged(self, issue: str, told: Told, answer: Answered) -> Judgement:
        """Return what can be told of an answer."""
        cited = tuple(dict.fromkeys(citation.document for citation in answer.citations))
        titles = [(document, self.titles.get(document, "")) for document in cited[:CITED]]
        hinted = self.places.led_to(told.discussion, issue) - self.places.led_to(told.question, issue)
        ranking = self.search(told.resolution).ranking if told.resolution else ()
        return judge(
            Compared(
                cited,
                led_to=self.right(issue, told),
                hinted=hinted | named(titles, told.resolution, told.question, self.rarity),
                nearest=ranking[0].document if ranking else "",
                lead=lead_of([ranked.score for ranked in ranking]),
            )
        )


def judging_of(past: Past, audiences: frozenset[str] = frozenset({"public"})) -> Judging:
    """Return what judges the answers from a version."""
    told = [told_by(issue.document.title, (chunk for chunk, _ in issue.chunks)) for issue in past.issues]
    documents = [facts.document for facts in past.documents]
    return Judging(
        places=Places(documents),
        rarity=Rarity("\n".join((one.title, *one.parts.values())) for one in told),
        titles={document.id: document.title for document in documents},
        search=lambda text: past.index(text, audiences),
        originals={document.id: document.duplicate_of for document in documents if document.duplicate_of},
    )


def replay(past: Past, chosen: Chosen, on_done: Callable[[], None] = lambda: None) -> list[Replayed]:
    """Ask the chosen issues in the order they were opened.

    Args:
        past: The index version.
        chosen: Which issues.
        on_done: Called after each.

    Raises:
        Rejected: There is no such issue.
    """
    issues = chosen.of(past.issues)
    judging = judging_of(past, chosen.audiences)
    found = []
    for issue in issues:
        past.index.go_to(issue.document.opened_at[:10])
        found.append(_replayed(past, judging, issue))
        on_done()
    return found


def _replayed(past: Past, judging: Judging, issue: ChunkedDocument) -> Replayed:
    document = issue.document
    told = told_by(document.title, (chunk for chunk, _ in issue.chunks))
    decision = past.answer(_question(document, told))
    outcome = decision.outcome
    answer = outcome if isinstance(outcome, Answered) else None
    cited = tuple(dict.fromkeys(citation.document for citation in answer.citations)) if answer else ()
    judgement = judging.judged(document.id, told, answer) if answer else None
    right = judging.right(document.id, told)
    is_right = judgement is not None and judgement.verdict == "rightly"
    ranking = [ranked.document for ranked in decision.retrieval.ranking]
    return Replayed(
        document=document.id,
        title=document.title,
        url=document.url,
        opened_at=document.opened_at,
        labels=document.labels,
        author=document.author,
        outcome=outcome_name(outcome),
        reason=outcome.reason if isinstance(outcome, Abstained) else "",
        score=outcome.score,
        confidence=outcome.confidence,
        cited=cited,
        right=tuple(sorted(right)),
        judgement=judgement,
        miss="" if is_right else missed(right, past.index.holds, ranking, cited if answer else None),
        milliseconds=_took(decision),
        answered_by=decision.written_by,
    )


def _question(document: Document, told: Told) -> Question:
    text = told.question
    opened = datetime.fromisoformat(document.opened_at).astimezone(UTC)
    thread = ThreadRef(PLATFORM, CONVERSATION, document.id)
    return Question(document.id, text, thread, document.author, opened, language=language_of(text))


def _took(decision: Decision) -> float:
    return round(decision.timings_ms.get("total", 0.0), 1)
