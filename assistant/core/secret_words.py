"""Tells a secret value from what only stands where one would stand: words, placeholders, names in code, digests."""

from __future__ import annotations

import math
import re
from collections import Counter
from typing import NamedTuple


class Span(NamedTuple):
    """A secret in a text: half-open range of characters and its kind."""

    start: int
    end: int
    kind: str


_PLACEHOLDER = re.compile(
    r"^[<$%{(\[]|^\W*$|\.\.\.|…|\*\*\*|xxx|your|example|placeholder|redact|change.?me|dummy|sample|replace|insert"
    r"|removed|masked|filtered|hidden|-here$|_here$|todo|^[a-z_]*token[a-z_]*$|^n/?a$|^(?:my|the|some|a)[_-]",
    re.IGNORECASE,
)
_CODE_NAME = re.compile(
    r"^(?:self|this|os|env|process|config|settings|secrets?|vars?|params?|options?|data|local|module|request|response"
    r"|node|values|gitlab_rails|file|vault|http|https)[.\[:(]"
    r"|^[\s/]{2}|^\s|\]\(|^\d{4}-\d\d-\d\d|^[a-z_.-][a-z0-9_.-]*(?:/[a-z0-9_.-]+)+$|^[a-z]{1,3}\d?(?:-[a-z]+)+$|^status="
    r"|^[A-Za-z_][\w.:-]*\(|^[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+$|^\.{0,2}/[\w.-]+(?:/|$)|^~/|^[a-z]+://|^[A-Za-z]:\\|^--?[a-z]"
)
_WORDS = re.compile(r"^[^\W\d_]+(?:[-_./:'\u2019,]+[^\W\d_]+)*[.,;:!?)\]}]*$")
_TECHNICAL = re.compile(
    r"^(?:sha|md|base|utf|bcrypt|pbkdf|scram|ntlm|oauth|x\.?509|ldap|rsa|aes|hs|rs|ed|ecdsa|v|tls|ssl|http|iso|rfc"
    r"|gpg|pgp|s3|k8s|ipv?)[-_.]?\d+\b",
    re.IGNORECASE,
)
_UUID = re.compile(r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$", re.IGNORECASE)
_DIGEST = re.compile(r"^(?:sha\d+:)?[0-9a-f]{40}$|^(?:sha\d+:)[0-9a-f]{64}$", re.IGNORECASE)
_NUMBER = re.compile(r"^[\d.,:/+-]+[a-z%]{0,3}[.,;)]*$", re.IGNORECASE)
_DIGIT = re.compile("[0-9]")
_LETTER = re.compile("[A-Za-z]")
_CLASSES = (re.compile("[a-z]"), re.compile("[A-Z]"), _DIGIT, re.compile(r"[^A-Za-z0-9\s]"))
_CASE_CHANGE = re.compile("[a-z][A-Z]|[A-Z]{2}[a-z]")
_CASED_WORD = re.compile("[A-Z]?[a-z]+|[A-Z]+")
_CAMEL_WORD = 6
"""CamelCase names have a word of at least so many letters; generated values rarely do."""
_SYMBOL_INSIDE = re.compile(r"[A-Za-z][!#$%&*+=?@^~|\\]+[A-Za-z0-9]")
_FEWEST_DIFFERENT = 3


def lowered(text: str) -> str:
    """Return the text in lower case with every character at its old place."""
    low = text.lower()
    return low if len(low) == len(text) else "".join(c.lower() if len(c.lower()) == 1 else c for c in text)


def entropy(value: str) -> float:
    """Shannon entropy in bits per character."""
    total = len(value)
    return -sum(n / total * math.log2(n / total) for n in Counter(value).values()) if total else 0.0


def is_placeholder(value: str) -> bool:
    """True for what documents write instead of a secret: `xxxx`, `********`, `<token>`, `$VAR`, `{{ var }}`."""
    different = set(re.sub(r"[-_.\s]", "", value).lower())
    return len(different) < _FEWEST_DIFFERENT or _PLACEHOLDER.search(value) is not None


def is_strong(value: str, least: int) -> bool:
    """True for a value that reads as a chosen or generated secret and not as a word, a name, a number or a digest.

    Args:
        value: Case as written.
        least: Fewest characters.
    """
    if len(value) < least or is_placeholder(value) or is_known_harmless(value):
        return False
    if _WORDS.match(value):
        return _mixed_inside(value)
    classes = sum(1 for kind in _CLASSES if kind.search(value))
    return classes > 1 and bool(_DIGIT.search(value) or _mixed_inside(value) or _symbol_inside(value))


def is_known_harmless(value: str) -> bool:
    """True for code, paths, technical names, dates, numbers, UUIDs, commit ids and digests."""
    return any(pattern.search(value) for pattern in (_CODE_NAME, _TECHNICAL, _UUID, _DIGEST, _NUMBER))


def looks_random(value: str, distinct: int = 8) -> bool:
    """True when letters and digits, or upper and lower case inside words, are mixed as in generated text.

    Args:
        value: Token body.
        distinct: Fewest different characters.
    """
    if len(set(value)) < distinct or _NUMBER.match(value) or _TECHNICAL.match(value):
        return False
    return bool(_DIGIT.search(value) and _LETTER.search(value)) or _mixed_inside(value)


def _mixed_inside(value: str) -> bool:
    """Upper and lower case mixed otherwise than in Capitalised, ALLCAPS or CamelCase words."""
    changes = len(_CASE_CHANGE.findall(value))
    longest = max((len(word) for word in _CASED_WORD.findall(value)), default=0)
    return changes > 1 and longest < _CAMEL_WORD


def _symbol_inside(value: str) -> bool:
    """A symbol that no ordinary word holds, with a letter before it."""
    return _SYMBOL_INSIDE.search(value) is not None
