"""Fills the prompt templates in `prompts/`: numbered passages, marked as data, cut to a token budget.

Nothing secret stands in a prompt. Passages carry no address, their chat-template tokens are broken up, and each
stands between lines with a random delimiter that its text cannot know. This makes injection harder, never impossible:
what holds is that a draft can do nothing but be text (see `docs/architecture.md`).
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

from assistant.core.drafting import NOT_FOUND
from assistant.core.excerpts import excerpt, says_how_it_was_solved
from assistant.core.links import LINK_REMOVED
from assistant.core.quoting import term_weights
from assistant.core.sentences import units

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from jinja2 import Template

    from assistant.core.model import Question
    from indexing.model import Passage

DEFAULT_BUDGET = 600
"""Prompt tokens in total. A 1.5B model on two cores reads about 55 tokens a second: 600 take 11 s."""

MAX_QUESTION_SHARE = 0.3
"""Share of the budget that a question may take; longer ones (logs) are cut in the middle."""

_TOKENS_A_WORD = 1.6
"""By `tokens`, in documentation with some code."""

MAX_EARLIER_SHARE = 0.1
"""Share of the budget for the earlier question that a follow-up goes on from."""

MIN_PASSAGE = 40
"""A passage cut to fewer tokens says nothing; it is left out."""

_CHAT_OVERHEAD = 24
"""What chat templates add around two messages; Qwen's adds 15, Llama's 20."""

_LANGUAGES = {"de": "German", "zh": "Chinese", "ja": "Japanese", "fr": "French", "es": "Spanish"}
"""Small models follow a name better. English is not named: it is also the code of all languages without fixed texts."""
_WORDS = re.compile(r"(?P<wide>[\u2e80-\u9fff\uac00-\ud7ff\uf900-\ufaff\uff00-\uffef])|(?P<word>[^\W\d_]+)|\S")
_COMPARED = re.compile(r"[\u2e80-\u9fff\uac00-\ud7ff]|[^\W_]{3,}")
_BLANK_LINES = re.compile(r"\n{2,}")


@dataclass(frozen=True, slots=True)
class Prompt:
    """What is sent to the model.

    Attributes:
        numbers: The passages that fit, by `Passage.n`; only these can be cited.
        canary: A line of the system part; text that repeats it must not be shown.
    """

    system: str
    user: str
    numbers: tuple[int, ...]
    canary: str

    @property
    def text(self) -> str:
        """Both parts as one text, for `explain`."""
        return f"{self.system}\n\n{self.user}"


def tokens(text: str) -> int:
    """Return a cautious estimate of the tokens in a text, without a tokenizer.

    A word counts one for each four letters begun, a wide (Chinese, Japanese, Korean) character, a digit and a
    punctuation mark one each. Held against two real tokenizers in `tests/contract/test_openai_wire.py`.
    """
    total = 0
    for match in _WORDS.finditer(text):
        word = match["word"]
        total += 1 if word is None else -(-len(word.encode()) // 4)
    return total


def templates_dir() -> Path:
    """Return the folder of the templates: `prompts/` of a checkout, or what a wheel carries."""
    packaged = Path(__file__).parent / "_prompts"
    return packaged if packaged.is_dir() else Path(__file__).parents[1] / "prompts"


@cache
def _template(folder: Path, name: str) -> Template:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # noqa: PLC0415 - not needed for `--help`

    environment = Environment(  # noqa: S701 - Markdown for a model, no HTML
        loader=FileSystemLoader(folder), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.get_template(name)


@dataclass(frozen=True)
class AnswerPrompt:
    """Builds the prompt for one question from `answer.md`.

    Attributes:
        model_safe: Breaks up chat-template tokens.
        without_links: Replaces addresses.
        budget: Tokens of the whole prompt, by `tokens`.
        folder: Where the templates lie.
        new_token: Makes unguessable strings; tests fix them.
    """

    model_safe: Callable[[str], str]
    without_links: Callable[[str], str]
    budget: int = DEFAULT_BUDGET
    folder: Path = field(default_factory=templates_dir)
    new_token: Callable[[], str] = lambda: secrets.token_hex(4)
    canary: str = field(default_factory=lambda: secrets.token_hex(6))

    def build(self, question: Question, passages: Sequence[Passage], *, as_json: bool) -> Prompt:
        """Return the prompt; at least the best passage is in it when there is one.

        Args:
            question: Cleaned and masked.
            passages: Best first.
            as_json: Ask for the JSON object of the schema instead of marks.
        """
        # The system part never changes within a process: servers keep its prefix and read it once.
        system = self._render("system", canary=self.canary, as_json=as_json, not_found=NOT_FOUND)
        asked = _cut_middle(self._safe(question.full_text), int(self.budget * MAX_QUESTION_SHARE))
        earlier = _cut_middle(self._safe(" ".join(question.context)), int(self.budget * MAX_EARLIER_SHARE))
        fixed = {
            "question": asked,
            "earlier": earlier,
            "delimiter": self.new_token(),
            "language": _LANGUAGES.get(question.language, ""),
            "as_json": as_json,
            "not_found": NOT_FOUND,
        }
        frame = tokens(system) + tokens(self._render("user", passages=[], **fixed)) + _CHAT_OVERHEAD
        shown = self._fitting(passages, self.budget - frame, f"{asked} {earlier}".strip())
        user = self._render("user", passages=shown, **fixed)
        return Prompt(system, user, tuple(int(str(passage["n"])) for passage in shown), self.canary)

    def _render(self, part: str, **values: object) -> str:
        template = _template(self.folder, "answer.md")
        return "".join(template.blocks[part](template.new_context(values))).strip()

    def _safe(self, text: str) -> str:
        return self.model_safe(self.without_links(text).replace(LINK_REMOVED, "[link]")).strip()

    def _fitting(self, passages: Sequence[Passage], room: int, question: str) -> list[dict[str, object]]:
        """Share the room out: a passage gets half of what is left, the last one all; no document more than half."""
        shown: list[dict[str, object]] = []
        used_by: dict[str, int] = {}
        left = room
        telling = _telling(passages, question)
        for place, (passage, said) in enumerate(telling):
            title = " ".join(self._safe(passage.title).split())[:80]
            document = passage.chunk.document
            is_last = place == len(telling) - 1 or left < 4 * MIN_PASSAGE
            share = min(left if is_last else left // 2, room // 2 - used_by.get(document, 0)) - tokens(title) - 16
            if share < MIN_PASSAGE and shown:
                continue
            share = max(share, MIN_PASSAGE)
            text = cut(_BLANK_LINES.sub("\n", self._safe(said(share))), share, question)
            cost = tokens(text) + tokens(title) + 16
            shown.append({"n": passage.n, "title": title, "text": text})
            used_by[document] = used_by.get(document, 0) + cost
            left -= cost
        return shown


def _telling(passages: Sequence[Passage], question: str) -> list[tuple[Passage, Callable[[int], str]]]:
    """Return the passages that say something to the question, each with what gives its words for a number of tokens.

    The problem of a solved issue is left out: it resembles the question most of all, so a small model repeats it in the
    place of what helped. Where no passage says how anything was solved, all are shown as they are.
    """
    weights = term_weights(question, passages)
    solved = {passage.chunk.document for passage in passages if says_how_it_was_solved(passage)}

    def said(passage: Passage, room: int) -> str:
        discussion = passage.chunk.document not in solved
        found = excerpt(passage, weights, max(1, int(room / _TOKENS_A_WORD)), discussion=discussion)
        return found.text if found else ""

    telling = [passage for passage in passages if said(passage, MIN_PASSAGE)]
    if not telling:
        return [(passage, partial(_whole, passage)) for passage in passages]
    return [(passage, partial(said, passage)) for passage in telling]


def _whole(passage: Passage, room: int) -> str:
    del room
    return passage.chunk.text


def cut(text: str, budget: int, question: str = "") -> str:
    """Cut text to a number of tokens: the run of whole sentences and code lines that has most words of the question.

    Of equal runs the first is kept, so without a question it is the beginning. `…` shows where something was cut.
    """
    if tokens(text) <= budget:
        return text
    room = budget - 2
    pieces = _pieces(text, room)
    stems = [_stems(piece) & _stems(question) for _, piece in pieces]
    weight = {stem: 1 / sum(stem in found for found in stems) for found in stems for stem in found}
    costs = [tokens(piece) for _, piece in pieces]
    best, best_score = (0, 0), -1.0
    for start in range(len(pieces)):
        end, left = start, room
        while end < len(pieces) and costs[end] <= left:
            left -= costs[end]
            end += 1
        score = sum(weight[stem] for stem in set().union(*stems[start:end]))
        if end > start and score > best_score + 1e-9:
            best, best_score = (start, end), score
    start, end = best
    kept = "".join(joint + piece for joint, piece in pieces[start:end]).strip()
    if not kept:
        return _cut_at_word(text, room)
    return ("… " if start else "") + kept + (" …" if end < len(pieces) else "")


def _pieces(text: str, room: int) -> list[tuple[str, str]]:
    """Split into (what joins it to the one before, piece): sentences, and the lines of code that does not fit whole."""
    found: list[tuple[str, str]] = []
    paragraph = -1
    for unit in units(text):
        is_split = unit.is_code and tokens(unit.text) > room
        for piece in unit.text.split("\n") if is_split else [unit.text]:
            found.append((" " if unit.paragraph == paragraph and not is_split else "\n", piece))
            paragraph = unit.paragraph
    return found


def _stems(text: str) -> set[str]:
    """Return what words are compared by: five letters stand for all forms of a word, a wide character for itself."""
    return {match[0][:5].casefold() for match in _COMPARED.finditer(text)}


def _cut_at_word(text: str, room: int) -> str:
    """Cut a text whose every sentence is too long at a word, else anywhere."""
    words = text.split(" ")
    while len(words) > 1 and tokens(" ".join(words)) > room:
        words = words[: max(1, len(words) * 9 // 10)]
    kept = " ".join(words)
    return (kept[: max(1, room)] if tokens(kept) > room else kept) + " …"


def _cut_middle(text: str, budget: int) -> str:
    """Keep the beginning and the end of a long question: people ask first, and errors stand last in a log."""
    if tokens(text) <= budget:
        return text
    size = len(text)
    while tokens(text[: size // 2]) + tokens(text[-(size // 2) :]) > budget - 1:
        size = size * 9 // 10
    return f"{text[: size // 2].rstrip()} … {text[-(size // 2) :].lstrip()}"
