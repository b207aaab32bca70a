"""How the store follows its sources: what is new, what is gone, and what is too much to believe."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from indexing.build import BuildOptions, after_promotion, build
from indexing.collecting import Refresh, RefreshOptions
from indexing.errors import BuildRefused
from indexing.model import Cleaned, Document, Skipped
from indexing.source_store import SourceStore
from indexing.sources import Checkpoint, Present
from indexing.versions import Versions, utc_now
from indexing.visibility import with_visibility
from indexing.withdrawn import Withdrawn
from tests.fakes.memory_source import FollowedMemory, MemorySource, issue, page, unchanged
from tests.fakes.tiny_embedder import TinyEmbedder

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from indexing.build import BuildReport
    from indexing.collecting import SourceReport
    from indexing.sources import Change, Source

TEN = [page(f"p{number}", f"Text number {number}.") for number in range(10)]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SourceStore]:
    opened = SourceStore(tmp_path / "sources.sqlite", utc_now)
    yield opened
    opened.close()


def refresh(store: SourceStore, root: Path, source: Source, **options: object) -> SourceReport:
    chosen = RefreshOptions(**options)  # type: ignore[arg-type] # options of several types by name
    return Refresh(root, store, unchanged, chosen, lambda _: None)(source)


def held_by(store: SourceStore, name: str = "docs") -> set[str]:
    return set(store.entries(name))


def test_a_source_read_again_tells_what_is_new_changed_and_gone(store: SourceStore, tmp_path: Path) -> None:
    first = refresh(store, tmp_path, MemorySource(TEN))
    assert (first.state, first.documents, first.added) == ("read", 10, 10)
    assert refresh(store, tmp_path, MemorySource(TEN)).state == "unchanged"
    second = refresh(store, tmp_path, MemorySource([page("p1", "New words."), page("new", "New."), *TEN[2:]]))
    assert (second.added, second.changed, second.removed, second.documents) == (1, 1, 1, 10)


@pytest.mark.parametrize("now", [[], TEN[:5], TEN[:7], TEN[:1]])
def test_a_source_that_answers_empty_or_half_loses_nothing(
    store: SourceStore, tmp_path: Path, now: list[Document]
) -> None:
    refresh(store, tmp_path, MemorySource(TEN))
    report = refresh(store, tmp_path, MemorySource(now))
    assert report.state == "held"
    assert "--force" in report.reason
    assert len(held_by(store)) == 10
    assert store.states()[0].held == report.reason


def test_what_a_half_answer_says_of_its_other_half_is_not_believed_either(store: SourceStore, tmp_path: Path) -> None:
    refresh(store, tmp_path, MemorySource(TEN))
    before = store.entries("docs")
    refresh(store, tmp_path, MemorySource([page("p1", "Other words.")]))
    assert store.entries("docs") == before


def test_force_takes_a_source_as_it_is_and_ends_the_hold(store: SourceStore, tmp_path: Path) -> None:
    refresh(store, tmp_path, MemorySource(TEN))
    refresh(store, tmp_path, MemorySource(TEN[:3]))
    assert refresh(store, tmp_path, MemorySource(TEN[:3]), force=True).removed == 7
    assert store.states()[0].held == ""
    assert len(held_by(store)) == 3


def test_one_document_may_always_go_also_of_few(store: SourceStore, tmp_path: Path) -> None:
    refresh(store, tmp_path, MemorySource(TEN[:3]))
    assert refresh(store, tmp_path, MemorySource(TEN[:2])).removed == 1
    assert refresh(store, tmp_path, MemorySource(TEN[:1])).removed == 1
    assert refresh(store, tmp_path, MemorySource([])).state == "held"


def test_a_source_that_fails_keeps_what_it_had_and_says_why(store: SourceStore, tmp_path: Path) -> None:
    wiki = FollowedMemory()
    wiki.put(*TEN)
    refresh(store, tmp_path, wiki)
    wiki.put(page("p1", "Changed."))
    wiki.dies_after = 0
    report = refresh(store, tmp_path, wiki)
    assert (report.state, report.documents, report.reason) == ("failed", 10, "wiki cannot be read now")
    assert store.states()[0].last_error == "wiki cannot be read now"
    wiki.dies_after = None
    assert refresh(store, tmp_path, wiki).changed == 1
    assert store.states()[0].last_error == ""


def test_a_first_reading_that_broke_off_goes_on_at_its_last_checkpoint(store: SourceStore, tmp_path: Path) -> None:
    wiki = FollowedMemory(every=2)
    wiki.put(*TEN)
    wiki.dies_after = 5
    refresh(store, tmp_path, wiki)
    assert len(held_by(store, "wiki")) == 4  # two checkpoints of two; the fifth was read for nothing
    wiki.dies_after = None
    refresh(store, tmp_path, wiki)
    assert len(held_by(store, "wiki")) == 10
    assert len(wiki.reads) == 5 + 6


def test_only_what_changed_is_read_of_a_followed_source(store: SourceStore, tmp_path: Path) -> None:
    wiki = FollowedMemory()
    wiki.put(*TEN)
    refresh(store, tmp_path, wiki)
    wiki.reads.clear()
    wiki.put(page("p3", "Other."))
    assert refresh(store, tmp_path, wiki, sweep=False).changed == 1
    assert wiki.reads == ["docs/p3.md"]
    assert refresh(store, tmp_path, wiki, sweep=False).state == "unchanged"


def test_what_is_told_to_be_gone_goes_at_once_and_what_is_not_told_with_the_sweep(
    store: SourceStore, tmp_path: Path
) -> None:
    wiki = FollowedMemory()
    wiki.put(*TEN)
    refresh(store, tmp_path, wiki)
    wiki.take_away("docs/p0.md")
    wiki.take_away("docs/p1.md", told=False)
    assert refresh(store, tmp_path, wiki, sweep=False).removed == 1
    assert "docs/p1.md" in held_by(store, "wiki")
    assert refresh(store, tmp_path, wiki, sweep=True).removed == 1
    assert "docs/p1.md" not in held_by(store, "wiki")


def test_a_followed_source_is_held_too_and_what_else_changed_is_taken(store: SourceStore, tmp_path: Path) -> None:
    wiki = FollowedMemory()
    wiki.put(*TEN)
    refresh(store, tmp_path, wiki)
    for number in range(4):
        wiki.take_away(f"docs/p{number}.md", told=number % 2 == 0)
    wiki.put(page("p9", "Changed."))
    report = refresh(store, tmp_path, wiki)
    assert (report.state, report.changed, report.documents) == ("held", 1, 10)
    assert refresh(store, tmp_path, wiki, force=True, sweep=False).removed == 4


def test_a_held_document_that_is_there_again_stays(store: SourceStore, tmp_path: Path) -> None:
    wiki = FollowedMemory()
    wiki.put(*TEN)
    refresh(store, tmp_path, wiki)
    for number in range(4):
        wiki.take_away(f"docs/p{number}.md")
    refresh(store, tmp_path, wiki)
    wiki.put(*TEN[:4])
    report = refresh(store, tmp_path, wiki)
    assert (report.state, report.documents) == ("unchanged", 10)


def test_a_new_reader_reads_everything_anew(store: SourceStore, tmp_path: Path) -> None:
    wiki = FollowedMemory()
    wiki.put(*TEN)
    refresh(store, tmp_path, wiki)
    wiki.reader = "reader 2"
    wiki.reads.clear()
    refresh(store, tmp_path, wiki, sweep=False)
    assert len(wiki.reads) == 10


def test_a_part_whose_new_place_the_source_shows_leaves_past_the_guard(store: SourceStore, tmp_path: Path) -> None:
    wiki = Listed([*TEN, Present("docs/", ids(TEN)), Checkpoint({})])
    refresh(store, tmp_path, wiki)
    moved = [page(f"new/p{number}", f"Text number {number}.") for number in range(10)]
    wiki.told = [*moved, Present("docs/new/", ids(moved)), Present("docs/p", frozenset(), certain=True)]
    report = refresh(store, tmp_path, wiki)
    assert (report.state, report.added, report.removed) == ("read", 10, 10)
    assert held_by(store, "wiki") == ids(moved)


def test_a_part_that_is_withdrawn_is_hidden_in_older_versions_too(tmp_path: Path) -> None:
    wiki = Listed([*TEN, page("other", "Other."), Present("docs/", ids(TEN) | {"docs/other.md"}), Checkpoint({})])
    built(tmp_path, wiki)
    wiki.told = [Present("docs/", ids(TEN[1:]) | {"docs/other.md"})]
    built(tmp_path, wiki)
    wiki.told = [Present("docs/p", frozenset(), withdrawn=True), Present("docs/other", frozenset({"docs/other.md"}))]
    built(tmp_path, wiki)
    assert shown(tmp_path) == {"docs/other.md"}
    assert Withdrawn(tmp_path).read() == ids(TEN)


def test_documents_under_names_of_other_settings_leave_with_the_first_whole_reading(
    store: SourceStore, tmp_path: Path
) -> None:
    wiki = Listed([*TEN, Present("docs/", ids(TEN)), Checkpoint({})])
    refresh(store, tmp_path, wiki)
    wiki.reader = "with the project in each name"
    renamed = [issue(number, "Solved.") for number in range(10)]
    wiki.told = [*renamed, Present("issue:", ids(renamed))]
    refresh(store, tmp_path, wiki, sweep=False)
    assert held_by(store, "wiki") == ids(renamed)


def test_a_sweep_that_lists_nothing_takes_nothing_away(store: SourceStore, tmp_path: Path) -> None:
    wiki = Listed([*TEN, Present("docs/", ids(TEN)), Checkpoint({})])
    refresh(store, tmp_path, wiki)
    wiki.told = []
    assert refresh(store, tmp_path, wiki).state == "unchanged"
    assert held_by(store, "wiki") == ids(TEN)


def ids(documents: Iterable[Document]) -> frozenset[str]:
    return frozenset(document.id for document in documents)


class Listed:
    """A followed source that tells what a test writes down."""

    name = "wiki"

    def __init__(self, told: list[Change]) -> None:
        self.told = told
        self.reader = "reader"

    def items(self) -> Iterator[Document | Skipped]:
        yield from (one for one in self.told if isinstance(one, Document))

    def changes(self, cursor: Mapping[str, object] | None, *, sweep: bool) -> Iterator[Change]:
        del cursor, sweep
        for one in self.told:
            yield replace(one, source=self.name) if isinstance(one, Document) else one


def test_what_was_left_out_is_told_with_its_reason_and_tried_again(store: SourceStore, tmp_path: Path) -> None:
    wiki = FollowedMemory()
    wiki.put(*TEN, Skipped("docs/big.md", "needs more than 512 MB"))
    assert refresh(store, tmp_path, wiki).left_out == 1
    [row] = store.left_out("wiki")
    assert (row.document, row.reason, row.tries) == ("docs/big.md", "needs more than 512 MB", 1)
    refresh(store, tmp_path, wiki, sweep=False)
    assert store.left_out("wiki")[0].tries == 1
    refresh(store, tmp_path, wiki, sweep=False, retry_failed=True)
    assert store.left_out("wiki")[0].tries == 2
    wiki.put(page("big", "Small now."))
    refresh(store, tmp_path, wiki, sweep=False)
    assert store.left_out("wiki") == ()


def test_a_document_that_cannot_be_taken_any_more_leaves(store: SourceStore, tmp_path: Path) -> None:
    refresh(store, tmp_path, MemorySource(TEN))
    refresh(store, tmp_path, MemorySource([Skipped("docs/p0.md", "too large"), *TEN[1:]]))
    assert "docs/p0.md" not in held_by(store)
    assert [row.reason for row in store.left_out("docs")] == ["too large"]


def test_a_document_for_others_gets_in_only_where_the_audience_is_known(store: SourceStore, tmp_path: Path) -> None:
    hidden = with_visibility(MemorySource(TEN), "team-a")
    refresh(store, tmp_path, hidden)
    assert held_by(store) == set()
    refresh(store, tmp_path, hidden, audiences=frozenset({"public", "team-a"}))
    assert {document.audience for document in store.documents("docs", held_by(store))} == {"team-a"}


def test_another_visibility_is_another_reader(store: SourceStore, tmp_path: Path) -> None:
    wiki = FollowedMemory()
    wiki.put(*TEN)
    refresh(store, tmp_path, wiki)
    known = frozenset({"public", "team-a"})
    report = refresh(store, tmp_path, with_visibility(wiki, "team-a"), sweep=False, audiences=known)
    assert (report.state, report.changed) == ("read", 10)


def test_only_masked_text_reaches_the_store(store: SourceStore, tmp_path: Path) -> None:
    def clean(text: str) -> Cleaned:
        return Cleaned(text.replace("tok-canary", "[token]"), ("token",) * text.count("tok-canary"))

    source = MemorySource([page("leak", "Use tok-canary here.", "About tok-canary")])
    Refresh(tmp_path, store, clean, RefreshOptions(), lambda _: None)(source)
    assert [(secret.document, secret.line) for secret in store.masked("docs")] == [
        ("docs/leak.md", 0),
        ("docs/leak.md", 1),
    ]
    stored = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"[token]" in stored
    assert b"tok-canary" not in stored
    assert (tmp_path / "sources.sqlite").stat().st_mode & 0o077 == 0


# -- with the build


def built(root: Path, *sources: Source, **options: object) -> BuildReport:
    chosen = BuildOptions(**options)  # type: ignore[arg-type] # as above
    return build(sources, root, TinyEmbedder(), unchanged, options=chosen)


def shown(root: Path) -> set[str]:
    version = Versions(root).open_live()
    return set(version.catalog.content_hashes()) - version.withdrawn


def test_a_person_who_builds_is_told_of_every_source_in_trouble(tmp_path: Path) -> None:
    wiki = FollowedMemory()
    wiki.put(*TEN)
    built(tmp_path, MemorySource([page("x", "x"), page("y", "y")], "handbook"), wiki)
    wiki.dies_after = 0
    wiki.put(page("p1", "Changed."))
    with pytest.raises(BuildRefused, match=r"handbook holds nothing now.*wiki cannot be read now"):
        built(tmp_path, MemorySource([], "handbook"), wiki)
    assert len(shown(tmp_path)) == 12


def test_a_scheduled_update_goes_on_with_the_sources_that_are_well(tmp_path: Path) -> None:
    wiki = FollowedMemory()
    wiki.put(*TEN)
    built(tmp_path, MemorySource([page("x", "x"), page("y", "y")], "handbook"), wiki)
    wiki.put(page("p1", "Changed."))
    report = built(tmp_path, MemorySource([], "handbook"), wiki, strict=False)
    assert [(one.name, one.state) for one in report.sources] == [("handbook", "held"), ("wiki", "read")]
    assert (report.built, report.changed, report.removed, report.documents) == (True, 1, 0, 12)


def test_a_source_that_is_not_asked_for_keeps_what_it_had(tmp_path: Path) -> None:
    wiki = FollowedMemory()
    wiki.put(*TEN)
    docs = MemorySource([page("x", "x"), page("y", "y")], "handbook")
    built(tmp_path, docs, wiki)
    report = built(tmp_path, MemorySource([], "handbook"), wiki, only=frozenset({"wiki"}))
    assert (report.built, report.documents) == (False, 12)


def test_a_source_that_is_configured_no_more_leaves_and_this_is_told(tmp_path: Path) -> None:
    wiki = FollowedMemory()
    wiki.put(*TEN)
    built(tmp_path, MemorySource([page("x", "x")], "handbook"), wiki)
    report = built(tmp_path, wiki)
    assert (report.removed, report.documents) == (1, 10)
    assert "'handbook' is not configured any more" in report.notes[0]


# attacks A100, A147
def test_what_became_confidential_is_hidden_at_once_and_stays_so_after_a_rollback(tmp_path: Path) -> None:
    wiki = FollowedMemory()
    wiki.put(*TEN)
    built(tmp_path, wiki)
    wiki.take_away("docs/p3.md", withdrawn=True)
    built(tmp_path, wiki, sweep=False)
    assert "docs/p3.md" not in shown(tmp_path)
    Versions(tmp_path).rollback()
    assert "docs/p3.md" in Versions(tmp_path).open_live().catalog.content_hashes()
    assert "docs/p3.md" not in shown(tmp_path)


def test_what_was_never_shown_is_not_noted_as_withdrawn(tmp_path: Path) -> None:
    wiki = FollowedMemory()
    wiki.put(*TEN, page("plan", "Secret."))
    wiki.take_away("docs/plan.md", withdrawn=True)
    built(tmp_path, wiki)
    assert Withdrawn(tmp_path).read() == frozenset()


def test_what_left_before_it_became_confidential_is_hidden_in_older_versions_too(tmp_path: Path) -> None:
    wiki = FollowedMemory()
    wiki.put(*TEN)
    built(tmp_path, wiki)
    wiki.take_away("docs/p3.md")
    built(tmp_path, wiki)
    wiki.put(page("p3", "Back."))
    wiki.take_away("docs/p3.md", withdrawn=True)
    built(tmp_path, wiki, sweep=False)
    Versions(tmp_path).rollback()
    assert "docs/p3.md" not in shown(tmp_path)


def test_what_is_public_again_is_shown_again_once_the_new_words_are_live(tmp_path: Path) -> None:
    wiki = FollowedMemory()
    wiki.put(*TEN)
    built(tmp_path, wiki)
    wiki.take_away("docs/p3.md", withdrawn=True)
    built(tmp_path, wiki)
    wiki.put(page("p3", "Without the secret plan."))
    kept_aside = build([wiki], tmp_path, TinyEmbedder(), unchanged, promote=False)
    assert Withdrawn(tmp_path).read() == {"docs/p3.md"}
    Versions(tmp_path).promote(kept_aside.version)
    after_promotion(tmp_path)
    assert Withdrawn(tmp_path).read() == frozenset()
    assert "docs/p3.md" in shown(tmp_path)
    Versions(tmp_path).rollback()  # to the version before, which has it no more
    Versions(tmp_path).rollback()  # and to the first, which has its old words
    assert "docs/p3.md" in Versions(tmp_path).open_live().catalog.content_hashes()
    assert "docs/p3.md" not in shown(tmp_path)


def test_a_rollback_does_not_give_back_what_fewer_people_may_read_now(tmp_path: Path) -> None:
    known = frozenset({"public", "team-a"})
    built(tmp_path, MemorySource(TEN), audiences=known)
    built(tmp_path, with_visibility(MemorySource(TEN), "team-a"), audiences=known)
    assert len(shown(tmp_path)) == 10
    Versions(tmp_path).rollback()
    assert shown(tmp_path) == set()


def test_an_older_version_that_a_person_promotes_gives_nothing_back(tmp_path: Path) -> None:
    wiki = FollowedMemory()
    wiki.put(*TEN)
    built(tmp_path, wiki)
    wiki.take_away("docs/p3.md", withdrawn=True)
    built(tmp_path, wiki)
    wiki.put(page("p3", "Without the secret plan."))
    build([wiki], tmp_path, TinyEmbedder(), unchanged, promote=False)
    Versions(tmp_path).promote("v0001")
    after_promotion(tmp_path)
    assert "docs/p3.md" not in shown(tmp_path)


def test_the_guard_does_not_hold_back_what_may_not_be_shown(tmp_path: Path) -> None:
    wiki = FollowedMemory()
    wiki.put(*TEN)
    built(tmp_path, wiki)
    for number in range(8):
        wiki.take_away(f"docs/p{number}.md", withdrawn=True)
    built(tmp_path, wiki, strict=False)
    assert shown(tmp_path) == {"docs/p8.md", "docs/p9.md"}


@pytest.mark.parametrize("damage", [b"not a database at all" * 100, b""])
def test_a_damaged_store_is_set_aside_and_everything_is_read_again(tmp_path: Path, damage: bytes) -> None:
    built(tmp_path, MemorySource(TEN))
    (tmp_path / "sources.sqlite").write_bytes(damage)
    report = built(tmp_path, MemorySource(TEN))
    assert (report.built, report.documents) == (False, 10)
    if damage:
        assert "set aside" in report.notes[0]
        assert len(list(tmp_path.glob("sources.sqlite.damaged-*"))) == 1


def test_a_store_that_is_damaged_in_the_middle_is_set_aside_too(tmp_path: Path) -> None:
    many = [page(f"p{number}", f"Text {number}. " * 50) for number in range(200)]
    built(tmp_path, MemorySource(many))
    path = tmp_path / "sources.sqlite"
    content = bytearray(path.read_bytes())
    for start in range(8192, len(content) - 4096, 4096):
        content[start : start + 64] = b"\xff" * 64
    path.write_bytes(content)
    report = built(tmp_path, MemorySource([*many[1:], page("p0", "Changed.")]))
    assert (report.built, report.documents, report.changed) == (True, 200, 1)
    assert "set aside" in report.notes[0]


def test_progress_names_the_source_that_is_read(tmp_path: Path) -> None:
    told: list[tuple[str, str]] = []
    sources = [MemorySource(TEN[:2]), MemorySource([page("x", "x")], "handbook")]
    build(sources, tmp_path, TinyEmbedder(), unchanged, on_progress=lambda p: told.append((p.stage, p.source)))
    assert list(dict.fromkeys(told)) == [("read", "docs"), ("read", "handbook"), ("embed", ""), ("write", "")]


def test_the_lock_tells_who_builds_only_while_somebody_does(tmp_path: Path) -> None:
    built(tmp_path, MemorySource(TEN))
    assert not (tmp_path / "build.json").exists()
    assert json.loads((tmp_path / "CURRENT").read_text("utf-8"))["live"] == "v0001"


def test_what_only_some_may_read_from_now_on_is_hidden_until_a_version_knows_it(tmp_path: Path) -> None:
    options = BuildOptions(audiences=frozenset({"public", "staff"}))
    source = MemorySource([page("a", "text a"), page("b", "text b")])
    build([source], tmp_path, TinyEmbedder(), unchanged, options=options)
    narrowed = with_visibility(source, "staff")
    build([narrowed], tmp_path, TinyEmbedder(), unchanged, promote=False, options=options)
    assert Withdrawn(tmp_path).read() == {"docs/a.md", "docs/b.md"}
    build([narrowed], tmp_path, TinyEmbedder(), unchanged, options=options)
    assert Withdrawn(tmp_path).read() == frozenset()
    live = Versions(tmp_path).open_live().catalog
    assert live.ids("page") == ()
    assert len(live) == 2
