"""Vectors from an OpenAI-compatible endpoint: a model that runs elsewhere, in many languages or on a GPU."""

from __future__ import annotations

import contextlib
import hashlib
import json
import time
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from indexing.durable import write_atomically
from indexing.embedding_requests import EmbeddingRequests, Patience, TextTooLong
from indexing.errors import NoEmbedder
from indexing.prefixes import NONE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from indexing.prefixes import Prefixes

_PROBE = "The pipeline failed: permission denied (publickey). How do I add a deploy key to the runner?"
_PAIRS = (  # the same in English and Chinese; a model that reads both puts each beside its own
    ("The weather is nice today.", "今天天气很好。"),
    ("I forgot my password.", "我忘记了密码。"),
    ("The train leaves at eight.", "火车八点出发。"),
    ("My cat sleeps on the sofa.", "我的猫睡在沙发上。"),
)
_SAME = 0.999  # cosine of two vectors of one text: rounding and batches move it less, other weights more
_STEP = 0.5  # of the signature's grid, in standard deviations
_DIRECTIONS = 12
_CHECK_EVERY_S = 600.0  # between two looks whether the model is still the same
_BATCH = 64  # texts of a request
_BATCH_CHARACTERS = 100_000
_SHORTEST = 200  # characters to which a text is cut that the model calls too long
_QUESTION = Patience(10.0, 1)  # a person waits
_DOCUMENTS = Patience(120.0, 4)


@dataclass(frozen=True, slots=True)
class _Probed:
    """What the endpoint answered when it was asked first.

    Attributes:
        vector: Of the probe text, L2-normalised.
        signature: See `_signature`.
        multilingual: See `_reads_chinese`.
    """

    vector: tuple[float, ...]
    signature: str
    multilingual: bool


class OpenAIEmbedder:
    """An embedding model behind `URL/embeddings`. Safe to share between threads.

    The first use asks for the vectors of fixed texts and remembers them: they tell the dimension, whether the model
    reads Chinese, and later whether it is still the same model. A model that was changed under its name is refused.

    Args:
        url: Address up to and with `/v1`.
        model: Its name at the endpoint.
        key: Sent as bearer token; may be empty. It appears in no message.
        dimension: Asked of models that can shorten their vectors; None takes what the model gives.
        multilingual: See `Embedder.multilingual`; None finds out.
        prefixes: Written in front of questions and documents; an endpoint gives what it gets to its model as it is.
        cache: JSON file that remembers the first answers; without it every process asks.
        patience: Of questions and of documents.
    """

    def __init__(  # noqa: PLR0913 - where the model is (three), what it is (three), and two that are seldom given
        self,
        url: str,
        model: str,
        key: str = "",
        dimension: int | None = None,
        *,
        multilingual: bool | None = None,
        prefixes: Prefixes = NONE,
        cache: Path | None = None,
        patience: tuple[Patience, Patience] = (_QUESTION, _DOCUMENTS),
    ) -> None:
        self._request = EmbeddingRequests(url.rstrip("/"), model, key, dimension)
        self._multilingual = multilingual
        self._prefixes = prefixes
        self._cache = cache
        self._question, self._documents = patience
        self._checked_at: float | None = None

    @cached_property
    def fingerprint(self) -> str:
        """Name, dimension and signature; see `Embedder.fingerprint`. Asks the endpoint when it never did.

        Raises:
            NoEmbedder: The endpoint was never asked and does not answer.
        """
        return f"openai:{self._request.model}:{self.dimension}:{self._probed.signature}{self._prefixes.mark}"

    @property
    def dimension(self) -> int:
        """See `Embedder.dimension`.

        Raises:
            NoEmbedder: As of `fingerprint`.
        """
        return len(self._probed.vector)

    @property
    def multilingual(self) -> bool:
        """See `Embedder.multilingual`.

        Raises:
            NoEmbedder: As of `fingerprint`.
        """
        return self._probed.multilingual if self._multilingual is None else self._multilingual

    @property
    def spread(self) -> float:
        """See `Embedder.spread`."""
        return 1.0

    def encode(self, texts: Sequence[str], on_progress: Callable[[int], None] | None = None) -> NDArray[np.float32]:
        """See `Embedder.encode`. A text that the model calls too long is halved until it fits.

        Raises:
            NoEmbedder: The endpoint fails, or its model is another one by now.
        """
        rows = np.empty((len(texts), self.dimension), dtype=np.float32)
        for batch in _batches(texts):
            rows[batch] = self._encode([self._prefixes.document + texts[i] for i in batch], self._documents)
            if on_progress is not None:
                on_progress(len(batch))
        return rows

    def encode_query(self, text: str) -> NDArray[np.float32]:
        """See `Embedder.encode_query`.

        Raises:
            NoEmbedder: As of `encode`.
        """
        row: NDArray[np.float32] = self._encode([self._prefixes.question + text], self._question)[0]
        return row

    # -- is it still the same model?

    @cached_property
    def _probed(self) -> _Probed:
        entries = _read_json(self._cache)
        with contextlib.suppress(KeyError, TypeError, ValueError):
            known = entries[self._name]
            return _Probed(tuple(map(float, known["vector"])), str(known["signature"]), bool(known["multilingual"]))
        texts = [_PROBE, *(english for english, _ in _PAIRS), *(chinese for _, chinese in _PAIRS)]
        rows = self._request(texts, self._question)
        probed = _Probed(tuple(rows[0].tolist()), _signature(rows[0]), _reads_chinese(rows[1:]))
        self._checked_at = time.monotonic()
        self._remember(probed)
        return probed

    @property
    def _name(self) -> str:
        return json.dumps([self._request.url, self._request.model, self._request.dimension])

    def _remember(self, probed: _Probed | None) -> None:
        if self._cache is None:
            return
        entries = _read_json(self._cache)
        entries.pop(self._name, None)
        if probed is not None:
            entries[self._name] = asdict(probed)
        self._cache.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(self._cache, json.dumps(entries))

    def _encode(self, texts: list[str], patience: Patience) -> NDArray[np.float32]:
        """Embed the texts, and the probe beside them when the last look is long ago."""
        probe = np.asarray(self._probed.vector, dtype=np.float32)
        is_due = self._checked_at is None or time.monotonic() - self._checked_at >= _CHECK_EVERY_S
        rows = self._shortened([_PROBE, *texts] if is_due else texts, patience)
        if rows.shape[1] != len(probe) or (is_due and float(rows[0] @ probe) < _SAME):
            self._remember(None)
            raise NoEmbedder(
                f"the embedding model {self._request.model!r} is not the one it was: bring the old one back, "
                "or build the index again with the new one, and start again"
            )
        if not is_due:
            return rows
        self._checked_at = time.monotonic()
        return rows[1:]

    def _shortened(self, texts: list[str], patience: Patience) -> NDArray[np.float32]:
        """Embed the texts; where one is too long for the model, find it and cut it."""
        try:
            return self._request(texts, patience)
        except TextTooLong:
            if len(texts) > 1:
                half = len(texts) // 2
                return np.concatenate([self._shortened(part, patience) for part in (texts[:half], texts[half:])])
            if len(texts[0]) <= _SHORTEST:
                raise
            return self._shortened([texts[0][: max(_SHORTEST, len(texts[0]) // 2)]], patience)


def _batches(texts: Sequence[str]) -> Iterator[list[int]]:
    """Yield the numbers of texts that go together, longest texts first: servers pad a batch to its longest."""
    batch: list[int] = []
    for number in sorted(range(len(texts)), key=lambda i: -len(texts[i])):
        if batch and (len(batch) == _BATCH or len(texts[batch[0]]) * (len(batch) + 1) > _BATCH_CHARACTERS):
            yield batch
            batch = []
        batch.append(number)
    if batch:
        yield batch


def _signature(vector: NDArray[np.float32]) -> str:
    """Return 8 hex digits that tell one model from another and that rounding inside a server rarely moves.

    Twelve fixed directions, each coordinate on a coarse grid: arithmetic that moves a number by 1e-4 changes the
    signature of one model in 200; other weights change most of its coordinates.
    """
    directions = np.random.default_rng(20_261_121).standard_normal((_DIRECTIONS, len(vector)))
    cells = np.round(directions @ vector.astype(np.float64) / _STEP).astype(int).tolist()
    return hashlib.sha256(json.dumps(cells).encode()).hexdigest()[:8]


def _reads_chinese(rows: NDArray[np.float32]) -> bool:
    """Return whether each English sentence is nearest to its own translation, and the other way round."""
    cosines = rows[: len(_PAIRS)] @ rows[len(_PAIRS) :].T
    own = np.arange(len(_PAIRS))
    return bool((cosines.argmax(axis=0) == own).all() and (cosines.argmax(axis=1) == own).all())


def _read_json(path: Path | None) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text("utf-8")) if path is not None else {}
    except (OSError, ValueError):
        return {}  # a cache that cannot be read only costs the question
    return content if isinstance(content, dict) else {}
