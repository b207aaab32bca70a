"""The live index version, searched by full text at once and by vectors as soon as the embedding model is loaded."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from indexing.errors import IndexingError, NoEmbedder, NoIndex
from indexing.manifest import PUBLIC
from indexing.retrieve import Retriever
from indexing.versions import Versions
from indexing.withdrawn import Withdrawn

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from indexing.embedder import Embedder
    from indexing.index_version import IndexVersion
    from indexing.model import Retrieval
    from indexing.second_look import SecondLook
    from indexing.withdrawn import State

RETRY_S = 60.0
"""Between two tries of an embedder that could not be reached."""

_SOON_S = 0.25  # a small version is open by then, and the question that finds it new is answered from it


@dataclass(frozen=True, slots=True)
class _Served:
    """What questions are answered from. `pointer` is what CURRENT said when it was opened."""

    pointer: str | None
    withdrawn: State
    version: IndexVersion
    embedder: Embedder | None
    retriever: Retriever


@dataclass
class LiveIndex:
    """Retrieves from whichever version is live. Safe to share between threads.

    A version that was promoted, or that a rollback went back to, is verified and loaded in the background, together
    with the embedding model that made it, while the one before answers. A document that was withdrawn is left out from
    the next question on.

    Attributes:
        root: Folder of the index versions.
        make_embedder: Builds the embedder that a setting names (`Manifest.embedder_name`; empty: the one that is set
            now). Slow, so it runs in the background.
        on_damage: Told once why a version is not served, or by full text alone, one line each.
        clock: Seconds, never going back.
        second_look: Reorders the first documents of questions that vectors are searched for, too.
    """

    root: Path
    make_embedder: Callable[[str], Embedder]
    on_damage: Callable[[Sequence[str]], None] = field(default=lambda _: None)
    clock: Callable[[], float] = time.monotonic
    second_look: SecondLook | None = None
    _retry_at: float = field(default=0.0, init=False)
    _served: _Served | None = field(default=None, init=False)
    _embedders: dict[str, Embedder] = field(default_factory=dict, init=False)
    _by_vectors: bool = field(default=False, init=False)
    _failure: Exception | None = field(default=None, init=False)
    _refused: str | None = field(default=None, init=False)
    _following: threading.Thread | None = field(default=None, init=False)
    _lock: threading.RLock = field(default_factory=threading.RLock, init=False)

    def __call__(self, question: str, audiences: Collection[str] = PUBLIC) -> Retrieval:
        """Search the live version for what these audiences may read.

        Raises:
            NoIndex: There is no version yet.
            DamagedIndex: No whole version is left, or the list of withdrawn documents cannot be read.
        """
        served = self._current()
        if not self._is_down() or served.embedder is None:
            try:
                found = served.retriever(question, audiences)
            except NoEmbedder as error:  # an endpoint that is down: full text answers, and says so
                self._failure, self._retry_at = error, self.clock() + RETRY_S
            else:
                self._failure = self._failure if served.embedder is None else None
                return found
        return Retriever(served.version, None, Withdrawn(self.root).hidden_in(served.version.name))(question, audiences)

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32] | None:
        """Return vectors of texts by the embedder that serves now, as `Retriever.embed`; None while there is none."""
        served = self._served
        if served is None or self._is_down():
            return None
        try:
            return served.retriever.embed(texts)
        except NoEmbedder as error:
            self._failure, self._retry_at = error, self.clock() + RETRY_S
            return None

    def _is_down(self) -> bool:
        """Return whether the embedder could not be reached a moment ago; nobody waits for it again so soon."""
        return isinstance(self._failure, NoEmbedder) and self.clock() <= self._retry_at

    def start_loading(self) -> None:
        """Load the embedding model in the background; until then full text alone is searched."""
        if not self._by_vectors:
            self._by_vectors = True
            self._follow()

    def wait_ready(self, timeout_s: float | None = None) -> bool:
        """Wait for the embedding model; False when the time was up.

        Raises:
            Exception: Why the model could not be loaded.
        """
        self.start_loading()
        following = self._following
        if following is not None:
            following.join(timeout_s)
        if self._failure is not None:
            raise self._failure
        return bool(self._embedders)

    @property
    def failure(self) -> Exception | None:
        """Why the embedding model could not be loaded, or None."""
        return self._failure

    # -- what is served

    def _current(self) -> _Served:
        with self._lock:
            self._served = served = self._served or self._open()
        pointer = Versions(self.root).live()
        if pointer not in {served.pointer, self._refused}:
            self._follow().join(_SOON_S)
        elif served.embedder is None and isinstance(self._failure, NoEmbedder) and not self._is_down():
            self._retry_at = self.clock() + RETRY_S
            self._follow()
        with self._lock:
            # Last of all: no question may be answered from what was withdrawn before it was asked.
            if self._served.withdrawn != Withdrawn(self.root).state():
                self._served = self._open(self._served, same_version=True)
            return self._served

    def _open(self, before: _Served | None = None, *, same_version: bool = False) -> _Served:
        """Return the live version as it can be searched now; a version that is open already is not opened again."""
        pointer, withdrawn = Versions(self.root).live(), Withdrawn(self.root)
        state = withdrawn.state()
        if before is not None and (same_version or before.pointer == pointer):
            pointer, version = before.pointer, before.version
        else:
            version = Versions(self.root).open_live()
            if version.damage:
                self.on_damage(version.damage)
        embedder = self._loaded(version.manifest.embedder)
        names = withdrawn.hidden_in(version.name)
        # A model that is not loaded yet is loaded in the background, by the first question of `_bring_up_to_date`.
        look = self.second_look if embedder is not None else None
        return _Served(pointer, state, version, embedder, Retriever(version, embedder, names, look))

    # -- in the background

    def _follow(self) -> threading.Thread:
        """Start to bring what is served up to date, unless that is on its way."""
        with self._lock:
            if self._following is None or not self._following.is_alive():
                self._following = threading.Thread(target=self._bring_up_to_date, name="live-index", daemon=True)
                self._following.start()
            return self._following

    def _bring_up_to_date(self) -> None:
        pointer = Versions(self.root).live()
        try:
            with self._lock:
                self._served = self._served or self._open()
            served = self._open(self._served)
            if self._by_vectors and served.embedder is None:
                self._load_embedder(served.version)
                served = self._open(served)
            served.retriever("ready")  # reads what the first question would wait for
        except NoIndex:
            self._load_embedder(None)  # the first version will find it loaded
        except IndexingError as error:
            self._refused = pointer
            self.on_damage((str(error),))
        else:
            with self._lock:
                self._served, self._refused = served, None

    def _load_embedder(self, version: IndexVersion | None) -> None:
        name = version.manifest.embedder_name if version is not None else ""
        if not self._by_vectors or name in self._embedders:
            return
        try:
            embedder = self.make_embedder(name)
            embedder.encode_query("ready")  # the first encode is slow; a person should not wait for it
            if version is not None:
                Retriever(version, embedder)
        except Exception as error:  # noqa: BLE001 - kept for `wait_ready` and `failure`; the thread has no caller
            self._failure, self._retry_at = error, self.clock() + RETRY_S
            return
        self._failure = None
        self._embedders[name] = embedder

    def _loaded(self, fingerprint: str) -> Embedder | None:
        return next((one for one in self._embedders.values() if one.fingerprint == fingerprint), None)
