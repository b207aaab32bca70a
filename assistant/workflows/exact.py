"""Exact binomial bounds (Clopper & Pearson, "The Use of Confidence or Fiducial Limits", Biometrika, 1934)."""

from __future__ import annotations


def upper_bound(wrong: float, given: float, doubt: float) -> float:
    """Return the risk below which the true one lies with probability 1 - doubt; 1 where nothing was given.

    Args:
        wrong: Of the given; may be a fraction.
        given: May be a fraction.
        doubt: 0..1, both excluded.
    """
    from scipy.stats import beta  # noqa: PLC0415 - keeps `--help` quick

    return float(beta.ppf(1.0 - doubt, wrong + 1.0, given - wrong)) if wrong < given else 1.0


def interval(count: int, of: int, assurance: float = 0.95) -> tuple[float, float] | None:
    """Return the exact two-sided interval of a share, or None of nothing."""
    from scipy.stats import binomtest  # noqa: PLC0415 - as above

    if of == 0:
        return None
    found = binomtest(count, of).proportion_ci(confidence_level=assurance, method="exact")
    return float(found.low), float(found.high)
