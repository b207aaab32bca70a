"""What measures twins of reports finds a twin, leaves out the report itself and what came later, and counts rightly."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

from scripts.measure_duplicates import DEPTHS, hits, moment, table
from tests.fakes.tiny_embedder import TinyEmbedder

if TYPE_CHECKING:
    from pathlib import Path

TWIN = {
    "id": "r1",
    "title": "Runner cannot pull images",
    "body": "The proxy refuses.",
    "created_at": "2020-01-01T00:00:00Z",
}
QUERY = {
    "id": "r2",
    "title": "Runner cannot pull an image",
    "body": "Proxy says no.",
    "created_at": "2020-02-01T00:00:00Z",
}
LATER = {
    "id": "r3",
    "title": "Runner cannot pull an image",
    "body": "Proxy says no!",
    "created_at": "2020-03-01T00:00:00Z",
}
OTHERS = [
    {"id": f"o{n}", "title": f"Dish {n}", "body": f"How do I cook dish {n}?", "created_at": "2019-01-01T00:00:00Z"}
    for n in range(20)
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rows = {
        "corpus": [TWIN, QUERY, LATER, *OTHERS],
        "queries": [{**QUERY, "gold": ["r1"]}],
        "candidates": [
            {"query": "r2", "candidates": [{"id": "o1", "relevant": False}, {"id": "r1", "relevant": True}]}
        ],
    }
    for name, listed in rows.items():
        tmp_path.joinpath(f"{name}.jsonl").write_text("\n".join(map(json.dumps, listed)), "utf-8")
    return tmp_path


def test_the_earlier_twin_is_found_when_later_reports_are_left_out(folder: Path) -> None:
    ours, theirs = hits(folder, TinyEmbedder(), earlier=True)
    assert ours.tolist() == [[1.0] * len(DEPTHS)]
    assert theirs.tolist() == [[0.0, 1.0, 1.0]]


def test_a_later_copy_stands_in_the_way_when_it_is_not_left_out(folder: Path) -> None:
    ours, _ = hits(folder, TinyEmbedder(), earlier=False)
    assert ours.tolist()[0][0] == 0.0


def test_a_ratio_stands_beside_both_figures() -> None:
    rows = list(table("some", np.ones((10, 3)), np.tile([0.0, 1.0, 1.0], (10, 1))))
    assert rows[1] == "| some | 5 | 1.000 | 1.000 | 1.00 [1.00, 1.00] |"


def test_times_of_trackers_are_read_as_well_as_iso() -> None:
    assert moment("12/Mar/21 07:45") == moment("2021-03-12T07:45:00Z")
