"""What a passage says of a statement: words may differ; numbers, code, names and the sense may not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.core.claims import Rarity, Source, support
from assistant.core.claims_literals import bare, literals, names
from assistant.core.claims_meaning import nearness
from assistant.core.claims_numbers import missing_numbers, quantities
from assistant.core.claims_polarity import is_turned_round
from assistant.core.evidence import HELD
from indexing.model import Chunk, Kind, Passage

TEXT = """A job that takes longer than 60 minutes is killed. The cache of a project may hold 5 GB.

Set a longer limit in `.gitlab-ci.yml`:

```yaml
test:
  timeout: 3 hours
```

Shared runners are enabled by default. The `priority` key takes 10 values, the `weight` key takes 4.
Only maintainers may open **Settings > CI/CD** in GitLab."""


def passage(text: str = TEXT, kind: Kind = "page", headings: tuple[str, ...] = ("Job limits",)) -> Passage:
    return Passage(1, Chunk("docs/ci/limits.md", 0, headings, text), 1.0, kind, "Job limits", "")


def verdict(text: str, held: Passage | None = None) -> str:
    """Return `kept`, or why not."""
    source = Source((held or passage(),))
    found = support(text, source, Rarity([source]))
    return found.missing or ("kept" if found.score >= HELD else "unsupported")


@pytest.mark.parametrize(
    "text",
    [
        "A job that takes longer than 60 minutes is killed.",
        "Jobs are killed when they take longer than 60 minutes.",
        "Jobs are killed when they take longer than 1 hour.",
        "Jobs that take more than 60 min are killed.",
        "A project's cache may hold 5 GB.",
        "By default, shared runners are enabled.",
        "Set a longer limit in `.gitlab-ci.yml`:\n\n```yaml\ntest:\n  timeout: 3 hours\n```",
        "The passage says that a job which takes longer than 60 minutes is killed.",
        "Only maintainers may open Settings > CI/CD.",
    ],
)
def test_a_statement_in_the_same_or_nearly_the_same_words_is_supported(text: str) -> None:
    assert verdict(text) == "kept"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("A job that takes longer than 90 minutes is killed.", "other_number"),
        ("A job that takes longer than 60 hours is killed.", "other_number"),
        ("The cache of a project may hold 60 GB.", "other_number"),
        ("The cache of a project may hold 5 MB.", "other_number"),
        ("The `priority` key takes 4 values.", "other_number"),
        ("Set a longer limit in `.gitlab.yml`.", "other_literal"),
        ("Set a longer limit in `.gitlab-ci.yml`:\n\n```yaml\ntest:\n  timeout: 3 days\n```", "other_literal"),
        ("Shared runners are enabled by default with --shared.", "other_literal"),
        ("Only maintainers may open **Settings > Runners** in GitLab.", "other_literal"),
        ("Only maintainers may open Settings > CI/CD in Bitbucket.", "other_name"),
        ("Shared runners are not enabled by default.", "turned_round"),
        ("Shared runners are disabled by default.", "turned_round"),
        ("Bread is baked at night in the village.", "unsupported"),
    ],
)
def test_a_statement_that_is_wrong_in_one_place_is_not_supported(text: str, why: str) -> None:
    assert verdict(text) == why


def test_the_words_of_a_negated_sentence_do_not_support_its_opposite() -> None:
    held = passage("Never delete the volume of the database. Stop the server first.")
    assert verdict("Delete the volume of the database.", held) == "turned_round"


@pytest.mark.parametrize(
    ("said", "held"),
    [
        ("Der Runner wird nicht unterstützt.", "Der Runner wird unterstützt."),
        ("Aktivieren Sie die Option.", "Deaktivieren Sie die Option."),
        ("该功能不支持并行作业。", "该功能支持并行作业。"),
        ("请启用该选项。", "请禁用该选项。"),
        ("Turn the cache on.", "Turn the cache off."),
        ("It runs after the build.", "It runs before the build."),
    ],
)
def test_opposites_are_told_in_other_languages_too(said: str, held: str) -> None:
    assert is_turned_round(said, held)
    assert not is_turned_round(held, held)


def test_what_somebody_complained_of_answers_nothing() -> None:
    text = "## Problem\n\nThe upload is refused after a minute.\n\n## Resolution\n\nSend the registry past the proxy."
    issue = passage(text, "issue", ("Upload refused",))
    assert verdict("The upload is refused after a minute.", issue) == "complaint"
    assert verdict("Send the registry past the proxy.", issue) == "kept"


def test_the_quote_is_the_sentence_or_block_that_a_statement_stands_on() -> None:
    source = Source((passage(),))
    rarity = Rarity([source])
    assert support("Projects may hold 5 GB of cache.", source, rarity).quote == (
        "The cache of a project may hold 5 GB.",
    )
    [block] = support("```yaml\ntest:\n  timeout: 3 hours\n```", source, rarity).quote
    assert "timeout: 3 hours" in block


@given(st.text(max_size=300), st.text(max_size=300))
def test_any_text_can_be_held_against_any_passage(text: str, held: str) -> None:
    source = Source((passage(held),))
    found = support(text, source, Rarity([source]))
    assert 0.0 <= found.score <= 1.0 + 1e-9
    assert all(piece in " ".join(held.split()) or piece in held for piece in found.quote)


@given(st.sampled_from(Source((passage(),)).pieces))
def test_every_sentence_of_a_passage_is_supported_by_it(piece: object) -> None:
    assert verdict(getattr(piece, "text", "")) == "kept"


# --- what must stand literally


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("Run `docker image prune` and pass --all.", {"docker image prune", "--all"}),
        ("Set REDASH_HOST and api.max_size in /etc/app.conf.", {"redash_host", "api.max_size", "/etc/app.conf"}),
        ("Use the API and/or the CLI, e.g. at work.", set()),
        ("Click **Save** or “Apply changes”.", {"save", "apply changes"}),
        ("See https://docs.example/a/b for more.", set()),
        ("Set maxRetries there.", {"maxretries"}),
    ],
)
def test_code_settings_flags_paths_and_quoted_words_must_stand_letter_by_letter(text: str, wanted: set[str]) -> None:
    assert set(literals(text)) == wanted


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("Metabase reads it. Then open Grafana.", {"metabase", "grafana"}),
        ("The runner is restarted by the admin.", set()),
        ("Der Runner liest die Datei mit der Konfiguration.", set()),
        ("Der Runner liest die Datei mit der Konfiguration von PostgreSQL.", {"postgresql"}),
    ],
)
def test_products_and_capitals_within_a_sentence_are_names(text: str, wanted: set[str]) -> None:
    assert set(names(text)) == wanted


def test_marks_of_markdown_and_addresses_make_no_difference() -> None:
    assert bare("**Open** [the _page_](https://docs.example/x) `now`") == bare("Open the page now")


@pytest.mark.parametrize(
    ("said", "held", "missing"),
    [
        ("60 minutes", "1 hour", ()),
        ("one hour", "60 min", ()),
        ("3600", "3600 seconds", ()),
        ("90 seconds", "1.5 minutes", ()),
        ("2 GB", "2048 MB", ()),
        ("2 GB", "2 MB", ("2",)),
        ("version 13.2", "version 13.1", ("13.2",)),
        ("1. Open the page", "Open the page", ()),
        ("30 分钟", "半小时", ("30",)),
        ("30 分钟", "30 minutes", ()),
    ],
)
def test_amounts_are_compared_and_not_digits(said: str, held: str, missing: tuple[str, ...]) -> None:
    assert missing_numbers(quantities(said), quantities(held)) == missing


# --- meaning


def test_without_an_embedder_nothing_is_near() -> None:
    assert nearness([("a", "b")], None) is None
    assert nearness([("a", "b")], lambda _: None) is None
