"""Fetches pages of one site, and of no other address. Politely, with limits; reads are tried again by stamina."""

from __future__ import annotations

import ssl
import time
import zlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal
from urllib.parse import urljoin, urlsplit

from indexing.errors import BuildRefused

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import httpx2

USER_AGENT = "support-assistant/1 (documentation index; reads the sitemap)"

_MAX_REDIRECTS = 5
_REDIRECTS = frozenset([301, 302, 303, 307, 308])
_AGAIN = frozenset([408, 425, 429, 500, 502, 503, 504])
_LONGEST_WAIT_S = 30.0
_GZIP = b"\x1f\x8b"
_PORTS = {"http": 80, "https": 443}


class NotFetched(Exception):
    """A page that could not be fetched.

    Attributes:
        kind: `gone` (404, 410), `refused` (it will not be better next time), or `later` (it may be).
        wait_s: Seconds after which the server wants to be asked again; 0 when it does not say.
    """

    def __init__(self, reason: str, kind: Literal["gone", "refused", "later"], wait_s: float = 0.0) -> None:
        super().__init__(reason)
        self.kind = kind
        self.wait_s = wait_s


@dataclass(frozen=True, slots=True)
class Fetched:
    """A page as it was sent.

    Attributes:
        url: Where it was found after redirects.
        is_unchanged: It is as it was when the validators were given; the content is empty.
        content_type: Media type in lower case, without parameters.
        charset: Of the `Content-Type`, empty when it says none.
        etag, last_modified: Validators for the next time, empty when there are none.
        is_indexable: False when a header asks not to be found.
    """

    url: str
    content: bytes = b""
    is_unchanged: bool = False
    content_type: str = ""
    charset: str = ""
    etag: str = ""
    last_modified: str = ""
    is_indexable: bool = True


@dataclass(slots=True)
class SiteClient:
    """Reads addresses of one origin (scheme, host and port).

    Attributes:
        origin: Of the site, such as `https://docs.example`.
        requests_per_second: At most so many are sent.
        attempts: How often an address is tried.
        timeout_s: Seconds between two pieces of an answer.
        total_s: Seconds for a whole answer.
    """

    origin: str
    requests_per_second: float = 4.0
    attempts: int = 3
    timeout_s: float = 20.0
    total_s: float = 60.0
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    _client: httpx2.Client | None = field(default=None, init=False)
    _next: float = field(default=0.0, init=False)

    def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def get(self, url: str, max_bytes: int, validators: Mapping[str, str] | None = None) -> Fetched:
        """Return what lies at an address of the site.

        Args:
            url: The address.
            max_bytes: Of the content, unpacked; more is not read.
            validators: `etag` and `last_modified` of the last time.

        Raises:
            NotFetched: There is nothing to read there, or not now.
        """
        import stamina  # noqa: PLC0415 - loaded where a site is read

        def wait(error: Exception) -> bool | float:
            if not isinstance(error, NotFetched) or error.kind != "later":
                return False
            return min(error.wait_s, _LONGEST_WAIT_S) if error.wait_s else True

        for attempt in stamina.retry_context(on=wait, attempts=self.attempts, timeout=self.total_s, wait_initial=0.5):
            with attempt:
                return self._followed(url, max_bytes, validators or {})
        raise AssertionError  # stamina returns or raises

    def _followed(self, url: str, max_bytes: int, validators: Mapping[str, str]) -> Fetched:
        """Follow redirects by hand: each hop is checked before it is asked."""
        for _ in range(_MAX_REDIRECTS + 1):
            if origin_of(url) != self.origin:
                raise NotFetched(f"leads to another site ({_short(url)}): only {self.origin} is read", "refused")
            found = self._once(url, max_bytes, validators)
            if isinstance(found, Fetched):
                return found
            url = urljoin(url, found)
        raise NotFetched(f"redirects more than {_MAX_REDIRECTS} times", "refused")

    def _once(self, url: str, max_bytes: int, validators: Mapping[str, str]) -> Fetched | str:
        """Return the answer of one request, or the address it redirects to."""
        import httpx2  # noqa: PLC0415 - as above

        self._pace()
        asked = {"If-None-Match": "etag", "If-Modified-Since": "last_modified"}
        headers = {header: validators[name] for header, name in asked.items() if validators.get(name)}
        try:
            with self._opened().stream("GET", url, headers=headers) as answer:
                if answer.status_code in _REDIRECTS and (target := answer.headers.get("location")):
                    return str(target)
                if answer.status_code == httpx2.codes.NOT_MODIFIED:
                    return Fetched(url, is_unchanged=True)
                _check_status(answer)
                return _fetched(url, answer, _unpacked(answer, self._read(answer, max_bytes), max_bytes))
        except httpx2.InvalidURL as error:
            raise NotFetched("has an address that cannot be read", "refused") from error
        except httpx2.TimeoutException as error:
            raise NotFetched(f"the server took longer than {self.timeout_s:g} s", "later") from error
        except (httpx2.HTTPError, httpx2.StreamError, ssl.SSLError, OSError) as error:
            raise NotFetched(f"the server cannot be reached ({type(error).__name__})", "later") from error

    def _opened(self) -> httpx2.Client:
        import httpx2  # noqa: PLC0415 - as above

        if self._client is None:
            verify = ssl.create_default_context() if self.origin.startswith("https://") else False
            # Proxies and passwords of the environment are not used: what is asked goes to this site alone.
            self._client = httpx2.Client(
                verify=verify,
                trust_env=False,
                follow_redirects=False,
                timeout=httpx2.Timeout(self.timeout_s, connect=min(10.0, self.timeout_s)),
                headers={"User-Agent": USER_AGENT, "Accept-Encoding": "gzip"},
            )
        self._client.cookies.clear()
        return self._client

    def _pace(self) -> None:
        now = self.monotonic()
        if now < self._next:
            self.sleep(self._next - now)
        self._next = max(now, self._next) + 1.0 / self.requests_per_second

    def _read(self, answer: httpx2.Response, max_bytes: int) -> bytes:
        end = self.monotonic() + self.total_s
        parts, size = [], 0
        for part in answer.iter_raw():
            size += len(part)
            if size > max_bytes:
                raise _too_large(max_bytes)
            if self.monotonic() > end:
                raise NotFetched(f"the server took longer than {self.total_s:g} s", "later")
            parts.append(part)
        return b"".join(parts)


def origin_of(url: str) -> str:
    """Return scheme, host and port of an address; empty when it is none, or carries a password."""
    try:
        parts = urlsplit(url)
        port = parts.port or _PORTS.get(parts.scheme)
    except ValueError:
        return ""
    if parts.scheme not in _PORTS or not parts.hostname or "@" in parts.netloc:
        return ""
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host}" + ("" if port == _PORTS[parts.scheme] else f":{port}")


def gunzipped(content: bytes, max_bytes: int) -> bytes:
    """Return unpacked content; more than `max_bytes` is never held.

    Raises:
        NotFetched: It is larger, or damaged.
    """
    unpacking = zlib.decompressobj(wbits=31)
    try:
        plain = unpacking.decompress(content, max_bytes + 1)
    except zlib.error as error:
        raise NotFetched("is damaged: it is no whole gzip file", "refused") from error
    if len(plain) > max_bytes:
        raise _too_large(max_bytes)
    if not unpacking.eof:
        raise NotFetched("is damaged: it is no whole gzip file", "later")
    return plain


def _too_large(max_bytes: int) -> NotFetched:
    return NotFetched(f"larger than the limit ({max_bytes:,} bytes allowed): split the page", "refused")


def _check_status(answer: httpx2.Response) -> None:
    status = answer.status_code
    if status in {404, 410}:
        raise NotFetched(f"the server says that it is not there ({status})", "gone")
    if status in {401, 403}:
        raise NotFetched(f"the server does not show it without a login ({status})", "refused")
    if status in _AGAIN or status >= 500:  # noqa: PLR2004 - HTTP status
        told = answer.headers.get("retry-after", "")
        wait = float(told) if told.isascii() and told.isdigit() and len(told) < 6 else 0.0  # noqa: PLR2004 - a day
        raise NotFetched(f"the server cannot show it now ({status})", "later", wait)
    if status != 200:  # noqa: PLR2004 - HTTP status
        raise NotFetched(f"the server answered with status {status}", "refused")


def _unpacked(answer: httpx2.Response, raw: bytes, max_bytes: int) -> bytes:
    encoding = answer.headers.get("content-encoding", "").strip().lower()
    if encoding in {"gzip", "x-gzip"}:
        return gunzipped(raw, max_bytes)
    if encoding not in {"", "identity"}:
        raise NotFetched(f"is packed in a way that was not asked for ({encoding[:20]})", "refused")
    return raw


def _fetched(url: str, answer: httpx2.Response, content: bytes) -> Fetched:
    headers = answer.headers
    kind, _, rest = headers.get("content-type", "").lower().partition(";")
    charset = rest.partition("charset=")[2].split(";")[0].strip("\"' ")
    robots = headers.get("x-robots-tag", "").lower()
    return Fetched(
        url,
        content,
        content_type=kind.strip(),
        charset=charset[:40],
        etag=headers.get("etag", "")[:500],
        last_modified=headers.get("last-modified", "")[:100],
        is_indexable="noindex" not in robots and robots.strip() != "none",
    )


def checked_origin(url: str) -> str:
    """Return the origin of the site.

    Raises:
        BuildRefused: The address is none of http or https, or carries a password.
    """
    if not (origin := origin_of(url)):
        raise BuildRefused(f"{_short(url)} is no address of a sitemap: write it like https://docs.example/sitemap.xml")
    return origin


def is_gzip(content: bytes) -> bool:
    """Return whether content is packed by gzip."""
    return content.startswith(_GZIP)


def _short(url: str) -> str:
    scheme, is_address, rest = url.partition("://")
    if not is_address:
        return url.rpartition("@")[2][:200]
    return f"{scheme}://{rest.rpartition('@')[2] if '@' in rest.split('/')[0] else rest}"[:200]
