"""What a report of a problem lacks."""

from __future__ import annotations

import pytest

from assistant.core.detail import missing_details


@pytest.mark.parametrize("question", ["my pipeline fails", "Pipeline geht nicht", "流水线失败"])
def test_a_failing_pipeline_without_a_log_lacks_the_log(question: str) -> None:
    assert missing_details(question)[0] == "log"


def test_a_problem_without_any_fact_lacks_its_error_text_and_version() -> None:
    assert missing_details("it does not work") == ("error_text", "version")


def test_a_problem_with_an_unnamed_runner_lacks_the_runner() -> None:
    assert missing_details("the runner is stuck")[0] == "runner"


@pytest.mark.parametrize(
    "question",
    [
        "How do I roll back production to the release before?",
        "it fails with\n```\nno space left\n```",
        "push is broken: ENOTFOUND",
        "my job stopped working, exit code 137",
        "deploy does not start (E3301)",
        "Wie kann ich einen Runner anlegen, wenn der alte kaputt ist?",
    ],
)
def test_how_to_questions_and_reports_with_facts_lack_nothing(question: str) -> None:
    assert missing_details(question) == ()


def test_a_long_word_is_no_error_code() -> None:
    assert missing_details("every export is broken") != ()
