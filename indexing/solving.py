"""Which comments solved a closed issue. Pure; a part of `indexing/resolution.py`.

Each comment gets points, and the reasons for them, from what it says, who wrote it and what the asker said next. The
weights were set by reading closed issues, not learnt.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from indexing.cutting import weight

if TYPE_CHECKING:
    from collections.abc import Sequence

RESPONDER_ROLES = frozenset({"responder", "developer", "maintainer", "owner", "admin", "support"})
"""Roles of people who answer: GitLab's access levels of 30 and more, and the words exports use for them."""

_ENOUGH = 2.0  # points from which a comment counts as a solution
_NEAR = 1.5  # points below the best one within which a comment belongs to the same solution
_MOST = 3  # comments that make up one solution
_SHORT = 4  # words under which a comment says hardly anything
_TALK = 14  # words up to which thanks are nothing but thanks
_SAID_MUCH = 12  # words from which a comment is more than a remark
_TELLS = 6  # words from which `solved` also tells how
_HELPED = "the asker said it helped"
_QUESTION_MARKS = "?\uff1f"
_SENTENCE = re.compile(r"[^.!?\n\u3002\uff1f]+[.!?\u3002\uff1f]*")


def _any(*alternatives: str) -> re.Pattern[str]:
    """Return a pattern of whole words in languages that have spaces. An apostrophe is straight or curly."""
    words = "|".join(alternatives).replace("'", "['\u2019]")
    return re.compile(rf"\b(?:{words})\b", re.IGNORECASE)


def _unspaced(*alternatives: str) -> re.Pattern[str]:
    return re.compile("|".join(alternatives))


_THANKS = _any(
    r"thanks?|thank you|thx|ty|cheers|awesome|great|perfect|(?:much )?appreciated",
    r"danke\w*|vielen dank|merci|gracias|obrigad\w+|grazie",
)
_THANKS_UNSPACED = _unspaced("谢谢", "感謝", "感谢", "ありがとう", "고맙", "спасибо")
_WORKED = _any(
    r"(?:that|this|it|which) (?:has |now |also )?(?:worked|works|did (?:the trick|it)|helped|fixed|solved|resolved)",
    r"(?:works?|working|worked) (?:now|fine|like a charm|perfectly|great|for me|well|as expected|again)",
    r"(?:problem|issue|it's|it is|now|got it) (?:is |was |now )?(?:solved|fixed|resolved|working)",
    r"(?:solved|resolved|fixed) (?:it|my|the|this|now)|got it (?:to work|working)|it work(?:s|ed)?|did the trick",
    r"you(?:'re| are| were) right|no longer (?:see|happen|fail)\w*|that was (?:it|the (?:problem|issue))",
    r"funktioniert|geht jetzt|gelöst|behoben|hat geholfen|klappt",
    r"résolu|ça marche|fonctionne|resuelto|funciona|risolto",
)
_WORKED_UNSPACED = _unspaced("已解决", "解决了", "好了", "可以了", "解決しま", "できました", "解決済")
_FAILED = _any(
    r"(?:does|did|do|is|was|has)(?:n't|nt|not| not)(?: seem to| to)? (?:work|help|fix|solve|change|working)\w*",
    r"still (?:not|the same|get\w*|got|no|see\w*|fail\w*|have|having|does)|no luck|(?:no|to) avail|without success",
    r"not working|same (?:error|problem|issue|result)|(?:hat|geht|funktioniert) (?:leider )?nicht|immer noch",
)
_FAILED_UNSPACED = _unspaced("还是不行", "没有用", "不行", "だめ")
_SELF_SOLVED = _any(
    r"(?:i|we)(?:'ve| have)? (?:just |finally |now |was able (?:to )?|could )?"
    r"(?:solved?|fix(?:ed)?|resolved?|found (?:the|a|it|out)|managed to|figured (?:it |this |that )?out)",
    r"(?:finally |i |we )got (?:it|this|that|everything|things|it all) (?:to work|working|running)",
    r"it was (?:an?|because|due)|(?:cause|problem|issue|reason) (?:was|were)",
    r"(?:solution|fix|workaround|root cause|culprit|answer) (?:was|is|were)",
    r"(?:solved|fixed) (?:it )?by|turn(?:s|ed) out|for (?:anyone|others|the record|future|posterity)",
    r"(?:worked|works) for me|it works (?:if|when|after|with|now)|ended up|my (?:mistake|bad|fault)|user error",
    r"die lösung|lösung war|gelöst (?:durch|mit)|(?:ich|wir) (?:habe?n?) .{0,40}gelöst|lag an",
    r"(?:edit|update|solution|solved|fixed|lösung)(?=\s*[:\uff1a])",
)
_SELF_SOLVED_UNSPACED = _unspaced("解决方法", "解决方案", "解决办法", "原因是", "解決方法", "原因は")
_ME_TOO = re.compile(
    r"^\W*(?:\+1|same (?:here|issue|problem|question|error)|me too|bump\b|also interested|gleiches problem|ich auch)"
    r"|\b(?:having|have|facing|face|get|getting|got) (?:the|this|a) ?(?:exact |very )?(?:same|similar) "
    r"(?:problem|issue|error)"
    r"|\b(?:did|have) (?:you|anyone|anybody|someone|u) (?:ever )?(?:find|found|solve|manage|figure|get)"
    r"|\bany (?:news|update|progress|luck|idea|solution|workaround)|\bis there any (?:update|news|solution)"
    r"|\b(?:was|is|has) (?:this|it)(?: been| ever)* (?:resolved|solved|fixed)\s*\?|\bwere you able"
    r"|\blet (?:me|us) know if (?:you|any)|同样|同問",
    re.IGNORECASE,
)
_ASKS_BACK = _any(
    r"(?:can|could|would) you (?:please |also |maybe )?(?:share|post|provide|show|try|check|paste|send|tell|give"
    r"|include|elaborate|explain|describe|confirm|clarify|open)",
    r"what (?:version|is the|are the|do you|does|kind|exactly|happens)|what's|which (?:version|browser|query|data)",
    r"do you (?:have|see|use|get|mean|know)|are you (?:using|running|sure|able)|is it possible (?:that )?you",
    r"(?:have|did) you (?:tried|checked|try|check|run|restart)|how (?:did|do|are) you|more (?:details|info)",
    r"welche version|können sie|kannst du",
)
_FINAL = _any(
    r"you (?:can|need to|should|have to|could|must|may|will need)|try|use|set|run|add|change|replace|install|upgrade",
    r"update|remove|make sure|check|see|there(?:'s| is)|instead|because|currently|known (?:bug|issue|limitation)",
    r"not (?:possible|supported|available|implemented|currently)|not? (?:way|yet)|this (?:is|was) (?:a|due|by)",
    r"(?:is|was|been) (?:fixed|released|merged|added|supported|removed|available)|sie müssen|du musst|bitte",
)
_FINAL_UNSPACED = _unspaced("请", "需要", "可以")
_LINK = re.compile(r"https?://")
_CODE = re.compile(r"```|~~~|`[^`\n]+`|^(?: {4}|\t)\S", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Said:
    """A comment as the scoring sees it.

    Attributes:
        text: What a reader sees of it, without repeated quotations.
        by: Its author.
        is_asker: By the author of the issue.
        is_responder: By a person who answers.
        mentions: People it names.
        accepted: Marked as the answer.
        reactions: People who agreed to it.
        linked: Its source linked somewhere, which its text does not show.
    """

    text: str
    by: str
    is_asker: bool
    is_responder: bool
    mentions: frozenset[str] = frozenset()
    accepted: bool = False
    reactions: int = 0
    linked: bool = False


@dataclass(frozen=True, slots=True)
class Solution:
    """What solved the issue.

    Attributes:
        comments: Positions of the comments, in order; empty when nothing was found.
        reasons: Why, for the best of them.
        by_responder: A responder wrote one of them.
        confirmed_by_asker: The asker said that one of them helped.
    """

    comments: tuple[int, ...] = ()
    reasons: tuple[str, ...] = ()
    by_responder: bool = False
    confirmed_by_asker: bool = False


@dataclass(slots=True)
class _Score:
    points: float = 0.0
    reasons: list[str] = field(default_factory=list)

    def add(self, points: float, reason: str) -> None:
        self.points += points
        self.reasons.append(reason)


def find_solution(thread: Sequence[Said]) -> Solution:
    """Return the comments that solved an issue, from all its comments in order of time."""
    scores = [_of_text(said) for said in thread]
    _add_replies(thread, scores)
    _add_last_words(thread, scores)
    best = max((score.points for score in scores), default=0.0)
    if best < _ENOUGH:
        return Solution()
    ranked = sorted(range(len(thread)), key=lambda number: (-scores[number].points, -number))
    chosen = [n for n in ranked[:_MOST] if scores[n].points >= max(_ENOUGH, best - _NEAR)]
    return Solution(
        comments=tuple(sorted(chosen)),
        reasons=tuple(scores[ranked[0]].reasons),
        by_responder=any(thread[n].is_responder for n in chosen),
        confirmed_by_asker=any(_HELPED in scores[n].reasons for n in chosen),
    )


def is_noise(text: str) -> bool:
    """Return whether a comment says nothing but thanks, `me too` or `any news?`."""
    size = weight(text)
    if _CODE.search(text) or _LINK.search(text):
        return False
    if size < _SHORT:
        return True
    if size <= 3 * _TALK and _ME_TOO.search(text):
        return True
    return size <= _TALK and _says(text, _THANKS, _THANKS_UNSPACED) and not _tells_solution(text)


def _says(text: str, *patterns: re.Pattern[str]) -> bool:
    return any(pattern.search(text) for pattern in patterns)


def _tells_solution(text: str) -> bool:
    return _says(text, _SELF_SOLVED, _SELF_SOLVED_UNSPACED)


def _of_text(said: Said) -> _Score:
    """Return the points for what a comment says and who says it."""
    score = _Score()
    text, size = said.text, weight(said.text)
    if is_noise(text) and not said.accepted:
        score.add(-4.0, "thanks or me too")
        return score
    tells = _tells_solution(text) and (size >= _TELLS or bool(_CODE.search(text)))
    links = said.linked or bool(_LINK.search(text))
    points = (
        (said.is_responder, 1.5, "by a responder"),
        (not said.is_responder and not said.is_asker, 0.4, "by another person"),
        (said.is_asker and tells, 3.0, "the asker tells the solution"),
        (said.is_asker and not tells, -1.5, "by the asker"),
        (tells and not said.is_asker, 0.7, "tells a solution"),
        (said.accepted, 5.0, "accepted"),
        (said.reactions > 0, 0.5 * min(said.reactions, 4), "others agreed"),
        (links, 0.5, "links to more"),
        (bool(_CODE.search(text)), 0.5, "shows code"),
        (_says(text, _FINAL, _FINAL_UNSPACED), 0.8, "says what to do"),
        (size >= _SAID_MUCH, 0.3, "says much"),
        (_is_question(text), -2.5, "asks back"),
    )
    for applies, value, reason in points:
        if applies:
            score.add(value, reason)
    return score


def _is_question(text: str) -> bool:
    """Return whether a comment mostly asks."""
    plain = re.sub(r"(?s)(`{3,}|~{3,}).*?\1|`[^`]*`", " ", text)
    plain = re.sub(r"(?m)^\s*>.*$", " ", plain).strip()
    sentences = [part.strip(" )\"'*_\n") for part in _SENTENCE.findall(plain)]
    sentences = [part for part in sentences if len(part) > 1]
    if not sentences:
        return False
    asked = [part[-1] in _QUESTION_MARKS for part in sentences]
    asks_back = [bool(_ASKS_BACK.search(part)) for part in sentences]
    if asked[-1] and sum(asked) * 2 >= len(sentences):
        return True
    opens_with_it = (asked[0] or "you" in sentences[0].casefold()) and asks_back[0]
    return opens_with_it or (any(asks_back) and sum(asked) * 3 >= len(sentences))


def _add_replies(thread: Sequence[Said], scores: list[_Score]) -> None:
    """Give points for what the asker, or another person with the same problem, said next."""
    for number, said in enumerate(thread):
        target = None if said.is_responder and not said.is_asker else _answered_by(thread, number)
        if target is None:
            continue
        thanks = _says(said.text, _THANKS, _THANKS_UNSPACED)
        alone = _tells_solution(said.text) or (_is_question(thread[target].text) and weight(said.text) > _TALK)
        if said.is_asker and alone and not (thanks or said.mentions or is_noise(said.text)):
            continue  # solved without help
        if _says(said.text, _FAILED, _FAILED_UNSPACED):
            scores[target].add(-1.5 if said.is_asker else -0.5, "it did not help")
        elif _says(said.text, _WORKED, _WORKED_UNSPACED):
            scores[target].add(*((3.0, _HELPED) if said.is_asker else (1.0, "it helped others")))
        elif said.is_asker and thanks:
            scores[target].add(1.0, "the asker said thanks")


def _add_last_words(thread: Sequence[Said], scores: list[_Score]) -> None:
    """Give points for the last thing that a responder, or where there is none another person, had to say."""
    has_responder = any(said.is_responder for said in thread)
    for said, score in zip(reversed(thread), reversed(scores), strict=True):
        answers = said.is_responder if has_responder else not said.is_asker
        if answers and not is_noise(said.text):
            score.add(1.0, "last word")
            return


def _answered_by(thread: Sequence[Said], number: int) -> int | None:
    """Return the comment that comment `number` replies to: the last of a person it names, else the last by another."""
    found = None
    for earlier in range(number - 1, -1, -1):
        said = thread[earlier]
        if said.by == thread[number].by or is_noise(said.text):
            continue
        if said.by in thread[number].mentions:
            return earlier
        if found is None:
            found = earlier
        if not thread[number].mentions:
            break
    return found
