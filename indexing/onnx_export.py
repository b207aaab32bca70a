"""Turns a sentence-transformers model into one ONNX file: `python -m indexing.onnx_export FOLDER FILE int8`.

A program of its own, because it needs torch and half a gigabyte of memory once, and its user needs neither.
"""

from __future__ import annotations

import logging
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_OPSET = 18


def export(
    folder: Path,
    target: Path,
    precision: str,
    languages: tuple[NDArray[np.float32], NDArray[np.float32]] | None = None,
) -> None:
    """Write the model of the folder, with mean pooling and normalisation in it, into the file.

    The graph takes `ids` and `mask`, int64, (texts, tokens), and gives `vectors`, float32, (texts, dimension). For
    `int8`, weights of matrices and the table of words are stored in 7 of 8 bits, each column with a scale of its own:
    with one scale for a whole matrix, vectors moved to a cosine of .82 to .95 from their originals, with a scale a
    column to .99; with 8 bits, processors without VNNI overflow and give other vectors than those that have it.

    Args:
        folder: Of the model.
        target: The file.
        precision: `float32` or `int8`.
        languages: What `language_directions` returned: taken out of the vectors before they are normalised.
    """
    import torch  # noqa: PLC0415 - seconds of import
    from transformers import AutoModel  # noqa: PLC0415 - as above

    model = AutoModel.from_pretrained(
        str(folder), local_files_only=True, use_safetensors=True, trust_remote_code=False, attn_implementation="eager"
    )

    def apart(means: torch.Tensor) -> torch.Tensor:
        if languages is None:
            return means
        centre, directions = map(torch.from_numpy, languages)
        vectors = torch.nn.functional.normalize(means, dim=1) - centre
        return vectors - vectors @ directions.T @ directions

    class Pooled(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, ids: torch.Tensor, mask: torch.Tensor) -> Any:  # noqa: ANN401 - torch types lose it
            hidden = self.model(input_ids=ids, attention_mask=mask).last_hidden_state
            kept = mask.unsqueeze(-1).to(hidden.dtype)
            means = (hidden * kept).sum(1) / kept.sum(1).clamp(min=1e-9)
            return torch.nn.functional.normalize(apart(means), dim=1)

    ids = torch.arange(1000, 1051).reshape(3, 17)
    mask = torch.ones_like(ids)
    mask[0, 10:] = 0
    axes = {0: torch.export.Dim("texts"), 1: torch.export.Dim("tokens", max=model.config.max_position_embeddings)}
    program = torch.onnx.export(
        Pooled().eval(),
        (ids, mask),
        dynamo=True,
        opset_version=_OPSET,
        dynamic_shapes={"ids": axes, "mask": axes},
        input_names=["ids", "mask"],
        output_names=["vectors"],
        verbose=False,
    )
    if program is None:
        raise RuntimeError("the exporter gave no program")
    plain = target if precision == "float32" else target.with_suffix(".plain")
    program.save(str(plain), external_data=False)
    if precision == "int8":
        _quantize(plain, target)
        plain.unlink()


def _quantize(plain: Path, target: Path) -> None:
    from onnxruntime.quantization import QuantType, quantize_dynamic  # noqa: PLC0415 - an extra

    quantize_dynamic(
        plain,
        target,
        weight_type=QuantType.QInt8,
        op_types_to_quantize=["MatMul", "Gather"],
        per_channel=True,
        reduce_range=True,
    )


if __name__ == "__main__":
    warnings.simplefilter("ignore")  # its errors are told by the caller; what else it says is of no use to a person
    logging.disable(logging.WARNING)
    export(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
