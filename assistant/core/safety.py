"""One cleaning function for every way in and out: no invisible or control character gets through.

Rules are those of OWASP's LLM01:2026 (control 5) and of Unicode TR #51 for what must stay: an emoji sequence keeps its
joiner and its variation selector, a sub-national flag keeps its tag characters, everything else of that kind is
dropped. All patterns are single character classes or bounded, so the time is linear in the text.
"""

from __future__ import annotations

import re

MAX_COMBINING_RUN = 4
"""Combining marks kept in a row. Vietnamese needs 2, pointed Hebrew 3; longer runs are "zalgo"."""

_NEWLINES = re.compile("\r\n|[\r\x0b\x0c\x85\u2028\u2029]")

_ANSI = re.compile(r"\x1b\[[0-?]{0,32}[ -/]{0,8}[@-~]")
"""Terminal control sequences: dropped whole, so that `[2J` is not left behind."""

_DROPPED = re.compile(
    "["
    "\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f"  # control characters, all but tab and newline
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f"  # soft hyphen, joiners and fillers that show nothing
    "\u200b\u200c\u200e\u200f\u202a-\u202e\u2060-\u206f"  # zero width, bidirectional controls
    "\u3164\ufe00-\ufe0e\ufeff\uffa0\ufff9-\ufffb"  # fillers, variation selectors but VS16, byte order mark
    "\ud800-\udfff"  # lone surrogates: not text, and no database takes them
    "\U0001d173-\U0001d17a\U000e0080-\U000e0fff"  # musical controls, variation selectors supplement
    "]+"
)

_PICTOGRAPH = (
    "[\u00a9\u00ae\u203c\u2049\u2122\u2139\u2190-\u21ff\u2300-\u23ff\u2460-\u24ff\u25a0-\u27bf\u2900-\u297f"
    "\u2b00-\u2bff\u3030\u303d\u3297\u3299\U0001f000-\U0001faff]"
)
_EMOJI_PART = f"{_PICTOGRAPH}\ufe0f?[\U0001f3fb-\U0001f3ff]?"
_FLAGS = "|".join(
    "\U0001f3f4" + "".join(chr(0xE0000 + ord(letter)) for letter in region) + "\U000e007f"
    for region in ("gbeng", "gbsct", "gbwls")
)
"""The three sub-national flags that Unicode recommends; any other tag sequence could carry hidden text."""

_EMOJI_OR_STRAY = re.compile(
    f"({_FLAGS}|[0-9#*]\ufe0f\u20e3|{_EMOJI_PART}(?:\u200d{_EMOJI_PART}){{0,9}})|[\u200d\ufe0f\U000e0000-\U000e007f]"
)
_NEEDS_EMOJI_PASS = re.compile("[\u200d\ufe0f\U000e0000-\U000e007f]")

_COMBINING = (
    "[\u0300-\u036f\u0483-\u0489\u0591-\u05bd\u05bf-\u05c7\u0610-\u061a\u064b-\u065f\u06d6-\u06dc"
    "\u0e31\u0e34-\u0e3a\u0e47-\u0e4e\u0f71-\u0f84\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]"
)
_COMBINING_RUN = re.compile(f"({_COMBINING}{{{MAX_COMBINING_RUN}}}){_COMBINING}+")


def clean(text: str) -> str:
    r"""Return the text as a person sees it: plain newlines, no control or invisible character.

    Idempotent, and linear in the length of the text.

    Args:
        text: Anything, from anywhere.

    Returns:
        Text whose only line break is `\n` and whose only other control character is the tab.
    """
    text = _NEWLINES.sub("\n", text)
    if "\x1b" in text:
        text = _ANSI.sub("", text)
    text = _DROPPED.sub("", text)
    if text.isascii():
        return text
    if _NEEDS_EMOJI_PASS.search(text):
        text = _EMOJI_OR_STRAY.sub(lambda match: match[1] or "", text)
    return _COMBINING_RUN.sub(r"\1", text)
