"""One tree of errors, named by what the caller can do.

    AssistantError
    ├── TemporarilyUnavailable    try again later (the other side is down, slow or busy)
    │   └── Uncertain             a write may or may not have been carried out: look it up before trying again
    ├── NotConfigured             an admin must set something
    ├── AccessDenied              an admin must grant something (token revoked, scope missing)
    └── Rejected                  the request itself is wrong; the same request will never work

Adapters translate a vendor's errors into these at the edge. Each message is one line that says how to mend it.
"""

from __future__ import annotations


class AssistantError(Exception):
    """Base of all errors that we raise on purpose."""


class TemporarilyUnavailable(AssistantError):
    """The other side is down, slow or busy; the same request may work later.

    Attributes:
        retry_after_s: Seconds the other side asked us to wait, or None.
    """

    def __init__(self, message: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class Uncertain(TemporarilyUnavailable):
    """A write whose answer was lost: timeout, reset, 5xx, or a 2xx with an empty or cut body."""


class NotConfigured(AssistantError):
    """A setting is missing or wrong."""


class AccessDenied(AssistantError):
    """A token is revoked, expired, or lacks a scope or role."""


class Rejected(AssistantError):
    """The request is wrong: too long, empty, unknown; retrying cannot help."""
