"""PDF, Office and HTML files -> Markdown. Runs in the child process of `converting.py` alone, under its limits.

pypdf, mammoth and python-pptx are pure Python and python-calamine is Rust: a hostile file may cost time and memory,
which the child has little of, but no foreign code runs. markitdown would bring onnxruntime (68 MB) to guess types.
"""

from __future__ import annotations

import io
import itertools
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from indexing.sources.zip_guard import Unreadable, check_zip

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

MAX_TEXT = 5_000_000
"""Characters of Markdown that one file may become."""

_MAX_PAGES = 2_000  # of a PDF
_MAX_ROWS = 5_000  # of a sheet
_MAX_COLUMNS = 50
_NO_TEXT = "holds no text: is it a scan? Run it through text recognition (OCR) first"
_WORD_STYLES = """
p[style-name='Title'] => h1:fresh
p[style-name='Subtitle'] => p:fresh
p[style-name='Code'] => pre:separator('\\n')
p[style-name='HTML Preformatted'] => pre:separator('\\n')
p[style-name='Plain Text'] => pre:separator('\\n')
"""


@dataclass(frozen=True, slots=True)
class Converted:
    """What a file says.

    Attributes:
        markdown: Its text, with the headings it has.
        title: From its properties; empty when it has none.
        canonical: For HTML: the address that the page names as its own.
        is_indexable: For HTML: False when the page asks not to be found.
    """

    markdown: str
    title: str = ""
    canonical: str = ""
    is_indexable: bool = True


def convert(content: bytes, suffix: str, charset: str = "") -> Converted:
    """Return what a file says.

    Args:
        content: The file.
        suffix: Of its name, in lower case: `.pdf`, `.docx`, `.pptx`, `.xlsx`, `.ods`, `.html`, `.htm`, `.xhtml`.
        charset: For HTML: what the server said of it.

    Raises:
        Unreadable: The file is left out; the message says why.
        Exception: The library met something that it does not understand.
    """
    if suffix == ".pdf":
        converted = _pdf(content)
    elif suffix in {".html", ".htm", ".xhtml"}:
        converted = _html(content, charset)
    else:
        check_zip(content)
        converted = {".docx": _word, ".pptx": _slides, ".xlsx": _sheets, ".ods": _sheets}[suffix](content)
    if len(converted.markdown) > MAX_TEXT:
        raise Unreadable(f"holds more than {MAX_TEXT // 1_000_000} million characters: split the file")
    if not converted.markdown.strip():
        raise Unreadable(_NO_TEXT if suffix == ".pdf" else "holds no text")
    return converted


def _html(content: bytes, charset: str) -> Converted:
    from indexing.sources.html_page import read_html  # noqa: PLC0415 - each format loads its own library

    page = read_html(content, charset)
    return Converted(page.markdown, page.title, page.canonical, page.is_indexable)


# -- PDF


def _pdf(content: bytes) -> Converted:
    from pypdf import PasswordType, PdfReader  # noqa: PLC0415 - as above
    from pypdf.errors import DependencyError, FileNotDecryptedError  # noqa: PLC0415 - as above

    try:
        reader = PdfReader(io.BytesIO(content))
        if reader.is_encrypted and reader.decrypt("") == PasswordType.NOT_DECRYPTED:
            raise Unreadable("is encrypted: save it without a password")
        if len(reader.pages) > _MAX_PAGES:
            raise Unreadable(f"has more than {_MAX_PAGES:,} pages: split the file")
        title = " ".join(str((reader.metadata and reader.metadata.title) or "").split())
        outline = _outline(reader)
        parts, size = [], 0
        for number, page in enumerate(reader.pages, start=1):
            text = _paragraphs(page.extract_text())
            size += len(text)
            if size > MAX_TEXT:
                break
            if text:
                parts.append(f"## {'; '.join([*outline.get(number, []), f'Page {number}'])}\n\n{text}")
    except (DependencyError, FileNotDecryptedError) as error:
        raise Unreadable("is encrypted: save it without a password") from error
    return Converted("\n\n".join(parts), title)


def _outline(reader: Any) -> dict[int, list[str]]:  # noqa: ANN401 - pypdf is loaded late
    """Return the bookmarks by the page they lead to, from 1; a PDF without or with damaged ones has none."""
    found: dict[int, list[str]] = {}

    def read(entries: Sequence[Any]) -> None:
        for entry in entries:
            if isinstance(entry, list):
                read(entry)
            elif (page := reader.get_destination_page_number(entry)) is not None:
                found.setdefault(page + 1, []).append(" ".join(str(entry.title).split())[:200])

    try:
        read(reader.outline)
    except Exception:  # noqa: BLE001 - bookmarks are a help; pypdf raises whatever a damaged file makes of them
        return {}
    return {page: titles[:3] for page, titles in found.items()}


def _paragraphs(text: str) -> str:
    """Return the lines of a page as Markdown that says just that: words cut at a line's end are whole again."""
    text = re.sub(r"(?<=[^\W\d_])[-\u00ad]\n(?=[a-zß-ÿ])", "", text)
    return _plain("\n".join(line.strip() for line in text.splitlines())).strip()


def _plain(text: str) -> str:
    """Return text in which nothing is read as HTML, a heading or a fence."""
    text = text.replace("\0", "").replace("&", "&amp;").replace("<", "&lt;")
    return re.sub(r"(?m)^(?=#{1,6}\s|```|~~~|[-=]{3,}\s*$|\+\+\+)", r"\\", text)


# -- Office


def _word(content: bytes) -> Converted:
    import mammoth  # type: ignore[import-untyped]  # noqa: PLC0415 - as above

    drawn = mammoth.images.img_element(lambda _: {"src": ""})
    page = mammoth.convert_to_html(io.BytesIO(content), style_map=_WORD_STYLES, convert_image=drawn)
    return _html(f"<main>{page.value}</main>".encode(), "utf-8")


def _slides(content: bytes) -> Converted:
    from pptx import Presentation  # noqa: PLC0415 - as above

    show = Presentation(io.BytesIO(content))
    parts = []
    for number, slide in enumerate(show.slides, start=1):
        title = slide.shapes.title
        heading = " ".join(title.text_frame.text.split()) if title is not None else ""
        lines = [line for shape in slide.shapes if shape != title for line in _shape(shape)]
        if slide.has_notes_slide and slide.notes_slide.notes_text_frame is not None:
            lines.append(_plain(slide.notes_slide.notes_text_frame.text.strip()))
        if heading or any(lines):
            body = "\n\n".join(filter(None, lines))
            parts.append(f"## {_plain(heading) or f'Slide {number}'}\n\n{body}")
    return Converted("\n\n".join(parts), " ".join((show.core_properties.title or "").split()))


def _shape(shape: Any) -> Iterator[str]:  # noqa: ANN401 - python-pptx's shapes have no common type
    if getattr(shape, "shapes", None) is not None:
        for inner in shape.shapes:
            yield from _shape(inner)
    elif getattr(shape, "has_table", False):
        yield _table([[cell.text for cell in row.cells] for row in shape.table.rows])
    elif shape.has_text_frame:
        paragraphs = [(paragraph.level, paragraph.text.strip()) for paragraph in shape.text_frame.paragraphs]
        told = [(level, text) for level, text in paragraphs if text]
        if len(told) == 1:
            yield _plain(told[0][1])
        elif told:
            yield "\n".join(f"{'  ' * level}- {_plain(' '.join(text.split()))}" for level, text in told)


def _sheets(content: bytes) -> Converted:
    from python_calamine import CalamineWorkbook, SheetTypeEnum, SheetVisibleEnum  # noqa: PLC0415 - as above

    with CalamineWorkbook.from_object(io.BytesIO(content)) as book:
        parts = []
        for sheet in book.sheets_metadata:
            if sheet.typ != SheetTypeEnum.WorkSheet or sheet.visible != SheetVisibleEnum.Visible:
                continue
            read = book.get_sheet_by_name(sheet.name)
            rows = [[_cell(value) for value in row[:_MAX_COLUMNS]] for row in _first(read.iter_rows())]
            if table := _table(rows):
                parts.append(f"## {_plain(' '.join(sheet.name.split()))}\n\n{table}")
    return Converted("\n\n".join(parts))


def _first(rows: Iterable[list[Any]]) -> Iterator[list[Any]]:
    return itertools.islice((row for row in rows if any(value not in ("", None) for value in row)), _MAX_ROWS)


def _cell(value: Any) -> str:  # noqa: ANN401 - text, number, date or truth
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _table(rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table, its first row as the header; columns that are empty throughout are left out."""
    used = [column for column in range(max(map(len, rows), default=0)) if any(row[column:][:1] != [""] for row in rows)]
    told = [[_plain(" ".join(row[column].split())).replace("|", "\\|") for column in used] for row in rows]
    if not any(any(row) for row in told):
        return ""
    lines = [f"| {' | '.join(row)} |" for row in told]
    return "\n".join([lines[0], "|" + " --- |" * len(used), *lines[1:]])
