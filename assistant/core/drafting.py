"""Model output into a draft: which sentence cites which passage.

Two forms are read. *Marks*: prose with `[n]` behind each sentence. *Fields*: a decoded JSON object with `found` and
`claims` (`text`, `cites`), or `found`, `answer` and `citations`. Nothing here trusts the model: a number that no
passage has is dropped, and whether a passage supports a sentence is for the evidence check.
"""

# ruff: noqa: RUF001 - Chinese and Japanese punctuation is what is looked for here

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from assistant.core.model import Claim, Draft
from assistant.core.sentences import Unit, is_marks_only, units

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

NOT_FOUND = "NOT FOUND"
"""What a model without JSON schema is told to write when the passages hold no answer."""

_SAID_NOT_FOUND = re.compile(r"(?m)^[\s*_`\"'>#-]{0,8}NOT[ _]FOUND\b|\A[\W_]{0,8}(?i:not[ _]found)[\W_]*\Z")
_LIST_NUMBER = re.compile(r"\s{0,12}(?:[-*+•]|\d{1,3}[.)])\s+")
_INLINE_CODE = re.compile(r"(`{1,3})(?!`)[^\n]{1,400}?(?<!`)\1(?!`)")
_WORD = r"(?:passages?|sources?|quellen?|abschnitte?|来源|段落|出典)?"
_ITEM = rf"\s{{0,3}}\^?{_WORD}\s{{0,3}}#?\d{{1,4}}\s{{0,3}}"
_JOIN = r"(?:[,;、，&]|-|–|und|and)"
_SQUARE = re.compile(
    rf"[ \t]?(?:\[({_ITEM}(?:{_JOIN}{_ITEM}){{0,12}})\](?!\()|［({_ITEM}(?:{_JOIN}{_ITEM}){{0,12}})］"
    rf"|【({_ITEM}(?:{_JOIN}{_ITEM}){{0,12}})(?:†[^【】\n]{{0,40}})?】)",
    re.IGNORECASE,
)
_ROUND_AT_END = re.compile(r"(?<=[^\s(])[ \t]?[(（](\d{1,2}(?:\s?[,、，]\s?\d{1,2}){0,8})[)）](?=[\s.!?。！？]*$)")
_RANGE = re.compile(r"(\d{1,4})\s*[-–]\s*#?(\d{1,4})")
_NUMBER = re.compile(r"\d{1,4}")
_LONGEST_RANGE = 20
_SPACE_BEFORE_END = re.compile(r"\s+(?=[.!?…。！？,;:](?:\s|$))")
_CLOSED_END = re.compile(r"([.!?。！？])\.$")


def from_marks(text: str, numbers: Collection[int], written_by: str) -> Draft:
    """Read prose with citation marks.

    A mark belongs to the sentence it stands in or behind. Sentences without a mark take those of the next marked
    sentence of their paragraph, because models cite once at the end of a train of thought. A code block belongs to the
    sentence before it.

    Args:
        text: Markdown as the model wrote it.
        numbers: Passage numbers the model was shown; all others are dropped.
        written_by: Model name.
    """
    if not text.strip() or _SAID_NOT_FOUND.search(text):
        return Draft((), found=False, written_by=written_by)
    return Draft(_merged(_claims(text, numbers)), found=True, written_by=written_by)


def from_fields(fields: Mapping[str, object], numbers: Collection[int], written_by: str) -> Draft:
    """Read a decoded JSON object, whole or cut off; parts of a wrong type are left out, never guessed.

    Args:
        fields: `found` with `claims` or with `answer` and `citations`.
        numbers: As in `from_marks`.
        written_by: Model name.
    """
    claims: tuple[Claim, ...] = ()
    if fields.get("found") is True:
        listed = fields.get("claims")
        for item in listed if isinstance(listed, list) else []:
            claims += _claims_of(item, "text", "cites", numbers)
        claims += _claims_of(fields, "answer", "citations", numbers)
    claims = _merged(claims)
    return Draft(claims, found=bool(claims), written_by=written_by)


def answer_text(fields: Mapping[str, object]) -> str:
    """Return the prose of a decoded, perhaps unfinished JSON object: what can be shown while it streams in."""
    if fields.get("found") is not True:
        return ""
    listed = fields.get("claims")
    items: list[object] = listed if isinstance(listed, list) else []
    texts = [item.get("text") for item in items if isinstance(item, dict)]
    return "\n\n".join(text for text in (*texts, fields.get("answer")) if isinstance(text, str) and text.strip())


def _claims_of(item: object, text: str, cites: str, numbers: Collection[int]) -> tuple[Claim, ...]:
    if not isinstance(item, dict) or not isinstance(item.get(text), str) or _SAID_NOT_FOUND.search(item[text]):
        return ()
    listed = item.get(cites)
    told = [n for n in listed if type(n) is int and n in numbers] if isinstance(listed, list) else []
    return tuple(
        replace(claim, cites=_distinct([*claim.cites, *told]) if text == "text" else claim.cites or _distinct(told))
        for claim in _claims(item[text], numbers)
    )


def _claims(text: str, numbers: Collection[int]) -> tuple[Claim, ...]:
    claims: list[tuple[int, Claim]] = []
    leading: tuple[int, ...] = ()
    for unit in units(text):
        own = () if unit.is_code else _cited(unit.text, numbers)
        if not unit.is_code and is_marks_only(unit.text) and own:
            if claims:
                paragraph, last = claims[-1]
                claims[-1] = (paragraph, replace(last, cites=_distinct([*last.cites, *own])))
            else:
                leading = own
        elif unit.is_code and claims:
            paragraph, last = claims[-1]
            claims[-1] = (paragraph, replace(last, text=f"{last.text}\n\n{unit.text}"))
        elif claim := _claim(unit, _distinct([*leading, *own])):
            claims.append((unit.paragraph, claim))
            leading = ()
    return _with_inherited(claims)


def _claim(unit: Unit, cites: tuple[int, ...]) -> Claim | None:
    text = unit.text if unit.is_code else _without_marks(unit.text)
    return Claim(text, cites) if any(letter.isalnum() for letter in _LIST_NUMBER.sub("", text, count=1)) else None


def _with_inherited(claims: list[tuple[int, Claim]]) -> tuple[Claim, ...]:
    """Give an unmarked sentence the marks of the next marked one in its paragraph."""
    found: list[Claim] = []
    next_paragraph = -1
    next_cites: tuple[int, ...] = ()
    for paragraph, claim in reversed(claims):
        if not claim.cites and paragraph == next_paragraph:
            claim = replace(claim, cites=next_cites)  # noqa: PLW2901 - the same claim, completed
        next_paragraph, next_cites = paragraph, claim.cites
        found.append(claim)
    return tuple(reversed(found))


def _cited(sentence: str, numbers: Collection[int]) -> tuple[int, ...]:
    """Return the passage numbers cited outside inline code, in order, each once."""
    prose = _INLINE_CODE.sub("", sentence)
    marks = [next(part for part in match.groups() if part) for match in _SQUARE.finditer(prose)]
    marks += [match[1] for match in _ROUND_AT_END.finditer(prose)]
    return _distinct([n for mark in marks for n in _numbers(mark) if n in numbers])


def _numbers(mark: str) -> list[int]:
    found = [int(digits) for digits in _NUMBER.findall(mark)]
    for first, last in _RANGE.findall(mark):
        if 0 < int(last) - int(first) <= _LONGEST_RANGE:
            found += range(int(first) + 1, int(last))
    return found


def _without_marks(sentence: str) -> str:
    """Drop the marks, also those that name no passage, and the space they leave; inline code is not touched."""
    pieces, at = [], 0
    for code in _INLINE_CODE.finditer(sentence):
        pieces += [_SQUARE.sub("", sentence[at : code.start()]), code[0]]
        at = code.end()
    rest = _SQUARE.sub("", sentence[at:])
    text = "".join((*pieces, _ROUND_AT_END.sub("", rest)))
    return _CLOSED_END.sub(r"\1", _SPACE_BEFORE_END.sub("", " ".join(text.split())))


def _merged(claims: tuple[Claim, ...]) -> tuple[Claim, ...]:
    """Say a sentence once, where small models repeat themselves; it keeps all its marks."""
    cites: dict[str, tuple[int, ...]] = {}
    for claim in claims:
        cites[claim.text] = _distinct([*cites.get(claim.text, ()), *claim.cites])
    return tuple(Claim(text, numbers) for text, numbers in cites.items())


def _distinct(numbers: Collection[int]) -> tuple[int, ...]:
    return tuple(dict.fromkeys(numbers))
