from __future__ import annotations

from datetime import UTC, datetime

import pytest

from assistant.codec import dump, load
from assistant.core.model import (
    Abstained,
    Answered,
    Citation,
    Decision,
    IssueDraft,
    IssueRef,
    Message,
    NeedsDetail,
    Question,
    ThreadRef,
)
from indexing.model import Chunk, Passage, RankedDocument, Retrieval

CITATION = Citation(1, "Läufer", "https://docs.example/a", "docs/a.md", "`register`")
ANSWERED = Answered("Do this [1].", (CITATION,), 0.9, 0.8)
PASSAGE = Passage(1, Chunk("docs/a.md", 0, ("A", "B"), "text"), 0.5, "page", "A", "", ("ci",))
RETRIEVAL = Retrieval((PASSAGE,), (RankedDocument("docs/a.md", "page", 0.5, "docs/a.md#0"),), {"top": 0.5}, "v1")


@pytest.mark.parametrize(
    "value",
    [
        *(
            Decision(outcome, RETRIEVAL, "extractive", "lexical_only", {"total": 1.5}, "prompt")
            for outcome in (ANSWERED, NeedsDetail(("log",), 0.3), Abstained("weak_evidence", 0.1, None, ANSWERED))
        ),
        Message(
            "issue_opened",
            "Here: 链接",
            (CITATION,),
            IssueRef("a/b", 7, "https://gitlab.example/a/b/-/issues/7"),
            "opened",
        ),
        IssueDraft("Title", "Text\n\nmarker", ("support",), confidential=True, marker="marker"),
        Question(
            "q1", "why?", ThreadRef("console", "C", "t"), "ada", datetime(2026, 11, 21, 9, tzinfo=UTC), masked=("jwt",)
        ),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_is_stored_comes_back_equal(value: object) -> None:
    assert load(type(value), dump(value)) == value


def test_what_is_no_such_record_is_refused() -> None:
    with pytest.raises(ValueError, match="Message"):
        load(Message, "{}")
