"""How near two texts are in meaning, as the embedder of the index sees it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Embed = Callable[[Sequence[str]], "NDArray[np.float32] | None"]
"""Texts -> float32, (len(texts), dimension), rows L2-normalised; None while there is no embedder."""


def nearness(pairs: Sequence[tuple[str, str]], embed: Embed | None) -> list[float] | None:
    """Return the cosine of each pair, or None without an embedder. Each text is embedded once, all in one call."""
    if embed is None or not pairs:
        return None
    texts = list(dict.fromkeys(text for pair in pairs for text in pair))
    rows = embed(texts)
    if rows is None:
        return None
    place = {text: row for row, text in enumerate(texts)}
    return [float(rows[place[one]] @ rows[place[other]]) for one, other in pairs]
