"""What a message wants before anything is searched."""

from __future__ import annotations

import pytest

from assistant.core.requests import is_picture_only, says_nothing, wants_people


@pytest.mark.parametrize("text", ["please open an issue", "escalate this", "bitte Ticket anlegen", "转人工"])
def test_asking_for_people_is_heard(text: str) -> None:
    assert wants_people(text)


@pytest.mark.parametrize("text", ["how do I close an issue?", "the ticket page is slow", "Runner eskaliert Rechte"])
def test_speaking_of_issues_is_not_asking_for_one(text: str) -> None:
    assert not wants_people(text)


@pytest.mark.parametrize("text", ["hi", "Hello team!", "danke schön", "你好", "test", "?!"])
def test_a_greeting_says_nothing(text: str) -> None:
    assert says_nothing(text)


def test_a_greeting_with_a_question_says_something() -> None:
    assert not says_nothing("hi, how do I deploy?")


def test_a_picture_alone_is_told_from_a_picture_with_words() -> None:
    assert is_picture_only("![](shot.png)")
    assert not is_picture_only("what is this? ![](shot.png)")
