"""Is a statement the passage's own words turned round? Negations and opposites beside the same terms.

Cheap on purpose: a negation is taken to reach over the next few words. It sees `is not supported` against `is
supported`, `disable` against `enable`, `after` against `before`; it does not see `hardly`, or a `not` far away.
"""

# ruff: noqa: SIM905, RUF001 - long lists of quoted words would be no clearer; Chinese punctuation is looked for

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from assistant.core.terms import STOP, stem

if TYPE_CHECKING:
    from collections.abc import Mapping

_TOKEN = re.compile(r"[^\W_]+(?:['’][^\W_]+)?|[.,;:!?()。，；：！？]")
_UNSPACED = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]+")
_NEGATIONS = frozenset(
    "no not never none neither nor cannot cant without "
    "nicht kein keine keinen keinem keiner nie niemals ohne weder".split()
)
_UNSPACED_NEGATIONS = "不没沒无無未别勿禁"
_STOPS = frozenset(".;:!?()。；：！？") | {"but", "aber", "unless", "sondern"}
_REACH = 4  # words that a negation reaches over
_REACH_BACK = 2  # in German it also stands behind its verb
_GERMAN = frozenset({"nicht", "nie", "niemals"})
_OPPOSITES = (
    (
        "enable enables enabled enabling aktivieren aktiviert",
        "disable disables disabled disabling deaktivieren deaktiviert",
    ),
    (
        "allow allows allowed permit permitted erlaubt",
        "deny denies denied forbid forbidden prevent prevents prohibited verboten",
    ),
    ("increase increases increased erhöhen", "decrease decreases decreased reduce verringern"),
    ("add adds added adding hinzufügen", "remove removes removed removing delete deletes deleted entfernen löschen"),
    ("before bevor", "after nachdem"),
    ("always immer", "never nie niemals"),
    ("true", "false"),
    ("start starts started starten", "stop stops stopped stoppen"),
    ("required mandatory erforderlich", "optional"),
    ("include includes included including", "exclude excludes excluded excluding"),
    ("public öffentlich", "private privat"),
    ("minimum", "maximum"),
    ("upgrade upgrades upgraded", "downgrade downgrades downgraded"),
    ("lock locks locked", "unlock unlocks unlocked"),
    ("success succeeds succeeded successful", "failure fails failed"),
    ("ascending", "descending"),
    ("above", "below"),
    ("first erste", "last letzte"),
    ("checked select selected tick", "uncheck unchecked deselect untick"),
    ("show shows shown", "hide hides hidden"),
    ("valid gültig", "invalid ungültig"),
    ("supported unterstützt", "unsupported"),
    ("启用 开启 打开", "禁用 关闭"),
)
_SIDES: Mapping[str, tuple[int, int]] = {
    word: (number, side)
    for number, pair in enumerate(_OPPOSITES)
    for side, words in enumerate(pair)
    for word in words.split()
}
_SWITCHED = re.compile(r"\b(?:turn|switch)\w*\s+(?:[\w`*-]+\s+){0,3}?(on|off)\b")


class Polarity(NamedTuple):
    """How the terms of a text stand.

    Attributes:
        negated: Term -> whether it stands negated: one truth value, or both when it stands in both ways.
        heads: The first term behind each negation.
    """

    negated: Mapping[str, frozenset[bool]]
    heads: frozenset[str]


@lru_cache(256)
def polarity(text: str) -> Polarity:
    """Return how the terms of a text stand."""
    tokens = [token.casefold().replace("’", "'") for token in _TOKEN.findall(unicodedata.normalize("NFKC", text))]
    negated = _negated(tokens)
    found: dict[str, set[bool]] = {}
    heads: set[str] = set()
    for position, token in enumerate(tokens):
        if _UNSPACED.search(token):
            for run in _UNSPACED.findall(token):
                for at in range(max(1, len(run) - 1)):
                    found.setdefault(run[at : at + 2], set()).add(_is_negated_run(run, at))
        elif len(token) > 1 and token not in STOP and not _is_negation(token):
            found.setdefault(stem(token), set()).add(position in negated)
            if position in negated and not any(_is_word(one) for one in _since_negation(tokens, position)):
                heads.add(stem(token))
    return Polarity({term: frozenset(values) for term, values in found.items()}, frozenset(heads))


def _is_word(token: str) -> bool:
    return len(token) > 1 and token not in STOP


def _since_negation(tokens: list[str], position: int) -> list[str]:
    """Return the tokens between the nearest negation before a position and that position."""
    at = next((at for at in range(position - 1, -1, -1) if _is_negation(tokens[at])), position)
    return tokens[at + 1 : position]


def _negated(tokens: list[str]) -> set[int]:
    found: set[int] = set()
    for position, token in enumerate(tokens):
        if not _is_negation(token):
            continue
        reach = 0
        for at in range(position + 1, len(tokens)):
            if tokens[at] in _STOPS or reach == _REACH:
                break
            found.add(at)
            reach += tokens[at] not in STOP and tokens[at] != ","
        if token in _GERMAN or token.startswith("kein"):
            found.update(range(max(0, position - _REACH_BACK), position))
    return found


def _is_negation(token: str) -> bool:
    return token in _NEGATIONS or token.endswith("n't")


def _is_negated_run(run: str, at: int) -> bool:
    return any(character in _UNSPACED_NEGATIONS for character in run[max(0, at - 2) : at])


@lru_cache(256)
def _sides(text: str) -> frozenset[tuple[int, int]]:
    """Return (pair of opposites, side) of the words of a text."""
    plain = unicodedata.normalize("NFKC", text).casefold()
    plain = _SWITCHED.sub(lambda match: "enable" if match[1] == "on" else "disable", plain)
    words = re.findall(r"[^\W_]+", plain)
    return frozenset(_SIDES[word] for word in words if word in _SIDES)


def is_turned_round(said: str, held: str) -> bool:
    """True when a statement says the opposite of the sentences that it stands on.

    Args:
        said: The statement.
        held: The sentence of the passage that is nearest to it.
    """
    ours, theirs = _sides(said), _sides(held)
    if any(
        (pair, 1 - side) in theirs and (pair, side) not in theirs and (pair, 1 - side) not in ours
        for pair, side in ours
    ):
        return True
    mine, other = polarity(said), polarity(held)
    turned = {term for term, ways in mine.negated.items() if term in other.negated and not ways & other.negated[term]}
    reached = sum(True in ways | other.negated[term] for term, ways in mine.negated.items() if term in other.negated)
    return bool(turned & (mine.heads | other.heads)) or (bool(turned) and 2 * len(turned) >= reached)
