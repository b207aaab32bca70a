"""A cross-encoder of a few thousand random weights, made at test time: the class is real, its opinions are not."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_WORDS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"abcdefghijklmnopqrstuvwxyz0123456789.,?")


def write_tiny_cross_encoder(folder: Path, *, labels: int = 1, pickled: bool = False) -> Path:
    """Write a BERT with one layer and a head of `labels` scores to the folder, as its library saves one."""
    import torch  # noqa: PLC0415 - seconds of import
    from transformers import BertConfig, BertForSequenceClassification, BertTokenizerFast  # noqa: PLC0415 - as above

    folder.mkdir(parents=True, exist_ok=True)
    pieces = [*_WORDS, *(f"##{letter}" for letter in _WORDS[5:])]
    vocabulary = folder / "vocab.txt"
    vocabulary.write_text("\n".join(pieces), encoding="utf-8")
    torch.manual_seed(7)
    config = BertConfig(
        vocab_size=len(pieces),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=128,
        num_labels=labels,
        initializer_range=0.5,  # far enough from zero that texts differ
    )
    model = BertForSequenceClassification(config)
    model.save_pretrained(folder)
    BertTokenizerFast(vocab=str(vocabulary), model_max_length=128).save_pretrained(folder)
    if pickled:
        torch.save(model.state_dict(), folder / "pytorch_model.bin")
        (folder / "model.safetensors").unlink()
    return folder
