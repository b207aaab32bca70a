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
        ('[[source]]\ntype = "ftp"', "number 1 .*give it one of folder, git, gitlab, site, issues"),
        ('[[source]]\npath = "docs"', "number 1 .*has no type: give it one of folder, git"),
        ('[[source]]\ntype = "site"\nname = "s"', "type site needs sitemap"),
        ('[[source]]\ntype = "folder"\npath = "d"\nname = "a/../b"', r"name: .*found 'a/\.\./b'"),
        ('[[source]]\ntype = "gitlab"\nproject = "a/b"\ngroup = "c"', "number 1 .*: give either project or group$"),
        ('[audiences]\nconsole = "team-a"', "audiences.console: a list is expected"),
        ('admins = ["bob"]', "'bob' is no PLATFORM/USER ID: write it like console/local"),
        ('gitlab_url = "gitlab.example.com"', "gitlab_url: write it like https://"),
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


def test_an_unknown_key_of_a_source_is_told_with_those_it_takes(tmp_path: Path) -> None:
    (tmp_path / "assistant.toml").write_text('[[source]]\ntype = "folder"\npath = "d"\nlabels = ["x"]')
    with pytest.raises(NotConfigured, match=r"unknown key labels; type folder takes .*paths.*formats"):
        settings.load()


def test_a_token_in_the_address_of_a_source_is_not_repeated_in_the_error(tmp_path: Path) -> None:
    url = 'url = "https://bot:canary@gitlab.example.com/a.git"'
    for table in (f'type = "git"\n{url}', f'type = "git"\nname = "https://bot:canary@x"\n{url}', url):
        (tmp_path / "assistant.toml").write_text(f"[[source]]\n{table}")
        with pytest.raises(NotConfigured) as error:
            settings.load()
        assert "canary" not in str(error.value)
