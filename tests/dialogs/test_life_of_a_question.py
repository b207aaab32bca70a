from __future__ import annotations

import shutil
import sqlite3
from typing import TYPE_CHECKING

import pytest

from assistant.errors import AccessDenied, Rejected, TemporarilyUnavailable
from tests.fakes.running_home import DATABASES, RunningHome, decide, empty

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from assistant.core.model import Decision, Question


@pytest.fixture(params=DATABASES)
def home(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[RunningHome]:
    running = RunningHome(tmp_path, database_url=request.param)
    empty(running.store.engine)
    yield running
    running.close()


def test_a_question_that_the_documentation_answers_is_answered_once_with_its_source(home: RunningHome) -> None:
    question = home.ask("register a runner")
    home.run()
    assert home.state(question) == "answered"
    [(_, _, message)] = home.chat.shown
    assert message.kind == "answered"
    assert [citation.document for citation in message.citations] == ["docs/runner.md"]
    assert "quotations" in message.text


def test_a_question_nobody_documented_becomes_one_support_issue_and_the_asker_gets_its_link(home: RunningHome) -> None:
    question = home.ask("unknown error 77")
    home.run()
    progress = home.look(question)
    assert progress.record.state == "escalated"
    assert progress.settled
    assert progress.link is not None
    assert progress.link.issue is not None
    assert home.chat.kinds("unknown") == ["abstained", "issue_opened"]
    assert progress.link.issue.url in home.chat.shown[-1][2].text
    [(_, draft)] = home.tracker.opened
    assert draft.labels == ("support",)


def test_a_message_delivered_five_times_is_one_question(home: RunningHome) -> None:
    ids = {home.ask("unknown error 77") for _ in range(3)}
    home.run()
    ids |= {home.ask("unknown error 77") for _ in range(2)}
    home.run()
    assert len(ids) == 1
    assert len(home.tracker.opened) == 1
    assert home.chat.kinds("unknown") == ["abstained", "issue_opened"]


def test_a_vague_question_is_asked_back_and_the_detail_leads_to_an_answer(home: RunningHome) -> None:
    question = home.ask("vague trouble")
    home.run()
    assert home.state(question) == "needs_detail"
    assert home.asking.add_detail(question, "it is the runner 16.4", "m2")
    assert not home.asking.add_detail(question, "it is the runner 16.4", "m2"), "a second delivery has no effect"
    home.run()
    home.run_for(3600, step=600)
    assert home.state(question) == "answered"
    assert home.chat.kinds("vague") == ["needs_detail", "answered"]
    assert home.tracker.opened == []


def test_no_reply_in_time_opens_an_issue_that_awaits_feedback(home: RunningHome) -> None:
    question = home.ask("vague trouble")
    home.run()
    home.clock.forward(1799)
    home.run()
    assert home.state(question) == "needs_detail"
    home.clock.forward(2)
    home.run()
    assert home.state(question) == "escalated"
    assert [draft.labels for _, draft in home.tracker.opened] == [("support", "awaiting-feedback")]
    assert home.chat.kinds("vague") == ["needs_detail", "issue_opened"]


def test_with_no_patience_the_issue_is_opened_at_once(tmp_path: Path) -> None:
    home = RunningHome(tmp_path, needs_detail_after_s=0)
    home.ask("vague trouble")
    home.run()
    assert home.chat.kinds("vague") == ["needs_detail", "issue_opened"]
    home.close()


def test_the_asker_is_asked_back_at_most_once(home: RunningHome) -> None:
    question = home.ask("vague trouble")
    home.run()
    home.asking.add_detail(question, "still vague", "m2")
    home.run()
    assert home.state(question) == "escalated"
    assert home.chat.kinds("vague") == ["needs_detail", "abstained", "issue_opened"]


@pytest.mark.parametrize("verdict", ["wrong", "people"])
def test_an_asker_who_is_not_helped_reaches_people(home: RunningHome, verdict: str) -> None:
    question = home.ask("register a runner")
    home.run()
    for _ in range(2):  # people click twice
        assert home.asking.feedback(question, verdict) == "escalated"
    home.run()
    assert len(home.tracker.opened) == 1
    assert home.chat.kinds("register") == ["answered", "abstained", "issue_opened"]


def test_an_asker_who_is_helped_says_so(home: RunningHome) -> None:
    question = home.ask("register a runner")
    home.run()
    assert home.asking.feedback(question, "solved") == "solved"
    assert home.asking.feedback(question, "solved") == "solved"
    home.run()
    assert home.chat.kinds("register") == ["answered", "solved"]


def test_an_asker_who_wants_people_before_the_answer_gets_no_answer(home: RunningHome) -> None:
    question = home.ask("register a runner")
    assert home.asking.feedback(question, "people") == "escalated"
    home.run()
    assert home.chat.kinds("register") == ["abstained", "issue_opened"]


def test_what_the_asker_says_while_the_answer_is_made_stands(tmp_path: Path) -> None:
    def interrupted(question: Question) -> Decision:
        home.asking.feedback(question.id, "people")
        return decide(question)

    home = RunningHome(tmp_path, answer=interrupted)
    question = home.ask("register a runner")
    home.run()
    assert home.state(question) == "escalated"
    assert home.chat.kinds("register") == ["abstained", "issue_opened"]
    assert home.work.waiting() == [], "the answer that came too late is no dead letter"
    home.close()


def test_wrong_before_any_answer_is_refused(home: RunningHome) -> None:
    question = home.ask("register a runner")
    with pytest.raises(Rejected, match="no answer yet"):
        home.asking.feedback(question, "wrong")


def test_where_no_issues_are_opened_an_unanswered_question_is_declined(home: RunningHome) -> None:
    question = home.ask("unknown error 77", escalation="off")
    home.run()
    assert home.state(question) == "declined"
    assert home.chat.kinds("unknown") == ["abstained"]
    assert home.tracker.opened == []


def test_in_a_private_place_the_asker_sees_the_exact_text_before_anybody_else(home: RunningHome) -> None:
    question = home.ask("unknown error 77", visibility="private", escalation="confirm")
    home.run()
    assert home.tracker.opened == []
    shown = home.chat.shown[-1][2].text
    assert home.asking.confirm(question, yes=True) == "escalated"
    home.run()
    [(_, draft)] = home.tracker.opened
    assert f"{draft.title}\n\n{draft.description}" in shown
    assert not draft.confidential, "the asker said yes to the exact text"
    assert home.chat.kinds("unknown") == ["abstained", "abstained", "issue_opened"]


@pytest.mark.parametrize("reply", ["no", "cancel", "silence"])
def test_without_a_yes_there_is_no_issue(home: RunningHome, reply: str) -> None:
    question = home.ask("unknown error 77", visibility="private", escalation="confirm")
    home.run()
    if reply == "no":
        home.asking.confirm(question, yes=False)
    elif reply == "cancel":
        home.asking.feedback(question, "cancel")
    home.run_for(2 * 24 * 3600, step=3600)
    assert home.state(question) == "declined"
    assert home.tracker.opened == []
    assert home.chat.kinds("unknown") == ["abstained", "declined"]


@pytest.mark.parametrize(
    ("words", "changed", "confidential"),
    [
        ("unknown error", {}, False),
        ("unknown error", {"visibility": "private"}, True),
        ("unknown security hole", {}, True),
        ("unknown token", {"masked": ("gitlab_token",)}, True),
    ],
)
def test_an_issue_is_never_more_visible_than_the_place_it_was_asked(
    home: RunningHome, words: str, changed: dict[str, object], *, confidential: bool
) -> None:
    home.ask(words, **changed)
    home.run()
    assert [draft.confidential for _, draft in home.tracker.opened] == [confidential]


def test_a_secret_in_a_detail_hides_the_issue_too(home: RunningHome) -> None:
    question = home.ask("vague trouble")
    home.run()
    home.asking.add_detail(question, "unknown [gitlab_token removed]", "m2", ("gitlab_token",))
    home.run()
    assert [draft.confidential for _, draft in home.tracker.opened] == [True]


def test_while_gitlab_is_down_the_asker_is_told_once_and_gets_the_link_soon_after_it_is_back(home: RunningHome) -> None:
    home.tracker.down = TemporarilyUnavailable("GitLab cannot be reached; check GITLAB_URL")
    question = home.ask("unknown error 77")
    home.run_for(1800)
    progress = home.look(question)
    assert progress.error == "GitLab cannot be reached; check GITLAB_URL"
    assert home.chat.kinds("unknown") == ["abstained", "issue_waiting"]
    home.tracker.down = None
    home.run_for(120)
    assert home.chat.kinds("unknown") == ["abstained", "issue_waiting", "issue_opened"]
    assert len(home.tracker.opened) == 1


def test_answers_go_on_while_gitlab_is_down(home: RunningHome) -> None:
    home.tracker.down = TemporarilyUnavailable("GitLab cannot be reached; check GITLAB_URL")
    home.ask("unknown error 77")
    home.run()
    home.ask("register a runner")
    home.run()
    assert home.chat.kinds("register") == ["answered"]


def test_a_revoked_token_pauses_issues_without_a_storm_and_keeps_every_question(home: RunningHome) -> None:
    calls = []
    home.tracker.down = AccessDenied("GITLAB_TOKEN was revoked; make a new one")
    real = home.tracker.open_issue
    home.tracker.open_issue = lambda draft: (calls.append(1), real(draft))[1]  # type: ignore[method-assign]
    for n in range(20):
        home.ask(f"unknown{n} error")
    home.run_for(290)
    assert len(calls) == 1, "one call tells all there is to know"
    assert "an admin has to look at it" in home.chat.shown[-1][2].text
    home.tracker.down = None
    home.run_for(400)
    assert len(home.tracker.opened) == 20
    for n in range(20):
        assert home.chat.kinds(f"unknown{n}") == ["abstained", "issue_waiting", "issue_opened"]


def test_an_issue_that_gitlab_refuses_is_a_dead_letter_and_the_asker_hears_of_it(home: RunningHome) -> None:
    home.tracker.down = Rejected("GitLab refused the issue: title is too long")
    question = home.ask("unknown error 77")
    home.run_for(600)
    assert home.chat.kinds("unknown") == ["abstained", "rejected"]
    [dead] = home.work.waiting()
    assert (dead.state, dead.subject, dead.error) == ("dead", question, "GitLab refused the issue: title is too long")
    home.tracker.down = None
    assert home.work.revive(dead.id)
    home.run()
    assert home.chat.kinds("unknown") == ["abstained", "rejected", "issue_opened"]


def test_a_question_whose_answering_breaks_every_time_goes_to_people(tmp_path: Path) -> None:
    def broken(question: Question) -> Decision:
        raise ZeroDivisionError(question.id)

    home = RunningHome(tmp_path, answer=broken)
    home.ask("register a runner")
    home.run_for(600)
    assert home.chat.kinds("register") == ["abstained", "issue_opened"]
    assert len(home.tracker.opened) == 1
    home.close()


def test_the_assistant_thanks_and_greets_in_the_language_of_the_asker(home: RunningHome) -> None:
    question = home.ask("register a runner", language="de")
    home.run()
    home.asking.feedback(question, "solved")
    home.run()
    assert home.chat.shown[-1][2].text == "Danke. Schön, dass es gelöst ist."


def test_what_a_person_wrote_is_gone_after_forget_me_and_no_issue_is_opened_from_it(home: RunningHome) -> None:
    home.tracker.down = TemporarilyUnavailable("GitLab cannot be reached; check GITLAB_URL")
    question = home.ask("unknown error 77")
    home.run()
    assert home.store.forget("test", "ada") > 0
    home.tracker.down = None
    home.run_for(600)
    assert home.tracker.opened == []
    assert home.look(question).record.question.text == ""
    assert home.look(question).record.question.asker.startswith("forgotten")
    assert home.chat.kinds("unknown") == ["abstained", "issue_waiting"]
    assert home.work.waiting() == []


def test_a_person_who_is_forgotten_before_the_answer_or_the_detail_hears_nothing_more(home: RunningHome) -> None:
    vague = home.ask("vague trouble")
    home.run()
    asked = home.ask("register a runner")
    home.store.forget("test", "ada")
    home.run_for(2000, step=500)
    assert (home.state(vague), home.state(asked)) == ("declined", "declined")
    assert home.chat.kinds("vague") == ["needs_detail"]
    assert home.chat.kinds("register") == []
    assert home.tracker.opened == []


@pytest.mark.parametrize("rows_done", [0, 1, 2, 3])
def test_after_an_old_backup_is_restored_nothing_is_sent_a_second_time(tmp_path: Path, rows_done: int) -> None:
    home = RunningHome(tmp_path / "home")
    home.ask("unknown error 77")
    for _ in range(rows_done):
        home.worker.run_once()
    with sqlite3.connect(tmp_path / "home" / "state.db") as live, sqlite3.connect(tmp_path / "backup.db") as backup:
        live.backup(backup)
    live.close()
    backup.close()
    home.run()
    home.close()
    home.clock.forward(3600)
    (tmp_path / "restored").mkdir()
    shutil.copy(tmp_path / "backup.db", tmp_path / "restored" / "state.db")
    restored = RunningHome(tmp_path / "restored", home.clock, home.chat, home.tracker)
    restored.run()
    assert len(home.tracker.opened) == 1
    assert home.chat.kinds("unknown") == ["abstained", "issue_opened"]
    restored.close()
