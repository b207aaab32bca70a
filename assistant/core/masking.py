"""Own patterns for secrets as people paste them into chat: passwords in many languages, cut and wrapped tokens.

Rule files for source code (betterleaks, see `adapters/secret_scanner.py`) know the vendors' token formats; they miss
"Passwort: ..." in prose, credentials in addresses, keys that were cut off and tokens wrapped over two lines. A whole
value is replaced by its kind; nothing of it is kept, not even a hash, because short passwords can be guessed from one.

All patterns start at a literal and are bounded, so the time is linear in the text.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from typing import NamedTuple, TYPE_CHECKING

from assistant.core.secret_words import is_placeholder, is_strong, lowered, looks_random
from indexing.model import Cleaned

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

KEPT = re.compile(r"\[secret removed: [a-z0-9_]+\]")
"""What stands for a removed secret."""


class Span(NamedTuple):
    """A secret in a text: half-open range of characters and its kind."""

    start: int
    end: int
    kind: str


def mask_with(text: str, find: Callable[[str], Iterable[Span]]) -> Cleaned:
    """Replace what `find` finds by `[secret removed: KIND]` until nothing more is found.

    A removal can bring a word and a value together that were apart before; going round until nothing changes makes the
    whole idempotent.
    """
    kinds: list[str] = []
    for _ in range(4):
        spans = merged(span for span in find(text) if not _in_mark(text, span))
        if not spans:
            break
        kinds += [span.kind for span in spans]
        text = _replaced(text, spans)
    return Cleaned(text, tuple(kinds))


def own_spans(text: str) -> Iterator[Span]:
    """Yield the secrets that our own patterns find, in no order, possibly overlapping."""
    low = lowered(text)
    yield from _tokens(text)
    if "private key" in low:
        yield from _private_keys(text)
    if "://" in text:
        yield from _url_credentials(text)
    yield from _aws_secrets(text, low)
    yield from _basic_auth(text, low)
    yield from _assignments(text, low)


def merged(spans: Iterable[Span]) -> list[Span]:
    """Join overlapping spans; of spans that begin together the kind is the first given one's, so own kinds win."""
    out: list[Span] = []
    for span in sorted(spans, key=lambda span: span.start):
        if out and span.start < out[-1].end:
            out[-1] = Span(out[-1].start, max(out[-1].end, span.end), out[-1].kind)
        else:
            out.append(span)
    return out


def _replaced(text: str, spans: list[Span]) -> str:
    pieces, at = [], 0
    for span in spans:
        pieces += [text[at : span.start], f"[secret removed: {span.kind}]"]
        at = span.end
    return "".join([*pieces, text[at:]])


def _in_mark(text: str, span: Span) -> bool:
    """True when the span lies in a mark that is already there."""
    opened = text.rfind("[secret removed: ", max(0, span.start - 60), span.end)
    found = KEPT.match(text, opened) if opened >= 0 else None
    return found is not None and span.start < found.end() and span.end > found.start()


# --- tokens with a known beginning ------------------------------------------------------------------------------------

_B = "(?<![A-Za-z0-9])"
_WORD = "[A-Za-z0-9_-]"


class _TokenForm(NamedTuple):
    """`hint` must be in the text; `length` is what a whole body has, shorter ones at a line's end go on in the next."""

    kind: str
    hint: str
    pattern: re.Pattern[str]
    length: int


def _form(kind: str, hint: str, pattern: str, length: int = 0) -> _TokenForm:
    return _TokenForm(kind, hint, re.compile(pattern), length)


_FORMS = (
    _form(
        "gitlab_token",
        "gl",
        rf"{_B}gl(?:pat|dt|rtr?|cbt|ptt|ft|imt|agent|oas|soat|ffct|wt)-([A-Za-z0-9_.-]{{4,320}})",
        20,
    ),
    _form("gitlab_token", "GR1348941", rf"{_B}GR1348941({_WORD}{{8,60}})", 20),
    _form("github_token", "gh", rf"{_B}gh[pousr]_([A-Za-z0-9_]{{8,255}})", 36),
    _form("github_token", "github_pat_", rf"{_B}github_pat_([A-Za-z0-9_]{{10,255}})", 82),
    _form("slack_token", "xox", rf"{_B}xox[a-z](?:\.xox[bp])?-([A-Za-z0-9-]{{8,400}})", 40),
    _form("slack_token", "xapp-", rf"{_B}xapp-([A-Za-z0-9-]{{10,400}})", 60),
    _form("aws_key_id", "A", rf"{_B}(?:AKIA|ASIA|ABIA|ACCA)([A-Z2-7]{{16}})(?![A-Za-z0-9])"),
    _form("docker_token", "dckr_", rf"{_B}dckr_[po]at_({_WORD}{{8,80}})", 27),
    _form("huggingface_token", "hf_", rf"{_B}hf_([A-Za-z0-9]{{16,60}})", 34),
    _form("api_key", "sk-", rf"{_B}sk-(?:proj-|ant-|or-|svcacct-|admin-)?({_WORD}{{16,300}})", 32),
    _form("vault_token", "hv", rf"{_B}hv[sbr]\.({_WORD}{{16,300}})", 24),
    _form("npm_token", "npm_", rf"{_B}npm_([A-Za-z0-9]{{16,60}})", 36),
    _form("pypi_token", "pypi-", rf"{_B}pypi-(AgE{_WORD}{{20,400}})", 60),
    _form("google_api_key", "AIza", rf"{_B}AIza({_WORD}{{20,60}})", 35),
    _form("google_token", "ya29.", rf"{_B}ya29\.({_WORD}{{20,400}})"),
    _form("stripe_key", "_live_", rf"{_B}[srp]k_live_([A-Za-z0-9]{{10,200}})"),
    _form("sendgrid_key", "SG.", rf"{_B}SG\.({_WORD}{{10,40}}\.{_WORD}{{10,80}})"),
    _form(
        "jwt",
        "eyJ",
        rf"{_B}(eyJ{_WORD}{{8,4000}}(?:\.{_WORD}{{2,8000}}){{1,4}}\.?|eyJ(?:hbGci|0eXAi|raWQi){_WORD}{{6,4000}}\.?)",
    ),
    _form(
        "encoded_secret",
        "",
        rf"{_B}((?:Z2xwYXQt|Z2hwX|Z2l0aHViX3BhdF|QUtJQ|eG94[YWNMcHA]|LS0tLS1CRUdJTi)[A-Za-z0-9+/_-]{{16,8000}}={{0,2}})",
    ),
    _form(
        "slack_webhook",
        "hooks.slack.com",
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
_ENCODED_HINT = re.compile("Z2xwYXQt|Z2hwX|Z2l0aHViX3BhdF|QUtJQ|eG94|LS0tLS1CRUdJTi")
_NEXT_LINE = re.compile(r"[ \t]*\\?\n[ \t>|]{0,12}([A-Za-z0-9_.-]{2,320})(?=\s|[\"'`,;)]|$)")


def _tokens(text: str) -> Iterator[Span]:
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
    """Short cut tokens and words after a prefix (`sk-learn-...`, `glpat-token`) are told apart by their mix."""
    if kind in {"aws_key_id", "jwt", "encoded_secret", "slack_webhook", "webhook"}:
        return True
    return looks_random(body) if len(body) >= 20 or kind == "api_key" else looks_random(body, least=2.0)  # noqa: PLR2004 - the usual length


def _wrapped_end(text: str, end: int, body: str, length: int) -> int:
    """A token that stops short at a line's end goes on in the next line."""
    follows = _NEXT_LINE.match(text, end) if length else None
    if follows is None:
        return end
    rest = follows[1]
    alone = follows.end() == len(text) or text[follows.end()] == "\n"
    short = len(body) < length and (len(body) + len(rest) >= length or (alone and looks_random(rest, least=2.0)))
    return follows.end(1) if short or (alone and looks_random(rest, least=2.5) and len(rest) < len(body)) else end


# --- private keys -----------------------------------------------------------------------------------------------------

_KEY_BEGIN = re.compile(r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----")
_KEY_END = re.compile(r"-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-{0,5}")
_KEY_LINE = re.compile(
    r"[ \t>|*#\"']{0,12}(?:[A-Za-z0-9+/=\\]{4,20000}[\"',]{0,2}|(?:Proc-Type|DEK-Info|Comment|Version|Key-Format)[:-][^\n]{0,200})?[ \t]*(?:\n|$)"
)
_KEY_MAX = 20_000


def _private_keys(text: str) -> Iterator[Span]:
    covered = 0
    for begin in _KEY_BEGIN.finditer(text):
        if begin.start() < covered:
            continue
        end = _KEY_END.search(text, begin.end(), begin.end() + _KEY_MAX)
        covered = end.end() if end else _key_lines_end(text, begin.end())
        body = text[begin.end() : end.start() if end else covered]
        if any(looks_random(run) for run in re.findall(r"[A-Za-z0-9+/=]{12,}", body[:2000])):
            yield Span(begin.start(), covered, "private_key")
    for end in _KEY_END.finditer(text):
        if end.start() >= covered:
            start = _key_lines_start(text, end.start())
            if start < end.start():
                yield Span(start, end.end(), "private_key")


def _key_lines_end(text: str, at: int) -> int:
    """End of the base64 lines after a BEGIN line whose END line was cut off."""
    first = re.compile(r"[A-Za-z0-9+/=\\ ]{0,20000}").match(text, at)
    at = first.end() if first else at
    if at < len(text) and text[at] != "\n":
        return at
    while at < len(text):
        line = _KEY_LINE.match(text, at + 1 if text[at] == "\n" else at)
        if line is None or line.end() <= at + 1 and not line[0].strip():
            break
        if line[0].strip() and len(line[0].strip()) < 16 and not looks_random(line[0].strip(), least=2.0):  # noqa: PLR2004 - the last line of a key may be short
            break
        at = line.end() - 1 if line[0].endswith("\n") else line.end()
        if line.end() >= len(text):
            return len(text)
    return at


def _key_lines_start(text: str, at: int) -> int:
    """Start of the base64 lines before an END line whose BEGIN line was cut off."""
    start = at
    while start > 0:
        line_start = text.rfind("\n", 0, start - 1) + 1
        line = text[line_start : start - 1].strip(" \t>|*#")
        if len(line) < 16 or not re.fullmatch(r"[A-Za-z0-9+/=\\]+", line) or not looks_random(line):  # noqa: PLR2004 - key lines are 64 or 70 long, the cut one may be shorter
            break
        start = line_start
    return start


# --- addresses, headers, AWS ------------------------------------------------------------------------------------------

_URL_CREDENTIALS = re.compile(r"://([^\s/:@\"'<>`]{0,100}):([^\s/\"'<>`]{1,200})@(?=[A-Za-z0-9\[$_{])")
_URL_TOKEN = re.compile(r"://([A-Za-z0-9_.-]{16,200})@")


def _url_credentials(text: str) -> Iterator[Span]:
    for match in _URL_CREDENTIALS.finditer(text):
        if not is_placeholder(match[2]) and not match[2].lower().startswith(("pass", "pw")) and match[2] != match[1]:
            yield Span(*match.span(2), "url_password")
    for match in _URL_TOKEN.finditer(text):
        if looks_random(match[1]) and not is_placeholder(match[1]):
            yield Span(*match.span(1), "url_password")


_FORTY = re.compile(r"(?<![A-Za-z0-9/+=_-])[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+=_-])")
_NEAR_SECRET = re.compile(r"secret|key|aws|akia|密钥|schlüssel|clave|chave|clé|ключ|chiave|klucz|キー|키|token")
_NEAR = 80


def _aws_secrets(text: str, low: str) -> Iterator[Span]:
    for match in _FORTY.finditer(text):
        value = match[0]
        mixed = re.search("[a-z]", value) and re.search("[A-Z]", value) and re.search("[0-9]", value)
        if mixed and entropy(value) >= 4.0 and _NEAR_SECRET.search(low, max(0, match.start() - _NEAR), match.start()):  # noqa: PLR2004 - 40 random base64 characters have 4.5 to 5 bits
            yield Span(*match.span(), "aws_secret")


_BASIC = re.compile(r"(?:basic\s{1,4}|\"auth\"\s{0,4}:\s{0,4}\")([a-z0-9+/_-]{8,2000}={0,2})")
_BEARER = re.compile(
    r"(?:bearer|private-token|job-token|x-api-key|x-auth-token|deploy-token|x-gitlab-token)[\"']?\s{0,3}[:=]?\s{0,3}[\"']?([a-z0-9+/_.~=-]{8,4000})"
)


def _basic_auth(text: str, low: str) -> Iterator[Span]:
    if "basic" in low or '"auth"' in low:
        for match in _BASIC.finditer(low):
            value = text[match.start(1) : match.end(1)]
            in_header = low[max(0, match.start() - 20) : match.start()].rstrip(" :\"'").endswith("authorization")
            if not is_placeholder(value) and (in_header or (len(value) >= 16 and looks_random(value))):  # noqa: PLR2004 - shorter base64 is a word
                yield Span(*match.span(1), "basic_auth")
    for match in _BEARER.finditer(low):
        value = text[match.start(1) : match.end(1)]
        if looks_random(value) and not is_placeholder(value):
            yield Span(*match.span(1), "bearer_token")


def entropy(value: str) -> float:
    """Shannon entropy in bits per character."""
    total = len(value)
    return -sum(n / total * math.log2(n / total) for n in Counter(value).values()) if total else 0.0


# --- "password: X" in many languages, KEY=VALUE -----------------------------------------------------------------------

_PASSWORD = (
    "password|passwd|passphrase|passcode|pwd|passwort|kennwort|mot de passe|mdp|contraseña|contrasena|clave|senha"
    "|palavra-passe|parola|wachtwoord|hasło|haslo|hasłem|heslo|пароль|пароля|паролем|şifre|şifresi|sifre|密码|密碼|口令"
    "|パスワード|暗証番号|비밀번호|패스워드|암호|كلمة المرور|كلمة السر|رمز عبور|סיסמה|סיסמא|הסיסמה|पासवर्ड|lösenord|adgangskode"
    "|kodeord|passord|salasana|jelszó|parolă|κωδικός|mật khẩu|รหัสผ่าน|kata sandi|лозинка"
)
_SECRET = (
    "secret|token|api_key|apikey|api-key|api key|access_key|accesskey|access key|private_key|credential|auth_key|"
    "encryption_key|signing_key|secret_key|license_key|_key_base|密钥|令牌|トークン|토큰|токен|jeton|schlüssel|signature|sig"
)
_SEPARATOR = r"(?:\s{0,3}(?::=|=>|[:=：＝]|->)\s{0,3}|\s{1,3}(?:is|ist|lautet|war|est|es|é|è|jest|to|var|är|er|on|это|—|–|-)\s{1,3}[:：]?\s{0,3}|\s{0,3}(?:は|是|为|為|가|는|은|이|है)\s{0,3}[:：]?\s{0,3})"
_QUOTED = r"(?P<quote>[\"'`“‘「『«„]{1,3})(?P<quoted>[^\n\"'`”’」』»“]{1,300})"
_BARE = r"(?P<bare>[^\s\"'`<>，。；、）」』“”»]{4,400})"
_PASSWORD_SAID = re.compile(
    rf"(?:{_PASSWORD})(?P<tail>[a-z0-9_.-]{{0,30}}[\"'`]?|\s[^\n:=：]{{1,40}}?)??{_SEPARATOR}(?:{_QUOTED}|{_BARE})"
)
_PASSWORD_NEXT = re.compile(rf"(?:{_PASSWORD})\s{{1,3}}[\"'`“「]?(?P<bare>[^\s\"'`<>，。；、）」』“”]{{6,100}})")
_SECRET_SET = re.compile(
    rf"(?:{_SECRET})(?P<tail>[a-z0-9_.-]{{0,30}}[\"'`\])]{{0,2}}){_SEPARATOR}(?:{_QUOTED}|{_BARE})"
)
_SECRET_NEXT = re.compile(rf"(?:{_SECRET})\s{{1,3}}[\"'`“「]?(?P<bare>[a-z0-9+/=_.~-]{{20,400}})")
_PASSWORD_HINT = tuple(_PASSWORD.split("|"))
_SECRET_HINT = tuple(_SECRET.split("|"))


def _assignments(text: str, low: str) -> Iterator[Span]:
    if any(word in low for word in _PASSWORD_HINT):
        yield from _said(text, low, _PASSWORD_SAID, "password", least=6)
        for match in _PASSWORD_NEXT.finditer(low):
            value = text[match.start("bare") : match.end("bare")]
            if is_strong(value, least=8) and looks_random(value, least=2.5):
                yield Span(*match.span("bare"), "password")
    if any(word in low for word in _SECRET_HINT):
        yield from _said(text, low, _SECRET_SET, "secret_value", least=12)
        for match in _SECRET_NEXT.finditer(low):
            value = text[match.start("bare") : match.end("bare")]
            if looks_random(value, least=3.7) and not re.fullmatch("[0-9a-f-]+|[0-9A-F-]+", value):
                yield Span(*match.span("bare"), "secret_value")


def _said(text: str, low: str, pattern: re.Pattern[str], kind: str, least: int) -> Iterator[Span]:
    for match in pattern.finditer(low):
        group = "quoted" if match["quoted"] else "bare"
        start, end = match.span(group)
        value = text[start:end]
        in_query = group == "bare" and low[max(0, match.start() - 30) : match.start()].rstrip(
            "abcdefghijklmnopqrstuvwxyz0123456789_-"
        ).endswith(("?", "&"))
        if in_query:
            value = value.split("&", 1)[0].split("#", 1)[0]
        if is_strong(value, least=least):
            yield Span(start, start + len(value), kind)
