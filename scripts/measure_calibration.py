"""Ways to choose a threshold for a wished risk: how often the promise breaks, and how many answers are given.

Data sets are drawn in which an answer of confidence c is right with probability c, so that the true risk of a threshold
is known. A third of each fixes the thresholds, two thirds choose one; the ways that need no third choose on the two
thirds all the same.
"""

from __future__ import annotations

import argparse
import math
import random
import sys
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).parents[1]))

from assistant.core.guarantee import Wish, fixed_sequence, guaranteed_risk, thresholds_to_test
from assistant.workflows.exact import upper_bound

if TYPE_CHECKING:
    from collections.abc import Sequence

    from assistant.core.guarantee import Labelled

SHAPES = {"even": (1.0, 1.0), "mostly unsure": (1.3, 2.0), "mostly sure": (2.0, 1.0)}
"""Of the confidences: parameters of the beta distribution."""
SIZES = (300, 900)
WISHES = (0.1, 0.2, 0.3)
POPULATION = 100_000


def in_sequence(beforehand: Sequence[float], labelled: Sequence[Labelled], wish: Wish) -> float | None:
    """Fixed-sequence testing, as `assistant calibrate` does it."""
    thresholds = thresholds_to_test(beforehand, len(labelled) / len(beforehand), wish, upper_bound)
    found = fixed_sequence(labelled, thresholds, wish, upper_bound)
    return found.threshold if found else None


def from_several_starts(beforehand: Sequence[float], labelled: Sequence[Labelled], wish: Wish) -> float | None:
    """The same from three starts, the likeliest and two stricter ones, which share the doubt."""
    likeliest = thresholds_to_test(beforehand, len(labelled) / len(beforehand), wish, upper_bound)
    stricter = sorted((one for one in beforehand if one > likeliest[0]), reverse=True)
    starts = [stricter[len(stricter) * part // 3] for part in (1, 2) if stricter]
    each = wish.shared(1 + len(starts))
    chains = [likeliest, *((start, *likeliest) for start in starts)]
    found = [fixed_sequence(labelled, chain, each, upper_bound) for chain in chains]
    return min((one.threshold for one in found if one), default=None)


def by_selection(_: Sequence[float], labelled: Sequence[Labelled], wish: Wish) -> float | None:
    """Selection with guaranteed risk."""
    found = guaranteed_risk(labelled, wish, upper_bound)
    return found.threshold if found else None


def by_eye(_: Sequence[float], labelled: Sequence[Labelled], wish: Wish) -> float | None:
    """The lowest threshold at which the risk seen is the wish."""
    wrong, lowest = 0, None
    for count, (confidence, right) in enumerate(sorted(labelled, reverse=True), start=1):
        wrong += not right
        lowest = confidence if wrong <= wish.max_risk * count else lowest
    return lowest


WAYS = {
    "fixed sequence": in_sequence,
    "three starts": from_several_starts,
    "guaranteed selection": by_selection,
    "risk seen": by_eye,
}


class World:
    """Confidences of one shape, and what a threshold truly costs."""

    def __init__(self, shape: tuple[float, float]) -> None:
        self._shape = shape
        chance = random.Random(0)  # noqa: S311 - draws data for a simulation
        self._sure = sorted((chance.betavariate(*shape) for _ in range(POPULATION)), reverse=True)
        self._wrong = [0.0]
        for confidence in self._sure:
            self._wrong.append(self._wrong[-1] + 1.0 - confidence)

    def draw(self, count: int, seed: int) -> list[Labelled]:
        """Return so many answers, the same for the same seed."""
        chance = random.Random(seed)  # noqa: S311 - as above
        sure = [chance.betavariate(*self._shape) for _ in range(count)]
        return [(confidence, chance.random() < confidence) for confidence in sure]

    def cost(self, threshold: float) -> tuple[float, float]:
        """Return the true risk of a threshold, and the share of answers that it gives."""
        low, high = 0, POPULATION
        while low < high:
            middle = (low + high) // 2
            low, high = (middle + 1, high) if self._sure[middle] >= threshold else (low, middle)
        return (self._wrong[low] / low if low else 0.0), low / POPULATION


def measured(world: World, size: int, wish: Wish, runs: int) -> dict[str, tuple[float, float]]:
    """Return for each way the share of broken promises, and the mean share of answers given."""
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in WAYS}
    for run in range(runs):
        beforehand = [confidence for confidence, _ in world.draw(size // 3, 2 * run)]
        labelled = world.draw(size - size // 3, 2 * run + 1)
        for name, way in WAYS.items():
            threshold = way(beforehand, labelled, wish)
            found[name].append((0.0, 0.0) if threshold is None else world.cost(threshold))
    return {
        name: (sum(risk > wish.max_risk for risk, _ in of) / runs, math.fsum(given for _, given in of) / runs)
        for name, of in found.items()
    }


def main() -> None:
    """Print one line for each shape, size and wish."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=1000, help="data sets a line (default: 1000)")
    parser.add_argument("--assurance", type=float, default=0.95)
    given = parser.parse_args()
    print(
        f"share of promises broken / answers given, at {given.assurance:.0%} assurance, {given.runs} data sets a line\n"
    )
    print(f"{'confidences':14} {'answers':>7} {'wish':>5}   " + "".join(f"{name:>24}" for name in WAYS))
    for shape, parameters in SHAPES.items():
        world = World(parameters)
        for size in SIZES:
            for risk in WISHES:
                told = measured(world, size, Wish(risk, given.assurance), given.runs)
                cells = "".join(f"{f'{broken:.3f} / {share:.3f}':>24}" for broken, share in told.values())
                print(f"{shape:14} {size:7} {risk:5.2f}   {cells}", flush=True)


if __name__ == "__main__":
    main()
