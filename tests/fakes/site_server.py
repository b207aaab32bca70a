"""A documentation site on loopback, with the faults that sites have."""

from __future__ import annotations

import contextlib
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass
class Page:
    """What the site answers at one path.

    Attributes:
        etag: Answered with 304 when it is asked for again.
        drip_s: Seconds between two bytes.
        lastmod: For the sitemap; empty leaves it out.
        listed: Whether the sitemap lists it.
    """

    body: bytes
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    etag: str = ""
    drip_s: float = 0.0
    lastmod: str = ""
    listed: bool = True


def html(text: str, head: str = "") -> bytes:
    """Return a page with a menu, content and a footer."""
    return (
        f'<!doctype html><html><head><meta charset="utf-8"><title>Site</title>{head}</head><body><nav>Menu</nav>'
        f"<main>{text}</main><footer>Imprint</footer></body></html>"
    ).encode()


class SiteServer:
    """The site; change `pages` between readings.

    Attributes:
        pages: By path.
        asked: Paths in the order they were asked for, the sitemap's own left out.
        failures: How many answers with 503 are still to come, by path.
    """

    def __init__(self) -> None:
        self.pages: dict[str, Page] = {}
        self.asked: list[str] = []
        self.agents: set[str] = set()
        self.failures: dict[str, int] = {}
        self.sitemap: bytes | None = None
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:  # the name http.server calls
                with contextlib.suppress(OSError):
                    site.answer(self)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    @contextlib.contextmanager
    def running(self) -> Iterator[SiteServer]:
        thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            thread.join()
            self._server.server_close()

    def put(self, path: str, text: str, **values: Any) -> None:
        """Put a page of HTML."""
        head = values.pop("head", "")
        self.pages[path] = Page(html(text, head), **values)

    def listing(self) -> bytes:
        """Return the sitemap of the pages that are listed."""
        if self.sitemap is not None:
            return self.sitemap
        urls = "".join(
            f"<url><loc>{self.url}{path}</loc>{f'<lastmod>{page.lastmod}</lastmod>' if page.lastmod else ''}</url>"
            for path, page in self.pages.items()
            if page.listed
        )
        return (
            f'<?xml version="1.0"?><urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{urls}</urlset>'.encode()
        )

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        if request.path == "/sitemap.xml":
            page = Page(self.listing())
        else:
            self.asked.append(request.path)
            self.agents.add(request.headers.get("User-Agent", ""))
            page = self.pages.get(request.path, Page(b"", 404))
        if self.failures.get(request.path, 0) > 0:
            self.failures[request.path] -= 1
            page = Page(b"", 503)
        elif page.etag and request.headers.get("If-None-Match") == page.etag:
            page = Page(b"", 304)
        request.send_response(page.status)
        headers = {"Content-Type": "text/html", "Content-Length": str(len(page.body))} | page.headers
        for name, value in (headers | ({"ETag": page.etag} if page.etag else {})).items():
            request.send_header(name, value)
        request.end_headers()
        if not page.drip_s:
            request.wfile.write(page.body)
            return
        for byte in page.body:
            request.wfile.write(bytes([byte]))
            time.sleep(page.drip_s)
