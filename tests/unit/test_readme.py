"""The README says what is: settings, commands, exit codes and files that it names exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pydantic import SecretStr
from pydantic_core import PydanticUndefined

from assistant.entrypoints.cli import COMMANDS
from assistant.settings import PREFIX, SECRETS, Settings

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")


def row(name: str) -> str:
    """Return the line of the settings table: name, default, secret or not, what it does."""
    field = Settings.model_fields[name]
    variable = name.upper() if field.validation_alias else PREFIX + name.upper()
    default = field.default
    if default is PydanticUndefined or isinstance(default, SecretStr) or default in ("", ()):
        default = ""
    shown = f"`{str(default).lower() if isinstance(default, bool) else default}`" if default != "" else "none"
    return f"| `{variable}` | {shown} | {'yes' if name in SECRETS else 'no'} | {field.description} |"


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_stands_in_the_table(name: str) -> None:
    assert row(name) in README


def test_no_setting_stands_in_the_table_that_does_not_exist() -> None:
    named = re.findall(r"^\| `([A-Z_]+)` \|", README, re.MULTILINE)
    assert set(named) == {row(name).split("`")[1] for name in Settings.model_fields}


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_stands_in_the_table(name: str) -> None:
    assert re.search(rf"^\| `assistant {name}\b", README, re.MULTILINE)


def test_every_command_that_the_readme_names_exists() -> None:
    present = README.replace(README.split("## What is not there yet")[1].split("\n## ")[0], "")
    assert set(re.findall(r"(?:^|`)assistant ([a-z]+)", present, re.MULTILINE)) <= set(COMMANDS)


@pytest.mark.parametrize("target", sorted(set(re.findall(r"\]\(([^)#:]+)\)", README))))
def test_every_file_that_is_linked_exists(target: str) -> None:
    assert (ROOT / target).exists()


@pytest.mark.parametrize("script", sorted(set(re.findall(r"scripts/([a-z_]+)", README))))
def test_every_script_that_is_named_can_be_run(script: str) -> None:
    assert (ROOT / "scripts" / script).stat().st_mode & 0o111
