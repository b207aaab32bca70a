"""What a responder had to ask for before a closed issue was solved."""

# ruff: noqa: RUF001 - punctuation as people write it

from __future__ import annotations

import pytest

from indexing.asking_back import AskedBack, asked_back, kinds_asked
from indexing.closed_issue import ClosedIssue, Comment
from indexing.model import Document
from indexing.resolution import to_document
from indexing.solving import Said


def _said(text: str, *, responder: bool = True) -> Said:
    return Said(text=text, by="robin" if responder else "kim", is_asker=not responder, is_responder=responder)


@pytest.mark.parametrize(
    ("comment", "kind"),
    [
        ("Which version of the runner are you on?", "version"),
        ("Welche Version benutzt du?", "version"),
        ("请问你用的是哪个版本？", "version"),
        ("Can you post the full job log", "log"),
        ("Kannst du das Job-Log anhängen?", "log"),
        ("请提供完整的日志", "log"),
        ("Please share your `.gitlab-ci.yml`.\nThen we see.", "configuration"),
        ("Please share your .gitlab-ci.yml", "configuration"),
        ("What error message do you get?", "error_text"),
        ("Wie lautet die Fehlermeldung?", "error_text"),
        ("How did you install it?", "installation"),
        ("Which executor does the job use?", "runner"),
        ("Could you send a link to the pipeline?", "project"),
        ("What are the steps to reproduce this?", "steps"),
        ("What database are you using?", "system"),
        ("What do you mean by that?", "meaning"),
        ("What’s the full query you’re using?", "code"),
    ],
)
def test_a_question_back_tells_what_it_asks_for(comment: str, kind: str) -> None:
    assert kind in kinds_asked(comment)


@pytest.mark.parametrize(
    "comment",
    [
        "Look into the job log, the error stands at its end.",
        "This works from version 15.2 on.",
        "> Which version are you on?\n\nSet the variable and it works.",
        "```\necho 'which version?'\n```\nRun this.",
        "",
    ],
)
def test_advice_that_names_a_log_or_a_version_asks_for_nothing(comment: str) -> None:
    assert kinds_asked(comment) == ()


def test_what_was_asked_before_the_solution_counts_and_that_it_was_given() -> None:
    thread = (
        _said("Which version are you on?"),
        _said("It is version 15.2 of the runner.", responder=False),
        _said("Update to 15.4. Did you share the log anywhere?"),
    )
    assert asked_back(thread, (2,)) == AskedBack(("version",), provided=True)


def test_nothing_was_given_when_the_asker_stayed_silent() -> None:
    assert asked_back((_said("Which version are you on?"),), ()) == AskedBack(("version",), provided=False)


def test_an_answer_that_ends_with_a_question_back_counts_as_both() -> None:
    thread = (_said("Set the depth to 1. If that fails, can you post the log?"),)
    assert asked_back(thread, (0,)).kinds == ("log",)


def test_what_the_asker_asks_counts_for_nothing() -> None:
    assert asked_back((_said("Which version do I need?", responder=False),), ()) == AskedBack()


def test_an_issue_keeps_what_its_responder_asked_for() -> None:
    issue = ClosedIssue(
        7,
        "Job hangs",
        "My job hangs.",
        "kim",
        (
            Comment(
                "robin", "Which runner does the job use? Please post the job log.", "2026-01-02T00:00:00Z", "maintainer"
            ),
            Comment("kim", "The shared one; log attached.", "2026-01-03T00:00:00Z"),
            Comment("robin", "You need to set the tag `docker`.", "2026-01-04T00:00:00Z", "maintainer"),
        ),
    )
    document = to_document(issue, "issues")
    assert isinstance(document, Document)
    assert document.asked_for == ("log", "runner")
