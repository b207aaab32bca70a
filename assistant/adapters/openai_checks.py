"""What `assistant doctor` says about the model: answers, streams, keeps the citation format, and is fast enough.

The prompt is as long as prompts get, so that what is measured is what people will wait for.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from assistant.adapters.openai_wire import SchemaRefused
from assistant.core.model import Check, Question, ThreadRef
from assistant.errors import AssistantError
from assistant.prompting import tokens
from indexing.model import Chunk, Passage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from assistant.adapters.openai_model import OpenAIModel, Trial

_FACT = "The registry keeps images for 14 days. Older images are deleted at night."
_BESIDE = "Runners share one pool. A job waits there until a runner is free, and {} jobs run at a time in building {}. "
_PATIENCE = 4.0
"""How many times the time-out a trial may take, so that a slow model is measured and not only given up."""
_LEAST_WAIT_S = 60.0
_FASTEST = 0.0005
"""Seconds from one token to the next that no server undercuts; pieces that come faster were held back together."""
_CUT_OFF = 0.5
"""A server that counts less than this share of the estimated tokens has not read the whole prompt."""


def check_model(model: OpenAIModel) -> list[Check]:
    """Ask one question, with a JSON schema and with plain marks, over a prompt of full length.

    Returns:
        One line when the model does not answer at all.
    """
    try:
        used = _tried(model, as_json=True)
    except SchemaRefused as refused:
        return _without_schema(model, str(refused))
    except AssistantError as error:
        return [Check("model", "failed", str(error))]
    return [*_lines(used, model), _format(used, "with a JSON schema"), _marks(model)]


def _without_schema(model: OpenAIModel, why: str) -> list[Check]:
    try:
        used = _tried(model, as_json=False)
    except AssistantError as error:
        return [Check("model", "failed", str(error))]
    told = f"not supported, plain marks are used, which small models keep less well ({why})"
    return [*_lines(used, model), Check("model schema", "warning", told), _format(used, "with plain marks")]


def _lines(used: Trial, model: OpenAIModel) -> list[Check]:
    answered = Check("model", "ok", f"{model.name} answered in {used.seconds:.1f} s")
    return [answered, _streaming(used), _speed(used, model), *_context(used)]


def _marks(model: OpenAIModel) -> Check:
    """Never a warning: marks are not used while the server takes a schema."""
    try:
        told = _format(_tried(model, as_json=False), "with plain marks").detail
    except AssistantError as error:
        told = str(error)
    return Check("model marks", "ok", f"not needed as the server takes a JSON schema; {told}")


def _tried(model: OpenAIModel, *, as_json: bool) -> Trial:
    wait_s = max(_LEAST_WAIT_S, _PATIENCE * model.limits.total_s)
    thread = ThreadRef("console", "", "")
    asked = Question("doctor", "For how many days does the registry keep images?", thread, "", datetime.now(UTC))
    return model.trial(asked, _passages(model.prompt_budget), as_json=as_json, total_s=wait_s)


def _passages(budget: int) -> list[Passage]:
    """Return the passage that answers and enough others to fill a prompt."""
    beside = "".join(_BESIDE.format(n, n + 1) for n in range(2, 3 + budget // 10))
    texts = [_FACT, beside, beside]
    return [
        Passage(n, Chunk(f"check-{n}", 0, ("Registry",), text), 1.0, "page", "Registry", "")
        for n, text in enumerate(texts, start=1)
    ]


def _format(trial: Trial, how: str) -> Check:
    claims = trial.draft.claims
    if not any(claim.cites for claim in claims):
        told = f"{how}: gives no citations, so its answers are dropped and passages quoted: use a larger model"
        return Check("model citations", "warning", told)
    if not any("14" in claim.text and 1 in claim.cites for claim in claims):
        told = f"{how}: missed a fact in the first passage, or cited another one: use a larger model"
        return Check("model answers", "warning", told)
    return Check("model citations", "ok", f"{how}: cites the right passage")


def _streaming(trial: Trial) -> Check:
    pieces = len(trial.arrived_s)
    spread_s = trial.arrived_s[-1] - trial.arrived_s[0]
    if pieces == 1:
        told = "the answer came in one piece: people see nothing until it is whole. Take a server that streams"
        return Check("model stream", "warning", told)
    if spread_s < _FASTEST * pieces:
        told = (
            f"{pieces} pieces came all at once: something between buffers them. Switch buffering off in the proxy "
            "(nginx: proxy_buffering off)"
        )
        return Check("model stream", "warning", told)
    return Check(
        "model stream", "ok", f"{pieces} pieces over {spread_s:.1f} s, the first after {trial.arrived_s[0]:.1f} s"
    )


def _speed(trial: Trial, model: OpenAIModel) -> Check:
    """Compare the time that the longest answer takes with the time-out."""
    first_s, last_s = trial.arrived_s[0], trial.arrived_s[-1]
    written = trial.ending.completion_tokens or len(trial.arrived_s)
    rate = (written - 1) / (last_s - first_s) if last_s > first_s and written > 1 else math.inf
    whole_s = first_s + model.limits.max_tokens / rate
    told = f"first word after {first_s:.1f} s, {_rate(rate)}: an answer of full length takes about {whole_s:.0f} s"
    limit_s = model.limits.total_s
    if whole_s <= limit_s:
        return Check("model speed", "ok", f"{told} of ASSISTANT_MODEL_TIMEOUT_S={limit_s:g}")
    often = "Most answers" if trial.seconds > limit_s else "Long answers"
    return Check(
        "model speed",
        "warning",
        f"{told}, more than ASSISTANT_MODEL_TIMEOUT_S={limit_s:g}. {often} will be given up and passages quoted: set "
        f"it to {_rounded(1.5 * whole_s)}, or lower ASSISTANT_MODEL_PROMPT_TOKENS ({model.prompt_budget}) or "
        f"ASSISTANT_MODEL_ANSWER_TOKENS ({model.limits.max_tokens})",
    )


def _rate(rate: float) -> str:
    return f"{rate:.0f} tokens a second" if math.isfinite(rate) else "all tokens at once"


def _rounded(seconds: float) -> int:
    return math.ceil(seconds / 5) * 5


def _context(trial: Trial) -> Sequence[Check]:
    read, sent = trial.ending.prompt_tokens, tokens(trial.prompt)
    if not read or read >= _CUT_OFF * sent:
        return ()
    told = (
        f"the server read {read} tokens of a prompt of about {sent}: its context is too small and it cuts in silence. "
        "Raise it (vLLM --max-model-len, llama.cpp --ctx-size, Ollama OLLAMA_CONTEXT_LENGTH)"
    )
    return (Check("model context", "warning", told),)
