"""The embedder of all fast tests: no torch, no model file, the same vectors on every machine."""

from __future__ import annotations

from indexing.embedder import HashingEmbedder as TinyEmbedder

__all__ = ["TinyEmbedder"]
