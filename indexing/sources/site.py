"""A documentation site, by its sitemap -> documents. Only pages that may have changed are fetched again."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urljoin, urlsplit

from indexing.errors import BuildRefused
from indexing.model import Skipped
from indexing.sources import Change, Checkpoint, Gone, Item, Present, items_of
from indexing.sources.converting import Converter
from indexing.sources.markdown_file import Origin, read_markdown
from indexing.sources.path_filter import PathFilter
from indexing.sources.site_client import Fetched, NotFetched, SiteClient, checked_origin, origin_of
from indexing.sources.sitemap import MAX_BYTES, Listed, listed_pages
from indexing.sources.zip_guard import Unreadable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from indexing.sources.file_formats import Converted

_READER = "site 1"
_PAGE_BYTES = 5_000_000
_CHECKPOINT_AFTER = 100  # pages fetched
_SETTLED_AFTER = timedelta(hours=36)  # a date without a time is over everywhere then
_TRIES = 3  # refreshes in which a page that was there may fail before it leaves
_GIVE_UP_AFTER = 10  # pages in a row that cannot be fetched: the site is down
_PARSED = {"text/html": ".html", "application/xhtml+xml": ".html", "application/pdf": ".pdf"}


@dataclass(slots=True)
class _State:
    """How far the site was read: by page what is known of its last reading."""

    pages: dict[str, dict[str, Any]] = field(default_factory=dict)

    def checkpoint(self) -> Checkpoint:
        return Checkpoint({"pages": {name: dict(page) for name, page in self.pages.items()}})


@dataclass(frozen=True, slots=True)
class Site:
    """The pages that a sitemap lists, of the sitemap's own scheme, host and port.

    Attributes:
        sitemap: Address of a sitemap or a sitemap index; `.gz` is unpacked.
        name: Stands in front of the path in `Document.id`.
        filter: Which paths of the site are read.
        requests_per_second: At most so many requests are sent.
        now: Clock in UTC.
        convert: Reads a page that is not trusted; made anew for each reading when it is None.
        attempts, timeout_s: See `SiteClient`.
    """

    sitemap: str
    name: str
    filter: PathFilter = field(default_factory=PathFilter)
    requests_per_second: float = 4.0
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    convert: Converter | None = None
    attempts: int = 3
    timeout_s: float = 20.0

    @property
    def reader(self) -> str:
        """What a stored page depends on beside the site's content."""
        return f"{_READER}; {self.sitemap}; {self.filter.paths!r}; {self.filter.exclude!r}"

    def items(self) -> Iterator[Item]:
        """Yield each page, and each one left out with the reason.

        Raises:
            BuildRefused: The sitemap or the site cannot be read.
        """
        yield from items_of(self.changes(None, sweep=True))

    def changes(self, cursor: Mapping[str, object] | None, *, sweep: bool) -> Iterator[Change]:  # noqa: ARG002 - below
        """Yield pages that are new or changed, then the complete list: the sitemap is always read whole.

        A page is fetched when its `lastmod` is another than at the last reading, or is missing or too young to be
        relied on; then the server is asked whether it changed (`ETag`, `Last-Modified`).

        Args:
            cursor: Of the last checkpoint, or None.
            sweep: Changes nothing: each reading finds what vanished.

        Raises:
            BuildRefused: The sitemap or the site cannot be read now.
        """
        yield from self._read(_State(_pages_of(cursor)), lambda _: True)

    def again(self, documents: frozenset[str]) -> Iterator[Change]:
        """Read these pages again, whatever is known of them.

        Raises:
            BuildRefused: The sitemap or the site cannot be read now.
        """
        yield from items_of(self._read(_State(), documents.__contains__))

    def _read(self, state: _State, wanted: Callable[[str], bool]) -> Iterator[Change]:
        origin = checked_origin(self.sitemap)
        client = SiteClient(origin, self.requests_per_second, self.attempts, self.timeout_s)
        convert = self.convert or Converter()
        with closing(client):
            try:
                yield from _Reading(self, client, convert, state)(wanted)
            finally:
                if self.convert is None:
                    convert.close()


def _pages_of(cursor: Mapping[str, object] | None) -> dict[str, dict[str, Any]]:
    pages = (cursor or {}).get("pages")
    return {name: dict(page) for name, page in pages.items()} if isinstance(pages, dict) else {}


@dataclass(slots=True)
class _Reading:
    """One reading of the site."""

    site: Site
    client: SiteClient
    convert: Converter
    state: _State
    listed: dict[str, Listed] = field(default_factory=dict)
    failed_in_a_row: int = 0

    def __call__(self, wanted: Callable[[str], bool]) -> Iterator[Change]:
        yield from self._list()
        fetched = 0
        for document, page in list(self.listed.items()):
            if not wanted(document) or self._is_known(document, page):
                continue
            yield from self._page(document, page)
            fetched += 1
            if fetched % _CHECKPOINT_AFTER == 0:
                yield self.state.checkpoint()
        for document in self.state.pages.keys() - self.listed.keys():
            del self.state.pages[document]
        yield Present(f"{self.site.name}/", frozenset(self.listed))
        yield self.state.checkpoint()

    def _list(self) -> Iterator[Skipped]:
        """Read the sitemap; addresses of other sites are told, once for each site."""
        foreign: set[str] = set()
        pages = listed_pages(self.site.sitemap, lambda url: self.client.get(url, MAX_BYTES).content)
        for page in pages:
            if (origin := origin_of(page.url)) != self.client.origin:
                foreign.add(origin or "an address that is none of http or https")
            elif self.site.filter.takes(_path(page.url)):
                self.listed.setdefault(f"{self.site.name}/{_path(page.url)}", page)
        for origin in sorted(foreign)[:20]:
            document = f"{self.site.name}/{origin}"
            yield Skipped(document, f"the sitemap lists {origin}, and only pages of {self.client.origin} are read")
        if not pages:
            raise BuildRefused(f"the sitemap {self.site.sitemap} lists no page: check the address")

    def _is_known(self, document: str, page: Listed) -> bool:
        known = self.state.pages.get(document)
        return bool(known and page.lastmod and known.get("lastmod") == page.lastmod)

    def _page(self, document: str, page: Listed) -> Iterator[Change]:
        known = self.state.pages.get(document, {})
        try:
            fetched = self.client.get(page.url, _PAGE_BYTES, known)
        except NotFetched as error:
            yield from self._failed(document, error)
            return
        self.failed_in_a_row = 0
        if fetched.is_unchanged:
            known["lastmod"] = self._settled(page.lastmod)
            known.pop("tries", None)
            return
        self.state.pages[document] = {
            "lastmod": self._settled(page.lastmod),
            "etag": fetched.etag,
            "last_modified": fetched.last_modified,
        }
        yield self._item(document, page, fetched)

    def _failed(self, document: str, error: NotFetched) -> Iterator[Change]:
        """Tell a page that could not be fetched; one that was there stays while that may pass."""
        known = self.state.pages.pop(document, None)
        if error.kind != "later":
            self.failed_in_a_row = 0
            if error.kind == "gone" and known is not None:
                del self.listed[document]  # not tracked as present any more
                yield Gone(document, str(error))
            else:
                yield Skipped(document, str(error))
            return
        self.failed_in_a_row += 1
        if self.failed_in_a_row >= _GIVE_UP_AFTER:
            raise BuildRefused(f"the site {self.client.origin} cannot be read now: {error}")
        tries = int((known or {}).get("tries", 0)) + 1
        if known is None or tries >= _TRIES:
            yield Skipped(document, str(error))
        else:
            self.state.pages[document] = {"tries": tries}

    def _settled(self, lastmod: str) -> str:
        """Return a `lastmod` that can be relied on next time; empty for one so young that more may come under it."""
        try:
            changed = datetime.fromisoformat(lastmod)
        except ValueError:
            return ""
        if changed.tzinfo is None:
            changed = changed.replace(tzinfo=UTC)
        return lastmod if self.site.now() - changed > _SETTLED_AFTER else ""

    def _item(self, document: str, page: Listed, fetched: Fetched) -> Item:
        suffix = _PARSED.get(fetched.content_type or "text/html")
        if suffix is None:
            return Skipped(document, f"is no HTML page but {fetched.content_type[:60]}")
        try:
            converted = self.convert(fetched.content, suffix, fetched.charset)
        except Unreadable as error:
            return Skipped(document, str(error))
        if not (fetched.is_indexable and converted.is_indexable):
            return Skipped(document, "asks not to be indexed (noindex)")
        url = self._own_address(fetched.url, converted)
        twin = f"{self.site.name}/{_path(url)}"
        if twin != document and twin in self.listed and url != page.url:
            return Skipped(document, f"says that it is a copy of {twin}")
        origin = Origin(self.site.name, document.partition("/")[2], url, converted.title)
        return read_markdown(converted.markdown.encode("utf-8", "replace"), origin)

    def _own_address(self, url: str, converted: Converted) -> str:
        """Return the page's canonical address where it is one of this site, else where it was found."""
        canonical = urljoin(url, converted.canonical).partition("#")[0] if converted.canonical else ""
        return canonical if canonical and origin_of(canonical) == self.client.origin else url


def _path(url: str) -> str:
    """Return the path of an address as a person reads it, without slashes around it; `index` for the first page."""
    parts = urlsplit(url)
    path = unquote(parts.path, errors="replace").strip("/") or "index"
    return f"{path}?{parts.query}" if parts.query else path
