"""The parts of the knowledge base: embedders, reranker, sources, the live index. A part of `assistant.wiring`."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from assistant.errors import NotConfigured
from assistant.wiring.place import home, index_root

if TYPE_CHECKING:
    from collections.abc import Sequence

    from assistant.settings import Settings
    from indexing.cross_encoder import CrossEncoder
    from indexing.embedder import Embedder
    from indexing.live import LiveIndex
    from indexing.model import Clean
    from indexing.onnx_embedder import Precision
    from indexing.prefixes import Prefixes
    from indexing.second_look import SecondLook
    from indexing.sources import Source as DocumentSource

log = structlog.get_logger(__name__)


def embedder(settings: Settings) -> Embedder:
    """Return the embedder that is set; its model is loaded at its first use.

    Raises:
        NotConfigured: The setting names nothing that can be loaded.
    """
    from indexing.embedder import HashingEmbedder  # noqa: PLC0415 - heavy rooms load when they are used
    from indexing.sentence_transformers_embedder import (  # noqa: PLC0415 - as above
        PACKAGED_SHA256,
        SentenceTransformersEmbedder,
        packaged_model,
    )

    if settings.embedder == "hashing":
        return HashingEmbedder()
    if settings.embedder.startswith(("http://", "https://")):
        return _endpoint_embedder(settings)
    cache = home(settings) / "checked-models.json"
    if settings.embedder == "packaged":
        return SentenceTransformersEmbedder(packaged_model(), PACKAGED_SHA256, cache=cache)
    if settings.embedder in {"packaged-onnx", "packaged-int8", "multilingual"}:
        return _onnx_embedder(settings, cache)
    path = Path(settings.embedder)
    if not (path / "modules.json").is_file():
        raise NotConfigured(
            f"ASSISTANT_EMBEDDER={settings.embedder}: no folder with a sentence-transformers model (modules.json); "
            "use `packaged-onnx`, `packaged`, `packaged-int8`, `multilingual`, such a folder, the address of an "
            "endpoint, or `hashing`"
        )
    given = _prefixes(settings)
    return SentenceTransformersEmbedder(
        path,
        None,
        cache=cache,
        prefixes=given if given.mark else None,
        multilingual=settings.embedder_multilingual,
    )


def _onnx_embedder(settings: Settings, cache: Path) -> Embedder:
    import click  # noqa: PLC0415 - as above

    from indexing.e5_weights import PackedE5  # noqa: PLC0415 - as above
    from indexing.onnx_embedder import PREPARED, OnnxEmbedder  # noqa: PLC0415 - as above
    from indexing.sentence_transformers_embedder import PACKAGED_SHA256, packaged_model  # noqa: PLC0415 - as above

    multilingual = settings.embedder == "multilingual"
    precision: Precision = "float32" if settings.embedder == "packaged-onnx" else "int8"
    return OnnxEmbedder(
        PackedE5() if multilingual else packaged_model(),
        None if multilingual else PACKAGED_SHA256,
        home(settings) / "models",
        precision,
        cache=cache,
        tell=partial(click.echo, err=True),
        prepared=PREPARED,
    )


def _prefixes(settings: Settings) -> Prefixes:
    from indexing.prefixes import Prefixes  # noqa: PLC0415 - as above

    return Prefixes(settings.embedder_question_prefix, settings.embedder_document_prefix)


def _endpoint_embedder(settings: Settings) -> Embedder:
    from indexing.openai_embedder import OpenAIEmbedder  # noqa: PLC0415 - as above

    if not settings.embedder_model:
        raise NotConfigured("ASSISTANT_EMBEDDER is the address of an endpoint: set ASSISTANT_EMBEDDER_MODEL too")
    return OpenAIEmbedder(
        settings.embedder,
        settings.embedder_model,
        settings.openai_api_key.get_secret_value(),
        multilingual=settings.embedder_multilingual,
        prefixes=_prefixes(settings),
        cache=home(settings) / "embedding-endpoints.json",
    )


def cross_encoder(settings: Settings) -> CrossEncoder | None:
    """Return the reranker that is set, or None; a model in a folder is loaded at its first use.

    Raises:
        NotConfigured: The setting names nothing that can rerank.
    """
    if not settings.reranker:
        if settings.reranker_model:
            raise NotConfigured("ASSISTANT_RERANKER_MODEL names a model of no endpoint: set ASSISTANT_RERANKER too")
        return None
    from indexing.errors import NoCrossEncoder  # noqa: PLC0415 - heavy rooms load when they are used
    from indexing.rerank_endpoint import RerankEndpoint  # noqa: PLC0415 - as above
    from indexing.sentence_transformers_cross_encoder import SentenceTransformersCrossEncoder  # noqa: PLC0415 - as above

    if settings.reranker.startswith(("http://", "https://")):
        return RerankEndpoint(settings.reranker, settings.reranker_model, settings.openai_api_key.get_secret_value())
    try:
        return SentenceTransformersCrossEncoder(Path(settings.reranker))
    except NoCrossEncoder as error:
        raise NotConfigured(str(error)) from error


def second_look(settings: Settings) -> SecondLook | None:
    """Return what reorders the first documents by the reranker that is set, or None.

    Raises:
        NotConfigured: As of `cross_encoder`.
    """
    encoder = cross_encoder(settings)
    if encoder is None:
        return None
    from indexing.second_look import SecondLook  # noqa: PLC0415 - heavy rooms load when they are used

    return SecondLook(encoder, lambda why: log.warning("reranker.failed", served="the order of the search", why=why))


def clean(settings: Settings) -> Clean:
    """Return what strips invisible characters and masks secrets before anything is stored."""
    del settings
    from assistant.adapters.secret_scanner import make_mask  # noqa: PLC0415 - loads the rule engine

    return make_mask()


def sources(settings: Settings, docs: Sequence[Path] = (), issues: Sequence[Path] = ()) -> list[DocumentSource]:
    """Return the sources given on the command line, or else those of `assistant.toml`.

    Raises:
        NotConfigured: There are none, or one is set up wrongly.
    """
    from assistant.sourcing import configured_sources, given_sources  # noqa: PLC0415 - heavy rooms load when used

    return given_sources(docs, issues) if docs or issues else configured_sources(settings, home(settings))


def live_index(settings: Settings) -> LiveIndex:
    """Return retrieval over whichever version is live."""
    from indexing.live import LiveIndex  # noqa: PLC0415 - loads faiss

    def warn(damage: Sequence[str]) -> None:
        log.warning("index.damaged", served="the newest whole version", problems=list(damage))

    def named(name: str) -> Embedder:
        # A version names what made it; an address or a folder is only followed when it is the one that is set.
        follows = name in {"packaged", "packaged-onnx", "packaged-int8", "multilingual", "hashing"}
        return embedder(settings.model_copy(update={"embedder": name}) if follows else settings)

    return LiveIndex(index_root(settings), named, warn, second_look=second_look(settings))
