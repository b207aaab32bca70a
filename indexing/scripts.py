"""Scripts that write no spaces between words (pure)."""

from __future__ import annotations

import re

UNSPACED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff]+")
"""Runs of characters of scripts that write no spaces between words (and Korean, whose words carry endings)."""


def character_pairs(text: str) -> list[str]:
    """Return every two neighbouring characters, and each last one alone, of runs that write no spaces."""
    return [run[i : i + 2] for run in UNSPACED.findall(text) for i in range(len(run))]
