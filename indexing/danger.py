"""Commands in a text that can destroy, open up or hand over a system when somebody copies them. Pure.

For a warning beside a quotation, never for trust: a text without a hit may still do harm.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_PATTERNS: tuple[tuple[str, str], ...] = (
    (
        "runs a downloaded script",
        (
            r"\b(?:curl|wget|fetch)\b[^\n|;&`]{0,300}\|\s*(?:sudo(?:\s+-\S+)*\s+)?(?:env\s+\S+\s+)?"
            r"(?:(?:/usr)?/bin/)?(?:ba|z|da|k|fi)?sh\b"
            r"|\b(?:curl|wget|fetch)\b[^\n|;&`]{0,300}\|\s*(?:sudo\s+)?(?:python\d?|perl|ruby|node|php)\b"
            r"|\b(?:ba|z|da)?sh\s+(?:-c\s+)?[\"']?(?:<\(|\$\(|`)\s*(?:curl|wget)\b"
            r"|\beval\s+[\"']?\$\(\s*(?:curl|wget)\b"
            r"|\b(?:iex|invoke-expression)\b[^\n]{0,80}(?:iwr|irm|invoke-webrequest|invoke-restmethod|downloadstring|https?:)"
            r"|(?:downloadstring|\biwr\b|\birm\b|invoke-webrequest)[^\n]{0,200}\|\s*(?:iex|invoke-expression)\b"
        ),
    ),
    (
        "deletes files without asking",
        (
            r"\brm\s+(?:-\S+\s+)*(?:-[a-z]*r[a-z]*f[a-z]*|-[a-z]*f[a-z]*r[a-z]*|(?:-r|-R|--recursive)\s+(?:-f|--force)"
            r"|(?:-f|--force)\s+(?:-r|-R|--recursive))\b"
            r"|\brm\s+-rf?\s|\bremove-item\b[^\n]{0,80}-recurse[^\n]{0,40}-force|\b(?:rd|rmdir)\s+/s\b|\bdel\s+/[fsq]\b"
            r"|\bfind\b[^\n]{0,120}\s-delete\b"
        ),
    ),
    (
        "overwrites a disk",
        r"\bmkfs(?:\.\w+)?\s|\bdd\b[^\n]{0,80}\bof=/dev/|>\s*/dev/(?:sd|nvme|vd|hd)\w|\bwipefs\b|\bshred\s+[^\n]*/dev/",
    ),
    (
        "switches certificate checks off",
        (
            r"\s--insecure\b|\bcurl\b(?:\s+\S+){0,6}?\s-[a-zA-Z]*k[a-zA-Z]*\s|--no-check-certificate\b|\bGIT_SSL_NO_VERIFY\b"
            r"|http\.sslVerify[= ]+[\"']?(?:false|0)|NODE_TLS_REJECT_UNAUTHORIZED[= :]+[\"']?0|\bverify\s*=\s*False\b"
            r"|--trusted-host\b|strict-ssl[= ]+false|--insecure-skip-tls-verify\b|tls_verify\s*[=:]\s*false"
        ),
    ),
    (
        "opens files to everybody",
        r"\bchmod\s+(?:-\S+\s+)*(?:0?777|a\+rwx|ugo\+rwx)\b|\bicacls\b[^\n]{0,80}everyone:\(?F",
    ),
    (
        "deletes data",
        (
            r"\bdrop\s+(?:table|database|schema)\b|\btruncate\s+table\b|\bdelete\s+from\s+\w+\s*(?:;|$)|\bflushall\b"
            r"|\bkubectl\s+delete\s+(?:ns|namespace|pvc|pv|all|--all)\b|\bterraform\s+destroy\b"
            r"|\bdocker\s+(?:system|volume)\s+prune\b[^\n]{0,40}(?:-\w*f|--force|-a)|\bgitlab-rake\s+gitlab:setup\b"
        ),
    ),
    (
        "rewrites history for all",
        r"\bgit\s+push\b[^\n]{0,80}(?:\s--force(?!-with-lease)\b|\s-f\b)|\bgit\s+filter-branch\b",
    ),
    (
        "switches protection off",
        (
            r"\bsetenforce\s+0\b|\bufw\s+disable\b|\biptables\s+-F\b|set-executionpolicy\s+(?:bypass|unrestricted)"
            r"|\bsystemctl\s+(?:stop|disable)\s+(?:firewalld|apparmor|auditd)\b|--privileged\b|privileged\s*[=:]\s*true"
            r"|\bNOPASSWD:\s*ALL\b"
        ),
    ),
    (
        "asks for a secret",
        (
            r"\b(?:send|dm|mail|e-mail|message|post|tell|give|share|forward)\b[^.\n]{0,40}\byour\s+"
            r"(?:\w+\s+)?(?:password|passphrase|token|private key|secret|credentials?|otp|2fa code)\b[^.\n]{0,40}"
            r"\b(?:to|via|in a|with)\b"
            r"|\b(?:schick|sende|nenne|gib)\w*\b[^.\n]{0,40}\b(?:passwort|kennwort|token|zugangsdaten)\b"
            r"|(?:提供|发送|告诉)[^。\n]{0,12}(?:密码|口令|令牌)"
        ),
    ),
)
_COMPILED = tuple((kind, re.compile(pattern, re.IGNORECASE | re.MULTILINE)) for kind, pattern in _PATTERNS)
_JOINED = re.compile(r"[ \t]*\\\r?\n[ \t]*")
_LONGEST = 100_000  # characters that are looked at


@dataclass(frozen=True, slots=True)
class Danger:
    """A dangerous command.

    Attributes:
        kind: What it does, in a few words that can stand after `this`.
        text: As it stands in the text, on one line.
    """

    kind: str
    text: str


def dangers(text: str) -> tuple[Danger, ...]:
    """Return the dangerous commands of a text, in the order of `kind`, each once.

    A command that goes on over a backslash at the end of a line is read as one line.
    """
    whole = _JOINED.sub(" ", text[:_LONGEST])
    found = (
        Danger(kind, " ".join(hit.group().split())) for kind, pattern in _COMPILED for hit in pattern.finditer(whole)
    )
    return tuple(dict.fromkeys(found))
