"""An answer whose sources change is checked again and listed."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from assistant.core.evidence import check
from assistant.core.model import Answered, Claim, Decision, Draft, Question
from assistant.core.rechecking import recheck
from assistant.workflows.recall import recall, recalled
from indexing.model import Retrieval
from tests.fakes.running_home import DATABASES, RunningHome, empty
from tests.fakes.texts_of_a_version import TextsOfAVersion, passages_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from indexing.model import Passage

REGISTER = "Register with `gitlab-runner register`. The token lasts 90 days. Ask the owner of the group for it."
CLEAN = "Old images fill the disk. Clean up daily with `docker image prune`."
PAGE, OTHER = "docs/runner.md", "docs/disk.md"


def answered(*claims: Claim, passages: tuple[Passage, ...]) -> Answered:
    """Return the answer as the evidence check lets it pass."""
    supported = check(Draft(claims, found=True, written_by="writer"), passages)
    return Answered(supported.text, supported.citations, 0.9)


def answer_from(question: Question) -> Decision:
    del question
    passages = passages_of(PAGE, REGISTER, "Unrelated words about tags.")
    outcome = answered(
        Claim("Register with `gitlab-runner register`. The token lasts 90 days.", (1,)), passages=passages
    )
    return Decision(outcome, Retrieval(passages, (), index_version="v0001"), "extractive")


@pytest.fixture(params=DATABASES)
def home(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[RunningHome]:
    running = RunningHome(tmp_path, answer=answer_from, database_url=request.param)
    empty(running.store.engine)
    yield running
    running.close()


def ask(home: RunningHome, text: str = "register a runner") -> str:
    question = home.ask(text)
    home.run()
    assert home.state(question) == "answered"
    return question


def version(name: str = "v0002", now: str = "") -> TextsOfAVersion:
    return TextsOfAVersion(name, {PAGE: (now,) if now else (REGISTER, "Unrelated words about tags.")})


def listed(home: RunningHome) -> list[tuple[str, str]]:
    return [(row.recheck.state, row.recheck.detail) for row in recalled(home.store)]


def test_an_answer_whose_sources_stay_as_they_were_is_left_alone(home: RunningHome) -> None:
    ask(home)
    same = version()
    report = recall(home.store, same)
    assert (report.given, report.supported, report.changed, report.gone) == (1, 0, 0, 0)
    assert same.read == [], "nothing was read but hashes"
    assert listed(home) == []


def test_an_answer_is_listed_when_its_page_says_something_else_now(home: RunningHome) -> None:
    question = ask(home)
    report = recall(home.store, version(now=REGISTER.replace("90 days", "7 days")))
    assert (report.supported, report.changed, report.gone) == (0, 1, 0)
    [row] = recalled(home.store)
    assert row.question_id == question
    assert row.documents == (PAGE,)
    assert row.answered_from == "v0001"
    assert row.recheck.index_version == "v0002"
    assert row.recheck.detail == f"1 of 2 statements are not supported any more by {PAGE}"


def test_an_answer_is_supported_still_when_its_page_changed_elsewhere(home: RunningHome) -> None:
    ask(home)
    report = recall(home.store, version(now=f"A new first sentence. {REGISTER}"))
    assert (report.supported, report.changed) == (1, 0)
    assert listed(home) == []


def test_an_answer_whose_page_is_gone_is_listed_as_gone(home: RunningHome) -> None:
    ask(home)
    recall(home.store, TextsOfAVersion("v0002", {}))
    assert listed(home) == [("gone", f"gone: {PAGE}")]


def test_an_answer_from_a_withdrawn_document_is_listed_though_a_version_still_holds_it(home: RunningHome) -> None:
    ask(home)
    recall(home.store, replace(version(), withdrawn=frozenset({PAGE})))
    assert listed(home) == [("gone", f"may not be shown any more: {PAGE}")]


def test_an_answer_from_a_page_that_became_private_is_listed_for_public_threads_only(home: RunningHome) -> None:
    ask(home)
    private = replace(version(), audiences={PAGE: "team-a"})
    recall(home.store, private, audiences=lambda _: {"public", "team-a"})
    assert listed(home) == []
    recall(home.store, private)
    assert listed(home) == [("gone", f"may not be shown any more: {PAGE}")]


def test_checking_twice_for_one_version_changes_nothing(home: RunningHome) -> None:
    ask(home)
    changed = version(now=CLEAN)
    recall(home.store, changed)
    before = recalled(home.store)
    home.clock.forward(3600)
    recall(home.store, changed)
    assert recalled(home.store) == before


def test_the_first_moment_is_kept_while_the_answer_stays_unsupported(home: RunningHome) -> None:
    ask(home)
    recall(home.store, version("v0002", now=CLEAN))
    [first] = recalled(home.store)
    home.clock.forward(3600)
    recall(home.store, version("v0003", now=CLEAN + " More."))
    [later] = recalled(home.store)
    assert later.recheck == replace(first.recheck, index_version="v0003")


def test_after_a_rollback_the_answer_is_supported_again(home: RunningHome) -> None:
    ask(home)
    recall(home.store, version("v0002", now=CLEAN))
    assert listed(home) != []
    assert recall(home.store, version("v0001")).supported == 1
    assert listed(home) == []


def test_answers_that_nobody_relies_on_are_not_checked(home: RunningHome) -> None:
    wrong, declined, solved, forgotten, old = (ask(home, f"{word} runner") for word in ("a", "b", "c", "d", "e"))
    home.asking.feedback(wrong, "wrong")
    home.asking.feedback(solved, "solved")
    with home.store.writing() as tx:
        home.store.move(tx, home.store.question(tx, declined), "declined")
    home.run()
    del old
    home.clock.forward(timedelta(days=366).total_seconds())
    new = home.ask("new runner", asker="grace")
    home.run()
    assert recall(home.store, version(now=CLEAN)).given == 1
    assert [row.question_id for row in recalled(home.store)] == [new]
    home.store.forget("test", "grace")
    assert recall(home.store, version("v0003", now=CLEAN)).changed == 0
    del forgotten


def test_a_solved_answer_is_checked_like_one_nobody_spoke_of(home: RunningHome) -> None:
    question = ask(home)
    home.asking.feedback(question, "solved")
    recall(home.store, version(now=CLEAN))
    assert [(row.question_id, row.question_state) for row in recalled(home.store)] == [(question, "solved")]


def test_retention_forgets_what_old_answers_stood_on(home: RunningHome) -> None:
    ask(home)
    recall(home.store, version(now=CLEAN))
    home.clock.forward(timedelta(days=400).total_seconds())
    home.store.purge_before(home.clock() - timedelta(days=365))
    assert listed(home) == []
    assert recall(home.store, version(now=CLEAN), keep_days=1000).given == 0


# --- the check itself


TWO = (*passages_of(PAGE, REGISTER), replace(passages_of(OTHER, CLEAN)[0], n=2))


def both() -> Answered:
    first = Claim("Register with `gitlab-runner register`.", (1,))
    return answered(first, Claim("Clean up daily with `docker image prune`.", (2,)), passages=TWO)


def test_one_of_two_sources_gone_takes_its_statement_with_it() -> None:
    found = recheck(both(), TWO, {PAGE: passages_of(PAGE, REGISTER)})
    assert (found.state, found.detail) == ("gone", f"gone: {OTHER}")


def test_one_of_two_sources_changed_is_named() -> None:
    now = {PAGE: passages_of(PAGE, "All new."), OTHER: passages_of(OTHER, CLEAN)}
    found = recheck(both(), TWO, now)
    assert (found.state, found.detail) == ("changed", f"1 of 2 statements are not supported any more by {PAGE}")


def test_a_statement_may_have_moved_to_another_piece_of_its_page() -> None:
    now = {PAGE: passages_of(PAGE, "A new beginning.", REGISTER), OTHER: passages_of(OTHER, CLEAN)}
    assert recheck(both(), TWO, now).state == "supported"


def test_a_statement_that_two_sources_support_together_stays_supported() -> None:
    passages = (
        *passages_of("docs/a.md", "Each night `registry-gc` empties the cache of the registry."),
        replace(passages_of("docs/b.md", "Platform support restarts a stuck machine with `node-restart`.")[0], n=2),
    )
    claim = Claim(
        "The cache is emptied each night by `registry-gc`; support restarts a stuck machine with `node-restart`.",
        (1, 2),
    )
    answer = answered(claim, passages=passages)
    assert len(answer.citations) == 2
    now = {p.chunk.document: (p,) for p in passages}
    assert recheck(answer, passages, now).state == "supported"
    del now["docs/b.md"]
    assert recheck(answer, passages, now).state == "changed"


def test_a_command_in_a_block_is_compared_letter_by_letter() -> None:
    code = "To clean up, run this on the machine:\n\n```shell\ndocker image prune --all --filter until=24h\n```"
    passages = passages_of(OTHER, code)
    answer = answered(Claim(code, (1,)), passages=passages)
    assert recheck(answer, passages, {OTHER: passages}).state == "supported"
    edited = passages_of(OTHER, code.replace("until=24h", "until=48h"))
    assert recheck(answer, passages, {OTHER: edited}).state == "changed"


def test_the_same_words_from_a_source_nobody_confirmed_do_not_carry_a_dangerous_command() -> None:
    text = "Reset the volume with `rm -rf /srv/cache` and start the runner again afterwards."
    passages = passages_of(OTHER, text)
    answer = answered(Claim("Start the runner again afterwards.", (1,)), passages=passages)
    unconfirmed = (replace(passages[0], confirmed=False),)
    assert recheck(answer, passages, {OTHER: unconfirmed}).state == "supported", "it names no such command"


# --- what the gate asks with


def test_answers_that_askers_confirmed_become_golden_questions(home: RunningHome) -> None:
    first, second = ask(home, "first runner"), ask(home, "second runner")
    ask(home, "third runner")
    home.asking.feedback(first, "solved")
    home.clock.forward(60)
    home.asking.feedback(second, "solved")
    found = home.store.confirmed_answers()
    assert [(one.question_id, one.text, one.documents) for one in found] == [
        (second, "second runner", (PAGE,)),
        (first, "first runner", (PAGE,)),
    ]
    home.store.forget("test", "ada")
    assert home.store.confirmed_answers() == ()


def test_the_newest_questions_come_first_and_each_once(home: RunningHome) -> None:
    for text in ("one", "two", "one", "three"):
        home.ask(text, message_id=f"{text}{home.clock.moment}")
        home.clock.forward(60)
    assert home.store.newest_questions(10) == ("three", "one", "two")
    assert home.store.newest_questions(2) == ("three", "one")
    assert home.store.newest_questions(0) == ()
