"""Settings: where they come from, and how a wrong one is told."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from assistant import settings
from assistant.errors import NotConfigured

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def _empty_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in settings.Settings.model_fields:
        for variable in (f"ASSISTANT_{name.upper()}", name.upper(), f"{name.upper()}_FILE"):
            monkeypatch.delenv(variable, raising=False)


def test_everything_has_a_default() -> None:
    found = settings.load()
    assert found.embedder == "packaged-onnx"
    assert found.needs_detail_after == 30
    assert found.database().startswith("sqlite:///")


def test_the_environment_wins_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "assistant.toml").write_text('model = "from-file"\nlabel_support = "help"\n')
    monkeypatch.setenv("ASSISTANT_MODEL", "from-environment")
    found = settings.load()
    assert (found.model, found.label_support) == ("from-environment", "help")


def test_names_that_people_know_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:8000/v1")
    monkeypatch.setenv("GITLAB_PROJECT", "platform/support")
    found = settings.load()
    assert (found.openai_base_url, found.gitlab_project) == ("http://127.0.0.1:8000/v1", "platform/support")


def test_a_secret_comes_from_a_file_and_is_never_printed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "token").write_text("made-up-token\n")
    monkeypatch.setenv("GITLAB_TOKEN_FILE", str(tmp_path / "token"))
    found = settings.load()
    assert found.gitlab_token.get_secret_value() == "made-up-token"
    assert "made-up-token" not in repr(found)


@pytest.mark.parametrize(
    ("toml", "told"),
    [
        ('lable_support = "x"', "did you mean label_support"),
        ('gitlab_token = "x"', "set GITLAB_TOKEN or GITLAB_TOKEN_FILE"),
        ("model = [", "cannot be read"),
        ("needs_detail_after = -1", "needs_detail_after"),
        ('[[source]]\ntype = "folder"\npth = "docs"', "pth"),
        ('[[source]]\ntype = "ftp"', "source"),
    ],
)
def test_a_wrong_line_in_the_file_is_named_in_one_line(tmp_path: Path, toml: str, told: str) -> None:
    (tmp_path / "assistant.toml").write_text(toml)
    with pytest.raises(NotConfigured, match=told) as error:
        settings.load()
    assert "\n" not in str(error.value)


def test_an_unknown_variable_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSISTANT_MODLE", "x")
    with pytest.raises(NotConfigured, match=r"ASSISTANT_MODLE.*did you mean ASSISTANT_MODEL"):
        settings.load()


def test_a_wrong_secret_is_not_repeated_in_the_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITLAB_TOKEN_FILE", "/nowhere/token")
    with pytest.raises(NotConfigured, match="GITLAB_TOKEN_FILE"):
        settings.load()
