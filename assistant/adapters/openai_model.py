"""Language model behind an OpenAI-compatible HTTP API (vLLM, llama.cpp, Ollama, …)."""

from __future__ import annotations

import re
import time
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

import structlog

from assistant.adapters.openai_breaker import Breaker
from assistant.adapters.openai_wire import Endpoint, Limits, SchemaRefused, Stream
from assistant.core.drafting import NOT_FOUND, answer_text, from_fields, from_marks
from assistant.core.model import Draft
from assistant.core.sentences import units
from assistant.errors import TemporarilyUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from assistant.core.model import Question
    from assistant.prompting import AnswerPrompt, Prompt
    from indexing.model import Passage

ResponseFormat = Literal["auto", "json", "marks"]
"""`auto`: JSON schema until the server refuses it, then marks for the life of the process."""

DEFAULT_LIMITS = Limits()
_log = structlog.get_logger(__name__)
_MAX_CHARACTERS_A_TOKEN = 16
_RUNAWAY = 4
"""A server that sends this many times `max_tokens` does not stop by itself."""

_THOUGHT = re.compile(r"\A\s*<think>.*?(?:</think>|\Z)", re.DOTALL)
_JSON_FENCE = re.compile(r"\A\s*```(?:json)?\s*\n|\n?\s*```\s*\Z")
_NOT_ALPHANUMERIC = re.compile(r"[\W_]+")


class OpenAIModel:
    """Implements `LanguageModel`. One request a draft, never repeated, thread-safe.

    Args:
        endpoint: Address, key and model name.
        prompt: Builds the prompt; holds the cleaning functions.
        limits: Time-outs and size.
        response_format: See `ResponseFormat`.
        now: Monotonic seconds for the circuit breaker.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        prompt: AnswerPrompt,
        limits: Limits = DEFAULT_LIMITS,
        *,
        response_format: ResponseFormat = "auto",
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._endpoint = endpoint
        self._prompt = prompt
        self._limits = limits
        self._schema_works = {"auto": None, "json": True, "marks": False}[response_format]
        self._may_change_format = response_format == "auto"
        self.breaker = Breaker(now)

    @property
    def name(self) -> str:
        """Model name shown as `answered_by`."""
        return self._endpoint.model

    def draft(
        self,
        question: Question,
        passages: Sequence[Passage],
        on_text: Callable[[str], None] | None = None,
    ) -> tuple[Draft, str]:
        """Ask the model for a draft; ends within `limits.total_s`.

        Args:
            question: Cleaned and masked.
            passages: Best first, numbered from 1.
            on_text: Called with each finished sentence, without marks of JSON and without addresses. It is a draft: the
                evidence check has not seen it.

        Returns:
            The draft, whose claims hold no address, and the prompt. Without passages no model is asked.

        Raises:
            TemporarilyUnavailable: Down, slow, or no usable answer; also while the breaker is open.
            AccessDenied: The server refused the key.
            NotConfigured: The server does not know the model or refuses the request.
        """
        if not passages:
            return Draft((), found=False, written_by=self.name), ""
        deadline = time.monotonic() + self._limits.total_s
        with self.breaker.guard() as is_probe:
            as_json = self._schema_works is not False and not (is_probe and self._schema_works is None)
            try:
                return self._ask(question, passages, as_json=as_json, on_text=on_text, deadline=deadline)
            except SchemaRefused as refused:
                if not self._may_change_format or self._schema_works or is_probe:
                    raise refused.cause from refused
                found = self._ask(question, passages, as_json=False, on_text=on_text, deadline=deadline)
                self._schema_works = False  # only now is it sure that the schema was what failed
                return found

    def _ask(
        self,
        question: Question,
        passages: Sequence[Passage],
        *,
        as_json: bool,
        on_text: Callable[[str], None] | None,
        deadline: float,
    ) -> tuple[Draft, str]:
        prompt = self._prompt.build(question, passages, as_json=as_json)
        stream = Stream(self._endpoint, self._request(prompt, as_json=as_json), self._limits, deadline)
        shown = _Shown(prompt.canary, self._prompt.without_links, on_text)
        started = time.monotonic()
        try:
            text = self._collect(stream, shown)
        finally:
            _log.info(
                "model_called",
                question=question.id,
                model=self.name,
                seconds=round(time.monotonic() - started, 3),
                prompt_tokens=stream.ending.prompt_tokens,
                completion_tokens=stream.ending.completion_tokens,
                ended=stream.ending.reason or "failed",
                as_json=as_json,
            )
        if as_json:
            self._schema_works = True
        draft = self._read(text, prompt, is_whole=stream.ending.reason != "length")
        if not _repeats(text, prompt.canary):
            shown.finish()
        return draft, prompt.text

    def _collect(self, stream: Stream, shown: _Shown) -> str:
        text = ""
        limit = self._limits.max_tokens * _RUNAWAY
        with closing(stream.pieces()) as pieces:
            for count, piece in enumerate(pieces):
                text += piece
                if count > limit or len(text) > limit * _MAX_CHARACTERS_A_TOKEN:
                    raise TemporarilyUnavailable("The model did not stop writing: use another model.")
                shown.update(_visible(text))
        if not text and not stream.ending.reason:
            raise TemporarilyUnavailable("The model server sent no chat completion: check OPENAI_BASE_URL.")
        if not stream.ending.reason:
            raise TemporarilyUnavailable("The model server stopped in the middle of its answer.")
        if not text.strip():
            raise TemporarilyUnavailable("The model server sent an empty answer.")
        return text

    def _read(self, text: str, prompt: Prompt, *, is_whole: bool) -> Draft:
        if _repeats(text, prompt.canary):
            _log.warning("draft_dropped", reason="repeats_the_system_prompt", model=self.name)
            return Draft((), found=False, written_by=self.name)
        body = _body(text)
        fields = _fields(body, finished=True)
        if fields is None:
            draft = from_marks(self._prompt.without_links(body), prompt.numbers, self.name)
            if not is_whole:
                draft = replace(draft, claims=draft.claims[:-1])  # the last sentence was cut off
        elif isinstance(fields.get("found"), bool):
            draft = from_fields(_linkless(fields, self._prompt.without_links), prompt.numbers, self.name)
        else:
            raise TemporarilyUnavailable("The model wrote JSON of another form: use another model or plain marks.")
        said_no = fields is not None and fields["found"] is False
        draft = _tidy(draft, self._prompt.without_links)
        if not (is_whole or draft.claims or said_no):
            raise TemporarilyUnavailable(
                f"The model filled its {self._limits.max_tokens} tokens without finishing a sentence: raise the limit."
            )
        return draft

    def _request(self, prompt: Prompt, *, as_json: bool) -> dict[str, Any]:
        request: dict[str, Any] = {
            "messages": [{"role": "system", "content": prompt.system}, {"role": "user", "content": prompt.user}],
            "max_tokens": self._limits.max_tokens,
            "temperature": 0.0,
            "stream_options": {"include_usage": True},
        }
        if as_json:
            schema = {"name": "draft", "strict": True, "schema": _schema(prompt.numbers)}
            request["response_format"] = {"type": "json_schema", "json_schema": schema}
        return request


class _Shown:
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
        if upto <= self._count or _repeats(self._text, self._canary):
            return
        for unit in units(self._text)[self._count : upto]:
            if self._on_text and (clean := self._without_links(unit.text).strip()):
                self._on_text(clean + ("\n" if unit.is_code else " "))
        self._count = upto


def _repeats(text: str, canary: str) -> bool:
    """Compare letters and digits alone: a canary spelled with spaces or dots is one too."""
    return _NOT_ALPHANUMERIC.sub("", canary).lower() in _NOT_ALPHANUMERIC.sub("", text).lower()


def _schema(numbers: Collection[int]) -> dict[str, Any]:
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


def _body(text: str) -> str:
    return _JSON_FENCE.sub("", _THOUGHT.sub("", text)).strip() if text.lstrip()[:1] in "<`" else text.strip()


def _fields(body: str, *, finished: bool) -> dict[str, Any] | None:
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


def _visible(text: str) -> str:
    """Return what may be shown of a text that is still coming in."""
    body = _body(text)
    if not body or body.startswith("{"):
        return answer_text(_fields(body, finished=False) or {}) if body else ""
    return "" if NOT_FOUND.startswith(body[: len(NOT_FOUND)]) or body.startswith(NOT_FOUND) else body


def _linkless(fields: dict[str, Any], without_links: Callable[[str], str]) -> dict[str, Any]:
    return {key: _linkless_value(value, without_links) for key, value in fields.items()}


def _linkless_value(value: Any, without_links: Callable[[str], str]) -> Any:  # noqa: ANN401 - JSON
    if isinstance(value, str):
        return without_links(value)
    if isinstance(value, list):
        return [_linkless_value(item, without_links) for item in value]
    return _linkless(value, without_links) if isinstance(value, dict) else value


def _tidy(draft: Draft, without_links: Callable[[str], str]) -> Draft:
    """Clean each claim once more: two halves of an address may have met when marks between them were taken out."""
    claims = [replace(claim, text=without_links(claim.text).strip()) for claim in draft.claims]
    claims = [claim for claim in claims if any(letter.isalnum() for letter in claim.text)]
    return replace(draft, claims=tuple(claims), found=draft.found and bool(claims))
