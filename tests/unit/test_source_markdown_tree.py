"""A tree of Markdown files: every file is a document or named with the reason why not."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import psutil
import pytest

from indexing.chunking import chunks
from indexing.errors import BuildRefused
from indexing.model import Document, Skipped
from indexing.sources.markdown_tree import MarkdownTree
from indexing.sources.path_filter import PathFilter

if TYPE_CHECKING:
    from pathlib import Path


def _write(root: Path, **files: str | bytes) -> None:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)


def _documents(root: Path) -> dict[str, Document]:
    return {item.id: item for item in MarkdownTree(root).items() if isinstance(item, Document)}


def _reasons(root: Path) -> dict[str, str]:
    return {item.document: item.reason for item in MarkdownTree(root).items() if isinstance(item, Skipped)}


def test_markdown_files_become_documents_in_the_order_of_their_paths(tmp_path: Path) -> None:
    _write(tmp_path, **{"b.md": "# B", "a/z.markdown": "text", "a.MD": "x", "c.mdx": "<Tab>y</Tab>", "d.txt": "no"})
    documents = _documents(tmp_path)
    assert list(documents) == ["docs/a/z.markdown", "docs/a.MD", "docs/b.md", "docs/c.mdx"]
    assert {document.kind for document in documents.values()} == {"page"}
    assert all(document.confirmed and document.source == "docs" for document in documents.values())
    assert documents["docs/c.mdx"].text == "y"


def test_the_title_is_never_empty(tmp_path: Path) -> None:
    _write(
        tmp_path,
        **{"set-up_guide.md": "x", "ci/index.md": "x", "a.md": "# From *heading*", "b.md": "---\ntitle: T\n---\nx"},
    )
    assert {name: document.title for name, document in _documents(tmp_path).items()} == {
        "docs/set-up_guide.md": "Set up guide",
        "docs/ci/index.md": "Ci",
        "docs/a.md": "From heading",
        "docs/b.md": "T",
    }


def test_the_address_is_one_a_reader_can_open(tmp_path: Path) -> None:
    _write(tmp_path, **{"a b/ü.md": "x"})
    (local,) = MarkdownTree(tmp_path).items()
    (web,) = MarkdownTree(tmp_path, name="handbook", base_url="https://docs.example/x/").items()
    assert isinstance(local, Document)
    assert local.url == (tmp_path / "a b" / "ü.md").as_uri()
    assert isinstance(web, Document)
    assert (web.id, web.url) == ("handbook/a b/ü.md", "https://docs.example/x/a%20b/%C3%BC.md")


def test_files_that_cannot_be_read_are_named_with_the_reason(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "binary.md": b"PK\x03\x04\x00\x00",
        "empty.md": "",
        "hidden.md": "<!-- nothing -->",
        "huge.md": b"x" * 2000,
        "latin.md": "Größe".encode("latin-1"),
        "lines.md": "a\n" * 250_000,
        "good.md": "fine",
    }
    _write(tmp_path, **files)
    items = list(MarkdownTree(tmp_path, max_bytes=1000).items())
    assert [item.id for item in items if isinstance(item, Document)] == ["docs/good.md"]
    reasons = {item.document: item.reason for item in items if isinstance(item, Skipped)}
    assert "binary" in reasons["docs/binary.md"]
    assert "no text" in reasons["docs/empty.md"]
    assert "no text" in reasons["docs/hidden.md"]
    assert "2,000 bytes" in reasons["docs/huge.md"]
    assert "UTF-8" in reasons["docs/latin.md"]
    assert "lines.md" not in _documents(tmp_path)


def test_marks_of_byte_order_are_understood(tmp_path: Path) -> None:
    text = "# Grüße\n\n安装"
    encodings = {"utf-8-sig": b"", "utf-16-le": b"\xff\xfe", "utf-16-be": b"\xfe\xff"}
    _write(tmp_path, **{f"{name}.md": mark + text.encode(name) for name, mark in encodings.items()})
    documents = _documents(tmp_path).values()
    assert len(documents) == 3
    assert {(document.title, document.text) for document in documents} == {("Grüße", text)}


def test_nothing_outside_of_the_folder_is_read(tmp_path: Path) -> None:
    root, outside = tmp_path / "docs", tmp_path / "outside"
    _write(
        root, **{"a.md": "x", ".git/b.md": "x", "node_modules/c.md": "x", ".hidden.md": "x", "a..%2f..%2fetc.md": "x"}
    )
    _write(outside, **{"secret.md": "root:"})
    (root / "link.md").symlink_to(outside / "secret.md")
    (root / "loop").symlink_to(root)
    (root / "folder").symlink_to(outside)
    (root / "dangling.md").symlink_to("nowhere")
    assert list(_documents(root)) == ["docs/a..%2f..%2fetc.md", "docs/a.md"]
    assert _reasons(root) == dict.fromkeys(
        ["docs/dangling.md", "docs/link.md"], "a symbolic link: links are not followed"
    )


@pytest.mark.parametrize("name", ["$(touch pwn)`id`;<!channel>.md", "new\nline.md", "*_~|.md", "-rf.md", "\x1b[31m.md"])
def test_odd_file_names_are_data(tmp_path: Path, name: str) -> None:
    _write(tmp_path, **{name: "x"})
    (document,) = _documents(tmp_path).values()
    assert document.id == f"docs/{name}"
    assert document.title
    assert "\n" not in document.title


def test_a_file_name_that_is_no_utf_8_can_still_be_stored(tmp_path: Path) -> None:
    path = os.fsencode(tmp_path) + b"/caf\xe9.md"
    with open(path, "w", encoding="utf-8") as file:  # noqa: PTH123 - a path of bytes
        file.write("x")
    (document,) = _documents(tmp_path).values()
    document.id.encode()


def test_a_folder_that_is_not_there_refuses_the_build_instead_of_emptying_the_index(tmp_path: Path) -> None:
    with pytest.raises(BuildRefused, match="no folder"):
        list(MarkdownTree(tmp_path / "none").items())


def test_a_line_of_thirty_megabytes_needs_little_memory(tmp_path: Path) -> None:
    _write(
        tmp_path,
        **{"line.md": "x" * 30_000_000, "many.md": "[a](b) `c` " * 100_000, "rows.md": "|a" * 20_000 + "\n|-"},
    )
    process = psutil.Process()
    before = process.memory_info().rss
    for item in MarkdownTree(tmp_path).items():
        if isinstance(item, Document):
            chunks(item)
    assert process.memory_info().rss - before < 400_000_000
    assert "larger than the limit" in _reasons(tmp_path)["docs/line.md"]


def test_paths_and_exclusions_choose_files(tmp_path: Path) -> None:
    _write(tmp_path, **{"docs/a.md": "x", "docs/old/b.md": "x", "README.md": "x"})
    chosen = MarkdownTree(tmp_path, filter=PathFilter(("docs/**",), ("old",)))
    assert [item.id for item in chosen.items() if isinstance(item, Document)] == ["docs/docs/a.md"]
