"""Secrets with a known beginning: tokens of GitLab, GitHub, Slack, AWS and others, and private keys.

Rule files know these too; here they are also found in Chinese sentences without spaces, cut off, and wrapped over two
lines.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from assistant.core.secret_words import Span, is_placeholder, looks_random

if TYPE_CHECKING:
    from collections.abc import Iterator

_B = "(?<![A-Za-z0-9])"
_W = "[A-Za-z0-9_-]"


class _Form(NamedTuple):
    """`hint` must stand in the text; `length` is a whole body's, a shorter one at a line's end goes on in the next."""

    kind: str
    hint: str
    pattern: re.Pattern[str]
    length: int


def _form(kind: str, hint: str, pattern: str, length: int = 0) -> _Form:
    return _Form(kind, hint, re.compile(pattern), length)


_GITLAB = "pat|dt|rtr?|cbt|ptt|ft|imt|agent|oas|soat|ffct|wt"
_BASE64_OF_TOKENS = "Z2xwYXQt|Z2hwX|Z2l0aHViX3BhdF|QUtJQ|eG94[YWNMcHA]|LS0tLS1CRUdJTi|eyJhdXRocyI6"
"""Base64 of glpat-, ghp_, github_pat_, AKIA, xox?-, -----BEGIN and {"auths": at its start."""
_FORMS = (
    _form("gitlab_token", "gl", rf"{_B}gl(?:{_GITLAB})-([A-Za-z0-9_.-]{{4,320}})", 20),
    _form("gitlab_token", "GR1348941", rf"{_B}GR1348941({_W}{{8,60}})", 20),
    _form("github_token", "gh", rf"{_B}gh[pousr]_([A-Za-z0-9_]{{8,255}})", 36),
    _form("github_token", "github_pat_", rf"{_B}github_pat_([A-Za-z0-9_]{{10,255}})", 82),
    _form("slack_token", "xox", rf"{_B}xox[a-z](?:\.xox[bp])?-([A-Za-z0-9-]{{8,400}})", 40),
    _form("slack_token", "xapp-", rf"{_B}xapp-([A-Za-z0-9-]{{10,400}})", 60),
    _form("aws_key_id", "A", rf"{_B}(?:AKIA|ASIA|ABIA|ACCA)([A-Z2-7]{{16}})(?![A-Za-z0-9])"),
    _form("docker_token", "dckr_", rf"{_B}dckr_[po]at_({_W}{{8,80}})", 27),
    _form("huggingface_token", "hf_", rf"{_B}hf_([A-Za-z0-9]{{16,60}})", 34),
    _form("api_key", "sk-", rf"{_B}sk-(?:proj-|ant-|or-|svcacct-|admin-)?({_W}{{16,300}})", 32),
    _form("vault_token", "hv", rf"{_B}hv[sbr]\.({_W}{{16,300}})", 24),
    _form("npm_token", "npm_", rf"{_B}npm_([A-Za-z0-9]{{16,60}})", 36),
    _form("pypi_token", "pypi-", rf"{_B}pypi-(AgE{_W}{{20,400}})", 60),
    _form("google_api_key", "AIza", rf"{_B}AIza({_W}{{20,60}})", 35),
    _form("google_token", "ya29.", rf"{_B}ya29\.({_W}{{20,400}})"),
    _form("stripe_key", "_live_", rf"{_B}[srp]k_live_([A-Za-z0-9]{{10,200}})"),
    _form("sendgrid_key", "SG.", rf"{_B}SG\.({_W}{{10,40}}\.{_W}{{10,80}})"),
    _form(
        "jwt",
        "eyJ",
        rf"{_B}(eyJ{_W}{{8,4000}}(?:\.{_W}{{2,8000}}){{1,4}}\.?|eyJ(?:hbGci|0eXAi|raWQi){_W}{{6,4000}}\.?)",
    ),
    _form("encoded_secret", "", rf"{_B}((?:{_BASE64_OF_TOKENS})[A-Za-z0-9+/_-]{{12,8000}}={{0,2}})"),
    _form(
        "slack_webhook",
        "hooks.slack",
        r"https?://hooks\.slack(?:-gov)?\.com/(?:services|workflows|triggers)/([A-Za-z0-9+/_-]{12,200})",
    ),
    _form(
        "webhook",
        "/api/webhooks/",
        r"https?://(?:ptb\.|canary\.)?discord(?:app)?\.com/api/webhooks/(\d{5,30}/[A-Za-z0-9_-]{20,100})",
    ),
    _form(
        "webhook",
        ".webhook.office.com",
        r"https?://[a-z0-9-]{1,63}\.webhook\.office\.com/(webhookb?2?/[A-Za-z0-9@/_-]{20,400})",
    ),
)
_ENCODED_HINT = re.compile("Z2xwYXQt|Z2hwX|Z2l0aHViX3BhdF|QUtJQ|eG94|LS0tLS1CRUdJTi|eyJhdXRocyI6")
_FORMS_KNOWN_BY_SHAPE = frozenset({"aws_key_id", "jwt", "encoded_secret", "slack_webhook", "webhook"})
_NUMBERED = re.compile(r"\d{6}")
_NEXT_LINE = re.compile(r"[ \t]*\\?\n[ \t>|]{0,12}([A-Za-z0-9_.-]{2,320})(?=\s|[\"'`,;)]|$)")


def token_spans(text: str) -> Iterator[Span]:
    """Yield tokens with a known beginning, wrapped ones with their second line."""
    for form in _FORMS:
        if form.hint not in text or (not form.hint and not _ENCODED_HINT.search(text)):
            continue
        for match in form.pattern.finditer(text):
            body = match[1].rstrip(".")
            if is_placeholder(body) or not _token_like(form.kind, body):
                continue
            end = match.start(1) + len(body)
            yield Span(match.start(), _wrapped_end(text, end, body, form.length), form.kind)


def _token_like(kind: str, body: str) -> bool:
    """Words after a prefix (`sk-learn-...`, `glpat-token`) are told from bodies by their mix of characters."""
    if kind in _FORMS_KNOWN_BY_SHAPE:
        return True
    if kind == "slack_token" and _NUMBERED.match(body):
        return True
    return looks_random(body, distinct=8 if kind == "api_key" else 4)


def _wrapped_end(text: str, end: int, body: str, length: int) -> int:
    """A token that stops short at a line's end goes on in the next line."""
    follows = _NEXT_LINE.match(text, end) if length else None
    if follows is None:
        return end
    rest = follows[1]
    alone = follows.end() == len(text) or text[follows.end()] == "\n"
    short = len(body) < length and (len(body) + len(rest) >= length or (alone and looks_random(rest, distinct=4)))
    goes_on = short or (alone and len(rest) < len(body) and looks_random(rest, distinct=6))
    return follows.end(1) if goes_on else end


_BEGIN = re.compile(r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----|Private-Lines: \d{1,3}(?=\n)")
_END = re.compile(r"-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-{0,5}")
_REST_OF_BEGIN = re.compile(r"[A-Za-z0-9+/=\\ ]{0,20000}")
_KEY_LINE = re.compile(
    r"\n[ \t>|*#\"']{0,12}(?P<body>[A-Za-z0-9+/=\\]{4,20000}|(?:Proc-Type|DEK-Info|Comment|Version|Key-Format)[:-]"
    r"[^\n]{0,200}|)[\"',]{0,2}[ \t]*(?=\n|$)"
)
_KEY_TEXT = re.compile(r"[A-Za-z0-9+/=\\]+")
_KEY_RUN = re.compile(r"[A-Za-z0-9+/=]{12,}")
_KEY_MAX = 20_000
_FULL_LINE = 16
"""A shorter line may be the last of a key, or a word after a key that was cut off."""


def private_key_spans(text: str) -> Iterator[Span]:
    """Yield private keys, whole or cut off at either end; a BEGIN line without key text is no secret."""
    covered = 0
    for begin in _BEGIN.finditer(text):
        if begin.start() < covered:
            continue
        end = _END.search(text, begin.end(), begin.end() + _KEY_MAX)
        inner = _BEGIN.search(text, begin.end(), end.start()) if end else None
        covered = end.end() if end and not inner else _key_lines_end(text, begin.end())
        body = text[begin.end() : min(covered, begin.end() + 2000)]
        if any(looks_random(run) for run in _KEY_RUN.findall(body)):
            yield Span(begin.start(), covered, "private_key")
    for end in _END.finditer(text):
        if end.start() >= covered:
            start = _key_lines_start(text, end.start())
            if start < end.start():
                yield Span(start, end.end(), "private_key")
            covered = end.end()


def _key_lines_end(text: str, at: int) -> int:
    """End of the key lines after a BEGIN line whose END line was cut off."""
    first = _REST_OF_BEGIN.match(text, at)
    at = first.end() if first else at
    while line := _KEY_LINE.match(text, at):
        body = line["body"]
        if body and len(body) < _FULL_LINE and not looks_random(body, distinct=4):
            break
        at = line.end()
    return at


def _key_lines_start(text: str, at: int) -> int:
    """Start of the key lines before an END line whose BEGIN line was cut off."""
    while at > 0:
        line_start = text.rfind("\n", 0, at - 1) + 1
        line = text[line_start : at - 1].strip(" \t>|*#")
        if len(line) < _FULL_LINE or not _KEY_TEXT.fullmatch(line) or not looks_random(line):
            break
        at = line_start
    return at
