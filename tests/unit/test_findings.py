"""What an admin should look at: duplicates, contradictions and what is out of date, each with its evidence."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from indexing.build import build
from indexing.claims import defaults, outdated, uses
from indexing.findings import Finding, findings
from indexing.versions import Versions
from tests.fakes.memory_source import MemorySource, issue, page, unchanged
from tests.fakes.tiny_embedder import TinyEmbedder

if TYPE_CHECKING:
    from pathlib import Path

    from indexing.model import Document

NOW = datetime(2026, 11, 21, tzinfo=UTC)
OLD = "2021-05-01T00:00:00+00:00"
NEW = "2026-10-01T00:00:00+00:00"
LONG = "The runner takes a job as soon as it is free, and it waits a while when nothing is there to do. " * 5


def _findings(root: Path, *documents: Document) -> tuple[Finding, ...]:
    build([MemorySource(documents)], root, TinyEmbedder(), unchanged)
    return findings(Versions(root).open_live(), now=NOW)


def _closed(iid: int, text: str, updated_at: str = OLD) -> Document:
    return replace(issue(iid, text), updated_at=updated_at)


def test_near_identical_documents_are_found_once_as_a_family(tmp_path: Path) -> None:
    found = _findings(
        tmp_path,
        page("a", LONG),
        page("b", LONG + "One sentence more."),
        issue(3, LONG + "\n\nAnother end."),
        page("c", "This page tells of something else, of caches and of how long they are kept."),
    )
    assert [finding.kind for finding in found] == ["duplicate"]
    assert set(found[0].documents) == {"docs/a.md", "docs/b.md", "issue:3"}
    assert found[0].reason.startswith("3 documents say nearly the same (")
    assert all("The runner takes a job" in piece for piece in found[0].evidence)


def test_two_defaults_of_one_setting_are_a_conflict_with_both_sentences(tmp_path: Path) -> None:
    found = _findings(
        tmp_path,
        page("a", "- `REDASH_MAIL_PORT` (default: 25)"),
        page("b", "| `REDASH_MAIL_PORT` | number | Port of the mail server. Defaults to `587`. |"),
        page("c", "The variable `REDASH_MAIL_PORT` has the default `25`."),
    )
    assert [(finding.kind, finding.documents) for finding in found] == [("conflict", ("docs/a.md", "docs/b.md"))]
    assert found[0].reason == "the default of REDASH_MAIL_PORT is 25 or 587"
    assert "default: 25" in found[0].evidence[0]
    assert "`587`" in found[0].evidence[1]


def test_the_same_default_in_other_words_is_no_conflict(tmp_path: Path) -> None:
    pages = (
        page("a", "`REDASH_MAIL_USE_SSL` is `false` by default"),
        page("b", "`REDASH_MAIL_USE_SSL`: default: disabled"),
    )
    assert _findings(tmp_path, *pages) == ()


def test_a_name_that_one_page_calls_deprecated_and_another_uses_is_a_conflict(tmp_path: Path) -> None:
    found = _findings(
        tmp_path,
        page("variables", "The variable `AUTO_DEVOPS_DOMAIN` is deprecated: use `KUBE_INGRESS_BASE_DOMAIN`."),
        page("deploy", "Set `AUTO_DEVOPS_DOMAIN` to the domain of your cluster."),
        page("history", "Before version 12 you set `AUTO_DEVOPS_DOMAIN`, which is no longer read."),
        replace(issue(4, "Use `AUTO_DEVOPS_DOMAIN` for that."), confirmed=False),
    )
    assert [(finding.kind, finding.documents) for finding in found] == [
        ("conflict", ("docs/deploy.md", "docs/variables.md"))
    ]
    assert found[0].reason == "AUTO_DEVOPS_DOMAIN is deprecated by one document and used by the other"


def test_old_issues_about_versions_far_behind_the_newest_are_stale(tmp_path: Path) -> None:
    text = "## Problem\n\nIt fails number {0}.\n\n## Environment\n\n- Redash version: {1}"
    found = _findings(
        tmp_path,
        *(_closed(n, text.format(n, version)) for n, version in enumerate(["10.1", "10.0.0", "9", "2019"], start=1)),
        _closed(5, text.format(5, "4.0.1")),
        _closed(6, text.format(6, "4.0.1"), NEW),
    )
    assert [(finding.kind, finding.documents) for finding in found] == [("stale", ("issue:5",))]
    assert found[0].reason == "it is about redash 4; others speak of 10"


def test_an_old_resolution_that_waits_for_a_release_is_stale(tmp_path: Path) -> None:
    text = "## Problem\n\nNumbers are cut.\n\n## Resolution\n\nThis will be fixed in the next release."
    other = "## Problem\n\nWhen will this be fixed in the next release?\n\n## Resolution\n\nSet the tag `docker`."
    found = _findings(tmp_path, _closed(1, text), _closed(2, text + " Soon.", NEW), _closed(3, other))
    stale = [finding for finding in found if finding.kind == "stale"]
    assert [finding.documents for finding in stale] == [("issue:1",)]
    assert "2021-05-01" in stale[0].reason
    assert "next release" in stale[0].evidence[0]


def test_a_page_that_calls_itself_outdated_is_stale(tmp_path: Path) -> None:
    found = _findings(
        tmp_path,
        page("a", "This guide is deprecated. Use the chart instead."),
        page("b", "Nothing is wrong with it.", title="Jenkins (deprecated)"),
        page("c", "The option of the runner is deprecated."),
    )
    assert [finding.documents for finding in found] == [("docs/a.md",), ("docs/b.md",)]


def test_a_duplicate_whose_original_is_gone_is_told(tmp_path: Path) -> None:
    lost = replace(issue(1, "It fails."), closed_as="duplicate", duplicate_of="issue:99")
    kept = replace(issue(2, "It does not start."), closed_as="duplicate", duplicate_of="issue:1")
    found = _findings(tmp_path, lost, kept)
    assert [(finding.documents, finding.reason) for finding in found] == [
        (("issue:1",), "its original issue:99 is not in the index")
    ]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("| `--docker-pull-policy` | The policy. Default: `always`. |", [("--docker-pull-policy", "always")]),
        ("`gitlab_rails['smtp_port']` defaults to 25", [("gitlab_rails['smtp_port']", "25")]),
        ("`sort` is `desc` by default", []),  # a name that means something else on each page
        ("`A_ONE` and `A_TWO` default to `1`", []),
        ("The default of `MY_VALUE` is what you set", []),
        ("`MY_VALUE` has no default.", []),
    ],
)
def test_defaults_are_read_where_a_line_says_them_plainly(line: str, told: list[tuple[str, str]]) -> None:
    assert [(claim.name, claim.value) for claim in defaults(line)] == told


def test_what_is_said_of_outdated_names_is_read() -> None:
    assert [(c.name, c.value) for c in outdated("The `MY_OLD_NAME` flag was renamed to `MY_NEW_NAME` in 12.")] == [
        ("MY_OLD_NAME", "renamed")
    ]
    assert list(outdated("`MY_NAME` replaces the deprecated `x`.")) == []
    assert uses("Run it with `MY_OLD_NAME=1`.", "MY_OLD_NAME") == "Run it with `MY_OLD_NAME=1`."
    assert uses("Run it with `MY_OLD_NAME_TOO=1`.", "MY_OLD_NAME") == ""


def test_the_evidence_of_a_long_line_stands_around_the_name() -> None:
    (claim,) = defaults(f"{'word ' * 200} `MY_VALUE` (default: `7`) {'word ' * 200}")
    assert "`MY_VALUE` (default: `7`)" in claim.line
    assert len(claim.line) < 300
