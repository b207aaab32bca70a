from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from indexing.errors import BuildRefused, DamagedIndex
from indexing.vectors import EXACT_BELOW, StoredAs, Vectors


def _rows(count: int, dimension: int = 8) -> np.ndarray:
    rows = np.random.default_rng(1).normal(size=(count, dimension)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def _anonymous_bytes() -> int:
    status = Path("/proc/self/status")
    if not status.exists():
        pytest.skip("memory by kind is told by Linux alone")
    [kilobytes] = re.findall(r"RssAnon:\s+(\d+)", status.read_text("ascii"))
    return 1024 * int(kilobytes)


def test_the_nearest_chunk_of_a_vector_is_itself_and_scores_are_cosines() -> None:
    rows = _rows(50)
    ids, scores = Vectors.of(rows).search(rows[7], 3)
    assert ids[0] == 7
    assert scores == pytest.approx((rows @ rows[7])[ids], abs=1e-5)


def test_a_search_never_returns_a_hole() -> None:
    rows = _rows(50)
    ids, _ = Vectors.of(rows).search(rows[7], 50, np.array([7, 0, 49]))
    assert sorted(ids) == [row for row in range(50) if row not in {0, 7, 49}]


def test_a_search_over_nothing_finds_nothing() -> None:
    rows = _rows(5)
    assert len(Vectors.of(rows).search(rows[0], 5, np.arange(5))[0]) == 0
    assert len(Vectors.of(np.empty((0, 8), np.float32)).search(rows[0], 5)[0]) == 0


@pytest.mark.parametrize("mapped", [True, False])
@pytest.mark.parametrize("stored_as", ["float32", "int8"])
def test_vectors_come_back_from_the_file_as_they_were_written(
    stored_as: StoredAs,
    mapped: bool,  # noqa: FBT001 - a parameter of the test
    tmp_path: Path,
) -> None:
    rows = _rows(200)
    written = Vectors.of(rows, stored_as)
    written.write(tmp_path / "v.faiss")
    again = Vectors.read(tmp_path / "v.faiss", mapped=mapped)
    assert np.array_equal(again.rows(np.array([3, 19])), written.rows(np.array([3, 19])))
    assert np.array_equal(again.run(5, 3), written.rows(np.array([5, 6, 7])))
    assert (len(again), again.dimension, again.stored_as) == (200, 8, stored_as)
    assert np.array_equal(again.search(rows[3], 5)[0], written.search(rows[3], 5)[0])


def test_a_mapped_file_is_not_read_into_memory(tmp_path: Path) -> None:
    Vectors.of(_rows(20_000, 384)).write(tmp_path / "v.faiss")  # 31 MB
    before = _anonymous_bytes()
    mapped = Vectors.read(tmp_path / "v.faiss")
    mapped.search(mapped.rows(np.array([5]))[0], 5)
    assert _anonymous_bytes() - before < 10_000_000


def test_a_mapped_file_that_is_deleted_is_searched_on(tmp_path: Path) -> None:
    rows = _rows(500)
    Vectors.of(rows).write(tmp_path / "v.faiss")
    mapped = Vectors.read(tmp_path / "v.faiss")
    (tmp_path / "v.faiss").unlink()
    assert mapped.search(rows[9], 1)[0] == [9]


def test_int8_vectors_take_a_quarter_and_move_a_cosine_by_a_thousandth(tmp_path: Path) -> None:
    rows = _rows(2_000, 384)
    for stored_as in ("float32", "int8"):
        Vectors.of(rows, stored_as).write(tmp_path / stored_as)
    assert (tmp_path / "int8").stat().st_size < 0.26 * (tmp_path / "float32").stat().st_size
    stored = Vectors.read(tmp_path / "int8").run(0, 2_000)
    assert np.abs(stored @ rows[0] - rows @ rows[0]).max() < 3e-3


@pytest.mark.parametrize("stored_as", ["float32", "int8"])
@pytest.mark.parametrize("mapped", [True, False])
def test_rows_are_appended_and_numbers_stay(stored_as: StoredAs, mapped: bool, tmp_path: Path) -> None:  # noqa: FBT001 - as above
    rows = _rows(300)
    Vectors.of(rows[:200], stored_as).write(tmp_path / "v.faiss")
    old = Vectors.read(tmp_path / "v.faiss", mapped=mapped)
    new = old.extended(rows[200:])
    assert (len(old), len(new), new.stored_as) == (200, 300, stored_as)
    assert new.search(rows[250], 1)[0] == [250]
    assert new.search(rows[150], 1)[0] == [150]
    new.write(tmp_path / "new.faiss")
    assert Vectors.read(tmp_path / "new.faiss").search(rows[299], 1)[0] == [299]
    assert old.search(rows[150], 1)[0] == [150]


def test_int8_rows_that_nobody_foresaw_are_not_clipped() -> None:
    narrow = np.zeros((50, 8), np.float32)
    narrow[:, 0] = 1.0
    wide = np.eye(8, dtype=np.float32)
    grown = Vectors.of(narrow, "int8").extended(wide)
    assert np.allclose(grown.run(50, 8), wide, atol=0.01)
    assert np.allclose(Vectors.of(np.empty((0, 8), np.float32), "int8").extended(wide).run(0, 8), wide, atol=0.01)


def test_nothing_appended_is_the_same_index() -> None:
    rows = _rows(20)
    assert np.array_equal(Vectors.of(rows).extended(np.empty((0, 8), np.float32)).run(0, 20), rows)


def test_a_disk_that_cannot_be_written_is_told_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(BuildRefused, match="disk"):
        Vectors.of(_rows(2)).write(tmp_path / "none" / "v.faiss")


def test_a_file_that_is_no_index_is_called_damaged(tmp_path: Path) -> None:
    (tmp_path / "v.faiss").write_bytes(b"not vectors")
    with pytest.raises(DamagedIndex, match="rollback"):
        Vectors.read(tmp_path / "v.faiss")


def test_a_file_that_was_cut_off_is_called_damaged(tmp_path: Path) -> None:
    Vectors.of(_rows(500)).write(tmp_path / "v.faiss")
    whole = (tmp_path / "v.faiss").read_bytes()
    for length in (0, 3, 20, len(whole) // 2, len(whole) - 1):
        (tmp_path / "cut.faiss").write_bytes(whole[:length])
        with pytest.raises(DamagedIndex):
            Vectors.read(tmp_path / "cut.faiss")


def _families(count: int, dimension: int = 16) -> np.ndarray:
    """Rows as chunks are: near to others of their topic."""
    random = np.random.default_rng(3)
    topics = random.normal(size=(500, dimension))
    rows = topics[np.arange(count) % 500] + 0.3 * random.normal(size=(count, dimension))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def _recall(vectors: Vectors, rows: np.ndarray, queries: np.ndarray, k: int = 10) -> float:
    shares = []
    for query in queries:
        nearest = np.argsort(-(rows @ query))[:k]
        shares.append(len(set(nearest.tolist()) & set(vectors.search(query, k)[0].tolist())) / k)
    return float(np.mean(shares))


@pytest.mark.parametrize("stored_as", ["float32", "int8"])
def test_a_large_partition_finds_nearly_all_that_an_exact_search_finds(stored_as: StoredAs, tmp_path: Path) -> None:
    rows = _families(EXACT_BELOW)
    Vectors.of(rows, stored_as).write(tmp_path / "v.faiss")
    mapped = Vectors.read(tmp_path / "v.faiss")
    queries = _families(EXACT_BELOW + 50)[-50:]
    stored = mapped.run(0, len(mapped))
    assert np.allclose(stored, rows, atol=0.02)
    assert _recall(mapped, stored, queries) >= 0.98
    best = int(mapped.search(queries[0], 1)[0][0])
    assert best not in mapped.search(queries[0], 200, np.array([best]))[0], "holes are left out here too"


@pytest.mark.parametrize("stored_as", ["float32", "int8"])
def test_a_partition_that_grows_large_is_searched_like_one_built_at_once(stored_as: StoredAs, tmp_path: Path) -> None:
    rows = _families(EXACT_BELOW + 2_000)
    small = Vectors.of(rows[: EXACT_BELOW - 1_000], stored_as)
    large = small.extended(rows[EXACT_BELOW - 1_000 : EXACT_BELOW + 1_000])
    large.write(tmp_path / "v.faiss")
    larger = Vectors.read(tmp_path / "v.faiss").extended(rows[EXACT_BELOW + 1_000 :])
    larger.write(tmp_path / "larger.faiss")
    again = Vectors.read(tmp_path / "larger.faiss")
    assert len(again) == len(rows)
    stored = again.run(0, len(rows))
    assert np.allclose(stored, rows, atol=0.02)
    assert _recall(again, stored, rows[-50:]) >= 0.98
    assert again.search(rows[-1], 1)[0] == [len(rows) - 1]
