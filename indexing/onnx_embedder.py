"""A model in another runtime: without torch, quick to start, and faster; as `int8` faster again.

Its ONNX file is made once, from the checked weights, and verified each time it is loaded.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np
from filelock import FileLock

from indexing.durable import sync_tree
from indexing.errors import NoEmbedder
from indexing.prefixes import NONE
from indexing.sentence_transformers_embedder import SentenceTransformersEmbedder

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray
    from tokenizers import Encoding, Tokenizer

    from indexing.prefixes import Prefixes

Precision = Literal["float32", "int8"]

_RECIPE = 1
"""Raised when the file is made otherwise: its vectors are then others."""

_FILE = "model.onnx"
_FACTS = "facts.json"
_EXPORT_WITHIN_S = 900.0
_NEEDED = ("onnxruntime", "onnx", "onnxscript")


PREPARED = Path(sys.prefix) / "share" / "support-assistant" / "models"
"""Where the installation keeps files that it has made for all homes."""


class Original(Protocol):
    """A model that can be turned into one ONNX file."""

    @property
    def fingerprint(self) -> str:
        """See `Embedder.fingerprint`; what stands before the first colon is not of the model."""

    @property
    def dimension(self) -> int:
        """See `Embedder.dimension`."""

    @property
    def multilingual(self) -> bool:
        """See `Embedder.multilingual`."""

    @property
    def prefixes(self) -> Prefixes:
        """Written in front of texts before they are embedded."""

    @property
    def spread(self) -> float:
        """See `Embedder.spread`."""

    @property
    def exporter(self) -> list[str]:
        """Arguments of Python that make the file, without its name and precision at their end."""

    def tokenizer(self) -> Tokenizer:
        """Return the tokenizer, cutting off what is longer than the model reads."""

    def check(self) -> None:
        """Compare the model with what it must be.

        Raises:
            NoEmbedder: It is missing, or is another one.
        """


class _Folder(SentenceTransformersEmbedder):
    """A sentence-transformers model in a folder, as what is turned into an ONNX file."""

    prefixes = NONE

    @property
    def exporter(self) -> list[str]:
        return ["-m", "indexing.onnx_export", str(self._path)]

    def tokenizer(self) -> Tokenizer:
        from tokenizers import Tokenizer  # noqa: PLC0415 - comes with sentence-transformers

        tokenizer = Tokenizer.from_file(str(self._path / "tokenizer.json"))
        longest = json.loads((self._path / "sentence_bert_config.json").read_text("utf-8"))["max_seq_length"]
        tokenizer.no_padding()
        tokenizer.enable_truncation(int(longest))
        return tokenizer


class OnnxEmbedder:
    """A sentence-transformers model in onnxruntime, on the CPU. Safe to share between threads.

    Each text is embedded alone and the cores take texts in turn: nothing is spent on padding or on waiting for another
    core, and a vector does not depend on the texts that stand beside it. Measured on two cores, texts a CPU second:
    17 in torch, 37 here, 72 as `int8`; a short question takes 16, 5 and 2 ms.

    `int8` moves a vector to a cosine of .99 from the original, so each precision has a fingerprint of its own, and none
    has torch's.

    Args:
        model: Folder as of `SentenceTransformersEmbedder`, or another model; its pooling must be the mean.
        sha256: As there; of a folder.
        models: Folder below which the ONNX file is kept.
        precision: Of weights and arithmetic.
        cache: As there.
        tell: Called with one line before the file is made, which takes 20 to 60 seconds.
        prepared: Another such folder, where the file may lie already; nothing is written there.
    """

    def __init__(  # noqa: PLR0913 - four that a caller names, two that are seldom given
        self,
        model: Path | Original,
        sha256: str | None,
        models: Path,
        precision: Precision = "int8",
        *,
        cache: Path | None = None,
        tell: Callable[[str], None] = lambda _: None,
        prepared: Path | None = None,
    ) -> None:
        self._original: Original = _Folder(model, sha256, cache=cache) if isinstance(model, Path) else model
        self._models = models
        self._precision = precision
        self._tell = tell
        self._prepared = prepared
        self._lock = threading.Lock()
        self._session: Any = None

    @cached_property
    def fingerprint(self) -> str:
        """Precision, recipe, weights and configuration; see `Embedder.fingerprint`."""
        return f"onnx-{self._precision}-{_RECIPE}:{self._original.fingerprint.partition(':')[2]}"

    @property
    def dimension(self) -> int:
        """See `Embedder.dimension`."""
        return self._original.dimension

    @property
    def multilingual(self) -> bool:
        """See `Embedder.multilingual`."""
        return self._original.multilingual

    @property
    def spread(self) -> float:
        """See `Embedder.spread`."""
        return self._original.spread

    def encode(self, texts: Sequence[str], on_progress: Callable[[int], None] | None = None) -> NDArray[np.float32]:
        """See `Embedder.encode`.

        Raises:
            NoEmbedder: The extra is not installed, or the file cannot be made.
        """
        session, tokens = self._loaded(), self._encodings([self._original.prefixes.document + text for text in texts])
        rows = np.empty((len(texts), self.dimension), dtype=np.float32)
        order = sorted(range(len(texts)), key=lambda i: -len(tokens[i].ids))  # a long text last would let cores wait
        with ThreadPoolExecutor(_cores()) as cores:
            for number, row in zip(order, cores.map(lambda i: _vector(session, tokens[i]), order), strict=True):
                rows[number] = row
                if on_progress is not None:
                    on_progress(1)
        return rows

    def prepare(self) -> None:
        """Make the file, unless it is there.

        Raises:
            NoEmbedder: As of `encode`.
        """
        self._loaded()

    def encode_query(self, text: str) -> NDArray[np.float32]:
        """See `Embedder.encode_query`.

        Raises:
            NoEmbedder: As of `encode`.
        """
        return _vector(self._loaded(), self._encodings([self._original.prefixes.question + text])[0])

    # -- texts to tokens

    def _encodings(self, texts: Sequence[str]) -> list[Encoding]:
        # Half a surrogate pair is text to Python and to nobody else.
        return self._tokenizer.encode_batch([text.encode("utf-8", "replace").decode("utf-8") for text in texts])

    @cached_property
    def _tokenizer(self) -> Tokenizer:
        try:
            return self._original.tokenizer()
        except NoEmbedder:
            raise
        except Exception as error:  # the library raises plain exceptions
            raise NoEmbedder("the embedding model has no readable tokenizer: install it again") from error

    # -- the file

    def _loaded(self) -> Any:  # noqa: ANN401 - onnxruntime publishes no types
        with self._lock:
            if self._session is None:
                for name in _NEEDED:
                    if importlib.util.find_spec(name) is None:
                        raise NoEmbedder(
                            f"this embedder needs {name}: run scripts/setup, or set ASSISTANT_EMBEDDER=packaged"
                        )
                self._session = _session(self._content())
            return self._session

    def _content(self) -> bytes:
        """Return the verified ONNX file, made when it is missing or was damaged."""
        name = hashlib.sha256(self.fingerprint.encode()).hexdigest()[:16]
        for place in (self._prepared, self._models):
            if place is not None and (content := _verified(place / name)) is not None:
                return content
        folder = self._models / name
        self._models.mkdir(parents=True, exist_ok=True)
        with FileLock(folder.with_suffix(".lock")):
            if (content := _verified(folder)) is None:  # another process may have made it meanwhile
                self._make(folder)
                content = _verified(folder)
        if content is None:
            raise NoEmbedder(f"{folder / _FILE} cannot be read back: is the disk full or broken?")
        return content

    def _make(self, folder: Path) -> None:
        self._original.check()
        self._tell(f"Preparing the {self._precision} model once in {folder} (20 to 60 seconds) …")
        temporary = folder.with_suffix(".tmp")
        shutil.rmtree(temporary, ignore_errors=True)  # left by a crash
        temporary.mkdir()
        done = subprocess.run(  # noqa: S603 - our own module
            [sys.executable, *self._original.exporter, str(temporary / _FILE), self._precision],
            capture_output=True,
            text=True,
            check=False,
            timeout=_EXPORT_WITHIN_S,
            cwd=Path(__file__).parents[1],  # where `-m` finds this package, installed or not
            env={**os.environ, "HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1"},
        )
        if done.returncode != 0:
            told = ([line.strip() for line in done.stderr.splitlines() if line.strip()] or ["it wrote no error"])[-1]
            shutil.rmtree(temporary, ignore_errors=True)
            raise NoEmbedder(f"the ONNX model could not be made ({told[:200]}): set ASSISTANT_EMBEDDER=packaged")
        with (temporary / _FILE).open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        (temporary / _FACTS).write_text(json.dumps({"fingerprint": self.fingerprint, "sha256": digest}), "utf-8")
        sync_tree(temporary)
        shutil.rmtree(folder, ignore_errors=True)
        temporary.rename(folder)


def _verified(folder: Path) -> bytes | None:
    """Return the content of the ONNX file when it is the one that was made, else None."""
    try:
        content = (folder / _FILE).read_bytes()
        wanted = json.loads((folder / _FACTS).read_text("utf-8"))["sha256"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return content if hashlib.sha256(content).hexdigest() == wanted else None


def _session(content: bytes) -> Any:  # noqa: ANN401 - as above
    import onnxruntime  # noqa: PLC0415 - an extra, and a second of import

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1  # the cores take texts, not parts of one
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])


def _vector(session: Any, text: Encoding) -> NDArray[np.float32]:  # noqa: ANN401 - as above
    ids, mask = np.array([text.ids], dtype=np.int64), np.array([text.attention_mask], dtype=np.int64)
    row: NDArray[np.float32] = session.run(None, {"ids": ids, "mask": mask})[0][0]
    return row


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
