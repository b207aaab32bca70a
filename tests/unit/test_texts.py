"""Fixed texts: complete in every catalogue, right placeholders, right language."""

from __future__ import annotations

import ast
import string
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

from assistant.texts import LANGUAGES, Text, age, language_of, tell

ROOT = Path(__file__).parents[2]
CATALOGUES = [language for language in LANGUAGES if language != "en"]


def _tell_calls() -> list[tuple[str, ast.Call]]:
    return [
        (f"{path.relative_to(ROOT).as_posix()}:{node.lineno}", node)
        for path in sorted((ROOT / "assistant").rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and _is_tell(node)
    ]


def _is_tell(node: ast.AST) -> bool:
    """True for a call of `texts.tell`, however it was imported; others have methods of this name."""
    if not isinstance(node, ast.Call) or len(node.args) < 2:
        return False
    called = node.func
    through_module = isinstance(called, ast.Attribute) and called.attr == "tell" and _is_name(called.value, "texts")
    return through_module or _is_name(called, "tell")


def _is_name(node: ast.expr, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


def _literals(node: ast.expr) -> list[str]:
    """Return the texts an argument can be: a literal, a choice of two, or a `Text`."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return [node.value]
    if isinstance(node, ast.IfExp):
        return _literals(node.body) + _literals(node.orelse)
    if isinstance(node, ast.Attribute) and node.attr in Text.__members__:
        return [Text[node.attr].value]
    return []


def _messages() -> dict[str, str]:
    """Every message in the source, with the place it comes from."""
    found = {str(text): f"Text.{text.name}" for text in Text}
    for place, call in _tell_calls():
        found.update(dict.fromkeys(_literals(call.args[1]), place))
    return found


def _placeholders(message: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(message) if name is not None}


def _catalogue(language: str) -> dict[str, str]:
    path = ROOT / "assistant" / "locale" / language / "LC_MESSAGES" / "assistant.po"
    with path.open("rb") as file:
        return {entry.id: entry.string for entry in read_po(file) if entry.id and not entry.fuzzy}


@pytest.mark.parametrize("language", CATALOGUES)
def test_every_message_in_the_source_stands_in_the_catalogue(language: str) -> None:
    catalogue = _catalogue(language)
    missing = {place: message for message, place in _messages().items() if not catalogue.get(message)}
    assert not missing, f"{language}: {missing}"


@pytest.mark.parametrize("language", CATALOGUES)
def test_the_catalogue_holds_no_message_that_nobody_says(language: str) -> None:
    assert set(_catalogue(language)) - set(_messages()) == set()


@pytest.mark.parametrize("language", CATALOGUES)
def test_a_translation_has_the_placeholders_of_its_message(language: str) -> None:
    wrong = {m: t for m, t in _catalogue(language).items() if _placeholders(m) != _placeholders(t)}
    assert not wrong


def test_each_call_gives_a_value_to_each_placeholder_of_its_message() -> None:
    for place, call in _tell_calls():
        given = {keyword.arg for keyword in call.keywords}
        for message in _literals(call.args[1]):
            assert None in given or _placeholders(message) <= given, f"{place}: {message!r}"


@pytest.mark.parametrize("language", CATALOGUES)
def test_a_known_language_gets_its_own_words(language: str) -> None:
    told = {text: tell(language, text, **dict.fromkeys(_placeholders(text), "7")) for text in Text}
    assert all(words != str(text) for text, words in told.items())
    assert all("7" in words for text, words in told.items() if _placeholders(text))


def test_a_language_without_a_catalogue_gets_english() -> None:
    assert tell("fr", Text.DECLINED) == tell("en", Text.DECLINED) == "All right, no issue is opened."


def test_a_region_is_no_obstacle() -> None:
    assert tell("de-AT", Text.SOURCES) == tell("de", Text.SOURCES) == "Quellen"
    assert tell("zh_Hans", Text.SOURCES) == "来源"


def test_a_language_code_cannot_reach_outside_the_catalogues() -> None:
    assert tell("../../../etc", Text.SOURCES) == "Sources"


def test_braces_in_a_value_stay_as_they_are() -> None:
    assert tell("en", Text.ISSUE_OPENED, link="{secret.__class__}").endswith("{secret.__class__}")


def test_a_missing_value_is_an_error() -> None:
    with pytest.raises(KeyError, match="limit"):
        tell("en", Text.TOO_LONG, length=9000)


def test_an_age_is_told_in_its_largest_unit() -> None:
    assert age("en", timedelta(days=3, hours=2)) == "3 days"
    assert age("de", timedelta(days=3)) == "3 Tage"
    assert age("xx", timedelta(hours=5)) == "5 hours"


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("How do I rotate a deploy token?", "en"),
        ("my job cannot push to the registry since this morning", "en"),
        ("Wie kann ich den Runner neu registrieren?", "de"),
        ("Pipeline läuft nicht", "de"),
        ("docker login schlägt fehl mit 401", "de"),
        ("流水线一直处于 pending 状态", "zh"),
        ("https://gitlab.example.com/打不开", "zh"),
        ("パイプラインが失敗します", "ja"),
        ("파이프라인이 실패합니다", "ko"),
        ("Comment puis-je enregistrer un nouveau runner pour mon groupe ?", "fr"),
    ],
)
def test_the_language_of_a_question_is_found(text: str, language: str) -> None:
    assert language_of(text) == language


def test_a_path_does_not_decide_the_language() -> None:
    assert language_of("The build cannot be packaged, see D:\\测试\\build for the log of the last run") == "en"


def test_a_pasted_log_does_not_decide_the_language() -> None:
    question = "Warum bricht mein Job ab?\n```\nERROR: Job failed: execution took longer than 1h0m0s seconds\n```"
    assert language_of(question) == "de"


@pytest.mark.parametrize("text", ["", "VPN", "403", "`kubectl get pods -n review`", "```\nexit status 1\n```"])
def test_a_text_too_short_to_tell_keeps_the_default(text: str) -> None:
    assert language_of(text, default="de") == "de"


def test_chinese_is_told_without_loading_the_detector() -> None:
    program = (
        "import sys; from assistant.texts import language_of\n"
        "assert language_of('怎么申请账号') == 'zh' and 'lingua' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True, cwd=ROOT)  # noqa: S603 - our own interpreter and program
