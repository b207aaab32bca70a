"""What changed between two versions, told by document and by what its chunks say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from indexing.build import BuildOptions, build
from indexing.diff import diff
from indexing.embedder import HashingEmbedder
from indexing.versions import Versions
from tests.fakes.memory_source import MemorySource, issue, page, unchanged

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from indexing.diff import VersionDiff
    from indexing.model import Document

LONG = "\n\n".join(f"## Part {number}\n\n" + f"Words of part {number}. " * 40 for number in range(4))


def versions(root: Path, *contents: Sequence[Document], dimensions: Sequence[int] = ()) -> VersionDiff:
    """Build a version of each and compare the first with the last."""
    names = []
    for number, documents in enumerate(contents):
        embedder = HashingEmbedder(dimensions[number] if dimensions else 64)
        report = build([MemorySource(documents)], root, embedder, unchanged, options=BuildOptions(force=True))
        names.append(report.version)
    opened = Versions(root)
    return diff(opened.open(names[0]), opened.open(names[-1]))


def test_documents_that_came_went_and_changed_are_named(tmp_path: Path) -> None:
    before = [page("same", "Same."), page("old", "Old."), page("edited", "First words."), issue(1, "It hangs.")]
    after = [page("same", "Same."), page("new", "New."), page("edited", "Other words."), issue(1, "It hangs.")]
    found = versions(tmp_path, before, after)
    assert [(one.document, one.fate) for one in found.documents] == [
        ("docs/new.md", "gained"),
        ("docs/old.md", "lost"),
        ("docs/edited.md", "changed"),
    ]
    assert (found.before, found.after, found.unchanged) == ("v0001", "v0002", 2)
    assert found.by_source == {"docs": {"gained": 1, "lost": 1, "changed": 1}}
    assert not found.embedder_changed


def test_of_a_long_page_only_the_part_that_was_edited_counts(tmp_path: Path) -> None:
    found = versions(tmp_path, [page("long", LONG)], [page("long", LONG.replace("Words of part 2.", "New words."))])
    [changed] = found.of("changed")
    assert changed.chunks_gained == changed.chunks_lost == 1
    assert changed.chunks_kept > 1
    assert (found.chunks_gained, found.chunks_lost, found.chunks_kept) == (1, 1, changed.chunks_kept)


def test_chunks_of_documents_that_did_not_change_are_kept(tmp_path: Path) -> None:
    found = versions(tmp_path, [page("long", LONG)], [page("long", LONG), page("new", "New.")])
    assert found.chunks_gained == 1
    assert found.chunks_kept > 1
    assert found.chunks_lost == 0


def test_a_title_alone_is_a_change_too(tmp_path: Path) -> None:
    found = versions(tmp_path, [page("a", "Text.", "One")], [page("a", "Text.", "Two")])
    assert [one.fate for one in found.documents] == ["changed"]


def test_a_version_does_not_differ_from_itself(tmp_path: Path) -> None:
    found = versions(tmp_path, [page("a", "Text.")], [page("a", "Text.")])
    assert found.before == found.after
    assert found.documents == ()


def test_another_embedding_model_is_told_although_no_document_changed(tmp_path: Path) -> None:
    found = versions(tmp_path, [page("a", "Text.")], [page("a", "Text.")], dimensions=(64, 32))
    assert found.embedder_changed
    assert found.documents == ()
    assert found.unchanged == 1
