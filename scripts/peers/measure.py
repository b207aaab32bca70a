"""Runs one step of one way to index and search, in a process of its own, and prints its cost as a line of JSON.

    python measure.py WAY STEP FOLDER

WAY is a module beside this one with a class `Way`; STEP is `build`, `ask` or `update`; FOLDER holds `input.json`, and
the index below `WAY/`. Only the standard library is used here, as each way runs in an environment of its own.
"""

from __future__ import annotations

import importlib
import json
import resource
import sys
import time
from pathlib import Path
from typing import Any


def used() -> float:
    """Return CPU seconds of this process and its ended children, all threads."""
    both = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in both)


def main() -> None:
    """Run the step."""
    begun = time.perf_counter()
    name, step, folder = sys.argv[1], sys.argv[2], Path(sys.argv[3])
    given = json.loads((folder / "input.json").read_text("utf-8"))
    place = folder / name
    way = importlib.import_module(name).Way(given["model"], place)
    figures: dict[str, Any] = {"build": _build, "ask": _ask, "update": _update}[step](way, given, begun)
    figures["peak_mib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    figures["disk_mib"] = sum(path.stat().st_size for path in place.rglob("*") if path.is_file()) / 2**20
    print(json.dumps(figures))


def _build(way: Any, given: dict[str, Any], begun: float) -> dict[str, Any]:  # noqa: ANN401 - any way
    del begun
    way.warm()
    cpu, wall = used(), time.perf_counter()
    way.build(given["chunks"], given["documents"])
    return {"cpu_s": used() - cpu, "wall_s": time.perf_counter() - wall}


def _ask(way: Any, given: dict[str, Any], begun: float) -> dict[str, Any]:  # noqa: ANN401 - any way
    way.open()
    way.ask(given["questions"][0]["question"])
    figures: dict[str, Any] = {"cold_start_s": time.perf_counter() - begun}
    walls, cpus, hits = [], [], 0
    for item in given["questions"]:
        cpu, wall = used(), time.perf_counter()
        found = way.ask(item["question"])
        walls.append(time.perf_counter() - wall)
        cpus.append(used() - cpu)
        documents = list(dict.fromkeys(name.rpartition("#")[0] for name in found))[:10]
        hits += bool(set(documents) & set(item["gold"]))
    walls.sort()
    figures["p50_ms"] = walls[len(walls) // 2] * 1000
    figures["p95_ms"] = walls[int(len(walls) * 0.95)] * 1000
    figures["cpu_ms"] = sum(cpus) / len(cpus) * 1000
    figures["hit_at_10"] = hits / len(given["questions"])
    return figures


def _update(way: Any, given: dict[str, Any], begun: float) -> dict[str, Any]:  # noqa: ANN401 - any way
    del begun
    way.warm()
    cpu, wall = used(), time.perf_counter()
    way.open()
    way.update(given["removed"], given["added"], given["changed_documents"])
    return {"cpu_s": used() - cpu, "wall_s": time.perf_counter() - wall}


if __name__ == "__main__":
    main()
