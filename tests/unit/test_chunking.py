"""A chunk is what a reader gets as a source: whole, with its heading, and nothing of the document lost."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from indexing.chunking import CHUNKER, MAX_CHUNKS, chunks
from indexing.cutting import LIMIT, weight
from indexing.model import Chunk, Document, Kind

WORD = st.from_regex(r"[a-z]{1,12}", fullmatch=True)
LINE = st.lists(WORD, min_size=1, max_size=14).map(" ".join)
CODE = st.builds(
    lambda mark, lines: f"{mark}sh\n" + "\n".join(lines) + f"\n{mark}",
    st.sampled_from(["```", "~~~~"]),
    st.lists(st.one_of(LINE, st.just("# no heading"), st.just("")), min_size=1, max_size=60),
)
TABLE = st.lists(st.tuples(LINE, LINE), min_size=1, max_size=60).map(
    lambda rows: "| name | meaning |\n|---|---|\n" + "\n".join(f"| {one} | {two} |" for one, two in rows)
)
ITEMS = st.lists(LINE, min_size=1, max_size=30)
BLOCK = st.one_of(
    st.lists(LINE, min_size=1, max_size=40).map(lambda lines: ". ".join(lines) + "."),
    CODE,
    TABLE,
    ITEMS.map(lambda items: "\n".join(f"- {item}" for item in items)),
    ITEMS.map(lambda items: "\n".join(f"{n}. {item}\n\n   ```\n   {item}\n   ```" for n, item in enumerate(items, 1))),
    ITEMS.map(lambda items: "\n".join(f"> {item}" for item in items)),
    st.builds(lambda level, line: f"{'#' * level} {line}", st.integers(1, 6), LINE),
    st.text(max_size=200),
)
MARKDOWN = st.lists(BLOCK, min_size=1, max_size=8).map("\n\n".join)


def _document(text: str, title: str = "The page", kind: Kind = "page") -> Document:
    return Document("docs/a.md", kind, title, "", text, "docs")


def _words(text: str) -> list[str]:
    return re.findall(r"[^\W\d_]+", text)


def _parsed(chunk: Chunk) -> list[str]:
    return [token.type for token in MarkdownIt("commonmark").enable("table").parse(chunk.text)]


@given(MARKDOWN)
@settings(max_examples=30, deadline=None)
def test_every_word_of_the_body_stands_in_the_chunks_in_order(text: str) -> None:
    headings = re.findall(r"(?m)^#{1,6} (.*)$", text)
    assume(len(headings) == len(set(headings)))  # of neighbours with the same heading it is said once
    made = chunks(_document(text))
    said = iter(_words(" ".join(" ".join((*chunk.headings, chunk.text)) for chunk in made)))
    assert [word for word in _words(text) if word not in said] == []


@given(MARKDOWN)
@settings(max_examples=30, deadline=None)
def test_every_fence_is_closed_in_its_chunk(text: str) -> None:
    for chunk in chunks(_document(text)):
        after = chunk.text + "\n\nafterword"
        tokens = MarkdownIt("commonmark").parse(after)
        assert [token.content for token in tokens if token.type == "inline"][-1:] == ["afterword"], chunk.text


@given(MARKDOWN, st.sampled_from(["page", "issue"]))
@settings(max_examples=30, deadline=None)
def test_every_chunk_has_headings_that_begin_with_the_title_and_is_bounded(text: str, kind: Kind) -> None:
    made = chunks(_document(text, kind=kind))
    assert [chunk.ordinal for chunk in made] == list(range(len(made)))
    for chunk in made:
        assert chunk.headings[0] == "The page"
        assert all(heading and "\n" not in heading for heading in chunk.headings)
        assert chunk.text.strip()
        assert weight(chunk.text) <= LIMIT + 2 * 150


@given(MARKDOWN)
@settings(max_examples=10, deadline=None)
def test_the_same_document_gives_the_same_chunks(text: str) -> None:
    assert chunks(_document(text)) == chunks(_document(text))


def test_a_chunk_is_about_as_long_as_asked_for() -> None:
    text = "\n\n".join("The runner takes the next job from the queue and starts it in a container." for _ in range(100))
    sizes = [weight(chunk.text) for chunk in chunks(_document(text))]
    assert 130 <= sum(sizes[:-1]) / len(sizes[:-1]) <= 180


def test_the_heading_path_begins_with_the_title_and_does_not_repeat_it() -> None:
    long = "word " * 140
    text = f"# The page\n\n{long}\n\n## Install\n\n{long}\n\n### `apt` on **Debian**\n\n{long}\n\n## Use\n\n{long}"
    assert [chunk.headings for chunk in chunks(_document(text))] == [
        ("The page",),
        ("The page", "Install"),
        ("The page", "Install", "apt on Debian"),
        ("The page", "Use"),
    ]


def test_small_sections_of_one_parent_share_a_chunk_with_their_headings_in_the_text() -> None:
    text = "## Keys\n\nA key signs.\n\n## Tokens\n\nA token opens.\n\n## Empty"
    made = chunks(_document(text))
    assert [chunk.headings for chunk in made] == [("The page",)]
    assert made[0].text == "## Keys\n\nA key signs.\n\n## Tokens\n\nA token opens.\n\n## Empty\n\nEmpty"


def test_problem_and_resolution_of_an_issue_stand_in_one_chunk() -> None:
    text = f"## Problem\n\n{'why ' * 110}\n\n## Resolution\n\n{'so ' * 110}"
    assert len(chunks(_document(text, kind="issue"))) == 1
    assert len(chunks(_document(text))) == 2


def test_a_code_block_stays_whole_up_to_the_limit_together_with_the_sentence_before_it() -> None:
    code = "\n".join(f"docker run --name c{n} image" for n in range(30))
    text = f"{'Some words before. ' * 50}\n\nRun this:\n\n```sh\n{code}\n```"
    last = chunks(_document(text))[-1]
    assert last.text == f"Run this:\n\n```sh\n{code}\n```"


def test_a_giant_code_block_is_cut_at_line_ends_with_its_fence_and_heading_repeated() -> None:
    lines = [f"setting_{n} = {n}" for n in range(500)]
    made = chunks(_document("## Settings\n\n~~~toml\n" + "\n".join(lines) + "\n~~~"))
    assert len(made) > 3
    assert all(_parsed(chunk) == ["fence"] and chunk.text.startswith("~~~toml\n") for chunk in made)
    assert all(chunk.headings == ("The page", "Settings") for chunk in made)
    assert [line for chunk in made for line in chunk.text.split("\n")[1:-1]] == lines


def test_a_giant_table_is_cut_between_rows_with_its_header_repeated() -> None:
    rows = [f"| option_{n} | what it does {n} |" for n in range(200)]
    made = chunks(_document("| Option | Meaning |\n|---|---|\n" + "\n".join(rows)))
    assert len(made) > 3
    assert all(chunk.text.startswith("| Option | Meaning |\n|---|---|\n| option_") for chunk in made)
    assert [row for chunk in made for row in chunk.text.split("\n")[2:]] == rows


def test_a_long_list_is_cut_between_items() -> None:
    items = [f"{n}. Step {n}: do the thing and then wait until it is done." for n in range(1, 60)]
    made = chunks(_document("\n".join(items)))
    assert [line for chunk in made for line in chunk.text.split("\n")] == items


@pytest.mark.parametrize("sentence", ["运行安装程序然后重新启动服务。", "インストーラーを実行してから再起動します。"])
def test_text_without_spaces_is_not_one_giant_chunk(sentence: str) -> None:
    made = chunks(_document(sentence * 200))
    assert len(made) > 4
    assert all(120 <= len(chunk.text) <= 500 and chunk.text.endswith("。") for chunk in made[:-1])


def test_one_line_of_ten_megabytes_is_cut_off_quickly() -> None:
    started = time.monotonic()
    made = chunks(_document("x" * 10_000_000))
    assert len(made) == MAX_CHUNKS
    assert max(len(chunk.text) for chunk in made) < 4000
    assert time.monotonic() - started < 30


def test_an_endless_list_of_examples_stops_at_the_limit() -> None:
    text = "Q: may I share secrets? A: yes, always, here they are.\n\n" * 20_000
    assert len(chunks(_document(text))) == MAX_CHUNKS
    assert len(chunks(_document(text), limit=7)) == 7


def test_a_heading_line_that_is_too_long_for_a_path_stays_in_the_text() -> None:
    made = chunks(_document("# " + "many words " * 100))
    assert max(len(heading) for chunk in made for heading in chunk.headings) <= 200
    assert " ".join(chunk.text for chunk in made).count("many words") == 100


def test_a_document_without_text_has_no_chunks() -> None:
    assert chunks(_document(" \n\n ")) == ()


def test_the_fingerprint_names_what_chunks_depend_on() -> None:
    assert str(LIMIT) in CHUNKER
    assert str(MAX_CHUNKS) in CHUNKER
    assert CHUNKER.endswith("v1")
