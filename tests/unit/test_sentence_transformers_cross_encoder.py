"""A cross-encoder in a folder: the real class with tiny random weights, and folders that are refused."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest

from indexing.errors import NoCrossEncoder
from indexing.sentence_transformers_cross_encoder import SentenceTransformersCrossEncoder
from tests.fakes.tiny_cross_encoder import write_tiny_cross_encoder

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.slow, pytest.mark.model]

QUESTION = "how do i reset a token?"
TEXTS = ["reset the token on the page of the runner", "a bear", "word " * 3_000, ""]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_cross_encoder(tmp_path_factory.mktemp("models") / "tiny")


def test_each_text_is_scored_together_with_the_question(folder: Path) -> None:
    encoder = SentenceTransformersCrossEncoder(folder)
    scores = encoder.score(QUESTION, TEXTS)
    assert len(set(scores)) == len(TEXTS)
    assert encoder.score(QUESTION, TEXTS[::-1]) == pytest.approx(scores[::-1], abs=1e-4)
    assert encoder.score("zebra", TEXTS) != pytest.approx(scores, abs=1e-3)
    assert encoder.score(QUESTION, []) == []


def test_the_fingerprint_is_that_of_the_weights(folder: Path, tmp_path: Path) -> None:
    named = SentenceTransformersCrossEncoder(folder).fingerprint
    copy = shutil.copytree(folder, tmp_path / "copy")
    assert SentenceTransformersCrossEncoder(copy).fingerprint == named
    with (copy / "model.safetensors").open("r+b") as weights:
        weights.seek(-4, 2)
        weights.write(b"\x00\x00\x80\x3f")
    assert SentenceTransformersCrossEncoder(copy).fingerprint != named


def test_pickled_weights_are_refused_before_anything_reads_them(tmp_path: Path) -> None:
    model = write_tiny_cross_encoder(tmp_path / "pickled", pickled=True)
    with pytest.raises(NoCrossEncoder, match=r"pickled weights \(pytorch_model\.bin\), which can run code"):
        SentenceTransformersCrossEncoder(model)


def test_a_pickled_part_beside_safe_weights_is_refused_too(folder: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(folder, tmp_path / "copy")
    (copy / "1_Dense").mkdir()
    (copy / "1_Dense" / "pytorch_model.bin").write_bytes(b"no code")
    with pytest.raises(NoCrossEncoder, match="pickled"):
        SentenceTransformersCrossEncoder(copy)


def test_a_model_that_tells_classes_apart_is_refused(tmp_path: Path) -> None:
    model = write_tiny_cross_encoder(tmp_path / "classes", labels=3)
    with pytest.raises(NoCrossEncoder, match="tells 3 classes apart"):
        SentenceTransformersCrossEncoder(model).score(QUESTION, TEXTS)


def test_a_model_without_a_head_would_score_by_chance_and_is_refused(folder: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(folder, tmp_path / "copy")
    config = json.loads((copy / "config.json").read_text("utf-8"))
    (copy / "config.json").write_text(json.dumps({**config, "architectures": ["BertModel"]}), "utf-8")
    with pytest.raises(NoCrossEncoder, match="is no cross-encoder"):
        SentenceTransformersCrossEncoder(copy)


def test_code_that_a_folder_brings_along_is_not_run(folder: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(folder, tmp_path / "copy")
    ran = tmp_path / "ran"
    (copy / "mine.py").write_text(f"open({str(ran)!r}, 'w').close()\n", "utf-8")
    config = json.loads((copy / "config.json").read_text("utf-8"))
    config |= {"auto_map": {"AutoConfig": "mine.Config", "AutoModelForSequenceClassification": "mine.Model"}}
    config |= {"sentence_transformers": {"activation_fn": "mine.Activation"}}
    (copy / "config.json").write_text(json.dumps(config), "utf-8")
    with_code = SentenceTransformersCrossEncoder(copy).score(QUESTION, TEXTS)
    assert with_code == pytest.approx(SentenceTransformersCrossEncoder(folder).score(QUESTION, TEXTS), abs=1e-4)
    assert not ran.exists()


@pytest.mark.parametrize("content", [None, "{", "[]", '{"architectures": 3}'])
def test_a_folder_without_a_model_is_told(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "config.json").write_text(content, "utf-8")
    with pytest.raises(NoCrossEncoder, match="ASSISTANT_RERANKER"):
        SentenceTransformersCrossEncoder(tmp_path)


def test_weights_that_are_cut_off_are_told(folder: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(folder, tmp_path / "copy")
    whole = (copy / "model.safetensors").read_bytes()
    (copy / "model.safetensors").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(NoCrossEncoder, match="does not load"):
        SentenceTransformersCrossEncoder(copy).score(QUESTION, TEXTS)
