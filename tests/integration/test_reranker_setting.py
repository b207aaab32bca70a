"""`ASSISTANT_RERANKER`: what an admin sees of a reranker that works, that is wrong, and that is down."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner, Result

from assistant import wiring
from assistant.entrypoints.cli import cli
from assistant.sandbox.demo import SAMPLE
from assistant.settings import Settings
from tests.fakes.fake_rerank import FakeRerank
from tests.fakes.openai_server import MODEL, FakeOpenAI
from tests.fakes.tiny_cross_encoder import write_tiny_cross_encoder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

QUESTION = "docker push from our lab ends with: error parsing HTTP 404 response body: blob upload unknown to registry"


@pytest.fixture(scope="module")
def running() -> Iterator[FakeOpenAI]:
    with FakeOpenAI() as fake:
        yield fake


@pytest.fixture
def server(running: FakeOpenAI) -> FakeOpenAI:
    running.rerank, running.fault = FakeRerank(), "none"
    return running


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tmp_path_factory.mktemp("home")
    sample = ("--docs", str(SAMPLE / "docs"), "--issues", str(SAMPLE / "issues.jsonl"))
    assert _run(folder, "index", "build", *sample).exit_code == 0
    return folder


def _run(home: Path, *arguments: str, **settings: str) -> Result:
    environment = {"ASSISTANT_HOME": str(home), "ASSISTANT_EMBEDDER": "hashing", "ASSISTANT_ESCALATION": "off"}
    return CliRunner().invoke(cli, arguments, env={**environment, **settings})


def _ask(home: Path, **settings: str) -> dict[str, Any]:
    found = json.loads(_run(home, "ask", "--json", QUESTION, **settings).stdout)
    assert isinstance(found, dict)
    return found


def _doctor(home: Path, **settings: str) -> dict[str, str]:
    checks = json.loads(_run(home, "doctor", "--json", **settings).stdout)["checks"]
    found: dict[str, str] = next(check for check in checks if check["name"] == "reranker")
    return found


def _set(server: FakeOpenAI) -> dict[str, str]:
    return {"ASSISTANT_RERANKER": server.base_url, "ASSISTANT_RERANKER_MODEL": MODEL}


def test_a_question_is_answered_by_what_the_reranker_puts_first(home: Path, server: FakeOpenAI) -> None:
    plain = _ask(home)
    last = plain["ranking"][9]
    title = next(iter(_titles(home, last)))
    server.rerank.oracle = lambda _, text: float(title in text)
    looked = _ask(home, **_set(server))
    assert looked["ranking"].index(last) < plain["ranking"].index(last)
    assert set(looked["ranking"][:10]) == set(plain["ranking"][:10])
    assert looked["timings_ms"]["cross_encoder"] > 0
    assert "cross_encoder" not in plain["timings_ms"]


def _titles(home: Path, document: str) -> list[str]:
    from indexing.versions import Versions  # noqa: PLC0415 - loads faiss

    return [
        facts.document.title for facts in Versions(home / "index").open_live().catalog.documents([document]).values()
    ]


def test_a_reranker_that_is_down_changes_no_answer_and_is_told(home: Path, server: FakeOpenAI) -> None:
    server.fault = "500"
    plain, found = _ask(home), _ask(home, **_set(server))
    assert (found["answer"], found["score"], found["ranking"]) == (plain["answer"], plain["score"], plain["ranking"])
    assert "cross_encoder_failed" in found["timings_ms"]


def test_doctor_measures_a_reranker_that_works(home: Path, server: FakeOpenAI) -> None:
    found = _doctor(home, **_set(server))
    assert found["state"] == "ok"
    assert " ms for two texts" in found["detail"]


def test_doctor_names_a_reranker_that_prefers_wrong_answers(home: Path, server: FakeOpenAI) -> None:
    server.rerank.oracle = lambda _, text: -float(len(text))
    found = _doctor(home, **_set(server))
    assert found["state"] == "failed"
    assert "prefers wrong answers" in found["detail"]


def test_doctor_says_what_to_do_about_a_reranker_that_is_down(home: Path) -> None:
    found = _doctor(home, ASSISTANT_RERANKER="http://127.0.0.1:9")
    assert found["state"] == "failed"
    assert "start it, or set ASSISTANT_RERANKER" in found["detail"]


def test_doctor_says_nothing_of_a_reranker_where_none_is_set(home: Path) -> None:
    assert "reranker" not in _run(home, "doctor").stdout


@pytest.mark.parametrize(
    "wrong",
    [{"ASSISTANT_RERANKER": "nowhere"}, {"ASSISTANT_RERANKER_MODEL": "bge-reranker-v2-m3"}],
    ids=["no-folder", "a-model-without-an-address"],
)
def test_a_wrong_setting_is_one_line_that_says_how_to_mend_it(home: Path, wrong: dict[str, str]) -> None:
    ended = _run(home, "ask", QUESTION, **wrong)
    assert ended.exit_code == 2
    assert ended.stderr.count("\n") == 1
    assert "ASSISTANT_RERANKER" in ended.stderr


def test_a_calibration_holds_for_the_reranker_it_was_made_with(home: Path, server: FakeOpenAI) -> None:
    plain = Settings(home=home, embedder="hashing")
    with_one = plain.model_copy(update={"reranker": server.base_url, "reranker_model": MODEL})
    with_other = plain.model_copy(update={"reranker": server.base_url, "reranker_model": "other"})
    named = {wiring.embedder_of_version(settings, "v0001") for settings in (plain, with_one, with_other)}
    assert len(named) == 3
    assert None not in named
    assert wiring.embedder_of_version(with_one, "v0099") is None


@pytest.mark.slow
@pytest.mark.model
def test_a_folder_with_a_cross_encoder_takes_part(home: Path, tmp_path: Path) -> None:
    model = write_tiny_cross_encoder(tmp_path / "tiny")
    found = _ask(home, ASSISTANT_RERANKER=str(model))
    assert found["timings_ms"]["cross_encoder"] > 0
    assert set(found["ranking"][:10]) == set(_ask(home)["ranking"][:10])
