from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from indexing.errors import BuildRefused, DamagedIndex
from indexing.vectors import Vectors

if TYPE_CHECKING:
    from pathlib import Path


def _rows(count: int, dimension: int = 8) -> np.ndarray:
    rows = np.random.default_rng(1).normal(size=(count, dimension)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def test_the_nearest_chunk_of_a_vector_is_itself_and_scores_are_cosines() -> None:
    rows = _rows(50)
    ids, scores = Vectors.of(rows).search(rows[7], 3)
    assert ids[0] == 7
    assert scores == pytest.approx((rows @ rows[7])[ids], abs=1e-5)


@pytest.mark.parametrize("allowed", [range(10, 20), np.arange(10, 20)])
def test_a_search_returns_only_allowed_chunks(allowed: range | np.ndarray) -> None:
    rows = _rows(50)
    ids, _ = Vectors.of(rows).search(rows[7], 30, allowed)
    assert sorted(ids) == list(range(10, 20))


def test_a_search_over_nothing_finds_nothing() -> None:
    rows = _rows(5)
    assert len(Vectors.of(rows).search(rows[0], 5, range(0))[0]) == 0
    assert len(Vectors.of(np.empty((0, 8), np.float32)).search(rows[0], 5)[0]) == 0


def test_vectors_come_back_from_the_file_as_they_were_written(tmp_path: Path) -> None:
    rows = _rows(20)
    Vectors.of(rows).write(tmp_path / "v.faiss")
    again = Vectors.read(tmp_path / "v.faiss")
    assert np.array_equal(again.rows(np.array([3, 19])), rows[[3, 19]])
    assert (len(again), again.dimension) == (20, 8)


def test_a_disk_that_cannot_be_written_is_told_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(BuildRefused, match="disk"):
        Vectors.of(_rows(2)).write(tmp_path / "none" / "v.faiss")


def test_the_mean_direction_of_each_run_of_rows_is_normalised() -> None:
    rows = _rows(6)
    means = Vectors.of(rows).means(np.array([0, 1, 4]))
    assert np.allclose(means[0], rows[0], atol=1e-6)
    assert np.allclose(means[1], rows[1:4].sum(axis=0) / np.linalg.norm(rows[1:4].sum(axis=0)), atol=1e-6)
    assert np.allclose(np.linalg.norm(means, axis=1), 1.0, atol=1e-6)


def test_a_file_that_is_no_index_is_called_damaged(tmp_path: Path) -> None:
    (tmp_path / "v.faiss").write_bytes(b"not vectors")
    with pytest.raises(DamagedIndex, match="rollback"):
        Vectors.read(tmp_path / "v.faiss")
