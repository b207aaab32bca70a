"""A documentation site as a source: what changed is fetched, what is not of the site is not."""

from __future__ import annotations

import gzip
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
import stamina

from indexing.errors import BuildRefused
from indexing.model import Document, Skipped
from indexing.sources import Checkpoint, FollowedSource, Gone, Present
from indexing.sources.converting import Converter
from indexing.sources.path_filter import PathFilter
from indexing.sources.site import Site
from tests.fakes.site_server import Page, SiteServer, html

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from indexing.sources import Change

_NOW = datetime(2026, 11, 20, tzinfo=UTC)


@pytest.fixture(scope="module")
def converter() -> Iterator[Converter]:
    converter = Converter()
    yield converter
    converter.close()


@pytest.fixture(autouse=True)
def _no_waiting() -> Iterator[None]:
    """Tries come one after the other, as stamina offers for tests."""
    with stamina.set_testing(True, attempts=2, cap=True):
        yield


@pytest.fixture
def server() -> Iterator[SiteServer]:
    with SiteServer().running() as server:
        yield server


@pytest.fixture
def site(server: SiteServer, converter: Converter) -> Site:
    return Site(
        f"{server.url}/sitemap.xml",
        "handbook",
        requests_per_second=10_000,
        now=lambda: _NOW,
        convert=converter,
        attempts=2,
        timeout_s=0.5,
    )


def _documents(changes: list[Change]) -> dict[str, Document]:
    return {change.id: change for change in changes if isinstance(change, Document)}


def _reasons(changes: list[Change]) -> dict[str, str]:
    return {change.document: change.reason for change in changes if isinstance(change, Skipped)}


def _cursor(changes: list[Change]) -> Mapping[str, object]:
    return [change for change in changes if isinstance(change, Checkpoint)][-1].cursor


def _read(site: Site, cursor: Mapping[str, object] | None = None) -> list[Change]:
    return list(site.changes(cursor, sweep=False))


def test_a_page_is_its_main_content_under_its_own_title_and_address(server: SiteServer, site: Site) -> None:
    server.put(
        "/ci/runner/",
        "<h1>Runner<a class=headerlink href=#r>¶</a></h1><p>Start <code>it</code>.</p>"
        '<pre><code class="language-bash">make\n  all</code></pre>',
        head=f'<link rel="canonical" href="{server.url}/ci/runner/">',
    )
    server.put("/", "<h1>Home</h1>Hello")
    documents = _documents(_read(site))
    runner = documents["handbook/ci/runner"]
    assert (runner.title, runner.url, runner.source) == ("Runner", f"{server.url}/ci/runner/", "handbook")
    assert runner.text == "# Runner\n\nStart `it`.\n\n```bash\nmake\n  all\n```"
    assert documents["handbook/index"].title == "Home"
    assert isinstance(site, FollowedSource)
    assert all("support-assistant" in agent for agent in server.agents)


def test_only_pages_that_changed_are_fetched_again(server: SiteServer, site: Site) -> None:
    server.put("/old", "<p>one", lastmod="2026-01-01")
    server.put("/tagged", "<p>two", etag='"1"')
    server.put("/young", "<p>three", lastmod="2026-11-19")
    cursor = _cursor(_read(site))
    server.asked.clear()
    changes = _read(site, cursor)
    assert server.asked == ["/tagged", "/young"]  # a date of yesterday may hide a change of later that day
    assert list(_documents(changes)) == ["handbook/young"]
    server.put("/old", "<p>new", lastmod="2026-02-01T10:00:00Z")
    server.put("/tagged", "<p>newer", etag='"2"')
    changed = _documents(_read(site, _cursor(changes)))
    assert (changed["handbook/old"].text, changed["handbook/tagged"].text) == ("new", "newer")


def test_a_page_that_vanished_is_gone(server: SiteServer, site: Site) -> None:
    for path in ("/a", "/b", "/c"):
        server.put(path, f"<p>{path}")
    cursor = _cursor(_read(site))
    del server.pages["/a"]
    server.pages["/b"] = Page(b"", 410)
    changes = _read(site, cursor)
    assert [change.document for change in changes if isinstance(change, Gone)] == ["handbook/b"]
    (present,) = [change for change in changes if isinstance(change, Present)]
    assert (present.part, present.documents) == ("handbook/", {"handbook/c"})


def test_a_page_that_fails_for_a_while_stays(server: SiteServer, site: Site) -> None:
    server.put("/a", "<p>a")
    server.put("/b", "<p>b")
    cursor = _cursor(_read(site))
    for reading in range(3):
        server.failures["/b"] = 2
        changes = _read(site, cursor)
        assert list(_reasons(changes)) == ([] if reading < 2 else ["handbook/b"])
        assert any(isinstance(change, Present) and "handbook/b" in change.documents for change in changes)
        cursor = _cursor(changes)
    assert "handbook/b" in _documents(_read(site, cursor))


def test_a_fault_that_passes_at_once_is_not_seen(server: SiteServer, site: Site) -> None:
    server.put("/a", "<p>a")
    server.failures = {"/a": 1, "/sitemap.xml": 1}
    assert "handbook/a" in _documents(_read(site))


def test_a_site_that_is_down_is_no_empty_site(server: SiteServer, site: Site) -> None:
    for number in range(12):
        server.put(f"/{number}", "<p>x")
        server.failures[f"/{number}"] = 9
    with pytest.raises(BuildRefused, match="cannot be read now"):
        _read(site)
    server.failures = {"/sitemap.xml": 9}
    with pytest.raises(BuildRefused, match=r"sitemap .* cannot be read"):
        _read(site)
    server.failures = {}
    server.sitemap = b"<urlset></urlset>"
    with pytest.raises(BuildRefused, match="lists no page"):
        _read(site)


def test_no_other_site_is_asked(server: SiteServer, site: Site) -> None:
    with SiteServer().running() as other:
        other.put("/secret", "<p>canary")
        server.put("/away", "", status=302, headers={"Location": f"{other.url}/secret"})
        server.put("/scheme", "", status=302, headers={"Location": "file:///etc/passwd"})
        server.put("/loop", "", status=302, headers={"Location": "/loop"})
        server.put("/moved", "", status=301, headers={"Location": "/new"})
        server.put("/new", "<p>here", listed=False)
        server.sitemap = server.listing().replace(
            b"</urlset>",
            f"<url><loc>{other.url}/secret</loc></url><url><loc>http://u:p@127.0.0.1/x</loc></url></urlset>".encode(),
        )
        changes = _read(site)
        assert other.asked == []
    assert list(_documents(changes)) == ["handbook/moved"]
    assert _documents(changes)["handbook/moved"].url == f"{server.url}/new"
    reasons = _reasons(changes)
    assert "another site" in reasons["handbook/away"]
    assert "another site" in reasons["handbook/scheme"]
    assert "redirects more than 5" in reasons["handbook/loop"]
    assert "only pages of" in reasons[f"handbook/{other.url}"]


def test_pages_that_cannot_be_taken_are_named_and_the_rest_goes_on(server: SiteServer, site: Site) -> None:
    bomb = gzip.compress(bytes(50_000_000))
    server.put("/huge", "x" * 6_000_000)
    server.pages["/bomb"] = Page(bomb, headers={"Content-Encoding": "gzip"})
    server.put("/login", "", status=403)
    server.put("/hidden", "<p>x", head='<meta name="robots" content="noindex, follow">')
    server.put("/header", "<p>x", headers={"X-Robots-Tag": "noindex"})
    server.put("/picture", "", headers={"Content-Type": "image/png"})
    server.put("/empty", "")
    server.put("/copy", "<p>x", head='<link rel="canonical" href="/good">')
    server.pages["/slow"] = Page(html("slow"), drip_s=1.0)
    server.put("/good", "<p>fine")
    changes = _read(site)
    assert list(_documents(changes)) == ["handbook/good"]
    reasons = _reasons(changes)
    assert "larger than the limit" in reasons["handbook/huge"]
    assert "larger than the limit" in reasons["handbook/bomb"]
    assert "login" in reasons["handbook/login"]
    assert "noindex" in reasons["handbook/hidden"]
    assert "noindex" in reasons["handbook/header"]
    assert "image/png" in reasons["handbook/picture"]
    assert "no text" in reasons["handbook/empty"]
    assert "copy of handbook/good" in reasons["handbook/copy"]
    assert "longer than" in reasons["handbook/slow"]
    assert all("\n" not in reason for reason in reasons.values())


def test_what_was_left_out_can_be_read_again_alone(server: SiteServer, site: Site) -> None:
    server.put("/a", "<p>a")
    server.put("/b", "", status=403)
    _read(site)
    server.put("/b", "<p>b")
    server.asked.clear()
    assert list(_documents(list(site.again(frozenset(["handbook/b"]))))) == ["handbook/b"]
    assert server.asked == ["/b"]


def test_paths_and_exclusions_choose_pages(server: SiteServer, site: Site, converter: Converter) -> None:
    for path in ("/docs/a", "/docs/old/b", "/blog/c"):
        server.put(path, "<p>x")
    chosen = Site(
        site.sitemap, "handbook", PathFilter(("docs/**",), ("docs/old",)), requests_per_second=1e4, convert=converter
    )
    assert list(_documents(_read(chosen))) == ["handbook/docs/a"]
    assert chosen.reader != site.reader


@pytest.mark.parametrize(
    ("body", "header"),
    [
        ("<p>Größe 安装".encode(), "text/html; charset=utf-8"),
        ("<meta charset='gb18030'><p>Größe 安装".encode("gb18030"), "text/html"),
        ("<p>Größe 安装".encode("gb18030"), "text/html; charset=GB18030"),
        ("\ufeff<p>Größe 安装".encode("utf-16-le"), "text/html"),
        ("<p>Größe 安装".encode(), "text/html; charset=no-such-charset"),
    ],
)
def test_pages_are_read_in_their_own_charset(server: SiteServer, site: Site, body: bytes, header: str) -> None:
    path = quote("/文档/安装")
    server.pages[path] = Page(body, headers={"Content-Type": header})
    server.sitemap = f"<urlset><url><loc>{server.url}{path}</loc></url></urlset>".encode()
    assert _documents(_read(site))["handbook/文档/安装"].text == "Größe 安装"


def test_an_index_of_packed_sitemaps_is_followed(server: SiteServer, site: Site) -> None:
    server.put("/a", "<p>a")
    server.pages["/one.xml.gz"] = Page(gzip.compress(server.listing()), listed=False)
    server.sitemap = (
        f"<sitemapindex><sitemap><loc>{server.url}/one.xml.gz</loc></sitemap>"
        f"<sitemap><loc>{server.url}/sitemap.xml</loc></sitemap></sitemapindex>"
    ).encode()
    assert list(_documents(_read(site))) == ["handbook/a"]


_ENTITIES = b"""<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">
<!ENTITY f SYSTEM "file:///etc/passwd">]><urlset><url><loc>&b;&f;</loc></url></urlset>"""


@pytest.mark.parametrize(
    ("sitemap", "told"),
    [
        (gzip.compress(bytes(60_000_000)), "larger than the limit"),
        (_ENTITIES, "entities or a DTD"),
        (b"<html><body>Not found</body></html>", "no whole XML file"),
        (b"<urlset><url>", "no whole XML file"),
        (b"\x1f\x8brubbish", "no whole gzip file"),
        (b"", "no whole XML file"),
    ],
)
def test_a_sitemap_that_is_a_bomb_or_none_refuses_the_reading(
    server: SiteServer, site: Site, sitemap: bytes, told: str
) -> None:
    server.sitemap = sitemap
    with pytest.raises(BuildRefused, match=told) as refused:
        _read(site)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "address", ["ftp://docs.example/sitemap.xml", "docs.example", "https://u:secret@docs.example/"]
)
def test_an_address_that_is_none_is_refused_without_its_password(address: str) -> None:
    with pytest.raises(BuildRefused) as refused:
        _read(Site(address, "x"))
    assert "secret" not in str(refused.value)
