"""What the store of the sources is made of, and what is read from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from indexing.errors import IndexingError

if TYPE_CHECKING:
    from indexing.model import Kind

SCHEMA = """
CREATE TABLE IF NOT EXISTS sources (name TEXT PRIMARY KEY, reader TEXT NOT NULL DEFAULT '', cursor TEXT,
    last_started TEXT NOT NULL DEFAULT '', last_sweep TEXT NOT NULL DEFAULT '', last_success TEXT NOT NULL DEFAULT '',
    last_error TEXT NOT NULL DEFAULT '',
    held TEXT NOT NULL DEFAULT '');
CREATE TABLE IF NOT EXISTS documents (source TEXT NOT NULL, document TEXT NOT NULL, kind TEXT NOT NULL,
    content_hash TEXT NOT NULL, body TEXT NOT NULL, masked TEXT NOT NULL, PRIMARY KEY (source, document));
CREATE TABLE IF NOT EXISTS leaving (source TEXT NOT NULL, document TEXT NOT NULL, reason TEXT NOT NULL,
    PRIMARY KEY (source, document)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS left_out (source TEXT NOT NULL, document TEXT NOT NULL, reason TEXT NOT NULL,
    since TEXT NOT NULL, tries INTEGER NOT NULL, PRIMARY KEY (source, document));
CREATE TABLE IF NOT EXISTS returned (document TEXT PRIMARY KEY) WITHOUT ROWID;
"""


class DamagedStore(IndexingError):
    """The file is no store, or cannot be read any more; `set_aside` and read everything again."""


@dataclass(frozen=True, slots=True)
class SourceState:
    """One source as an admin sees it. Times are ISO 8601 in UTC, empty for never.

    Attributes:
        last_sweep: When all of it was looked at last, or that was tried; it is due by this.
        last_error: Why the last refresh failed; empty when it did not.
        held: Why what was found last is held back; empty when it is not.
    """

    name: str
    documents: int
    pages: int
    issues: int
    left_out: int
    last_started: str
    last_success: str
    last_error: str
    held: str
    last_sweep: str = ""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A file or issue that was not taken: why, since when, and how often it was tried."""

    source: str
    document: str
    reason: str
    since: str
    tries: int


@dataclass(frozen=True, slots=True)
class Entry:
    """What a build compares."""

    source: str
    content_hash: str
    kind: Kind
