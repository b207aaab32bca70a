"""Sitemaps (sitemaps.org) -> the addresses they list. XML is read by defusedxml: no DTD, no entities."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urljoin
from xml.etree.ElementTree import ParseError

from indexing.errors import BuildRefused
from indexing.sources.site_client import NotFetched, gunzipped, is_gzip

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_BYTES = 50_000_000
"""Of one sitemap, unpacked: the limit of the protocol."""

MAX_SITEMAPS = 200
MAX_PAGES = 50_000
_LONGEST_ADDRESS = 2_048  # characters, as in the protocol


@dataclass(frozen=True, slots=True)
class Listed:
    """A page of the sitemap.

    Attributes:
        url: Its address as it stands there.
        lastmod: When it changed last, as it stands there; empty when the sitemap does not say.
    """

    url: str
    lastmod: str = ""


def listed_pages(address: str, fetch: Callable[[str], bytes]) -> list[Listed]:
    """Return all pages of a sitemap, or of all sitemaps of an index, without doubles, in their order.

    Args:
        address: Of the sitemap.
        fetch: Returns the content of an address, at most `MAX_BYTES`; raises `NotFetched`.

    Raises:
        BuildRefused: A sitemap cannot be read, so that the list would be incomplete, or there is too much.
    """
    waiting, seen = [address], {address}
    pages: dict[str, Listed] = {}
    while waiting:
        here = waiting.pop(0)
        for page in _read(here, fetch):
            if isinstance(page, Listed):
                pages.setdefault(page.url, page)
            elif page not in seen:
                seen.add(page)
                waiting.append(page)
        if len(pages) > MAX_PAGES or len(seen) > MAX_SITEMAPS:
            raise BuildRefused(
                f"the sitemap {address} lists more than {MAX_PAGES:,} pages or {MAX_SITEMAPS} sitemaps:"
                " name the sitemap of a part of the site"
            )
    return list(pages.values())


def _read(address: str, fetch: Callable[[str], bytes]) -> list[Listed | str]:
    """Return pages, and addresses of further sitemaps."""
    from defusedxml.common import DefusedXmlException  # type: ignore[import-untyped]  # noqa: PLC0415 - used here alone

    try:
        content = fetch(address)
        if is_gzip(content):
            content = gunzipped(content, MAX_BYTES)
        return _parsed(address, content)
    except NotFetched as error:
        raise BuildRefused(f"the sitemap {address} cannot be read: {error}") from error
    except DefusedXmlException as error:
        raise BuildRefused(f"the sitemap {address} declares XML entities or a DTD: it is not read") from error
    except (ParseError, ValueError, LookupError) as error:
        raise BuildRefused(f"the sitemap {address} is no whole XML file: check the address") from error


def _parsed(address: str, content: bytes) -> list[Listed | str]:
    from defusedxml.ElementTree import iterparse  # type: ignore[import-untyped]  # noqa: PLC0415 - as above

    found: list[Listed | str] = []
    root = ""
    for _, element in iterparse(io.BytesIO(content), events=("end",), forbid_dtd=True):
        name = element.tag.rpartition("}")[2]
        if name not in {"url", "sitemap"}:
            root = name
            continue
        values = {child.tag.rpartition("}")[2]: (child.text or "").strip() for child in element}
        element.clear()  # a large sitemap is never held whole
        url = urljoin(address, values.get("loc", "")).partition("#")[0]
        if values.get("loc") and len(url) <= _LONGEST_ADDRESS:
            found.append(url if name == "sitemap" else Listed(url, values.get("lastmod", "")[:40]))
    if root not in {"urlset", "sitemapindex"}:
        raise ValueError(root)
    return found
