"""Which word stands beside which number or piece of code: `3 times` and `10 minutes` are not `10 times`."""

from __future__ import annotations

import re
from collections import defaultdict
from functools import lru_cache
from typing import TYPE_CHECKING

from assistant.core.claims_numbers import is_unit
from assistant.core.terms import STOP, stem

if TYPE_CHECKING:
    from collections.abc import Mapping

    Neighbours = Mapping[tuple[str, str], frozenset[str]]

_TOKEN = re.compile(r"`(?P<code>[^`\n]{1,80})`|v?(?P<number>\d+(?:[.,:]\d+)*)|(?P<word>[^\W\d_]+)|[^\w\s]")


@lru_cache(256)
def neighbours(text: str) -> Neighbours:
    """Return (side, word) -> numbers and pieces of code that the word stands beside; `side` is where the word stands.

    Units are left out: `claims_numbers` compares them. Numbers and code are kept apart.
    """
    found: dict[tuple[str, str], set[str]] = defaultdict(set)
    before = None
    for match in _TOKEN.finditer(text):
        if before is not None:
            _add(found, before, match)
        before = match
    return {key: frozenset(values) for key, values in found.items()}


def _add(found: dict[tuple[str, str], set[str]], left: re.Match[str], right: re.Match[str]) -> None:
    for word, other, side in ((left["word"], right, "before"), (right["word"], left, "behind")):
        if not word or len(word) < 2 or word.casefold() in STOP or (side == "behind" and is_unit(word)):  # noqa: PLR2004 - a letter
            continue
        if other["number"]:
            found[f"{side} number", stem(word.casefold())].add(other["number"])
        elif other["code"]:
            found[f"{side} code", stem(word.casefold())].add(" ".join(other["code"].split()).casefold())


def beside_another(said: str, held: str) -> str:
    """Return what a word stands beside that in the passage stands beside others alone.

    Returns:
        `other_number`, `other_literal`, or empty.
    """
    theirs = neighbours(held)
    for key, values in neighbours(said).items():
        known = theirs.get(key)
        if known is None:
            continue
        if key[0].endswith("number") and not values <= known:
            return "other_number"
        if key[0].endswith("code") and any(not any(code in other for other in known) for code in values):
            return "other_literal"
    return ""
