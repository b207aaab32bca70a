"""Which comments solved a closed issue. Pure; a part of `indexing/resolution.py`.

Each comment gets points, and the reasons for them, from what it says, who wrote it and what the asker said next. The
weights were set by reading closed issues, not learnt.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from indexing.cutting import weight
from indexing.phrases import (
    CODE,
    FAILED,
    FAILED_UNSPACED,
    FINAL,
    FINAL_UNSPACED,
    LINK,
    TALK,
    THANKS,
    THANKS_UNSPACED,
    WORKED,
    WORKED_UNSPACED,
    agrees,
    is_noise,
    is_question,
    names_fix,
    says,
    seeks_help,
    tells_solution,
    thanks_for_solution,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

RESPONDER_ROLES = frozenset({"responder", "developer", "maintainer", "owner", "admin", "support"})
"""Roles of people who answer: GitLab's access levels of 30 and more, and the words exports use for them."""

_ENOUGH = 2.0  # points from which a comment counts as a solution
_NEAR = 1.5  # points below the best one within which a comment belongs to the same solution
_MOST = 3  # comments that make up one solution
_SAID_MUCH = 12  # words from which a comment is more than a remark
_TELLS = 6  # words from which `solved` also tells how
_HELPED = "the asker said it helped"
_THANKED = "a responder thanked for the solution"


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
        closed_it: Its author closed the issue.
        late: Said after the issue was closed.
        eligible: It may be taken for the solution.
    """

    text: str
    by: str
    is_asker: bool
    is_responder: bool
    mentions: frozenset[str] = frozenset()
    accepted: bool = False
    reactions: int = 0
    linked: bool = False
    closed_it: bool = False
    late: bool = False
    eligible: bool = True


@dataclass(frozen=True, slots=True)
class Solution:
    """What solved the issue.

    Attributes:
        comments: Positions of the comments, in order; empty when nothing was found.
        reasons: What speaks for the best of them, the weightiest first.
        best: Position of the best of them; -1 when nothing was found.
        confirmed_by_asker: The asker said that one of them helped.
    """

    comments: tuple[int, ...] = ()
    reasons: tuple[str, ...] = ()
    best: int = -1
    confirmed_by_asker: bool = False


@dataclass(slots=True)
class _Score:
    points: float = 0.0
    reasons: list[tuple[float, str]] = field(default_factory=list)

    def add(self, points: float, reason: str) -> None:
        self.points += points
        self.reasons.append((points, reason))

    def has(self, reason: str) -> bool:
        return any(reason == given for _, given in self.reasons)

    def in_favour(self) -> tuple[str, ...]:
        """Return the reasons that added points, the weightiest first."""
        good = [entry for entry in self.reasons if entry[0] > 0.0]
        return tuple(dict.fromkeys(reason for _, reason in sorted(good, key=lambda entry: -entry[0])))


def find_solution(thread: Sequence[Said]) -> Solution:
    """Return the comments that solved an issue, from all its comments in order of time."""
    scores = [_of_text(said) for said in thread]
    _add_replies(thread, scores)
    _add_last_words(thread, scores)
    numbers = [number for number, said in enumerate(thread) if said.eligible]
    ranked = sorted(numbers, key=lambda number: (-scores[number].points, -number))
    if not ranked or scores[ranked[0]].points < _ENOUGH:
        return Solution()
    best = ranked[0]
    chosen = [n for n in ranked[:_MOST] if scores[n].points >= max(_ENOUGH, scores[best].points - _NEAR)]
    chosen += [
        n
        for n in ranked
        if n not in chosen and scores[n].points >= _ENOUGH and (_tells_how(thread[n]) or scores[n].has(_THANKED))
    ]
    return Solution(
        comments=tuple(sorted(chosen[: _MOST + 1])),
        reasons=scores[best].in_favour(),
        best=best,
        confirmed_by_asker=any(scores[n].has(_HELPED) for n in chosen),
    )


def _tells_how(said: Said) -> bool:
    """Return whether the asker says in the end what worked: it stands beside the answer that led there."""
    return said.is_asker and tells_solution(said.text) and bool(CODE.search(said.text) or said.linked)


def _of_text(said: Said) -> _Score:
    """Return the points for what a comment says and who says it."""
    score = _Score()
    text, size = said.text, weight(said.text)
    if is_noise(text) and not said.accepted:
        score.add(-4.0, "thanks or me too")
        return score
    tells = tells_solution(text) and (size >= _TELLS or bool(CODE.search(text)))
    links = said.linked or bool(LINK.search(text))
    stranger = not said.is_responder and not said.is_asker
    points = (
        (said.is_responder, 1.5, "by a responder"),
        (stranger, 0.4, "by another person"),
        (said.is_asker and tells, 3.0, "the asker tells the solution"),
        (said.is_asker and not tells, -1.5, "by the asker"),
        (tells and said.is_responder and not said.is_asker, 0.7, "tells a solution"),
        (tells and stranger, 1.3, "tells what worked"),
        (stranger and not tells and seeks_help(text), -2.0, "looks for help"),
        (said.accepted, 5.0, "accepted"),
        (said.reactions > 0, 0.5 * min(said.reactions, 4), "others agreed"),
        (said.closed_it and not said.is_asker, 1.0, "by who closed it"),
        (names_fix(text), 0.7, "names the fix"),
        (links, 0.5, "links to more"),
        (bool(CODE.search(text)), 0.5, "shows code"),
        (says(text, FINAL, FINAL_UNSPACED), 0.8, "says what to do"),
        (size >= _SAID_MUCH, 0.3, "says much"),
        (is_question(text), -2.5, "asks back"),
    )
    for applies, value, reason in points:
        if applies:
            score.add(value, reason)
    return score


def _add_replies(thread: Sequence[Said], scores: list[_Score]) -> None:
    """Give points for what people said next."""
    for number, said in enumerate(thread):
        target = _answered_by(thread, number)
        if target is None:
            continue
        if said.is_responder and not said.is_asker:
            _add_of_responder(said, thread[target], scores[target])
        else:
            _add_of_asker(said, thread[target], scores[target])


def _add_of_responder(said: Said, target: Said, score: _Score) -> None:
    """Give points for what a responder says of another person's answer."""
    if target.is_responder:
        return
    if thanks_for_solution(said.text):
        score.add(3.0, _THANKED)
    elif agrees(said.text) and not target.is_asker:
        score.add(1.5, "a responder agreed")


def _add_of_asker(said: Said, target: Said, score: _Score) -> None:
    """Give points for what the asker, or another person with the same problem, says of an answer."""
    thanks = says(said.text, THANKS, THANKS_UNSPACED)
    asks = is_question(target.text)
    if asks and not thanks and not said.mentions:
        return  # it answers what was asked
    alone = tells_solution(said.text) or (asks and weight(said.text) > TALK)
    if said.is_asker and alone and not (thanks or said.mentions or is_noise(said.text)):
        return  # solved without help
    if says(said.text, FAILED, FAILED_UNSPACED):
        score.add(-2.5 if said.is_asker else -0.5, "it did not help")
    elif says(said.text, WORKED, WORKED_UNSPACED):
        score.add(*((3.0, _HELPED) if said.is_asker else (1.0, "it helped others")))
    elif said.is_asker and thanks:
        score.add(1.0, "the asker said thanks")


def _add_last_words(thread: Sequence[Said], scores: list[_Score]) -> None:
    """Give points for the last thing that a responder, or where there is none another person, said before the close."""
    has_responder = any(said.is_responder for said in thread)
    for said, score in zip(reversed(thread), reversed(scores), strict=True):
        answers = said.is_responder if has_responder else not said.is_asker
        if answers and not said.late and not is_noise(said.text):
            score.add(1.0, "last word before it was closed")
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
