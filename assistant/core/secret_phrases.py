"""Secrets known by what stands before them: "Passwort: ...", KEY=VALUE, headers, credentials in addresses."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from assistant.core.secret_words import Span, entropy, is_placeholder, is_strong, looks_random

if TYPE_CHECKING:
    from collections.abc import Iterator

# Words before what people choose (passwords), and before what machines generate (tokens, keys).
_WORDS_FOR_CHOSEN = (
    "password|passwd|passphrase|passcode|pwd|passwort|kennwort|mot de passe|mdp|contraseña|contrasena|clave|senha"
    "|palavra-passe|parola|wachtwoord|hasło|haslo|hasłem|heslo|пароль|пароля|паролем|лозинка|şifre|şifresi|sifre"
    "|密码|密碼|口令|パスワード|暗証番号|비밀번호|패스워드|암호|كلمة المرور|كلمة السر|رمز عبور|סיסמה|סיסמא|पासवर्ड"
    "|lösenord|adgangskode|kodeord|passord|salasana|jelszó|parolă|κωδικός|mật khẩu|รหัสผ่าน|kata sandi"
)
_WORDS_FOR_GENERATED = (
    "secret|token|api_key|apikey|api-key|api key|access_key|accesskey|access key|accountkey|private_key|credential"
    "|auth_key|encryption_key|signing_key|license_key|_key_base|密钥|令牌|トークン|토큰|токен|jeton|schlüssel|signature"
    "|&sig|[?]sig"
)
_SET = r"\s{0,3}(?::=|=>|[:=\uff1a\uff1d]|->|>)[*_]{0,2}\s{0,3}"
_IS = (
    r"\s{1,3}(?:is|ist|lautet|war|est|es|é|è|jest|to|var|är|er|on|это|είναι|adalah|là|\u2014|\u2013|-)\s{1,3}[:\uff1a]?\s{0,3}"
    r"|\s{0,3}(?:は|是|为|為|가|는|은|이|है)\s{0,3}[:\uff1a]?\s{0,3}"
)
_QUOTED = (
    r"(?P<quote>[\"'`\u201c\u2018\u300c\u300e\u00ab\u201e]{1,3})"
    r"(?P<quoted>[^\n\"'`\u201d\u2019\u300d\u300f\u00bb]{1,300})"
)
_BARE_END = r"\s\"'`<>\uff0c\u3002\uff1b\u3001\uff09\u300d\u300f\u201c\u201d\u00bb"
_BARE = rf"(?P<bare>[^{_BARE_END}]{{4,400}})"
_CLOSING = r"[\"'`*_\])]{0,3}"

_PASSWORD_SET = re.compile(
    rf"(?:{_WORDS_FOR_CHOSEN}|(?<![a-z])(?:pass|pw)(?![a-z0-9]))(?:[a-z0-9_.-]{{0,30}}{_CLOSING}|\s[^\n:=\uff1a]{{1,40}}?)??(?:{_SET}|{_IS})(?:{_QUOTED}|{_BARE})"
)
_PASSWORD_NEXT = re.compile(
    rf"(?:{_WORDS_FOR_CHOSEN})(?:\s{{1,3}}|(?=[\u201c\u300c\u300e\u00ab]))(?:[^\W\d_]{{1,12}}\s{{1,2}}){{0,2}}[\"'`\u201c\u300c\u300e\u00ab]?(?P<bare>[^{_BARE_END}\[\]()*]{{6,100}})"
)
_SECRET_SET = re.compile(
    rf"(?:{_WORDS_FOR_GENERATED})[a-z0-9_.-]{{0,30}}{_CLOSING}(?:{_SET}|{_IS})(?:{_QUOTED}|{_BARE})"
)
_SECRET_NEXT = re.compile(rf"(?:{_WORDS_FOR_GENERATED})\s{{1,3}}[\"'`\u201c\u300c]?(?P<bare>[a-z0-9+/=_.~-]{{20,400}})")
_PASSWORD_HINTS = ("pass", "pw", *(word for word in _WORDS_FOR_CHOSEN.split("|") if "pass" not in word))
_SECRET_HINTS = ("&sig", "?sig", *(word for word in _WORDS_FOR_GENERATED.split("|") if "sig" not in word), "signature")
_HEX = re.compile("[0-9a-f-]+|[0-9A-F-]+")
_DIGEST_NEAR = re.compile(r"checksum|digest|fingerprint|sha256|sha512|md5|integrity")
_QUERY_NAME = re.compile(r"[?&][\w.-]{0,40}$")
_LEAST_PASSWORD = 6
_LEAST_SECRET = 12
_DISTINCT_NEXT = 12


def phrase_spans(text: str, low: str) -> Iterator[Span]:
    """Yield secrets known by the words before them.

    Args:
        text: Cleaned text.
        low: The text in lower case, each character at its place (`secret_words.lowered`).
    """
    if "://" in text:
        yield from _url_credentials(text)
    yield from _aws_secrets(text, low)
    yield from _headers(text, low)
    yield from _command_lines(text)
    if any(word in low for word in _PASSWORD_HINTS):
        yield from _set_values(text, low, _PASSWORD_SET, "password", _LEAST_PASSWORD)
        yield from _table_cells(text, low)
        for start, value in _values(_PASSWORD_NEXT, text, low):
            if is_strong(value, least=8) and looks_random(value, distinct=6):
                yield Span(start, start + len(value), "password")
    if any(word in low for word in _SECRET_HINTS):
        yield from _set_values(text, low, _SECRET_SET, "secret_value", _LEAST_SECRET)
        for start, value in _values(_SECRET_NEXT, text, low):
            if (
                is_strong(value, least=20)
                and looks_random(value, distinct=_DISTINCT_NEXT)
                and not _HEX.fullmatch(value)
            ):
                yield Span(start, start + len(value), "secret_value")


def _values(pattern: re.Pattern[str], text: str, low: str) -> Iterator[tuple[int, str]]:
    for match in pattern.finditer(low):
        start, end = match.span("bare")
        yield start, text[start:end]


def _set_values(text: str, low: str, pattern: re.Pattern[str], kind: str, least: int) -> Iterator[Span]:
    for match in pattern.finditer(low):
        start, end = match.span("quoted" if match["quoted"] else "bare")
        value = text[start:end]
        before = low[max(0, match.start() - 60) : match.start()]
        if match["bare"]:
            value = _bare_value(value, before)
        if _DIGEST_NEAR.search(before[-20:]) and _HEX.fullmatch(value):
            continue
        if is_strong(value, least=least):
            yield Span(start, start + len(value), kind)


def _bare_value(value: str, before: str) -> str:
    """In a query the next parameter ends the value, in an address the host does."""
    if _QUERY_NAME.search(before) or before.endswith(("?", "&")) or value.count("&") > value.count("&amp"):
        value = value.split("&", 1)[0]
    if "://" in before.rpartition(" ")[2]:
        value = value.split("@", 1)[0]
    return value


_URL_CREDENTIALS = re.compile(r"://([^\s/:@\"'<>`]{0,100}):([^\s/\"'<>`]{1,200})@(?=[A-Za-z0-9\[$_{])")
_URL_TOKEN = re.compile(r"://([A-Za-z0-9_.-]{16,200})@")


def _url_credentials(text: str) -> Iterator[Span]:
    for match in _URL_CREDENTIALS.finditer(text):
        user, value = match[1], match[2]
        if not is_placeholder(value) and value != user and not (_says_password(value) and not looks_random(value)):
            yield Span(*match.span(2), "url_password")
    for match in _URL_TOKEN.finditer(text):
        if looks_random(match[1]) and not is_placeholder(match[1]):
            yield Span(*match.span(1), "url_password")


def _says_password(value: str) -> bool:
    return re.search("pass|pwd|secret|token", value, re.IGNORECASE) is not None


_FORTY = re.compile(r"(?<![A-Za-z0-9/+_-])[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+=_-])")
_NEAR_AWS_SECRET = re.compile(r"secret|key|aws|akia|密钥|schlüssel|clave|chave|clé|ключ|chiave|klucz|キー|키|token")
_NEAR = 80
_RANDOM_BITS = 4.0
"""40 random base64 characters have 4.5 to 5 bits a character, paths and names fewer."""


def _aws_secrets(text: str, low: str) -> Iterator[Span]:
    for match in _FORTY.finditer(text):
        value = match[0]
        mixed = all(re.search(kind, value) for kind in ("[a-z]", "[A-Z]", "[0-9]"))
        if not mixed or entropy(value) < _RANDOM_BITS or "sha256:" in low[max(0, match.start() - 8) : match.start()]:
            continue
        if _NEAR_AWS_SECRET.search(low, max(0, match.start() - _NEAR), match.start()):
            yield Span(*match.span(), "aws_secret")


_BASIC = re.compile(r"(?:basic\s{1,4}|\"auth\"\s{0,4}:\s{0,4}\")([a-z0-9+/_-]{8,2000}={0,2})")
_HEADER = re.compile(
    r"(?:bearer|private-token|job-token|x-api-key|x-auth-token|deploy-token|x-gitlab-token)"
    r"[\"']?\s{0,3}[:=]?\s{0,3}[\"']?([a-z0-9+/_.~=-]{8,4000})"
)
_SHORT_BASE64 = 16


def _headers(text: str, low: str) -> Iterator[Span]:
    for match in _BASIC.finditer(low):
        value = text[match.start(1) : match.end(1)]
        in_header = low[max(0, match.start() - 20) : match.start()].rstrip(" :\"'").endswith("authorization")
        if not is_placeholder(value) and (in_header or (len(value) >= _SHORT_BASE64 and looks_random(value))):
            yield Span(*match.span(1), "basic_auth")
    for match in _HEADER.finditer(low):
        value = text[match.start(1) : match.end(1)]
        if looks_random(value) and not is_placeholder(value):
            yield Span(*match.span(1), "bearer_token")


_TABLE_RULE = re.compile(r"\n[ \t>]{0,8}(\|[^\n]{1,400})\n[ \t>]{0,8}\|?[ \t:|-]{3,400}(?=\n)")
_TABLE_ROW = re.compile(r"\n[ \t>]{0,8}\|[^\n]{1,2000}")


def _table_cells(text: str, low: str) -> Iterator[Span]:
    """Values below a heading that says password, in a Markdown table."""
    for rule in _TABLE_RULE.finditer("\n" + low):  # offsets are one too high for the added newline
        wanted = [n for n, head in enumerate(rule[1].split("|")) if any(word in head for word in _PASSWORD_HINTS)]
        at = rule.end() - 1
        while wanted and (row := _TABLE_ROW.match(text, at)):
            start = row.start() + row[0].index("|")
            for number, cell in enumerate(text[start : row.end()].split("|")):
                value = cell.strip(" \t`*")
                if number in wanted and is_strong(value, least=8) and looks_random(value, distinct=6):
                    found = text.index(value, start)
                    yield Span(found, found + len(value), "password")
                start += len(cell) + 1
            at = row.end()


_FLAG = re.compile(
    r"(?:(?:sshpass|docker login|podman login|registry login|mysql|mysqldump|mysqladmin)\b[^\n]{0,80}?\s-p\s{0,2}"
    r"|ldap[a-z]{3,8}\b[^\n]{0,80}?\s-w\s{1,2}|htpasswd\s-[a-zA-Z]{0,4}b[a-zA-Z]{0,4}\s[^\s]{1,60}\s[^\s]{1,40}\s"
    r"|(?i:login|credentials|creds|zugangsdaten|identifiants)\s?:?\s[^\s/:]{1,40}\s?[/:]\s?)"
    r"[\"']?([^\s\"'`<>|]{6,100})"
)
_PGPASS = re.compile(r":\d{4,5}:[\w*-]{1,63}:[\w.-]{1,63}:([^\s:\"'`<>]{6,100})")


def _command_lines(text: str) -> Iterator[Span]:
    for pattern in (_FLAG, _PGPASS):
        for match in pattern.finditer(text):
            if is_strong(match[1], least=_LEAST_PASSWORD) and looks_random(match[1], distinct=4):
                yield Span(*match.span(1), "password")
