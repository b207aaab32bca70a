"""Port of models that read a question and a text together and say how well they fit.

Which documents come first is decided without one; `indexing/second_look.py` may ask one for a second opinion.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

_PAIRS = (
    (
        "How do I renew the access token of a runner?",
        "Open the runner's page and press Reset token: the runner gets a new access token and the old one ends.",
    ),
    (
        "Why does the build of my container image run out of disk space?",
        "Old image layers fill the disk. Remove unused images, or give the build a larger disk.",
    ),
)


class CrossEncoder(Protocol):
    """Scores texts for a question. Implementations are safe to share between threads."""

    @property
    def fingerprint(self) -> str:
        """Names the model: what was measured with one does not hold for another."""

    def score(self, question: str, texts: Sequence[str]) -> list[float]:
        """Return a finite number for each text, in their order; higher fits better.

        Numbers compare within one call only.

        Raises:
            NoCrossEncoder: The model is missing or does not answer as it should.
        """


def tells_apart(encoder: CrossEncoder) -> bool:
    """Return whether the model prefers, for two plain questions, the answer of each to that of the other.

    Raises:
        NoCrossEncoder: As of `CrossEncoder.score`.
    """
    answers = [answer for _, answer in _PAIRS]
    return all(
        max(range(len(answers)), key=encoder.score(question, answers).__getitem__) == number
        for number, (question, _) in enumerate(_PAIRS)
    )
