"""Conversations about the sample in `assistant chat`, whose second question leaves its topic to the first."""

# ruff: noqa: RUF001 - punctuation of other languages is what people type

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "assistant" / "sandbox" / "sample"
ENVIRONMENT = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "PYTHONIOENCODING": "utf-8"}
DIALOGS = [
    ("How do I install the steghaus command line?", "and on Windows?", "docs/start/cli.md", "windows-amd64.exe"),
    (
        "How long are artifacts of a merge request kept?",
        "and on the default branch?",
        "ci/artifacts-and-cache.md",
        "30",
    ),
    ("How do I register my own runner?", "how do I move it to another machine?", "runners/own-runner.md", "system_id"),
    ("How do I set up the VPN?", "and without the client on Linux?", "docs/network/vpn.md", "wg-quick"),
    (
        "How do I sign in to the container registry on my laptop?",
        "and in a pipeline?",
        "container-registry.md",
        "CI_REGISTRY_PASSWORD",
    ),
    ("How do I get access to the int cluster with kubectl?", "does that work for prod too?", "kubernetes.md", "prod"),
    (
        "How do I create a personal access token?",
        "how do I renew it before it expires?",
        "security/tokens.md",
        "rotate",
    ),
    ("Wie registriere ich einen eigenen Runner?", "und hinter einem Proxy?", "de/eigener-runner.md", "HTTPS_PROXY"),
    ("Wie lange bleiben Artefakte auf einem Branch erhalten?", "und auf main?", "docs/de/pipelines.md", "main"),
    ("Wie richte ich das VPN ein?", "Und wie ist das für Externe?", "docs/de/vpn.md", "steghaus-partner"),
    ("怎么连接 VPN？", "那从中国大陆呢？", "docs/zh/secrets-and-vpn.md", "vpn-sh.example.com"),
    ("制品保留多久？", "默认分支呢？", "docs/zh/pipelines.md", "30 天"),
    ("How do I register my own runner?", "How do I roll back production?", "deploy/production.md", "steghaus rollback"),
]
"""First question, second, the page that the second answer cites, and what it says."""


def run(folder: Path, *arguments: str, said: str = "") -> str:
    ended = subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-m", "assistant.entrypoints.cli", *arguments],
        cwd=folder,
        input=said,
        env=ENVIRONMENT | {"HOME": str(folder)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("chat")
    run(folder, "index", "build", "--docs", str(SAMPLE / "docs"), "--issues", str(SAMPLE / "issues.jsonl"))
    return folder


@pytest.fixture(scope="module")
def shown(home: Path) -> list[str]:
    """Return what is shown after each line of one long chat with a thread for each dialog."""
    lines = [line for first, second, _, _ in DIALOGS for line in ("/new", first, second)]
    parts = run(home, "chat", said="".join(f"{line}\n" for line in lines)).split("you> ")
    assert len(parts) == len(lines) + 1
    return parts[1:]


@pytest.mark.slow
@pytest.mark.model
@pytest.mark.parametrize("number", range(len(DIALOGS)), ids=[second for _, second, _, _ in DIALOGS])
def test_a_follow_up_is_answered_from_the_page_of_its_topic(shown: list[str], number: int) -> None:
    _, second, page, says = DIALOGS[number]
    said = shown[3 * number + 2]
    assert said.startswith(second)
    assert page in said
    assert says in said


def say(chat: subprocess.Popen[str], line: str, until: str) -> str:
    assert chat.stdin is not None
    assert chat.stdout is not None
    chat.stdin.write(f"{line}\n")
    chat.stdin.flush()
    shown = next(line for line in chat.stdout if until in line or "I could not find" in line)
    assert until in shown, f"no answer to {line!r}"
    return shown


@pytest.mark.slow
@pytest.mark.model
def test_a_word_alone_speaks_of_the_newest_question_and_one_with_an_id_of_an_earlier_one(home: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-u", "-m", "assistant.entrypoints.cli", "chat"],
        cwd=home,
        env=ENVIRONMENT | {"HOME": str(home)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as chat:
        asked = ("How do I set up the VPN?", "and without the client on Linux?", "How do I register my own runner?")
        ids = [say(chat, line, "Question ").split()[1] for line in asked]
        say(chat, "solved", "Good to hear")
        say(chat, f"solved {ids[0]}", "Good to hear")
        chat.communicate("/quit\n", timeout=60)
    states = [json.loads(run(home, "explain", one, "--json"))["state"] for one in ids]
    assert states == ["solved", "answered", "solved"]
