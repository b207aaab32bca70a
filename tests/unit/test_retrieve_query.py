from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexing.query import read_question
from indexing.ranking import Found, rank

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

POST = """Dashboard does not load
Hello everyone,

### Issue Summary

After the upgrade the dashboard stays empty. See https://example.com/screenshot?id=1

### Technical details:

- Redash Version: 10.1.0
- Browser/OS: Chrome

Thanks in advance
Jakob"""


def test_what_stands_in_every_post_is_not_searched_for() -> None:
    query = read_question(POST)
    assert query.title == "Dashboard does not load"
    assert query.title_words == ("dashboard", "load")
    assert query.body_words == ("upgrade", "stays", "empty", "jakob")
    assert "example.com" not in query.dense


@pytest.mark.parametrize(
    ("text", "identifiers"),
    [
        ("How do I use `--docker-privileged`?", ("--docker-privileged",)),
        ("Set REDASH_DATABASE_URL, please.", ("REDASH_DATABASE_URL",)),
        ("the file (.gitlab-ci.yml) or config.toml", ("gitlab-ci.yml", "config.toml")),
        ("what does mapPartitions do", ("mapPartitions",)),
        ("it answers 502 or 504", ("502", "504")),
        ("a plain question, with words only.", ()),
    ],
)
def test_names_options_and_status_codes_are_searched_as_written(text: str, identifiers: tuple[str, ...]) -> None:
    assert read_question(text).identifiers == identifiers


def test_a_question_of_stop_words_alone_keeps_them() -> None:
    assert read_question("Who are you?").title_words == ("who", "are", "you")


def test_a_question_that_is_only_a_greeting_is_still_a_question() -> None:
    assert read_question("Hello!").title == "Hello!"


def test_the_share_of_scripts_without_spaces_is_told() -> None:
    assert read_question("only English").unspaced == 0.0
    assert read_question("怎么安装").unspaced == 1.0
    assert 0.0 < read_question("怎么安装 runner").unspaced < 1.0


@given(st.text())
def test_any_text_is_a_query(text: str) -> None:
    query = read_question(text)
    assert not set(query.title_words) & set(query.body_words)
    assert query.unspaced >= 0.0


def _topics(cosines: Sequence[float]) -> Callable[[Sequence[int]], list[float]]:
    return lambda numbers: [cosines[number] for number in numbers]


def test_a_document_that_both_searches_put_first_is_first() -> None:
    topics = _topics([0.9, 0.5, 0.8])
    page = Found({0: 0.9, 1: 0.5}, topics, ({0: 9.0, 1: 3.0},))
    issue = Found({2: 0.8}, topics, ({},))
    ranked = rank({"page": page, "issue": issue}, {0: 0, 1: 1, 2: 2}, [1.0])
    assert ranked[0].number == 0
    assert {candidate.kind for candidate in ranked} == {"page", "issue"}


def test_issues_with_high_cosines_do_not_crowd_out_the_page_that_stands_out() -> None:
    pages = dict.fromkeys(range(1, 30), 0.3) | {0: 0.55}
    issues = {100 + number: 0.6 for number in range(30)}
    documents = {number: number for number in range(130)}
    topics = _topics([0.5 if number == 0 else 0.3 if number < 100 else 0.6 for number in documents])
    found = {"page": Found(pages, topics, ({0: 5.0},)), "issue": Found(issues, topics, ({100: 1.0},))}
    assert rank(found, documents, [1.0])[0].number == 0


def test_where_the_embedder_cannot_read_full_text_decides() -> None:
    found = Found({0: 0.9, 1: 0.1}, _topics([0.9, 0.1]), ({1: 5.0},))
    assert rank({"page": found}, {0: 0, 1: 1}, [1.0], trust=1.0)[0].number == 0
    assert rank({"page": found}, {0: 0, 1: 1}, [1.0], trust=0.0)[0].number == 1
