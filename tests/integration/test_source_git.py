"""A Git repository as a source: over a path and over HTTP, from its objects, with nothing checked out."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest
from dulwich import porcelain
from dulwich.repo import Repo
from dulwich.server import BackendRepo, DictBackend
from dulwich.web import WSGIRequestHandlerLogger, WSGIServerLogger, make_server, make_wsgi_chain

from indexing.errors import BuildRefused
from indexing.model import Document, Skipped
from indexing.sources import Checkpoint, FollowedSource, Present
from indexing.sources.git_repository import GitRepository
from indexing.sources.path_filter import PathFilter

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def _commit(folder: Path, files: dict[str, str], message: bytes = b"Write docs") -> str:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    porcelain.add(str(folder), paths=[str(folder / name) for name in files])
    commit = porcelain.commit(str(folder), message=message, author=b"A <a@example.org>", committer=b"A <a@example.org>")
    return commit.decode()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "handbook"
    folder.mkdir()
    porcelain.init(str(folder)).close()
    _commit(folder, {"README.md": "# Handbook", "docs/ci/run ner.md": "# Runner\n\nStart it.", "src/a.py": "x = 1"})
    return folder


@pytest.fixture
def served(repository: Path) -> Iterator[str]:
    opened = Repo(str(repository))
    repos: dict[str, BackendRepo] = {"/group/handbook.git": opened}
    app = make_wsgi_chain(DictBackend(repos))
    server = make_server("127.0.0.1", 0, app, handler_class=WSGIRequestHandlerLogger, server_class=WSGIServerLogger)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/group/handbook.git"
    server.shutdown()
    thread.join()
    server.server_close()
    opened.close()


def _texts(source: GitRepository) -> dict[str, str]:
    return {item.id: item.text for item in source.items() if isinstance(item, Document)}


def test_a_local_repository_is_read_from_its_objects(repository: Path, tmp_path: Path) -> None:
    (repository / "README.md").write_text("not committed")
    assert _texts(GitRepository(str(repository), tmp_path / "cache")) == {
        "docs/README.md": "# Handbook",
        "docs/docs/ci/run ner.md": "# Runner\n\nStart it.",
    }
    assert not (tmp_path / "cache").exists()


def test_a_served_repository_is_fetched_and_fetched_again_only_when_it_changed(
    served: str, repository: Path, tmp_path: Path
) -> None:
    cache = tmp_path / "cache"
    source = GitRepository(served, cache, name="handbook", filter=PathFilter(("/docs/",)))
    (first,) = source.items()
    assert isinstance(first, Document)
    assert first.id == "handbook/docs/ci/run ner.md"
    assert first.title == "Runner"
    assert first.url.startswith(served.removesuffix(".git") + "/-/blob/")
    assert first.url.endswith("/docs/ci/run%20ner.md")
    packs = sorted(cache.glob("*/objects/pack/*.pack"))
    list(source.items())
    assert sorted(cache.glob("*/objects/pack/*.pack")) == packs
    _commit(repository, {"docs/ci/run ner.md": "# Runner\n\nStop it."})
    assert _texts(source) == {"handbook/docs/ci/run ner.md": "# Runner\n\nStop it."}
    assert not list(cache.rglob("*.md"))


def test_only_files_that_changed_are_read_again_and_renamed_ones_leave(repository: Path, tmp_path: Path) -> None:
    source = GitRepository(str(repository), tmp_path / "cache", filter=PathFilter(exclude=("LICENSE.md",)))
    *_, present, checkpoint = source.changes(None, sweep=True)
    assert isinstance(source, FollowedSource)
    assert isinstance(checkpoint, Checkpoint)
    assert [type(change) for change in source.changes(checkpoint.cursor, sweep=False)] == [Present, Checkpoint]
    (repository / "README.md").rename(repository / "START.md")
    porcelain.remove(str(repository), paths=[str(repository / "README.md")])
    _commit(repository, {"START.md": "# Handbook", "LICENSE.md": "x"})
    document, present, _ = source.changes(checkpoint.cursor, sweep=False)
    assert isinstance(document, Document)
    assert document.id == "docs/START.md"
    assert present == Present("docs/", frozenset({"docs/START.md", "docs/docs/ci/run ner.md"}))


def test_only_the_newest_commit_is_fetched(served: str, repository: Path, tmp_path: Path) -> None:
    old = Repo(str(repository)).head()
    _commit(repository, {"README.md": "# New"})
    list(GitRepository(served, tmp_path / "cache").items())
    (folder,) = (tmp_path / "cache").iterdir()
    with Repo(str(folder)) as fetched:
        assert old not in fetched.object_store


def test_a_branch_a_tag_or_a_commit_can_be_chosen(served: str, repository: Path, tmp_path: Path) -> None:
    first = Repo(str(repository)).head().decode()
    porcelain.branch_create(str(repository), "stable/1")
    porcelain.tag_create(str(repository), b"v1", author=b"A <a@example.org>", message=b"one", annotated=True)
    _commit(repository, {"README.md": "# New"})
    for url in (served, str(repository)):
        for ref in ("stable/1", "v1", first):
            assert _texts(GitRepository(url, tmp_path / ref.replace("/", "-"), ref))["docs/README.md"] == "# Handbook"
        assert _texts(GitRepository(url, tmp_path / "head"))["docs/README.md"] == "# New"


def test_links_in_a_repository_are_named_and_not_followed(repository: Path, tmp_path: Path) -> None:
    (repository / "passwd.md").symlink_to("/etc/passwd")
    porcelain.add(str(repository), paths=[str(repository / "passwd.md")])
    _commit(repository, {"big.md": "x" * 300})
    items = list(GitRepository(str(repository), tmp_path, max_bytes=200).items())
    reasons = {item.document: item.reason for item in items if isinstance(item, Skipped)}
    assert reasons["docs/passwd.md"] == "a symbolic link: links are not followed"
    assert "larger than the limit" in reasons["docs/big.md"]


def test_what_cannot_be_fetched_refuses_the_build_in_one_line_without_credentials(
    served: str, repository: Path, tmp_path: Path
) -> None:
    closed = "http://user:secret@127.0.0.1:9/x.git"
    for url, ref in (
        (closed, ""),
        (served.replace("handbook", "other"), ""),
        (served, "no-such-branch"),
        (str(tmp_path / "none"), ""),
        (str(repository), "no-such-branch"),
        (str(repository), "0" * 40),
        ("ext::sh -c id://x", ""),
        ("file:///etc", ""),
    ):
        with pytest.raises(BuildRefused) as refused:
            list(GitRepository(url, tmp_path / "cache", ref, token="").items())
        assert "\n" not in str(refused.value)
        assert "secret" not in str(refused.value)


def test_the_token_is_not_shown(tmp_path: Path) -> None:
    assert "canary" not in repr(GitRepository("https://gitlab.example/a.git", tmp_path, token="canary"))
