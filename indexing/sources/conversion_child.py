r"""The child process that reads files it does not trust: `python -m indexing.sources.conversion_child`.

It takes one file after another from its standard input and writes Markdown to its standard output:

    {"suffix": ".pdf", "charset": "", "bytes": 1234}\n  and 1,234 bytes
    {"reason": "", "title": "", "canonical": "", "is_indexable": true, "is_last": false, "bytes": 99}\n  and UTF-8

It has little memory and little time, writes no file, opens none but its own code, and reaches no network.
"""

from __future__ import annotations

import json
import math
import os
import resource
import sys
from typing import TYPE_CHECKING, BinaryIO

from indexing.sources.file_formats import Converted, convert
from indexing.sources.zip_guard import Unreadable

if TYPE_CHECKING:
    from collections.abc import Sequence

_READ = 3  # os.O_ACCMODE
_FORBIDDEN = (
    "socket.", "subprocess.", "os.system", "os.exec", "os.posix_spawn", "os.fork", "os.remove", "os.rename", "ctypes."
)  # fmt: skip


def main(arguments: Sequence[str]) -> None:
    """Convert files until the standard input ends.

    Args:
        arguments: Memory in MB, and seconds of computing for one file.
    """
    memory_mb, seconds = int(arguments[0]), int(arguments[1])
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints is no answer
    _limit(memory_mb)
    _shut_in()
    for line in sys.stdin.buffer:
        asked = json.loads(line)
        used = sum(resource.getrusage(resource.RUSAGE_SELF)[:2])
        resource.setrlimit(resource.RLIMIT_CPU, (math.ceil(used) + seconds, resource.RLIM_INFINITY))
        _answer(answers, asked, memory_mb)


def _limit(memory_mb: int) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (memory_mb * 1024 * 1024, memory_mb * 1024 * 1024))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))


def _shut_in() -> None:
    """Refuse what no conversion needs. numpy and Pillow stay out: they cost memory and read formats of their own."""
    for name in ("numpy", "cryptography"):
        sys.modules[name] = None  # type: ignore[assignment]
    roots = tuple({os.path.realpath(root) + os.sep for root in (*sys.path, sys.prefix, sys.base_prefix) if root})

    def audit(event: str, values: tuple[object, ...]) -> None:
        if event.startswith(_FORBIDDEN):
            raise PermissionError(f"{event} is not allowed here")
        if event == "open" and isinstance(values[0], str | bytes):
            path = os.path.realpath(os.fsdecode(values[0]))
            if not path.startswith(roots) or (isinstance(values[2], int) and values[2] & _READ):
                raise PermissionError("no file is opened here")

    sys.addaudithook(audit)


def _answer(answers: BinaryIO, asked: dict[str, object], memory_mb: int) -> None:
    reason, converted = "", Converted("")
    is_last = False
    try:
        content = sys.stdin.buffer.read(int(str(asked["bytes"])))
        converted = convert(content, str(asked["suffix"]), str(asked["charset"]))
    except Unreadable as error:
        reason = str(error)
    except RecursionError:
        reason = "is nested too deeply to be read"
    except MemoryError:
        reason, is_last = f"needs more than {memory_mb} MB to be read: split the file, or leave it out", True
    except Exception as error:  # noqa: BLE001 - the libraries raise whatever a damaged file makes of them
        reason = f"is damaged, or no file of its kind ({type(error).__name__})"
    text = converted.markdown.encode("utf-8", "replace")
    head = {
        "reason": reason,
        "title": converted.title,
        "canonical": converted.canonical,
        "is_indexable": converted.is_indexable,
        "is_last": is_last,
        "bytes": len(text),
    }
    answers.write(json.dumps(head).encode() + b"\n" + text)
    answers.flush()
    if is_last:
        sys.exit(0)  # what a failed allocation left behind is not trusted


if __name__ == "__main__":
    main(sys.argv[1:])
