"""Markdown is cut into blocks that can be quoted alone."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from assistant.core.spans import items, spans


def test_each_kind_of_block_is_told_apart() -> None:
    text = "## Title\n\nWords.\n\n- one\n- two\n\n| a | b |\n|---|---|\n\n```sh\nls\n\npwd\n```\n"
    assert [span.kind for span in spans(text)] == ["heading", "prose", "list", "table", "code"]


def test_code_stays_whole_over_blank_lines_and_comments() -> None:
    [code] = spans("```sh\n# no heading\n\nls\n```")
    assert code.kind == "code"
    assert code.text == "```sh\n# no heading\n\nls\n```"


def test_a_fence_that_is_never_closed_is_closed() -> None:
    assert spans("~~~\nls")[0].text == "~~~\nls\n~~~"


def test_items_of_one_list_stay_together_over_blank_lines() -> None:
    [found] = spans("1. one\n   more\n\n2. two")
    assert items(found.text) == ("1. one\n   more", "2. two")


@given(st.lists(st.sampled_from(["words here.", "- item", "```", "~~~", "# head", "| a |", "", "  more", "#42"])))
def test_no_word_is_lost_whatever_the_order(lines: list[str]) -> None:
    found = "\n".join(span.text for span in spans("\n".join(lines)))
    for word in ("words here.", "- item", "# head", "#42"):
        assert found.count(word) >= lines.count(word)
