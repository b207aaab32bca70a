"""`assistant backtest` over the sample's closed issues, with a small embedder."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from bs4 import BeautifulSoup
from click.testing import CliRunner, Result

from assistant.entrypoints.cli import cli
from assistant.sandbox.demo import SAMPLE

if TYPE_CHECKING:
    from pathlib import Path


def run(home: Path, *arguments: str) -> Result:
    return CliRunner().invoke(cli, arguments, env={"ASSISTANT_HOME": str(home), "ASSISTANT_EMBEDDER": "hashing"})


def thread(iid: int, month: int, text: str, **changes: object) -> dict[str, object]:
    return {
        "iid": iid,
        "title": f"The deploy of the shop fails with error E77{iid}",
        "description": text,
        "labels": ["deploy", "support"],
        "state": "closed",
        "author": f"user-{iid}",
        "created_at": f"2026-{month:02d}-10T10:00:00Z",
        "closed_at": f"2026-{month:02d}-12T10:00:00Z",
        "web_url": f"https://gitlab.example.com/platform/support/-/issues/{iid}",
        "notes": [
            {
                "id": iid,
                "author": "responder",
                "role": "maintainer",
                "created_at": f"2026-{month:02d}-11T10:00:00Z",
                "body": "The quota was full. Delete old releases with `helm uninstall`, then deploy again.",
            }
        ],
        **changes,
    }


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("home")
    built = run(folder, "index", "build", "--docs", str(SAMPLE / "docs"), "--issues", str(SAMPLE / "issues.jsonl"))
    assert built.exit_code == 0, built.output
    return folder


@pytest.fixture(scope="module")
def result(home: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    files = tmp_path_factory.mktemp("files")
    done = run(home, "backtest", "--json", "--report", str(files / "r.html"), "--output", str(files / "r.json"))
    assert done.exit_code == 0, done.output
    found: dict[str, Any] = json.loads(done.stdout)
    assert found == json.loads((files / "r.json").read_text("utf-8"))
    return found | {"report": (files / "r.html").read_text("utf-8")}


def test_every_closed_issue_is_asked_once_oldest_first(result: dict[str, Any]) -> None:
    opened = [row["opened_at"] for row in result["issues"]]
    assert opened == sorted(opened)
    assert len({row["document"] for row in result["issues"]}) == len(opened) == result["overall"]["asked"]


def test_no_answer_cites_the_issue_itself_or_one_closed_later(result: dict[str, Any], home: Path) -> None:
    closed = {}
    for line in (SAMPLE / "issues.jsonl").read_text("utf-8").splitlines():
        issue = json.loads(line)
        closed[f"issue:{issue['iid']}"] = issue["closed_at"]
    cited = [(row, name) for row in result["issues"] for name in row["cited"] if name.startswith("issue:")]
    assert cited, "the sample answers from earlier issues"
    for row, name in cited:
        assert closed[name][:10] < row["opened_at"][:10]
    del home


def test_counts_by_month_and_by_label_add_up(result: dict[str, Any]) -> None:
    for key in ("asked", "answered", "rightly", "wrongly", "cannot_be_told", "escalated", "asked_back"):
        assert sum(one[key] for one in result["by_month"].values()) == result["overall"][key]
        assert all(one[key] <= result["overall"][key] for one in result["by_label"].values())
    low, high = result["overall"]["deflection_interval"]
    assert low < result["overall"]["deflection"] < high


def test_the_report_holds_the_figures_and_asks_nobody_for_anything(result: dict[str, Any]) -> None:
    html = result["report"]
    soup = BeautifulSoup(html, "lxml")
    assert soup.find(["script", "link", "img", "iframe"]) is None
    assert len(soup.find_all("figure")) >= 1
    assert str(result["overall"]["asked"]) in soup.get_text()
    assert all(str(a["href"]).startswith(("#", "https://gitlab.example.com/")) for a in soup.find_all("a"))
    assert "author" not in result["issues"][0]


def test_confidential_issues_are_neither_asked_nor_named(result: dict[str, Any]) -> None:
    assert "CANARY" not in json.dumps(result)


def test_a_back_test_stores_and_opens_nothing(home: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in home.rglob("*") if path.is_file()}
    assert run(home, "backtest", "--limit", "3").exit_code == 0
    assert {path: path.stat().st_mtime_ns for path in home.rglob("*") if path.is_file()} == before


def test_dates_label_and_limit_choose_issues(home: Path) -> None:
    done = run(
        home, "backtest", "--since", "2026-05-01", "--until", "2026-07-01", "--label", "ci", "--limit", "2", "--json"
    )
    rows = json.loads(done.stdout)["issues"]
    assert len(rows) == 2
    assert all("2026-05-01" <= row["opened_at"] < "2026-07-01" and "ci" in row["labels"] for row in rows)


def test_a_person_reads_counts_and_how_many_cannot_be_told(home: Path) -> None:
    done = run(home, "backtest", "--limit", "5")
    assert done.exit_code == 0
    assert "5 closed issues opened" in done.stdout
    assert "cannot be judged" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("--since", "2030-01-01"), 2, "nothing to replay"),
        (("--label", "no-such-label"), 2, "nothing to replay"),
        (("--since", "yesterday"), 2, "does not match the format"),
        (("--index-version", "v9999"), 1, "v9999"),
        (("--report", "/no/such/folder/r.html"), 2, "/no/such/folder is no folder"),
    ],
    ids=["dates", "label", "no date", "version", "folder"],
)
def test_what_cannot_be_done_is_told_in_one_line(home: Path, arguments: tuple[str, ...], code: int, told: str) -> None:
    done = run(home, "backtest", *arguments)
    assert done.exit_code == code, done.output
    assert told in done.stderr
    assert "Traceback" not in done.output


def test_an_index_without_issues_is_told_clearly(tmp_path: Path) -> None:
    assert run(tmp_path, "index", "build", "--docs", str(SAMPLE / "docs")).exit_code == 0
    done = run(tmp_path, "backtest")
    assert done.exit_code == 2
    assert "0 closed issues" in done.stderr


def test_a_question_that_comes_again_is_answered_from_the_first_and_never_from_itself(tmp_path: Path) -> None:
    issues = [
        thread(701, 1, "Since today the deploy of the shop fails: error E7700, the quota of the namespace is full."),
        thread(702, 3, "The deploy of the shop fails: error E7700, the quota of the namespace is full. What can I do?"),
    ]
    issues[1]["notes"][0]["body"] = "Same as #701: delete old releases with `helm uninstall`, then deploy again."  # type: ignore[index]
    path = tmp_path / "issues.jsonl"
    path.write_text("".join(json.dumps(one) + "\n" for one in issues), "utf-8")
    built = run(tmp_path / "home", "index", "build", "--docs", str(SAMPLE / "docs"), "--issues", str(path))
    assert built.exit_code == 0, built.output
    done = run(tmp_path / "home", "backtest", "--json")
    first, second = json.loads(done.stdout)["issues"]
    assert not {name for name in first["cited"] if name.startswith("issue:")}
    assert second["right"] == ["issue:701"]
    assert second["outcome"] == "answered"
    assert second["cited"][0] == "issue:701"
    assert second["judgement"] == {"verdict": "rightly", "by": "cited"}
