"""Requests to the `/embeddings` of an OpenAI-compatible endpoint, each within its time."""

from __future__ import annotations

import contextlib
import re
import threading
import weakref
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from indexing.bounded_http import bounded_client
from indexing.errors import NoEmbedder

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray
    from openai import APIStatusError, OpenAI

_TOO_LONG = re.compile(r"too (?:long|large)|context|tokens?\b|input length|exceed", re.IGNORECASE)
_TOLD_MAX = 200


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a request may take, and how often it is tried again.

    Attributes:
        seconds: Wall time of one try.
        retries: Further tries after a fault that may pass; embedding changes nothing at the other side.
    """

    seconds: float
    retries: int


class TextTooLong(NoEmbedder):
    """A text of the request is longer than the model reads."""


@dataclass
class EmbeddingRequests:
    """Texts to vectors over HTTP. Safe to share between threads.

    Attributes:
        url: Address up to and with `/v1`.
        model: Its name there.
        key: Bearer token; may be empty. It appears in no message.
        dimension: Asked of models that can shorten their vectors; None takes what the model gives.
    """

    url: str
    model: str
    key: str = field(default="", repr=False)
    dimension: int | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False)
    _client: OpenAI | None = field(default=None, init=False, repr=False)

    def __call__(self, texts: Sequence[str], patience: Patience) -> NDArray[np.float32]:
        """Return the vectors of the texts in one request: float32, (len(texts), dimension), rows L2-normalised.

        Raises:
            NoEmbedder: The endpoint fails or answers something else.
            TextTooLong: A text is longer than the model reads.
        """
        import openai  # noqa: PLC0415 - a second of import

        extra: dict[str, Any] = {} if self.dimension is None else {"dimensions": self.dimension}
        # An endpoint refuses an empty text, and JSON cannot carry half a surrogate pair.
        sendable = [text.encode("utf-8", "replace").decode("utf-8") if text.strip() else "." for text in texts]
        with self._translated():
            client = self._opened().with_options(
                max_retries=patience.retries,
                timeout=openai.Timeout(patience.seconds, connect=min(5.0, patience.seconds)),
            )
            answer = client.embeddings.create(model=self.model, input=sendable, **extra)
            data = sorted(answer.data, key=lambda item: item.index)
            if [item.index for item in data] != list(range(len(texts))):
                raise ValueError("another number of vectors than of texts")
            return _normalised([item.embedding for item in data])

    def _opened(self) -> OpenAI:
        import openai  # noqa: PLC0415 - as above

        with self._lock:
            if self._client is None:
                http = bounded_client(self.url)
                weakref.finalize(self, http.close)
                self._client = openai.OpenAI(base_url=self.url, api_key=self.key or "none", http_client=http)
            return self._client

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        """Translate what the client raises into `NoEmbedder` or `TextTooLong`."""
        import openai  # noqa: PLC0415 - as above

        try:
            yield
        except openai.APIStatusError as error:
            raise self._refused(error) from error
        except openai.APITimeoutError as error:
            raise NoEmbedder(
                "the embedding endpoint did not answer in time: try later, or start a faster one"
            ) from error
        except openai.APIConnectionError as error:
            raise NoEmbedder(
                f"the embedding endpoint {self.url} cannot be reached: start it, or set ASSISTANT_EMBEDDER"
            ) from error
        except (openai.OpenAIError, ValueError, TypeError, AttributeError) as error:
            # Not JSON, JSON of another shape, another number of vectors, not finite.
            raise NoEmbedder(
                f"the endpoint {self.url} sent no embeddings: check ASSISTANT_EMBEDDER and ASSISTANT_EMBEDDER_MODEL"
            ) from error

    def _refused(self, error: APIStatusError) -> NoEmbedder:
        status = error.status_code
        told = " ".join(str(error.message).split())[:_TOLD_MAX]
        told = told.replace(self.key, "***") if self.key else told  # some servers repeat it
        if status in {401, 403}:
            return NoEmbedder(f"the embedding endpoint refused the key ({status}): set OPENAI_API_KEY")
        if status == 404:  # noqa: PLR2004 - HTTP status
            return NoEmbedder(
                f"the embedding endpoint does not know {self.model!r} (404): set ASSISTANT_EMBEDDER_MODEL, "
                "and ASSISTANT_EMBEDDER to the address up to /v1"
            )
        if status < 400:  # noqa: PLR2004 - HTTP status
            return NoEmbedder(f"the embedding endpoint redirects ({status}): set ASSISTANT_EMBEDDER to where it is now")
        if status == 413 or (status in {400, 422, 500} and _TOO_LONG.search(told)):  # noqa: PLR2004 - HTTP status
            return TextTooLong(f"the embedding endpoint refused a text as too long ({status}): {told}")
        if status == 429 or status >= 500:  # noqa: PLR2004 - HTTP status
            return NoEmbedder(f"the embedding endpoint failed ({status}): try again later")
        return NoEmbedder(f"the embedding endpoint refused the request ({status}): {told}")


def _normalised(vectors: list[list[float]]) -> NDArray[np.float32]:
    """Return the vectors as rows of length 1.

    Raises:
        ValueError: They differ in length, are empty, zero, or not finite.
    """
    rows = np.asarray(vectors, dtype=np.float64)
    if rows.ndim != 2 or rows.shape[1] == 0:  # noqa: PLR2004 - rows and columns
        raise ValueError("vectors of different lengths")
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    if not np.isfinite(lengths).all() or not (lengths > 0.0).all():
        raise ValueError("a vector that is zero or not finite")
    return np.asarray(rows / lengths, dtype=np.float32)
