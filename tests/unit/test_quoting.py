"""Without a model the answer is a quotation: whole thoughts of the passages that speak of the question."""

from __future__ import annotations

import pytest

from assistant.core.quoting import quoted
from indexing.model import Chunk, Kind, Passage

PAGE = """Sizes are set by tag.

A job that takes longer than 60 minutes is killed. Set a longer limit in your job:

```yaml
test:
  timeout: 3 hours
```

This works up to 6 hours."""


def passage(n: int, text: str, *, kind: Kind = "page", score: float = 5.0, confirmed: bool = True) -> Passage:
    chunk = Chunk(f"doc{n}", 0, (f"Title {n}",), text)
    return Passage(n, chunk, score, kind, f"Title {n}", "", confirmed=confirmed)


def test_the_code_that_a_sentence_announces_comes_with_it() -> None:
    [claim] = quoted("how do I set a longer limit for a job", [passage(1, PAGE)])
    assert "timeout: 3 hours" in claim.text
    assert claim.text.count("```") == 2


def test_documents_of_equal_rank_are_both_quoted() -> None:
    claims = quoted("longer limit of a job", [passage(1, PAGE), passage(2, PAGE)])
    assert [claim.cites for claim in claims] == [(1,), (2,)]


def test_a_document_found_far_worse_than_the_first_is_not_quoted() -> None:
    claims = quoted("longer limit of a job", [passage(1, PAGE, score=9.0), passage(2, PAGE, score=5.0)])
    assert [claim.cites for claim in claims] == [(1,)]


def test_a_document_that_shares_no_word_with_the_question_is_not_quoted_beside_one_that_does() -> None:
    claims = quoted("longer limit of a job", [passage(1, PAGE), passage(2, "Bread is baked at night.")])
    assert [claim.cites for claim in claims] == [(1,)]


def test_at_most_three_documents_are_quoted() -> None:
    assert len(quoted("longer limit of a job", [passage(n, PAGE) for n in range(1, 7)])) == 3


def test_what_somebody_complained_of_is_no_answer() -> None:
    problem = passage(1, "## Problem\n\nMy job takes longer than the limit.", kind="issue")
    assert quoted("my job takes longer than the limit", [problem]) == ()


def test_the_resolution_of_an_issue_is_quoted_and_not_its_problem() -> None:
    text = "## Problem\n\nThe upload is unknown.\n\n## Resolution\n\nSend the registry past the proxy."
    [claim] = quoted("upload is unknown", [passage(1, text, kind="issue")])
    assert claim.text == "Send the registry past the proxy."


def test_what_one_person_repeats_of_another_stands_apart_from_the_answer_to_it() -> None:
    told = "No, times come from the zone of the database."
    text = f"## Resolution\n\nRedash shows times in UTC.\n> Can the zone be set?\n{told}"
    [claim] = quoted("set the time zone", [passage(1, text, kind="issue")])
    assert claim.text.split("\n\n") == [
        "Redash shows times in UTC.",
        "> Can the zone be set?",
        told,
    ]


def test_a_quotation_ends_neither_in_a_question_back_nor_in_a_title() -> None:
    told = "Upgrade the client with `pip install client` and restart the server behind the proxy to list it again."
    text = f"## Resolution\n\n{told} Does the client fail?"
    [claim] = quoted("the client does not list the server", [passage(1, text + " Nothing else." * 40, kind="issue")])
    assert claim.text.startswith(told)
    assert not claim.text.endswith("?")
    long = "other words " * 200
    [page] = quoted("upgrade the client", [passage(1, f"{told}\n\n**Only the server**\n\n{long}")])
    assert page.text == told


def test_advice_is_quoted_before_somebody_who_has_the_same_problem() -> None:
    text = (
        "I am facing the same timeout of the upload. Set the timeout of the upload to 60 in the proxy. "
        + "So it is. " * 60
    )
    [claim] = quoted("timeout of the upload", [passage(1, f"## Discussion\n\n{text}", kind="issue")])
    assert "Set the timeout" in claim.text


def test_what_one_person_repeats_of_anothers_question_is_no_answer_alone() -> None:
    text = "## Discussion\n\n> Is there a way to set the time zone?\n> I would like to set the time zone."
    assert quoted("set the time zone", [passage(1, text, kind="issue")]) == ()


def test_an_issue_closed_as_a_duplicate_answers_nothing() -> None:
    text = "## Problem\n\nNo addresses.\n\n## Resolution\n\nDuplicate of #1201, please follow there."
    assert quoted("no addresses", [passage(1, text, kind="issue")]) == ()


def test_what_nobody_confirmed_stands_behind_what_was() -> None:
    claims = quoted("longer limit of a job", [passage(1, PAGE, confirmed=False), passage(2, PAGE, score=4.0)])
    assert claims[0].cites == (2,)


def test_items_of_a_long_list_keep_the_sentence_that_leads_to_them() -> None:
    rows = "\n".join(f"- entry {n} speaks of {'many different things ' * 3}" for n in range(12))
    [claim] = quoted("the zebra setting", [passage(1, f"These settings exist:\n\n{rows}\n- the zebra setting is new")])
    assert claim.text.startswith("These settings exist:")
    assert "zebra" in claim.text
    assert "- …" in claim.text


def test_a_sentence_that_leans_on_the_one_before_brings_it_along() -> None:
    text = "The cache is shared. " + "It holds zebra layers for a week. " + "Nothing else matters here at all. " * 30
    [claim] = quoted("how long are zebra layers held", [passage(1, text)])
    assert claim.text.startswith("The cache is shared.")


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("Wie lange bleiben Artefakte?", "Artefakte bleiben sieben Tage auf Branches."),
        ("作业一直处于 pending 状态", "作业一直处于 pending 状态。标签区分大小写。"),
    ],
)
def test_german_and_chinese_are_quoted_letter_by_letter(question: str, text: str) -> None:
    assert quoted(question, [passage(1, text)])[0].text == text
