"""What a question lacks: by its own words, and by what near solved issues needed."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from assistant.core.detail import NEAR, lacking, missing_details
from assistant.core.model import NeedsDetail, Question, ThreadRef
from assistant.texts import LANGUAGES, tell
from assistant.workflows.wording import ASKED_BACK, asked_back
from indexing.asking_back import KINDS
from indexing.model import RankedDocument

LONG_REPORT = (
    "Since this morning the dashboards of our whole team do not load any more after somebody of us has changed "
    "something in the settings of the organisation; we have tried another machine too."
)


def _near(*asked_for: tuple[str, ...]) -> list[RankedDocument]:
    return [RankedDocument(f"issue:{n}", "issue", 1.0, "", asked_for=kinds) for n, kinds in enumerate(asked_for)]


@pytest.mark.parametrize("question", ["my pipeline fails", "Pipeline geht nicht", "流水线失败"])
def test_a_failing_pipeline_without_a_log_lacks_the_log(question: str) -> None:
    assert missing_details(question)[0] == "log"
    assert lacking(question, ()).clearly


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
    assert not lacking(question, ()).clearly


def test_a_long_word_is_no_error_code() -> None:
    assert missing_details("every export is broken") != ()


def test_a_report_is_asked_for_what_most_near_issues_needed() -> None:
    found = lacking(LONG_REPORT, _near(*[("version",)] * 5, *[("browser",)] * 3, *[()] * 3))
    assert found.clearly
    assert found.missing[0] == "version"


def test_a_report_near_issues_that_needed_nothing_is_not_asked_back() -> None:
    assert not lacking(LONG_REPORT, _near(*[()] * NEAR)).clearly


def test_what_a_question_holds_is_not_asked_for_again() -> None:
    near = _near(*[("version",)] * 10)
    assert lacking(LONG_REPORT, near).clearly
    known = lacking(f"{LONG_REPORT} We are on version 8.0.0.", near)
    assert not known.clearly
    assert "version" not in known.missing


def test_few_near_issues_say_less_than_many() -> None:
    assert lacking(LONG_REPORT, _near(("version",))).score < lacking(LONG_REPORT, _near(*[("version",)] * 10)).score


def test_pages_and_far_issues_do_not_count() -> None:
    page = RankedDocument("docs/a.md", "page", 1.0, "", asked_for=("version",))
    far = [*_near(*[()] * NEAR), *_near(*[("version",)] * NEAR)]
    assert lacking(LONG_REPORT, [page, *far]).features["lacks"] == 0.0


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_kind_a_responder_asks_for_can_be_asked_for_in_each_language(language: str) -> None:
    said = [tell(language, ASKED_BACK[kind]) for kind in KINDS]
    assert len(set(said)) == len(KINDS)
    if language != "en":
        assert not set(said) & {tell("en", ASKED_BACK[kind]) for kind in KINDS}


def _question(*details: str) -> Question:
    asked_at = datetime(2026, 1, 2, tzinfo=UTC)
    return Question("q1", "the export fails", ThreadRef("console", "me", "1"), "kim", asked_at, details=details)


def test_a_detail_in_words_is_searched_first_and_a_pasted_log_last() -> None:
    log = "```\nConnectionResetError: [Errno 104]\n```"
    assert _question("it is the CSV export").search_text == "it is the CSV export\n\nthe export fails"
    assert _question(log).search_text == f"the export fails\n\n{log}"
    assert _question(log, "since today").search_text == f"since today\n\nthe export fails\n\n{log}"
    assert _question("one\ntwo\nthree\nfour").search_text.startswith("the export fails")


@pytest.mark.parametrize(
    ("language", "said"), [("en", "Can you add the last 20 lines"), ("de", "Kannst du noch ergänzen"), ("zh", "能补充")]
)
def test_one_sentence_asks_for_two_kinds_at_most(language: str, said: str) -> None:
    outcome = NeedsDetail(("log", "version", "project"), 0.2)
    text = asked_back(replace(_question(), language=language), outcome, 1800.0).text
    asked, after = text.split("\n\n")
    assert asked.startswith(said)
    assert tell(language, ASKED_BACK["version"]) in asked
    assert tell(language, ASKED_BACK["project"]) not in text
    assert "30" in after
