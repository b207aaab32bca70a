"""Quotations in comments that repeat what was said before. Pure; a part of `indexing/resolution.py`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from indexing.cutting import Block, blocks, weight

if TYPE_CHECKING:
    from collections.abc import Sequence
    from collections.abc import Set as AbstractSet

_SHORT = 40  # words up to which a quotation stays when the answers stand between quotations
_SAME = 0.8  # share of the words of a quotation that must have been said before


def without_repeats(text: str, before: Sequence[AbstractSet[str]]) -> str:
    """Return a comment without the quotations that only repeat earlier text.

    Where a comment answers several quotations one by one, short ones stay: `Not by default.` says nothing alone.

    Args:
        text: The comment.
        before: `words_of` the description and each comment before it.
    """
    parts = blocks(text)
    repeated = [part for part in parts if _is_quote(part) and _was_said(part.text, before)]
    one_by_one = len(repeated) > 1
    kept = [part for part in parts if part not in repeated or (one_by_one and weight(part.text) <= _SHORT)]
    return "\n\n".join(part.text for part in kept)


def _is_quote(block: Block) -> bool:
    return block.kind == "blockquote_open"


def _was_said(quote: str, before: Sequence[AbstractSet[str]]) -> bool:
    words = words_of(quote)
    return not words or any(len(words & said) >= _SAME * len(words) for said in before)


def words_of(text: str) -> frozenset[str]:
    """Return the words of a text, whatever their case."""
    return frozenset(re.findall(r"[^\W_]+", text.casefold()))
