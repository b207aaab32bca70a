"""What every chat must do, run over the console and the fake that stands for it in other tests."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

import pytest

from assistant.adapters.console import ConsoleChat
from assistant.core.model import Citation, IssueRef, Message, ThreadRef
from assistant.errors import Rejected, TemporarilyUnavailable
from tests.fakes.fake_chat import FakeChat

if TYPE_CHECKING:
    from pathlib import Path

    from assistant.ports import Chat

THREAD = ThreadRef("console", "tty1", "t1")
OTHER = ThreadRef("console", "tty1", "t2")
CITATION = Citation(1, "Runner", "https://docs.example/runner", "docs/runner.md", "gitlab-runner register")
MESSAGE = Message("answered", "Run `gitlab-runner register` [1]. 好", (CITATION,), question_id="q1")
OPENED = Message("issue_opened", "Here", issue=IssueRef("a/b", 7, "https://gitlab.example/7"), issue_state="opened")


class Sees(Protocol):
    def __call__(self, thread: ThreadRef) -> list[Message]: ...


@pytest.fixture(params=["console", "fake"])
def chat_and_reader(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Chat, Sees]:
    if request.param == "fake":
        fake = FakeChat()
        return fake, lambda thread: [message for where, _, message in fake.shown if where == thread]
    console = ConsoleChat(tmp_path / "new" / "console.db")
    return console, lambda thread: [shown.message for shown in console.read(thread)]


def test_a_message_is_shown_in_its_thread_as_it_was_posted(chat_and_reader: tuple[Chat, Sees]) -> None:
    chat, seen = chat_and_reader
    chat.post(THREAD, MESSAGE, "m1")
    chat.post(THREAD, OPENED, "m2")
    assert seen(THREAD) == [MESSAGE, OPENED]
    assert seen(OTHER) == []


def test_our_message_is_found_again_by_its_marker(chat_and_reader: tuple[Chat, Sees]) -> None:
    chat, _ = chat_and_reader
    posted = chat.post(THREAD, MESSAGE, "m1")
    assert chat.find(THREAD, "m1") == posted
    assert chat.find(THREAD, "m2") is None


def test_an_edited_message_stands_in_its_place_and_keeps_its_marker(chat_and_reader: tuple[Chat, Sees]) -> None:
    chat, seen = chat_and_reader
    first = chat.post(THREAD, MESSAGE, "m1")
    chat.post(THREAD, OPENED, "m2")
    edited = replace(MESSAGE, text="Done. 好", citations=())
    for _ in range(2):
        chat.edit(THREAD, first, edited)
    assert seen(THREAD) == [edited, OPENED]
    assert chat.find(THREAD, "m1") == first


@pytest.mark.parametrize("unknown", ["99", "", "0", "-1", "1; DROP TABLE transcript", "⑨"])
def test_what_is_no_message_of_this_thread_is_not_edited(chat_and_reader: tuple[Chat, Sees], unknown: str) -> None:
    chat, seen = chat_and_reader
    posted = chat.post(THREAD, MESSAGE, "m1")
    for thread, message_id in ((THREAD, unknown), (OTHER, posted)):
        with pytest.raises(Rejected, match="no message"):
            chat.edit(thread, message_id, OPENED)
    assert seen(THREAD) == [MESSAGE]


def test_a_terminal_reads_on_where_it_stopped_also_from_another_process(tmp_path: Path) -> None:
    ConsoleChat(tmp_path / "console.db").post(THREAD, MESSAGE, "m1")
    reader = ConsoleChat(tmp_path / "console.db")
    [first] = reader.read(THREAD)
    ConsoleChat(tmp_path / "console.db").post(THREAD, OPENED, "m2")
    assert [shown.message for shown in reader.read(THREAD, after=first.id)] == [OPENED]


def test_a_marker_is_shown_once_whatever_is_posted_under_it(tmp_path: Path) -> None:
    console = ConsoleChat(tmp_path / "console.db")
    assert console.post(THREAD, MESSAGE, "m1") == console.post(THREAD, OPENED, "m1")
    assert [shown.message for shown in console.read(THREAD)] == [MESSAGE]


def test_a_transcript_that_cannot_be_written_is_an_outage(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(TemporarilyUnavailable, match="transcript"):
        ConsoleChat(tmp_path / "file" / "console.db").post(THREAD, MESSAGE, "m1")


def test_looking_up_does_not_wait_for_somebody_who_writes(tmp_path: Path) -> None:
    console = ConsoleChat(tmp_path / "console.db")
    console.post(THREAD, MESSAGE, "m1")
    other = sqlite3.connect(tmp_path / "console.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    assert console.find(THREAD, "m1") is not None
    other.close()
