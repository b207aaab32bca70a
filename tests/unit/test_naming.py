"""A question that names a product is about that product."""

from __future__ import annotations

import pytest

from indexing.naming import Collections, collection_of, named, spoken, words_of


@pytest.mark.parametrize(
    ("document", "source", "collection"),
    [
        ("docs/redash/setup.md", "docs", "redash"),
        ("docs/gitlab-runner/install/linux.md", "docs", "gitlab-runner"),
        ("handbook/index.md", "handbook", "handbook"),
        ("issue:platform/runner#12", "issues", "runner"),
        ("issue:12", "issues", ""),
    ],
)
def test_a_collection_is_the_first_folder_of_a_source_or_the_project_of_an_issue(
    document: str, source: str, collection: str
) -> None:
    assert collection_of(document, source) == collection


def test_a_name_that_only_says_what_it_holds_tells_nothing() -> None:
    assert words_of("docs") == frozenset()
    assert named(words_of("docs"), spoken("where are the docs?")) == 0.0


def test_half_of_a_name_counts_half() -> None:
    assert named(words_of("gitlab-runner"), spoken("My runner is stuck")) == 0.5
    assert named(words_of("gitlab-runner"), spoken("GitLab Runner is stuck")) == 1.0


def test_a_plural_names_the_same_collection() -> None:
    assert named(words_of("runners"), spoken("the runner hangs")) == 1.0


def test_documents_share_what_is_said_of_their_collection() -> None:
    collections = Collections([("docs/redash/a.md", "docs"), ("docs/gitlab/b.md", "docs"), ("issue:7", "issues")])
    by_collection = collections.named("How do I embed a Redash chart?")
    assert collections.shares(by_collection, [0, 1, 2]) == [1.0, 0.0, 0.0]
