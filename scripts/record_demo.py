"""Play the demo without a terminal and draw what it really printed as an SVG.

The picture holds the transcript as it is: whole turns may be left out (`--turns`), nothing is written into it.
"""

from __future__ import annotations

import argparse
import html
import io
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

ROOT = Path(__file__).resolve().parent.parent
WIDTH = 100
TIME_LIMIT_S = 600
LEFT_OUT = "  ⋯"


def transcript() -> str:
    """Return what `assistant demo` prints, with colours, in an empty home."""
    with tempfile.TemporaryDirectory() as home:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("ASSISTANT_")}
        environment |= {"ASSISTANT_HOME": home, "FORCE_COLOR": "1", "COLUMNS": str(WIDTH), "TERM": "xterm-256color"}
        played = subprocess.run(
            [sys.executable, "-m", "assistant.entrypoints.cli", "demo"],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            timeout=TIME_LIMIT_S,
            check=True,
        )
        # Where the checkout and the home lie on this machine is nobody's business.
        return played.stdout.decode().replace(home, "~/.assistant").replace(str(ROOT), "/home/me/support-assistant")


def choose(lines: list[str], turn: re.Pattern[str], wanted: set[int]) -> list[str]:
    """Return the wanted turns (from 1) and what stands before the first, with a mark where turns are left out."""
    kept: list[str] = []
    number = 0
    for line in lines:
        number += bool(turn.search(Text.from_ansi(line).plain))
        if number == 0 or number in wanted:
            kept.append(line)
        elif kept[-1] != LEFT_OUT:
            kept.append(LEFT_OUT)
    return kept


def draw(lines: list[str]) -> str:
    """Return the lines as an SVG that loads nothing from anywhere."""
    console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    for line in lines:
        console.print(Text.from_ansi(line), soft_wrap=False)
    picture = console.export_svg(title="assistant demo", unique_id="demo")
    widened = re.sub(r'textLength="([\d.]+)"([^>]*)>([^<]*)<', _in_cells, picture)
    without_fonts = re.sub(r"@font-face \{.*?\}\s*", "", widened, flags=re.DOTALL)
    return without_fonts.replace("Fira Code, monospace", "ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace")


def _in_cells(text: re.Match[str]) -> str:
    """Rich counts characters where it should count cells: a Chinese one takes two."""
    shown = html.unescape(text[3])
    length = float(text[1]) / max(1, len(shown)) * cell_len(shown)
    return f'textLength="{length:.1f}"{text[2]}>{text[3]}<'


def main() -> None:
    """Run the recording."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "demo.svg", help="the picture (docs/demo.svg)")
    parser.add_argument("--text", type=Path, help="draw this transcript instead of playing the demo")
    parser.add_argument("--keep", type=Path, help="write the transcript to this file as well")
    parser.add_argument("--turn", default="^--- ", help="pattern of the first line of a turn")
    parser.add_argument("--turns", default="", help="numbers of the turns to show, such as 1,3,5 (all)")
    given = parser.parse_args()
    text = given.text.read_text("utf-8") if given.text else transcript()
    if given.keep:
        given.keep.write_text(text, "utf-8")
    if str(ROOT) in text:
        sys.exit(f"the transcript holds a path of this machine ({ROOT}); nothing was drawn")
    lines = text.splitlines()
    if given.turns:
        lines = choose(lines, re.compile(given.turn), {int(number) for number in given.turns.split(",")})
    given.out.write_text(draw(lines), "utf-8")
    print(f"{given.out.name}: {len(lines)} lines")


if __name__ == "__main__":
    main()
