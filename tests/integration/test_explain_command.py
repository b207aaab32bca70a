"""`assistant explain ID` shows one question end to end: what was searched, found, written, checked and decided."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from assistant import settings as configuration
from assistant import wiring
from assistant.core.decision import DecisionModel, Weights
from assistant.core.keeping import CLAIM_MAX, CLAIMS_MAX, PROMPT_MAX
from assistant.core.model import Claim, Draft, Question, ThreadRef
from assistant.entrypoints.cli import cli
from assistant.entrypoints.explain_command import VERDICTS
from assistant.store import Arrival
from assistant.workflows.answer import make_answer
from indexing.model import Chunk, Passage, RankedDocument, Retrieval

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

ID = "q2345678"
ASKED = "How do I clean the disk of old images?"
TEXT = "Old images fill the disk. Clean up daily with `docker image prune`."
SURE = Weights(("claims_kept",), (0.0,), (1.0,), (1.0,), 3.0, 0.5)


class Writer:
    """A language model that writes what it is told."""

    name = "writer"

    def __init__(self, *claims: Claim, prompt: str = "the prompt") -> None:
        self._made = Draft(claims, found=True, written_by=self.name), prompt

    def draft(
        self, _question: Question, _passages: Sequence[Passage], _on_text: Callable[[str], None] | None = None
    ) -> tuple[Draft, str]:
        return self._made


def found(_text: str, _audiences: frozenset[str]) -> Retrieval:
    passage = Passage(1, Chunk("docs/disk.md", 0, ("Disk",), TEXT), 5.0, "page", "Disk", "https://docs.example/disk")
    return Retrieval((passage,), (RankedDocument("docs/disk.md", "page", 5.0, "docs/disk.md#0", "Disk"),))


def stored(home: Path, writer: Writer | None) -> None:
    """Answer a question as the assistant does, and store it."""
    store = wiring.store(configuration.load())
    thread = ThreadRef("test", "c", "t")
    decide = make_answer(found, writer, decision=DecisionModel(SURE, SURE))
    decision = decide(Question(ID, ASKED, thread, "ada", wiring.utc_now()))
    with store.writing() as tx:
        store.add_question(tx, Arrival(thread, "ada", ASKED, "m1"), ID)
        store.add_answer(tx, ID, decision)
    assert (home / "state.db").exists()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ASSISTANT_HOME", str(tmp_path))
    return tmp_path


def explained(*arguments: str) -> str:
    result = CliRunner().invoke(cli, ["explain", ID, *arguments])
    assert result.exit_code == 0, f"{result.output}\n{result.exception!r}"
    return result.stdout


def explained_as_json() -> dict[str, Any]:
    shown = json.loads(explained("--json"))
    assert isinstance(shown, dict)
    return shown


def test_each_sentence_of_a_draft_is_shown_with_what_the_check_said_of_it(home: Path) -> None:
    stored(home, Writer(Claim("Clean up daily.", (1,)), Claim("Clean up with `docker image rm`.", (1,))))
    shown = explained_as_json()
    assert [check["verdict"] for check in shown["checks"]] == ["kept", "other_literal"]
    assert shown["checks"][0]["document"] == "docs/disk.md"
    assert shown["draft"]["claims"][1] == {"text": "Clean up with `docker image rm`.", "cites": [1]}
    assert shown["prompt"] == "the prompt"
    said = explained()
    assert "kept, support 0.99: a passage supports it by docs/disk.md" in said
    assert "| Clean up with `docker image rm`. [1]" in said
    assert VERDICTS["other_literal"] in said
    assert "The model saw:\nthe prompt" in said


def test_score_features_and_threshold_stand_beside_the_outcome(home: Path) -> None:
    stored(home, None)
    shown = explained_as_json()
    assert shown["threshold"] == SURE.threshold
    assert shown["features"]["claims_kept"] == 1.0
    assert shown["score"] >= shown["threshold"]
    said = explained()
    assert "0.500 was needed" in said
    assert "docs/disk.md#0" in said
    assert "Answer:\nOld images fill the disk." in said


def test_what_is_kept_of_a_talkative_model_is_bounded(home: Path) -> None:
    claims = (Claim(f"word{n} " * (CLAIM_MAX // 5), (1,)) for n in range(CLAIMS_MAX + 5))
    stored(home, Writer(*claims, prompt="p" * 2 * PROMPT_MAX))
    shown = explained_as_json()
    assert len(shown["prompt"]) == PROMPT_MAX
    assert len(shown["draft"]["claims"]) == len(shown["checks"]) == CLAIMS_MAX
    assert max(len(check["text"]) for check in shown["checks"]) == CLAIM_MAX


def test_a_question_without_a_decision_says_so(home: Path) -> None:
    store = wiring.store(configuration.load())
    with store.writing() as tx:
        store.add_question(tx, Arrival(ThreadRef("test", "c", "t"), "ada", ASKED, "m1"), ID)
    assert "No decision is stored yet." in explained()
    assert explained_as_json()["outcome"] is None
    del home
