"""Long text of people -> less of it: logs to their front and end, comments to their first blocks. Pure."""

from __future__ import annotations

import itertools
import re

from indexing.cutting import Block, blocks, cut, weight

_LOG_LINES = 12  # lines of a paragraph from which it counts as a log that lost its fence
_LOG_HEAD = 0.3  # share of a shortened log that its first lines get
_LONGEST_LINE = 300  # characters of a line in a shortened log
_PIECE_WORDS = 150  # a longer block is taken apart where a text must be shortened
_FENCE = re.compile(r"\s*(`{3,}|~{3,})")


def shortened(text: str, words: int) -> str:
    """Return the first blocks of at most `words` in all."""
    kept: list[Block] = []
    room = words
    pieces = itertools.chain.from_iterable(cut(block, max(1, min(words, _PIECE_WORDS))) for block in blocks(text))
    for block in pieces if room > 0 else ():
        size = weight(block.text)
        if size > room:
            if not kept:
                kept.append(Block(block.kind, short_log(block.text, room)))
            break
        kept.append(block)
        room -= size
    return "".join(("" if n == 0 else block.glue) + block.text for n, block in enumerate(kept))


def is_log(block: Block) -> bool:
    """Return whether a block is code, or a log that lost its fence."""
    unfenced = block.kind == "paragraph_open" and block.text.count("\n") >= _LOG_LINES
    return unfenced or block.kind in {"fence", "code_block"}


def short_log(text: str, words: int) -> str:
    """Return a log or a piece of code with at most about `words`: lines of its front and of its end."""
    if weight(text) <= words:
        return text
    lines = [line[:_LONGEST_LINE] for line in text.split("\n")]
    fence = _FENCE.match(lines[0])
    opening, closing = (lines[:1], [fence.group(1)]) if fence else ([], [])
    if fence:
        lines = lines[1:-1] if lines[-1].strip().startswith(fence.group(1)) else lines[1:]
    head = _until(lines, words * _LOG_HEAD)
    tail = _until(lines[len(head) :][::-1], words * (1 - _LOG_HEAD))[::-1]
    gap = ["…"] if len(head) + len(tail) < len(lines) else []
    return "\n".join([*opening, *head, *gap, *tail, *closing])


def _until(lines: list[str], words: float) -> list[str]:
    """Return the first lines of at most `words` in all, and at least one."""
    sizes = itertools.accumulate(weight(line) for line in lines)
    return lines[: max(1, sum(size <= words for size in sizes))]
