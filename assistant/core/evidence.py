"""The evidence check: a claim stays only when a passage supports it, and the rest must answer the question.

What it cannot see: a false statement made of a passage's own words beside its own numbers. That is why the quote stands
beside every citation. What it sees and how well: `docs/decisions/0012-evidence-check.md`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from assistant.core.citing import QUOTE_MAX, written
from assistant.core.claims import Rarity, Source, Support, support, telling
from assistant.core.claims_answering import ANSWERS, NEAR_ENOUGH, numbers, question_weights, says_nothing_new
from assistant.core.claims_meaning import nearness
from assistant.core.harmless import is_instruction
from assistant.core.model import ClaimCheck
from assistant.core.terms import terms
from indexing.danger import dangers

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from assistant.core.claims_meaning import Embed
    from assistant.core.model import Citation, Claim, Draft
    from indexing.model import Passage

__all__ = ["DOCUMENTS_MAX", "FEATURES", "QUOTE_MAX", "Supported", "check", "supports"]

DOCUMENTS_MAX = 3
_LEANS = re.compile(
    r"\s*(?:(?:it|its|this|these|those|they|then|therefore|otherwise|instead|consequently|thus)\b"
    r"|\w+ (?:also|then)\b"
    r"|(?:dies\w*|dann|danach|daher|deshalb|außerdem|sonst|stattdessen)\b|(?:这|那|它|此|然后|否则|因此))",
    re.IGNORECASE,
)
"""A sentence that begins so is understood with the one before it."""
_STEP = re.compile(r"\s*\d{1,3}[.)]\s")
_PARTS = re.compile(r";\s+|,\s+(?:and|but|while|und|aber)\s+")
HELD = 0.5
"""Support from which a cited passage is taken to say a claim."""
CLEAR = 0.85
"""Support from which a passage that was shown and not cited is cited in the place of a wrong one."""
OVERCITED = 0.85
"""A further cited passage is kept when it supports the claim at least this much as well as the best."""
KEPT = 0.5
"""Least share of a draft's claims that must be kept: a draft that is mostly made up is not mended by cutting it."""


@dataclass(frozen=True, slots=True)
class Supported:
    """What is left of a draft.

    Attributes:
        text: Markdown with `[n]` marks, numbered from 1 in order of appearance; empty when nothing is supported or what
            is left does not answer the question.
        citations: One for each cited passage, at most three documents.
        kept: Share of the draft's claims that were kept, 0..1.
        dropped: Verdicts of the claims that were not, in the draft's order.
        checks: Of every claim of the draft, in its order.
        features: Numbers for the decision, all finite; see `FEATURES`.
    """

    text: str
    citations: tuple[Citation, ...]
    kept: float
    dropped: tuple[str, ...] = ()
    checks: tuple[ClaimCheck, ...] = ()
    features: Mapping[str, float] = field(default_factory=dict)


FEATURES = (
    "claims_kept",
    "support_min",
    "support_mean",
    "documents_cited",
    "cites_top1",
    "question_said",
    "question_first",
    "question_held",
    "heading_asked",
    "is_quotation",
)
"""Names in `Supported.features`; 0 where nothing was kept.

    claims_kept      share of the draft's claims that were kept
    support_min      least support of a kept claim, 0..1; 1 for quotations; `support_mean` is the mean
    documents_cited  number of cited documents, 0..3
    cites_top1       1 when the first citation is the passage that was found best
    question_...     see `core.claims_answering.numbers`; there `heading_asked` too
    is_quotation     1 when every kept claim stands in its passage word for word
"""


@dataclass(frozen=True, slots=True)
class _Judged:
    """A claim with what supports it.

    Attributes:
        cited: Passages that support it, in the order they are cited.
        quotes: Of each of them, what the claim stands on.
    """

    claim: Claim
    verdict: str
    score: float = 0.0
    cited: tuple[Passage, ...] = ()
    quotes: tuple[tuple[str, ...], ...] = ()


class _Shown:
    """The passages that were shown, read once."""

    def __init__(self, passages: Sequence[Passage]) -> None:
        self.sources = {passage.n: Source((passage,)) for passage in passages}
        self.rarity = Rarity(self.sources.values())


def check(draft: Draft, passages: Sequence[Passage], question: str = "", embed: Embed | None = None) -> Supported:
    """Keep the claims that a passage supports, in the draft's order.

    Args:
        draft: Model output.
        passages: What the model saw; numbers in claims refer to `Passage.n`.
        question: What the rest must answer; empty does not ask that of it.
        embed: Of the index; asked where question and answer share no words. None leaves meaning out.
    """
    shown = _Shown(passages)
    judged = _within_documents(_with_antecedents([_judge(claim, shown) for claim in draft.claims]))
    judged = [_with_telling_quotes(one, shown, question) for one in judged]
    kept = [one for one in judged if one.verdict == "kept"]
    features = _features(judged, kept, shown, question)
    mostly = len(kept) >= KEPT * len(judged)
    if question and kept and not (mostly and _answers(kept, question, features, embed)):
        judged = [replace(one, verdict="no_answer") if one.verdict == "kept" else one for one in judged]
        kept = []
    text, citations = written([(one.claim.text, one.cited, one.quotes) for one in kept])
    return Supported(
        text=text,
        citations=citations,
        kept=len(kept) / len(judged) if judged else 0.0,
        dropped=tuple(one.verdict for one in judged if one.verdict != "kept"),
        checks=tuple(_checked(one) for one in judged),
        features=features,
    )


def supports(passage: Passage, text: str) -> bool:
    """True when what the text says stands in the passage."""
    source = Source((passage,))
    return _is_held(support(text, source, Rarity([source])))


def _is_held(found: Support) -> bool:
    return found.score >= HELD and not found.missing


def _judge(claim: Claim, shown: _Shown) -> _Judged:
    """Return the verdict on one claim, before documents are counted."""
    if is_instruction(claim.text):
        return _Judged(claim, "instruction")
    if not shown.sources.keys() & set(claim.cites):
        return _Judged(claim, "uncited")
    numbers_ = [n for n in dict.fromkeys(claim.cites) if n in shown.sources]
    cited = {n: support(claim.text, shown.sources[n], shown.rarity) for n in numbers_}
    held = _held(cited) or _together(claim.text, cited, shown) or _elsewhere(claim.text, cited, shown)
    best = max(cited.values(), key=lambda one: (not one.missing, one.score), default=Support(0.0, "", ()))
    if not held:
        return _Judged(claim, best.missing if best.score >= HELD and best.missing else "unsupported", best.score)
    passages = tuple(shown.sources[n].passages[0] for n in held)
    if dangers(claim.text) and not all(passage.confirmed for passage in passages):
        return _Judged(claim, "unconfirmed_command", best.score)
    score = max(one.score for one in held.values())
    return _Judged(claim, "kept", score, passages, tuple(one.quote for one in held.values()))


def _with_telling_quotes(one: _Judged, shown: _Shown, question: str) -> _Judged:
    """Quote of a quotation what says most of the question: the whole of it stands above."""
    if one.score < 1.0 or not question:
        return one
    asked = question_weights(question, shown.rarity)
    found = [telling(one.claim.text, shown.sources[passage.n], asked) for passage in one.cited]
    return replace(one, quotes=tuple(new or old for new, old in zip(found, one.quotes, strict=True)))


def _held(cited: Mapping[int, Support]) -> dict[int, Support]:
    """Return those that support the claim nearly as well as the best one does; models cite too much."""
    held = {n: one for n, one in cited.items() if _is_held(one)}
    best = max((one.score for one in held.values()), default=0.0)
    return {n: one for n, one in held.items() if one.score >= OVERCITED * best}


def _together(text: str, cited: Mapping[int, Support], shown: _Shown) -> dict[int, Support]:
    """Return the cited passages when only together they support the claim, else none.

    Those of one document are read as one text. Of several documents each must say a part of the claim by itself: a
    setting of one product and the name of another make no true sentence.
    """
    by_document: dict[str, list[int]] = {}
    for n in cited:
        by_document.setdefault(shown.sources[n].passages[0].chunk.document, []).append(n)
    for numbers_ in by_document.values():
        union = Source([shown.sources[n].passages[0] for n in numbers_])
        found = support(text, union, shown.rarity)
        if len(numbers_) > 1 and _is_held(found):
            return {n: replace(cited[n], score=found.score) for n in numbers_}
    parts = [part for part in _PARTS.split(text) if terms(part)]
    if len(parts) < 2 or len(by_document) < 2:  # noqa: PLR2004 - nothing to share out
        return {}
    found_parts = [_best_of(part, cited, shown) for part in parts]
    return {n: one for pair in found_parts for n, one in pair.items()} if all(found_parts) else {}


def _best_of(text: str, cited: Mapping[int, Support], shown: _Shown) -> dict[int, Support]:
    """Return the cited passage that supports a part of a claim best, or none."""
    told = {n: support(text, shown.sources[n], shown.rarity) for n in cited}
    held = {n: one for n, one in told.items() if _is_held(one)}
    best = max(held, key=lambda n: held[n].score, default=None)
    return {} if best is None else {best: held[best]}


def _elsewhere(text: str, cited: Mapping[int, Support], shown: _Shown) -> dict[int, Support]:
    """Return the passage that clearly supports a claim for which others were cited: small models cite wrongly."""
    others = {n: source for n, source in shown.sources.items() if n not in cited}
    told = {n: support(text, source, shown.rarity) for n, source in others.items()}
    clear = {n: one for n, one in told.items() if one.score >= CLEAR and not one.missing}
    best = max(clear, key=lambda n: clear[n].score, default=None)
    return {} if best is None else {best: clear[best]}


def _with_antecedents(judged: Sequence[_Judged]) -> list[_Judged]:
    """Drop what cannot be followed without what went: `This happens when …`, `Follow these steps:`, step 3 of 4."""
    found = list(judged)
    for n, one in enumerate(found):
        before = found[n - 1] if n else one
        if one.verdict == "kept" and before.verdict != "kept" and _leans(one.claim, before.claim):
            found[n] = _Judged(one.claim, "leans_on_dropped", one.score)
    for n, one in reversed(list(enumerate(found))):
        announces = one.claim.text.rstrip(" *_").endswith((":", "\uff1a"))
        if one.verdict == "kept" and announces and (n + 1 == len(found) or found[n + 1].verdict != "kept"):
            found[n] = _Judged(one.claim, "leans_on_dropped", one.score)
    return found


def _leans(claim: Claim, before: Claim) -> bool:
    """True for the next step, and for a sentence about the same passage that points back."""
    if _STEP.match(claim.text):
        return bool(_STEP.match(before.text) or before.text.rstrip(" *_").endswith((":", "\uff1a")))
    return bool(_LEANS.match(claim.text) and set(claim.cites) & set(before.cites))


def _within_documents(judged: Sequence[_Judged]) -> list[_Judged]:
    """Drop what would cite a fourth document."""
    documents: set[str] = set()
    found = []
    for one in judged:
        pairs = []
        for passage, quote in zip(one.cited, one.quotes, strict=True):
            if passage.chunk.document in documents or len(documents) < DOCUMENTS_MAX:
                documents.add(passage.chunk.document)
                pairs.append((passage, quote))
        cited, quotes = tuple(passage for passage, _ in pairs), tuple(quote for _, quote in pairs)
        verdict = "too_many_documents" if one.cited and not pairs else one.verdict
        found.append(replace(one, verdict=verdict, cited=cited, quotes=quotes))
    return found


def _features(judged: Sequence[_Judged], kept: Sequence[_Judged], shown: _Shown, question: str) -> dict[str, float]:
    """Return the numbers named in `FEATURES`."""
    if not kept:
        return dict.fromkeys(FEATURES, 0.0)
    passages = list(dict.fromkeys(passage.n for one in kept for passage in one.cited))
    texts = [one.claim.text for one in kept]
    scores = [one.score for one in kept]
    found = {
        "claims_kept": len(kept) / len(judged),
        "support_min": min(scores),
        "support_mean": sum(scores) / len(scores),
        "documents_cited": float(len({passage.chunk.document for one in kept for passage in one.cited})),
        "cites_top1": float(passages[0] == min(shown.sources)),
        "is_quotation": float(min(scores) >= 1.0),
        **numbers(texts, [shown.sources[n] for n in passages], question, shown.rarity),
    }
    return {name: float(found[name]) for name in FEATURES}


def _answers(kept: Sequence[_Judged], question: str, features: Mapping[str, float], embed: Embed | None) -> bool:
    """True when what is left says something, and something of what was asked."""
    if all(says_nothing_new(one.claim.text, question) for one in kept):
        return False
    if features["question_held"] >= ANSWERS:
        return True
    cosines = nearness([(question, "\n\n".join(one.claim.text for one in kept))], embed)
    return cosines is not None and cosines[0] >= NEAR_ENOUGH


def _checked(one: _Judged) -> ClaimCheck:
    document = one.cited[0].chunk.document if one.cited and one.verdict == "kept" else ""
    return ClaimCheck(one.claim.text, one.claim.cites, one.verdict, round(one.score, 4), document)
