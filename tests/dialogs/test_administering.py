"""An admin gives commands in a chat; everybody else does not."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs

from assistant.core.commands import Command, is_command
from assistant.core.model import ThreadRef
from assistant.errors import TemporarilyUnavailable
from assistant.store import Store, open_database
from assistant.store.audit import audit_rows
from assistant.work import WorkTable
from assistant.workflows.administer import ADMIN, Administering, Received, Request
from assistant.workflows.worker import Pace, Worker
from indexing.errors import BuildRefused
from tests.fakes.fake_chat import FakeChat
from tests.fakes.running_home import DATABASES, Clock, empty

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ATTACKS = Path(__file__).parents[3] / "shared" / "attacks" / "attacks.jsonl"
BOSS, OTHER = "test/U1", "test/U2"
CHANNEL = ThreadRef("test", "C1", "t1")


@dataclass
class Runner:
    """Carries commands out: notes them, tells steps, and ends as it is told to."""

    clock: Clock
    steps: tuple[str, ...] = ()
    end: Exception | str = "v0002 is live."
    begun: list[Command] = field(default_factory=list)
    during: Callable[[], None] = lambda: None

    def __call__(self, command: Command, tell: Callable[[str], None]) -> str:
        self.begun.append(command)
        for step in self.steps:
            self.clock.forward(1)
            tell(step)
        self.during()
        if isinstance(self.end, Exception):
            raise self.end
        return self.end


@dataclass
class Office:
    """A home with admin commands; build a second one over the same directory to restart it."""

    path: Path
    database_url: str = ""
    chat: FakeChat = field(default_factory=FakeChat)
    clock: Clock = field(default_factory=Clock)
    runner: Runner = field(init=False)
    admins: tuple[str, ...] = (BOSS,)

    def __post_init__(self) -> None:
        engine = open_database(self.database_url or f"sqlite:///{self.path}/state.db")
        self.store, self.work = Store(engine, self.clock), WorkTable(engine, self.clock)
        self.runner = Runner(self.clock)
        self.admin = Administering(
            self.store,
            self.work,
            {"test": self.chat},
            self.runner,
            self.admins,
            ("handbook",),
            post_wait_s=75.0,
            clock=self.seconds,
        )
        lock = self.path / "worker.lock"
        self.worker = Worker(engine, self.admin.handlers(), self.clock, lock, Pace(), jitter=lambda: 1.0)

    def seconds(self) -> float:
        return self.clock.moment.timestamp()

    def say(self, text: str, who: str = BOSS, message_id: str = "", thread: ThreadRef = CHANNEL) -> Received:
        assert is_command(text)
        return self.admin.receive(Request(thread, message_id or f"{who} {text} {self.clock.moment}", who, text))

    def run(self) -> None:
        assert self.worker.run_until_idle(30)

    def live(self, seconds: float) -> None:
        for _ in range(int(seconds // 5)):
            self.run()
            self.clock.forward(5)
        self.run()

    def texts(self) -> list[str]:
        return [message.text for _, _, message in self.chat.shown]

    def audit(self) -> list[tuple[str, str, str]]:
        return [(row.who, row.what, row.result) for row in reversed(audit_rows(self.store))]


@pytest.fixture(params=DATABASES)
def office(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Office]:
    running = Office(tmp_path, request.param)
    empty(running.store.engine)
    yield running
    running.store.engine.dispose()


def test_an_admins_command_is_carried_out_and_its_one_message_says_how_it_ended(office: Office) -> None:
    received = office.say("/index promote v0002")
    assert received.told == ""
    office.run()
    assert office.runner.begun == [Command("promote", ("v0002",))]
    assert office.texts() == ["`/index promote v0002` by test/U1: done\n\n```\nv0002 is live.\n```"]
    [row] = audit_rows(office.store)
    assert (row.who, row.what, row.arguments, row.result) == (BOSS, "index promote", ("v0002",), "done")
    assert row.ended_at is not None
    assert received.row == row.id
    assert office.admin.is_settled(row.id)


def test_progress_is_edited_into_one_message_and_not_at_every_step(office: Office) -> None:
    office.runner.steps = tuple(f"embedding {n} of 10" for n in range(1, 11))
    office.say("/index build")
    office.run()
    assert len(office.chat.shown) == 1
    assert [edit.split("\n")[3] for edit in office.chat.edits if "running" in edit] == [
        f"embedding {n} of 10" for n in (2, 4, 6, 8, 10)
    ]
    assert office.chat.edits[-1].startswith("`/index build` by test/U1: done")


def test_who_is_no_admin_is_refused_privately_and_noted_by_id(office: Office) -> None:
    with capture_logs() as logs:
        received = office.say("/index rollback", who=OTHER)
    office.run()
    assert OTHER in received.told
    assert (office.runner.begun, office.texts()) == ([], [])
    assert office.audit() == [(OTHER, "index", "refused")]
    assert [(log["event"], log["who"]) for log in logs] == [("admin.refused", OTHER)]


def test_a_display_name_that_looks_like_an_admins_id_changes_nothing(office: Office) -> None:
    office.say("/index build", who="test/Admin (U1)")
    office.run()
    assert office.runner.begun == []


def test_an_unknown_argument_is_refused_by_name_and_nothing_begins(office: Office) -> None:
    received = office.say("/index update --path /etc; rm -rf / $(id) --source file:///root")
    office.run()
    assert received.told.startswith("unknown argument --path: /index update [SOURCE], where SOURCE is one of: handbook")
    assert office.runner.begun == []
    assert office.audit() == [(BOSS, "index", "refused")]


def test_what_was_typed_wrongly_is_not_kept(office: Office) -> None:
    office.say("/index promote hunter2-is-my-password")
    office.say("/index hunter2-is-my-password", who=OTHER)
    assert "hunter2" not in str([row.detail + row.what for row in audit_rows(office.store)])
    assert office.audit() == [(BOSS, "index", "refused"), (OTHER, "index", "refused")]


def test_asking_fifty_times_in_a_minute_is_one_run(office: Office) -> None:  # attack A142
    for _ in range(50):
        received = office.say("/index update")
        office.clock.forward(1)
    assert received.told == "test/U1 asked for /index update already, at 09:00 UTC; it is not begun twice."
    office.run()
    assert office.runner.begun == [Command("update")]
    assert len(office.chat.shown) == 1
    assert [result for _, _, result in office.audit()].count("joined") == 49


def test_while_it_runs_others_are_told_who_asked(office: Office) -> None:  # attack A141
    told: list[str] = []
    office.runner.during = lambda: told.append(office.say("/index build", message_id="second").told)
    office.say("/index build")
    office.run()
    assert told == ["test/U1 asked for /index build already, at 09:00 UTC; it is not begun twice."]
    assert len(office.runner.begun) == 1
    office.runner.during = lambda: None
    office.say("/index build", message_id="third")
    office.run()
    assert len(office.runner.begun) == 2, "afterwards it may be asked for again"


def test_changes_run_one_after_another_and_questions_about_the_state_do_not_wait(office: Office) -> None:
    office.runner.during = lambda: office.worker.run_once() and None
    office.say("/index build")
    office.say("/index rollback")
    office.say("/index status")
    office.run()
    assert [command.name for command in office.runner.begun] == ["build", "status", "rollback"]


def test_a_message_delivered_twice_is_one_command(office: Office) -> None:
    for _ in range(3):
        assert office.say("/index status", message_id="m1").told == ""
    office.run()
    assert office.say("/index status", message_id="m1").told == ""
    office.run()
    assert len(office.runner.begun) == 1
    assert len(office.audit()) == 1


def test_a_command_that_fails_says_why_in_its_message(office: Office) -> None:
    office.runner.end = BuildRefused("another build runs: pid 77, begun 09:00")
    office.say("/index build")
    office.run()
    assert office.texts() == ["`/index build` by test/U1: failed\n\n```\nanother build runs: pid 77, begun 09:00\n```"]
    assert office.audit() == [(BOSS, "index build", "failed")]


def test_a_command_that_breaks_again_and_again_is_given_up_and_says_so(office: Office) -> None:
    office.runner.end = ZeroDivisionError("secret words")
    office.say("/index build")
    office.live(1200)
    assert office.audit() == [(BOSS, "index build", "failed")]
    [text] = office.texts()
    assert "unexpected ZeroDivisionError" in text
    assert "secret words" not in text


def test_a_chat_that_is_down_does_not_stop_the_command_and_its_end_is_told_later(office: Office) -> None:
    office.chat.down = TemporarilyUnavailable("the chat cannot be reached")
    office.say("/index promote v0002")
    office.run()
    assert len(office.runner.begun) == 1
    assert office.audit() == [(BOSS, "index promote", "done")]
    office.chat.down = None
    office.live(120)
    assert len(office.runner.begun) == 1
    assert office.texts() == ["`/index promote v0002` by test/U1: done\n\n```\nv0002 is live.\n```"]


def test_a_message_whose_answer_was_lost_is_not_posted_twice(office: Office) -> None:
    office.chat.lose_answers = 1
    office.say("/index status")
    office.live(200)
    assert office.texts() == ["`/index status` by test/U1: done\n\n```\nv0002 is live.\n```"]


def die_in(office: Office) -> None:
    """Claim the next command as a process that is then killed."""
    assert office.work.claim({ADMIN: 60.0}) is not None
    [(_, _, result)] = office.audit()
    assert result == "started", "what never finished shows"
    office.clock.forward(61)


@pytest.mark.parametrize("name", ["update", "build", "status"])
def test_after_a_crash_a_command_that_may_be_done_twice_is_done_again(office: Office, name: str) -> None:
    office.say(f"/index {name}")
    die_in(office)
    office.live(60)
    assert office.runner.begun == [Command(name)]
    assert len(office.chat.shown) == 1


@pytest.mark.parametrize("line", ["/index rollback", "/index promote v0002", "/index prune"])
def test_after_a_crash_what_must_not_be_done_twice_is_told_as_interrupted(office: Office, line: str) -> None:
    office.say(line)
    die_in(office)
    office.live(60)
    assert office.runner.begun == []
    [text] = office.texts()
    assert "interrupted" in text
    assert office.audit()[0][2] == "failed"


def test_who_is_no_admin_any_more_when_the_turn_comes_is_refused(office: Office, tmp_path: Path) -> None:
    office.say("/index build")
    later = Office(tmp_path, office.database_url, office.chat, office.clock, admins=())
    later.run()
    assert later.runner.begun == []
    assert later.audit() == [(BOSS, "index build", "refused")]
    later.store.engine.dispose()


def test_names_of_documents_in_a_result_are_no_markup(office: Office) -> None:
    office.runner.end = "docs/```<!channel> [x](https://evil.test)```.md is gone"
    office.say("/index findings")
    office.run()
    assert "\n````\ndocs/```<!channel> [x](https://evil.test)```.md is gone\n````" in office.texts()[0]


def test_a_long_result_is_cut(office: Office) -> None:
    office.runner.end = "x" * 100_000
    office.say("/index sources")
    office.run()
    assert len(office.texts()[0]) < 4000


@pytest.mark.skipif(not ATTACKS.is_file(), reason="the catalogue of attacks does not lie beside this checkout")
@pytest.mark.parametrize("identity", ["A136", "A138", "A139", "A140"])
def test_attacks_start_no_reindex(office: Office, identity: str) -> None:
    cases = {case["id"]: case for case in map(json.loads, ATTACKS.read_text("utf-8").split("\n")[:-1])}
    text = str(cases[identity]["payload"]).replace("/reindex", "/index update")
    for who in (OTHER, "test/Admin (U1)", BOSS):
        if is_command(text):
            office.say(text, who=who)
    if identity in {"A136", "A138"}:
        office.say("/index update", who="test/Admin (U0ADMIN01)")
    office.run()
    assert office.runner.begun == []
