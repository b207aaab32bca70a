"""The evidence check: a claim stays only when a passage that it cites supports it.

What it can see: terms, numbers, identifiers, flags and commands that do not stand in the passage. What it cannot see:
a negation turned round with the passage's own words. That is why the quote stands beside every citation.
"""

# ruff: noqa: RUF001 - punctuation of other languages is what is looked for here

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from assistant.core.links import without_links
from assistant.core.model import Citation, Claim, Draft
from assistant.core.sentences import sentences
from assistant.core.spans import spans
from assistant.core.terms import literals, terms
from indexing.danger import dangers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from indexing.model import Passage

DOCUMENTS_MAX = 3
TERMS_HELD = 0.6
"""Share of a claim's terms that must stand in the cited passages."""
QUOTE_MAX = 300
"""Characters of a citation's quote."""

_FENCED = re.compile(r"(?ms)^[ \t]*(`{3,}|~{3,})[^\n]*\n.*?(?:^[ \t]*\1[^\S\n]*$|\Z)")
_CODE = re.compile(_FENCED.pattern + r"|`[^`\n]+`")
_NAME = re.compile(
    r"(?<![\w/.@:\\~%-])(?!www\.)(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.){1,8}[a-z]{2,24}(?::\d{1,5})?"
    r"(?:/[A-Za-z0-9_.@$:{}<>+-]+){1,12}(?![\w/?#&=%\\])"
    r"|(?<![\w/.@-])(?:\d{1,3}\.){3}\d{1,3}/\d{1,2}(?![\w/.:])"
)
"""A host with a path as in image names, or a network range: no scheme, no query, nothing encoded."""
_FETCHES = re.compile(r"\b(?:curl|wget|iwr|invoke-\w+|xdg-open)\b|://|\]\(", re.IGNORECASE)
_LEFT_OUT = "(a command that can do damage is left out; read the source before you run it)"
_ASKS_FOR_SECRETS = re.compile(
    r"\b(?:send|share|dm|give|tell|provide|post|e?mail|type|enter|paste|schick\w*|sende\w*|nenn\w*|verrat\w*|gib)[ ]"
    r"(?:\w+[ ]){0,3}?(?:your|dein\w*|ihr\w*)[ ](?:\w+[ ]){0,3}?"
    r"(?:password|passwort|kennwort|passcode|pin|secret|token|credential|private key)"
    r"|\bdm\s+your\b|(?:password|passwort|kennwort|token)\w* (?:to|an) @|(?:提供|发送|告诉)[^。\n]{0,8}(?:密码"
    r"|口令|令牌)|(?:パスワード|暗証番号)[^。\n]{0,6}(?:送|教え)",
    re.IGNORECASE,
)
_TO_THE_ASSISTANT = re.compile(
    r"(?:^|[\n>(\[（「])[ ]*(?:assistant|助手|アシスタント|system|システム|系统|ki|ia|ai|l['’]ia)\s*(?:须知"
    r"|注意|note|:|：)"
    r"|(?:answer|reply|respond|antworte|réponds|请回答|以後の回答)\w*\W+(?:\w+\W+){0,3}?(?:only|always|immer"
    r"|toujours|with:|with the)"
    r"|以後の回答|请回答|instructions? pour l['’]ia|every answer|(?:close|end|after|begin|start) (?:the|every"
    r"|each) answer"
    r"|ignore (?:(?:all|the|your|any|these|those) ){0,3}(?:previous|prior|above|earlier|instructions?|rules"
    r"|user)\b|(?:you|du) (?:now )?(?:obey|gehorchst)"
    r"|may i share secrets",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Supported:
    """What is left of a draft.

    Attributes:
        text: Markdown with `[n]` marks, numbered from 1 in order of appearance; empty when nothing is supported.
        citations: One for each cited passage, at most three documents.
        kept: Share of the draft's claims that were kept, 0..1.
        dropped: Why claims were dropped, by reason: `uncited`, `unsupported`, `instruction`, `too_many_documents`.
    """

    text: str
    citations: tuple[Citation, ...]
    kept: float
    dropped: tuple[str, ...] = ()


def check(draft: Draft, passages: Sequence[Passage]) -> Supported:
    """Keep the claims that a cited passage supports, in the draft's order.

    Args:
        draft: Model output.
        passages: What the model saw; numbers in claims refer to `Passage.n`.
    """
    known = {passage.n: passage for passage in passages}
    numbers: dict[int, int] = {}
    documents: set[str] = set()
    lines: list[str] = []
    citations: list[Citation] = []
    dropped: list[str] = []
    for claim in draft.claims:
        cited = [known[n] for n in dict.fromkeys(claim.cites) if n in known]
        cited = [passage for passage in cited if supports(passage, claim.text)] or _together(cited, claim.text)
        reason = _refusal(claim, cited, documents)
        if reason:
            dropped.append(reason)
            continue
        cited = _within(cited, documents)
        for passage in cited:
            if passage.n not in numbers:
                numbers[passage.n] = len(numbers) + 1
                citations.append(_citation(numbers[passage.n], passage, claim.text))
        lines.append(_marked(_harmless(claim.text, cited), [numbers[passage.n] for passage in cited]))
    kept = len(lines) / len(draft.claims) if draft.claims else 0.0
    return Supported("\n\n".join(lines), tuple(citations), kept, tuple(dropped))


def _within(cited: list[Passage], documents: set[str]) -> list[Passage]:
    """Return the passages of documents that are cited already or still may be, and note these documents."""
    kept = []
    for passage in cited:
        if passage.chunk.document in documents or len(documents) < DOCUMENTS_MAX:
            documents.add(passage.chunk.document)
            kept.append(passage)
    return kept


def _refusal(claim: Claim, cited: list[Passage], documents: set[str]) -> str:
    prose = _FENCED.sub("", claim.text)
    if _ASKS_FOR_SECRETS.search(prose) or _TO_THE_ASSISTANT.search(prose):
        return "instruction"
    if not claim.cites:
        return "uncited"
    if not cited:
        return "unsupported"
    if dangers(claim.text) and not all(passage.confirmed for passage in cited):
        return "unsupported"
    full = len(documents) >= DOCUMENTS_MAX and all(passage.chunk.document not in documents for passage in cited)
    return "too_many_documents" if full else ""


def supports(passage: Passage, text: str) -> bool:
    """True when what the text says stands in the passage: its literals letter by letter, most of its terms."""
    held = passage.chunk.embedded_text
    if _plain(text) in _plain(held):
        return True
    squeezed = " ".join(held.split()).casefold()
    if any(" ".join(literal.split()).casefold() not in squeezed for literal in literals(text)):
        return False
    wanted = set(terms(text))
    if not wanted:
        return False
    return len(wanted & set(terms(held))) / len(wanted) >= TERMS_HELD


def _together(cited: list[Passage], text: str) -> list[Passage]:
    """Return all cited passages when only their union supports the text, else none."""
    if len(cited) < 2:  # noqa: PLR2004 - one passage was tried alone
        return []
    held = " ".join(passage.chunk.embedded_text for passage in cited)
    squeezed = " ".join(held.split()).casefold()
    wanted = set(terms(text))
    whole = all(" ".join(literal.split()).casefold() in squeezed for literal in literals(text))
    return cited if whole and wanted and len(wanted & set(terms(held))) / len(wanted) >= TERMS_HELD else []


def _plain(text: str) -> str:
    return " ".join(text.split()).casefold()


def _citation(n: int, passage: Passage, claim: str) -> Citation:
    quote = _harmless(_quote(passage.chunk.text, claim), [passage])
    return Citation(n, passage.title, passage.url, passage.chunk.document, _cut(quote), passage.chunk.id)


def _quote(text: str, claim: str) -> str:
    """Return the sentence or block of the passage that shares most with the claim; code without its fence."""
    wanted = set(terms(claim))
    best = (-1.0, "")
    for span in spans(text):
        if span.kind == "heading":
            continue
        for part in sentences(" ".join(span.text.split())) if span.kind == "prose" else (span.text,):
            own = set(terms(part))
            score = len(wanted & own) / (1 + len(own)) ** 0.5
            if score > best[0]:
                best = (score, part)
    lines = best[1].split("\n")
    fenced = len(lines) > 1 and lines[0].lstrip().startswith(("```", "~~~"))
    return "\n".join(lines[1:-1]) if fenced else best[1]


def _cut(quote: str) -> str:
    return quote if len(quote) <= QUOTE_MAX else quote[: QUOTE_MAX - 1].rstrip() + "…"


def _harmless(text: str, cited: Sequence[Passage]) -> str:
    """Return the text without web addresses and without commands that destroy."""
    kept = [_LEFT_OUT if dangers(line) else line for line in text.split("\n")]
    return _linkless("\n".join(kept), cited)


def _linkless(text: str, cited: Sequence[Passage]) -> str:
    """Remove addresses, but keep names of images and hosts in code that stand so in a cited passage.

    `docker pull registry.example.com/a/b:1` is useless without its name. It is no link: it stands in code, has neither
    scheme nor query, and comes from the index letter by letter, so it can carry nothing away.
    """
    mark = next(mark for n in range(len(text) + 1) if (mark := f"kept{n}name") not in text)
    names: list[str] = []

    def keep(match: re.Match[str]) -> str:
        if not any(_stands_in(match[0], passage.chunk.text) for passage in cited):
            return match[0]
        names.append(match[0])
        return f"{mark}{len(names) - 1}x"

    def keep_in_code(match: re.Match[str]) -> str:
        return "\n".join(line if _FETCHES.search(line) else _NAME.sub(keep, line) for line in match[0].split("\n"))

    linkless = without_links(_CODE.sub(keep_in_code, text))
    return re.sub(rf"{mark}(\d+)x", lambda match: names[int(match[1])], linkless)


def _stands_in(name: str, text: str) -> bool:
    return any(found[0] == name for found in _NAME.finditer(text))


def _marked(text: str, numbers: Sequence[int]) -> str:
    marks = "".join(f"[{n}]" for n in sorted(set(numbers)))
    last = text.rsplit("\n", 1)[-1].strip()
    block = last.startswith(("```", "~~~", "|", "- ", "* ", "+ ")) or re.match(r"\d+[.)]\s", last)
    return f"{text}\n\n{marks}" if block else f"{text} {marks}"
