"""The index lends its embedder, so that a statement can be compared with a passage as a question is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from indexing.errors import NoEmbedder
from indexing.live import LiveIndex
from indexing.retrieve import Retriever
from indexing.versions import Versions
from tests.fakes.memory_source import page
from tests.fakes.tiny_embedder import TinyEmbedder
from tests.fakes.written_versions import EMBEDDER, publish

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray


class Failing(TinyEmbedder):
    """An endpoint that went away after it had been loaded."""

    def encode(self, texts: Sequence[str], on_progress: Callable[[int], None] | None = None) -> NDArray[np.float32]:
        del texts, on_progress
        raise NoEmbedder("the endpoint cannot be reached")


def promoted(root: Path) -> Versions:
    versions = Versions(root)
    versions.promote(publish(versions, [page("docker", "Docker cleans its images up.")]))
    return versions


def test_a_version_embeds_texts_as_it_embeds_its_own(tmp_path: Path) -> None:
    opened = promoted(tmp_path).open_live()
    rows = Retriever(opened, EMBEDDER).embed(["docker", "images"])
    assert rows is not None
    assert rows.shape == (2, EMBEDDER.dimension)
    assert np.allclose(np.linalg.norm(rows, axis=1), 1.0)
    assert Retriever(opened, None).embed(["docker"]) is None


def test_nothing_is_embedded_until_the_model_is_loaded(tmp_path: Path) -> None:
    promoted(tmp_path)
    index = LiveIndex(tmp_path, lambda _: EMBEDDER)
    assert index.embed(["docker"]) is None, "nothing was asked yet"
    assert index("docker").lexical_only
    assert index.embed(["docker"]) is None
    assert index.wait_ready(10)
    rows = index.embed(["docker"])
    assert rows is not None
    assert len(rows) == 1


def test_an_embedder_that_went_away_is_none_and_no_error(tmp_path: Path) -> None:
    promoted(tmp_path)
    index = LiveIndex(tmp_path, lambda _: Failing(EMBEDDER.dimension))
    assert index.wait_ready(10)
    assert index.embed(["docker"]) is None
    assert isinstance(index.failure, NoEmbedder)
