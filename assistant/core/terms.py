"""Words that carry meaning, and what must stand literally: for matching a claim with a passage, in any language."""

# ruff: noqa: RUF001 - punctuation of other languages is what is looked for here

from __future__ import annotations

import re
import unicodedata

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)?", re.UNICODE)
_UNSPACED = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]+")
_CODE = re.compile(r"`([^`\n]+)`")
_LITERAL = re.compile(
    r"(?<![\w-])--?[A-Za-z][\w-]+"  # flags
    r"|\b\w+(?:[_./:]\w+)+\b"  # identifiers, paths, versions, settings
    r"|\b[A-Z][A-Z0-9_]{2,}\b"  # environment variables, abbreviations
    r"|\b\d+(?:\.\d+)*\b"  # numbers
)
_STEM = 6
_SHORTEST = 3
_ENDINGS = tuple("ations ation ings ing ies ied ers est ed es er ly en em s e n".split())  # noqa: SIM905 - as below

STOP = frozenset(
    (  # noqa: SIM905 - 200 quoted words would be no clearer
        "a about after all also am an and any are as at be because been before being but by can could did do "
        "does doing done for from get gets getting got had has have having he her here hers hi hello him his "
        "how i if in into is it its just like me more most my need no not now of off on one only or other our "
        "out over please she should so some such than thank thanks that the their them then there these they "
        "this those through to too up use used using very want was we were what when where which while who "
        "why will with would you your yours "
        "aber alle als auch auf aus bei beim bin bis das dass dein dem den der des die dies diese doch du ein "
        "eine einem einen einer es für habe haben hat hallo ich ihr im ist ja kann kein keine können mein "
        "meine mich mir mit muss nach nicht noch nur oder ohne sich sie sind und uns unser vom von vor war "
        "warum wenn wer werden wie wir wird wo zu zum zur über bitte danke geht gibt man "
    ).split()
)
"""English and German words that carry no meaning of their own."""


def terms(text: str) -> tuple[str, ...]:
    """Return the stems of meaningful words, in order; runs of Chinese or Japanese as pairs of characters.

    Stemming is light on purpose (English and German endings, then the first letters): it only has to let `registering`
    meet `registered`, and must not let different words meet.
    """
    plain = unicodedata.normalize("NFKC", text).casefold()
    found: list[str] = []
    for match in _WORD.finditer(plain):
        word = match[0]
        unspaced = _UNSPACED.findall(word)
        if unspaced:
            for run in unspaced:
                found.extend(run[i : i + 2] for i in range(max(1, len(run) - 1)))
            word = _UNSPACED.sub("", word)
        if len(word) > 1 and word not in STOP:
            found.append(stem(word))
    return tuple(found)


def stem(word: str) -> str:
    """Return a word without a common ending, cut so that close relatives meet."""
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= _SHORTEST + 1:
            word = word[: -len(ending)]
            break
    return word[: max(_STEM, len(word) - 2)]


def literals(text: str) -> frozenset[str]:
    """Return what a passage must hold letter by letter: code spans, flags, identifiers, numbers."""
    code = {" ".join(span.split()) for span in _CODE.findall(text)}
    prose = _CODE.sub(" ", text)
    return frozenset(code | {match[0] for match in _LITERAL.finditer(prose)})
