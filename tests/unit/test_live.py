from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest

from indexing.errors import DamagedIndex, NoEmbedder, NoIndex
from indexing.live import RETRY_S, LiveIndex
from indexing.versions import Versions
from indexing.withdrawn import Withdrawn
from tests.fakes.memory_source import issue, page
from tests.fakes.tiny_embedder import TinyEmbedder
from tests.fakes.written_versions import EMBEDDER, publish

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from indexing.embedder import Embedder


def _promoted(root: Path, text: str, *, number: int = 1) -> None:
    versions = Versions(root)
    versions.promote(publish(versions, [page("docker", text), issue(number, "The runner needs docker.")]))


def _shown(index: LiveIndex, question: str = "docker runner") -> str:
    return " ".join(passage.chunk.text for passage in index(question).passages)


def _live(root: Path, damage: list[str] | None = None) -> LiveIndex:
    told = damage if damage is not None else []
    return LiveIndex(root, lambda _: EMBEDDER, told.extend)


def _soon_shows(index: LiveIndex, word: str) -> bool:
    deadline = time.monotonic() + 10
    while word not in _shown(index):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def test_before_the_first_build_one_line_says_what_to_do_and_then_the_index_is_there(tmp_path: Path) -> None:
    index = _live(tmp_path)
    assert index.wait_ready(10)
    with pytest.raises(NoIndex, match="assistant index build"):
        index("docker")
    _promoted(tmp_path, "docker one")
    assert not index("docker").lexical_only


def test_full_text_answers_until_the_model_is_loaded(tmp_path: Path) -> None:
    _promoted(tmp_path, "docker one")
    may_load = threading.Event()

    def make(name: str) -> Embedder:
        del name
        may_load.wait(10)
        return EMBEDDER

    index = LiveIndex(tmp_path, make)
    index.start_loading()
    assert index("docker").lexical_only
    may_load.set()
    assert index.wait_ready(10)
    assert not index("docker").lexical_only


def test_a_promotion_and_a_rollback_are_followed(tmp_path: Path) -> None:
    _promoted(tmp_path, "docker one")
    index = _live(tmp_path)
    index.wait_ready(10)
    assert "one" in _shown(index)
    _promoted(tmp_path, "docker two")
    assert _soon_shows(index, "two")
    Versions(tmp_path).rollback()
    assert _soon_shows(index, "one")
    assert not index("docker").lexical_only


def test_the_version_before_answers_while_the_model_of_a_new_one_is_loaded(tmp_path: Path) -> None:
    _promoted(tmp_path, "docker one")
    other, may_load = TinyEmbedder(64), threading.Event()

    def make(name: str) -> Embedder:
        if name == "other":
            may_load.wait(10)
            return other
        return EMBEDDER

    index = LiveIndex(tmp_path, make)
    assert index.wait_ready(10)
    versions = Versions(tmp_path)
    versions.promote(publish(versions, [page("docker", "docker two")], embedder=other, embedder_name="other"))
    found = index("docker")
    assert "one" in found.passages[0].chunk.text
    assert (found.index_version, found.lexical_only) == ("v0001", False)
    may_load.set()
    assert _soon_shows(index, "two")
    found = index("docker")
    assert (found.index_version, found.lexical_only) == ("v0002", False)


def test_a_model_that_does_not_load_is_told_and_full_text_goes_on(tmp_path: Path) -> None:
    _promoted(tmp_path, "docker one")

    def make(name: str) -> Embedder:
        raise OSError(f"no model {name}")

    index = LiveIndex(tmp_path, make)
    with pytest.raises(OSError, match="no model"):
        index.wait_ready(10)
    assert isinstance(index.failure, OSError)
    assert index("docker").lexical_only


class Endpoint(TinyEmbedder):
    """An embedder behind a wire that can be down."""

    def __init__(self) -> None:
        super().__init__(EMBEDDER.dimension)
        self.is_down = False
        self.asked = 0

    def encode_query(self, text: str) -> NDArray[np.float32]:
        self.asked += 1
        if self.is_down:
            raise NoEmbedder("the endpoint does not answer")
        return super().encode_query(text)


def test_an_endpoint_that_is_down_for_a_while_costs_the_vectors_alone(tmp_path: Path) -> None:
    _promoted(tmp_path, "docker one")
    endpoint, seconds = Endpoint(), [0.0]
    index = LiveIndex(tmp_path, lambda _: endpoint, clock=lambda: seconds[0])
    index.wait_ready(10)
    assert not index("docker").lexical_only
    endpoint.is_down, asked = True, endpoint.asked
    assert index("docker").lexical_only
    assert index("docker").lexical_only
    assert endpoint.asked == asked + 1  # nobody waits for it a second time so soon
    assert isinstance(index.failure, NoEmbedder)
    endpoint.is_down = False
    seconds[0] += RETRY_S + 1
    assert not index("docker").lexical_only
    assert index.failure is None


def test_an_endpoint_that_was_down_at_the_start_is_tried_again(tmp_path: Path) -> None:
    _promoted(tmp_path, "docker one")
    endpoint, seconds = Endpoint(), [0.0]
    endpoint.is_down = True
    index = LiveIndex(tmp_path, lambda _: endpoint, clock=lambda: seconds[0])
    with pytest.raises(NoEmbedder):
        index.wait_ready(10)
    assert index("docker").lexical_only
    endpoint.is_down = False
    seconds[0] += RETRY_S + 1
    index("docker")
    deadline = time.monotonic() + 10
    while index("docker").lexical_only and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not index("docker").lexical_only


def test_a_withdrawn_document_is_gone_with_the_next_question_and_comes_back_when_allowed(tmp_path: Path) -> None:
    _promoted(tmp_path, "docker canary-7f3a")
    index = _live(tmp_path)
    index.wait_ready(10)
    assert "canary" in _shown(index)
    Withdrawn(tmp_path).add(["docs/docker.md"])
    found = index("docker canary-7f3a")
    assert [entry.document for entry in found.ranking] == ["issue:1"]
    assert "canary" not in _shown(index)
    Withdrawn(tmp_path).remove(["docs/docker.md"])
    assert "canary" in _shown(index)


def test_a_rollback_never_brings_back_what_was_withdrawn(tmp_path: Path) -> None:
    _promoted(tmp_path, "docker canary-7f3a")
    index = _live(tmp_path)
    versions = Versions(tmp_path)
    versions.promote(publish(versions, [issue(1, "The runner needs docker.")]))
    Withdrawn(tmp_path).add(["docs/docker.md"])
    versions.rollback()
    for asked in (index, _live(tmp_path)):
        deadline = time.monotonic() + 1
        while time.monotonic() < deadline and asked("docker").index_version != "v0001":
            assert "canary" not in _shown(asked)
        assert asked("docker").index_version == "v0001"
        assert "canary" not in _shown(asked)


def test_a_list_of_withdrawn_documents_that_cannot_be_read_stops_answers_rather_than_show_them(tmp_path: Path) -> None:
    _promoted(tmp_path, "docker canary-7f3a")
    index = _live(tmp_path)
    assert "canary" in _shown(index)
    (tmp_path / "WITHDRAWN.json").write_text("{")
    with pytest.raises(DamagedIndex, match=r"WITHDRAWN\.json"):
        index("docker")


def test_a_damaged_new_version_is_told_once_and_the_one_before_goes_on(tmp_path: Path) -> None:
    _promoted(tmp_path, "docker one")
    told: list[str] = []
    index = _live(tmp_path, told)
    assert "one" in _shown(index)
    _promoted(tmp_path, "docker two")
    (tmp_path / "versions/v0002/catalog.sqlite").write_bytes(b"damaged")
    deadline = time.monotonic() + 10
    while not told and time.monotonic() < deadline:
        assert "one" in _shown(index)
    for _ in range(5):
        assert "one" in _shown(index)
    assert len(told) == 1
    assert "v0002" in told[0]


def test_many_threads_ask_while_versions_change_and_each_answer_is_of_one_version(tmp_path: Path) -> None:
    texts = {}
    for number in range(1, 6):
        _promoted(tmp_path, f"docker text{number}", number=number)
        texts[f"v{number:04d}"] = (f"docker text{number}", f"issue:{number}")
    versions, index = Versions(tmp_path), _live(tmp_path)
    index.wait_ready(10)
    wrong: list[object] = []
    stop = threading.Event()

    def ask() -> None:
        while not stop.is_set():
            found = index("docker runner")
            text, name = texts[found.index_version]
            shown = {passage.chunk.text for passage in found.passages if passage.kind == "page"}
            if shown != {text} or name not in {entry.document for entry in found.ranking}:
                wrong.append(found)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(3):
        for name in texts:
            versions.promote(name)
            time.sleep(0.02)
    stop.set()
    for thread in threads:
        thread.join()
    assert wrong == []
