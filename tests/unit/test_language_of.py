"""Which language a question is in, where English error messages stand in it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from assistant.function_words import WORDS, language_by_words
from assistant.texts import language_of

SETS = Path(__file__).parents[1] / "languages"
SAMPLE = Path(__file__).parents[2] / "assistant" / "sandbox" / "sample" / "questions.jsonl"


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("PKIX path building failed mit unserem eigenen maven image", "de"),
        ("Upload am Ende vom Job zu gross, 413\ndist ist ca 1,5 GB", "de"),
        ("wie haenge ich an das script vom template-job was dran", "de"),
        ("GitLab CI Android SDK not found", "en"),
        ("Reset Password link error", "en"),
        ("Change Group Permissions", "en"),
        ("Comment puis-je changer mon mot de passe ?", "fr"),
        ("kubectl 报 x509: certificate has expired or is not yet valid", "zh"),
    ],
    ids=[
        "German around an error",
        "German without umlauts",
        "ae for ä",
        "names",
        "a short title",
        "like French",
        "French",
        "Chinese",
    ],
)
def test_the_language_is_the_persons_and_not_that_of_an_error_message(text: str, language: str) -> None:
    assert language_of(text) == language


@pytest.mark.slow
def test_nearly_all_questions_of_the_sample_are_told_rightly() -> None:
    lines = [line for path in (*SETS.glob("*.jsonl"), SAMPLE) for line in path.read_text("utf-8").splitlines()]
    rows = [json.loads(line) for line in lines]
    wrong = [row["question"] for row in rows if language_of(row["question"]) != row["language"]]
    assert len(rows) > 150
    assert len(wrong) <= 0.03 * len(rows), wrong


def test_one_small_word_decides_nothing_and_no_english_word_is_a_small_word_of_others() -> None:
    assert language_by_words("upload mit curl fails") is None
    english = {
        "a",
        "an",
        "by",
        "can",
        "die",
        "fast",
        "has",
        "her",
        "him",
        "in",
        "is",
        "it",
        "me",
        "no",
        "of",
        "on",
        "or",
    }
    english |= {
        "our",
        "sans",
        "she",
        "so",
        "son",
        "than",
        "the",
        "to",
        "war",
        "was",
        "we",
        "were",
        "what",
        "who",
        "will",
    }
    assert not english & frozenset().union(*WORDS.values())
