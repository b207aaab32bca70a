"""What a model writes becomes claims with the passages they cite."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic_core import from_json

from assistant.core.drafting import answer_text, from_fields, from_marks
from assistant.core.model import Draft
from assistant.core.sentences import sentences, units

SHOWN = (1, 2, 3)


def claims(text: str) -> list[tuple[str, tuple[int, ...]]]:
    return [(claim.text, claim.cites) for claim in from_marks(text, SHOWN, "m").claims]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Restart it [1].", (1,)),
        ("Restart it. [1]", (1,)),
        ("Restart it [1][3].", (1, 3)),
        ("Restart it [1] [3].", (1, 3)),
        ("Restart it [1,2].", (1, 2)),
        ("Restart it [1, 2 and 3].", (1, 2, 3)),
        ("Restart it [1-3].", (1, 3, 2)),
        ("Restart it 【2】.", (2,)),
        ("Restart it 【2†source】.", (2,)),
        ("Restart it ［2］.", (2,)),  # noqa: RUF001 - full-width brackets
        ("Restart it [Passage 2].", (2,)),
        ("Restart it [^2].", (2,)),
        ("Restart it (2).", (2,)),
        ("[2] Restart it.", (2,)),
        ("Restart it\n[2]", (2,)),
        ("Restart it [9].", ()),
        ("Restart it [0].", ()),
        ("Restart it [2, 9].", (2,)),
    ],
)
def test_every_form_of_citation_is_read_and_taken_out_of_the_text(text: str, expected: tuple[int, ...]) -> None:
    (claim,) = from_marks(text, SHOWN, "m").claims
    assert claim.cites == expected
    assert claim.text.rstrip(".") == "Restart it"


def test_a_sentence_that_is_repeated_is_one_claim() -> None:
    assert claims("Open it [1].\n\nWait.\n\nOpen it [2].") == [("Open it.", (1, 2)), ("Wait.", ())]


def test_numbers_in_code_and_enumerations_cite_nothing() -> None:
    assert claims("Read `x[1]` first. [2]") == [("Read `x[1]` first.", (2,))]
    assert claims("(1) comes before the rest.") == [("(1) comes before the rest.", ())]
    assert claims("Call f(1) now [3].") == [("Call f(1) now.", (3,))]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "Use v1.2.3 today. Then wait, e.g. an hour. Done!",
            ["Use v1.2.3 today.", "Then wait, e.g. an hour.", "Done!"],
        ),
        ("Das gilt z. B. am 3. Mai. Danach nicht mehr.", ["Das gilt z. B. am 3. Mai.", "Danach nicht mehr."]),
        ("Der Runner (ca. 5 min) läuft. Ändern Sie ihn.", ["Der Runner (ca. 5 min) läuft.", "Ändern Sie ihn."]),
        ("重启 runner。[1]然后等待！好吗？", ["重启 runner。[1]", "然后等待！", "好吗？"]),  # noqa: RUF001 - Chinese
        ("再起動します。「はい。」と答えます。", ["再起動します。", "「はい。」", "と答えます。"]),
        ("Run `a. B c` now. Why? Because.", ["Run `a. B c` now.", "Why?", "Because."]),
        ('He said "Stop." Then left.', ['He said "Stop."', "Then left."]),
    ],
)
def test_sentences_end_where_a_reader_ends_them(text: str, expected: list[str]) -> None:
    assert sentences(text) == expected


def test_a_code_block_stays_whole_with_the_sentence_before_it() -> None:
    text = "Run this:\n\n```sh\n# a. B\n\necho [1]\n```\n[2]\n\nThen wait. [3]"
    assert claims(text) == [("Run this:\n\n```sh\n# a. B\n\necho [1]\n```", (2,)), ("Then wait.", (3,))]


def test_an_unclosed_code_block_runs_to_the_end() -> None:
    assert claims("Run [1]:\n```\nA. B\n") == [("Run:\n\n```\nA. B\n", (1,))]


def test_list_items_are_claims_of_their_own_and_keep_their_marks() -> None:
    assert claims("1. Open it [1]\n2. Close it [2]\n- or not") == [
        ("1. Open it", (1,)),
        ("2. Close it", (2,)),
        ("- or not", ()),
    ]


def test_a_sentence_without_a_mark_takes_those_at_the_end_of_its_paragraph_only() -> None:
    assert claims("Open it. Close it. [2]\n\nGo home.") == [("Open it.", (2,)), ("Close it.", (2,)), ("Go home.", ())]


@pytest.mark.parametrize("text", ["NOT FOUND", "**NOT FOUND**", "not found.", "NOT_FOUND", "Hm.\nNOT FOUND", "", " \n"])
def test_the_models_word_that_nothing_was_found_is_taken(text: str) -> None:
    assert from_marks(text, SHOWN, "m") == Draft((), found=False, written_by="m")


def test_a_sentence_about_something_not_found_is_an_answer() -> None:
    assert from_marks("Not found errors come from the proxy. [1]", SHOWN, "m").found


def test_claims_of_json_carry_their_own_citations() -> None:
    fields = {"found": True, "claims": [{"text": "Open it. Close it [2].", "cites": [1, 9, True, "3"]}]}
    draft = from_fields(fields, SHOWN, "m")
    assert [(claim.text, claim.cites) for claim in draft.claims] == [("Open it.", (2, 1)), ("Close it.", (2, 1))]


def test_one_answer_text_with_citations_beside_it_is_read_too() -> None:
    draft = from_fields({"found": True, "answer": "Open it. [3] Close it.", "citations": [1]}, SHOWN, "m")
    assert [(claim.text, claim.cites) for claim in draft.claims] == [("Open it.", (3,)), ("Close it.", (1,))]


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"found": False, "claims": [{"text": "I would guess.", "cites": [1]}]},
        {"found": "true", "claims": [{"text": "x y", "cites": [1]}]},
        {"found": True, "claims": "x"},
        {"found": True, "claims": [{"text": 5}, None, []]},
        {"found": True, "claims": [{"text": "NOT FOUND", "cites": [1]}]},
    ],
)
def test_json_that_found_nothing_or_has_another_form_holds_no_claims(fields: dict[str, object]) -> None:
    assert from_fields(fields, SHOWN, "m") == Draft((), found=False, written_by="m")
    assert "guess" not in answer_text(fields)


WHOLE = json.dumps(
    {"found": True, "claims": [{"text": "Never delete it.", "cites": [1]}, {"text": 'Öffne "x".', "cites": [2, 3]}]}
)


@given(st.integers(min_value=1, max_value=len(WHOLE)))
def test_json_cut_off_anywhere_yields_only_whole_sentences(at: int) -> None:
    fields = from_json(WHOLE[:at], allow_partial=True)
    draft = from_fields(fields, SHOWN, "m")
    assert {claim.text for claim in draft.claims} <= {"Never delete it.", 'Öffne "x".'}


ANY_TEXT = st.text(
    st.sampled_from("ab.!?。 \n`~[]【】()1239,-#|>*<") | st.characters(codec="utf-8"), max_size=200
)  # fmt: skip


@given(ANY_TEXT)
@example("```\n[1]")
@example("[1]" * 30)
def test_whatever_is_written_only_shown_passages_are_cited_and_no_claim_is_empty(text: str) -> None:
    for claim in from_marks(text, SHOWN, "m").claims:
        assert set(claim.cites) <= set(SHOWN)
        assert len(set(claim.cites)) == len(claim.cites)
        assert any(letter.isalnum() for letter in claim.text)


@given(ANY_TEXT)
def test_splitting_loses_nothing_but_white_space(text: str) -> None:
    assert "".join("".join(unit.text for unit in units(text)).split()) == "".join(text.split())


@pytest.mark.parametrize(
    "piece", [".", "a. b. ", "[1]", "`", "```\n", "[", "- ", "(", "1.", "【", "。", "[1 ", "e.g. "]
)
def test_time_is_linear_in_the_text(piece: str) -> None:
    started = time.process_time()
    from_marks(piece * (60_000 // len(piece)), SHOWN, "m")
    assert time.process_time() - started < 4
