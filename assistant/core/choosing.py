"""Which threshold an answer must reach: one for all, or one of its own for a group whose labels can prove it. Pure.

Each group, and each set of answers that the common threshold may have to serve (all, or all but the groups that got
their own), is a promise; the doubt is shared out among these promises (Bonferroni), so that they hold together with the
wished assurance. Which groups are tried is settled on the labels that fit the map, before any label is tested: a group
is tried only where that promises more answers, as every further promise makes all of them harder to prove.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

from assistant.core.guarantee import Chosen, answers_needed, fixed_sequence, thresholds_to_test

if TYPE_CHECKING:
    from collections.abc import Sequence

    from assistant.core.guarantee import Bound, Wish

NEVER = 1.5
"""A threshold that no confidence reaches: for answers outside the groups, when nothing is proved for them. Those that
come halfway are still suggested to the responder."""
_GROUPS_MAX = 2
_GROUP_AT_LEAST = 50  # answers that fix its thresholds; with fewer, groups are picked that do well by chance
_CANDIDATES_MAX = 8
_WORTH = 1.1  # so many times the answers must be promised before the doubt is shared out


@dataclass(frozen=True, slots=True)
class Scored:
    """An answer with its confidence (0..1), whether it is right, and the groups it belongs to."""

    confidence: float
    right: bool
    groups: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Thresholds:
    """What was chosen.

    Attributes:
        common: For answers of no group with a threshold of its own; None when nothing is proved for them.
        own: Group and its threshold; the first group that an answer belongs to counts.
        tried: Groups that were tried.
        promises: How many the doubt was shared out among.
    """

    common: Chosen | None
    own: tuple[tuple[str, Chosen], ...]
    tried: tuple[str, ...]
    promises: int


def choose(fitting: Sequence[Scored], testing: Sequence[Scored], wish: Wish, bound: Bound) -> Thresholds | None:
    """Return the thresholds that keep the wish, or None when the labels prove none.

    Args:
        fitting: Fixes groups and thresholds beforehand.
        testing: Independent of how the confidences were made; proves them.
        wish: For all answers together, and for each group with a threshold of its own.
        bound: Exact.
    """
    times = len(testing) / max(1, len(fitting))
    tried = groups_to_try(fitting, times, wish, bound)
    promises = len(tried) + 2 ** len(tried) if tried else 1
    each = wish.shared(promises)

    def one(wanted: set[str]) -> Chosen | None:
        beforehand = [answer.confidence for answer in fitting if _group(answer, tried) in wanted]
        proof = [(answer.confidence, answer.right) for answer in testing if _group(answer, tried) in wanted]
        return fixed_sequence(proof, thresholds_to_test(beforehand, times, each, bound), each, bound)

    own = tuple((group, found) for group in tried if (found := one({group})) is not None)
    common = one({"", *tried} - {group for group, _ in own})
    return Thresholds(common, own, tried, promises) if own or common else None


def groups_to_try(fitting: Sequence[Scored], times: float, wish: Wish, bound: Bound) -> tuple[str, ...]:
    """Return at most two groups for which thresholds of their own promise at least a tenth more answers."""
    counts = Counter(group for answer in fitting for group in answer.groups)
    needed = answers_needed(wish.shared(1 + 2**1)) / times if times else 0.0
    needed = max(needed, _GROUP_AT_LEAST)
    usual = [name for name, count in counts.most_common(_CANDIDATES_MAX) if needed <= count < len(fitting)]
    best: tuple[str, ...] = ()
    most = _WORTH * _promised(fitting, times, wish, bound)
    for size in range(1, _GROUPS_MAX + 1):
        for tried in combinations(usual, size):
            each = wish.shared(size + 2**size)
            parts = [[answer for answer in fitting if _group(answer, tried) == name] for name in ("", *tried)]
            promised = sum(_promised(part, times, each, bound) for part in parts)
            if promised > most:
                best, most = tried, promised
    return best


def _promised(part: Sequence[Scored], times: float, wish: Wish, bound: Bound) -> float:
    """Return how many answers would be given if those to be tested were `times` these."""

    def scaled(wrong: float, given: float, doubt: float) -> float:
        return bound(wrong * times, given * times, doubt)

    thresholds = thresholds_to_test([answer.confidence for answer in part], times, wish, bound)
    found = fixed_sequence([(answer.confidence, answer.right) for answer in part], thresholds, wish, scaled)
    return found.given * times if found else 0.0


def _group(answer: Scored, tried: Sequence[str]) -> str:
    return next((group for group in tried if group in answer.groups), "")
