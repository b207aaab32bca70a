"""Reports: one file that asks nobody for anything, runs nothing, and can be read without colour and by keyboard."""

from __future__ import annotations

import itertools
import re
from html.parser import HTMLParser

import pytest
from bs4 import BeautifulSoup

from assistant.reporting import Link, Plot, Section, Table, page
from assistant.reporting.plots import Axes, Bin, Series, bar_plot, line_plot, reliability_plot

_HOSTILE = (
    "</td><script>alert(1)</script>",
    "<img src=https://spy.example/x>",
    "javascript:alert(1)",
    "$x$ 中文 & \"'",
)
_MONTHS = ("2026-01", "2026-02", "2026-03")


def table(title: str = "Figures", *rows: tuple[str | int | float | Link | None, ...]) -> Table:
    return Table(title, ("month", "asked", "share"), rows or (("2026-01", 3, 0.5), ("2026-02", 4, None)), "a note")


def lines(name: str = "covered") -> str:
    covered = Series(name, (0.1, 0.4, None), (0.0, 0.2, None), (0.3, 0.6, None))
    return line_plot(Axes("month", "share", percent=True), _MONTHS, (covered, Series("wrong", (0.2, 0.1, 0.1))))


def bars() -> str:
    return bar_plot(Axes("month", "issues"), _MONTHS, (Series("right", (1, 2, 3)), Series("wrong", (3, None, 1))))


def reliability() -> str:
    return reliability_plot(Axes("confidence", "right", percent=True), (Bin(0.2, 0.3, 0.1, 0.5, 9),))


def report(svgs: tuple[str, ...] | None = None, text: str = "first\n\nsecond") -> str:
    drawn = (lines(), bars(), reliability()) if svgs is None else svgs
    plots = tuple(Plot(f"Plot {n}", svg, f"what {n} shows", table(f"Data {n}")) for n, svg in enumerate(drawn))
    return page("Report", "of a test", (Section("One", text, (table(),)), Section("Two", "", plots)))


class _Resources(HTMLParser):
    """Collects whatever a browser would fetch or run."""

    def __init__(self) -> None:
        super().__init__()
        self.fetched: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in {"script", "link", "iframe", "object", "embed", "img", "image", "video", "audio", "base", "form"}:
            self.fetched.append(tag)
        for name, value in attrs:
            wrong = name in {"src", "srcset", "xlink:href", "background", "action", "ping"} or name.startswith("on")
            local = name != "href" or tag == "a" or (value or "").startswith("#")
            script = name == "href" and "javascript:" in (value or "").lower().replace(" ", "")
            if wrong or not local or script:
                self.fetched.append(f"{tag} {name}={value}")


def fetched(html: str) -> list[str]:
    found = _Resources()
    found.feed(html)
    styles = " ".join(style.get_text() for style in BeautifulSoup(html, "lxml").find_all("style"))
    addresses = [address for address in re.findall(r"url\(([^)]*)\)", html) if not address.startswith(("#", '"#'))]
    return [*found.fetched, *addresses, *re.findall(r"@import|@font-face|https?:", styles)]


def test_a_report_runs_no_script_and_asks_nobody_for_anything() -> None:
    html = report()
    assert fetched(html) == []
    assert "default-src 'none'" in html


@pytest.mark.parametrize("text", _HOSTILE, ids=["script", "picture", "address", "signs"])
def test_what_people_wrote_stays_text_wherever_it_stands(text: str) -> None:
    hostile = table(text, (text, 1, Link(text, text)), ("b", 2, Link(text, "javascript:alert(1)")))
    plot = Plot(text, lines(text), text, hostile)
    html = page(text, text, (Section(text, text, (hostile, plot)),))
    assert fetched(html) == []
    soup = BeautifulSoup(html, "lxml")
    assert soup.find("img") is None
    assert not soup.select("td a")
    for place in ("h1", "h2", "h3", "caption", "tbody th", "td", "figcaption", "svg title", "svg desc", "svg text"):
        assert any(text in found.get_text() for found in soup.select(place)), place


def test_only_addresses_of_the_web_become_links() -> None:
    rows = [
        ("a", 1, Link("one", "https://gitlab.example/i/1")),
        ("b", 2, Link("two", "data:text/html,x")),
        ("c", 3, Link("three", "//gitlab.example")),
        ("d", 4, Link("four", "http://[")),
    ]
    soup = BeautifulSoup(page("R", "", (Section("S", "", (table("T", *rows),)),)), "lxml")
    assert [(a.get_text(), a["href"]) for a in soup.select("td a")] == [("one", "https://gitlab.example/i/1")]
    assert "four" in soup.get_text()


def test_every_plot_has_a_name_a_description_and_its_figures_as_a_table() -> None:
    soup = BeautifulSoup(report(), "lxml")
    figures = soup.find_all("figure")
    assert len(figures) == 3
    for number, figure in enumerate(figures):
        svg = figure.find("svg")
        assert svg is not None
        assert svg["role"] == "img"
        named = [soup.find(id=name).get_text() for name in str(svg["aria-labelledby"]).split()]  # type: ignore[union-attr]
        assert named == [f"Plot {number}", f"what {number} shows"]
        assert figure.select("details > summary")
        assert f"Data {number}" in figure.select("details caption")[0].get_text()


def test_headings_go_down_one_level_at_a_time() -> None:
    soup = BeautifulSoup(report(), "lxml")
    levels = [int(str(heading.name)[1]) for heading in soup.find_all(re.compile("^h[1-6]$"))]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))


def test_tables_name_their_rows_and_columns_and_scroll_by_keyboard() -> None:
    soup = BeautifulSoup(report(), "lxml")
    tables = soup.find_all("table")
    assert len(tables) == 4
    for found in tables:
        assert found.find("caption") is not None
        assert {str(th["scope"]) for th in found.select("thead th")} == {"col"}
        assert all(row.find("th", scope="row") is not None for row in found.select("tbody tr"))
        around = found.parent
        assert around is not None
        assert (around["tabindex"], around["role"], bool(around["aria-label"])) == ("0", "region", True)


def test_the_content_can_be_reached_past_the_navigation() -> None:
    soup = BeautifulSoup(report(), "lxml")
    first = soup.find("a")
    assert first is not None
    assert soup.find(id=str(first["href"]).removeprefix("#")) is soup.find("main")
    assert all(soup.find(id=str(a["href"])[1:]) is not None for a in soup.select("nav a"))


def test_no_two_elements_share_an_id_and_every_reference_inside_is_met() -> None:
    html = report()
    ids = re.findall(r'\sid="([^"]*)"', html)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r"url\(#([^)]*)\)", html)) <= set(ids)
    assert set(re.findall(r'<use[^>]*\shref="#([^"]*)"', html)) <= set(ids)


def test_lines_differ_in_marker_and_style_and_bars_in_hatch() -> None:
    soup = BeautifulSoup(lines(), "xml")
    styled = [(str(use["xlink:href"]), str(use["style"])) for use in soup.find_all("use")]
    marks = {(name, style) for name, style in styled if "stroke: #0" not in style and "opacity" not in style}
    shapes = {colour: str(soup.find("path", id=name[1:])["d"]) for name, colour in marks}  # type: ignore[index]
    assert len(shapes) == 2
    assert len(set(shapes.values())) == 2
    drawn = {str(path["style"]) for path in soup.find_all("path") if "stroke-width: 1.8" in str(path.get("style"))}
    assert len({re.sub("#[0-9a-f]{6}", "", style) for style in drawn}) == 2
    bars_drawn = BeautifulSoup(bars(), "xml")
    assert len(bars_drawn.find_all("pattern")) == 1
    assert {"url" in str(path["style"]) for path in bars_drawn.select('g[id^="patch"] path[clip-path]')} == {
        True,
        False,
    }


def test_texts_of_a_plot_are_texts_and_its_ink_is_the_page_s() -> None:
    html = report()
    assert ">covered</text>" in html
    assert "currentColor" in html
    assert "#010203" not in html


def test_the_same_figures_draw_the_same_file() -> None:
    assert report() == report()
    assert "<dc:date>" not in lines()


def test_a_plot_that_is_no_drawing_is_refused_and_a_foreign_one_is_stripped() -> None:
    for wrong in ("", "<html></html>", "<svg"):
        with pytest.raises(ValueError, match="no SVG"):
            report((wrong,))
    hostile = (
        '<svg xmlns="http://www.w3.org/2000/svg" onload="x()"><script>x()</script><style>* {fill: red}</style>'
        '<image href="https://spy.example/"/><foreignObject/><rect style="fill: url(https://spy.example/)"/></svg>'
    )
    html = report((hostile,))
    assert fetched(html) == []
    assert "spy.example" not in html


def test_a_table_whose_rows_do_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="2 cells, not 3"):
        Table("T", ("a", "b", "c"), (("x", 1),))


def test_a_table_without_rows_says_so() -> None:
    html = page("R", "", (Section("S", "", (Table("T", ("a", "b"), ()),)),))
    assert "Nothing to list." in html


def test_figures_stand_in_line_and_words_do_not() -> None:
    cells = (3, 0.5, "12.5%", "12.5% to 80.0%", None, "2026-01-01", "v0001", "3 issues", ("1", "2"))
    shown = Table("T", ("row", *map(str, range(len(cells)))), (("a", *cells),))
    soup = BeautifulSoup(page("R", "", (Section("S", "", (shown,)),)), "lxml")
    assert ["number" in (td.get("class") or []) for td in soup.find_all("td")] == [True] * 6 + [False] * 3


def test_a_long_table_opens_when_the_reader_asks_for_it() -> None:
    folded = Table("Many rows", ("a", "b"), (("x", 1),), folded=True)
    soup = BeautifulSoup(page("R", "", (Section("S", "", (folded, table())),)), "lxml")
    assert [details.find("summary").get_text() for details in soup.find_all("details")] == ["Many rows"]  # type: ignore[union-attr]
    assert len(soup.select("details table")) == 1
