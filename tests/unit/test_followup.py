"""Which texts go on from an earlier question, and what is searched for them."""

# ruff: noqa: RUF001 - punctuation of other languages is what people type

from __future__ import annotations

import time

import pytest

from assistant.core.followup import EARLIER_MAX, earlier_turn, follow_up, is_answered_by, standing_alone, with_earlier
from assistant.core.model import Question, ThreadRef
from tests.fakes.running_home import Clock

ASKED = "How do I register my own runner?"


def question(text: str, *context: str) -> Question:
    return Question("q1", text, ThreadRef("test", "C1", "t1"), "ada", Clock().moment, context=context)


@pytest.mark.parametrize(
    "text",
    [
        "and on Windows?",
        "What about macOS?",
        "ok, and for a whole group?",
        "on a Raspberry Pi?",
        "without root?",
        "how do I remove it?",
        "does that work behind a proxy too?",
        "it doesn't work",
        "That did not help.",
        "why?",
        "how often?",
        "Is it the same for groups?",
        "where do I find that setting?",
        "what does step 3 mean?",
        "but I use podman",
        "same for a shell executor?",
        "und unter Windows?",
        "Was ist mit macOS?",
        "und wie lange?",
        "wie mache ich das rückgängig?",
        "geht das auch in einer Gruppe?",
        "Wo steht diese Einstellung?",
        "ohne Docker?",
        "warum?",
        "那 Windows 呢？",
        "Windows 上呢？",
        "怎么删除它？",
        "为什么？",
        "那怎么恢复？",
        "如果没有 Docker 呢？",
    ],
)
def test_a_text_without_a_topic_of_its_own_goes_on_from_the_question_before(text: str) -> None:
    found = follow_up(text, (ASKED,))
    assert found is not None
    assert found.text == f"{text} {ASKED}", "its own words stand first"
    assert found.after == ASKED


@pytest.mark.parametrize(
    "text",
    [
        "VPN",
        "container registry login",
        "denied: tag is immutable",
        "How long are artifacts kept?",
        "Is there a size limit for artifacts?",
        "Is it possible to use docker in docker?",
        "and how do I rotate a deploy token?",
        "And which clusters can contractors reach?",
        "In the registry my image disappeared",
        "With the new version all jobs fail",
        "I want to pull an image of another group and deploy it",
        "who can read logs in prod?",
        "Wie richte ich das VPN ein?",
        "Und wo lege ich Passwörter für Pipelines ab?",
        "Gibt es das VPN auch für macOS?",
        "Können Sie mir ein Kontingent für GPU geben?",
        "流水线没有触发怎么办？",
        "那证书错误怎么办？",
        "如何登录镜像仓库？",
        "thanks!",
        "perfect, that worked",
        "ok",
        "danke",
        "谢谢",
        "please open an issue for that",
        "so " + "it fails with a long message and many more words " * 10,
    ],
)
def test_a_text_that_names_its_topic_or_asks_nothing_stands_alone(text: str) -> None:
    assert follow_up(text, (ASKED,)) is None
    assert standing_alone(question(text, ASKED)).text == text
    assert with_earlier(question(text, ASKED)).context == ()


def test_without_an_earlier_question_there_is_nothing_to_go_on_from() -> None:
    assert follow_up("and on Windows?", ()) is None
    assert follow_up("and on Windows?", earlier_turn("hello!")) is None


def test_a_second_fragment_takes_the_place_of_the_first() -> None:
    found = follow_up("and on macOS?", (ASKED, "and on Windows?"))
    assert found is not None
    assert found.text == f"and on macOS? {ASKED}"


def test_what_points_back_takes_the_fragment_before_it_along() -> None:
    found = follow_up("how do I remove it?", (ASKED, "and on Windows?"))
    assert found is not None
    assert found.text == f"how do I remove it? and on Windows? {ASKED}"
    assert found.after == ASKED


def test_the_topic_is_that_of_the_last_question_that_stands_alone() -> None:
    found = follow_up("and on Windows?", ("How long are artifacts kept?", ASKED))
    assert found is not None
    assert found.text == f"and on Windows? {ASKED}"


def test_who_asks_about_the_answer_is_searched_with_the_title_that_it_cites() -> None:
    context = earlier_turn(ASKED, ["Register your own runner", "Another page"])
    found = follow_up("what does step 3 mean?", context)
    assert found is not None
    assert found.text == f"what does step 3 mean? {ASKED} Register your own runner"
    found = follow_up("and on Windows?", context)
    assert found is not None
    assert "Register your own" not in found.text


def test_of_an_earlier_question_its_first_words_are_kept_without_greetings() -> None:
    [kept] = earlier_turn("Hello team!\n\nMy runner is offline.\n\nThanks\n" + "log line of the runner\n" * 100)
    assert kept.startswith("My runner is offline. log line of the runner")
    assert len(kept) <= EARLIER_MAX


def test_what_a_person_writes_is_never_taken_for_the_title_of_an_answer() -> None:
    assert earlier_turn("→ my runner is offline") == ("my runner is offline",)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("and on Windows?", True),
        ("and on FreeBSD?", False),
        ("and for a shell executor on FreeBSD?", True),
        ("how do I unregister it?", True),
        ("why?", True),
        ("How do I install Solaris?", True),
        ("那 Windows 呢？", True),
        ("那 Solaris 呢？", False),
        ("那从上海呢？", False),
    ],
)
def test_a_fragment_is_answered_by_a_page_that_names_what_it_asks_for(text: str, named: bool) -> None:  # noqa: FBT001 - a table
    page = "Register a runner on windows-amd64, with the shell executor. 从中国大陆连接。"
    assert is_answered_by(question(text, ASKED), page) is named


def test_a_model_is_shown_the_question_before_and_the_asker_s_own_words() -> None:
    told = with_earlier(question("and on Windows?", *earlier_turn(ASKED, ["Register your own runner"])))
    assert (told.text, told.context) == ("and on Windows?", (ASKED,))


@pytest.mark.parametrize("piece", ["ok, ", "it ", "that is ", "那", "and ", "ja ", " ", "the "])
def test_hostile_repetition_costs_no_time(piece: str) -> None:
    text = (piece * 4000)[:8000]
    begun = time.process_time()
    follow_up(text, (ASKED,))
    follow_up(text[:300], earlier_turn(text))
    assert time.process_time() - begun < 0.5
