"""Markdown text -> blocks, and one block that is too long -> several. Pure; the parts of `indexing/chunking.py`."""

from __future__ import annotations

import functools
import itertools
import re
import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING

from markdown_it import MarkdownIt

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from markdown_it.token import Token

LIMIT = 400
"""Words up to which a code block or table stays whole."""

_UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_PIECE = re.compile(rf"[{_UNSPACED}]{{1,2}}|[^\W\d_{_UNSPACED}]{{1,9}}|\d{{1,3}}|([^\w\s]|_)\1*")
_PIECES_PER_WORD = 1.25  # of English prose; code has more pieces between two spaces and so counts for more words
_SENTENCE_END = re.compile(r"(?<=[.!?:;])\s+|(?<=[。！？；])\s*|\n")  # noqa: RUF001 - full-width marks end sentences too
_FENCE_LINE = re.compile(r"(?:[ >]|[-*+] |\d{1,9}[.)] )*(`{3,}|~{3,})")
_MARKER = re.compile(r"(?:[-*+]|\d{1,9}[.)])(?=\s)")
_TABLE_HEAD = 2  # lines of a table that name its columns
_DEEPEST = 8  # levels of lists and quotes that are taken apart


@dataclass(frozen=True, slots=True)
class Block:
    """A piece of Markdown that stands on its own.

    Attributes:
        kind: Type of the Markdown token that opens it (`fence`, `table_open`, `paragraph_open`, ...), or `item`.
        text: Without blank lines at either end.
        glue: What stands between the block before and this one.
        level: Of a heading, 1 to 6; 0 for all else.
    """

    kind: str
    text: str
    glue: str = "\n\n"
    level: int = 0


def weight(text: str) -> int:
    """Return the length in words as a tokenizer feels it.

    A long identifier, a URL or a line of code counts for several words; two characters of a script that writes no
    spaces count for about one.
    """
    return round(_pieces(text) / _PIECES_PER_WORD)


def blocks(text: str) -> list[Block]:
    """Return the top-level blocks of Markdown text; together they hold all of its lines."""
    return _between(text, [token for token in _parser().parse(text) if _opens(token, 0)])


def cut(block: Block, words: int, depth: int = 0) -> list[Block]:
    """Return the block in pieces of at most `words`, or whole where it is code or a table of at most `LIMIT`."""
    size = weight(block.text)
    whole = max(words, LIMIT) if block.kind in {"fence", "code_block", "table_open"} else words
    if size <= whole:
        return [block]
    if block.kind == "fence":
        return _cut_fence(block, words)
    if block.kind == "table_open":
        return _cut_table(block, words)
    if block.kind in {"bullet_list_open", "ordered_list_open", "item", "blockquote_open"} and depth < _DEEPEST:
        return _cut_container(block, words, depth)
    return [Block("paragraph_open", part, "\n\n" if number == 0 else " ") for number, part in _runs(block.text, words)]


@functools.cache
def _parser() -> MarkdownIt:
    return MarkdownIt("commonmark", {"maxNesting": 20}).enable("table").disable(["inline", "text_join"])


def _pieces(text: str) -> int:
    return sum(1 for _ in _PIECE.finditer(text))


def _opens(token: Token, level: int) -> bool:
    return token.level == level and token.nesting >= 0 and token.map is not None and token.type != "inline"


def _between(text: str, tokens: Sequence[Token]) -> list[Block]:
    """Return one block a token. Lines that belong to no token (link definitions) go to the block before them."""
    lines = text.split("\n")
    starts = [token.map[0] for token in tokens if token.map]
    found = []
    leading = "\n".join(lines[: starts[0]] if starts else lines).strip("\n")
    if leading.strip():
        found.append(Block("paragraph_open", leading))
    for token, (start, end) in zip(tokens, itertools.pairwise([*starts, len(lines)]), strict=True):
        body = "\n".join(lines[start:end]).strip("\n")
        if token.type == "fence" and token.map:
            body = _closed(body, lines[start : token.map[1]])
        level = int(token.tag[1]) if token.type == "heading_open" else 0
        found.append(Block(token.type, body, level=level))
    return found


def _closed(body: str, fence: Sequence[str]) -> str:
    """Return the fence with a closing line, which Markdown does not ask for at the end of a text."""
    opening = _FENCE_LINE.match(fence[0])
    if opening is None:
        return body
    mark = opening.group(1)
    last = fence[-1].strip(" >")
    is_closed = len(fence) > 1 and len(last) >= len(mark) and not last.strip(mark[0])
    return body if is_closed else f"{body}\n{opening.group(0)}"


def _cut_fence(block: Block, words: int) -> list[Block]:
    first, *body = block.text.split("\n")
    opening = _FENCE_LINE.match(first)
    if opening is None or not body:
        return [Block("paragraph_open", part) for _, part in _runs(block.text, words)]
    closing = body[-1]
    parts = _rows(body[:-1], words)
    return [Block("fence", "\n".join([first, *part, closing])) for part in parts]


def _cut_table(block: Block, words: int) -> list[Block]:
    lines = block.text.split("\n")
    head, rows = lines[:_TABLE_HEAD], lines[_TABLE_HEAD:]
    room = max(words // 3, words - weight("\n".join(head)))
    if weight("\n".join(head)) > words or not rows:
        return [Block("paragraph_open", part) for _, part in _runs(block.text, words)]
    return [Block("table_open", "\n".join([*head, *part])) for part in _rows(rows, room)]


def _cut_container(block: Block, words: int, depth: int) -> list[Block]:
    """Take a list apart into items, an item or quote into the blocks in it."""
    tokens = _parser().parse(block.text)
    inside = 2 if block.kind == "item" else 1
    parts = _between(block.text, [token for token in tokens if _opens(token, inside)])
    if len(parts) == 1 and parts[0].text == block.text:
        bare = _MARKER.sub(lambda marker: " " * len(marker.group()), block.text, count=1)
        parts = blocks(textwrap.dedent(bare if bare != block.text else re.sub(r"(?m)^ {0,3}> ?", "", bare)))
    is_list = block.kind.endswith("list_open")
    found = []
    for number, part in enumerate(parts):
        kind = "item" if is_list else part.kind
        glue = block.glue if number == 0 else "\n" if is_list else "\n\n"
        text = part.text if is_list else textwrap.dedent(part.text)
        found.extend(cut(Block(kind, text, glue), words, depth + 1))
    return found


def _rows(lines: Sequence[str], words: int) -> Iterator[list[str]]:
    """Yield runs of whole lines of at most `words`; a line that is longer is cut itself."""
    run: list[str] = []
    size = 0
    for line in lines:
        length = weight(line)
        if run and size + length > words:
            yield run
            run, size = [], 0
        if length > words:
            yield from ([part] for _, part in _runs(line, words))
            continue
        run.append(line)
        size += length
    if run:
        yield run


def _runs(text: str, words: int) -> Iterator[tuple[int, str]]:
    """Yield numbered runs of whole sentences of at most `words`; a sentence that is longer is cut at spaces."""
    numbers = itertools.count()
    start = size = end = 0
    for stop in itertools.chain((match.end() for match in _SENTENCE_END.finditer(text)), [len(text)]):
        length = weight(text[end:stop])
        if size and size + length > words:
            yield next(numbers), text[start:end].strip()
            start, size = end, 0
        size += length
        end = stop
        if size > words:
            for part in _lengths(text[start:end], words):
                yield next(numbers), part
            start, size = end, 0
    if rest := text[start:].strip():
        yield next(numbers), rest


def _lengths(sentence: str, words: int) -> Iterator[str]:
    """Yield parts of a text without sentence ends, cut at a space where there is one, else anywhere."""
    room = max(1, round(words * _PIECES_PER_WORD))
    start = space = count = 0
    for piece in _PIECE.finditer(sentence):
        if piece.start() > 0 and sentence[piece.start() - 1].isspace():
            space = piece.start()
        count += 1
        if count > room:
            stop = space if space > start else piece.start()
            yield sentence[start:stop].strip()
            count = _pieces(sentence[stop : piece.end()])
            start = stop
    if rest := sentence[start:].strip():
        yield rest
