"""Texts that only look as if they held a secret: digests, ids, placeholders, code, words."""

# ruff: noqa: RUF001 - sentences in languages that have such letters
from __future__ import annotations

from typing import TYPE_CHECKING

from tests.fakes.secret_samples import BASE64, HEX, Maker, Sample, sample

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def look_alikes(seed: int) -> Iterator[Sample]:
    """Yield about 65 texts that hold no secret; `pieces` is the whole text, which must stay."""
    for name, make in _LOOK_ALIKES.items():
        yield sample(name, make, seed)


_UUID = "{}-{}-{}-{}-{}"


def _uuid(m: Maker) -> str:
    return _UUID.format(*(m.chars(n, HEX) for n in (8, 4, 4, 4, 12)))


def _stays(sentence: str, make: Callable[[Maker], str] = lambda _: "") -> Callable[[Maker], tuple[str, ...]]:
    def whole(m: Maker) -> tuple[str, ...]:
        text = sentence.replace("@@", make(m))
        return text, text

    return whole


_LOOK_ALIKES: dict[str, Callable[[Maker], tuple[str, ...]]] = {
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
