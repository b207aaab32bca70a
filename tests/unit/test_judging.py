"""Judging an answer by what people did: what proves it right, what proves it wrong, and what proves nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.core.judging import MEASURED, Compared, Rarity, judge, lead_of, named
from assistant.core.leading import Places
from assistant.core.terms import terms
from indexing.model import Document

CLEAR, NARROW = 0.6, 0.1


@pytest.mark.parametrize(
    ("compared", "verdict", "by"),
    [
        (Compared(("a", "b", "c"), led_to=frozenset({"c"})), "rightly", "cited"),
        (Compared(("a", "b"), hinted=frozenset({"b"})), "rightly", "spoken_of"),
        (Compared(("a",), nearest="a", lead=CLEAR), "cannot_be_told", "nearest"),
        (Compared(("a",), led_to=frozenset({"z"}), nearest="a", lead=CLEAR), "wrongly", "led_elsewhere"),
        (Compared(("a",), led_to=frozenset({"z"})), "wrongly", "led_elsewhere"),
        (Compared(("a", "b", "c", "z"), led_to=frozenset({"z"})), "wrongly", "led_elsewhere"),
        (Compared(("a",), nearest="a", lead=NARROW), "cannot_be_told", "no_evidence"),
        (Compared(("a", "b", "c", "z"), nearest="z", lead=CLEAR), "cannot_be_told", "nearer_elsewhere"),
        (Compared(("a",), nearest="z", lead=CLEAR), "cannot_be_told", "nearer_elsewhere"),
        (Compared(("a",), nearest="z", lead=NARROW), "cannot_be_told", "no_evidence"),
        (Compared(("a",), hinted=frozenset({"z"})), "cannot_be_told", "no_evidence"),
        (Compared(("a",)), "cannot_be_told", "no_evidence"),
    ],
    ids=[
        "cites what the resolution leads to",
        "cites what was spoken of",
        "the page about the topic need not tell the fix",
        "the page about the topic, and led elsewhere",
        "led elsewhere",
        "only three count",
        "nearest by little",
        "only three count for the nearest too",
        "another is nearest",
        "another is nearest by little",
        "what was only hinted at proves no error",
        "nothing is known",
    ],
)
def test_a_verdict_stands_on_evidence(compared: Compared, verdict: str, by: str) -> None:
    judged = judge(compared)
    assert (judged.verdict, judged.by) == (verdict, by)


@given(st.floats(0, 1), st.sampled_from(["a", "z", ""]))
def test_likeness_alone_proves_nothing(lead: float, nearest: str) -> None:
    assert judge(Compared(("a",), nearest=nearest, lead=lead)).verdict == "cannot_be_told"


@given(st.lists(st.integers(-1000, 1000), max_size=20), st.integers(1, 9), st.integers(-9, 9))
def test_a_lead_is_a_share_that_no_scale_of_scores_changes(scores: list[int], times: int, more: int) -> None:
    ranked = sorted(scores, reverse=True)
    found = lead_of([float(score) for score in ranked])
    assert 0.0 <= found <= 1.0
    assert lead_of([float(times * score + more) for score in ranked]) == pytest.approx(found)


def test_a_lead_is_measured_by_the_way_to_the_tenth() -> None:
    assert lead_of([10.0, 7.0, 6.0, 5.0, 4.0, 3.0, 2.0, 1.0, 0.5, 0.0, -90.0]) == pytest.approx(0.3)
    assert lead_of([5.0, 1.0]) == 0.0


def test_the_rarer_a_word_the_more_it_tells() -> None:
    rarity = Rarity(["the runner fails", "the runner pulls", "the runner sleeps at sandbox"])
    assert rarity.total(terms("sandbox")) > rarity.total(terms("runner"))
    assert rarity.total(()) == 0.0


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
