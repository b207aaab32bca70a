"""A question as people post it -> what is searched for (pure)."""

from __future__ import annotations

import re
from dataclasses import dataclass

STOP_WORDS = frozenset(
    """a about after all also am an and any anybody anyone are as at be because been before being but by can cannot
    could did do does doing don else etc for from get getting got had has have having he hello help hey hi how i if in
    into is it its just know like ll looking make me might more most my need no not now of on once one only or other our
    out over own please possible problem question re really s same see seem seems she should show so some someone
    something still such sure t tell than thank thanks that the their them then there these they thing this those to too
    try trying up us use used using ve very want was way we well were what when where whether which while who why will
    with without wonder wondering would you your
    der die das den dem des ein eine einen einem einer und oder ist sind war wie was wo wann warum wer ich du er sie es
    wir ihr mein meine mit von zu zum zur auf für bei nach aus an im in nicht kein keine kann können muss müssen soll
    bitte danke hallo hilfe wenn dass auch noch nur schon man mir mich uns habe haben hat wird werden""".split()
)
"""English and German words that say nothing about the topic."""

_FENCE = re.compile(r"^\s*(```|~~~)")
_GREETING = re.compile(
    r"^\s*(hi|hey|hello|dear|good (morning|afternoon|evening|day)|hallo|guten (tag|morgen|abend)|moin)\b"
    r"[^.!?\n]{0,40}[,.!:]*\s*$",
    re.IGNORECASE,
)
_FAREWELL = re.compile(
    r"^\s*(thanks?|thank you|cheers|regards|best|kind regards|best regards|many thanks|thx|danke|viele grüße|mfg)\b"
    r"[^?\n]{0,60}$",
    re.IGNORECASE,
)
_URL = re.compile(r"https?://\S+")
_WORD = re.compile(r"[^\W_]+(?:['\u2019][a-z]{1,2}\b)?")
_IDENTIFIER = re.compile(
    r"--?[a-z][\w-]*[\w]|[A-Za-z_]\w*(?:[._/:-]+\w+)+|[A-Za-z]*[a-z][A-Z]\w+|[A-Z][A-Z0-9_]{3,}|\b[45]\d\d\b"
)


@dataclass(frozen=True, slots=True)
class Query:
    """A question made ready for search.

    Attributes:
        title: Its first line.
        body: The rest without greetings, farewells and web addresses.
        dense: What is embedded.
        words: Distinct words in their order, stop words left out, title first.
        title_words: Those of the title.
        identifiers: Options, names with `_ . / -` or inner capitals, status codes.
    """

    title: str
    body: str
    dense: str
    words: tuple[str, ...]
    title_words: frozenset[str]
    identifiers: tuple[str, ...]


def read_question(text: str) -> Query:
    """Return the query for a question, a title line first or not."""
    lines = [line for line in text.strip().splitlines() if line.strip()]
    kept = [line for line in lines if not _GREETING.match(line) and not _FAREWELL.match(line)] or lines
    title = kept[0].strip() if kept else ""
    body = "\n".join(_URL.sub(" ", line) for line in kept[1:] if not _FENCE.match(line))
    title_words = _words(title)
    words = tuple(dict.fromkeys([*title_words, *_words(body)]))
    return Query(
        title=title,
        body=body,
        dense=f"{title}\n{body}".strip(),
        words=words,
        title_words=frozenset(title_words),
        identifiers=tuple(dict.fromkeys(_IDENTIFIER.findall(f"{title}\n{body}"))),
    )


def _words(text: str) -> list[str]:
    """Return distinct words; a question of stop words alone keeps them."""
    found = list(dict.fromkeys(word.lower() for word in _WORD.findall(text)))
    return [word for word in found if word.split("'")[0].split("\u2019")[0] not in STOP_WORDS] or found
