"""`assistant ask`, `chat`, `explain` and `doctor` from a terminal, with a real index and the GitLab stand-in."""

from __future__ import annotations

import json
import secrets
import shutil
import sqlite3
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner, Result
from filelock import FileLock

from assistant.adapters.gitlab import GitLabTracker
from assistant.entrypoints.cli import cli
from assistant.sandbox.demo import SAMPLE
from tests.fakes.gitlab_process import running_gitlab

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from assistant.sandbox.gitlab.process import RunningGitLab

KNOWN = "docker push from our lab ends with: error parsing HTTP 404 response body: blob upload unknown to registry"
UNKNOWN = "Can I order a zeppelin for the summer party?"
VAGUE = "my pipeline fails"


class Terminal:
    """Runs `assistant ...` in a home of its own."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.folder = folder
        self.environment = environment

    def run(self, *arguments: str, expect: int | None = None, said: str | None = None, **changed: str) -> Result:
        result = CliRunner().invoke(cli, arguments, input=said, env={**self.environment, **changed})
        if expect is not None:
            assert result.exit_code == expect, f"{result.exit_code}: {result.output}\n{result.exception!r}"
        return result

    def ask(self, *arguments: str, **changed: str) -> dict[str, Any]:
        found = json.loads(self.run("ask", "--json", *arguments, **changed).stdout)
        assert isinstance(found, dict)
        return found


@pytest.fixture(scope="module")
def gitlab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGitLab]:
    with running_gitlab(tmp_path_factory.mktemp("gitlab")) as running:
        yield running


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("home")
    terminal = Terminal(home, {"ASSISTANT_HOME": str(home), "ASSISTANT_EMBEDDER": "hashing"})
    sample = ("--docs", str(SAMPLE / "docs"), "--issues", str(SAMPLE / "issues.jsonl"))
    terminal.run("index", "build", *sample, expect=0)
    return home / "index"


@pytest.fixture
def terminal(tmp_path: Path, index: Path, gitlab: RunningGitLab, monkeypatch: pytest.MonkeyPatch) -> Terminal:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "index").symlink_to(index)
    return Terminal(
        tmp_path,
        {
            "ASSISTANT_HOME": str(tmp_path / "home"),
            "ASSISTANT_EMBEDDER": "hashing",
            "ASSISTANT_UNCERTAIN_WRITE_WAIT_S": "0",
            "GITLAB_URL": gitlab.url,
            "GITLAB_PROJECT": gitlab.project,
            "GITLAB_TOKEN": gitlab.bot_token,
        },
    )


def issue(gitlab: RunningGitLab, iid: int) -> dict[str, Any]:
    tracker = GitLabTracker(gitlab.url, gitlab.bot_token, gitlab.project)
    found = tracker.get(f"/projects/{gitlab.project.replace('/', '%2F')}/issues/{iid}")
    tracker.close()
    return found


def test_an_answer_is_one_object_with_its_sources(terminal: Terminal) -> None:
    found = terminal.ask(KNOWN)
    assert found["outcome"] == "answered", found
    assert found["answered_by"] == "extractive"
    assert "[1]" in found["answer"]
    assert found["citations"][0]["document"] == "issue:1203"
    assert set(found["citations"][0]) == {"n", "title", "url", "document", "quote"}
    assert found["confidence"] is None
    assert 0 < found["score"] <= 1
    assert len(found["ranking"]) >= 20
    assert len({document for document in found["ranking"] if document.startswith("issue:")}) >= 10
    assert found["issue"] is None
    assert set(found["passages"][0]) == {"document", "chunk", "score"}
    assert found["timings_ms"]["total"] > 0


def test_what_nobody_knows_becomes_an_issue(terminal: Terminal, gitlab: RunningGitLab) -> None:
    found = terminal.ask(UNKNOWN)
    assert (found["outcome"], found["answer"]) == ("abstained", None)
    assert found["issue"]["state"] == "opened"
    opened = issue(gitlab, found["issue"]["iid"])
    assert opened["labels"][:1] == ["support"] or "support" in opened["labels"]
    assert "awaiting-feedback" not in opened["labels"]
    assert UNKNOWN in opened["description"]


def test_an_issue_from_a_private_place_is_confidential_and_one_from_a_public_place_is_not(
    terminal: Terminal, gitlab: RunningGitLab
) -> None:
    private = terminal.ask(UNKNOWN)
    public = terminal.ask(UNKNOWN, ASSISTANT_CONSOLE_VISIBILITY="public")
    assert issue(gitlab, private["issue"]["iid"])["confidential"] is True
    assert issue(gitlab, public["issue"]["iid"])["confidential"] is False


def test_a_vague_report_is_asked_back_and_opened_with_both_labels_when_nobody_replies(
    terminal: Terminal, gitlab: RunningGitLab
) -> None:
    found = terminal.ask(VAGUE, ASSISTANT_NEEDS_DETAIL_AFTER="0")
    assert found["outcome"] == "needs_detail"
    assert found["missing"]
    labels = issue(gitlab, found["issue"]["iid"])["labels"]
    assert {"support", "awaiting-feedback"} <= set(labels)


def test_a_reply_with_the_detail_is_answered_under_the_same_question(terminal: Terminal) -> None:
    asked = terminal.ask(VAGUE)
    assert asked["issue"] is None
    replied = terminal.ask("--reply", asked["id"], KNOWN)
    assert (replied["id"], replied["outcome"]) == (asked["id"], "answered")


def test_no_escalate_opens_nothing(terminal: Terminal) -> None:
    found = terminal.ask("--no-escalate", UNKNOWN)
    assert (found["outcome"], found["issue"]) == ("abstained", None)


def test_a_dry_run_shows_the_issue_and_writes_nothing(terminal: Terminal) -> None:
    found = terminal.ask("--dry-run", UNKNOWN)
    assert UNKNOWN in found["would_open"]["description"]
    assert "support" in found["would_open"]["labels"]
    with sqlite3.connect(terminal.folder / "home" / "state.db") as state:
        assert state.execute("SELECT count(*) FROM questions").fetchone() == (0,)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [(("ask", KNOWN), 0), (("ask", UNKNOWN), 3), (("ask", ""), 2), (("ask", "x" * 9000), 2), (("ask",), 2)],
)
def test_scripts_can_tell_by_the_exit_code(terminal: Terminal, arguments: tuple[str, ...], code: int) -> None:
    terminal.run(*arguments, expect=code)


def test_a_picture_alone_gets_a_clear_word(terminal: Terminal) -> None:
    assert "cannot read pictures" in terminal.run("ask", "![screenshot](shot.png)", expect=2).stderr


def test_a_token_pasted_by_mistake_is_nowhere_on_disk_and_the_issue_is_confidential(
    terminal: Terminal, gitlab: RunningGitLab
) -> None:
    token = "glpat-" + secrets.token_urlsafe(15)[:20].replace("-", "a").replace("_", "b")
    asked = terminal.run("ask", "--json", f"Where is the zeppelin for {token}?", ASSISTANT_CONSOLE_VISIBILITY="public")
    found = json.loads(asked.stdout)
    assert "Revoke it now" in asked.stderr
    assert issue(gitlab, found["issue"]["iid"])["confidential"] is True
    everything = [
        path for root in (terminal.folder / "home", gitlab.data_dir) for path in root.rglob("*") if path.is_file()
    ]
    assert everything
    assert not [path for path in everything if token.encode() in path.read_bytes()]


def test_while_gitlab_is_down_the_issue_waits_and_is_opened_with_a_later_command(
    terminal: Terminal, gitlab: RunningGitLab
) -> None:
    waiting = terminal.ask(UNKNOWN, GITLAB_URL="http://127.0.0.1:9")
    assert waiting["issue"] == {"url": None, "iid": None, "state": "waiting"}
    with sqlite3.connect(terminal.folder / "home" / "state.db") as state:
        state.execute("UPDATE work SET due_at = created_at WHERE state = 'ready'")
    terminal.ask(KNOWN)
    explained = json.loads(terminal.run("explain", waiting["id"], "--json", expect=0).stdout)
    assert explained["issue"]["state"] == "opened"
    assert UNKNOWN in issue(gitlab, explained["issue"]["iid"])["description"]


def test_without_gitlab_the_asker_is_told_that_nothing_was_opened(terminal: Terminal) -> None:
    said = terminal.run("ask", UNKNOWN, expect=3, GITLAB_URL="", GITLAB_PROJECT="", GITLAB_TOKEN="")
    assert "No issue tracker is set up" in said.stdout


def test_gitlab_set_up_by_halves_is_told_in_one_line(terminal: Terminal) -> None:
    said = terminal.run("ask", UNKNOWN, expect=2, GITLAB_TOKEN="")
    assert said.stderr.strip().splitlines()[-1] == "Error: GitLab is set up by halves: set GITLAB_TOKEN as well"


def test_without_an_index_the_way_to_one_is_told(terminal: Terminal, tmp_path: Path) -> None:
    said = terminal.run("ask", KNOWN, ASSISTANT_HOME=str(tmp_path / "fresh"), expect=1)
    assert "assistant index build" in said.stderr
    assert "Traceback" not in said.output


def test_a_question_in_german_is_told_in_german(terminal: Terminal) -> None:
    said = terminal.run("ask", "Kann ich für das Sommerfest einen Zeppelin bestellen?", expect=3)
    assert "Ich konnte" in said.stdout


def test_a_conversation_ends_when_the_asker_says_solved(terminal: Terminal) -> None:
    said = terminal.run("chat", said=f"{KNOWN}\nsolved\n", expect=0)
    assert "issue:1203" in said.stdout or "1203" in said.stdout
    assert "Good to hear that it is solved" in said.stdout


def test_a_private_conversation_shows_the_exact_text_and_opens_the_issue_after_a_yes(
    terminal: Terminal, gitlab: RunningGitLab
) -> None:
    said = terminal.run("chat", said=f"{UNKNOWN}\nyes\n", expect=0, ASSISTANT_ESCALATION="confirm")
    assert "exact text" in said.stdout
    assert "/-/issues/" in said.stdout
    declined = terminal.run("chat", said=f"{UNKNOWN}\nno\n", expect=0, ASSISTANT_ESCALATION="confirm")
    assert "no issue is opened" in declined.stdout
    del gitlab


def test_a_second_process_adds_its_question_and_says_who_works(terminal: Terminal) -> None:
    with FileLock(terminal.folder / "home" / "worker.lock"):
        said = terminal.run("chat", said="/quit\n", expect=0)
    assert "Another assistant process" in said.stdout


def test_without_the_list_of_withdrawn_documents_a_question_is_kept_and_says_what_an_admin_has_to_do(
    terminal: Terminal, index: Path
) -> None:
    own = terminal.folder / "home" / "index"
    own.unlink()
    shutil.copytree(index, own)
    (own / "WITHDRAWN.json").write_text("{half")
    said = terminal.run("ask", KNOWN, expect=1)
    assert "is kept but not answered yet" in said.stderr
    assert "restore it from a backup" in said.stderr
    assert "exc_type" not in said.stderr, "a person sees no trace"
    (own / "WITHDRAWN.json").unlink()
    with sqlite3.connect(terminal.folder / "home" / "state.db") as state:
        [waits] = state.execute("SELECT error FROM work WHERE kind = 'ask'").fetchall()
    assert "WITHDRAWN.json cannot be read" in waits[0]


def test_explain_tells_what_stood_behind_an_outcome(terminal: Terminal) -> None:
    found = terminal.ask(KNOWN)
    said = terminal.run("explain", found["id"], expect=0).stdout
    assert "issue:1203" in said
    assert "Features:" in said
    assert "no question" in terminal.run("explain", "nobody", expect=2).stderr


def test_doctor_finds_everything_in_order(terminal: Terminal) -> None:
    found = json.loads(terminal.run("doctor", "--json", expect=0).stdout)["checks"]
    assert {check["name"] for check in found} >= {"home", "database", "index", "embedder", "model", "gitlab project"}
    assert not [check for check in found if check["state"] == "failed"]


def test_doctor_names_a_wrong_token_and_ends_with_three(terminal: Terminal) -> None:
    said = terminal.run("doctor", expect=3, GITLAB_TOKEN="wrong")
    assert "FAILED" in said.stdout
    assert "GITLAB_TOKEN" in said.stdout
