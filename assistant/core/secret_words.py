"""Tells a secret value from what only stands where one would stand: words, placeholders, names in code, digests."""

from __future__ import annotations

import re

_PLACEHOLDER = re.compile(
    r"^[<$%{(\[]|^\W*$|\.\.\.|…|\*\*\*|xxx|your|example|placeholder|redact|change.?me|dummy|sample|replace|insert"
    r"|removed|masked|filtered|hidden|-here$|_here$|todo|^[a-z_]*token[a-z_]*$|^n/?a$|^(?:my|the|some|a)[_-]",
    re.IGNORECASE,
)
_CODE_NAME = re.compile(
    r"^(?:self|this|os|env|process|config|settings|secrets?|vars?|params?|options?|data|local|module|request|response"
    r"|node|values|gitlab_rails|file|vault|http|https)[.\[:(]"
    r"|^[A-Za-z_][\w.:-]*\(|^[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+$|^\.{0,2}/|^~/|^[a-z]+://|^[A-Za-z]:\\|^--?[a-z]"
)
_WORDS = re.compile(r"^[^\W\d_]+(?:[-_./:'’,]+[^\W\d_]+)*[.,;:!?)\]}]*$")
_TECHNICAL = re.compile(
    r"^(?:sha|md|base|utf|bcrypt|pbkdf|scram|ntlm|oauth|x\.?509|ldap|rsa|aes|hs|rs|ed|ecdsa|v|tls|ssl|http|iso|rfc"
    r"|gpg|pgp|s3|k8s|ipv?)[-_.]?\d+\b",
    re.IGNORECASE,
)
_UUID = re.compile(r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$", re.IGNORECASE)
_DIGEST = re.compile(r"^(?:sha\d+:)?[0-9a-f]{40}$|^(?:sha\d+:)[0-9a-f]{64}$", re.IGNORECASE)
_NUMBER = re.compile(r"^[\d.,:/+-]+[a-z%]{0,3}[.,;)]*$", re.IGNORECASE)
_CLASSES = (re.compile("[a-z]"), re.compile("[A-Z]"), re.compile("[0-9]"), re.compile(r"[^A-Za-z0-9\s]"))


def lowered(text: str) -> str:
    """Return the text in lower case with every character at its old place."""
    low = text.lower()
    return low if len(low) == len(text) else "".join(c.lower() if len(c.lower()) == 1 else c for c in text)


def is_placeholder(value: str) -> bool:
    """True for what documents write instead of a secret: `xxxx`, `********`, `<token>`, `$VAR`, `{{ var }}`."""
    core = re.sub(r"[-_.\s]", "", value)
    return len(set(core.lower())) <= 2 or _PLACEHOLDER.search(value) is not None  # noqa: PLR2004 - "x" and "X" or a mark beside it


def is_strong(value: str, least: int) -> bool:
    """True for a value that reads as a chosen or generated secret and not as a word, a name, a number or a digest.

    Args:
        value: Case as written.
        least: Fewest characters.
    """
    if len(value) < least or is_placeholder(value) or _WORDS.match(value) and not _mixed_inside(value):
        return False
    refused = (_CODE_NAME, _TECHNICAL, _UUID, _DIGEST, _NUMBER)
    if any(pattern.search(value) for pattern in refused):
        return False
    classes = sum(1 for kind in _CLASSES if kind.search(value))
    return classes >= 2 and bool(_CLASSES[2].search(value) or _mixed_inside(value) or _symbol_inside(value))  # noqa: PLR2004 - one class alone is a word or a number


def looks_random(value: str, least: float = 3.0) -> bool:
    """True when letters and digits (or both cases inside words) are mixed as in generated text.

    Args:
        value: Token body.
        least: Fewest distinct characters, as bits: 3.0 asks for 8 different ones.
    """
    if len(set(value)) < 2**least or _NUMBER.match(value):
        return False
    digits = bool(_CLASSES[2].search(value))
    letters = bool(_CLASSES[0].search(value) or _CLASSES[1].search(value))
    return (digits and letters and not _TECHNICAL.match(value)) or _mixed_inside(value)


def _mixed_inside(value: str) -> bool:
    """Upper and lower case mixed otherwise than in Capitalised, ALLCAPS or CamelCase words."""
    changes = len(re.findall("[a-z][A-Z]|[A-Z]{2}[a-z]", value))
    longest = max((len(word) for word in re.findall("[A-Z]?[a-z]+|[A-Z]+", value)), default=0)
    return changes >= 2 and longest <= 5  # noqa: PLR2004 - CamelCase has longer words


def _symbol_inside(value: str) -> bool:
    """A symbol that no ordinary word holds, beside letters on both sides."""
    return re.search(r"[A-Za-z][!#$%&*+=?@^~|\\]+[A-Za-z0-9]", value) is not None
