"""What a passage must hold letter by letter: code, flags, settings, paths, what stands in quotes, and names.

Words may be said in other words; these may not. A flag that is nearly right is wrong.
"""

# ruff: noqa: SIM905, RUF001 - long lists of quoted words would be no clearer; Chinese punctuation is looked for

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from assistant.core.sentences import sentences
from assistant.core.spans import spans
from assistant.core.terms import STOP, stem

_CODE = re.compile(r"(`{1,3})(?!`)([^\n]{1,400}?)(?<!`)\1(?!`)")
_FLAG = re.compile(r"(?<![\w-])--?[A-Za-z][\w-]*")
_IDENTIFIER = re.compile(
    r"\$\{?\w+\}?"  # variables of a shell
    r"|(?<![\w./@-])[./~]*\w[\w-]*(?:(?:[_.:/\\@]|::|->)[\w-]+)+(?:\(\))?"  # paths, settings, addresses
    r"|\b[a-z]+(?:[A-Z][a-z0-9]+)+\b"  # camelCase
    r"|(?<![\w/.])/[\w{}:.-]+(?:/[\w{}:.-]+)*"  # absolute paths
)
_CAPITALS = re.compile(r"\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b|\b[A-Z]{2,}[0-9]*\b")
_QUOTED = re.compile(r"[\"“„«「]([^\"“”„»」\n]{2,60})[\"”“»」]|\*\*([^*\n]{2,60})(?<!:)\*\*(?!:)")
_EMPHASIS = re.compile(r"(?<![\w*])(\*{1,3}|_{1,2})(?=\S)(.{1,200}?)(?<=\S)\1(?![\w*])")
_LINK = re.compile(r"!?\[([^\[\]\n]{0,300})\]\([^()\s]{0,500}\)")
_ADDRESS = re.compile(r"\[link(?: removed)?\]|\w+://[^\s<>\"'`)\]]+")
_ESCAPED = re.compile(r"\\([\\`*_{}\[\]()#+.!<>|~-])")
_PLAIN_PARTS = re.compile(r"[A-Za-zÀ-ÿ]{2,}(?:[/.:@][A-Za-zÀ-ÿ]{2,})+\Z")
_ABBREVIATED = re.compile(r"(?:[A-Za-z]\.)+[A-Za-z]?\Z|(?:etc|vs|bzw|usw|ca)\.?\Z", re.IGNORECASE)
_GENERIC = frozenset(
    "AI API APIS CLI CPU CSS CSV DB DNS FAQ GB GUI HTML HTTP HTTPS ID IDE IDS IP IT JSON KB MB NOTE OK OS PDF RAM SQL "
    "SSH SSL TB TIP TLS TODO UI URI URL URLS UTC UX VM WARNING XML YAML YML".split()
)
"""Abbreviations that anybody writes; that a passage says `address` where a sentence says URL is no contradiction."""
_PRODUCTS = frozenset(
    "ansible apache argocd athena aws azure bamboo bigquery bitbucket buildah caddy cassandra centos circleci "
    "clickhouse cloudflare confluence consul databricks datadog debian docker dremio druid elasticsearch fedora "
    "firefox flux gcp gerrit gitea github gitlab gogs grafana gradle graphite haproxy harbor helm heroku hive iis "
    "influxdb jenkins jira kafka kaniko keycloak kibana kubernetes ldap looker macos mariadb mattermost maven "
    "memcached mercurial metabase minio mongodb mysql nexus nginx nomad npm okta openshift opensuse oracle "
    "phabricator podman poetry postgres postgresql presto prometheus puppet rabbitmq redash redis redshift rhel "
    "salesforce saml sentry slack snowflake spark sqlite splunk subversion superset svn tableau teamcity teams "
    "terraform traefik travis trino ubuntu vagrant vault vertica windows yarn".split()
)
"""Products that are taken for one another; one of them in a sentence must stand in the passage too."""
_WORDS = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")
_LIST_MARK = re.compile(r"(?:^|(?<=\s))(?:[-*+•]|\d{1,3}[.)])\s+")
_GERMAN = frozenset("der die das und ist nicht ein eine mit für auf den dem zu von wird werden sie im".split())
_GERMAN_SURE = 2


def bare(text: str) -> str:
    """Return the text in small letters on one line, without the marks of Markdown and without addresses.

    Addresses are neither in what a model sees nor in what is shown of its draft.
    """
    plain = _ADDRESS.sub(" ", _LINK.sub(r"\1", unicodedata.normalize("NFKC", text)))
    plain = _ESCAPED.sub(r"\1", plain).replace("`", "")
    plain = _EMPHASIS.sub(r"\2", plain)
    return " ".join(plain.translate(_SAME).split()).casefold()


_SAME = str.maketrans({"“": '"', "”": '"', "„": '"', "’": "'", "‘": "'", "–": "-", "—": "-", "\u00a0": " "})


def stands(literal: str, held: str) -> bool:
    """True when the literal stands in the text, not as a part of a longer word.

    Args:
        literal: As `bare` returns it.
        held: As `bare` returns it.
    """
    if not literal:
        return True
    at = held.find(literal)
    while at >= 0:
        before, after = held[at - 1 : at], held[at + len(literal) : at + len(literal) + 1]
        if not (joins(before, literal[0]) or joins(literal[-1], after)):
            return True
        at = held.find(literal, at + 1)
    return False


def joins(left: str, right: str) -> bool:
    """True when the two characters belong to one word; scripts without spaces have no such words."""
    return left.isascii() and right.isascii() and left.isalnum() and right.isalnum()


@lru_cache(256)
def literals(text: str) -> tuple[str, ...]:
    """Return what must stand letter by letter, as `bare` returns it, in order, each once.

    Args:
        text: Markdown of one claim.
    """
    found: list[str] = []
    prose: list[str] = []
    for span in spans(text):
        if span.kind == "code":
            found += _code_lines(span.text)
        else:
            prose.append(_ADDRESS.sub(" ", span.text))
    rest = "\n".join(prose)
    code = [match[2] for match in _CODE.finditer(rest)]
    rest = _CODE.sub(" ", rest)
    found += [match[1] or match[2] for match in _QUOTED.finditer(rest)]
    found += [match[0] for match in _FLAG.finditer(rest)]
    found += [one.rstrip(".:") for match in _IDENTIFIER.finditer(rest) if _is_identifier(one := match[0])]
    found += [match[0] for match in _CAPITALS.finditer(rest) if match[0] not in _GENERIC]
    bared = [bare(one).strip(" .,;:!?") for one in found]
    whole = [one for one in bared if any(map(str.isalnum, one))]
    return tuple(dict.fromkeys([*(bare(one) for one in code if one.strip()), *whole]))


def _code_lines(block: str) -> list[str]:
    lines = [line.strip() for line in block.strip().split("\n")[1:]]
    if lines and not lines[-1].strip("`~ "):
        lines.pop()
    return [line for line in lines if line and not line.startswith(("…", "..."))]


def _is_identifier(found: str) -> bool:
    """Words that are joined by a slash or a missing blank are prose: `and/or`, `e.g.`; numbers are looked at apart."""
    if not any(map(str.isalpha, found)):
        return False
    return not (_PLAIN_PARTS.match(found) and "." not in found) and not _ABBREVIATED.match(found)


@lru_cache(256)
def names(text: str) -> tuple[str, ...]:
    """Return names of products and things, in small letters: capitals in the middle of a sentence, known products.

    In German every noun has a capital; there only known products and names with capitals inside count.
    """
    prose = _CODE.sub(" ", " ".join(span.text for span in spans(text) if span.kind not in ("code", "heading")))
    plain = _LINK.sub(r"\1", prose)
    german = len(_GERMAN.intersection(plain.casefold().split())) >= _GERMAN_SURE
    found: list[str] = []
    for sentence in sentences(_LIST_MARK.sub("", " ".join(plain.split()))):
        for match in _WORDS.finditer(sentence):
            word, before = match[0], sentence[: match.start()].rstrip(" *_\"'“„(")
            inside = any(map(str.isupper, word[1:])) and any(map(str.islower, word))
            capital = not german and word[0].isupper() and bool(before) and before[-1] not in ".:!?"
            small = word.casefold()
            if small not in STOP and len(word) > 1 and (small in _PRODUCTS or inside or capital):
                found.append(small)
    return tuple(name for name in dict.fromkeys(found) if name.upper() not in _GENERIC)


def missing_names(text: str, held: str, stems: frozenset[str]) -> tuple[str, ...]:
    """Return the names of a text that a passage does not know.

    Args:
        text: Markdown of one claim.
        held: The passage with its title and its document's name, as `bare` returns it.
        stems: Of the same; `Runners` is `runner`.
    """
    return tuple(name for name in names(text) if stem(name) not in stems and name not in held)
