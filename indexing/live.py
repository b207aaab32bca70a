"""The live index version, searched by full text at once and by vectors as soon as the embedding model is loaded."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from indexing.manifest import PUBLIC
from indexing.retrieve import Retriever
from indexing.versions import Versions

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence
    from pathlib import Path

    from indexing.embedder import Embedder
    from indexing.model import Retrieval


@dataclass
class LiveIndex:
    """Retrieves from whichever version is live; a promotion or rollback is followed with the next question.

    Safe to share between threads.

    Attributes:
        root: Folder of the index versions.
        make_embedder: Builds the embedder; slow, so it runs in the background.
        on_damage: Told once why a newer version than the one that is searched is not served, one line each.
    """

    root: Path
    make_embedder: Callable[[], Embedder]
    on_damage: Callable[[Sequence[str]], None] = field(default=lambda _: None)
    _embedder: Embedder | None = field(default=None, init=False)
    _retriever: Retriever | None = field(default=None, init=False)
    _name: str | None = field(default=None, init=False)
    _failure: Exception | None = field(default=None, init=False)
    _loading: threading.Thread | None = field(default=None, init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)

    def __call__(self, question: str, audiences: Collection[str] = PUBLIC) -> Retrieval:
        """Search the live version for what these audiences may read.

        Raises:
            NoIndex: There is no version yet.
            DamagedIndex: No whole version is left.
            Incompatible: The live version was built with another embedder.
        """
        return self._current()(question, audiences)

    def start_loading(self) -> None:
        """Load the embedding model in the background; until then full text alone is searched."""
        with self._lock:
            if self._loading is None:
                self._loading = threading.Thread(target=self._load, name="embedder", daemon=True)
                self._loading.start()

    def wait_ready(self, timeout_s: float | None = None) -> bool:
        """Wait for the embedding model; False when the time was up.

        Raises:
            Exception: Why the model could not be loaded.
        """
        self.start_loading()
        assert self._loading is not None  # noqa: S101 - set in the line above
        self._loading.join(timeout_s)
        if self._failure is not None:
            raise self._failure
        return self._embedder is not None

    @property
    def failure(self) -> Exception | None:
        """Why the embedding model could not be loaded, or None."""
        return self._failure

    def _load(self) -> None:
        try:
            embedder = self.make_embedder()
            embedder.encode_query("ready")  # the first encode is slow; a person should not wait for it
        except Exception as error:  # noqa: BLE001 - kept for `wait_ready` and `failure`; the thread has no caller
            self._failure = error
            return
        with self._lock:
            self._embedder = embedder
            self._retriever = None

    def _current(self) -> Retriever:
        versions = Versions(self.root)
        with self._lock:
            live = versions.live()
            if self._retriever is None or self._name != live:
                version = versions.open_live()
                if version.damage and self._name != live:
                    self.on_damage(version.damage)
                self._retriever = Retriever(version, self._embedder)
                self._name = live
            return self._retriever
