"""What a question says about its environment, recognised with patterns; and whether it concerns security."""

from __future__ import annotations

import re

from assistant.core.neutralise import gitlab_inline
from assistant.core.secret_words import lowered

_VERSION = r"v?(?P<version>\d{1,4}(?:\.\d{1,6}){0,3}(?:[-+][A-Za-z0-9.]{1,20})?)"
_NAMES = (
    "gitlab(?:[- ]runner|[- ]ee|[- ]ce)?|runner|ubuntu|debian|rhel|centos|rocky linux|alpine|fedora|macos|windows"
    "|docker(?:[- ]compose)?|podman|kubernetes|k8s|kubectl|helm|terraform|git|python|node(?:\\.js)?|npm|java|openjdk"
    "|maven|gradle|go|ruby|php|postgresql|postgres|redis|nginx|redash|chrome|firefox"
)
_PRODUCT = re.compile(
    rf"(?<![\w.-])(?P<name>{_NAMES})[ \t:=/-]{{0,3}}(?:version[ \t:]{{0,2}}|server[ \t])?{_VERSION}(?![\w.]*[/])",
    re.IGNORECASE,
)
_SYSTEM = re.compile(r"\b(?P<name>macos|windows|linux|wsl2?|android|ios)\b", re.IGNORECASE)
_EXIT = re.compile(r"\bexit(?:ed)?(?: with)?(?: code| status)?[ :]{1,2}(\d{1,3})\b", re.IGNORECASE)
_STATUS = re.compile(
    r"\b(?:HTTP(?:/[\d.]{1,3})?|status(?: code)?|error|returned|returns)[ :]{1,2}([45]\d{2})\b", re.IGNORECASE
)
_JOB = re.compile(r"\b(?:job|pipeline)[ _-]?(?:id)?[ #:]{1,3}(\d{3,12})\b", re.IGNORECASE)


def environment_of(text: str) -> tuple[tuple[str, str], ...]:
    """Return (name, value) rows for an issue's table, ready as GitLab Markdown; nothing recognised gives no row."""
    products = [f"{match['name']} {match['version']}" for match in _PRODUCT.finditer(text)]
    named = " ".join(products).lower()
    systems = [match["name"] for match in _SYSTEM.finditer(text) if match["name"].lower() not in named]
    errors = [f"exit code {match[1]}" for match in _EXIT.finditer(text)]
    errors += [f"HTTP status {match[1]}" for match in _STATUS.finditer(text)]
    jobs = [match[0] for match in _JOB.finditer(text)]
    rows = (("Environment", products + systems), ("Error", errors), ("Job", jobs))
    return tuple((name, gitlab_inline(", ".join(_distinct(found)[:8]))) for name, found in rows if found)


def _distinct(found: list[str]) -> list[str]:
    return list({item.lower(): item for item in found}.values())


_SECRETS = "secret|token|password|key|credential"
_SECURITY = re.compile(
    r"vulnerab|security (?:hole|issue|flaw|incident|bug|problem|breach)|data (?:leak|breach)|\bcve-\d{4}|\bcwe-\d"
    rf"|\bleak(?:ed|ing|s) (?:a |the |my |our )?(?:{_SECRETS}|data)"
    rf"|(?:{_SECRETS})s?\W{{1,3}}(?:\w+\W{{1,3}}){{0,4}}(?:leak|expos|compromis|stolen|published|pushed)"
    r"|\bbreach|compromised|exploit|\bxss\b|\bcsrf\b|\bssrf\b|sql injection|remote code|\brce\b|privilege escalation"
    r"|phishing|malware|ransomware|hacked|unauthori[sz]ed access|backdoor|zero.?day|pentest"
    r"|can (?:see|read|access) (?:other|someone|another)"
    r"|sicherheitsl(?:ü|ue)cke|schwachstelle|sicherheitsvorfall|datenleck|datenpanne|gehackt|kompromittiert|geleakt"
    r"|vuln(?:é|e)rabilit|faille|fuite de donn|pirat(?:é|age)|compromis"
    r"|vulnerabilidad|brecha|filtraci(?:ó|o)n|hackead|vazamento"
    r"|vulnerabilit(?:à|a)|falla di sicurezza|violazione|kwetsbaarheid|datalek"
    r"|podatno(?:ś|s)|wyciek|luka bezpiecze|уязвимост|утечк|взлом|вразлив|витік"
    r"|漏洞|泄露|泄漏|洩漏|外泄|入侵|脆弱性|情報漏|漏えい|漏洩|不正アクセス|취약점|유출|해킹"
    r"|güvenlik açığı|sızıntı"  # noqa: RUF001 - Turkish
    r"|ثغرة|اختراق|تسريب|פרצה|דליפ|भेद्यता|लीक"
)


def is_security(text: str) -> bool:
    """True when a question concerns security: its issue is opened confidential. Errs towards true."""
    return _SECURITY.search(lowered(text)) is not None
