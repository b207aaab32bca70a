"""What a question lacks that its nearest solved issues needed: one short question back, where that is worth it.

A responder of a near issue had to ask for something (`indexing/asking_back.py`); a question that reports a problem and
does not hold it will most likely be asked the same. How much that says was fitted by `scripts/measure_detail`; what
people ask back is only partly told by the question, so the rule speaks up seldom and never overrules a good answer.
"""

# ruff: noqa: RUF001 - punctuation of other languages is what is looked for here

from __future__ import annotations

import math
import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from indexing.model import RankedDocument

NEAR = 15
"""Closed issues that count as near: those of the ranking. Of 5, 10 and 15 the most told most."""

_FEWEST = 10  # a share of fewer issues than these counts the missing ones as issues where nothing was asked for
_SHORT_REPORT = 15  # words up to which a report of a problem without any fact lacks something whatever is near it
_ASKED_AT_ONCE = 2
_PROBLEM = re.compile(
    r"\b(?:fail\w*|error\w*|broken|breaks?|crash\w*|stuck|hang\w*|slow|problem\w*|issue|bug|exception|timeout|timed out"
    r"|(?:does|do|is|are|did|can|was|were)(?:n['’]t| not)|cannot|won['’]t|unable|not working|stopped working"
    r"|no longer|never"
    r"|fehl\w*|fehler\w*|kaputt|hängt|abgebrochen|bricht ab|geht nicht|funktioniert nicht|klappt nicht|langsam"
    r"|absturz)\b"
    r"|失败|报错|错误|出错|异常|不能|无法|不行|卡住|崩溃|没有反应|失敗|エラー|動かない|できない",
    re.IGNORECASE,
)
_ERROR_TEXT = re.compile(
    r"```|`[^`\n]{6,} [^`\n]{6,}`|^\s*(?:error|fatal|exception|traceback|warn(?:ing)?"
    r"|err!)\b[^\n:]{0,30}:.{6,}|\b\w*(?:Error"
    r"|Exception)\b\s*[:(]"
    r"|\b(?:error|fehler|报错|错误)\s*[:：]\s*\S.{8,}|\b(?:exit (?:code|status)|status code"
    r"|returned)\D{0,20}\d+|\b[45]\d\d\b"
    r"|[\"“„「][^\"”“」\n]{12,}[\"”“」]|(?-i:\bE(?:[A-Z]{4,}|\d{3,5})\b)|:\s*(?:permission denied|no such file"
    r"|not found"
    r"|connection refused)",
    re.IGNORECASE | re.MULTILINE,
)
_PIPELINE = re.compile(r"\b(?:pipelines?|jobs?|builds?|deploy\w*|stages?|ci)\b|流水线|作业|部署|构建", re.IGNORECASE)
_RUNNER = re.compile(r"\brunners?\b|运行器", re.IGNORECASE)
_HOW_TO = re.compile(
    r"\b(?:how (?:do|can|to|should|does)|what (?:is|are|does)|where (?:do|is|can|are)|which|is it possible"
    r"|is there (?:a|any)"
    r"|can (?:i|we|you)|wie (?:kann|mache|richte|geht|bekomme)|wo (?:ist|finde)|was ist|gibt es)\b|怎么|如何"
    r"|怎样|在哪|什么是|どうやって|方法",
    re.IGNORECASE,
)
_WHOLE = 6
"""Words from which a question that asks how to do something is complete; two Chinese or Japanese characters are one."""


def _word(words: str) -> re.Pattern[str]:
    return re.compile(words, re.IGNORECASE | re.MULTILINE)


HELD = {
    "error_text": _ERROR_TEXT,
    "log": _word(
        r"```|\btraceback\b|^\s*\[?(?:\d{4}-\d\d-\d\d|\d\d:\d\d:\d\d)|(?-i:\b(?:INFO|WARN|WARNING|ERROR|CRITICAL|DEBUG)\b)"
    ),
    "version": _word(
        r"\b(?:version|release|v)\W{0,3}\d+|\bv?\d+\.\d+(?:\.\d+)*\b|\b(?:latest|newest|neueste|aktuelle) version"
        r"|版本\D{0,3}\d"
    ),
    "runner": _word(
        r"\b(?:shared|own|group|instance|docker|shell|kubernetes|eigene\w*)\W+(?:\w+\W+)?runners?\b|\btags?\b"
    ),
    "project": _word(r"https?://\S+|\b[\w.-]+/[\w.-]+(?=\s|$)|(?:project|projekt|pipeline|job)\W{1,3}#?\d+"),
    "configuration": _word(
        r"```|^\s*[\w.-]{2,}\s*[:=]\s*\S|(?-i:\b[A-Z][A-Z0-9]+_[A-Z0-9_]+\b)|\S\.(?:ya?ml|env|toml|conf|ini)\b"
    ),
    "installation": _word(
        r"\b(?:docker\w*|kubernetes|k8s|helm|ami|ec2|aws|gcp|azure|ubuntu|debian|centos|windows|mac(?:os)?|linux"
        r"|self[- ]?hosted|hosted|install\w*)\b|安装|部署在"
    ),
    "code": _word(r"```|`[^`\n]{8,}`|^\s*\$ \S|\bselect\b.{1,200}\bfrom\b"),
    "steps": _word(r"\b(?:steps|schritte)\b|^\s*\d+[.)]\s|\b(?:when|wenn) (?:i|we|ich|wir)\b|步骤"),
    "screenshot": _word(r"\(image\)|!\[|\bscreen ?shots?\b|截图"),
    "browser": _word(r"\b(?:chrome|firefox|safari|edge|browser)\b|浏览器"),
    "tried": _word(r"\b(?:tried|trying|versucht|probiert)\b|试过|尝试"),
    "example": _word(r"```|\bexamples?\b|\be\.g\.|\bfor instance\b|\bbeispiel\w*|例如|比如"),
    "system": _word(r"(?!)"),
    "meaning": _word(r"(?!)"),
}
"""How one sees that a question holds a kind of detail. Two kinds are never seen: who is asked for them did not tell."""


@dataclass(frozen=True, slots=True)
class Lacking:
    """What a question lacks.

    Attributes:
        missing: Kinds in the words of `assistant.texts`, most useful first; empty when nothing is.
        score: How likely people would ask back, 0..1, from `FITTED`.
        features: What the score is made of.
        bare: A short report of a problem without any fact: asked back however well it fits a page.
    """

    missing: tuple[str, ...]
    score: float
    features: Mapping[str, float]
    bare: bool = False

    @property
    def clearly(self) -> bool:
        """Whether the question is worth asking back for, where there is no answer."""
        return bool(self.missing) and (self.bare or self.score >= THRESHOLD)


FITTED = {"bias": -1.08, "problem": 0.61, "lacks": 3.27}
"""Logistic regression on questions that people asked back or answered, and on closed issues: `scripts/measure_detail`.
`problem`: a problem is reported; `lacks`: share of near issues whose responder asked for what the question lacks."""
THRESHOLD = 0.6
"""Reached by 30 % [20, 41] of 80 questions that people asked back, and by 10 % [6, 14] of 247 that have an answer; of
those, only questions that are not answered are asked back."""


def lacking(question: str, ranking: Sequence[RankedDocument]) -> Lacking:
    """Return what a question lacks, by its words and by what was asked for in the nearest closed issues.

    Args:
        question: Its whole text.
        ranking: What was found, best first; issues with `asked_for` count.
    """
    held = {kind for kind, pattern in HELD.items() if pattern.search(question)}
    near = [frozenset(found.asked_for) for found in ranking if found.kind == "issue"][:NEAR]
    wanted = Counter(kind for asked in near for kind in asked if kind not in held)
    features = {
        "problem": float(bool(_PROBLEM.search(question))),
        "lacks": sum(bool(asked - held) for asked in near) / max(len(near), _FEWEST),
    }
    total = FITTED["bias"] + sum(FITTED[name] * value for name, value in features.items())
    plain = missing_details(question)
    missing = _most_useful(wanted, plain)
    bare = bool(plain) and _words(question) <= _SHORT_REPORT
    return Lacking(missing, 1.0 / (1.0 + math.exp(-total)), features, bare)


def _most_useful(wanted: Mapping[str, int], plain: Sequence[str]) -> tuple[str, ...]:
    """Return the kinds to ask for: what near issues needed, and what any report of its sort needs."""
    points = Counter(wanted)
    for place, kind in enumerate(plain):
        points[kind] += max(1, _ASKED_AT_ONCE + 1 - place)
    return tuple(kind for kind, _ in points.most_common())


def missing_details(question: str) -> tuple[str, ...]:
    """Name what is missing from a report of a problem by its words alone, most useful first.

    `error_text`, `log`, `version`, `runner`, `project`, in the words of `assistant.texts`. A how-to question and a
    report with an error message lack nothing that a question back would bring.
    """
    if not _PROBLEM.search(question) or _ERROR_TEXT.search(question):
        return ()
    if _HOW_TO.search(question) and _words(question) >= _WHOLE:
        return ()
    missing = ["log", "project"] if _PIPELINE.search(question) else ["error_text"]
    if _RUNNER.search(question) and not HELD["runner"].search(question):
        missing.insert(0, "runner")
    if not HELD["version"].search(question):
        missing.append("version")
    return tuple(missing)


def _words(text: str) -> int:
    """Return about how many words a text has; two Chinese or Japanese characters are one."""
    return len(text.split()) + len(re.findall(r"[\u3040-\u30ff\u3400-\u9fff]", text)) // 2
