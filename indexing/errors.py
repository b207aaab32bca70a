"""One tree of errors of the library, named by what the caller can do.

    IndexingError
    ├── NoIndex         nothing was built yet, or the named version does not exist
    ├── DamagedIndex    files of a version are missing, changed or foreign: build again or roll back
    ├── Incompatible    the embedder is not the one that the version was built with
    ├── NoEmbedder      the embedding model is missing, changed or does not load
    ├── NoCrossEncoder  the model that reorders the first documents is missing, refuses or does not answer
    └── BuildRefused    the build cannot start or would make an empty or second index

Each message is one line that says how to mend it.
"""

from __future__ import annotations


class IndexingError(Exception):
    """Base of all errors that the library raises on purpose."""


class NoIndex(IndexingError):
    """There is no such index version, or none at all."""


class DamagedIndex(IndexingError):
    """A version on disk is not what was built."""


class Incompatible(IndexingError):
    """Index and embedder do not belong together."""


class NoEmbedder(IndexingError):
    """There is no usable embedding model; full text search works without."""


class NoCrossEncoder(IndexingError):
    """There is no usable cross-encoder; the order of the search stays."""


class BuildRefused(IndexingError, ValueError):
    """A build that must not go on: another one runs, nothing to index, a source cannot be read, the disk is full."""
