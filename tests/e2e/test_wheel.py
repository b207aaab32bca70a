"""The wheel carries all that the program reads: prompts, guides, sample, catalogues, templates, migrations, weights."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NEEDED = (
    "assistant/_prompts/answer.md",
    "assistant/_docs/admin.md",
    "assistant/decision_model.json",
    "assistant/locale/de/LC_MESSAGES/assistant.po",
    "assistant/locale/zh/LC_MESSAGES/assistant.po",
    "assistant/migrations/versions/v0001_first_tables.py",
    "assistant/sandbox/gitlab/templates/issues.html",
    "assistant/sandbox/sample/issues.jsonl",
    "assistant/sandbox/sample/docs/zh/runner.md",
    "indexing/live.py",
)


@pytest.mark.slow
def test_an_installed_wheel_works_outside_the_checkout(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)  # noqa: S603 - our own tool
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        archive.extractall(tmp_path / "installed")
    assert not [needed for needed in NEEDED if needed not in names]
    assert not [name for name in names if name.startswith(("tests/", "scripts/"))]
    code = (
        "import assistant, assistant.prompting as p, assistant.sandbox.demo as d;"
        "from assistant.workflows.answer import load_decision_model;"
        "load_decision_model();"
        "assert 'installed' in assistant.__file__ and 'installed' in str(p.templates_dir());"
        "assert len(d.script()) > 5 and (d.guides() / 'admin.md').is_file()"
    )
    subprocess.run(  # noqa: S603 - above
        [sys.executable, "-c", code], cwd=tmp_path, env={"PYTHONPATH": str(tmp_path / "installed")}, check=True
    )
