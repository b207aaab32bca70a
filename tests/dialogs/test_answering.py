"""One question, one decision: what an asker gets, with and without a model."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from assistant.core.decision import DecisionModel, Weights
from assistant.core.model import Abstained, Answered, Claim, Decision, Draft, Question, ThreadRef
from assistant.errors import Rejected, TemporarilyUnavailable
from assistant.texts import Text
from assistant.workflows import wording
from assistant.workflows.answer import check_question, load_decision_model, make_answer
from indexing.model import Chunk, Passage, Retrieval

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from assistant.ports import LanguageModel

TEXT = "Old images fill the disk. Clean up daily with `docker image prune`."
SURE = Weights((), (), (), (), 3.0, 0.5)
UNSURE = Weights((), (), (), (), -3.0, 0.5)
MADE_UP = Draft((Claim("Buy 3 disks.", (1,)),), found=True, written_by="writer")


@dataclass
class Writer:
    """A language model that writes what it is told, or fails."""

    result: Draft | Exception
    name: str = "writer"

    def draft(
        self, _question: Question, _passages: Sequence[Passage], _on_text: Callable[[str], None] | None = None
    ) -> tuple[Draft, str]:
        if isinstance(self.result, Exception):
            raise self.result
        return self.result, "the prompt"


def found(_text: str, _audiences: frozenset[str]) -> Retrieval:
    passage = Passage(1, Chunk("docs/disk.md", 0, ("Disk",), TEXT), 5.0, "page", "Disk", "https://docs.example/disk")
    return Retrieval((passage,), ())


def question(text: str) -> Question:
    return Question("q1", text, ThreadRef("console", "c", "t"), "a", datetime(2026, 1, 1, tzinfo=UTC))


def ask(text: str, model: LanguageModel | None = None, weights: Weights = SURE) -> Decision:
    return make_answer(found, model, decision=DecisionModel(weights, weights))(question(text))


def test_without_a_model_the_answer_is_a_quotation() -> None:
    decision = ask("how do I clean the disk of old images?")
    assert isinstance(decision.outcome, Answered)
    assert decision.written_by == "extractive"
    assert decision.outcome.text == f"{TEXT} [1]"
    assert decision.outcome.citations[0].url == "https://docs.example/disk"


def test_with_a_model_its_supported_words_are_the_answer() -> None:
    written = Draft((Claim("Clean up daily.", (1,)), Claim("Buy 3 disks.", (1,))), found=True, written_by="writer")
    decision = ask("how do I clean the disk?", Writer(written))
    assert isinstance(decision.outcome, Answered)
    assert decision.outcome.text == "Clean up daily. [1]"
    assert (decision.written_by, decision.prompt) == ("writer", "the prompt")


def test_while_the_model_is_down_passages_are_quoted_and_the_answer_says_so() -> None:
    decision = ask("how do I clean the disk?", Writer(TemporarilyUnavailable("the model server is down")))
    assert isinstance(decision.outcome, Answered)
    assert (decision.written_by, decision.degraded) == ("extractive", "model_unavailable")


def test_where_nothing_that_the_model_wrote_is_supported_the_passages_are_quoted_and_the_answer_says_so() -> None:
    decision = ask("how do I clean the disk?", Writer(MADE_UP))
    assert isinstance(decision.outcome, Answered)
    assert decision.outcome.text == f"{TEXT} [1]"
    assert (decision.written_by, decision.degraded) == ("extractive", "unsupported_draft")
    assert decision.draft == MADE_UP, "what the model wrote is kept for `explain`"
    assert [check.verdict for check in decision.checks] == ["unsupported"]
    message = wording.answered(question("how do I clean the disk?"), decision.outcome, decision)
    assert message.text.startswith(Text.QUOTATION_UNSUPPORTED)


def test_quotations_below_the_threshold_do_not_take_the_place_of_an_unsupported_draft() -> None:
    decision = ask("how do I clean the disk?", Writer(MADE_UP), UNSURE)
    assert isinstance(decision.outcome, Abstained)
    assert (decision.outcome.reason, decision.written_by) == ("unsupported_draft", "writer")


def test_a_draft_that_only_repeats_the_question_is_no_answer() -> None:
    repeated = Draft((Claim("Old images fill the disk.", (1,)),), found=True, written_by="writer")
    decision = ask("old images fill the disk", Writer(repeated))
    assert [check.verdict for check in decision.checks] == ["no_answer"]
    assert decision.degraded == "unsupported_draft"


def test_what_was_decided_by_is_kept() -> None:
    decision = ask("how do I clean the disk of old images?")
    assert decision.threshold == SURE.threshold
    assert decision.features["claims_kept"] == 1.0


def test_a_model_that_finds_no_answer_abstains_and_the_responder_gets_the_quotation() -> None:
    decision = ask("how do I clean the disk?", Writer(Draft((), found=False, written_by="writer")))
    assert isinstance(decision.outcome, Abstained)
    assert decision.outcome.suggested is not None
    assert "Clean up daily" in decision.outcome.suggested.text


def test_who_asks_for_people_gets_people_and_they_get_the_answer_as_a_suggestion() -> None:
    decision = ask("please open an issue: the disk is full of old images")
    assert isinstance(decision.outcome, Abstained)
    assert decision.outcome.reason == "asked_for_people"
    assert decision.outcome.suggested is not None


def test_a_greeting_is_not_answered_with_a_page() -> None:
    assert ask("hello!").outcome == Abstained("no_passages", 0.0)


@pytest.mark.parametrize("text", ["", "   ", "?!", "x" * 8001, "![screenshot](shot.png)"])
def test_what_cannot_be_answered_is_refused(text: str) -> None:
    with pytest.raises(Rejected):
        check_question(text)


def test_a_question_at_the_limit_is_taken() -> None:
    check_question("x" * 8000)


def test_a_broken_decision_model_is_named() -> None:
    with pytest.raises(ValueError, match="no decision model"):
        load_decision_model('{"full": {}}')


def test_only_what_everybody_in_the_place_may_read_is_searched() -> None:
    searched: list[frozenset[str]] = []

    def retrieve(text: str, audiences: frozenset[str]) -> Retrieval:
        searched.append(audiences)
        return found(text, audiences)

    answer = make_answer(retrieve, None, audiences={"slack/C1": ("team-a",), "slack": ("staff",)})
    for thread in (ThreadRef("slack", "C1", "t"), ThreadRef("slack", "C2", "t"), ThreadRef("console", "C1", "t")):
        answer(replace(question("how do I clean the disk?"), thread=thread))
    assert searched == [
        frozenset({"public", "staff", "team-a"}),
        frozenset({"public", "staff"}),
        frozenset({"public"}),
    ]
