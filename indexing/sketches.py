"""How much two texts have in common, from a few numbers of each. Pure.

A sketch is kept with a document from build to build, so it must not change with a library's release: it is made here,
of CRC-32 and whole-number arithmetic alone. Cutting the text into words takes longer than all the rest.
"""

from __future__ import annotations

import functools
import itertools
import re
import zlib
from typing import TYPE_CHECKING

from indexing.scripts import UNSPACED

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import numpy as np
    from numpy.typing import NDArray

SKETCH_BYTES = 256
"""Size of a sketch: 64 whole numbers of 4 bytes."""

_NUMBERS = SKETCH_BYTES // 4
_BAND = 4  # numbers that must all be equal in some place for two sketches to be compared: 99.7 % of pairs 0.8 alike are
_CROWD = 50  # sketches with an equal band from which each is compared with the first alone
_CLASS = UNSPACED.pattern[1:-2]
_WORD = re.compile(rf"[{_CLASS}]|[^\W_{_CLASS}]+")
_LONGEST = 200_000  # characters of a text that are read


def sketch(text: str) -> bytes:
    """Return the sketch of a text, `SKETCH_BYTES` long; nothing for a text without words.

    Two sketches are alike as far as the texts have runs of three words in common, whatever their case. A character of
    a script that writes no spaces counts as a word.

    Source of the method: MinHash (Broder, 1997).
    """
    import numpy as np  # noqa: PLC0415 - most users of this module's importers read no sketch

    words = np.array([zlib.crc32(word.encode()) for word in _WORD.findall(text[:_LONGEST].casefold())], dtype=np.uint64)
    if not words.size:
        return b""
    factors = _factors()
    runs = words * factors[0] + np.roll(words, -1) * factors[1] + np.roll(words, -2) * factors[2]
    runs = _mixed(runs[: max(1, words.size - 2)])
    lowest: NDArray[np.uint64] = ((runs[:, None] * factors[3:]) >> np.uint64(32)).min(axis=0)
    return lowest.astype("<u4").tobytes()


def likeness(one: bytes, other: bytes) -> float:
    """Return about what share of their runs two texts have in common, 0 to 1 (standard error 0.05)."""
    return float(likenesses([one, other])[0, 1])


def likenesses(sketches: Sequence[bytes]) -> NDArray[np.float32]:
    """Return how much each text is like each other: float32, (n, n), 0 to 1. An empty sketch is like nothing."""
    import numpy as np  # noqa: PLC0415 - as above

    rows = np.frombuffer(b"".join(held or bytes(SKETCH_BYTES) for held in sketches), dtype="<u4")
    rows = rows.reshape(len(sketches), _NUMBERS)
    shares: NDArray[np.float32] = (rows[:, None] == rows[None]).mean(axis=2, dtype=np.float32)
    empty = [place for place, held in enumerate(sketches) if not held]
    shares[empty] = 0.0
    return shares


def alike(sketches: Sequence[bytes], at_least: float) -> Iterator[tuple[int, int, float]]:
    """Yield the pairs of positions (the lower first) whose sketches are that alike, and how alike; each pair once.

    Only sketches that have an equal run of numbers somewhere are compared, so a hundred thousand take seconds. Of a
    large crowd of equal ones each is paired with the first.

    Args:
        sketches: Empty ones are like nothing.
        at_least: 0.5 to 1; below, pairs are missed.

    Source of the method: banding, Leskovec et al., Mining of Massive Datasets, 3.4.
    """
    import numpy as np  # noqa: PLC0415 - as above

    positions = [position for position, held in enumerate(sketches) if held]
    if not positions:
        return
    rows = np.frombuffer(b"".join(sketches[position] for position in positions), dtype="<u4").reshape(-1, _NUMBERS)
    seen: set[tuple[int, int]] = set()
    for start in range(0, _NUMBERS, _BAND):
        for group in _equal(rows[:, start : start + _BAND]):
            for pair in _pairs(group):
                if pair not in seen:
                    seen.add(pair)
                    share = float(np.mean(rows[pair[0]] == rows[pair[1]]))
                    if share >= at_least:
                        yield positions[pair[0]], positions[pair[1]], share


def _equal(band: NDArray[np.uint32]) -> Iterator[list[int]]:
    """Yield the positions of rows that are equal, in rising order, for each row that stands more than once."""
    import numpy as np  # noqa: PLC0415 - as above

    keys = np.ascontiguousarray(band).view(np.dtype((np.void, band.shape[1] * 4))).ravel()
    order = np.argsort(keys, kind="stable")
    ends = np.flatnonzero(keys[order][1:] != keys[order][:-1]) + 1
    for group in np.split(order, ends):
        if group.size > 1:
            yield [int(position) for position in group]


def _pairs(group: list[int]) -> Iterable[tuple[int, int]]:
    if len(group) > _CROWD:
        return ((group[0], other) for other in group[1:])
    return itertools.combinations(group, 2)


@functools.cache
def _factors() -> NDArray[np.uint64]:
    """Return odd 64-bit numbers that stay the same for ever."""
    import numpy as np  # noqa: PLC0415 - as above

    return _mixed(np.arange(1, 4 + _NUMBERS, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)) | np.uint64(1)


def _mixed(numbers: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return the numbers with every bit depending on every other (the finaliser of SplitMix64)."""
    import numpy as np  # noqa: PLC0415 - as above

    numbers = (numbers ^ (numbers >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    numbers = (numbers ^ (numbers >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return numbers ^ (numbers >> np.uint64(31))
