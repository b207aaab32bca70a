"""Fake secrets in chat sentences, made at run time so that no file here trips a secret scanner.

The forms of `HELD_OUT` were written after the patterns and nothing was tuned on them: they say what to expect of forms
nobody thought of.
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
    """Yield about 140 texts with a secret in each."""
    for name, make in (*_TOKENS.items(), *_CHAT.items(), *_PASSWORDS.items(), *_LATER.items()):
        yield sample(name, make, seed)
    for name, make in HELD_OUT.items():
        yield sample(name, make, seed, held=True)


def sample(name: str, make: Callable[[Maker], tuple[str, ...]], seed: int, *, held: bool = False) -> Sample:
    """Make one text; the same seed gives the same text in every process."""
    text, *pieces = make(Maker(hash_of(name, seed)))
    return Sample(name, text, tuple(pieces), held)


def hash_of(name: str, seed: int) -> int:
    """A seed that is the same in every process."""
    return seed * 1_000_003 + sum(ord(c) * (7 * i + 3) for i, c in enumerate(name))


def _in(sentence: str, token: Callable[[Maker], str]) -> Callable[[Maker], tuple[str, ...]]:
    def make(m: Maker) -> tuple[str, ...]:
        value = token(m)
        return sentence.replace("@@", value), value

    return make


_TOKENS: dict[str, Callable[[Maker], tuple[str, ...]]] = {
    "glpat": _in("cloning with @@ gives 403", lambda m: "glpat-" + m.chars(20, URL_SAFE)),
    "glpat_routable": _in("Token @@ läuft ab", lambda m: "glpat-" + m.chars(27, URL_SAFE) + ".01." + m.chars(9, HEX)),
    "gldt": _in("deploy token: @@.", lambda m: "gldt-" + m.chars(20, URL_SAFE)),
    "glrt": _in("gitlab-runner register --token @@ --url https://git.corp", lambda m: "glrt-" + m.chars(20, URL_SAFE)),
    "glcbt": _in("job said `@@`", lambda m: "glcbt-64_" + m.chars(20, URL_SAFE)),
    "runner_registration": _in('token = "@@"', lambda m: "GR1348941" + m.chars(20, URL_SAFE)),
    "ghp": _in("ghp works? @@", lambda m: "ghp_" + m.chars(36)),
    "github_pat": _in("(@@)", lambda m: "github_pat_" + m.chars(22) + "_" + m.chars(59)),
    "gho": _in("oauth @@ expired", lambda m: "gho_" + m.chars(36)),
    "akia": _in("我的密钥是 @@，不能用", lambda m: "AKIA" + m.chars(16, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")),
    "aws_secret_env": _in("AWS_SECRET_ACCESS_KEY=@@", lambda m: m.chars(40, BASE64)),
    "aws_secret_bare": _in("the key @@ is refused by S3", lambda m: m.chars(40, BASE64)),
    "xoxb": _in(
        "slack bot token @@", lambda m: f"xoxb-{m.chars(12, string.digits)}-{m.chars(13, string.digits)}-{m.chars(24)}"
    ),
    "xapp": _in("@@ invalid_auth", lambda m: f"xapp-1-A{m.chars(10)}-{m.chars(13, string.digits)}-{m.chars(64, HEX)}"),
    "slack_hook": _in(
        "curl -X POST https://hooks.slack.com/services/@@", lambda m: f"T{m.chars(8)}/B{m.chars(10)}/{m.chars(24)}"
    ),
    "jwt": _in("Authorization: Bearer @@", lambda m: m.jwt()),
    "hf": _in("huggingface-cli login --token @@", lambda m: "hf_" + m.chars(34)),
    "openai": _in("OPENAI_API_KEY=@@", lambda m: "sk-proj-" + m.chars(60, URL_SAFE)),
    "anthropic": _in("anthropic sagt 401 mit @@", lambda m: "sk-ant-api03-" + m.chars(93, URL_SAFE) + "AA"),
    "vault": _in("VAULT_TOKEN @@", lambda m: "hvs." + m.chars(90, URL_SAFE)),
    "npm": _in("//npm.corp/:_authToken=@@", lambda m: "npm_" + m.chars(36)),
    "docker_pat": _in("docker login -u me -p @@", lambda m: "dckr_pat_" + m.chars(27, URL_SAFE)),
    "google": _in("maps key @@", lambda m: "AIza" + m.chars(35, URL_SAFE)),
    "pypi": _in("twine: @@", lambda m: "pypi-AgEIcHlwaS5vcmc" + m.chars(120, URL_SAFE)),
    "stripe": _in("stripe @@ test", lambda m: "sk_live_" + m.chars(24)),
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
    "base64_glpat": _in("secret yaml: token: @@", lambda m: m.b64("glpat-" + m.mixed(20))),
    "basic": _in("curl -H 'Authorization: Basic @@' fails", lambda m: m.b64("admin:" + m.mixed(12))),
    "docker_auth": _in('{"auths": {"reg.corp": {"auth": "@@"}}}', lambda m: m.b64("ci:" + m.mixed(16))),
    "url_credentials": _in("pip install --index-url https://ci:@@@nexus.corp/simple", lambda m: m.mixed(14)),
    "database_url": _in("DATABASE_URL=postgres://app:@@@db.corp:5432/app", lambda m: m.mixed(12) + "!"),
    "private_token_header": _in('curl --header "PRIVATE-TOKEN: @@" https://git.corp/api/v4', lambda m: m.mixed(20)),
    "query_token": _in("https://git.corp/api/v4/projects?private_token=@@&page=2", lambda m: m.mixed(20)),
    "env_export": _in("export REGISTRY_PASSWORD='@@'", lambda m: m.mixed(10) + "$%"),
    "yaml_secret": _in("db:\n  password: @@\n  host: x", lambda m: m.mixed(11)),
    "json_secret": _in('{"client_secret": "@@", "client_id": "web"}', lambda m: m.chars(32)),
    "hex_secret_key_base": _in("SECRET_KEY_BASE=@@", lambda m: m.chars(128, HEX)),
    "code_block": _in("```\nMYSQL_ROOT_PASSWORD=@@\n```", lambda m: m.mixed(12)),
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
    f"password_{name}": _in(sentence, lambda m: m.mixed(9) + m.random.choice(["", "!", "#9", "$x"]))
    for name, sentence in _PASSWORD_SENTENCES.items()
}

_LATER: dict[str, Callable[[Maker], tuple[str, ...]]] = {
    "slash_user_password": _in("creds are bob / @@ (password)", lambda m: m.mixed(10)),
    "sv": _in("mitt lösenord är @@", lambda m: m.mixed(10)),
    "cs": _in("heslo: @@ nefunguje", lambda m: m.mixed(10)),
    "vi": _in("mật khẩu: @@ không đúng", lambda m: m.mixed(10)),
    "passphrase_quoted": _in('passphrase: "@@"', lambda m: f"{m.mixed(5)} {m.chars(6)} {m.chars(5)}"),
    "markdown_bold": _in("**Password:** @@", lambda m: m.mixed(12)),
    "markdown_code": _in("password `@@` does not work", lambda m: m.mixed(12)),
    "table": _in("| user | password |\n|---|---|\n| bob | @@ |", lambda m: m.mixed(12)),
    "next_line": _in("password:\n@@\n", lambda m: m.mixed(12)),
    "cli_flag": _in("mysql -u root --password=@@ -h db", lambda m: m.mixed(12)),
    "cli_flag_space": _in("helm upgrade --set x=1 --password @@ --wait", lambda m: m.mixed(14)),
    "sshpass": _in("sshpass -p '@@' ssh root@host", lambda m: m.mixed(12)),
    "curl_user": _in("curl -u admin:@@ https://nexus.corp/status", lambda m: m.mixed(14)),
    "netrc": _in("machine git.corp login ci password @@", lambda m: m.mixed(14)),
    "redis_url": _in("redis://:@@@cache:6379/0", lambda m: m.mixed(16)),
    "mongodb_srv": _in("mongodb+srv://app:@@@c0.corp.net/db", lambda m: m.mixed(16)),
    "azure_connection": _in(
        "AccountName=x;AccountKey=@@;EndpointSuffix=core.windows.net", lambda m: m.chars(86, BASE64) + "=="
    ),
    "azure_sas": _in("https://x.blob.core.windows.net/c?sv=2024-01-01&sig=@@&se=2026", lambda m: m.chars(43) + "%3D"),
    "pgpass": _in("db.corp:5432:app:ci:@@ in .pgpass", lambda m: m.mixed(16)),
    "k8s_secret_yaml": _in("apiVersion: v1\nkind: Secret\ndata:\n  password: @@", lambda m: m.b64(m.mixed(18))),
    "gitlab_ci_variable": _in('variables:\n  NEXUS_TOKEN: "@@"', lambda m: m.mixed(32)),
    "totp": _in("otpauth://totp/x?secret=@@&issuer=corp", lambda m: m.chars(32, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")),
    "ssh_putty": lambda m: ("PuTTY-User-Key-File-3: ssh-rsa\nPrivate-Lines: 2\n" + "\n".join(x := m.key_lines(2)), *x),
    "bearer_opaque": _in("Authorization: Bearer @@", lambda m: m.mixed(40)),
    "job_token_wrapped_quote": lambda m: (f"glcbt-64_{(a := m.mixed(8))}\n    {(b := m.mixed(12))}", a, b),
    "cut_ghp": _in("it starts with @@…", lambda m: "ghp_" + m.mixed(14)),
    "cut_glpat": _in("token @@... (cut)", lambda m: "glpat-" + m.mixed(11)),
    "jwt_cut": _in("cookie: @@", lambda m: m.jwt()[:70]),
    "discord": _in(
        "https://discord.com/api/webhooks/@@", lambda m: m.chars(18, string.digits) + "/" + m.chars(68, URL_SAFE)
    ),
    "terraform": _in('secret_key = "@@"', lambda m: m.mixed(30)),
    "java_property": _in("spring.datasource.password=@@", lambda m: m.mixed(12)),
    "xml": _in("<password>@@</password>", lambda m: m.mixed(12)),
    "maven_settings": _in("<username>ci</username>\n<password>@@</password>", lambda m: m.mixed(20)),
    "python_kwarg": _in("connect(user='x', password='@@')", lambda m: m.mixed(12)),
    "pin_zh": _in("口令：@@", lambda m: m.mixed(10)),
}

HELD_OUT: dict[str, Callable[[Maker], tuple[str, ...]]] = {
    "gitlab_feed": _in("feed?feed_token=@@", lambda m: "glft-" + m.chars(20, URL_SAFE)),
    "two_tokens": lambda m: (f"old {(a := 'glpat-' + m.mixed(20))}, new {(b := 'glpat-' + m.mixed(20))}", a, b),
    "token_in_markdown_link": _in("[clone](https://oauth2:@@@git.corp/a/b.git)", lambda m: "glpat-" + m.mixed(20)),
    "token_in_json_log": _in('{"level":"error","headers":{"private-token":"@@"}}', lambda m: m.mixed(20)),
    "docker_run_env": _in("docker run -e POSTGRES_PASSWORD=@@ postgres:16", lambda m: m.mixed(14)),
    "compose_list": _in("environment:\n  - REDIS_PASSWORD=@@\n", lambda m: m.mixed(14)),
    "powershell": _in("$env:NEXUS_PASSWORD = '@@'", lambda m: m.mixed(14)),
    "windows_set": _in("set DB_PASS=@@", lambda m: m.mixed(14)),
    "ini": _in("[smtp]\nuser = mail\npassword = @@\n", lambda m: m.mixed(14)),
    "jdbc": _in("jdbc:postgresql://db/app?user=ci&password=@@&ssl=true", lambda m: m.mixed(14)),
    "odbc": _in("Server=db;Uid=ci;Pwd=@@;", lambda m: m.mixed(14)),
    "kubectl_literal": _in("kubectl create secret generic x --from-literal=password=@@", lambda m: m.mixed(14)),
    "htpasswd": _in("htpasswd -b users ci @@", lambda m: m.mixed(14)),
    "ldap_bind": _in("ldapsearch -D cn=ci -w @@ -b dc=corp", lambda m: m.mixed(14)),
    "ansible": _in("ansible_become_pass: @@", lambda m: m.mixed(12)),
    "git_remote": _in("origin https://ci:@@@git.corp/a.git (push)", lambda m: m.mixed(20)),
    "bot_sentence_en": _in("our bot uses the token @@ since yesterday", lambda m: m.mixed(26)),
    "bot_sentence_de": _in("der API-Schlüssel lautet @@, stimmt der?", lambda m: m.mixed(26)),
    "bot_sentence_fr": _in("le jeton est @@", lambda m: m.mixed(26)),
    "bot_sentence_ru": _in("токен: @@", lambda m: m.mixed(26)),
    "bot_sentence_zh": _in("令牌是 @@", lambda m: m.mixed(26)),
    "password_fi": _in("salasana: @@", lambda m: m.mixed(10)),
    "password_hu": _in("jelszó: @@", lambda m: m.mixed(10)),
    "password_el": _in("ο κωδικός είναι @@", lambda m: m.mixed(10)),
    "password_id": _in("kata sandi saya @@", lambda m: m.mixed(10)),
    "password_changed_from": _in("I changed the password from @@ to a new one", lambda m: m.mixed(12)),
    "password_slash": _in("Login: bob/@@", lambda m: m.mixed(12)),
    "password_new": _in("new password = @@ (please keep)", lambda m: m.mixed(12)),
    "credentials": _in("credentials: bob:@@", lambda m: m.mixed(14)),
    "pem_encrypted": lambda m: (
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\n"
        + "\n".join(x := m.key_lines(3))
        + "\n-----END ENCRYPTED PRIVATE KEY-----",
        *x,
    ),
    "pem_indented": lambda m: (
        "key: |\n  -----BEGIN PRIVATE KEY-----\n  "
        + "\n  ".join(x := m.key_lines(4))
        + "\n  -----END PRIVATE KEY-----\n",
        *x,
    ),
    "pgp": lambda m: (
        "-----BEGIN PGP PRIVATE KEY BLOCK-----\n\n"
        + "\n".join(x := m.key_lines(4))
        + "\n=aB3d\n-----END PGP PRIVATE KEY BLOCK-----",
        *x,
    ),
    "xoxp_wrapped": lambda m: (f"xoxp-{(a := m.chars(12, string.digits))}-\n{(b := m.mixed(24))}", a, b),
    "aws_config": _in("[default]\naws_secret_access_key = @@\n", lambda m: m.chars(40, BASE64)),
    "cookie": _in("Cookie: _gitlab_session=@@; path=/", lambda m: m.chars(32, HEX)),
}
