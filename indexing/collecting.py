"""Refreshes what the store holds of a source: cleaned, guarded against shrinking, resumable.

A plain source is read whole in one transaction. A followed source yields changes and checkpoints; what was read up to a
checkpoint is kept. What is gone leaves at the end of the refresh, all at once, unless that is so much that a fault of
the source is likelier than a clean-up: then the source is *held*, and all it had stays until somebody says so.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

from indexing.cleaning import cleaned, content_hash
from indexing.errors import BuildRefused, IndexingError
from indexing.leaving import Counts, Leaving
from indexing.model import Document, Skipped
from indexing.source_store import DamagedStore
from indexing.sources import Checkpoint, FollowedSource, Gone, Present
from indexing.withdrawn import Withdrawn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from indexing.model import Clean
    from indexing.source_store import SourceStore
    from indexing.sources import Change, Item, Source
    from indexing.versions import Step

_FEW = 1  # documents that may always go, unless nothing is left
State = Literal["read", "unchanged", "held", "failed", "kept"]


@dataclass(frozen=True, slots=True)
class SourceReport:
    """What a refresh of one source came to.

    Attributes:
        state: `read`: something changed; `unchanged`; `held`: it would have shrunk too much, what it had stays;
            `failed`: it could not be read, what it had stays; `kept`: it was not to be read this time.
        documents: How many it holds now.
        reason: Why it was held or failed, in one line that says how to mend it.
    """

    name: str
    state: State
    documents: int = 0
    added: int = 0
    changed: int = 0
    removed: int = 0
    left_out: int = 0
    reason: str = ""
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class RefreshOptions:
    """How sources are refreshed.

    Attributes:
        audiences: Audiences whose documents may get in.
        sweep: Compare complete listings too, which finds what was deleted or hidden.
        force: Take a source as it is, also when it shrank.
        shrink_limit: Share of a source's documents, 0 to 1, that may go in one refresh.
        retry_failed: Read again what was left out.
        only: Sources to refresh; None refreshes all.
    """

    audiences: frozenset[str] = frozenset({"public"})
    sweep: bool = True
    force: bool = False
    shrink_limit: float = 0.2
    retry_failed: bool = False
    only: frozenset[str] | None = None


@dataclass(slots=True)
class Refresh:
    """Refreshes sources one after another.

    Attributes:
        root: The index root.
        clean: Applied to title and text before anything is hashed or stored.
        on_document: Called with the number of documents read so far, over all sources.
        on_step: See `indexing.versions.Step`.
    """

    root: Path
    store: SourceStore
    clean: Clean
    options: RefreshOptions
    on_document: Callable[[int], None]
    on_step: Step = lambda _: None
    _read: int = field(default=0, init=False)
    _withdrawn: frozenset[str] = field(default=frozenset(), init=False)

    def __call__(self, source: Source) -> SourceReport:
        """Refresh one source; an error of the source is part of the report.

        Raises:
            BuildRefused: The store cannot be written.
            DamagedStore: It is damaged.
        """
        begun = time.monotonic()
        if self.options.only is not None and source.name not in self.options.only:
            return SourceReport(source.name, "kept", len(self.store.entries(source.name)))
        self._withdrawn = Withdrawn(self.root).read()
        with self.store.changing():
            # A source that cannot tell what changed is read whole each time: that is a sweep.
            swept = self.options.sweep or not isinstance(source, FollowedSource)
            self.store.begin(source.name, sweep=swept)
        self.on_step("refresh begun")
        try:
            with self.store.changing():
                report = self._followed(source) if isinstance(source, FollowedSource) else self._whole(source)
                self.store.end(source.name, held=report.reason if report.state == "held" else "")
                self.on_step("refresh written")
            self.on_step("refresh kept")
        except _Held as held:
            report = self._ended(source, "held", str(held))
        except DamagedStore:
            raise
        except (IndexingError, OSError) as error:
            report = self._ended(source, "failed", _told(error))
        documents = len(self.store.entries(source.name))
        left_out = len(self.store.left_out(source.name))
        return replace(report, documents=documents, left_out=left_out, seconds=round(time.monotonic() - begun, 3))

    def _ended(self, source: Source, state: Literal["held", "failed"], reason: str) -> SourceReport:
        with self.store.changing():
            failed = reason if state == "failed" else ""
            self.store.end(source.name, error=failed, held=reason if state == "held" else "")
        return SourceReport(source.name, state, reason=reason)

    # -- a source that is read whole

    def _whole(self, source: Source) -> SourceReport:
        name = source.name
        counts = Counts({name: entry.content_hash for name, entry in self.store.entries(name).items()})
        left_out = set()
        for item in source.items():
            if isinstance(item, Document) and item.id in counts.seen:
                twice = Skipped(item.id, "a document of the same name was read before it")
                self.store.leave_out(name, twice)
                left_out.add(twice.document)
            elif (skipped := self._take(name, item, counts)) is not None:
                left_out.add(skipped)
        if not counts.seen and not left_out:
            self._guard_empty(name, counts)
        self.store.keep_left_out(name, "", left_out)
        gone = {document: "not there any more" for document in counts.before if document not in counts.seen}
        self.store.leaves(name, gone)
        return self._leave(name, counts, rolled_back=True)

    def _guard_empty(self, name: str, counts: Counts) -> None:
        if not counts.before:
            raise BuildRefused(f"the source {name!r} holds nothing to index: check its path or project")
        if not self.options.force:
            raise _Held(f"{name} holds nothing now, and held {len(counts.before)} documents before: {_forced(name)}")

    # -- a source that tells what changed

    def _followed(self, source: FollowedSource) -> SourceReport:
        name, store = source.name, self.store
        counts = Counts({name: entry.content_hash for name, entry in store.entries(name).items()})
        cursor = store.cursor(name, source.reader)
        if self.options.retry_failed and cursor is not None:
            self._again(source, counts)
        is_sweep = self.options.sweep or cursor is None
        for change in source.changes(cursor, sweep=is_sweep):
            self._follow(source, change, counts)
        if is_sweep:
            self._leaving(name, counts).other_parts()
        return self._leave(name, counts, rolled_back=False)

    def _again(self, source: FollowedSource, counts: Counts) -> None:
        """Read again what was left out, where the source can read single documents."""
        again: Callable[[frozenset[str]], Iterator[Change]] | None = getattr(source, "again", None)
        names = frozenset(row.document for row in self.store.left_out(source.name))
        if again is not None and names:
            for change in again(names):
                self._follow(source, change, counts)

    def _follow(self, source: FollowedSource, change: Change, counts: Counts) -> None:
        name, store = source.name, self.store
        if isinstance(change, Checkpoint):
            store.read_to(name, source.reader, change.cursor)
            self.on_step("checkpoint written")
            store.checkpoint()
            self.on_step("checkpoint kept")
        elif isinstance(change, Present):
            self._leaving(name, counts).listed(change)
        elif isinstance(change, Gone):
            store.leaves(name, {change.document: change.reason})
            store.forget_left_out(name, [change.document])
            if change.withdrawn:
                self._leaving(name, counts).withdraw(change.document)
        else:
            self._take(name, change, counts)

    def _leaving(self, source: str, counts: Counts) -> Leaving:
        return Leaving(self.root, self.store, source, counts, self.on_step)

    # -- both

    def _take(self, source: str, item: Item, counts: Counts) -> str | None:
        """Keep one item; return its name when it was left out."""
        self._read += 1
        self.on_document(self._read)
        if isinstance(item, Document) and item.audience not in self.options.audiences:
            # The sources set what is configured; a fault in one of them must not show to every reader.
            item = Skipped(item.id, f"for the audience {item.audience!r} only")
        if isinstance(item, Skipped):
            self.store.leave_out(source, item)
            if item.document in counts.before and item.document not in counts.seen:
                self.store.leaves(source, {item.document: item.reason})
            return item.document
        document, masked = cleaned(item, self.clean)
        digest = content_hash(document)
        before = counts.before.get(document.id)
        if before == digest:
            self.store.stays(source, document.id)
        else:
            if before is not None:
                self._narrow(source, document)
            self.store.put(source, document, digest, masked)
            if document.id not in counts.seen:
                counts.added += before is None
                counts.changed += before is not None
        counts.seen.add(document.id)
        if document.id in self._withdrawn:
            self.store.set_returned([document.id], returned=True)
        return None

    def _narrow(self, source: str, document: Document) -> None:
        """Hide a document whose old readers may not read it any more, until a version that knows this is live."""
        earlier = next(self.store.documents(source, [document.id]), None)
        if document.audience == "public" or earlier is None or earlier.audience == document.audience:
            return
        Withdrawn(self.root).add([document.id])
        self.store.set_returned([document.id], returned=True)

    def _leave(self, name: str, counts: Counts, *, rolled_back: bool) -> SourceReport:
        """Let go what is gone, unless it is too much.

        Args:
            name: Of the source.
            counts: Of this refresh.
            rolled_back: What was read is not kept when it is too much: the source was read whole, and a half answer is
                no truth about its other half either.
        """
        leaving, held = self.store.leaving(name), len(counts.before)
        is_much = len(leaving) > max(_FEW, self.options.shrink_limit * held)
        is_all = len(leaving) >= held and not counts.added
        if leaving and (is_much or is_all) and not self.options.force:
            reason = f"{name} would lose {len(leaving)} of {held} documents: {_forced(name)}"
            if rolled_back:
                raise _Held(reason)
            return SourceReport(name, "held", 0, counts.added, counts.changed, counts.removed, reason=reason)
        counts.removed += self.store.drop_leaving(name)
        is_same = not (counts.added or counts.changed or counts.removed)
        state: State = "unchanged" if is_same else "read"
        return SourceReport(name, state, 0, counts.added, counts.changed, counts.removed)


def _forced(name: str) -> str:
    return f"check the source, and run `assistant index update --source {name} --force` if it is right"


class _Held(IndexingError):
    """The refresh would take too much away; what was read of it is thrown away."""


def _told(error: Exception) -> str:
    if isinstance(error, OSError):
        return f"{error.filename or 'the source'} cannot be read: {error.strerror or type(error).__name__}"
    return str(error)
