"""Sentences of passages, said in other words, and made wrong in one place: for `scripts/measure_evidence`.

Rules only, so that nobody wrote a sentence for or against a check. Every function returns an empty text where its rule
does not fit the sentence.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence

_SYNONYMS = {
    "use": "utilize",
    "uses": "employs",
    "used": "utilized",
    "create": "make",
    "creates": "makes",
    "created": "made",
    "click": "press",
    "select": "pick",
    "choose": "pick",
    "shows": "displays",
    "show": "display",
    "start": "launch",
    "starts": "launches",
    "run": "execute",
    "runs": "executes",
    "running": "executing",
    "delete": "erase",
    "remove": "take out",
    "change": "alter",
    "changes": "alterations",
    "update": "bring up to date",
    "allows": "lets",
    "allow": "let",
    "enables": "makes possible",
    "need": "require",
    "needs": "requires",
    "require": "need",
    "requires": "needs",
    "must": "have to",
    "should": "ought to",
    "ensure": "make sure",
    "add": "put in",
    "get": "obtain",
    "find": "locate",
    "check": "verify",
    "fix": "repair",
    "error": "failure",
    "problem": "trouble",
    "following": "next",
    "also": "as well",
    "however": "yet",
    "because": "since",
    "option": "choice",
    "options": "choices",
    "example": "instance",
    "several": "a number of",
    "large": "big",
    "small": "little",
    "set": "put",
    "contains": "holds",
    "contain": "hold",
    "available": "on offer",
    "page": "screen",
    "users": "people",
    "user": "person",
    "automatically": "by itself",
    "specify": "give",
    "specified": "given",
    "default": "standard",
    "multiple": "many",
    "whether": "if",
    "currently": "at present",
    "possible": "feasible",
    "works": "functions",
    "work": "function",
}
_OPPOSITES = {
    "enable": "disable",
    "enabled": "disabled",
    "disable": "enable",
    "disabled": "enabled",
    "before": "after",
    "after": "before",
    "always": "never",
    "allow": "forbid",
    "allowed": "forbidden",
    "public": "private",
    "private": "public",
    "true": "false",
    "false": "true",
    "add": "remove",
    "remove": "add",
    "start": "stop",
    "required": "optional",
    "optional": "required",
    "include": "exclude",
    "increase": "decrease",
    "supported": "unsupported",
}
_AUXILIARY = re.compile(
    r"\b(can|is|are|will|should|must|does|do|has|have|may|was|were)\b(?! (?:not|n't))", re.IGNORECASE
)
_NEGATED = re.compile(
    r"\b(can|could|is|are|will|should|must|does|do|did|has|have|may|was|were)(?:n't|n\u2019t| not|not)\b", re.IGNORECASE
)
_CODE = re.compile(r"`[^`\n]+`")
_FIXED = re.compile(
    r"(`[^`\n]+`|\"[^\"\n]+\"|“[^”\n]+”|\*\*[^*\n]+\*\*|\[[^\]\n]*\]\([^)\n]*\)|\S*(?:://|[_/=@\\]|\w\.\w|[({][\w$\"])\S*|\s[A-Z]\w+)"
)
"""What nobody may say in other words: code, quotes, names, addresses."""
_LITERAL = re.compile(r"`[^`\n]+`|(?<![\w-])--[A-Za-z][\w-]+|\b\w+(?:_\w+)+\b|\b[a-z]+(?:\.[a-z]\w+)+\b")
_LINKED = re.compile(r"\]\([^)\n]*\)|\w+://\S+")
_NUMBER = re.compile(r"(?<![\w.])\d+(?:\.\d+)*(?![\w.]*\w)")
_PRODUCTS = (
    ("Redash", "Metabase"),
    ("GitLab", "Bitbucket"),
    ("Docker", "Podman"),
    ("Kubernetes", "Nomad"),
    ("PostgreSQL", "MySQL"),
    ("MySQL", "PostgreSQL"),
    ("BigQuery", "Snowflake"),
    ("Redis", "Memcached"),
    ("Slack", "Mattermost"),
    ("Jenkins", "TeamCity"),
    ("Ubuntu", "CentOS"),
    ("Google", "Azure"),
    ("AWS", "GCP"),
    ("Elasticsearch", "Solr"),
    ("MongoDB", "CouchDB"),
    ("GitHub", "Gitea"),
    ("Python", "Ruby"),
    ("Linux", "FreeBSD"),
)
_CLAUSES = re.compile(r"^(If|When|To|After|Before|Once|For) ([^,]{8,120}), (.{12,})([.!])$")
_PLURAL = re.compile(r"\b([a-z]{4,}[^s\W])s\b")


def paraphrased(sentence: str, rng: random.Random, most: int = 3) -> str:
    """Return the sentence reworded: clauses turned, up to `most` synonyms, other inflection, fewer articles."""
    parts = _FIXED.split(_clauses_turned(sentence))  # every second one is fixed
    words = [re.split(r"(\W+)", part) if n % 2 == 0 else [part] for n, part in enumerate(parts)]
    places = [(n, m) for n, some in enumerate(words) for m, word in enumerate(some) if word.casefold() in _SYNONYMS]
    for n, m in rng.sample(places, min(most, len(places))):
        words[n][m] = _cased(_SYNONYMS[words[n][m].casefold()], words[n][m])
    texts = ["".join(some) for some in words]
    for n in range(0, len(texts), 2):
        texts[n] = _PLURAL.sub(r"\1", re.sub(r"\b(?:the|a|an) (?=[a-z])", "", texts[n], count=1), count=1)
    text = "".join(texts)
    return text if text != sentence else ""


def _clauses_turned(sentence: str) -> str:
    match = _CLAUSES.match(sentence)
    if match is None:
        return sentence
    first, rest = f"{match[1].lower()} {match[2]}", match[3]
    return f"{rest[0].upper()}{rest[1:]} {first}{match[4]}"


def _cased(word: str, like: str) -> str:
    return word[0].upper() + word[1:] if like[0].isupper() else word


def _masked(sentence: str) -> str:
    """Return the sentence with as many letters in the place of code, links and addresses."""
    for pattern in (_CODE, _LINKED):
        sentence = pattern.sub(lambda match: "x" * len(match[0]), sentence)
    return sentence


def renumbered(sentence: str, rng: random.Random) -> str:
    """Return the sentence with one number that is another."""
    found = list(_NUMBER.finditer(_masked(sentence)))
    if not found:
        return ""
    match = rng.choice(found)
    digits = match[0].split(".")
    digits[-1] = str(int(digits[-1]) + rng.choice((1, 2, 5, 10)))
    return sentence[: match.start()] + ".".join(digits) + sentence[match.end() :]


def number_of_elsewhere(sentence: str, passage: str, rng: random.Random) -> str:
    """Return the sentence with one number put in the place of another that stands elsewhere in the passage."""
    found = list(_NUMBER.finditer(_masked(sentence)))
    others: list[str] = sorted({match[0] for match in _NUMBER.finditer(passage)} - {match[0] for match in found})
    if not found or not others:
        return ""
    match = rng.choice(found)
    return sentence[: match.start()] + rng.choice(others) + sentence[match.end() :]


def relabelled(sentence: str, others: Sequence[str], rng: random.Random) -> str:
    """Return the sentence with one literal (flag, setting, code) that is another of these texts."""
    plain = _LINKED.sub(lambda match: " " * len(match[0]), sentence)  # no answer shows an address
    found = list(_LITERAL.finditer(plain))
    texts = [_LINKED.sub(" ", text) for text in others]
    known = {match[0] for text in texts for match in _LITERAL.finditer(text) if any(map(str.isalnum, match[0]))}
    pool = sorted(known - {match[0] for match in found})
    if not found or not pool:
        return ""
    match = rng.choice(found)
    like = [one for one in pool if one.startswith("`") == match[0].startswith("`")] or pool
    return sentence[: match.start()] + rng.choice(like) + sentence[match.end() :]


def turned_round(sentence: str, rng: random.Random) -> str:
    """Return the sentence negated, or no longer so, or with one word by its opposite."""
    match = _NEGATED.search(sentence)
    if match is not None:
        verb = {"ca": "can", "wo": "will"}.get(match[1].casefold(), match[1])
        return sentence[: match.start()] + verb + sentence[match.end() :]
    words = re.split(r"(`[^`\n]+`|\W+)", sentence)
    places = [n for n, word in enumerate(words) if word.casefold() in _OPPOSITES]
    if places and rng.random() < 0.5:  # noqa: PLR2004 - as often as not
        n = rng.choice(places)
        words[n] = _cased(_OPPOSITES[words[n].casefold()], words[n])
        return "".join(words)
    match = _AUXILIARY.search(sentence)
    if match is None or sentence.endswith("?"):
        return ""
    return sentence[: match.end()] + " not" + sentence[match.end() :]


def of_another_product(sentence: str) -> str:
    """Return the sentence with one product in the place of another."""
    for product, other in _PRODUCTS:
        if re.search(rf"\b{product}\b", sentence):
            return re.sub(rf"\b{product}\b", other, sentence)
    return ""
