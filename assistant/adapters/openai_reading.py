"""What a model wrote, also while it is still writing: JSON of the schema or prose, cleaned of addresses."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from assistant.core.drafting import NOT_FOUND, answer_text
from assistant.core.sentences import units

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from assistant.core.model import Draft

_THOUGHT = re.compile(r"\A\s*<think>.*?(?:</think>|\Z)", re.DOTALL)
_JSON_FENCE = re.compile(r"\A\s*```(?:json)?\s*\n|\n?\s*```\s*\Z")
_NOT_ALPHANUMERIC = re.compile(r"[\W_]+")


class Shown:
    """Hands finished sentences to `on_text`, each cleaned whole, and nothing once the canary is seen."""

    def __init__(self, canary: str, without_links: Callable[[str], str], on_text: Callable[[str], None] | None) -> None:
        self._canary = canary
        self._without_links = without_links
        self._on_text = on_text
        self._count = 0
        self._text = ""

    def update(self, text: str) -> None:
        """Take all text so far; the last sentence may still grow, so it waits."""
        self._text = text
        if self._on_text:
            self._show(len(units(text)) - 1)

    def finish(self) -> None:
        """Show the last sentence too."""
        if self._on_text:
            self._show(len(units(self._text)))

    def _show(self, upto: int) -> None:
        if upto <= self._count or repeats(self._text, self._canary):
            return
        for unit in units(self._text)[self._count : upto]:
            if self._on_text and (clean := self._without_links(unit.text).strip()):
                self._on_text(clean + ("\n" if unit.is_code else " "))
        self._count = upto


def repeats(text: str, canary: str) -> bool:
    """Compare letters and digits alone: a canary spelled with spaces or dots is one too."""
    return _NOT_ALPHANUMERIC.sub("", canary).lower() in _NOT_ALPHANUMERIC.sub("", text).lower()


def schema(numbers: Collection[int]) -> dict[str, Any]:
    """`found` comes first, so that a model decides before it writes; only numbers it was shown can be cited."""
    cite = {"type": "integer", "enum": sorted(numbers)}
    claim = {
        "type": "object",
        "properties": {"text": {"type": "string"}, "cites": {"type": "array", "items": cite}},
        "required": ["text", "cites"],
        "additionalProperties": False,
    }
    return {
        "type": "object",
        "properties": {"found": {"type": "boolean"}, "claims": {"type": "array", "items": claim}},
        "required": ["found", "claims"],
        "additionalProperties": False,
    }


def body_of(text: str) -> str:
    """Return the text without what a model thought aloud before, and without a fence around all of it."""
    return _JSON_FENCE.sub("", _THOUGHT.sub("", text)).strip() if text.lstrip()[:1] in "<`" else text.strip()


def fields_of(body: str, *, finished: bool) -> dict[str, Any] | None:
    """Return the JSON object of a text, also a cut one; empty when it is malformed, None when the text is prose.

    Args:
        body: Text of the model.
        finished: Leave out a string that is cut off: half a sentence may say the opposite of the whole one.
    """
    from pydantic_core import from_json  # noqa: PLC0415 - `assistant --help` must not load it

    if not body.startswith("{"):
        return None
    try:
        found = from_json(body, allow_partial=True if finished else "trailing-strings")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def visible(text: str, *, as_json: bool) -> str:
    """Return what may be shown of a text that is still coming in.

    Args:
        text: So far.
        as_json: Whether JSON was asked for: prose waits until it is sure that it will be used.
    """
    body = body_of(text)
    if as_json and not body.startswith("{"):
        return ""
    if not body or body.startswith("{"):
        return answer_text(fields_of(body, finished=False) or {}) if body else ""
    return "" if NOT_FOUND.startswith(body[: len(NOT_FOUND)]) or body.startswith(NOT_FOUND) else body


def linkless(fields: dict[str, Any], without_links: Callable[[str], str]) -> dict[str, Any]:
    """Return the fields with every text cleaned of addresses."""
    return {key: _linkless_value(value, without_links) for key, value in fields.items()}


def _linkless_value(value: Any, without_links: Callable[[str], str]) -> Any:  # noqa: ANN401 - JSON
    if isinstance(value, str):
        return without_links(value)
    if isinstance(value, list):
        return [_linkless_value(item, without_links) for item in value]
    return linkless(value, without_links) if isinstance(value, dict) else value


def tidy(draft: Draft, without_links: Callable[[str], str]) -> Draft:
    """Clean each claim once more: two halves of an address may have met when marks between them were taken out."""
    claims = [replace(claim, text=without_links(claim.text).strip()) for claim in draft.claims]
    claims = [claim for claim in claims if any(letter.isalnum() for letter in claim.text)]
    return replace(draft, claims=tuple(claims), found=draft.found and bool(claims))
