"""Time of a start: `--help`, the demo's prompt and its first answer, in wall seconds: `scripts/benchmark start`."""

from __future__ import annotations

import argparse
import os
import pty
import select
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ASSISTANT = Path(sys.executable).with_name("assistant")
QUESTION = b"The new version is broken. How do I roll back production to the previous release?\n"
GIVE_UP_S = 120.0


def main() -> int:
    """Print one line for each figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as folder:
        first = [ASSISTANT, "demo"]
        quiet = subprocess.DEVNULL
        subprocess.run(first, cwd=folder, stdin=quiet, stdout=quiet, check=False)  # noqa: S603 - our own command
        starts = [demo(folder) for _ in range(rounds)]
    figures = {
        "assistant --help": [timed_help() for _ in range(rounds)],
        "demo, second start: prompt": [prompt for prompt, _ in starts],
        "demo, second start: first answer": [answer for _, answer in starts],
    }
    for name, seconds in figures.items():
        print(f"{name:36} median {statistics.median(seconds):6.2f} s   max {max(seconds):6.2f} s   ({rounds} rounds)")
    return 0


def timed_help() -> float:
    """Return the wall seconds of `assistant --help`."""
    begun = time.monotonic()
    subprocess.run([ASSISTANT, "--help"], stdout=subprocess.DEVNULL, check=True)  # noqa: S603 - our own command
    return time.monotonic() - begun


def demo(folder: str) -> tuple[float, float]:
    """Start the demo in a terminal of its own; return wall seconds to the prompt, and to the first answer."""
    begun = time.monotonic()
    child, terminal = pty.fork()
    if child == 0:
        os.chdir(folder)
        os.execv(ASSISTANT, ["assistant", "demo"])  # noqa: S606 - our own command
    prompt = _until(terminal, b"you> ") - begun
    os.write(terminal, QUESTION)
    answer = _until(terminal, b"Sources") - begun
    os.write(terminal, b"/quit\n")
    _drain(terminal)
    os.waitpid(child, 0)
    return prompt, answer


def _until(terminal: int, mark: bytes) -> float:
    seen = b""
    give_up = time.monotonic() + GIVE_UP_S
    while mark not in seen:
        if time.monotonic() > give_up:
            raise SystemExit(f"the demo did not show {mark!r} within {GIVE_UP_S:.0f} s")
        if select.select([terminal], [], [], 0.05)[0]:
            seen += os.read(terminal, 4096)
    return time.monotonic()


def _drain(terminal: int) -> None:
    try:
        while os.read(terminal, 4096):
            pass
    except OSError:  # the terminal is closed: the demo has ended
        os.close(terminal)


if __name__ == "__main__":
    sys.exit(main())
