"""Stops asking a model server that is down, so that answers do not wait for it.

An own class because the libraries failed when measured: pybreaker 1.4.1 never opened around async code and keeps its
state in listeners we do not need; purgatory 3.0.1 let ten of ten callers through while half-open. Here exactly one
caller probes.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from assistant.errors import TemporarilyUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

OPENS_AFTER = 3
"""Failures in a row."""

PROBE_EVERY_S = 30.0


class Breaker:
    """Closed: everyone passes. Open: no one, but for one probe every `probe_every_s` seconds. Thread-safe.

    Attributes:
        now: Monotonic seconds; tests move them.
    """

    def __init__(
        self, now: Callable[[], float], *, opens_after: int = OPENS_AFTER, probe_every_s: float = PROBE_EVERY_S
    ) -> None:
        self.now = now
        self._opens_after = opens_after
        self._probe_every_s = probe_every_s
        self._lock = threading.Lock()
        self._failures = 0
        self._next_probe = 0.0
        self._probing = False

    @property
    def is_open(self) -> bool:
        """True while callers are refused."""
        return self._failures >= self._opens_after

    @contextmanager
    def guard(self) -> Iterator[bool]:
        """Run a call; yields True when it is the probe.

        A `TemporarilyUnavailable` from inside counts as failure. Any other end shows that the server answers.

        Raises:
            TemporarilyUnavailable: Open, and it is not yet time for a probe; nothing was sent.
        """
        probe = self._admit()
        failed = True  # also when the caller is interrupted: an unfinished probe proves nothing
        try:
            yield probe
            failed = False
        except TemporarilyUnavailable:
            raise
        except Exception:
            failed = False
            raise
        finally:
            self._record(failed=failed)

    def _admit(self) -> bool:
        with self._lock:
            if not self.is_open:
                return False
            wait = self._next_probe - self.now()
            if wait > 0 or self._probing:
                raise TemporarilyUnavailable(
                    f"The model server failed {self._failures} times in a row; next try in {max(wait, 1):.0f} s.",
                    retry_after_s=max(wait, 1.0),
                )
            self._probing = True
            return True

    def _record(self, *, failed: bool) -> None:
        with self._lock:
            self._failures = self._failures + 1 if failed else 0
            self._probing = False
            self._next_probe = self.now() + self._probe_every_s
