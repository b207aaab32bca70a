"""Independent judges of the stand-in: GitLab's own schemas, a validating proxy, the quick-action oracle.

The schemas, the OpenAPI file and the oracle lie beside the repository in `../shared/gitlab`; tests that need them skip
with a reason where they are absent.
"""

from __future__ import annotations

import ast
import contextlib
import importlib.util
import itertools
import json
import re
import shutil
import socket
import subprocess
import time
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import filelock
import jsonschema  # type: ignore[import-untyped] # it publishes no types
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

ROOT = Path(__file__).resolve().parents[3]
SHARED = ROOT / ".." / "shared" / "gitlab"
SCHEMAS = SHARED / "gitlab-schemas"
HELD_SPEC = SHARED / "derived" / "openapi-held.json"
NODE = Path(__file__).parent / "node"
NODE_CACHE = ROOT / ".cache" / "node"
PRISM_STARTS_WITHIN_S = 60.0


def need_shared(path: Path) -> Path:
    """Return the path, or skip the test when the shared data is not beside the repository."""
    if not path.exists():
        pytest.skip(f"{path.name} is not there: ../shared/gitlab holds GitLab's schemas beside the repository")
    return path


def _inlined(value: Any, folder: Path) -> Any:
    """Return the schema with each `$ref` to a file replaced by that file."""
    if isinstance(value, list):
        return [_inlined(item, folder) for item in value]
    if not isinstance(value, dict):
        return value
    reference = value.get("$ref")
    if isinstance(reference, str) and reference.endswith(".json"):
        near = folder / reference
        file = near if near.exists() else SCHEMAS / reference.rsplit("public_api/v4/", 1)[-1]
        return _inlined(json.loads(file.read_text("utf-8")), file.parent)
    return {key: _inlined(item, folder) for key, item in value.items()}


def _is_moment(value: object) -> bool:
    """Tell whether a text is a moment with its zone."""
    return not isinstance(value, str) or datetime.fromisoformat(value).tzinfo is not None


FORMATS = jsonschema.FormatChecker(formats=())
FORMATS.checkers["date-time"] = (_is_moment, ValueError)


@cache
def schema(name: str) -> jsonschema.Draft7Validator:
    """Return the validator of one of GitLab's response schemas, such as `issue`; `notes[]` is one item of a list."""
    file = need_shared(SCHEMAS) / f"{name.removesuffix('[]')}.json"
    inlined = _inlined(json.loads(file.read_text("utf-8")), file.parent)
    inlined = inlined["items"] if name.endswith("[]") else inlined
    return jsonschema.Draft7Validator(inlined, format_checker=FORMATS)


@cache
def entity(name: str) -> frozenset[str]:
    """Return the keys of an entity of GitLab's OpenAPI file, such as `Group`; its types are not to be relied on."""
    lines = need_shared(SHARED / "openapi_v3.yaml").read_text("utf-8").split("\n")
    first = lines.index(f"    APIEntities{name}:")
    body = itertools.takewhile(lambda line: line.startswith("     "), lines[first + 1 :])
    return frozenset(line.strip().rstrip(":") for line in body if re.fullmatch(r" {8}\w+:", line))


_ISSUE = r"/projects/[^/]+/issues"
_ANSWERS = (
    (r"GET 200 .*" + _ISSUE, "issues"),
    (r"(POST 201|PUT 200) .*" + _ISSUE + r"(/\d+)?", "issue"),
    (r"GET 200 .*" + _ISSUE + r"/\d+", "issue"),
    (r"GET 200 .*" + _ISSUE + r"/\d+/notes", "notes"),
    (r"(POST 201|PUT 200|GET 200) .*" + _ISSUE + r"/\d+/notes/\d+", "notes[]"),
    (r"POST 201 .*" + _ISSUE + r"/\d+/(notes|discussions/[0-9a-f]+/notes)", "notes[]"),
    (r"GET 200 .*" + _ISSUE + r"/\d+/links", "related_issues"),
    (r"POST 201 .*" + _ISSUE + r"/\d+/links", "issue_link"),
    (r"POST 201 .*/projects/[^/]+/labels", "labels/project_label"),
    (r"POST 201 .*/projects/[^/]+/milestones", "milestone"),
    (r"GET 200 .*/projects/[^/]+/hooks", "project_hooks"),
    (r"(POST 201|GET 200) .*/projects/[^/]+/hooks(/\d+)?", "project_hook"),
    (r"GET 200 .*/api/v4/metadata", "metadata"),
)


def schema_of(method: str, status: int, path: str) -> str | None:
    """Return which of GitLab's schemas an answer must keep to, or None when GitLab publishes none."""
    line = f"{method} {status} {path.partition('?')[0]}"
    return next((name for pattern, name in _ANSWERS if re.fullmatch(pattern, line)), None)


def problems(method: str, status: int, path: str, body: Any) -> list[str]:
    """Return where an answer leaves GitLab's schema; empty when it keeps to it or none is known."""
    name = schema_of(method, status, path)
    if name is None:
        return []
    return [f"{path}: {error.json_path}: {error.message}" for error in schema(name).iter_errors(body)]


def install_node_peers() -> Path:
    """Install the pinned Node packages once into `.cache/node` and return the folder; skip without node or npm."""
    npm, wanted = shutil.which("npm"), (NODE / "package.json").read_text("utf-8")
    if not (npm and shutil.which("node")):
        pytest.skip("node or npm is not installed: the second client and the validating proxy need them")
    NODE_CACHE.mkdir(parents=True, exist_ok=True)
    with filelock.FileLock(NODE_CACHE / "install.lock"):
        done = NODE_CACHE / "installed.json"
        if not done.exists() or done.read_text("utf-8") != wanted:
            (NODE_CACHE / "package.json").write_text(wanted, "utf-8")
            command = [npm, "install", "--no-package-lock", "--no-audit", "--no-fund", "--loglevel=error"]
            subprocess.run(command, cwd=NODE_CACHE, check=True, timeout=280)  # noqa: S603 - fixed arguments
            done.write_text(wanted, "utf-8")
    return NODE_CACHE


def free_port() -> int:
    """Return a port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def prism(upstream: str, log: Path) -> Iterator[str]:
    """Run the validating proxy before a server: a request or answer that breaks the specification is an error.

    Args:
        upstream: Address of the server.
        log: File for the proxy's output.

    Yields:
        The proxy's address.
    """
    spec = need_shared(HELD_SPEC)
    modules, port = install_node_peers(), free_port()
    entry = modules / "node_modules" / "@stoplight" / "prism-cli" / "dist" / "index.js"
    command = ["node", str(entry), "proxy", "-h", "127.0.0.1", "-p", str(port), "--errors"]
    with log.open("wb") as out:
        child = subprocess.Popen([*command, str(spec), upstream], stdout=out, stderr=out)  # noqa: S603 - fixed arguments
    try:
        _wait_listening(child, log)
        yield f"http://127.0.0.1:{port}"
    finally:
        child.terminate()
        child.wait(10)


def _wait_listening(child: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + PRISM_STARTS_WITHIN_S
    while time.monotonic() < until and child.poll() is None:
        if b"is listening on" in log.read_bytes():
            return
        time.sleep(0.1)
    raise RuntimeError(f"the validating proxy did not start: {log.read_text('utf-8', 'replace')[-2000:]}")


@cache
def oracle() -> ModuleType:
    """Return the quick-action oracle: what GitLab 18.9 would execute, mention and refer to."""
    file = need_shared(SHARED / "qa_oracle.py")
    spec = importlib.util.spec_from_file_location("qa_oracle", file)
    if spec is None or spec.loader is None:
        pytest.skip("qa_oracle.py cannot be loaded")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@cache
def oracle_attacks() -> tuple[str, ...]:
    """Return the hostile texts written down in the oracle's file."""
    found: list[str] = []
    for node in ast.walk(ast.parse((need_shared(SHARED / "qa_oracle.py")).read_text("utf-8"))):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            if node.targets[0].id == "base":
                found += ast.literal_eval(node.value).values()
            elif node.targets[0].id == "attacks":
                found += ast.literal_eval(node.value)
    return tuple(found)
