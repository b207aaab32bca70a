"""A follow-up ("and on Windows?") becomes a question that stands alone, by rule and without a model.

A text is taken for a follow-up when it leaves its topic to what was said before: it begins like one ("what about",
"und bei", "那"), it is a fragment ("on Windows?"), it is nothing but a question word, or it says "it" and names little
of its own. In doubt it is not: a new topic must not be dragged to the old one. What is searched then holds the new
words first, as a search weighs its first line most, and after them the earlier question.

The signs are the usual ones of work on rewriting questions in conversations, ellipsis and coreference: Elgohary et al.,
"Can You Unpack That?" (EMNLP 2019). `scripts/measure_followups` measures what the rules are worth.
"""

# ruff: noqa: RUF001 - punctuation of other languages is what is looked for here

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from assistant.core.requests import says_nothing, wants_people
from assistant.core.terms import terms

if TYPE_CHECKING:
    from collections.abc import Sequence

    from assistant.core.model import Question

ANSWERED_BY = "→ "
"""Begins what of a thread's context is the title of a cited document; the rest is what the asker wrote."""

TURNS = 4
"""Earlier questions of a thread that are looked at."""
EARLIER_MAX = 300
"""Characters of an earlier question that are searched again: people name their topic first."""
_FRAGMENT = 4  # words of meaning that a fragment may have: "and for a group runner on Windows?"
_CLAUSE = 1  # those of a whole question that begins with "and": "and how do I delete it?"
_POINTING = 6  # those of a text that points back with "it" or "that"
_BEFORE = 2  # those before the "it": with more of them it stands for one of these
_LONGEST = 300  # characters of a follow-up; a longer text says what it is about

_FILLER = (
    r"(?:(?:(?:ok(?:ay)?|thanks?(?: you)?|thx|great|perfect|cool|nice|yes|yeah|no|hmm?|well|sorry|hi|hey|hello"
    r"|danke|gut|super|prima|ja|nein|hallo|also)\b|好的?|谢谢|嗯|哦|你好)[\s,.!:;，。！、…-]*){0,3}"
)
_OPENS = re.compile(
    rf"^\W*{_FILLER}(?:(?:and|but|or|also|plus|then|und|aber|oder|auch|dann|sonst|außerdem)\b[\s,]*"
    r"(?=\w)|(?:what|how) about\b|what if\b|same (?:for|with|on|in|question)\b|likewise\b"
    r"|was ist mit\b|wie (?:ist|sieht|war) (?:es|das)(?: denn)?(?: aus)? (?:mit|bei|auf|unter|in|für)\b|was wenn\b"
    r"|(?:gilt|geht|stimmt) das (?:auch|genauso)\b|genauso\b|那么?|还有|另外|如果|要是|换成|换了|同样|但是|可是|而且)",
    re.IGNORECASE,
)
_PREPOSITION = re.compile(
    rf"^\W*{_FILLER}(?:(?:on|in|for|with|without|under|from|via|using|inside|outside|at|by"
    r"|auf|unter|bei|mit|ohne|für|im|am|vom|von|aus|per|innerhalb|außerhalb)\b|在|用|对于?)",
    re.IGNORECASE,
)
_ASKS_WHOLE = re.compile(
    r"\b(?:how|what|where|when|why|who|which|can|could|do|does|did|is|are|was|should|will|would|may|must"
    r"|wie|was|wo|wann|warum|wer|welche\w*|kann|können|darf|muss|soll\w*|ist|sind|gibt|geht)\b"
    r"|怎么|如何|怎样|为什么|什么|多久|多少|能不能|可以|是否|吗",
    re.IGNORECASE,
)
_ASKS_BARELY = re.compile(
    r"[?？]\s*$|^\W*(?:and |but |und |aber )?(?:how|why|where|when|which|who|what|wie|warum|wieso|wo|wann|welche\w*|wer"
    r"|was)\b|为什么|怎么|多久|多少|哪|呢|吗",
    re.IGNORECASE,
)
_POINTS = re.compile(
    # "it" that stands for nothing ("is it possible to") points nowhere
    r"\b(?<!is )(?<!was )it(?:'s|’s|self)?\b(?! (?:is |was |would be )?(?:possible|allowed|normal|safe|worth|ok)\b)"
    r"|\b(?:is|was) it\b(?! (?:possible|allowed|normal|safe|worth|okay|ok|true|better|a good|\w+ (?:to|that))\b)"
    r"|\b(?:its|they|them|those|this one|that one|these ones|the same"
    r"|the (?:other|former|latter|first|second|third|last) (?:one|option|way|step|command|link|page|method))\b"
    r"|\b(?<!is )(?<!are )(?<!was )(?<!were )there\b(?!['’ ](?:s|re|is|are|was|were|a|an|any)\b)"
    r"|\b(?:is|does|do|did|doing|was|can|will|would|should|like|undo|use|using|of|for|with|about|to|in|on|without|after"
    r"|before|than|change|skip|try|tried|if|but|and|where|why|how) (?:that|this|these)\b(?=\W*$|\W*[?.!,;]|\s+(?:is|was"
    r"|do|does|did|work\w*|mean\w*|not|also|still|too|in|on|for|with|without|from|at|via|happen\w*|fail\w*|affect\w*"
    r"|appl\w+|again|instead|automatically|first|when|if|after|before|be|possible|take)\b)"
    r"|^\W*(?:that|this)(?:'s|’s)?\s+(?:is|was|do|does|did|didn|doesn|work\w*|fail\w*|help\w*|still|also|only|give\w*"
    r"|says?|one)\b",
    re.IGNORECASE,
)
_POINTS_GERMAN = re.compile(  # case tells "sie" from "Sie", and the article "das" from the pronoun
    r"\b(?:[Dd]ies|[Dd]ieses|[Dd]iese[rnm]?|[Dd]amit|[Dd]afür|[Dd]avon|[Dd]azu|[Dd]aran|[Dd]arauf|[Dd]arin|[Dd]araus"
    r"|[Dd]abei|[Dd]agegen|[Dd]anach|[Dd]ort|[Dd]asselbe|[Dd]ieselben?|[Dd]erselben?|ihn|ihm|sie|er|dessen|deren)\b"
    r"|\b(?<![Gg]ibt )(?<![Gg]eht )(?<![Kk]ommt )(?<![Ii]st )es\b(?! gibt)"
    r"|\b[Dd]as\b(?=\W*$|\W*[?.!,;]|\s+(?:auch|nicht|denn|dann|so|immer|noch|genau|geht|funktioniert|ist|wird|wäre|kann"
    r"|gilt|heißt|bedeutet|klappt|mach\w*|tun|ändern|rückgängig|aus|ein|bei|auf|unter|mit|ohne|für|in|im|wieder)\b)"
)
_POINTS_UNSPACED = re.compile("它|这个|那个|这样|那样|这种|那种|这里|那里|上面|刚才|前面|这一步|该命令|这条|这步")
_NAMES_ANSWER = re.compile(
    r"\b(?:the|your|this|that|which) (?:answer|page|link|docs?|documentation|article|guide|quote|source|command|step"
    r"|setting|option|file|section|example|table|snippet|instructions?)\b|\bstep \d|\[\d\]"
    r"|\b(?:die|der|das|den|dem|deine\w?|diese\w?|welche\w?) (?:Antwort|Seite|Link|Doku\w*|Anleitung|Befehl|Schritt"
    r"|Einstellung|Option|Datei|Abschnitt|Beispiel|Tabelle|Quelle)\b"
    r"|(?:这|那|该)(?:个|条|一)?(?:命令|页面|链接|步骤|步|设置|选项|文件|文档)|上面的|第.{1,2}步|答案|回答里|文档里",
    re.IGNORECASE,
)
_UNSPACED = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_EMPTY_UNSPACED = re.compile(
    "那么?|还有|另外|如果|要是|换成|同样|怎么办|怎么|如何|怎样|为什么|什么时候|什么|多久|多少|哪里|哪个|哪|可以|能不能|能|会|要|需要|应该"
    "|呢|吗|吧|的话|的|了|是|在|上|里|中|用|对|有|没有|不|这个|那个|这样|那样|这里|那里|这|它们?|我们?|你们?|请问|请|也|都|就|还|和|或者?|一下"
)
_EMPTY = (
    "work possible same way instead else mean again help long often many much happen make take apply also example case"
    " geht funktioniert möglich gleich gilt lange oft viel viele anders mache machen genauso denn aus dann sonst wieso"
    " weshalb sieht gelten dauert heißt bedeutet"
)
_EMPTY_TERMS = frozenset(terms(_EMPTY))


@dataclass(frozen=True, slots=True)
class FollowUp:
    """A question that goes on from an earlier one of its thread.

    Attributes:
        text: The question that stands alone: what is searched.
        after: The earlier question that it goes on from.
    """

    text: str
    after: str


@dataclass(frozen=True, slots=True)
class _Turn:
    asked: str
    answered_by: str = ""


def earlier_turn(asked: str, titles: Sequence[str] = ()) -> tuple[str, ...]:
    """Return what `Question.context` holds of one earlier question: its first words, and the titles that it cites."""
    shown = [ANSWERED_BY + " ".join(title.split())[:EARLIER_MAX] for title in titles if title.strip()]
    return (_first_words(asked).removeprefix(ANSWERED_BY), *shown)


def follow_up(text: str, context: Sequence[str]) -> FollowUp | None:
    """Return what is searched when the text goes on from an earlier question; None when it stands alone.

    Args:
        text: The new question, cleaned.
        context: Of `Question.context`: earlier questions of the thread, oldest first.
    """
    turns = _turns(context)
    if not turns or not _leaves_topic(text):
        return None
    pieces = [text.strip()]
    for turn in reversed(turns):
        stands_alone = not _leaves_topic(turn.asked)
        # "and on Windows?", then "and on macOS?": the first fragment is replaced. "And how do I remove it?" keeps it.
        if stands_alone or _points(text):
            pieces.append(turn.asked)
        if stands_alone:
            break
    else:
        pieces.append(turns[0].asked)
    if _NAMES_ANSWER.search(text) and turns[-1].answered_by:
        pieces.append(turns[-1].answered_by)
    found = tuple(dict.fromkeys(pieces))
    return FollowUp(" ".join(found), turn.asked)


def with_earlier(question: Question) -> Question:
    """Return the question with the one earlier question that it goes on from as its context; with none alone."""
    found = follow_up(question.text, question.context)
    return replace(question, context=(found.after,) if found else ())


def standing_alone(question: Question) -> Question:
    """Return the question as it is searched: a follow-up with what it goes on from, anything else as it is."""
    found = follow_up(question.text, question.context)
    return replace(question, text=found.text, context=()) if found else question


def is_answered_by(question: Question, cited: str) -> bool:
    """False when a fragment asks for something that the cited passages never name.

    "And on FreeBSD?" is searched with a topic whose page may fit well and say nothing of FreeBSD; to quote it would be
    to say what was not asked. At least half of the fragment's words have to stand there. Texts that point back ("how do
    I remove it?") are not held to this: a page may say it with another verb.
    """
    if follow_up(question.text, question.context) is None or _points(question.text):
        return True
    wanted = _meaning(question.text)
    return 2 * len(wanted.intersection(terms(cited))) >= len(wanted)


def _turns(context: Sequence[str]) -> list[_Turn]:
    turns: list[_Turn] = []
    for said in context:
        if not said.startswith(ANSWERED_BY):
            turns.append(_Turn(said))
        elif turns and not turns[-1].answered_by:
            turns[-1] = _Turn(turns[-1].asked, said.removeprefix(ANSWERED_BY))
    return [turn for turn in turns if terms(turn.asked)]


def _leaves_topic(text: str) -> bool:
    """True when the words alone do not say what is asked about."""
    if len(text) > _LONGEST or says_nothing(text) or wants_people(text):
        return False
    own = _own_words(text)
    if _points(text):
        return own <= _POINTING
    if opened := _OPENS.match(text):
        return own <= (_CLAUSE if _ASKS_WHOLE.search(text, opened.end()) else _FRAGMENT)
    if re.search(r"呢[?？。\s]*$", text) or _is_fragment(text):
        return own <= _FRAGMENT and not _ASKS_WHOLE.search(text)
    return own == 0 and bool(_ASKS_BARELY.search(text))


def _is_fragment(text: str) -> bool:
    """True for a few words behind a preposition: "on Windows?"; not for "in the registry my image disappeared"."""
    return bool(_PREPOSITION.match(text)) and (len(text.split()) <= _FRAGMENT or bool(re.search(r"[?？]\s*$", text)))


def _points(text: str) -> bool:
    """True when a word stands for something that was said before, and not earlier in the same text."""
    patterns = (_POINTS, _POINTS_GERMAN, _POINTS_UNSPACED, _NAMES_ANSWER)
    found = [match.start() for pattern in patterns for match in pattern.finditer(text)]
    return bool(found) and _own_words(text[: min(found)]) <= _BEFORE


def _own_words(text: str) -> int:
    """Count the words of meaning; two characters of a script without spaces are one."""
    unspaced = len(_UNSPACED.findall(_EMPTY_UNSPACED.sub("", text)))
    return len(_meaning(_UNSPACED.sub(" ", text))) + unspaced // 2


def _meaning(text: str) -> frozenset[str]:
    """Return the words of meaning, stemmed; pairs of characters where no spaces are written."""
    return frozenset(terms(_EMPTY_UNSPACED.sub(" ", text))) - _EMPTY_TERMS


def _first_words(text: str) -> str:
    """Return the lines that say something, without greetings, up to `EARLIER_MAX` characters."""
    lines = [line.strip() for line in text.splitlines()]
    kept = " ".join(line for line in lines if line and not says_nothing(line)) or " ".join(lines)
    if len(kept) <= EARLIER_MAX:
        return kept
    return kept[:EARLIER_MAX].rsplit(" ", 1)[0]
