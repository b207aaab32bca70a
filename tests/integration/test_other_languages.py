"""Questions in German and Chinese from the terminal, over the sample knowledge base with the real embedder."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner, Result

from assistant.entrypoints.cli import cli
from assistant.sandbox.demo import SAMPLE

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = [pytest.mark.slow, pytest.mark.model]

GERMAN, CHINESE = "de", "zh"
SOURCES = {GERMAN: "Quellen", CHINESE: "来源"}
AS_IN_SOURCE = {GERMAN: "in der Sprache ihrer Quelle", CHINESE: "来源的原文语言"}
NOT_FOUND = {GERMAN: "Ich konnte weder in der Dokumentation", CHINESE: "都没有找到答案"}


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("home")
    sample = ("--docs", str(SAMPLE / "docs"), "--issues", str(SAMPLE / "issues.jsonl"))
    built = CliRunner().invoke(cli, ["index", "build", *sample], env={"ASSISTANT_HOME": str(home)})
    assert built.exit_code == 0, built.output
    return home / "index"


@pytest.fixture
def ask(index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Result]:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "index").symlink_to(index)

    def run(question: str) -> Result:
        words = ["ask", question, "--no-escalate"]
        return CliRunner().invoke(cli, words, env={"ASSISTANT_HOME": str(tmp_path / "home")})

    return run


@pytest.mark.parametrize(
    ("question", "language", "title", "is_foreign"),
    [
        ("Container startet im Cluster nicht: exec format error\nauf meinem Mac läuft er", GERMAN, "exec format", True),
        ("merge button bleibt grau obwohl die pipeline grün ist", GERMAN, "nicht mergen", False),
        ("命令行登录报 unsupported grant type password", CHINESE, "快速入门", False),
    ],
    ids=["German about an English issue", "German about a German issue", "Chinese about a Chinese page"],
)
def test_quotations_stay_as_they_are_and_what_is_around_them_is_in_the_askers_language(
    ask: Callable[[str], Result], question: str, language: str, title: str, *, is_foreign: bool
) -> None:
    found = ask(question)
    assert found.exit_code == 0
    assert SOURCES[language] in found.stdout
    assert title in found.stdout
    assert (AS_IN_SOURCE[language] in found.stdout) is is_foreign


@pytest.mark.parametrize(
    ("question", "language"),
    [("Wie buche ich einen Besprechungsraum im dritten Stock?", GERMAN), ("怎么报销出差的打车费", CHINESE)],
    ids=["German", "Chinese"],
)
def test_what_is_not_in_the_sources_is_not_answered_and_that_is_said_in_the_askers_language(
    ask: Callable[[str], Result], question: str, language: str
) -> None:
    found = ask(question)
    assert NOT_FOUND[language] in found.stdout
    assert SOURCES[language] not in found.stdout


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ("Der Job bricht ab, hier das ganze Log: " + "und noch eine Zeile " * 600, "Das ist zu lang"),
        ("作业失败了 完整日志如下 " + "又是一行日志" * 2000, "太长"),
    ],
    ids=["German", "Chinese"],
)
def test_a_refusal_is_in_the_askers_language(ask: Callable[[str], Result], question: str, said: str) -> None:
    found = ask(question)
    assert found.exit_code != 0
    assert said in found.output


def test_a_vague_question_is_asked_back_in_its_language(ask: Callable[[str], Result]) -> None:
    assert "Kannst du" in ask("meine Pipeline geht nicht").stdout
