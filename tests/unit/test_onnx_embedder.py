"""The packaged model in onnxruntime. What needs the extra `onnx` is skipped without it."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from indexing.build import build
from indexing.errors import Incompatible, NoEmbedder
from indexing.onnx_embedder import OnnxEmbedder
from indexing.retrieve import Retriever
from indexing.sentence_transformers_embedder import PACKAGED_SHA256, SentenceTransformersEmbedder, packaged_model
from indexing.versions import Versions
from tests.fakes.memory_source import MemorySource, page, unchanged
from tests.fakes.tiny_embedder import TinyEmbedder

REPOSITORY = Path(__file__).parents[2]
TEXTS = ["The runner cannot pull the image", "docker pull fails in CI", "A cake recipe", "", "half a pair \ud83d"]
needs_onnx = pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in ("onnx", "onnxruntime", "onnxscript")),
    reason="needs the extra onnx: pip install 'support-assistant[onnx]'",
)


def test_each_runtime_and_precision_has_a_fingerprint_of_its_own_and_none_needs_the_model_loaded(
    tmp_path: Path,
) -> None:
    torch = SentenceTransformersEmbedder(packaged_model(), PACKAGED_SHA256)
    int8 = OnnxEmbedder(packaged_model(), PACKAGED_SHA256, tmp_path, "int8")
    float32 = OnnxEmbedder(packaged_model(), PACKAGED_SHA256, tmp_path, "float32")
    assert len({torch.fingerprint, int8.fingerprint, float32.fingerprint}) == 3
    assert (int8.dimension, int8.multilingual) == (384, False)
    assert not list(tmp_path.iterdir()), "nothing was made"


class _AsTorch(TinyEmbedder):
    """Calls itself the packaged model in torch."""

    fingerprint = SentenceTransformersEmbedder(packaged_model(), PACKAGED_SHA256).fingerprint


def test_an_index_of_one_runtime_is_never_searched_with_another(tmp_path: Path) -> None:
    build([MemorySource([page("a", "Shared runners stop a job.")])], tmp_path / "index", _AsTorch(384), unchanged)
    version = Versions(tmp_path / "index").open_live()
    with pytest.raises(Incompatible, match="another embedder"):
        Retriever(version, OnnxEmbedder(packaged_model(), PACKAGED_SHA256, tmp_path))


@needs_onnx
def test_a_model_whose_weights_were_changed_is_not_turned_into_another(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    for name in ("config.json", "tokenizer.json", "sentence_bert_config.json"):
        (folder / name).write_bytes((packaged_model() / name).read_bytes())
    (folder / "model.safetensors").write_bytes(b"evil")
    with pytest.raises(NoEmbedder, match="not the expected model"):
        OnnxEmbedder(folder, PACKAGED_SHA256, tmp_path / "models").encode_query("x")
    assert not [path for path in (tmp_path / "models").iterdir() if path.is_dir()]


@needs_onnx
def test_what_cannot_be_turned_into_onnx_is_told_in_one_line(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    for name in ("tokenizer.json", "sentence_bert_config.json"):
        (folder / name).write_bytes((packaged_model() / name).read_bytes())
    (folder / "config.json").write_text(json.dumps({"hidden_size": 4, "vocab_size": 3}))
    (folder / "model.safetensors").write_bytes(b"no weights")
    with pytest.raises(NoEmbedder, match="ASSISTANT_EMBEDDER=packaged") as caught:
        OnnxEmbedder(folder, None, tmp_path / "models").encode_query("x")
    assert "\n" not in str(caught.value)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("models")


def _int8(models: Path, told: list[str]) -> OnnxEmbedder:
    return OnnxEmbedder(packaged_model(), PACKAGED_SHA256, models, "int8", tell=told.append)


@needs_onnx
@pytest.mark.model
@pytest.mark.slow
def test_the_model_is_made_once_and_made_anew_when_its_file_was_damaged(models: Path) -> None:
    told: list[str] = []
    first = _int8(models, told).encode_query("anything")
    assert len(told) == 1
    assert np.array_equal(_int8(models, told).encode_query("anything"), first)
    assert len(told) == 1
    [file] = models.glob("*/model.onnx")
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    assert np.array_equal(_int8(models, told).encode_query("anything"), first)
    assert len(told) == 2


@needs_onnx
@pytest.mark.model
@pytest.mark.slow
def test_int8_vectors_are_near_the_originals_and_do_not_depend_on_their_neighbours(models: Path) -> None:
    done: list[int] = []
    embedder = _int8(models, [])
    rows = embedder.encode(TEXTS, done.append)
    assert rows.shape == (5, 384)
    assert np.allclose(np.linalg.norm(rows, axis=1), 1.0, atol=1e-5)
    assert sum(done) == 5
    assert np.array_equal(rows, np.stack([embedder.encode_query(text) for text in TEXTS]))
    originals = SentenceTransformersEmbedder(packaged_model(), PACKAGED_SHA256).encode(TEXTS[:3])
    assert ((rows[:3] * originals).sum(axis=1) > 0.97).all()


@needs_onnx
@pytest.mark.model
@pytest.mark.slow
def test_float32_vectors_are_the_originals(models: Path) -> None:
    embedder = OnnxEmbedder(packaged_model(), PACKAGED_SHA256, models, "float32")
    long = "word " * 1000
    originals = SentenceTransformersEmbedder(packaged_model(), PACKAGED_SHA256).encode([*TEXTS[:4], long])
    assert np.allclose(embedder.encode([*TEXTS[:4], long]), originals, atol=1e-5)


@needs_onnx
@pytest.mark.model
@pytest.mark.slow
def test_a_question_is_embedded_without_torch(models: Path) -> None:
    _int8(models, []).encode_query("made")
    script = (
        "import sys; from pathlib import Path; from indexing.onnx_embedder import OnnxEmbedder\n"
        "from indexing.sentence_transformers_embedder import PACKAGED_SHA256, packaged_model\n"
        "OnnxEmbedder(packaged_model(), PACKAGED_SHA256, Path(sys.argv[1])).encode_query('hello')\n"
        "print(sorted({'torch', 'transformers'} & set(sys.modules)))"
    )
    done = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", script, str(models)], capture_output=True, text=True, check=True, cwd=REPOSITORY
    )
    assert done.stdout.strip() == "[]"
