"""Recall over real index versions."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from click.testing import CliRunner

from assistant.entrypoints.index_recalled import recalled as recalled_command
from assistant.workflows.answer import make_answer
from assistant.workflows.recall import VersionTexts, recall, recalled
from indexing.retrieve import Retriever
from indexing.versions import Versions
from indexing.withdrawn import Withdrawn
from tests.fakes.memory_source import page
from tests.fakes.running_home import RunningHome
from tests.fakes.written_versions import publish

if TYPE_CHECKING:
    from pathlib import Path

REGISTER = page(
    "runner", "# Runner\n\nRegister a runner with `gitlab-runner register` and paste the token that lasts 90 days."
)
DISK = page("disk", "# Disk\n\nOld images fill the disk; clean up with `docker image prune`.")
EDITED = page("runner", "# Runner\n\nRunners are registered for you by the platform team since May.")


def test_an_edited_page_recalls_its_answer_and_a_rollback_takes_that_back(tmp_path: Path) -> None:
    versions = Versions(tmp_path / "index")
    first = publish(versions, [REGISTER, DISK])
    versions.promote(first)
    answer = make_answer(Retriever(versions.open_live(), None), None)
    home = RunningHome(tmp_path, answer=answer)
    question = home.ask("How do I register a runner with gitlab-runner register and a token?")
    home.run()
    assert home.state(question) == "answered"
    assert recall(home.store, VersionTexts(versions.open(first))).given == 1
    second = publish(versions, [EDITED, DISK])
    report = recall(home.store, VersionTexts(versions.open(second)))
    assert (report.supported, report.changed, report.gone) == (0, 1, 0)
    assert [row.question_id for row in recalled(home.store)] == [question]
    assert recall(home.store, VersionTexts(versions.open(first))).supported == 1
    assert recalled(home.store) == ()
    Withdrawn(tmp_path / "index").add(["docs/runner.md"])
    assert recall(home.store, VersionTexts(versions.open(first))).gone == 1
    home.close()


def test_what_is_recalled_is_listed_for_people_and_for_programs(tmp_path: Path) -> None:
    versions = Versions(tmp_path / "index")
    versions.promote(publish(versions, [REGISTER, DISK]))
    home = RunningHome(tmp_path, answer=make_answer(Retriever(versions.open_live(), None), None))
    question = home.ask("How do I register a runner with gitlab-runner register and a token?")
    home.run()
    environment = {"ASSISTANT_HOME": str(tmp_path), "ASSISTANT_EMBEDDER": "hashing"}
    assert "supported by its sources still" in CliRunner().invoke(recalled_command, env=environment).output
    recall(home.store, VersionTexts(versions.open(publish(versions, [EDITED, DISK]))))
    home.close()
    told = CliRunner().invoke(recalled_command, env=environment)
    assert told.exit_code == 0
    assert told.output.startswith(f"{question}  changed  since 2026-11-21 09:00 UTC")
    [row] = json.loads(CliRunner().invoke(recalled_command, ["--json"], env=environment).stdout)["recalled"]
    assert (row["question_id"], row["recheck"]["state"], row["documents"]) == (question, "changed", ["docs/runner.md"])
