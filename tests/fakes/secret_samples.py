"""Fake secrets in chat sentences and look-alikes, made at run time so that no file here trips a secret scanner.

`secrets(seed)` yields (form, text, bodies that must be gone); `look_alikes(seed)` yields (form, text, what must stay).
The forms marked `held` were written after the patterns and nothing was tuned on them before the first figures.
"""

# ruff: noqa: RUF001 - sentences in languages that have such letters
from __future__ import annotations

import base64
import json
import random
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


class _Maker:
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
    """Yield about 90 texts with a secret in each."""
    for name, make in (*_TOKENS.items(), *_CHAT.items(), *_PASSWORDS.items()):
        yield _sample(name, make, seed, held=False)
    for name, make in _HELD_OUT.items():
        yield _sample(name, make, seed, held=True)


def look_alikes(seed: int) -> Iterator[Sample]:
    """Yield about 60 texts that hold no secret."""
    for name, make in _LOOK_ALIKES.items():
        yield _sample(name, make, seed, held=False)


def _sample(name: str, make: Callable[[_Maker], tuple[str, ...]], seed: int, *, held: bool) -> Sample:
    text, *pieces = make(_Maker(hash_of(name, seed)))
    return Sample(name, text, tuple(pieces), held)


def hash_of(name: str, seed: int) -> int:
    """A seed that is the same in every process."""
    return seed * 1_000_003 + sum(ord(c) * 31**i for i, c in enumerate(name))


def _in(sentence: str, token: Callable[[_Maker], str]) -> Callable[[_Maker], tuple[str, ...]]:
    def make(m: _Maker) -> tuple[str, ...]:
        value = token(m)
        return sentence.replace("@@", value), value

    return make


_TOKENS: dict[str, Callable[[_Maker], tuple[str, ...]]] = {
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


def _pem(m: _Maker) -> tuple[str, ...]:
    lines = m.key_lines(8)
    return (
        "key:\n-----BEGIN RSA PRIVATE KEY-----\n" + "\n".join(lines) + "\n-----END RSA PRIVATE KEY-----\nhelp",
        *lines,
    )


def _pem_cut(m: _Maker) -> tuple[str, ...]:
    lines = m.key_lines(3)
    return ("ssh says:\n-----BEGIN OPENSSH PRIVATE KEY-----\n" + "\n".join(lines) + "\nwhat now?", *lines)


def _pem_json(m: _Maker) -> tuple[str, ...]:
    lines = m.key_lines(5)
    body = "\\n".join(lines)
    return (
        f'{{"private_key": "-----BEGIN PRIVATE KEY-----\\n{body}\\n-----END PRIVATE KEY-----\\n", "id": 7}}',
        *lines,
    )


def _pem_quoted(m: _Maker) -> tuple[str, ...]:
    lines = m.key_lines(4)
    return ("> -----BEGIN EC PRIVATE KEY-----\n" + "\n".join("> " + x for x in lines) + "\n\nis it valid?", *lines)


def _pem_tail(m: _Maker) -> tuple[str, ...]:
    lines = m.key_lines(4)
    return ("the log starts with\n" + "\n".join(lines) + "\n-----END RSA PRIVATE KEY-----\nplease", *lines)


def _wrapped_glpat(m: _Maker) -> tuple[str, ...]:
    first, rest = m.mixed(9), m.mixed(11)
    return f"token got wrapped:\nglpat-{first}\n{rest}\nwhy 401?", "glpat-" + first, rest


def _wrapped_ghp(m: _Maker) -> tuple[str, ...]:
    first, rest = m.mixed(16), m.mixed(20)
    return f"> ghp_{first}\n> {rest}\ndoes not work", "ghp_" + first, rest


_CHAT: dict[str, Callable[[_Maker], tuple[str, ...]]] = {
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
_PASSWORDS: dict[str, Callable[[_Maker], tuple[str, ...]]] = {
    f"password_{name}": _in(sentence, lambda m: m.mixed(9) + m.random.choice(["", "!", "#9", "$x"]))
    for name, sentence in _PASSWORD_SENTENCES.items()
}

_HELD_OUT: dict[str, Callable[[_Maker], tuple[str, ...]]] = {
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

_UUID = "{}-{}-{}-{}-{}"


def _uuid(m: _Maker) -> str:
    return _UUID.format(*(m.chars(n, HEX) for n in (8, 4, 4, 4, 12)))


def _stays(sentence: str, make: Callable[[_Maker], str] = lambda _: "") -> Callable[[_Maker], tuple[str, ...]]:
    def whole(m: _Maker) -> tuple[str, ...]:
        text = sentence.replace("@@", make(m))
        return text, text

    return whole


_LOOK_ALIKES: dict[str, Callable[[_Maker], tuple[str, ...]]] = {
    "git_sha": _stays("broken since commit @@", lambda m: m.chars(40, HEX)),
    "git_sha_token_near": _stays("the token check fails since @@", lambda m: m.chars(40, HEX)),
    "git_sha_key_near": _stays("deploy key job at sha @@ failed", lambda m: m.chars(40, HEX)),
    "short_sha": _stays("key @@ is the short sha", lambda m: m.chars(8, HEX)),
    "digest": _stays("image app@sha256:@@ fails", lambda m: m.chars(64, HEX)),
    "sha512": _stays("checksum @@ differs", lambda m: m.chars(128, HEX)),
    "md5": _stays("md5 @@ of the file", lambda m: m.chars(32, HEX)),
    "checksum_yaml": _stays("checksum/secret: @@", lambda m: m.chars(64, HEX)),
    "uuid": _stays("request id @@", _uuid),
    "uuid_token": _stays("token id: @@", _uuid),
    "uuid_correlation": _stays("correlation_id=@@ status=500", _uuid),
    "glpat_x": _stays("use glpat-xxxxxxxxxxxxxxxxxxxx here"),
    "glpat_words": _stays("a token looks like glpat-<your-token>"),
    "ghp_x": _stays("ghp_XXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX"),
    "stars": _stays("password: ******** is shown"),
    "dots": _stays("Password: ........"),
    "redacted": _stays("password: <redacted>"),
    "masked_ci": _stays("token: [MASKED]"),
    "variable": _stays("password: $DB_PASSWORD"),
    "variable_braces": _stays("PASSWORD=${DB_PASSWORD}"),
    "variable_windows": _stays("password=%DB_PASSWORD%"),
    "mustache": _stays("password: {{ vault_password }}"),
    "github_expression": _stays("token: ${{ secrets.GITHUB_TOKEN }}"),
    "url_variable": _stays("https://oauth2:${CI_JOB_TOKEN}@git.corp/x.git"),
    "url_placeholder": _stays("https://<user>:<password>@host/"),
    "url_port_digest": _stays("https://registry.corp:5000/app@sha256:@@", lambda m: m.chars(64, HEX)),
    "url_user_password": _stays("postgres://user:password@localhost/db"),
    "field_docs": _stays("password: The password of the account"),
    "field_required": _stays("`password` (string, required): user password"),
    "policy": _stays("The password must have 8 characters and 1 digit"),
    "is_stored": _stays("the password is stored with bcrypt-12 rounds"),
    "is_hash": _stays("password is SHA-256 hashed"),
    "token_expired": _stays("token is expired since 2024-01-01T10:00:00Z"),
    "token_expires": _stays('"token_expires_at": "2026-11-21T10:00:00.000Z"'),
    "sign_in": _stays('"last_sign_in_at": "2015-09-03T07:24:01.670Z"'),
    "max_tokens": _stays("max_tokens: 4096, token_count=12345678"),
    "code_get": _stays("password = os.environ['DB_PASSWORD']"),
    "code_call": _stays("token = get_access_token(user2, realm1)"),
    "code_config": _stays("secret: config.session_secret_v2"),
    "rails": _stays("gitlab_rails['ldap_password'] is nil"),
    "secret_name": _stays("secretName: my-app-tls-2024"),
    "secret_path": _stays("secret: /run/secrets/db_password_1"),
    "vault_path": _stays("secret/data/team7/app#password"),
    "key_path": _stays("IdentityFile ~/.ssh/id_ed25519_corp2"),
    "public_key": _stays("-----BEGIN PUBLIC KEY-----\n@@\n-----END PUBLIC KEY-----", lambda m: m.chars(64, BASE64)),
    "certificate": _stays("-----BEGIN CERTIFICATE-----\n@@\n-----END CERTIFICATE-----", lambda m: m.chars(64, BASE64)),
    "private_key_words": _stays("paste from -----BEGIN RSA PRIVATE KEY----- to the end line"),
    "ssh_public": _stays("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI@@ me@host", lambda m: m.chars(40, BASE64)),
    "fingerprint": _stays("key fingerprint SHA256:@@", lambda m: m.chars(43, BASE64)),
    "akia_example": _stays("AKIAIOSFODNN7EXAMPLE"),
    "job_url": _stays("https://git.corp/group/app/-/jobs/1234567890"),
    "long_path": _stays("/builds/group/Project2/node_modules/@types/token-parser7/index.d.ts"),
    "class_name": _stays("org.springframework.security.oauth2.TokenEndpoint2Configuration"),
    "npm_integrity": _stays('"integrity": "sha512-@@=="', lambda m: m.chars(86, BASE64)),
    "etag": _stays('ETag: W/"@@"', lambda m: m.chars(32, HEX)),
    "trace": _stays("trace id @@ span 00f067aa0ba902b7", lambda m: m.chars(32, HEX)),
    "german_word": _stays("Passwort: vergessen, was nun?"),
    "french_word": _stays("mot de passe : oublié depuis hier"),
    "chinese_words": _stays("密码：请联系管理员重置"),
    "japanese_words": _stays("パスワードはどこで変更できますか"),
    "basic_words": _stays("Basic authentication is switched off"),
    "bearer_words": _stays("send a Bearer token in the header"),
    "jwt_words": _stays("a JWT starts with eyJ and has three parts"),
    "two_factor": _stays("set up 2FA with a [one-time password authenticator](#enable-2fa)"),
    "version": _stays("token-service 2.10.4-rc1 and secret-store v3.1.0"),
}
