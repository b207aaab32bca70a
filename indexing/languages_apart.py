"""Takes the language of a text out of its vector, so that languages meet by what they say (pure).

A multilingual model puts a text near to others in its language, whatever they say: a Chinese question finds the wrong
Chinese page before the right English one. The means of sentences that say the same in several languages differ in
their language alone; what lies in the directions of these differences is taken away.

Source of the method: Yang et al., "A Simple and Effective Method To Eliminate the Self Language Bias in Multilingual
Representations", EMNLP 2021; the means after Libovický et al., "On the Language Neutrality of Pre-trained Multilingual
Representations", Findings of EMNLP 2020.
"""

from __future__ import annotations

import json
from importlib.resources import files
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

FILE = "parallel_texts.json"


def parallel_texts() -> dict[str, list[str]]:
    """Return language -> sentences; the sentence at one place says the same in each."""
    texts: dict[str, list[str]] = json.loads(files("indexing").joinpath(FILE).read_text("utf-8"))["texts"]
    return texts


def language_directions(means: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the centre of the vectors and the directions in which languages differ.

    Args:
        means: float32, (kinds, languages, dimension): mean vector of the parallel texts in each language, for each
            kind of text that the model tells apart (questions and documents).

    Returns:
        float32, (dimension,), and float32, (languages - 1, dimension), rows orthonormal, the strongest first.
    """
    _, languages, dimension = means.shape
    differences = (means - means.mean(axis=1, keepdims=True)).reshape(-1, dimension)
    directions = np.linalg.svd(differences, full_matrices=False)[2][: languages - 1]
    centre = means.reshape(-1, dimension).mean(axis=0)
    return centre.astype(np.float32), directions.astype(np.float32)
