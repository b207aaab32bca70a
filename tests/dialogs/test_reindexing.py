"""The life of a candidate version, told as stories: what goes live, what stays aside, and why."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import pytest

from assistant.core.gate import Limits
from assistant.store.records import ConfirmedAnswer
from assistant.workflows.golden import from_confirmed, from_file
from assistant.workflows.reindex import Gate, Reindexing
from indexing.build import BuildOptions
from indexing.build_lock import building
from indexing.embedder import HashingEmbedder
from indexing.errors import BuildRefused, Incompatible
from indexing.versions import Versions, utc_now
from tests.fakes.memory_source import MemorySource, issue, page, unchanged
from tests.fakes.tiny_embedder import TinyEmbedder

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from assistant.core.gate import GoldenQuestion
    from assistant.workflows.reindex import Update
    from indexing.embedder import Embedder
    from indexing.index_version import IndexVersion
    from indexing.model import Document

TOPICS = ("runner", "registry", "cache", "network", "disk", "login", "backup", "quota", "mirror", "token")


def pages() -> list[Document]:
    return [page(topic, f"The {topic} needs one setting: {topic}_limit.", f"About the {topic}") for topic in TOPICS]


@dataclass
class KnowledgeBase:
    """An index with the sources, golden questions and embedder that a test gives it."""

    root: Path
    documents: list[Document] = field(default_factory=pages)
    golden: list[GoldenQuestion] = field(default_factory=list)
    embedder: Embedder = field(default_factory=TinyEmbedder)
    others: list[Embedder] = field(default_factory=list)
    golden_file: Path | None = None
    recalled: list[str] = field(default_factory=list)
    keep: int = 3

    def update(self, *, promote: bool = True, **options: object) -> Update:
        sources = [
            MemorySource([one for one in self.documents if one.kind == "page"], "docs"),
            MemorySource([one for one in self.documents if one.kind == "issue"], "issues"),
        ]
        used = [source for source in sources if tuple(source.items())]
        gate = Gate(self.root, self._embedder_of, self._golden, Limits(0.05, 0.2, frozenset({"docs", "issues"})))
        run = Reindexing(gate, used, unchanged, self.embedder, self.keep, self._after)
        return run(replace(BuildOptions(shrink_limit=1.0, strict=False), **options), promote=promote)  # type: ignore[arg-type]

    @property
    def versions(self) -> Versions:
        return Versions(self.root)

    def change(self, name: str, text: str) -> None:
        self.documents = [replace(one, text=text) if one.id == f"docs/{name}.md" else one for one in self.documents]

    def drop(self, *names: str) -> None:
        gone = {f"docs/{name}.md" for name in names}
        self.documents = [one for one in self.documents if one.id not in gone]

    def _golden(self) -> Sequence[GoldenQuestion]:
        return [*self.golden, *(from_file(self.golden_file) if self.golden_file else [])]

    def _embedder_of(self, version: IndexVersion) -> Embedder:
        for one in (self.embedder, *self.others):
            if one.fingerprint == version.manifest.embedder:
                return one
        raise Incompatible(f"the embedder of {version.name} is not here any more")

    def _after(self, version: str) -> int:
        self.recalled.append(version)
        return 2


@pytest.fixture
def base(tmp_path: Path) -> KnowledgeBase:
    return KnowledgeBase(tmp_path / "index")


def golden_file(folder: Path, *topics: str) -> Path:
    """Write a file with one golden question for each topic."""
    path = folder / "golden.jsonl"
    rows = [{"question": f"What is the setting of the {one}?", "gold": [f"docs/{one}.md"]} for one in topics]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def names_of_failed(update: Update) -> list[str]:
    assert update.gate is not None
    return [check.name for check in update.gate.failed]


def test_the_first_version_goes_live_when_it_is_whole_and_finds_its_own_documents(base: KnowledgeBase) -> None:
    done = base.update()
    assert (done.state, base.versions.live()) == ("live", "v0001")
    assert done.gate is not None
    assert [check.name for check in done.gate.checks] == ["checksums", "self-check", "live version"]


def test_nothing_changed_makes_no_version_and_asks_nothing(base: KnowledgeBase) -> None:
    base.update()
    done = base.update()
    assert (done.state, done.build.built, done.gate) == ("unchanged", False, None)
    assert base.versions.names() == ("v0001",)


def test_a_change_goes_live_and_given_answers_are_checked_again(base: KnowledgeBase) -> None:
    base.update()
    base.change("runner", "The runner needs two settings now.")
    done = base.update()
    assert (done.state, done.recalled, base.versions.live()) == ("live", 2, "v0002")
    assert base.recalled == ["v0001", "v0002"]


def test_a_version_that_answers_golden_questions_worse_stays_aside_with_a_report(
    base: KnowledgeBase, tmp_path: Path
) -> None:
    base.golden_file = golden_file(tmp_path, *TOPICS)
    base.update()
    for topic in ("runner", "registry"):
        base.change(topic, "This page was emptied by mistake.")
        base.documents = [replace(one, title="Moved") if topic in one.id else one for one in base.documents]
    done = base.update()
    assert (done.state, base.versions.live()) == ("aside", "v0001")
    assert "hit@5 (file)" in names_of_failed(done)
    report = base.versions.read_report("v0002")
    assert report is not None
    assert (report["passed"], report["against"]) == (False, "v0001")
    worse = report["worse"]
    assert isinstance(worse, list)
    assert {row["question"] for row in worse} == {
        "What is the setting of the runner?",
        "What is the setting of the registry?",
    }
    assert all(row["found_before"] and row["rank_before"] == 1 for row in worse)


def test_what_askers_confirmed_must_still_be_found_and_their_words_stay_out_of_the_report(base: KnowledgeBase) -> None:
    base.golden = from_confirmed([ConfirmedAnswer("abcd2345", "Where is the disk limit of Ada?", ("docs/disk.md",))])
    base.update()
    base.documents = [
        replace(one, title="Moved", text="See elsewhere.") if "disk" in one.id else one for one in base.documents
    ]
    done = base.update()
    assert (done.state, names_of_failed(done)) == ("aside", ["hit@5 (confirmed)"])
    report = base.versions.read_report("v0002")
    assert report is not None
    assert "abcd2345" in json.dumps(report)
    assert "Ada" not in json.dumps(report)


def test_a_confirmed_answer_whose_page_was_removed_does_not_hold_the_version_back(base: KnowledgeBase) -> None:
    base.golden = from_confirmed([ConfirmedAnswer("abcd2345", "Where is the disk limit?", ("docs/disk.md",))])
    base.update()
    base.drop("disk")
    done = base.update()
    assert done.state == "live"
    assert done.gate is not None
    assert any("1 left out, as what answered them was removed" in check.detail for check in done.gate.checks)


def test_what_was_kept_aside_is_looked_at_again_when_the_golden_file_is_mended(
    base: KnowledgeBase, tmp_path: Path
) -> None:
    base.golden_file = golden_file(tmp_path, *TOPICS)
    base.update()
    base.drop("runner")
    assert base.update().state == "aside"
    golden_file(tmp_path, *TOPICS[1:])
    done = base.update()
    assert (done.state, done.build.built, base.versions.live()) == ("live", False, "v0002")


def test_a_removed_document_is_told_as_the_reason(base: KnowledgeBase, tmp_path: Path) -> None:
    base.golden_file = golden_file(tmp_path, *TOPICS)
    base.update()
    base.drop("runner")
    base.documents.append(page("other", "Something else."))
    done = base.update()
    assert done.state == "aside"
    assert "removed at the source: docs/runner.md" in done.reason
    assert done.gate is not None
    assert done.gate.worse[0].gone == ("docs/runner.md",)


def test_a_golden_file_that_cannot_be_read_keeps_the_version_aside_and_says_which_line(
    base: KnowledgeBase, tmp_path: Path
) -> None:
    base.update()
    base.golden_file = tmp_path / "golden.jsonl"
    base.golden_file.write_text("{nonsense", encoding="utf-8")
    base.change("runner", "New.")
    done = base.update()
    assert (done.state, base.versions.live()) == ("aside", "v0001")
    assert "golden.jsonl, line 1" in done.reason


def test_a_version_that_lost_many_documents_stays_aside_unless_somebody_says_so(base: KnowledgeBase) -> None:
    base.update()
    base.drop(*TOPICS[:4])
    done = base.update()
    assert (done.state, base.versions.live()) == ("aside", "v0001")
    assert "pages of docs" in names_of_failed(done)
    assert "10 before, 6 now" in done.reason
    assert base.update(force=True).state == "live"


def test_a_rollback_pauses_promotion_until_somebody_resumes(base: KnowledgeBase) -> None:
    base.update()
    base.change("runner", "A second version.")
    base.update()
    base.versions.rollback()
    again = base.update()
    assert (again.state, again.build.version, base.versions.live()) == ("paused", "v0002", "v0001")
    base.change("runner", "A third version.")
    assert (base.update().state, base.versions.live()) == ("paused", "v0001")
    base.versions.resume()
    assert (base.update().state, base.versions.live()) == ("live", "v0003")


def test_a_version_can_be_kept_aside_on_purpose(base: KnowledgeBase) -> None:
    base.update()
    base.change("runner", "Another.")
    done = base.update(promote=False)
    assert (done.state, done.reason, base.versions.live()) == ("aside", "as was asked", "v0001")
    assert done.gate is not None
    assert done.gate.passed


def test_a_crash_before_the_gate_leaves_a_version_that_the_next_update_checks_and_promotes(
    base: KnowledgeBase,
) -> None:
    base.update()
    base.change("runner", "Another.")

    def crash(step: str) -> None:
        if step == "version published":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        base.update(on_step=crash)
    assert (base.versions.live(), base.versions.aside()) == ("v0001", ("v0002",))
    done = base.update()
    assert (done.state, done.build.built, base.versions.live()) == ("live", False, "v0002")


def test_another_embedding_model_is_built_beside_the_old_one_and_passes_the_same_gate(
    base: KnowledgeBase, tmp_path: Path
) -> None:
    base.golden_file = golden_file(tmp_path, *TOPICS)
    base.update()
    base.embedder, base.others = HashingEmbedder(64), [base.embedder]
    done = base.update()
    assert (done.state, done.build.chunks_reused, base.versions.live()) == ("live", 0, "v0002")
    assert done.gate is not None
    assert (done.gate.questions, done.gate.against) == ({"file": 10}, "v0001")


def test_a_model_whose_old_one_is_gone_is_not_promoted_unseen(base: KnowledgeBase, tmp_path: Path) -> None:
    base.golden_file = golden_file(tmp_path, *TOPICS)
    base.update()
    base.embedder = HashingEmbedder(64)
    done = base.update()
    assert (done.state, base.versions.live()) == ("aside", "v0001")
    assert "they cannot be asked: the embedder of v0001 is not here any more" in done.reason


def test_a_damaged_live_version_does_not_stand_in_the_way(base: KnowledgeBase) -> None:
    base.update()
    (base.root / "versions/v0001/catalog.sqlite").write_bytes(b"damaged")
    base.change("runner", "Another.")
    done = base.update()
    assert (done.state, base.versions.live()) == ("live", "v0002")


def test_a_live_version_that_became_damaged_is_healed_by_an_update_of_the_same(base: KnowledgeBase) -> None:
    base.update()
    (base.root / "versions/v0001/catalog.sqlite").write_bytes(b"damaged")
    done = base.update()
    assert (done.state, done.build.built, base.versions.live()) == ("live", True, "v0002")


def test_closed_issues_are_asked_about_the_same_ones_each_time(base: KnowledgeBase) -> None:
    solved = [
        replace(
            issue(n, f"## Problem\n\nThe job {n} hangs at step {n}.\n\n## Resolution\n\nSet x{n}.", f"Job {n} hangs"),
            closed_as="solved",
        )
        for n in range(1, 71)
    ]
    open_ended = replace(solved[0], id="issue:99", closed_as="stale")
    base.documents += [*solved, open_ended]
    base.update()
    base.change("runner", "Another.")
    first = base.update()
    assert first.gate is not None
    assert first.gate.questions == {"closed issues": 50}
    assert first.gate.passed
    base.change("runner", "Yet another.")
    second = base.update()
    assert second.gate is not None
    assert second.gate.questions == {"closed issues": 50}


def test_a_rollback_during_the_check_wins(base: KnowledgeBase) -> None:
    base.update()
    base.change("runner", "Two.")
    base.update()
    base.change("runner", "Three.")

    def roll_back(step: str) -> None:
        if step == "version published":
            base.versions.rollback()

    done = base.update(on_step=roll_back)
    assert (done.state, base.versions.live()) == ("paused", "v0001")


def test_old_versions_go_by_policy_and_what_a_rollback_needs_stays(base: KnowledgeBase) -> None:
    base.keep = 2
    for n in range(4):
        base.change("runner", f"Version {n}.")
        done = base.update()
    assert done.pruned == ("v0002",)
    assert base.versions.names() == ("v0003", "v0004")


def test_two_updates_at_once_and_the_second_is_told_who_runs_the_first(base: KnowledgeBase) -> None:
    with building(base.root, utc_now, "update"), pytest.raises(BuildRefused, match=r"another update .*process \d+ on"):
        base.update()
