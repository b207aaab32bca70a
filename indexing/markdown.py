"""Markdown as people write it -> Markdown that says what a reader sees. Pure.

Code is left untouched. Everywhere else HTML comments, hidden elements and template tags go, links and images shrink to
their words, and HTML becomes Markdown or plain text.
"""

from __future__ import annotations

import functools
import re
import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from markdown_it import MarkdownIt

from indexing.cutting import blocks
from indexing.visible import Visible

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from markdown_it.token import Token

_FRONT_MATTER = re.compile(r"(---|\+\+\+)[ \t]*\n(.*?)(?:^|\n)(?:\1|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL)
_LONGEST_FRONT_MATTER = 20_000  # characters
_YAML_LINE = re.compile(r"([A-Za-z][\w-]*):[ \t]*(.*)")
_MODULE_LINE = re.compile(r"(?:import\s.+\sfrom\s+['\"]|import\s+['\"]|export\s+(?:const|default|let|function)\b)")
_DELIMITERS = re.compile(r"[ \t>]*\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*\Z")
_TITLE_REACH = 20_000  # characters from the start in which the title is looked for


@dataclass(frozen=True, slots=True)
class Normalised:
    """What a reader sees of a Markdown file.

    Attributes:
        title: From the front matter, else the first heading of level 1; empty when there is neither.
        front_matter: Its plain values as text, by name.
        text: The body, with the first heading still in it.
    """

    title: str
    front_matter: Mapping[str, str]
    text: str


@dataclass(frozen=True, slots=True)
class _Region:
    """Lines of one kind: `code`, `html`, `text`, `row` (of a table) or `definition` (of a link)."""

    kind: str
    start: int
    end: int


def normalise(text: str, *, components: bool = False) -> Normalised:
    """Return what a reader sees of Markdown text.

    Args:
        text: Markdown with or without front matter (YAML or TOML).
        components: The text is MDX: lines of JavaScript modules and the tags of components go too.
    """
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").replace("\0", "\ufffd")
    front_matter, body = _front_matter(text)
    visible = _visible(body, components=components)
    title = " ".join(front_matter.get("title", "").split()) or _first_heading(visible)
    return Normalised(title, front_matter, visible)


def _front_matter(text: str) -> tuple[dict[str, str], str]:
    match = _FRONT_MATTER.match(text, 0, _LONGEST_FRONT_MATTER)
    if match is None:
        return {}, text
    values = _toml(match.group(2)) if match.group(1) == "+++" else _yaml(match.group(2))
    return values, text[match.end() :]


def _toml(source: str) -> dict[str, str]:
    try:
        return {name: str(value) for name, value in tomllib.loads(source).items() if not isinstance(value, dict | list)}
    except tomllib.TOMLDecodeError:
        return {}


def _yaml(source: str) -> dict[str, str]:
    """Return the plain top-level values; lists and nested values are not needed here."""
    values: dict[str, str] = {}
    folded = ""
    for line in source.split("\n"):
        if match := _YAML_LINE.match(line):
            name, value = match.group(1), match.group(2).strip()
            folded = name if value in {"", ">", "|", ">-", "|-"} else ""
            values[name] = "" if folded else _unquoted(value)
        elif folded and line.startswith((" ", "\t")) and not line.lstrip().startswith("- "):
            values[folded] = f"{values[folded]} {line.strip()}".strip()
    return values


def _unquoted(value: str) -> str:
    quote = value[:1]
    if quote in {'"', "'"} and (end := value.rfind(quote)) > 0:
        return value[1:end].replace("''" if quote == "'" else '\\"', quote)
    return re.sub(r"\s+#.*", "", value)


def _visible(body: str, *, components: bool) -> str:
    lines = body.split("\n")
    env: dict[str, Any] = {}
    tokens = _parser().parse(body, env)
    references = env.get("references", {})
    writer = Visible(frozenset(references), components=components)
    for region in _regions(tokens, references, len(lines)):
        part = lines[region.start : region.end]
        if region.kind == "code":
            writer.code("\n".join(part))
        elif region.kind == "row":
            writer.row("\n".join(part))
        elif region.kind == "html":
            writer.text("\n".join(part), markup=True)
        elif region.kind == "text":
            kept = [line for line in part if not (components and _MODULE_LINE.match(line))]
            writer.text("\n".join(_short_delimiters(line) for line in kept))
    return writer.result()


def _short_delimiters(line: str) -> str:
    """Return the line below a table's header with three dashes a column: embedders read each dash."""
    return re.sub("-{4,}", "---", line) if "|" in line and _DELIMITERS.match(line) else line


def _regions(tokens: list[Token], references: Mapping[str, Any], total: int) -> Iterator[_Region]:
    """Yield regions that together hold all lines, in order. What no token claims counts as text."""
    next_line = 0
    for region in sorted(_claimed(tokens, references), key=lambda region: (region.start, -region.end)):
        if region.end <= next_line:
            continue
        start = max(region.start, next_line)
        if start > next_line:
            yield _Region("text", next_line, start)
        yield _Region(region.kind, start, region.end)
        next_line = region.end
    if next_line < total:
        yield _Region("text", next_line, total)


def _claimed(tokens: list[Token], references: Mapping[str, Any]) -> Iterator[_Region]:
    kinds = {"fence": "code", "code_block": "code", "html_block": "html", "inline": "text"}
    in_row = False
    for token in tokens:
        if token.type in {"tr_open", "tr_close"}:
            in_row = token.nesting == 1
        if token.map is not None and token.type in kinds:
            kind = "row" if in_row and token.type == "inline" else kinds[token.type]
            yield _Region(kind, token.map[0], token.map[1])
    for reference in references.values():
        yield _Region("definition", *reference["map"])


def _first_heading(text: str) -> str:
    for block in blocks(text[:_TITLE_REACH]):
        if block.level == 1:
            first = block.text.split("\n")[0].strip().strip("#").strip()
            return re.sub(r"[`*]|\{#[\w-]*\}", "", first).strip()
    return ""


@functools.cache
def _parser() -> MarkdownIt:
    return MarkdownIt("commonmark").enable("table").disable(["inline", "text_join"])
