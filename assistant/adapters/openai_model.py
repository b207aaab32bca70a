"""Language model behind an OpenAI-compatible HTTP API (vLLM, llama.cpp, Ollama, …)."""

from __future__ import annotations

import time
from contextlib import closing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import structlog

from assistant.adapters.openai_breaker import Breaker
from assistant.adapters.openai_reading import (
    Shown,
    body_of,
    fields_of,
    linkless,
    repeats,
    schema,
    tidy,
    visible,
)
from assistant.adapters.openai_wire import Ending, Endpoint, Limits, SchemaRefused, Stream
from assistant.core.drafting import from_fields, from_marks
from assistant.core.model import Draft
from assistant.errors import TemporarilyUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from assistant.core.model import Question
    from assistant.prompting import AnswerPrompt, Prompt
    from indexing.model import Passage

ResponseFormat = Literal["auto", "json", "marks"]
"""`auto`: JSON schema until the server refuses or ignores it, then marks for the life of the process."""

DEFAULT_LIMITS = Limits()
_log = structlog.get_logger(__name__)
_MAX_CHARACTERS_A_TOKEN = 16
_RUNAWAY = 4
"""A server that sends this many times `max_tokens` does not stop by itself."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One draft and how it came in.

    Attributes:
        prompt: What was sent.
        arrived_s: Seconds after the request at which each piece of text came in.
        seconds: Until the end.
        ending: Counts of the server, when it tells.
    """

    draft: Draft
    prompt: str
    arrived_s: tuple[float, ...]
    seconds: float
    ending: Ending


class OpenAIModel:
    """Implements `LanguageModel`. One request a draft, never repeated, thread-safe.

    Args:
        endpoint: Address, key and model name.
        prompt: Builds the prompt; holds the cleaning functions.
        limits: Time-outs and size; kept as `limits`.
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
        self.limits = limits
        self._schema_works = {"auto": None, "json": True, "marks": False}[response_format]
        self._may_change_format = response_format == "auto"
        self.breaker = Breaker(now)

    @property
    def prompt_budget(self) -> int:
        """Tokens of a prompt at most, by `prompting.tokens`."""
        return self._prompt.budget

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
        deadline = time.monotonic() + self.limits.total_s
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

    def trial(self, question: Question, passages: Sequence[Passage], *, as_json: bool, total_s: float) -> Trial:
        """Ask once in one format and note when what arrived, for `doctor`; neither breaker nor format are changed.

        Args:
            question: As for `draft`.
            passages: As for `draft`.
            as_json: Ask with a JSON schema, or for plain marks.
            total_s: Wall seconds to wait, in the place of the limits.

        Raises:
            SchemaRefused: The server refuses the schema, or ignores it.
            AssistantError: As for `draft`.
        """
        limits = replace(self.limits, total_s=total_s, first_token_s=total_s, between_s=total_s)
        begun = time.monotonic()
        prompt = self._prompt.build(question, passages, as_json=as_json)
        stream = Stream(self._endpoint, self._request(prompt, as_json=as_json), limits, begun + total_s)
        arrived: list[float] = []
        text = self._collect(stream, lambda _: arrived.append(time.monotonic() - begun))
        draft = self._read(text, prompt, is_whole=stream.ending.reason != "length", as_json=as_json)
        return Trial(draft, prompt.text, tuple(arrived), time.monotonic() - begun, stream.ending)

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
        stream = Stream(self._endpoint, self._request(prompt, as_json=as_json), self.limits, deadline)
        shown = Shown(prompt.canary, self._prompt.without_links, on_text)
        started = time.monotonic()
        try:
            text = self._collect(stream, lambda text: shown.update(visible(text, as_json=as_json)))
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
        try:
            draft = self._read(text, prompt, is_whole=stream.ending.reason != "length", as_json=as_json)
        except SchemaRefused:
            self._note_schema(works=False)
            raise
        if not repeats(text, prompt.canary):
            if as_json:
                self._note_schema(works=body_of(text).startswith("{"))
                shown.update(visible(text, as_json=False))
            shown.finish()
        return draft, prompt.text

    def _note_schema(self, *, works: bool) -> None:
        """Remember what the server does with a schema; one that once kept to it is not doubted any more."""
        if self._may_change_format and self._schema_works is None:
            self._schema_works = works

    def _collect(self, stream: Stream, on_text: Callable[[str], None]) -> str:
        text = ""
        limit = self.limits.max_tokens * _RUNAWAY
        with closing(stream.pieces()) as pieces:
            for count, piece in enumerate(pieces):
                text += piece
                if count > limit or len(text) > limit * _MAX_CHARACTERS_A_TOKEN:
                    raise TemporarilyUnavailable("The model did not stop writing: use another model.")
                on_text(text)
        if not text and not stream.ending.reason:
            raise TemporarilyUnavailable("The model server sent no chat completion: check OPENAI_BASE_URL.")
        if not stream.ending.reason:
            raise TemporarilyUnavailable("The model server stopped in the middle of its answer.")
        if not text.strip():
            raise TemporarilyUnavailable("The model server sent an empty answer.")
        return text

    def _read(self, text: str, prompt: Prompt, *, is_whole: bool, as_json: bool) -> Draft:
        if repeats(text, prompt.canary):
            _log.warning("draft_dropped", reason="repeats_the_system_prompt", model=self.name)
            return Draft((), found=False, written_by=self.name)
        body = body_of(text)
        fields = fields_of(body, finished=True)
        if fields is None:
            draft = from_marks(self._prompt.without_links(body), prompt.numbers, self.name)
            if as_json and draft.found and not any(claim.cites for claim in draft.claims):
                raise SchemaRefused(
                    TemporarilyUnavailable("The model server ignores the JSON schema: use plain marks.")
                )
            if not is_whole:
                draft = replace(draft, claims=draft.claims[:-1])  # the last sentence was cut off
        elif isinstance(fields.get("found"), bool):
            draft = from_fields(linkless(fields, self._prompt.without_links), prompt.numbers, self.name)
        else:
            other = TemporarilyUnavailable("The model wrote JSON of another form: use another model or plain marks.")
            raise SchemaRefused(other) if as_json and is_whole else other
        said_no = fields is not None and fields["found"] is False
        draft = tidy(draft, self._prompt.without_links)
        if not (is_whole or draft.claims or said_no):
            raise TemporarilyUnavailable(
                f"The model filled its {self.limits.max_tokens} tokens without finishing a sentence: raise the limit."
            )
        return draft

    def _request(self, prompt: Prompt, *, as_json: bool) -> dict[str, Any]:
        request: dict[str, Any] = {
            "messages": [{"role": "system", "content": prompt.system}, {"role": "user", "content": prompt.user}],
            "max_tokens": self.limits.max_tokens,
            "temperature": 0.0,
            "stream_options": {"include_usage": True},
        }
        if as_json:
            wanted = {"name": "draft", "strict": True, "schema": schema(prompt.numbers)}
            request["response_format"] = {"type": "json_schema", "json_schema": wanted}
        return request
