"""Is a given answer still supported? The evidence check of drafts, run again on what its sources say now. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from assistant.core.drafting import from_marks
from assistant.core.evidence import check, supports
from assistant.core.model import Claim, Draft
from assistant.core.spans import spans
from assistant.core.terms import literals, terms

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Literal

    from assistant.core.model import Answered
    from indexing.model import Passage

    Sources = Mapping[str, Sequence[Passage]]


@dataclass(frozen=True, slots=True)
class Finding:
    """What the sources say of an answer now.

    Attributes:
        state: `supported`; `changed`: they do not say all of it any more; `gone`: a source may not be read any more, or
            what was said stands in none that is left.
        detail: Why, by names of documents and counts; no words of anybody.
    """

    state: Literal["supported", "changed", "gone"]
    detail: str = ""


def recheck(answer: Answered, before: Sequence[Passage], now: Sources, hidden: Iterable[str] = ()) -> Finding:
    """Check a given answer again.

    Only what the check could tell from the old passages is asked of the new ones: a sentence that it cannot judge says
    nothing about a change.

    Args:
        answer: As it was given.
        before: The passages it was made from.
        now: Document -> its passages in the new version; a document that is gone is not in it.
        hidden: Documents that the readers of the answer may not read any more; they are not in `now` either.
    """
    cited = {citation.n: citation.document for citation in answer.citations}
    hidden = sorted(set(hidden) & set(cited.values()))
    if hidden:
        return Finding("gone", f"may not be shown any more: {', '.join(hidden)}")
    missing = sorted({document for document in cited.values() if document not in now})
    old = {document: [p for p in before if p.chunk.document == document] for document in cited.values()}
    claims = [claim for claim in _claims(answer) if _is_supported(claim, cited, old)]
    lost = [
        claim for claim in claims if not _is_supported(claim, cited, now) or _code_changed(claim, before, now.values())
    ]
    gone = f"gone: {', '.join(missing)}" if missing else ""
    if len(missing) == len(set(cited.values())) or any(_orphan(claim, cited, now) for claim in lost):
        return Finding("gone", gone)
    if lost or not claims:
        told = f"{len(lost)} of {len(claims)} statements are not supported any more" if claims else "cannot be checked"
        changed = sorted({cited[n] for claim in lost for n in claim.cites} - set(missing))
        where = f" by {', '.join(changed)}" if changed else ""
        return Finding("changed", "; ".join(filter(None, (told + where, gone))))
    return Finding("supported", gone)


def _claims(answer: Answered) -> list[Claim]:
    """Return the statements of the answer; one without a mark stands on what the next marked one cites."""
    found: list[Claim] = []
    cites: tuple[int, ...] = ()
    for claim in reversed(from_marks(answer.text, [citation.n for citation in answer.citations], "").claims):
        cites = claim.cites or cites
        if cites and (terms(claim.text) or literals(claim.text)):
            found.append(Claim(claim.text, cites))
    return found[::-1]


def _orphan(claim: Claim, cited: Mapping[int, str], now: Sources) -> bool:
    return all(cited[n] not in now for n in claim.cites)


def _is_supported(claim: Claim, cited: Mapping[int, str], sources: Sources) -> bool:
    """Run the check of drafts, citing the passages that took the place of those that were cited."""
    documents = list(dict.fromkeys(cited[n] for n in claim.cites))
    passages = [passage for document in documents for passage in sources.get(document, ())]
    alone = [passage for passage in passages if supports(passage, claim.text)]
    chosen = alone[:1] or [near for n in claim.cites if (near := _nearest(claim, sources.get(cited[n], ())))]
    numbered = [replace(passage, n=n) for n, passage in enumerate(chosen, start=1)]
    draft = Draft((Claim(claim.text, tuple(passage.n for passage in numbered)),), found=True, written_by="")
    return bool(check(draft, numbered).text)


def _code_changed(claim: Claim, before: Sequence[Passage], now: Iterable[Sequence[Passage]]) -> bool:
    """True when a block of code stood letter by letter in a source, and does not any more: one digit may matter."""
    new = [passage for passages in now for passage in passages]
    blocks = [_bare(span.text) for span in spans(claim.text) if span.kind == "code"]
    return any(_stands(block, before) and not _stands(block, new) for block in blocks)


def _stands(block: str, passages: Sequence[Passage]) -> bool:
    return any(block in " ".join(passage.chunk.text.split()) for passage in passages)


def _bare(block: str) -> str:
    """Return the code without its fence, on one line."""
    return " ".join(" ".join(block.strip().split("\n")[1:-1]).split())


def _nearest(claim: Claim, passages: Sequence[Passage]) -> Passage | None:
    """Return the passage that shares most words with the claim."""
    wanted = set(terms(claim.text))
    return max(passages, key=lambda p: len(wanted & set(terms(p.chunk.embedded_text))), default=None)
