"""Judging an answer by what people did: what proves it right, what proves it wrong, and what proves nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.core.judging import MEASURED, Compared, Rarity, judge, named, shared_weight
from assistant.core.leading import Places
from indexing.model import Document

NEAR, FAR = 5.0, 0.0


@pytest.mark.parametrize(
    ("compared", "verdict", "by"),
    [
        (Compared(("a", "b", "c"), led_to=frozenset({"c"})), "rightly", "cited"),
        (Compared(("a", "b"), hinted=frozenset({"b"})), "rightly", "spoken_of"),
        (Compared(("a",), shared=2.0, nearness=NEAR), "rightly", "same_words"),
        (Compared(("a",), led_to=frozenset({"z"}), shared=2.0, nearness=NEAR), "rightly", "same_words"),
        (Compared(("a",), led_to=frozenset({"z"})), "wrongly", "led_elsewhere"),
        (Compared(("a", "b", "c", "z"), led_to=frozenset({"z"})), "wrongly", "led_elsewhere"),
        (Compared(("a",), shared=0.5, nearness=NEAR), "cannot_be_told", "no_evidence"),
        (Compared(("a",), shared=9.0, nearness=FAR), "cannot_be_told", "no_evidence"),
        (Compared(("a",), shared=2.0), "cannot_be_told", "no_evidence"),
        (Compared(("a",), shared=4.0), "rightly", "same_words"),
        (Compared(("a",), hinted=frozenset({"z"})), "cannot_be_told", "no_evidence"),
    ],
    ids=[
        "cites what the resolution leads to",
        "cites what was spoken of",
        "says the same",
        "says the same from another place",
        "led elsewhere",
        "only three count",
        "near but without its words",
        "its words but far",
        "without an embedder few words are not enough",
        "without an embedder many words are",
        "what was only hinted at proves no error",
    ],
)
def test_a_verdict_stands_on_evidence(compared: Compared, verdict: str, by: str) -> None:
    judged = judge(compared)
    assert (judged.verdict, judged.by) == (verdict, by)


@given(st.builds(Compared, st.just(("a",)), shared=st.floats(0, 50), nearness=st.none() | st.floats(-10, 10)))
def test_likeness_alone_never_proves_an_answer_wrong(compared: Compared) -> None:
    assert judge(compared).verdict != "wrongly"


def test_the_rarer_a_shared_word_the_more_it_tells() -> None:
    rarity = Rarity(["the runner fails", "the runner pulls", "the runner sleeps at sandbox"])
    assert shared_weight("mend the sandbox", "a sandbox was broken", rarity) > shared_weight(
        "a runner", "the runner", rarity
    )
    assert shared_weight("cats", "dogs", rarity) == 0.0


def test_words_have_a_weight_even_where_there_is_nothing_to_compare_with() -> None:
    assert Rarity([]).weight("runner") == 1.0


RARITY = Rarity([f"text {n} about things" for n in range(20)])
TITLES = [("docs/alerts.md", "Adding new alert destinations"), ("docs/setup.md", "Setup"), ("docs/api.md", "Jobs API")]


@pytest.mark.parametrize(
    ("said", "asked", "found"),
    [
        ("You add a new alert destination of type chat.", "How do I send alerts?", {"docs/alerts.md"}),
        ("An alert was new, a destination was added.", "How do I send alerts?", set()),
        ("Add new alert destinations.", "Where are new alert destinations added?", set()),
        ("Send it to /api/jobs.", "Cancel a job", set()),
        ("See the setup.", "It is broken", set()),
        ("", "", set()),
    ],
    ids=["in its order", "scattered", "by the asker", "turned round", "one word", "nothing said"],
)
def test_a_title_is_named_in_its_words_and_order_by_the_responder(said: str, asked: str, found: set[str]) -> None:
    assert named(TITLES, said, asked, RARITY) == found


def test_the_error_rates_that_stand_in_the_report_were_measured() -> None:
    assert all(0 < one.confirmed <= one.of for one in MEASURED)


def document(name: str, url: str = "", *, kind: str = "page") -> Document:
    return Document(name, kind, "T", url, "", "docs")  # type: ignore[arg-type]


PLACES = Places(
    [
        document("docs/redash/open-source/setup.md", "file:///srv/docs/redash/open-source/setup.md"),
        document("docs/gitlab/api/releases/index.md"),
        document("docs/gitlab/ci/yaml/README.md", "https://gitlab.example/help/ci/yaml/README.md"),
        document("docs/one/twin/page.md"),
        document("docs/two/twin/page.md"),
        document("issue:7", "https://gitlab.example/platform/support/-/issues/7", kind="issue"),
        document("issue:71", "https://forum.example/t/some-topic/71", kind="issue"),
        document("issue:group/tools#7", "https://gitlab.example/group/tools/-/issues/7", kind="issue"),
    ]
)


@pytest.mark.parametrize(
    ("text", "led"),
    [
        ("see https://gitlab.example/platform/support/-/issues/7#note_12.", {"issue:7"}),
        ("<https://gitlab.example/platform/support/-/issues/7>", {"issue:7"}),
        ("(https://www.forum.example/t/some-topic/71/5?u=x)", {"issue:71"}),
        ("https://gitlab.example/help/ci/yaml/", {"docs/gitlab/ci/yaml/README.md"}),
        ("https://redash.example/help/open-source/setup#-Docker", {"docs/redash/open-source/setup.md"}),
        ("https://version.redash.example/api/releases?channel=stable", set()),
        ("https://one.example/twin/page", set()),
        ("Duplicate of #7, thanks", {"issue:7"}),
        ("same as group/tools#7", {"issue:group/tools#7"}),
        ("same as platform/support#7", {"issue:7"}),
        ("same as some/fork#7", set()),
        ("that is #1 of the list, and abc#7 and &#7;", set()),
        ("https://[broken and http:// and nothing", set()),
        ("https://elsewhere.example/ci/yaml/README.md", set()),
    ],
)
def test_an_address_or_reference_leads_to_the_document_it_means(text: str, led: set[str]) -> None:
    assert PLACES.led_to(text, "issue:99") == led


def test_a_reference_without_a_project_means_the_project_it_stands_in() -> None:
    assert "issue:group/tools#7" in PLACES.led_to("see #7", "issue:group/tools#99")


def test_an_issue_does_not_lead_to_itself() -> None:
    assert PLACES.led_to("this is #7", "issue:7") == frozenset()
