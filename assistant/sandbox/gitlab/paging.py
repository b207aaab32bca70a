"""Pages of a list as GitLab sends them: offset with totals, keyset with a cursor."""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from assistant.sandbox.gitlab.web import ApiError, Call, bad_request

if TYPE_CHECKING:
    from collections.abc import Sequence

    from assistant.sandbox.gitlab.store import Row, Store, Value

MAX_PER_PAGE = 100
DEFAULT_PER_PAGE = 20
TOTALS_UP_TO = 10_000
"""Above this many rows GitLab sends no totals."""


@dataclass(frozen=True)
class Listing:
    """A query to page through.

    Attributes:
        table: FROM part, one table that has an `id`.
        where: Conditions, joined with AND.
        values: Values of the conditions' marks.
        order: Column to order by; `id` breaks ties.
        descending: Direction.
        keyset: Columns that keyset paging is offered for; empty refuses keyset with 405.
    """

    table: str
    where: Sequence[str]
    values: Sequence[Value]
    order: str = "id"
    descending: bool = True
    keyset: Sequence[str] = ()

    @property
    def condition(self) -> str:
        """The WHERE part."""
        return " AND ".join(f"({part})" for part in self.where) or "1"


def per_page(call: Call) -> int:
    """Return the wanted page size, 1 to 100, default 20."""
    wanted = call.params.get("per_page")
    if wanted is None:
        return DEFAULT_PER_PAGE
    if wanted < 1:
        raise bad_request("per_page does not have a valid value")
    return min(int(wanted), MAX_PER_PAGE)


def page_url(call: Call, **changed: object) -> str:
    """Return the request's address on the configured host with some query parameters changed."""
    query = [(key, value) for key, value in call.request.query_params.multi_items() if key not in changed]
    query = [pair for pair in query if pair[0] != "private_token"]
    query += [(key, str(value)) for key, value in changed.items()]
    return f"{call.base_url}{call.request.scope['raw_path'].decode()}?{urlencode(query)}"


def links(addresses: Sequence[tuple[str, str]]) -> str:
    """Return the `Link` header of (relation, address) pairs."""
    return ", ".join(f'<{address}>; rel="{relation}"' for relation, address in addresses)


def offset_headers(call: Call, total: int) -> dict[str, str]:
    """Return the headers of an offset page; the totals are left out above 10,000 rows."""
    page, size = _page(call), per_page(call)
    pages = max(1, -(-total // size))
    counted = total <= int(call.request.app.state.totals_up_to)
    following = page + 1 if page < pages else None
    found = [("prev", page - 1)] if page > 1 else []
    found += [("next", following)] if following else []
    found += [("first", 1)] + ([("last", pages)] if counted else [])
    headers = {
        "Link": links([(name, page_url(call, page=number, per_page=size)) for name, number in found]),
        "X-Page": str(page),
        "X-Per-Page": str(size),
        "X-Next-Page": str(following or ""),
        "X-Prev-Page": str(page - 1 if page > 1 else ""),
    }
    return headers | ({"X-Total": str(total), "X-Total-Pages": str(pages)} if counted else {})


def _page(call: Call) -> int:
    page = call.params.get("page") or 1
    if page < 1:
        raise bad_request("page does not have a valid value")
    return int(page)


def slice_rows(call: Call, rows: Sequence[Any]) -> tuple[list[Any], dict[str, str]]:
    """Return one offset page of a list held in memory, and its headers."""
    start = (_page(call) - 1) * per_page(call)
    return list(rows[start : start + per_page(call)]), offset_headers(call, len(rows))


def paginate(call: Call, listing: Listing) -> tuple[list[Row], dict[str, str]]:
    """Return one page of rows and its headers.

    Raises:
        ApiError: 405 when keyset paging is asked of a list that has none.
    """
    if call.params.get("pagination") == "keyset":
        if not listing.keyset:
            raise ApiError(405, {"error": "Keyset pagination is not yet available for this type of request"})
        if listing.order in listing.keyset:
            return _keyset_page(call, listing)
    return _offset_page(call, listing)


def _order_by(listing: Listing) -> str:
    direction = "DESC" if listing.descending else "ASC"
    return f"{listing.order} {direction}, id {direction}"


def _offset_page(call: Call, listing: Listing) -> tuple[list[Row], dict[str, str]]:
    store: Store = call.store
    source = f"FROM {listing.table} WHERE {listing.condition}"
    total = store.value(f"SELECT count(*) {source}", *listing.values)
    start = (_page(call) - 1) * per_page(call)
    rows = store.rows(
        f"SELECT * {source} ORDER BY {_order_by(listing)} LIMIT ? OFFSET ?", *listing.values, per_page(call), start
    )
    return rows, offset_headers(call, total)


def encode_cursor(value: object) -> str:
    """Return an opaque cursor."""
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode()


def decode_cursor(text: str) -> list[Any]:
    """Return what a cursor holds.

    Raises:
        ApiError: 400 for a cursor this program did not write.
    """
    try:
        value = json.loads(base64.urlsafe_b64decode(text.encode()))
    except (ValueError, binascii.Error) as error:
        raise bad_request("cursor is invalid") from error
    if not isinstance(value, list):
        raise bad_request("cursor is invalid")
    return value


def _keyset_page(call: Call, listing: Listing) -> tuple[list[Row], dict[str, str]]:
    where, values = [f"({listing.condition})"], list(listing.values)
    cursor = call.params.get("cursor")
    if cursor:
        compare = "<" if listing.descending else ">"
        where.append(f"({listing.order}, id) {compare} (?, ?)")
        values += decode_cursor(cursor)[:2]
    size = per_page(call)
    rows = call.store.rows(
        f"SELECT * FROM {listing.table} WHERE {' AND '.join(where)} ORDER BY {_order_by(listing)} LIMIT ?",  # noqa: S608 - parts are this package's literals
        *values,
        size + 1,
    )
    if len(rows) <= size:
        return rows, {"X-Per-Page": str(size)}
    last = rows[size - 1]
    onward = encode_cursor([last[listing.order], last["id"]])
    headers = {"X-NEXT-CURSOR": onward, "Link": links([("next", page_url(call, cursor=onward, per_page=size))])}
    return rows[:size], headers | {"X-Per-Page": str(size)}
