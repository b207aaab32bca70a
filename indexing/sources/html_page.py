"""A page of HTML -> Markdown of its main content. Pure. The only user of BeautifulSoup and markdownify in the library.

markdownify because it is small (16 KB over BeautifulSoup), keeps code whole, and lets each element be told apart.
Measured on pages of Sphinx, MkDocs Material and Docusaurus: trafilatura loses the lines of code and, on short pages,
the headings; html-to-markdown brings 22 MB of machine code and the buttons of code blocks stay in the code.
"""

# ruff: noqa: ARG002 - the methods of a markdownify converter all have one signature

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bs4 import BeautifulSoup
from bs4.element import NavigableString, Tag
from markdownify import MarkdownConverter

from indexing.hidden import Tag as SeenTag
from indexing.hidden import hiding_selectors, is_hidden

if TYPE_CHECKING:
    from collections.abc import Iterator

_NO_CONTENT = frozenset(
    [
        "script",
        "style",
        "template",
        "noscript",
        "iframe",
        "object",
        "svg",
        "canvas",
        "audio",
        "video",
        "nav",
        "footer",
        "button",
        "form",
        "input",
        "select",
        "dialog",
    ]
)
_NO_CONTENT_ROLES = frozenset(["navigation", "search", "contentinfo", "banner"])
_NO_CONTENT_CLASSES = frozenset(
    [
        "linenos",
        "lineno",
        "linenodiv",
        "gutter",
        "sphinxsidebar",
        "breadcrumb",
        "breadcrumbs",
        "md-content__button",
        "edit-this-page",
        "pagination",
        "toc",
        "table-of-contents",
        "theme-doc-toc-mobile",
        "headerlink",
        "hash-link",
        "header-anchor",
    ]
)
_ANCHOR_SIGNS = frozenset(["", "#", "¶", "§", "🔗", "\u200b"])
_HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
_LANGUAGE = re.compile(r"(?:language|lang|highlight-source|highlight|brush)[-:]\s*([A-Za-z0-9+#_.-]{1,30})\Z")
_NO_LANGUAGE = frozenset(["default", "none", "notranslate", "text", "plaintext", "plain", "txt"])
_ADMONITION_TITLES = ".admonition-title, .admonitionHeading, [class*=admonitionHeading]"
_LEVELS_UP = 4  # elements around a block of code in which its language is looked for
_LONGEST_TITLE = 1000  # characters


@dataclass(frozen=True, slots=True)
class HtmlPage:
    """What a page says.

    Attributes:
        title: Of its `<title>`; empty when it has none.
        canonical: The address that the page names as its own, as it stands there; empty when it names none.
        is_indexable: False when the page asks not to be found (`noindex`).
        markdown: Its main content.
    """

    title: str
    canonical: str
    is_indexable: bool
    markdown: str


def read_html(content: bytes, charset: str = "") -> HtmlPage:
    """Return what a page says.

    Args:
        content: The page as it was sent.
        charset: From the `Content-Type`; empty when it says none, the page's own word counts then.

    Raises:
        RecursionError: Its elements are nested too deeply.
    """
    soup = BeautifulSoup(content, "lxml", from_encoding=charset or None)
    title = " ".join(soup.title.get_text().split())[:_LONGEST_TITLE] if soup.title else ""
    hiding = frozenset[str]().union(*(hiding_selectors(style.get_text()) for style in soup.find_all("style")))
    main = _main(soup)
    _clear(main, hiding)
    markdown = _Writer(heading_style="ATX", bullets="-").convert_soup(main)
    return HtmlPage(title, _canonical(soup), _is_indexable(soup), markdown.strip("\n"))


def _canonical(soup: BeautifulSoup) -> str:
    link = soup.find("link", rel="canonical")
    return _attribute(link, "href").strip() if isinstance(link, Tag) else ""


def _is_indexable(soup: BeautifulSoup) -> bool:
    return not any(
        _attribute(meta, "name").lower() in {"robots", "googlebot"}
        and re.search(r"\b(?:noindex|none)\b", _attribute(meta, "content").lower())
        for meta in soup.find_all("meta")
    )


def _main(soup: BeautifulSoup) -> Tag:
    """Return the element that holds the content: `<main>` or role=main, in it the one `<article>`; else the body."""
    main = soup.find("main") or soup.find(role="main") or soup.find("body") or soup
    articles = main.find_all("article")
    if len(articles) == 1 and (main.find("h1") is None or articles[0].find("h1") is not None):
        return articles[0]
    return main


def _clear(main: Tag, hiding: frozenset[str]) -> None:
    """Take away what is no content or is not seen, and write blocks of code the one way the writer reads."""
    if main.name == "body":
        for header in main.find_all("header", recursive=False):
            header.decompose()
    for table in main.select("table.highlighttable, table.rouge-table, table.hljs-ln"):
        codes = [pre for pre in table.find_all("pre") if not pre.find_parent(class_=re.compile("linenos|gutter"))]
        if codes:
            table.replace_with(codes[-1].extract())
    for element in list(_gone(main, hiding)):
        if not element.decomposed:
            element.decompose()
    for title in main.select(_ADMONITION_TITLES):
        title.name = "strong"
        title.wrap(BeautifulSoup("", "lxml").new_tag("p"))


def _gone(main: Tag, hiding: frozenset[str]) -> Iterator[Tag]:
    for element in main.find_all(name=True):
        attributes = {name: _attribute(element, name) for name in element.attrs}
        if (
            element.name in _NO_CONTENT
            or attributes.get("role") in _NO_CONTENT_ROLES
            or not _NO_CONTENT_CLASSES.isdisjoint(attributes.get("class", "").split())
        ):
            yield element
            continue
        if attributes.get("role") == "tabpanel":
            attributes.pop("hidden", None)  # a reader sees it after one click
        if is_hidden(SeenTag(element.name, attributes), hiding) or _is_anchor(element):
            yield element


def _is_anchor(element: Tag) -> bool:
    """Return whether it is the sign beside a heading that links to the heading."""
    if element.name != "a" or element.find_parent(_HEADINGS) is None:
        return False
    return element.get_text().strip() in _ANCHOR_SIGNS and element.find("img") is None


def _attribute(element: Tag, name: str) -> str:
    value = element.get(name) or ""
    return value if isinstance(value, str) else " ".join(value)


class _Writer(MarkdownConverter):
    """Writes Markdown that says again what the page says, also where its text looks like Markdown or HTML."""

    def escape(self, text: str, parent_tags: set[str]) -> str:
        """Keep `<` and `&` of the text from being read as HTML, and marks at its start as Markdown."""
        text = text.replace("&", "&amp;").replace("<", "&lt;")
        return text.replace("|", "\\|") if parent_tags & {"td", "th"} else text

    def convert_pre(self, el: Tag, text: str, parent_tags: set[str]) -> str:
        """Return the code as it stands in a fence that nothing in it can close; in a cell of a table on one line."""
        code = _code(el)
        if not code.strip():
            return ""
        if parent_tags & {"td", "th"}:
            return "`" + " ".join(code.replace("`", "'").split()).replace("|", "\\|") + "`"
        fence = "`" * max([3, *(len(run) + 1 for run in re.findall("`{3,}", code))])
        return f"\n\n{fence}{_language(el)}\n{code}\n{fence}\n\n"

    def convert_hr(self, el: Tag, text: str, parent_tags: set[str]) -> str:
        """Return a line that cannot be taken for front matter."""
        return "\n\n***\n\n"

    def convert_img(self, el: Tag, text: str, parent_tags: set[str]) -> str:
        """Return what the picture shows, in the words of the page."""
        return self.escape(" ".join(_attribute(el, "alt").split()), parent_tags)

    def convert_a(self, el: Tag, text: str, parent_tags: set[str]) -> str:
        """Return the words of the link alone: an address is not content, and is never repeated."""
        return text

    def convert_details(self, el: Tag, text: str, parent_tags: set[str]) -> str:
        """Return the content of a block that a reader can open."""
        return f"\n\n{text}\n\n"

    def convert_summary(self, el: Tag, text: str, parent_tags: set[str]) -> str:
        """Return its title in bold."""
        return f"\n\n**{text.strip()}**\n\n" if text.strip() else ""


def _code(pre: Tag) -> str:
    for line_break in pre.find_all("br"):
        line_break.replace_with("\n")
    for line in pre.select(".token-line, .line, .code-line"):
        follows = line.next_sibling
        ends = line.get_text().endswith("\n") or (isinstance(follows, NavigableString) and follows.startswith("\n"))
        if not ends and follows is not None:
            line.append("\n")
    return pre.get_text().strip("\n").replace("\r\n", "\n")


def _language(pre: Tag) -> str:
    elements: list[Any] = [*pre.find_all("code", limit=1), pre, *list(pre.parents)[:_LEVELS_UP]]
    for element in elements:
        for named in (f"lang-{_attribute(element, 'data-lang')}", *_attribute(element, "class").split()):
            match = _LANGUAGE.match(named)
            if match and match.group(1).lower() not in _NO_LANGUAGE:
                return match.group(1).lower()
    return ""
