"""PDF, Office and HTML files that nobody vouches for: read in a child process that may die, never the run."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import zipfile
import zlib
from typing import TYPE_CHECKING, Any

import psutil
import pytest
from pptx import Presentation
from pypdf import PdfWriter
from pypdf.generic import DecodedStreamObject, DictionaryObject, NameObject
from xlsxwriter import Workbook

from indexing.model import Document, Skipped
from indexing.sources import Checkpoint
from indexing.sources.converted_files import ConvertedFiles
from indexing.sources.converting import Converter
from indexing.sources.markdown_tree import MarkdownTree
from indexing.sources.zip_guard import Unreadable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_TYPES = (
    '<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Override PartName="/word/document.xml"'
    ' ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/></Types>'
)
_RELATIONS = (
    '<?xml version="1.0"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
    '<Relationship Id="r1" Target="word/document.xml"'
    ' Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument"/></Relationships>'
)
_STYLES = (
    '<?xml version="1.0"?><w:styles xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main">'
    '<w:style w:type="paragraph" w:styleId="berschrift1"><w:name w:val="heading 1"/></w:style></w:styles>'
)
_STYLE_RELATION = _RELATIONS.replace("word/document.xml", "styles.xml").replace('/officeDocument"/>', '/styles"/>')


@pytest.fixture(scope="module")
def convert() -> Iterator[Converter]:
    converter = Converter()
    yield converter
    converter.close()


def _zip(**parts: str | bytes) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as container:
        for name, content in parts.items():
            container.writestr(name, content)
    return target.getvalue()


def _word(body: str, head: str = "", **more: str | bytes) -> bytes:
    document = (
        f'<?xml version="1.0"?>{head}'
        '<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main">'
        f"<w:body>{body}</w:body></w:document>"
    )
    parts: dict[str, str | bytes] = {
        "[Content_Types].xml": _TYPES,
        "_rels/.rels": _RELATIONS,
        "word/document.xml": document,
        "word/styles.xml": _STYLES,
        "word/_rels/document.xml.rels": _STYLE_RELATION,
    }
    return _zip(**parts, **more)


def _paragraph(text: str, style: str = "") -> str:
    look = f'<w:pPr><w:pStyle w:val="{style}"/></w:pPr>' if style else ""
    return f"<w:p>{look}<w:r><w:t>{text}</w:t></w:r></w:p>"


def _pdf(*texts: str, password: str = "", stream: bytes | None = None, filters: tuple[str, ...] = ()) -> bytes:
    writer = PdfWriter()
    font = DictionaryObject(
        {
            NameObject(k): NameObject(v)
            for k, v in {"/Type": "/Font", "/Subtype": "/Type1", "/BaseFont": "/Courier"}.items()
        }
    )
    for number, text in enumerate(texts):
        page = writer.add_blank_page(300, 300)
        page[NameObject("/Resources")] = DictionaryObject(
            {NameObject("/Font"): DictionaryObject({NameObject("/F1"): font})}
        )
        content = DecodedStreamObject()
        lines = "".join(f"({line}) Tj 0 -14 Td " for line in text.split("\n"))
        content.set_data(stream if stream is not None else f"BT /F1 12 Tf 20 250 Td {lines} ET".encode())
        if filters:
            from pypdf.generic import ArrayObject  # noqa: PLC0415 - for one test

            content[NameObject("/Filter")] = ArrayObject([NameObject(name) for name in filters])
        page[NameObject("/Contents")] = writer._add_object(content)  # noqa: SLF001 - as pypdf's own tests
        if text:
            writer.add_outline_item(f"Part {number + 1}", number)
    if password:
        writer.encrypt(password, algorithm="RC4-128")
    target = io.BytesIO()
    writer.write(target)
    return target.getvalue()


def _slides() -> bytes:
    show = Presentation()
    slide = show.slides.add_slide(show.slide_layouts[1])
    slide.shapes.title.text = "Runner & friends"
    body: Any = slide.placeholders[1]
    body.text_frame.text = "Start it"
    body.text_frame.add_paragraph().text = "Stop <it>"
    slide.notes_slide.notes_text_frame.text = "Say hello"
    target = io.BytesIO()
    show.save(target)
    return target.getvalue()


def _sheets() -> bytes:
    target = io.BytesIO()
    with Workbook(target) as book:
        sheet = book.add_worksheet("Limits")
        sheet.write_row(0, 0, ["Name", "", "Size|MB"])
        sheet.write_row(2, 0, ["cache", "", 512])
        hidden = book.add_worksheet("Secret")
        hidden.write(0, 0, "canary")
        hidden.hide()
    return target.getvalue()


def _reason(convert: Converter, content: bytes, suffix: str) -> str:
    with pytest.raises(Unreadable) as refused:
        convert(content, suffix)
    return str(refused.value)


# -- what is kept


def test_a_word_file_keeps_its_headings_in_any_language_of_word(convert: Converter) -> None:
    content = _word(_paragraph("Überschrift", "berschrift1") + _paragraph("Text &lt;b&gt; 安装"))
    assert convert(content, ".docx").markdown == "# Überschrift\n\nText &lt;b> 安装"


def test_slides_become_sections_with_their_notes(convert: Converter) -> None:
    assert convert(_slides(), ".pptx").markdown == (
        "## Runner &amp; friends\n\n- Start it\n- Stop &lt;it>\n\nSay hello"
    )


def test_sheets_become_tables_without_what_is_hidden_or_empty(convert: Converter) -> None:
    expected = "## Limits\n\n| Name | Size\\|MB |\n| --- | --- |\n| cache | 512 |"
    assert convert(_sheets(), ".xlsx").markdown == expected


def test_pages_of_a_pdf_are_sections_named_by_its_bookmarks(convert: Converter) -> None:
    markdown = convert(_pdf("Start the run-\nner now.", "", "# Stop"), ".pdf").markdown
    assert markdown == "## Part 1; Page 1\n\nStart the runner now.\n\n## Part 3; Page 3\n\n\\# Stop"


# -- what is refused, in words an admin can act on


def test_bombs_are_refused_and_the_next_file_is_read_by_the_same_child(convert: Converter) -> None:
    convert(b"<p>x", ".html")
    child = convert._child  # noqa: SLF001 - the process is the point
    assert child is not None
    bomb = _word(_paragraph("x"), **{"word/media/a.bin": bytes(200_000_000)})
    assert len(bomb) < 250_000
    assert "zip bomb" in _reason(convert, bomb, ".docx")
    many = _zip(**{f"{number}.txt": "x" for number in range(2_500)})
    assert "2,500 entries" in _reason(convert, many, ".xlsx")
    entities = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>'
    assert "XML entities" in _reason(convert, _word(_paragraph("&b;"), entities), ".docx")
    assert psutil.Process(child.pid).memory_info().rss < 300_000_000
    assert convert(b"<p>next", ".html").markdown == "next"
    assert convert._child is child  # noqa: SLF001 - as above


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_a_pdf_of_nested_compression_is_left_out_or_empty(convert: Converter, depth: int) -> None:
    stream = bytes(300_000_000)
    for _ in range(depth):
        stream = zlib.compress(stream, 9)
    content = _pdf("", stream=stream, filters=("/FlateDecode",) * depth)
    _reason(convert, content, ".pdf")
    assert convert(b"<p>next", ".html").markdown == "next"


def test_a_pdf_of_run_lengths_is_left_out(convert: Converter) -> None:
    content = _pdf("", stream=b"\x81 " * 3_000_000, filters=("/RunLengthDecode",))
    _reason(convert, content, ".pdf")


@pytest.mark.parametrize(
    ("content", "suffix", "told"),
    [
        (_pdf("x", password="secret"), ".pdf", "encrypted"),
        (_pdf(""), ".pdf", "is it a scan?"),
        (b"%PDF-1.7 rubbish", ".pdf", "damaged"),
        (os.urandom(100_000), ".pdf", "damaged"),
        (os.urandom(100_000), ".docx", "damaged"),
        (bytes.fromhex("d0cf11e0a1b11ae1") + bytes(5_000), ".xlsx", "encrypted"),
        (_zip(a="x"), ".docx", "damaged"),
        (_zip(a="x"), ".pptx", "damaged"),
        (_word(_paragraph("x"))[:-200], ".docx", "damaged"),
        (_word(""), ".docx", "no text"),
        (b"<div>" * 2_000 + b"x", ".html", "nested too deeply"),
        (bytes(51_000_000), ".pdf", "larger than the limit"),
    ],
)
def test_files_that_cannot_be_read_are_told_by_the_reason(
    convert: Converter, content: bytes, suffix: str, told: str
) -> None:
    reason = _reason(convert, content, suffix)
    assert told in reason
    assert "\n" not in reason


@pytest.mark.slow
def test_a_file_that_takes_too_long_or_too_much_is_left_out_and_the_next_is_read() -> None:
    slow = Converter(cpu_s=1, wall_s=30)
    hurried = Converter(wall_s=0.3)
    poor = Converter(memory_mb=160)
    heavy = b"<p>a <b>b</b> c</p>" * 100_000
    try:
        assert "took longer than 1 s" in _reason(slow, heavy, ".html")
        assert "took longer than 0.3 s" in _reason(hurried, heavy, ".html")
        assert "more than 160 MB" in _reason(poor, heavy, ".html")
        for converter in (slow, poor):
            assert converter(b"<p>next", ".html").markdown == "next"
    finally:
        for converter in (slow, hurried, poor):
            converter.close()


def test_a_child_that_was_killed_is_replaced(convert: Converter) -> None:
    convert(b"<p>one", ".html")
    child = convert._child  # noqa: SLF001 - the process is the point
    assert child is not None
    child.kill()
    child.wait()
    assert convert(b"<p>two", ".html").markdown == "two"


def test_the_child_has_no_secrets_files_or_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITLAB_TOKEN", "canary")
    converter = Converter()
    try:
        converter(b"<p>x", ".html")
        assert converter._child is not None  # noqa: SLF001 - the process is the point
        assert "canary" not in str(psutil.Process(converter._child.pid).environ())  # noqa: SLF001 - as above
    finally:
        converter.close()
    ways = [
        "open('/etc/passwd')",
        f"open({str(tmp_path / 'x')!r}, 'w')",
        "import os; os.system('true')",
        "import socket; socket.create_connection(('127.0.0.1', 9))",
        "import subprocess; subprocess.run(['true'])",
    ]
    tried = (
        "from indexing.sources import conversion_child as child; child._shut_in()\n"
        "import sys\n"
        "def refused(code):\n"
        "    try: exec(code)\n"
        "    except PermissionError: return True\n"
        f"sys.exit(0 if all(map(refused, {ways!r})) else 1)\n"
    )
    assert subprocess.run([sys.executable, "-c", tried], check=False).returncode == 0  # noqa: S603 - our own code


# -- a folder


def test_a_folder_of_files_is_read_and_what_did_not_change_is_not_converted_again(
    tmp_path: Path, convert: Converter
) -> None:
    files = {
        "a.md": b"# A",
        "b.pdf": _pdf("Text of b"),
        "c.docx": b"rubbish",
        "d.html": b"<h1>D</h1>d",
        "~$c.docx": b"x",
    }
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    (tmp_path / "e.pdf").symlink_to("/etc/passwd")
    tree = MarkdownTree(tmp_path, "files", "https://files.example")
    folder = ConvertedFiles(tree, ("markdown", "pdf", "office"), convert)
    changes = list(folder.changes(None, sweep=True))
    documents = {change.id: change for change in changes if isinstance(change, Document)}
    assert list(documents) == ["files/a.md", "files/b.pdf"]
    assert (documents["files/b.pdf"].title, documents["files/b.pdf"].url) == ("B", "https://files.example/b.pdf")
    reasons = {change.document: change.reason for change in changes if isinstance(change, Skipped)}
    assert "damaged" in reasons["files/c.docx"]
    assert "links are not followed" in reasons["files/e.pdf"]
    last = changes[-1]
    assert isinstance(last, Checkpoint)
    again = [change for change in folder.changes(last.cursor, sweep=True) if isinstance(change, Document)]
    assert again == []
    (tmp_path / "b.pdf").write_bytes(_pdf("New text of b"))
    changed = [change for change in folder.changes(last.cursor, sweep=False) if isinstance(change, Document)]
    assert [(document.id, "New text" in document.text) for document in changed] == [("files/b.pdf", True)]
