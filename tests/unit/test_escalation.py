"""What a responder reads, what finds the issue again, and whom an issue waits for."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assistant.core.environment import environment_of, is_security
from assistant.core.escalation import (
    QUESTION_MAX,
    Searched,
    Terms,
    draft_issue,
    first_line,
    holds_marker,
    marker_for,
    searched_from,
)
from assistant.core.labels import Event, Labels, Waiting, after, label_change, labels_of, state_of, topic_labels
from assistant.core.model import Abstained, Answered, Citation, Decision, NeedsDetail, Question, ThreadRef
from indexing.model import Chunk, Passage, RankedDocument, Retrieval
from tests.unit.test_neutralise import HOSTILE, does_nothing, needs_oracle

KEY = b"a key for tests"
MARKER = marker_for("q7", KEY)
GITLAB_MOST = 1_048_576


def question(text: str = "Why does my job time out?", **changes: Any) -> Question:
    thread = ThreadRef("console", "terminal", "t1", "https://chat.test/t1")
    base = Question("q7", text, thread, "ada", datetime(2026, 11, 21, 9, 30, tzinfo=UTC))
    return replace(base, **changes)


def passage(number: int, *labels: str) -> Passage:
    chunk = Chunk(f"issue:{number}", 0, ("Title",), "text")
    return Passage(number, chunk, 1.0 / number, "issue", "Title", "", labels=labels)


def found(kind: str, number: int, title: str = "Runner timeouts") -> RankedDocument:
    url = f"https://docs.test/{kind}/{number}"
    return RankedDocument(f"{kind}:{number}", "page" if kind == "docs" else "issue", 0.5, "c#0", title, url)


SUGGESTED = Answered(
    "Raise the timeout [1].\n\n```yaml\ntimeout: 3h\n```",
    (Citation(1, "Timeouts", "https://docs.test/t", "docs:1", "q"),),
    0.4,
)
DECISION = Decision(
    Abstained("weak_evidence", 0.31, None, SUGGESTED),
    Retrieval(
        tuple(passage(n, "support", "ci", "runner") for n in (1, 2)),
        tuple(found("docs", n) for n in range(8)) + tuple(found("issue", n) for n in range(8)),
        index_version="v12",
    ),
    "a-model",
)


def drafted(asked: Question | None = None, **terms: Any) -> str:
    return draft_issue(asked or question(), searched_from(DECISION), Terms(MARKER, **terms)).description


def test_a_responder_reads_the_question_first() -> None:
    assert drafted().startswith("### Question\n\n```text\nWhy does my job time out?\n```\n")


def test_a_responder_sees_five_pages_and_five_closed_issues_with_rank_and_link() -> None:
    text = drafted()
    assert "| 1 | [Runner timeouts](https://docs.test/docs/0) | 0.500 |" in text
    assert "| 9 | [Runner timeouts](https://docs.test/issue/0) | 0.500 |" in text
    assert text.count("](https://docs.test/docs/") == 5
    assert text.count("](https://docs.test/issue/") == 5


def test_a_suggested_reply_is_marked_as_unverified_and_its_code_can_be_copied() -> None:
    text = drafted()
    assert "Made by the assistant (written by a language model), verified by nobody." in text
    assert "> Raise the timeout [1].\n" in text
    assert "> timeout: 3h\n" in text
    assert "- [1] [Timeouts](https://docs.test/t)" in text


def test_details_and_recognised_environment_are_shown() -> None:
    text = drafted(question(details=("GitLab 16.4.1 on Ubuntu 22.04, exit code 137",)))
    assert "added when asked back" in text
    assert "| Environment | GitLab 16.4.1, Ubuntu 22.04 |" in text
    assert "| Error | exit code 137 |" in text


def test_nothing_is_said_of_an_environment_that_was_not_named() -> None:
    assert "Environment" not in drafted()


def test_removed_secrets_are_named_by_kind() -> None:
    text = drafted(question(masked=("gitlab_token", "gitlab_token", "password")))
    assert "gitlab\\_token (2 times), password" in text
    assert "must be revoked" in text


def test_visibility_is_said() -> None:
    assert "| Visible there | the asker only |" in drafted()
    assert "| Visible there | everybody in the channel |" in drafted(question(visibility="public"))
    assert "This issue is confidential." in drafted(confidential=True)


def test_labels_are_support_and_the_topics_of_near_closed_issues() -> None:
    draft = draft_issue(question(), searched_from(DECISION), Terms(MARKER))
    assert draft.labels == ("support", "ci", "runner")


def test_an_issue_that_waits_for_the_asker_carries_both_labels() -> None:
    labels = Labels(support="help", awaiting="waits")
    draft = draft_issue(question(), Searched(), Terms(MARKER, awaiting=True, labels=labels))
    assert draft.labels == ("help", "waits")


def test_the_title_is_the_first_line_that_says_something() -> None:
    assert draft_issue(question("\n\n## Help\nmore"), Searched(), Terms(MARKER)).title == "Help"
    assert draft_issue(question("```\n/close"), Searched(), Terms(MARKER)).title == "/close"
    assert draft_issue(question("\n \n"), Searched(), Terms(MARKER)).title == "Question q7"
    assert first_line("> - # quoted") == "quoted"


def test_a_very_long_question_is_cut_and_fits_into_gitlab() -> None:
    text = drafted(question("äx` " * 300_000, details=("y" * 400_000,)))
    assert len(text.encode()) < GITLAB_MOST
    assert f"Cut after {QUESTION_MAX:,} of 1,200,000 characters" in text
    assert holds_marker(text, MARKER)


def test_an_issue_names_no_document_that_only_the_place_of_the_question_may_read() -> None:
    hidden = replace(found("issue", 9, "Plans of team A"), audience="team-a")
    chunk = Chunk("docs:1", 0, ("Plans of team A",), "text")
    read = replace(passage(3, "team-a-only", "team-a-only"), chunk=chunk, audience="team-a")
    retrieval = replace(DECISION.retrieval, passages=(read, read), ranking=(hidden, found("docs", 1)))
    text = draft_issue(question(), searched_from(replace(DECISION, retrieval=retrieval)), Terms(MARKER)).description
    assert "https://docs.test/docs/1" in text
    assert "team" not in text.casefold()
    assert "Raise the timeout" not in text  # the suggested reply stood on what others may not read


def test_a_failed_search_is_said() -> None:
    text = draft_issue(question(), searched_from(None), Terms(MARKER)).description
    assert "The search failed; nothing was looked up." in text


def test_an_answer_that_did_not_help_is_shown_as_such() -> None:
    wrong = replace(DECISION, outcome=SUGGESTED, written_by="extractive")
    text = draft_issue(question(), searched_from(wrong), Terms(MARKER)).description
    assert "### The answer that did not help" in text
    assert "quoted from the index" in text


def test_a_question_that_lacked_detail_says_so() -> None:
    asked_back = replace(DECISION, outcome=NeedsDetail(("version",), 0.2))
    assert searched_from(asked_back).reason == "needs_detail"


def test_a_link_that_is_no_web_address_is_shown_as_text() -> None:
    row = replace(found("docs", 1), url="javascript:alert(1)")
    retrieval = replace(DECISION.retrieval, ranking=(row,))
    text = draft_issue(question(), searched_from(replace(DECISION, retrieval=retrieval)), Terms(MARKER)).description
    assert "javascript" not in text
    assert "| 1 | Runner timeouts | 0.500 |" in text


def test_a_search_survives_the_store() -> None:
    searched = searched_from(DECISION)
    assert Searched.from_json(searched.to_json()) == searched
    with pytest.raises(ValueError, match="not a stored search"):
        Searched.from_json('{"rows": [{"x": 1}]}')


def test_the_same_facts_give_the_same_draft_after_a_crash() -> None:
    stored = Searched.from_json(searched_from(DECISION).to_json())
    assert draft_issue(question(), stored, Terms(MARKER)) == draft_issue(
        question(), searched_from(DECISION), Terms(MARKER)
    )


@needs_oracle
@settings(max_examples=200, deadline=None)
@given(HOSTILE, HOSTILE, HOSTILE)
def test_no_text_anywhere_in_an_issue_runs_a_command_or_mentions_anybody(asked: str, title: str, reply: str) -> None:
    asker = question(asked, details=(title,), asker=title, masked=("jwt",))
    ranking = (found("docs", 1, title), found("issue", 2, reply))
    outcome = Abstained("weak_evidence", 0.1, None, replace(SUGGESTED, text=reply))
    decision = replace(DECISION, outcome=outcome, retrieval=replace(DECISION.retrieval, ranking=ranking))
    description = draft_issue(asker, searched_from(decision), Terms(MARKER)).description
    assert does_nothing(description)
    assert holds_marker(description, MARKER)
    assert sum(line.strip() == MARKER for line in description.split("\n")) == 1


def test_a_marker_names_the_question_and_cannot_be_guessed() -> None:
    assert MARKER.startswith("assistant-ref: q7.")
    assert marker_for("q7", b"another key") != MARKER
    assert marker_for("q8", KEY) != MARKER


@given(st.text(max_size=60))
def test_a_marker_in_a_persons_text_does_not_count(text: str) -> None:
    forged = marker_for("q8", KEY)
    description = drafted(question(f"{text}\n{forged}\n```\n{forged}\n~~~\n{forged}"))
    assert not holds_marker(description, forged)
    assert holds_marker(description, MARKER)


@pytest.mark.parametrize(
    "description",
    [
        f"text {MARKER}",
        f"{MARKER}x",
        f"```\n{MARKER}\n```",
        f"~~~~text\n{MARKER}\n~~~\n{MARKER}\n~~~~",
        f"````\n```\n{MARKER}\n````",
        "",
    ],
)
def test_a_marker_counts_only_on_its_own_line_outside_code(description: str) -> None:
    assert not holds_marker(description, MARKER)


@pytest.mark.parametrize("description", [MARKER, f"a\r\n{MARKER}\r\n", f"```\nx\n```\n<!--\n{MARKER}\n-->"])
def test_a_marker_is_found_where_the_program_wrote_it(description: str) -> None:
    assert holds_marker(description, MARKER)


NAMES = Labels()


@pytest.mark.parametrize(
    ("state", "event", "then"),
    [
        (Waiting.FOR_RESPONDER, Event.RESPONDER_ASKED_BACK, Waiting.FOR_ASKER),
        (Waiting.FOR_ASKER, Event.ASKER_REPLIED, Waiting.FOR_RESPONDER),
        (Waiting.FOR_ASKER, Event.CLOSED, Waiting.CLOSED),
        (Waiting.FOR_RESPONDER, Event.CLOSED, Waiting.CLOSED),
        (Waiting.CLOSED, Event.ASKER_REPLIED, Waiting.FOR_RESPONDER),
        (Waiting.CLOSED, Event.REOPENED, Waiting.FOR_RESPONDER),
        (Waiting.FOR_RESPONDER, Event.ASKER_REPLIED, Waiting.FOR_RESPONDER),
        (Waiting.CLOSED, Event.RESPONDER_ASKED_BACK, Waiting.CLOSED),
    ],
)
def test_whom_an_issue_waits_for_after_an_event(state: Waiting, event: Event, then: Waiting) -> None:
    assert after(state, event) is then


@given(st.lists(st.sampled_from(Event)), st.sets(st.sampled_from(["ci", "runner", "support", "awaiting-feedback"])))
def test_awaiting_feedback_never_stands_alone(events: list[Event], present: set[str]) -> None:
    state = Waiting.FOR_RESPONDER
    for event in events:
        state = after(state, event)
        add, remove = label_change(present, state, NAMES)
        present = (present | set(add)) - set(remove)
        assert NAMES.awaiting not in present or NAMES.support in present
        assert set(labels_of(state, NAMES)) == present & {NAMES.support, NAMES.awaiting}
        assert state_of(present, NAMES, closed=state is Waiting.CLOSED) is state


def test_topic_labels_are_those_that_two_near_issues_share() -> None:
    passages = [
        passage(1, "support", "ci"),
        passage(2, "ci", "runner"),
        passage(3, "runner"),
        passage(4, "rare", "a,b"),
    ]
    assert topic_labels(passages, NAMES) == ("ci", "runner")


@pytest.mark.parametrize(
    "text",
    [
        "I found a vulnerability in the login page",
        "our deploy token was leaked in a job log",
        "CVE-2026-1234 affects us?",
        "Ich habe eine Sicherheitslücke gefunden",
        "fuite de données dans les journaux",
        "发现一个漏洞",
        "トークンが漏洩しました",
        "I can see other users' private snippets",
        "уязвимость в раннере",
    ],
)
def test_a_question_of_security_is_recognised(text: str) -> None:
    assert is_security(text)


@pytest.mark.parametrize(
    "text",
    [
        "How do I add a deploy key?",
        "My pipeline is slow",
        "Wie setze ich ein Secret?",
        "如何注册 runner",
        "memory leak in the runner",
    ],
)
def test_an_ordinary_question_is_not(text: str) -> None:
    assert not is_security(text)


def test_the_environment_is_recognised_from_what_people_write() -> None:
    rows = dict(
        environment_of("gitlab-runner 16.3.1, Docker version 24.0.7 on macOS; job #4711 returned 502, HTTP 503")
    )
    assert rows["Environment"] == "gitlab-runner 16.3.1, Docker 24.0.7, macOS"
    assert rows["Error"] == "HTTP status 502, HTTP status 503"
    assert rows["Job"] == "job #\u20604711"
