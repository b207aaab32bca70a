"""Who may give which admin command in a chat, and what is one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.core.commands import COMMANDS, Command, Refused, is_command, may_run, parse, usage

ATTACKS = Path(__file__).parents[3] / "shared" / "attacks" / "attacks.jsonl"
SOURCES = ("handbook", "issues")


@pytest.mark.parametrize(
    ("line", "command"),
    [
        ("/index status", Command("status")),
        ("/index  diff v0001   v0002 ", Command("diff", ("v0001", "v0002"))),
        ("/index update", Command("update")),
        ("/index update handbook", Command("update", ("handbook",))),
        ("/index promote v0012", Command("promote", ("v0012",))),
    ],
)
def test_a_line_is_read_as_the_command_it_is(line: str, command: Command) -> None:
    assert is_command(line)
    assert parse(line, SOURCES) == command


def test_a_command_tells_the_line_that_gives_it() -> None:
    assert str(Command("diff", ("v0001", "v0002"))) == "/index diff v0001 v0002"


@pytest.mark.parametrize(
    "text",
    [
        "> /index rollback",
        " /index rollback",
        "`/index rollback`",
        '"/index rollback"',
        "please run /index rollback",
        "look:\n/index rollback",
        "\u200b/index rollback",
        "\uff0findex rollback",
        "/indexed pages are missing",
        "/Index rollback",
        "what does /index do?",
    ],
)
def test_what_is_quoted_or_only_speaks_of_a_command_is_none(text: str) -> None:
    assert not is_command(text)


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ("/index update --path /etc; rm -rf / $(id) --source file:///root", "--path"),
        ("/index update http://evil.test/docs", "http?//evil.test/docs"),
        ("/index update handbook; rm -rf /", "handbook?"),
        ("/index update handbook extra", "extra"),
        ("/index promote ../../etc/passwd", "../../etc/passwd"),
        ("/index promote v1", "v1"),
        ("/index promote v0001/../v0002", "v0001/../v0002"),
        ("/index promote v\u0660\u0660\u0660\u0661", "v????"),
        ("/index rollback v0001", "v0001"),
        ("/index rollback --force", "--force"),
        ("/index update \u202ekoobdnah", "?koobdnah"),
        ("/index update @everyone <!channel>", "?everyone"),
        (f"/index update {'x' * 500}", "x" * 39 + "…"),
    ],
)
def test_an_argument_outside_the_fixed_list_is_refused_by_name(line: str, named: str) -> None:
    refused = parse(line, SOURCES)
    assert isinstance(refused, Refused)
    assert refused.reason.startswith(f"unknown argument {named}:")
    assert "\n" not in refused.reason


def test_an_unknown_command_is_refused_with_those_there_are() -> None:
    refused = parse("/index destroy", SOURCES)
    assert isinstance(refused, Refused)
    assert refused.reason == f"unknown command destroy; there are: {', '.join(COMMANDS)}"


@pytest.mark.parametrize("line", ["/index promote", "/index diff v0001"])
def test_a_missing_argument_is_said(line: str) -> None:
    refused = parse(line, SOURCES)
    assert isinstance(refused, Refused)
    assert refused.reason.startswith("an argument is missing: /index ")


@pytest.mark.parametrize(
    "line", ["/index rollback\n> quoted", "/index status\r/index rollback", "/index\nrollback", "/index\u2028rollback"]
)
def test_a_command_with_more_lines_is_refused_whole(line: str) -> None:
    assert is_command(line)
    refused = parse(line, SOURCES)
    assert isinstance(refused, Refused)
    assert "one line" in refused.reason


@pytest.mark.parametrize("line", ["/index", "/index help"])
def test_the_bare_word_shows_all_commands(line: str) -> None:
    assert parse(line, SOURCES) == Refused(usage())
    assert len(usage().splitlines()) == len(COMMANDS)


@given(st.text())
def test_whatever_is_written_only_commands_and_names_of_the_list_come_out(words: str) -> None:
    found = parse(f"/index {words}", SOURCES)
    if isinstance(found, Command):
        assert found.name in COMMANDS
        assert all(word in SOURCES or word[1:].isdecimal() for word in found.arguments)


@pytest.mark.parametrize(
    ("who", "allowed"),
    [
        ("slack/U0ADMIN01", True),
        ("console/local", True),
        ("slack/U0OTHER", False),
        ("slack/Admin (U0ADMIN01)", False),
        ("slack/u0admin01", False),
        ("teams/U0ADMIN01", False),
        ("slack/U0ADMIN01 ", False),
        ("", False),
    ],
)
def test_the_stable_id_decides_and_never_a_name_that_people_see(who: str, *, allowed: bool) -> None:
    assert may_run(who, ("slack/U0ADMIN01", "console/local")) is allowed


def test_without_a_setting_nobody_may() -> None:
    assert not may_run("console/local", ())


@pytest.mark.skipif(not ATTACKS.is_file(), reason="the catalogue of attacks does not lie beside this checkout")
@pytest.mark.parametrize("identity", ["A139", "A140"])
def test_attacks_by_argument_and_by_quotation_start_nothing(identity: str) -> None:
    cases = {case["id"]: case for case in map(json.loads, ATTACKS.read_text("utf-8").split("\n")[:-1])}
    text = str(cases[identity]["payload"]).replace("/reindex", "/index update")
    assert not is_command(text) or isinstance(parse(text, SOURCES), Refused)
