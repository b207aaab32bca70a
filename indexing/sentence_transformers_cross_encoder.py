"""A sentence-transformers cross-encoder in a folder, loaded without any network and without running foreign code."""

from __future__ import annotations

import hashlib
import json
import os
import threading
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from indexing.errors import NoCrossEncoder

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from sentence_transformers import CrossEncoder

_HEADS = ("ForSequenceClassification", "ForCausalLM")  # with another one, scores would come from random weights
_PICKLED = frozenset({".bin", ".pt", ".pth", ".pkl", ".ckpt"})
_LONGEST = 512  # tokens of question and text together: longer ones take a processor seconds
_BATCH = 8


class SentenceTransformersCrossEncoder:
    """A cross-encoder in a folder, on the CPU.

    The folder is looked at when this is made; the weights are read at the first `score`.

    Args:
        path: Folder with `config.json` and weights as safetensors. Pickled weights are not loaded: they can hold code.

    Raises:
        NoCrossEncoder: The folder holds no such model.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._model: CrossEncoder | None = None
        self._check()

    @cached_property
    def fingerprint(self) -> str:
        """Weights and configuration of the model; see `CrossEncoder.fingerprint`."""
        digest = hashlib.sha256()
        for file in sorted({self._path / "config.json", *self._path.rglob("*.safetensors")}):
            with file.open("rb") as stream:
                digest.update(hashlib.file_digest(stream, "sha256").digest())
        return f"sentence-transformers:{digest.hexdigest()[:16]}"

    def score(self, question: str, texts: Sequence[str]) -> list[float]:
        """See `CrossEncoder.score`; the numbers are logits."""
        if not texts:
            return []
        import torch  # noqa: PLC0415 - seconds of import

        with self._lock:
            found = self._loaded().predict(
                [(question, text) for text in texts],
                batch_size=_BATCH,
                show_progress_bar=False,
                activation_fn=torch.nn.Identity(),  # a sigmoid makes the best ones alike
                convert_to_numpy=True,
            )
        scores = np.asarray(found, dtype=np.float64)
        if scores.shape != (len(texts),) or not np.isfinite(scores).all():
            raise NoCrossEncoder(f"the model in {self._path} gives no number for a text: set ASSISTANT_RERANKER")
        return [float(score) for score in scores]

    def _check(self) -> None:
        """Refuse what would load foreign code, or score by random weights."""
        try:
            config = json.loads((self._path / "config.json").read_text("utf-8"))
            heads = [str(name) for name in config.get("architectures") or ()]
        except (OSError, ValueError, AttributeError, TypeError) as error:
            raise NoCrossEncoder(
                f"no cross-encoder in {self._path} (config.json): set ASSISTANT_RERANKER to a folder with a "
                "sentence-transformers cross-encoder, or to the address of a rerank endpoint"
            ) from error
        if not any(head.endswith(_HEADS) for head in heads):
            raise NoCrossEncoder(f"the model in {self._path} is no cross-encoder: set ASSISTANT_RERANKER to one")
        files = [file for file in self._path.rglob("*") if file.is_file()]
        safe = {file.parent for file in files if file.suffix == ".safetensors"}
        pickled = [file.name for file in files if file.suffix in _PICKLED and file.parent not in safe]
        if pickled or self._path not in safe:
            found = f"holds pickled weights ({pickled[0]}), which can run code" if pickled else "holds no weights"
            raise NoCrossEncoder(f"{self._path} {found}: save the model as safetensors, or take one that has them")

    def _loaded(self) -> CrossEncoder:
        if self._model is None:
            # The library must not ask a hub for anything, not even whether a newer file exists.
            os.environ["HF_HUB_OFFLINE"] = os.environ["TRANSFORMERS_OFFLINE"] = "1"
            os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
            from sentence_transformers import CrossEncoder  # noqa: PLC0415 - seconds of import
            from transformers.utils.logging import disable_progress_bar  # noqa: PLC0415 - as above

            disable_progress_bar()  # type: ignore[no-untyped-call] # the terminal belongs to the caller
            options: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
            try:
                model = CrossEncoder(str(self._path), device="cpu", model_kwargs={"use_safetensors": True}, **options)
                labels = model.num_labels
                model.max_seq_length = min(_LONGEST, model.max_seq_length or _LONGEST)
            except Exception as error:  # the library raises errors of every kind for a folder it cannot read
                kind = type(error).__name__
                raise NoCrossEncoder(
                    f"the model in {self._path} does not load ({kind}): set ASSISTANT_RERANKER"
                ) from error
            if labels != 1:
                raise NoCrossEncoder(
                    f"the model in {self._path} tells {labels} classes apart: take a cross-encoder with one score"
                )
            self._model = model
        return self._model
