"""`python -m indexing.prepare_model`: makes the ONNX file of the packaged model, once for all homes."""

from __future__ import annotations

import sys

from indexing.errors import NoEmbedder
from indexing.onnx_embedder import PREPARED, OnnxEmbedder
from indexing.sentence_transformers_embedder import PACKAGED_SHA256, packaged_model


def main() -> int:
    """Make it; 1 when that fails, with one line that says why."""
    try:
        OnnxEmbedder(packaged_model(), PACKAGED_SHA256, PREPARED, "float32").prepare()
    except (NoEmbedder, OSError) as error:
        sys.stderr.write(f"the embedding model was not prepared: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
