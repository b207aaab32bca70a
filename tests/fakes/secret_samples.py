"""Fake secrets in chat sentences, made at run time so that no file here trips a secret scanner.

`more_secret_samples.py` goes on, with forms that nothing was tuned on.
"""

# ruff: noqa: RUF001 - sentences in languages that have such letters
from __future__ import annotations

import base64
import json
import random
import re
import string
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LETTERS = string.ascii_letters + string.digits
URL_SAFE = LETTERS + "_-"
BASE64 = LETTERS + "+/"
HEX = "0123456789abcdef"


class Sample(NamedTuple):
    """A text, and its pieces that must be gone (secrets) or must stay (look-alikes)."""

    form: str
    text: str
    pieces: tuple[str, ...]
    held_out: bool = False


def left_in(sample: Sample, masked: str) -> list[str]:
    """Return the six-character pieces of a sample's secret that are still in the masked text."""
    masked = _MARK.sub("", masked)
    prefixes = "glpat-glcbt-64_ghp_github_pat_"  # a word that says what it was gives nothing away
    windows = (piece[at : at + _WINDOW] for piece in sample.pieces for at in range(len(piece) - _WINDOW + 1))
    return [window for window in windows if window in masked and window not in prefixes]


_WINDOW = 6
_MARK = re.compile(r"\[secret removed: \w+\]")


class Maker:
    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)  # noqa: S311 - seeded samples, no secrets

    def chars(self, count: int, alphabet: str = LETTERS) -> str:
        return "".join(self.random.choice(alphabet) for _ in range(count))

    def mixed(self, count: int) -> str:
        """A chosen password: at least a letter and a digit."""
        found = list("a7" + self.chars(count - 2))
        self.random.shuffle(found)
        return "".join(found)

    def b64(self, text: str) -> str:
        return base64.b64encode(text.encode()).decode()

    def jwt(self) -> str:
        parts = [json.dumps({"alg": "RS256", "typ": "JWT"}), json.dumps({"sub": self.chars(10), "exp": 1})]
        encoded = [base64.urlsafe_b64encode(p.encode()).decode().rstrip("=") for p in parts]
        return ".".join([*encoded, self.chars(86, URL_SAFE)])

    def key_lines(self, count: int) -> list[str]:
        return [self.chars(64, BASE64) for _ in range(count)]


def secrets(seed: int) -> Iterator[Sample]:
    """Yield about 100 texts with a secret in each; `more_secret_samples.py` has the rest."""
    for name, make in (*_TOKENS.items(), *_CHAT.items(), *_PASSWORDS.items(), *_LATER.items()):
        yield sample(name, make, seed)


def sample(name: str, make: Callable[[Maker], tuple[str, ...]], seed: int, *, held: bool = False) -> Sample:
    """Make one text; the same seed gives the same text in every process."""
    text, *pieces = make(Maker(hash_of(name, seed)))
    return Sample(name, text, tuple(pieces), held)


def hash_of(name: str, seed: int) -> int:
    """A seed that is the same in every process."""
    return seed * 1_000_003 + sum(ord(c) * (7 * i + 3) for i, c in enumerate(name))


def put(sentence: str, token: Callable[[Maker], str]) -> Callable[[Maker], tuple[str, ...]]:
    """Return a maker of the sentence with a token at `@@`."""

    def make(m: Maker) -> tuple[str, ...]:
        value = token(m)
        return sentence.replace("@@", value), value

    return make


_TOKENS: dict[str, Callable[[Maker], tuple[str, ...]]] = {
    "glpat": put("cloning with @@ gives 403", lambda m: "glpat-" + m.chars(20, URL_SAFE)),
    "glpat_routable": put("Token @@ läuft ab", lambda m: "glpat-" + m.chars(27, URL_SAFE) + ".01." + m.chars(9, HEX)),
    "gldt": put("deploy token: @@.", lambda m: "gldt-" + m.chars(20, URL_SAFE)),
    "glrt": put("gitlab-runner register --token @@ --url https://git.corp", lambda m: "glrt-" + m.chars(20, URL_SAFE)),
    "glcbt": put("job said `@@`", lambda m: "glcbt-64_" + m.chars(20, URL_SAFE)),
    "runner_registration": put('token = "@@"', lambda m: "GR1348941" + m.chars(20, URL_SAFE)),
    "ghp": put("ghp works? @@", lambda m: "ghp_" + m.chars(36)),
    "github_pat": put("(@@)", lambda m: "github_pat_" + m.chars(22) + "_" + m.chars(59)),
    "gho": put("oauth @@ expired", lambda m: "gho_" + m.chars(36)),
    "akia": put("我的密钥是 @@，不能用", lambda m: "AKIA" + m.chars(16, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")),
    "aws_secret_env": put("AWS_SECRET_ACCESS_KEY=@@", lambda m: m.chars(40, BASE64)),
    "aws_secret_bare": put("the key @@ is refused by S3", lambda m: m.chars(40, BASE64)),
    "xoxb": put(
        "slack bot token @@", lambda m: f"xoxb-{m.chars(12, string.digits)}-{m.chars(13, string.digits)}-{m.chars(24)}"
    ),
    "xapp": put("@@ invalid_auth", lambda m: f"xapp-1-A{m.chars(10)}-{m.chars(13, string.digits)}-{m.chars(64, HEX)}"),
    "slack_hook": put(
        "curl -X POST https://hooks.slack.com/services/@@", lambda m: f"T{m.chars(8)}/B{m.chars(10)}/{m.chars(24)}"
    ),
    "jwt": put("Authorization: Bearer @@", lambda m: m.jwt()),
    "hf": put("huggingface-cli login --token @@", lambda m: "hf_" + m.chars(34)),
    "openai": put("OPENAI_API_KEY=@@", lambda m: "sk-proj-" + m.chars(60, URL_SAFE)),
    "anthropic": put("anthropic sagt 401 mit @@", lambda m: "sk-ant-api03-" + m.chars(93, URL_SAFE) + "AA"),
    "vault": put("VAULT_TOKEN @@", lambda m: "hvs." + m.chars(90, URL_SAFE)),
    "npm": put("//npm.corp/:_authToken=@@", lambda m: "npm_" + m.chars(36)),
    "docker_pat": put("docker login -u me -p @@", lambda m: "dckr_pat_" + m.chars(27, URL_SAFE)),
    "google": put("maps key @@", lambda m: "AIza" + m.chars(35, URL_SAFE)),
    "pypi": put("twine: @@", lambda m: "pypi-AgEIcHlwaS5vcmc" + m.chars(120, URL_SAFE)),
    "stripe": put("stripe @@ test", lambda m: "sk_live_" + m.chars(24)),
}


def _pem(m: Maker) -> tuple[str, ...]:
    lines = m.key_lines(8)
    return (
        "key:\n-----BEGIN RSA PRIVATE KEY-----\n" + "\n".join(lines) + "\n-----END RSA PRIVATE KEY-----\nhelp",
        *lines,
    )


def _pem_cut(m: Maker) -> tuple[str, ...]:
    lines = m.key_lines(3)
    return ("ssh says:\n-----BEGIN OPENSSH PRIVATE KEY-----\n" + "\n".join(lines) + "\nwhat now?", *lines)


def _pem_json(m: Maker) -> tuple[str, ...]:
    lines = m.key_lines(5)
    body = "\\n".join(lines)
    return (
        f'{{"private_key": "-----BEGIN PRIVATE KEY-----\\n{body}\\n-----END PRIVATE KEY-----\\n", "id": 7}}',
        *lines,
    )


def _pem_quoted(m: Maker) -> tuple[str, ...]:
    lines = m.key_lines(4)
    return ("> -----BEGIN EC PRIVATE KEY-----\n" + "\n".join("> " + x for x in lines) + "\n\nis it valid?", *lines)


def _pem_tail(m: Maker) -> tuple[str, ...]:
    lines = m.key_lines(4)
    return ("the log starts with\n" + "\n".join(lines) + "\n-----END RSA PRIVATE KEY-----\nplease", *lines)


def _wrapped_glpat(m: Maker) -> tuple[str, ...]:
    first, rest = m.mixed(9), m.mixed(11)
    return f"token got wrapped:\nglpat-{first}\n{rest}\nwhy 401?", "glpat-" + first, rest


def _wrapped_ghp(m: Maker) -> tuple[str, ...]:
    first, rest = m.mixed(16), m.mixed(20)
    return f"> ghp_{first}\n> {rest}\ndoes not work", "ghp_" + first, rest


_CHAT: dict[str, Callable[[Maker], tuple[str, ...]]] = {
    "pem": _pem,
    "pem_cut": _pem_cut,
    "pem_json": _pem_json,
    "pem_quoted": _pem_quoted,
    "pem_tail": _pem_tail,
    "wrapped_glpat": _wrapped_glpat,
    "wrapped_ghp": _wrapped_ghp,
    "zero_width": lambda m: ("token gl\u200bpat-" + (t := m.mixed(20))[:6] + "\u200b" + t[6:], "glpat-" + t, t),
    "base64_glpat": put("secret yaml: token: @@", lambda m: m.b64("glpat-" + m.mixed(20))),
    "basic": put("curl -H 'Authorization: Basic @@' fails", lambda m: m.b64("admin:" + m.mixed(12))),
    "docker_auth": put('{"auths": {"reg.corp": {"auth": "@@"}}}', lambda m: m.b64("ci:" + m.mixed(16))),
    "url_credentials": put("pip install --index-url https://ci:@@@nexus.corp/simple", lambda m: m.mixed(14)),
    "database_url": put("DATABASE_URL=postgres://app:@@@db.corp:5432/app", lambda m: m.mixed(12) + "!"),
    "private_token_header": put('curl --header "PRIVATE-TOKEN: @@" https://git.corp/api/v4', lambda m: m.mixed(20)),
    "query_token": put("https://git.corp/api/v4/projects?private_token=@@&page=2", lambda m: m.mixed(20)),
    "env_export": put("export REGISTRY_PASSWORD='@@'", lambda m: m.mixed(10) + "$%"),
    "yaml_secret": put("db:\n  password: @@\n  host: x", lambda m: m.mixed(11)),
    "json_secret": put('{"client_secret": "@@", "client_id": "web"}', lambda m: m.chars(32)),
    "hex_secret_key_base": put("SECRET_KEY_BASE=@@", lambda m: m.chars(128, HEX)),
    "code_block": put("```\nMYSQL_ROOT_PASSWORD=@@\n```", lambda m: m.mixed(12)),
}

_PASSWORD_SENTENCES = {
    "en": "password: @@ is rejected",
    "en_is": "my password is @@ and login fails",
    "de": "Passwort: @@ wird nicht akzeptiert",
    "de_ist": "mein Kennwort ist @@",
    "fr": "mot de passe : @@ refusé",
    "es": "la contraseña es @@ y no entra",
    "pt": "senha: @@ não funciona",
    "it": "la password è @@",
    "pl": "hasło: @@ nie działa",
    "ru": "пароль: @@ не подходит",
    "uk": "мій пароль — @@",
    "tr": "şifre: @@ çalışmıyor",
    "zh": "密码是@@，登录失败",
    "zh_colon": "密码：@@",
    "ja": "パスワードは @@ です",
    "ja_colon": "パスワード：@@ で入れません",
    "ko": "비밀번호: @@ 안돼요",
    "nl": "wachtwoord: @@ werkt niet",
    "ar": "كلمة المرور: @@ لا تعمل",
    "he": "הסיסמה: @@ לא עובדת",
    "hi": "पासवर्ड: @@ काम नहीं करता",
    "quoted": 'my password "@@" is not accepted',
    "equals": "user=bob password=@@ host=db",
    "pwd": "pwd: @@",
    "login": "login bob, password for staging is @@",
}
_PASSWORDS: dict[str, Callable[[Maker], tuple[str, ...]]] = {
    f"password_{name}": put(sentence, lambda m: m.mixed(9) + m.random.choice(["", "!", "#9", "$x"]))
    for name, sentence in _PASSWORD_SENTENCES.items()
}

_LATER: dict[str, Callable[[Maker], tuple[str, ...]]] = {
    "slash_user_password": put("creds are bob / @@ (password)", lambda m: m.mixed(10)),
    "sv": put("mitt lösenord är @@", lambda m: m.mixed(10)),
    "cs": put("heslo: @@ nefunguje", lambda m: m.mixed(10)),
    "vi": put("mật khẩu: @@ không đúng", lambda m: m.mixed(10)),
    "passphrase_quoted": put('passphrase: "@@"', lambda m: f"{m.mixed(5)} {m.chars(6)} {m.chars(5)}"),
    "markdown_bold": put("**Password:** @@", lambda m: m.mixed(12)),
    "markdown_code": put("password `@@` does not work", lambda m: m.mixed(12)),
    "table": put("| user | password |\n|---|---|\n| bob | @@ |", lambda m: m.mixed(12)),
    "next_line": put("password:\n@@\n", lambda m: m.mixed(12)),
    "cli_flag": put("mysql -u root --password=@@ -h db", lambda m: m.mixed(12)),
    "cli_flag_space": put("helm upgrade --set x=1 --password @@ --wait", lambda m: m.mixed(14)),
    "sshpass": put("sshpass -p '@@' ssh root@host", lambda m: m.mixed(12)),
    "curl_user": put("curl -u admin:@@ https://nexus.corp/status", lambda m: m.mixed(14)),
    "netrc": put("machine git.corp login ci password @@", lambda m: m.mixed(14)),
    "redis_url": put("redis://:@@@cache:6379/0", lambda m: m.mixed(16)),
    "mongodb_srv": put("mongodb+srv://app:@@@c0.corp.net/db", lambda m: m.mixed(16)),
    "azure_connection": put(
        "AccountName=x;AccountKey=@@;EndpointSuffix=core.windows.net", lambda m: m.chars(86, BASE64) + "=="
    ),
    "azure_sas": put("https://x.blob.core.windows.net/c?sv=2024-01-01&sig=@@&se=2026", lambda m: m.chars(43) + "%3D"),
    "pgpass": put("db.corp:5432:app:ci:@@ in .pgpass", lambda m: m.mixed(16)),
    "k8s_secret_yaml": put("apiVersion: v1\nkind: Secret\ndata:\n  password: @@", lambda m: m.b64(m.mixed(18))),
    "gitlab_ci_variable": put('variables:\n  NEXUS_TOKEN: "@@"', lambda m: m.mixed(32)),
    "totp": put("otpauth://totp/x?secret=@@&issuer=corp", lambda m: m.chars(32, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")),
    "ssh_putty": lambda m: ("PuTTY-User-Key-File-3: ssh-rsa\nPrivate-Lines: 2\n" + "\n".join(x := m.key_lines(2)), *x),
    "bearer_opaque": put("Authorization: Bearer @@", lambda m: m.mixed(40)),
    "job_token_wrapped_quote": lambda m: (f"glcbt-64_{(a := m.mixed(8))}\n    {(b := m.mixed(12))}", a, b),
    "cut_ghp": put("it starts with @@…", lambda m: "ghp_" + m.mixed(14)),
    "cut_glpat": put("token @@... (cut)", lambda m: "glpat-" + m.mixed(11)),
    "jwt_cut": put("cookie: @@", lambda m: m.jwt()[:70]),
    "discord": put(
        "https://discord.com/api/webhooks/@@", lambda m: m.chars(18, string.digits) + "/" + m.chars(68, URL_SAFE)
    ),
    "terraform": put('secret_key = "@@"', lambda m: m.mixed(30)),
    "java_property": put("spring.datasource.password=@@", lambda m: m.mixed(12)),
    "xml": put("<password>@@</password>", lambda m: m.mixed(12)),
    "maven_settings": put("<username>ci</username>\n<password>@@</password>", lambda m: m.mixed(20)),
    "python_kwarg": put("connect(user='x', password='@@')", lambda m: m.mixed(12)),
    "pin_zh": put("口令：@@", lambda m: m.mixed(10)),
}
