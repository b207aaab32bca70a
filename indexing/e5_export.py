"""Turns the packed multilingual model into one ONNX file: `python -m indexing.e5_export WEIGHTS FILE int8`.

A program of its own for the reasons of `indexing.onnx_export`.
"""

from __future__ import annotations

import logging
import sys
import tempfile
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from indexing.e5_weights import unpack
from indexing.languages_apart import language_directions, parallel_texts
from indexing.onnx_export import export
from indexing.sentence_transformers_embedder import SentenceTransformersEmbedder

if TYPE_CHECKING:
    from numpy.typing import NDArray


def export_packed(weights: Path, target: Path, precision: str) -> None:
    """Write the file of `indexing.onnx_export.export`, with the language taken out of its vectors.

    Raises:
        ValueError: The file of the weights is none.
    """
    with tempfile.TemporaryDirectory(dir=target.parent) as scratch:  # 470 MB, and not kept
        folder = Path(scratch) / "model"
        unpack(weights, folder)
        export(folder, target, precision, language_directions(_means(SentenceTransformersEmbedder(folder, None))))


def _means(embedder: SentenceTransformersEmbedder) -> NDArray[np.float32]:
    """Return the mean vectors of the parallel texts, as questions and as documents: see `language_directions`."""
    texts = parallel_texts().values()
    questions = [np.mean([embedder.encode_query(text) for text in some], axis=0) for some in texts]
    documents = [embedder.encode(some).mean(axis=0) for some in texts]
    return np.array([questions, documents], dtype=np.float32)


if __name__ == "__main__":
    warnings.simplefilter("ignore")  # its errors are told by the caller; what else it says is of no use to a person
    logging.disable(logging.WARNING)
    export_packed(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
