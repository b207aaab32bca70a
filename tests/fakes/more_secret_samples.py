"""More fake secrets: forms added after the first measurements, and forms nothing was ever tuned on (`HELD_OUT`)."""

# ruff: noqa: RUF001 - sentences in languages that have such letters
from __future__ import annotations

import string
from typing import TYPE_CHECKING

from tests.fakes.secret_samples import BASE64, HEX, URL_SAFE, Maker, Sample, put, sample, secrets

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def all_secrets(seed: int) -> Iterator[Sample]:
    """Yield about 165 texts with a secret in each, those of held-out forms marked."""
    yield from secrets(seed)
    for name, make in _LAST.items():
        yield sample(name, make, seed)
    for name, make in HELD_OUT.items():
        yield sample(name, make, seed, held=True)


_LAST: dict[str, Callable[[Maker], tuple[str, ...]]] = {
    "gitlab_feed": put("feed?feed_token=@@", lambda m: "glft-" + m.chars(20, URL_SAFE)),
    "two_tokens": lambda m: (f"old {(a := 'glpat-' + m.mixed(20))}, new {(b := 'glpat-' + m.mixed(20))}", a, b),
    "token_in_markdown_link": put("[clone](https://oauth2:@@@git.corp/a/b.git)", lambda m: "glpat-" + m.mixed(20)),
    "token_in_json_log": put('{"level":"error","headers":{"private-token":"@@"}}', lambda m: m.mixed(20)),
    "docker_run_env": put("docker run -e POSTGRES_PASSWORD=@@ postgres:16", lambda m: m.mixed(14)),
    "compose_list": put("environment:\n  - REDIS_PASSWORD=@@\n", lambda m: m.mixed(14)),
    "powershell": put("$env:NEXUS_PASSWORD = '@@'", lambda m: m.mixed(14)),
    "windows_set": put("set DB_PASS=@@", lambda m: m.mixed(14)),
    "ini": put("[smtp]\nuser = mail\npassword = @@\n", lambda m: m.mixed(14)),
    "jdbc": put("jdbc:postgresql://db/app?user=ci&password=@@&ssl=true", lambda m: m.mixed(14)),
    "odbc": put("Server=db;Uid=ci;Pwd=@@;", lambda m: m.mixed(14)),
    "kubectl_literal": put("kubectl create secret generic x --from-literal=password=@@", lambda m: m.mixed(14)),
    "htpasswd": put("htpasswd -b users ci @@", lambda m: m.mixed(14)),
    "ldap_bind": put("ldapsearch -D cn=ci -w @@ -b dc=corp", lambda m: m.mixed(14)),
    "ansible": put("ansible_become_pass: @@", lambda m: m.mixed(12)),
    "git_remote": put("origin https://ci:@@@git.corp/a.git (push)", lambda m: m.mixed(20)),
    "bot_sentence_en": put("our bot uses the token @@ since yesterday", lambda m: m.mixed(26)),
    "bot_sentence_de": put("der API-Schlüssel lautet @@, stimmt der?", lambda m: m.mixed(26)),
    "bot_sentence_fr": put("le jeton est @@", lambda m: m.mixed(26)),
    "bot_sentence_ru": put("токен: @@", lambda m: m.mixed(26)),
    "bot_sentence_zh": put("令牌是 @@", lambda m: m.mixed(26)),
    "password_fi": put("salasana: @@", lambda m: m.mixed(10)),
    "password_hu": put("jelszó: @@", lambda m: m.mixed(10)),
    "password_el": put("ο κωδικός είναι @@", lambda m: m.mixed(10)),
    "password_id": put("kata sandi saya @@", lambda m: m.mixed(10)),
    "password_changed_from": put("I changed the password from @@ to a new one", lambda m: m.mixed(12)),
    "password_slash": put("Login: bob/@@", lambda m: m.mixed(12)),
    "password_new": put("new password = @@ (please keep)", lambda m: m.mixed(12)),
    "credentials": put("credentials: bob:@@", lambda m: m.mixed(14)),
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
    "aws_config": put("[default]\naws_secret_access_key = @@\n", lambda m: m.chars(40, BASE64)),
    "cookie": put("Cookie: _gitlab_session=@@; path=/", lambda m: m.chars(32, HEX)),
}


HELD_OUT: dict[str, Callable[[Maker], tuple[str, ...]]] = {
    "runner_toml": put(
        '[[runners]]\n  name = "r1"\n  token = "@@"\n  executor = "docker"', lambda m: "glrt-" + m.mixed(20)
    ),
    "clone_error": put(
        "fatal: could not read from 'https://gitlab-ci-token:@@@git.corp/a/b.git/'", lambda m: m.mixed(26)
    ),
    "ci_echo": put("$ echo $TOKEN\n@@", lambda m: "glpat-" + m.mixed(20)),
    "stack_trace": put('  File "x.py", line 3\n    login("bob", password="@@")', lambda m: m.mixed(13)),
    "env_dump": put("PATH=/usr/bin\nCI_JOB_TOKEN=@@\nHOME=/root", lambda m: "glcbt-64_" + m.mixed(20)),
    "curl_verbose": put("> GET /api/v4/user HTTP/2\n> private-token: @@\n>", lambda m: "glpat-" + m.mixed(20)),
    "helm_values": put("gitlab:\n  registrationToken: @@\n  replicas: 2", lambda m: m.mixed(24)),
    "terraform_var": put('variable "db_password" {\n  default = "@@"\n}', lambda m: m.mixed(15)),
    "dockerfile": put("ENV NPM_TOKEN=@@\nRUN npm ci", lambda m: "npm_" + m.chars(36)),
    "npmrc": put("//registry.corp/:_password=@@", lambda m: m.b64(m.mixed(18))),
    "pip_conf": put("[global]\nindex-url = https://bob:@@@pypi.corp/simple", lambda m: m.mixed(18)),
    "gradle": put("signing.password=@@", lambda m: m.mixed(16)),
    "slack_cli": put("export SLACK_BOT_TOKEN=@@", lambda m: f"xoxb-{m.chars(12, string.digits)}-{m.chars(24)}"),
    "webhook_yaml": put(
        "slack_url: https://hooks.slack.com/services/@@", lambda m: f"T{m.chars(9)}/B{m.chars(9)}/{m.chars(24)}"
    ),
    "github_header": put("Authorization: token @@", lambda m: "ghp_" + m.chars(36)),
    "jwt_header": put("X-Auth: @@", lambda m: m.jwt()),
    "aws_export": put('export AWS_SECRET_ACCESS_KEY="@@"', lambda m: m.chars(40, BASE64)),
    "aws_sentence": put("my aws secret is @@ but s3 says no", lambda m: m.chars(40, BASE64)),
    "two_lines": put("user: bob\npass: @@", lambda m: m.mixed(12)),
    "english_typed": put("the pw is @@, can you check?", lambda m: m.mixed(12)),
    "german_typed": put("Zugang: bob, Passwort @@", lambda m: m.mixed(12)),
    "french_typed": put("identifiant bob, mot de passe @@", lambda m: m.mixed(12)),
    "spanish_typed": put("usuario bob, contraseña: @@", lambda m: m.mixed(12)),
    "chinese_typed": put("账号 bob 密码 @@ 登不上", lambda m: m.mixed(12)),
    "japanese_typed": put("ユーザー bob、パスワード「@@」です", lambda m: m.mixed(12)),
    "russian_typed": put("логин bob пароль @@ не подходит", lambda m: m.mixed(12)),
    "korean_typed": put("아이디 bob 비밀번호 @@ 로그인 실패", lambda m: m.mixed(12)),
    "hindi_typed": put("मेरा पासवर्ड @@ है", lambda m: m.mixed(12)),
    "arabic_typed": put("كلمة المرور هي @@", lambda m: m.mixed(12)),
    "polish_typed": put("moje hasło to @@", lambda m: m.mixed(12)),
    "oauth_json": put('{"access_token":"@@","token_type":"Bearer","expires_in":7200}', lambda m: m.chars(64, HEX)),
    "openai_yaml": put("openai:\n  apiKey: @@", lambda m: "sk-" + m.chars(48)),
    "vault_login": put("vault login @@", lambda m: "hvs." + m.chars(90, URL_SAFE)),
    "key_in_log": lambda m: (
        "debug1: read\n-----BEGIN OPENSSH PRIVATE KEY-----\n" + "\n".join(x := m.key_lines(5)) + "\ndebug1: done",
        *x,
    ),
    "sentry_dsn": put("https://@@@sentry.corp/5", lambda m: m.chars(32, HEX)),
    "ftp_url": put("lftp ftp://deploy:@@@files.corp", lambda m: m.mixed(12)),
    "base64_in_yaml": put(
        "  .dockerconfigjson: @@", lambda m: m.b64('{"auths":{"reg":{"auth":"' + m.b64("ci:" + m.mixed(16)) + '"}}}')
    ),
    "code_fence_env": put("```env\nDB_USER=app\nDB_PASSWORD=@@\n```", lambda m: m.mixed(16)),
}
