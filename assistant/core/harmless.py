"""What may be shown of a text that a model or a page wrote: no address, no command that destroys, no order."""

# ruff: noqa: RUF001 - punctuation of other languages is what is looked for here

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from assistant.core.links import without_links
from indexing.danger import dangers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from indexing.model import Passage

_FENCED = re.compile(r"(?ms)^[ \t]*(`{3,}|~{3,})[^\n]*\n.*?(?:^[ \t]*\1[^\S\n]*$|\Z)")
_CODE = re.compile(_FENCED.pattern + r"|`[^`\n]+`")
_NAME = re.compile(
    r"(?<![\w/.@:\\~%-])(?!www\.)(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.){1,8}[a-z]{2,24}(?::\d{1,5})?"
    r"(?:/[A-Za-z0-9_.@$:{}<>+-]+){1,12}(?![\w/?#&=%\\])"
    r"|(?<![\w/.@-])(?:\d{1,3}\.){3}\d{1,3}/\d{1,2}(?![\w/.:])"
)
"""A host with a path as in image names, or a network range: no scheme, no query, nothing encoded."""
_FETCHES = re.compile(r"\b(?:curl|wget|iwr|invoke-\w+|xdg-open)\b|://|\]\(", re.IGNORECASE)
_LEFT_OUT = "(a command that can do damage is left out; read the source before you run it)"
_ASKS_FOR_SECRETS = re.compile(
    r"\b(?:send|share|dm|give|tell|provide|post|e?mail|type|enter|paste|schick\w*|sende\w*|nenn\w*|verrat\w*|gib)[ ]"
    r"(?:\w+[ ]){0,3}?(?:your|dein\w*|ihr\w*)[ ](?:\w+[ ]){0,3}?"
    r"(?:password|passwort|kennwort|passcode|pin|secret|token|credential|private key)"
    r"|\bdm\s+your\b|(?:password|passwort|kennwort|token)\w* (?:to|an) @|(?:提供|发送|告诉)[^。\n]{0,8}(?:密码"
    r"|口令|令牌)|(?:パスワード|暗証番号)[^。\n]{0,6}(?:送|教え)",
    re.IGNORECASE,
)
_TO_THE_ASSISTANT = re.compile(
    r"(?:^|[\n>(\[（「])[ ]*(?:assistant|助手|アシスタント|system|システム|系统|ki|ia|ai|l['’]ia)\s*(?:须知"
    r"|注意|note|:|：)"
    r"|(?:answer|reply|respond|antworte|réponds|请回答|以後の回答)\w*\W+(?:\w+\W+){0,3}?(?:only|always|immer"
    r"|toujours|with:|with the)"
    r"|以後の回答|请回答|instructions? pour l['’]ia|every answer|(?:close|end|after|begin|start) (?:the|every"
    r"|each) answer"
    r"|ignore (?:(?:all|the|your|any|these|those) ){0,3}(?:previous|prior|above|earlier|instructions?|rules"
    r"|user)\b|(?:you|du) (?:now )?(?:obey|gehorchst)"
    r"|may i share secrets",
    re.IGNORECASE,
)


def is_instruction(text: str) -> bool:
    """True when the prose of a claim asks for a secret, or gives an order to the assistant."""
    prose = _FENCED.sub("", text)
    return bool(_ASKS_FOR_SECRETS.search(prose) or _TO_THE_ASSISTANT.search(prose))


def harmless(text: str, cited: Sequence[Passage]) -> str:
    """Return the text without web addresses and without commands that destroy."""
    kept = [_LEFT_OUT if dangers(line) else line for line in text.split("\n")]
    return _linkless("\n".join(kept), cited)


def _linkless(text: str, cited: Sequence[Passage]) -> str:
    """Remove addresses, but keep names of images and hosts in code that stand so in a cited passage.

    `docker pull registry.example.com/a/b:1` is useless without its name. It is no link: it stands in code, has neither
    scheme nor query, and comes from the index letter by letter, so it can carry nothing away.
    """
    mark = next(mark for n in range(len(text) + 1) if (mark := f"kept{n}name") not in text)
    names: list[str] = []

    def keep(match: re.Match[str]) -> str:
        if not any(_stands_in(match[0], passage.chunk.text) for passage in cited):
            return match[0]
        names.append(match[0])
        return f"{mark}{len(names) - 1}x"

    def keep_in_code(match: re.Match[str]) -> str:
        return "\n".join(line if _FETCHES.search(line) else _NAME.sub(keep, line) for line in match[0].split("\n"))

    linkless = without_links(_CODE.sub(keep_in_code, text))
    return re.sub(rf"{mark}(\d+)x", lambda match: names[int(match[1])], linkless)


def _stands_in(name: str, text: str) -> bool:
    return any(found[0] == name for found in _NAME.finditer(text))
