"""A question as people post it -> what is searched for (pure)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from indexing.scripts import UNSPACED

# Words that say nothing about the topic, English and German.
STOP_WORDS = frozenset(
    (  # noqa: SIM905 - 200 quoted words would be no clearer
        "a about after all also am an and any anybody anyone are as at be because been before being but by can "
        "cannot could did do does didn doesn doing don else etc for from get getting got had has have having he "
        "hello help hey hi how i if in into is isn it its just know like ll looking make me might more most my need "
        "no not now of on once one only or other our out over own please possible problem question re really s same "
        "see seem seems she should show so some someone something still such sure t tell than thank thanks that the "
        "their them then there these they thing this those to too try trying up us use used using ve very want was "
        "way we well were what when where whether which while who why will with without wonder wondering would you "
        "your der die das den dem des ein eine einen einem einer und oder ist sind war wie was wo wann warum wer "
        "ich du er sie es wir ihr mein meine mit von zu zum zur auf für bei nach aus an im in nicht kein keine kann "
        "können muss müssen soll bitte danke hallo hilfe wenn dass auch noch nur schon man mir mich uns habe haben "
        "hat wird werden"
    ).split()
)

_GREETING = re.compile(
    r"(hi|hey|hello|dear|good (morning|afternoon|evening|day)|greetings|hallo|guten (tag|morgen|abend)|moin)\b"
    r"[^.!?]{0,40}[,.!:]*\s*",
    re.IGNORECASE,
)
_FAREWELL = re.compile(
    r"(thanks?|thank you|cheers|regards|best|kind regards|best regards|many thanks|thx|danke|viele grüße|mfg)\b"
    r"[^?]{0,60}",
    re.IGNORECASE,
)
# Headings of issue templates, and the lines about the asker's machine below them: they stand in every post.
_TEMPLATE = re.compile(
    r"(#+|\*\*)\s*(issue )?(summary|steps to reproduce|technical details|environment|expected|actual|what is|"
    r"relevant logs|possible fix|description|details)\b.{0,40}",
    re.IGNORECASE,
)
_MACHINE = re.compile(r"\W*[\w/ ]{0,25}(version|browser|os|install)[\w ]{0,20}\W{0,3}:.*", re.IGNORECASE)
_FENCE = re.compile(r"(```|~~~).*")
_NOISE = (_GREETING, _FAREWELL, _TEMPLATE, _MACHINE, _FENCE)

_URL = re.compile(r"https?://\S+")
_WORD = re.compile(r"([^\W_]+)(?:['\u2019][a-z]{1,2}\b)?")  # without the end of "doesn't"
_IDENTIFIER = re.compile(r"--?[a-z].+|[A-Za-z_]\w*[._/:-].*\w|\w*[a-z][A-Z]\w+|[A-Z][A-Z0-9_]{3,}|[45]\d\d")
_AROUND = ".,;:!?()[]{}<>\"'`*\u201c\u201d\u2019"  # what stands around an identifier in a sentence
_LONGEST = 20_000  # characters of a question that are read
_LONGEST_NOISE = 160  # characters of a line that may be noise; also keeps the patterns quick on hostile text
_LONGEST_WORD = 64
_TITLE_WORDS = 40
_BODY_WORDS = 40  # distinct words after the title's; more made the search slower and no better
_IDENTIFIERS = 8


@dataclass(frozen=True, slots=True)
class Query:
    """A question made ready for search.

    Attributes:
        title: Its first line that says something.
        dense: What is embedded: title and body.
        title_words: Distinct words of the title, stop words left out.
        body_words: Further distinct words of the body.
        identifiers: Options, names with `_ . / -` or inner capitals, status codes: searched as written.
        unspaced: Share of its letters that belong to scripts without spaces between words, 0 to 1.
    """

    title: str
    dense: str
    title_words: tuple[str, ...]
    body_words: tuple[str, ...]
    identifiers: tuple[str, ...]
    unspaced: float


def read_question(text: str) -> Query:
    """Return the query for a question: chat-like, or a whole post with a title line, logs and greetings."""
    lines = [line.strip() for line in text[:_LONGEST].splitlines() if line.strip()]
    kept = [line for line in lines if not _is_noise(line)] or lines
    title = kept[0] if kept else ""
    body = "\n".join(_URL.sub(" ", line) for line in kept[1:])
    title_words = _words(title)[:_TITLE_WORDS]
    known = set(title_words)
    body_words = [word for word in _words(body) if word not in known]
    dense = f"{title}\n{body}".strip()
    return Query(
        title=title,
        dense=dense,
        title_words=tuple(title_words),
        body_words=tuple(body_words[:_BODY_WORDS]),
        identifiers=tuple(dict.fromkeys(_identifiers(dense)))[:_IDENTIFIERS],
        unspaced=sum(map(len, UNSPACED.findall(dense))) / max(1, sum(map(str.isalpha, dense))),
    )


def _is_noise(line: str) -> bool:
    return len(line) <= _LONGEST_NOISE and any(noise.fullmatch(line) for noise in _NOISE)


def _identifiers(text: str) -> list[str]:
    pieces = [piece.strip(_AROUND) for piece in text.split()]
    return [piece for piece in pieces if len(piece) <= _LONGEST_WORD and _IDENTIFIER.fullmatch(piece)]


def _words(text: str) -> list[str]:
    """Return distinct words; a text of stop words alone keeps them."""
    found = list(dict.fromkeys(word.lower() for word in _WORD.findall(text) if len(word) <= _LONGEST_WORD))
    return [word for word in found if word not in STOP_WORDS] or found
