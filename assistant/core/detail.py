"""What a report of a problem lacks: one short question back is worth more than an issue without facts."""

# ruff: noqa: RUF001 - punctuation of other languages is what is looked for here

from __future__ import annotations

import re

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
_VERSION = re.compile(
    r"\b(?:version|release|v)\W{0,3}\d+|\bv?\d+\.\d+(?:\.\d+)*\b|\b(?:latest|newest|neueste|aktuelle) version"
    r"|版本\D{0,3}\d",
    re.IGNORECASE,
)
_PIPELINE = re.compile(r"\b(?:pipelines?|jobs?|builds?|deploy\w*|stages?|ci)\b|流水线|作业|部署|构建", re.IGNORECASE)
_RUNNER = re.compile(r"\brunners?\b|运行器", re.IGNORECASE)
_NAMED_RUNNER = re.compile(
    r"\b(?:shared|own|group|instance|docker|shell|kubernetes|eigene\w*)\W+(?:\w+\W+)?runners?\b|tags?\b", re.IGNORECASE
)
_HOW_TO = re.compile(
    r"\b(?:how (?:do|can|to|should|does)|what (?:is|are|does)|where (?:do|is|can|are)|which|is it possible"
    r"|is there (?:a|any)"
    r"|can (?:i|we|you)|wie (?:kann|mache|richte|geht|bekomme)|wo (?:ist|finde)|was ist|gibt es)\b|怎么|如何"
    r"|怎样|在哪|什么是|どうやって|方法",
    re.IGNORECASE,
)
_WHOLE = 6
"""Words from which a question that asks how to do something is complete; two Chinese or Japanese characters are one."""


def missing_details(question: str) -> tuple[str, ...]:
    """Name what is missing from a report of a problem, most useful first; empty when nothing clearly is.

    `error_text`, `log`, `version`, `runner`, `project`, in the words of `assistant.texts`. A how-to question and a
    report with an error message lack nothing that a question back would bring.
    """
    words = len(question.split()) + len(re.findall(r"[\u3040-\u30ff\u3400-\u9fff]", question)) // 2
    if not _PROBLEM.search(question) or _ERROR_TEXT.search(question):
        return ()
    if _HOW_TO.search(question) and words >= _WHOLE:
        return ()
    missing: list[str] = []
    if _PIPELINE.search(question):
        missing += ["log", "project"]
    else:
        missing.append("error_text")
    if _RUNNER.search(question) and not _NAMED_RUNNER.search(question):
        missing.insert(0, "runner")
    if not _VERSION.search(question):
        missing.append("version")
    return tuple(missing)
