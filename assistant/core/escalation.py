"""A question becomes the issue a responder reads: what was asked, what was searched, what might solve it.

Everything here is pure: the same question and the same stored decision give the same draft, so that a draft can be
built again after a crash. People's text stands in fences, a model's in quotations; see `neutralise.py`.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from collections import Counter
from dataclasses import asdict, dataclass, field
from urllib.parse import quote

from assistant.core.audiences import PUBLIC
from assistant.core.environment import environment_of
from assistant.core.labels import Labels, Waiting, labels_of, topic_labels
from assistant.core.model import Abstained, Answered, Decision, IssueDraft, Question
from assistant.core.neutralise import gitlab_inline, gitlab_prose, gitlab_safe, gitlab_title

MARKER_PREFIX = "assistant-ref: "
MAC_LENGTH = 12
"""Characters of base32: 60 bits, which nobody guesses. Hexadecimal digits would read as a commit id in GitLab."""
QUESTION_MAX = 200_000
"""Characters of a person's text in an issue; GitLab takes 1 MiB in all. The whole text stays in our own store."""
ROWS_MAX = 5
"""Found pages, and closed issues, shown to the responder."""


@dataclass(frozen=True, slots=True)
class FoundRow:
    """A document that was found for the question; `rank` counts from 1 in the one mixed list."""

    rank: int
    kind: str
    title: str
    url: str
    score: float
    document: str = ""


@dataclass(frozen=True, slots=True)
class Searched:
    """What the assistant did before it passed the question on; JSON in the store, so a draft can be built again.

    Attributes:
        rows: Best documents, mixed ranking.
        suggested: A suggested reply below the threshold, Markdown with `[n]`; empty when there is none.
        sources: (n, title, url) of the suggested reply's citations.
        reason: Why no answer was given: see `Abstained.reason`, or `needs_detail`, `wrong_answer`.
        topics: Topic labels suggested from the nearest closed issues.
    """

    rows: tuple[FoundRow, ...] = ()
    suggested: str = ""
    sources: tuple[tuple[int, str, str], ...] = ()
    reason: str = ""
    index_version: str = ""
    written_by: str = ""
    degraded: str = ""
    topics: tuple[str, ...] = ()

    def to_json(self) -> str:
        """Return one JSON object."""
        return json.dumps(asdict(self), ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> Searched:
        """Return what `to_json` wrote.

        Raises:
            ValueError: The text is not that.
        """
        try:
            raw = json.loads(text)
            raw["rows"] = tuple(FoundRow(**row) for row in raw["rows"])
            raw["sources"] = tuple((int(n), str(title), str(url)) for n, title, url in raw["sources"])
            raw["topics"] = tuple(raw["topics"])
            return cls(**raw)
        except (KeyError, TypeError) as error:
            raise ValueError(f"not a stored search: {error}") from error


@dataclass(frozen=True, slots=True)
class Terms:
    """How the issue is to be opened.

    Attributes:
        marker: From `marker_for`.
        awaiting: The issue waits for the asker's detail.
        labels: Names of the two labels.
        topics: Whether suggested topic labels are set.
    """

    marker: str
    awaiting: bool = False
    confidential: bool = False
    labels: Labels = field(default_factory=Labels)
    topics: bool = True


def marker_for(question_id: str, key: bytes) -> str:
    """Return `assistant-ref: ID.MAC`: the line that finds our issue again and that nobody else can write.

    Method: the first 12 characters of base32 of HMAC-SHA256 over the id, in lower case.
    """
    digest = hmac.new(key, question_id.encode(), hashlib.sha256).digest()
    mac = base64.b32encode(digest).decode().lower()[:MAC_LENGTH]
    return f"{MARKER_PREFIX}{question_id}.{mac}"


_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")


def holds_marker(description: str, marker: str) -> bool:
    """True when the marker stands on a line of its own outside every code fence."""
    closing = ""
    for line in description.replace("\r\n", "\n").replace("\r", "\n").split("\n"):
        mark = _FENCE.match(line)
        if closing:
            if mark and mark[1].startswith(closing) and set(line.strip()) == {closing[0]}:
                closing = ""
        elif mark:
            closing = mark[1]
        elif line.strip() == marker:
            return True
    return False


def searched_from(decision: Decision | None, labels: Labels | None = None) -> Searched:
    """Return the facts of a decision that the issue shows; None (answering failed) gives an empty search.

    Only public documents are named: more people read the issue than the place the question was asked in.
    """
    if decision is None:
        return Searched(reason="failed")
    outcome = decision.outcome
    reply = outcome.suggested if isinstance(outcome, Abstained) else outcome if isinstance(outcome, Answered) else None
    closed = {passage.chunk.document for passage in decision.retrieval.passages if passage.audience != PUBLIC}
    if reply is not None and closed.intersection(citation.document for citation in reply.citations):
        reply = None
    reason = outcome.reason if isinstance(outcome, Abstained) else "wrong_answer" if reply else "needs_detail"
    ranked = enumerate((found for found in decision.retrieval.ranking if found.audience == PUBLIC), start=1)
    rows = [FoundRow(rank, d.kind, d.title or d.document, d.url, d.score, d.document) for rank, d in ranked]
    pages = [row for row in rows if row.kind == "page"][:ROWS_MAX]
    issues = [row for row in rows if row.kind == "issue"][:ROWS_MAX]
    return Searched(
        rows=tuple(sorted(pages + issues, key=lambda row: row.rank)),
        suggested=reply.text if reply else "",
        sources=tuple((c.n, c.title, c.url) for c in reply.citations) if reply else (),
        reason=reason,
        index_version=decision.retrieval.index_version,
        written_by=decision.written_by,
        degraded=decision.degraded,
        topics=topic_labels([p for p in decision.retrieval.passages if p.audience == PUBLIC], labels or Labels()),
    )


def draft_issue(question: Question, searched: Searched, terms: Terms) -> IssueDraft:
    """Return the issue to open: everything in it is neutralised, labels go through the API's field."""
    waiting = Waiting.FOR_ASKER if terms.awaiting else Waiting.FOR_RESPONDER
    labels = labels_of(waiting, terms.labels) + (searched.topics if terms.topics else ())
    parts = [
        *_question_part(question),
        _facts_part(question, terms),
        *_found_part(searched),
        *_reply_part(searched),
        *_removed_part(question),
        _closing_part(question, terms),
        f"<!--\n{terms.marker}\n-->",
    ]
    title = gitlab_title(_title(question)) or f"Question {question.id}"
    return IssueDraft(title, "\n\n".join(parts) + "\n", tuple(dict.fromkeys(labels)), terms.confidential, terms.marker)


def _title(question: Question) -> str:
    """Return the first line of the question, with that of the one it goes on from: "and on Windows?" says little."""
    own = first_line(question.text)
    return f"{own} ({first_line(question.context[-1])})" if question.context else own


def first_line(text: str) -> str:
    """Return the first line of a text that says something, without Markdown's heading, quote or list signs."""
    lines = (re.sub(r"^[\s#>*`~-]+", "", line).strip() for line in text.split("\n"))
    return next((line for line in lines if line), "")


def _question_part(question: Question) -> list[str]:
    out = ["### Question", _people_text(question.text)]
    if question.context:
        out += ["**Asked before in the same thread**", _people_text("\n\n".join(question.context))]
    for number, detail in enumerate(question.details, start=1):
        out += [f"**Detail {number}, added when asked back**", _people_text(detail)]
    return out


def _people_text(text: str) -> str:
    if len(text) <= QUESTION_MAX:
        return gitlab_safe(text)
    note = f"_Cut after {QUESTION_MAX:,} of {len(text):,} characters; the assistant keeps the whole text._"
    return f"{gitlab_safe(text[:QUESTION_MAX])}\n\n{note}"


def _facts_part(question: Question, terms: Terms) -> str:
    asked = f"{question.asked_at:%Y-%m-%d %H:%M} UTC, {gitlab_inline(question.thread.platform)}"
    link = _link("open the thread", question.thread.url)
    rows = [
        ("Asked by", gitlab_inline(question.asker)),
        ("Asked", f"{asked}, {link}" if link != "open the thread" else asked),
        ("Visible there", "everybody in the channel" if question.visibility == "public" else "the asker only"),
        ("Language", gitlab_inline(question.language) if question.language != "en" else ""),
        *environment_of(question.full_text),
        ("Waits for", "the asker's detail" if terms.awaiting else ""),
    ]
    lines = [f"| {name} | {value} |" for name, value in rows if value]
    return "\n".join(["| | |", "|---|---|", *lines])


_REASONS = {
    "no_passages": "Nothing close to the question was found.",
    "weak_evidence": "What was found does not answer the question surely enough.",
    "unsupported_draft": "An answer was drafted, but the passages do not support it.",
    "asked_for_people": "The asker wants to talk to people.",
    "needs_detail": "The question lacks detail; the asker was asked for it.",
    "wrong_answer": "The asker said that the answer below does not help.",
    "failed": "The search failed; nothing was looked up.",
}


def _found_part(searched: Searched) -> list[str]:
    out = ["### What the assistant found", _REASONS.get(searched.reason, "No answer was given.")]
    for kind, heading in (("page", "Documentation"), ("issue", "Closed issues near this one")):
        rows = [row for row in searched.rows if row.kind == kind]
        if rows:
            lines = [f"| {row.rank} | {_link(row.title, row.url)} | {row.score:.3f} |" for row in rows]
            out.append("\n".join([f"| rank | {heading} | score |", "|---|---|---|", *lines]))
    if searched.index_version:
        note = f"Index version {gitlab_inline(searched.index_version)}; scores compare only within this question."
        out.append(f"{note} Search was lexical only." if searched.degraded == "lexical_only" else note)
    return out


def _reply_part(searched: Searched) -> list[str]:
    if not searched.suggested:
        return []
    by = "quoted from the index" if searched.written_by == "extractive" else "written by a language model"
    heading = "The answer that did not help" if searched.reason == "wrong_answer" else "Suggested reply"
    out = [f"### {heading}", f"_Made by the assistant ({by}), verified by nobody. Check it before you send it._"]
    out.append(gitlab_prose(searched.suggested))
    if searched.sources:
        out.append("\n".join(f"- [{n}] {_link(title, url)}" for n, title, url in searched.sources))
    return out


def _removed_part(question: Question) -> list[str]:
    if not question.masked:
        return []
    kinds = ", ".join(f"{kind} ({n} times)" if n > 1 else kind for kind, n in sorted(Counter(question.masked).items()))
    return [
        "### Secrets were removed",
        f"Removed before anything was stored: {gitlab_inline(kinds)}. They must be revoked.",
    ]


def _closing_part(question: Question, terms: Terms) -> str:
    words = "This issue is confidential. " if terms.confidential else ""
    words += f"Question {gitlab_inline(question.id)}; opened by the support assistant, a program. "
    return f"---\n\n{words}Please close this issue with the solution in a comment: it is found for the next asker."


def _link(title: str, url: str) -> str:
    """A link built by the program from the index; without a web address, the title alone."""
    label = gitlab_inline(title) or "untitled"
    if not re.match(r"https?://[^\s<>]+$", url):
        return label
    return f"[{label}]({quote(url, safe=':/?#@!$&*+,;=%~-._')})"
