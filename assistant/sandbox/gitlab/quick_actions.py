"""Which quick actions GitLab takes out of a text, and the text that is left.

Rules of `lib/gitlab/quick_actions/extractor.rb` (GitLab 18.9): every carriage return is dropped first; only
paragraphs that stand in nothing else are read; there each line `/known_command arguments` counts, in any case,
except inside inline code.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from assistant.sandbox.gitlab.markdown import top_paragraphs

COMMANDS = tuple(
    """add_child add_email assign award blocked_by blocks cc checkin_reminder clone close confidential convert_to_ticket
    copy_metadata create_merge_request done due duplicate epic estimate health_status iteration label labels link lock
    milestone move page promote_to promote_to_incident react reassign relabel relate remove_email remove_parent reopen
    set_parent severity shrug spend subscribe tableflip title todo type unassign unlabel unlink weight zoom""".split()  # noqa: SIM905 - fifty names read better as a text
)
"""Names of quick actions on issues."""

_NAMES = "|".join(sorted(COMMANDS, key=len, reverse=True))
_LINE = re.compile(
    r"(?P<code>`.+?`)"
    r"|(?P<html>^<[^>]+?>\n.+?\n</[^>]+?>$)"
    rf"|(?:^/(?P<command>{_NAMES})(?: (?P<argument>[^\n]*))?(?:\s*\n|$))",
    re.IGNORECASE | re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True)
class Extraction:
    """What `extract` found.

    Attributes:
        commands: (name in lower case, argument or None) in order.
        text: What is stored.
    """

    commands: tuple[tuple[str, str | None], ...]
    text: str


def extract(text: str) -> Extraction:
    """Take the quick actions out of a text; carriage returns and white space at the end go with them."""
    plain = text.replace("\r", "")
    lines = re.findall(r"[^\n]*\n|[^\n]+", plain)
    commands: list[tuple[str, str | None]] = []
    for first, last, visible in reversed(list(top_paragraphs(plain))):
        if not re.search(r"^/", visible, re.MULTILINE):
            continue
        end = last + 2 if last + 1 < len(lines) and lines[last + 1] == "\n" else last + 1
        paragraph = "".join(lines[first:end])
        found = [match for match in _LINE.finditer(paragraph) if match["command"]]
        commands = [(match["command"].lower(), match["argument"]) for match in found] + commands
        lines[first:end] = [_LINE.sub(lambda match: "" if match["command"] else match[0], paragraph)]
    return Extraction(tuple(commands), "".join(lines).rstrip())


def label_arguments(argument: str) -> list[str]:
    """Return the label names of `/label ~bug ~"two words" plain`."""
    return [quoted or bare for quoted, bare in re.findall(r'~?"([^"]+)"|~?([^\s~"]+)', argument)]
