"""An admin's terminal in a directory of its own: `assistant index ...`, in this process or in one of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from click.testing import CliRunner

from assistant.entrypoints.index_command import index

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result

REPOSITORY = __file__.rsplit("/", 3)[0]


@dataclass
class Terminal:
    """Runs commands over the home in `folder`; the test has changed into that folder."""

    folder: Path
    environment: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        own = {"ASSISTANT_HOME": str(self.folder / "home"), "ASSISTANT_EMBEDDER": "hashing"}
        self.environment = {**own, **self.environment}

    def run(self, *arguments: str, expect: int | None = 0) -> Result:
        """Run `assistant index ARGUMENTS` and check its exit code (None: any); nobody sees a traceback."""
        result = CliRunner().invoke(index, arguments, env=self.environment)
        assert expect in {None, result.exit_code}, f"{result.output}\n{result.exception!r}"
        assert "Traceback" not in result.output
        return result

    def json(self, *arguments: str, expect: int = 0) -> dict[str, Any]:
        """Run with --json and return the one object it prints."""
        content = json.loads(self.run(*arguments, "--json", expect=expect).stdout)
        assert isinstance(content, dict)
        return content

    def begin(self, *arguments: str) -> subprocess.Popen[str]:
        """Begin `assistant index ARGUMENTS` as a process of its own."""
        code = "from assistant.entrypoints.cli import main; main()"
        return subprocess.Popen(  # noqa: S603 - our own command
            [sys.executable, "-c", code, "index", *arguments],
            cwd=self.folder,
            env={**os.environ, **self.environment, "PYTHONPATH": REPOSITORY},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def write(self, name: str, text: str, source: str = "docs") -> Path:
        """Write a Markdown file into the folder of a source."""
        path = self.folder / source / f"{name}.md"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path
