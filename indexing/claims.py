"""What a text claims about settings and commands, as far as one line says it plainly. Pure.

Only names that can hardly mean two things count: environment variables, long flags, dotted and bracketed settings.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_NAME = (
    r"[A-Z][A-Z0-9]+(?:_[A-Z0-9]+)+"  # REDASH_MAIL_PORT
    r"|--[a-z][a-z0-9]*(?:-[a-z0-9]+)+"  # --docker-pull-policy
    r"|[a-z][a-z0-9]*(?:_[a-z0-9]+)*\['[a-z0-9_']+'\](?:\['[a-z0-9_']+'\])*"  # gitlab_rails['smtp_port']
    r"|[a-z][a-z0-9]{2,}(?:\.[a-z][a-zA-Z0-9_]{2,}){2,}"  # controller.service.type
)
_QUOTED_NAME = re.compile(rf"`({_NAME})(?:=[^`\s]*)?`")
_VALUE = r"(?:`([^`\s]{1,60})`|\"([^\"\s]{1,60})\"|([\w./:+-]{1,40}\w))"
_DEFAULT = (
    re.compile(rf"\bdefaults?(?: value)?(?:\s+is|\s+to|\s*[:=])\s*(?:set to |to |is )?{_VALUE}", re.IGNORECASE),
    re.compile(rf"{_VALUE}\s*(?:\(default\)|\bby default\b)", re.IGNORECASE),
)
_PLAIN_VALUE = re.compile(r"\d|^(?:true|false|enabled|disabled|on|off|yes|no)$")  # other plain words are prose
_OUTDATED = re.compile(
    rf"`({_NAME})`(?:\s+\w+){{0,3}}\s+(?:is|was|were|are|has been|have been|got)\s+(?:now\s+)?"
    r"(deprecated|removed|renamed|replaced|superseded|dropped)\b",
)
_OUTDATED_CELL = re.compile(
    rf"^\W*`({_NAME})`\W[^\n]{{0,60}}?\W(?:\*\*)?(Deprecated|DEPRECATED|Removed)\b(?! by| in favou?r)", re.MULTILINE
)
_SPEAKS_OF_OUTDATED = re.compile(
    r"\b(?:deprecat\w+|remov(?:ed|al)|renamed|replaced?|superseded|dropped|no longer|instead of|former\w*|legacy"
    r"|old(?:er)?|prior to|before|previous\w*|backward\w*|until)\b",
    re.IGNORECASE,
)
_LONGEST_LINE = 240  # characters of evidence


@dataclass(frozen=True, slots=True)
class Claim:
    """What one line says of a name.

    Attributes:
        name: A setting, variable or flag.
        value: Its default, in small letters; or `deprecated`, `removed`, `renamed`, ... .
        line: The line, for a reader.
    """

    name: str
    value: str
    line: str


def defaults(text: str) -> Iterator[Claim]:
    """Yield the defaults that lines with one name tell."""
    for line in text.split("\n"):
        names = list(dict.fromkeys(_QUOTED_NAME.findall(line)))
        if len(names) != 1:
            continue
        rest = line[line.index(names[0]) + len(names[0]) :]
        values = {value for pattern in _DEFAULT for value in _values(pattern, rest)} - {names[0].casefold()}
        if len(values) == 1:
            yield Claim(names[0], values.pop(), _shown(line, names[0]))


def outdated(text: str) -> Iterator[Claim]:
    """Yield the names that the text calls deprecated, removed, renamed or replaced."""
    for pattern in (_OUTDATED, _OUTDATED_CELL):
        for found in pattern.finditer(text):
            yield Claim(
                found.group(1), found.group(2).casefold(), _shown(_line_of(text, found.start(1)), found.group(1))
            )


def uses(text: str, name: str) -> str:
    """Return the first line that uses the name without a word about its being outdated; empty for none."""
    if name not in text or _SPEAKS_OF_OUTDATED.search(text):
        return ""
    found = re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", text)
    return _shown(_line_of(text, found.start()), name) if found else ""


def _values(pattern: re.Pattern[str], text: str) -> Iterator[str]:
    for found in pattern.finditer(text):
        is_plain = found.group(3) is not None
        value = next(group for group in found.groups() if group is not None).casefold().rstrip(".,:;")
        if value and (not is_plain or _PLAIN_VALUE.search(value)):
            yield value


def _line_of(text: str, position: int) -> str:
    start = text.rfind("\n", 0, position) + 1
    end = text.find("\n", position)
    return text[start : end if end >= 0 else len(text)]


def _shown(line: str, name: str) -> str:
    """Return the part of the line around the name."""
    plain = " ".join(line.split()).strip("|-* ")
    start = max(0, plain.find(name) - _LONGEST_LINE // 2) if len(plain) > _LONGEST_LINE else 0
    part = plain[start : start + _LONGEST_LINE]
    return ("…" if start else "") + part + ("…" if start + _LONGEST_LINE < len(plain) else "")
