"""The two sides of `assistant eval --compare A B`: index versions, settings files or stored results."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assistant.errors import Rejected

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from assistant.ports import Answer
    from assistant.settings import Settings
    from assistant.workflows.evaluate import Golden, Row


@dataclass(frozen=True, slots=True)
class Side:
    """One side of a comparison.

    Attributes:
        name: As it was given.
        result: Of an earlier evaluation; None when it has to be asked.
        answer: Asks it; None when there is a result.
    """

    name: str
    result: dict[str, Any] | None = None
    answer: Answer | None = None


@dataclass(frozen=True, slots=True)
class Asking:
    """How live sides are asked.

    Attributes:
        settings: Of the command; a settings file takes their place.
        version: Index version of settings files; None is the live one.
        use_model: Draft with the configured model, or quote.
    """

    settings: Settings
    version: str | None
    use_model: bool


def side(name: str, asking: Asking) -> Side:
    """Return what a name stands for: a result (`.json`), settings (`.toml`), or an index version.

    Raises:
        Rejected: It is none of these.
        NotConfigured: The settings file is wrong.
        NoIndex: There is no such version.
    """
    from assistant import wiring  # noqa: PLC0415 - keeps `--help` quick
    from indexing.versions import Versions  # noqa: PLC0415 - as above

    path = Path(name)
    if path.suffix in {".json", ".toml"}:
        if not path.is_file():
            raise Rejected(f"there is no file {name} to compare")
        if path.suffix == ".json":
            from assistant.workflows.compare import read_result  # noqa: PLC0415 - as above

            return Side(name, result=read_result(path))
        from assistant.settings_files import load_file  # noqa: PLC0415 - as above

        answer = wiring.answerer(load_file(path), version=asking.version, use_model=asking.use_model)
        return Side(name, answer=answer)
    names = Versions(wiring.index_root(asking.settings)).names()
    if name not in names:
        known = ", ".join(names) or "none yet"
        raise Rejected(
            f"{name!r} cannot be compared: give an index version ({known}), a settings file (.toml), or a result that "
            "`assistant eval --output FILE.json` wrote"
        )
    return Side(name, answer=wiring.answerer(asking.settings, version=name, use_model=asking.use_model))


def results(
    sides: Sequence[Side], questions: Sequence[Golden] | None, on_done: Callable[[], None]
) -> list[dict[str, Any]]:
    """Return the result of each side; those that have none are asked, question by question in turn.

    Args:
        sides: Both.
        questions: Golden ones; None takes the stored results as they are.
        on_done: Called after each question and answer.

    Raises:
        Rejected: A stored result lacks one of the questions.
    """
    from assistant.workflows.evaluate import run_beside, summary  # noqa: PLC0415 - keeps `--help` quick

    answers = [one.answer for one in sides if one.answer is not None]
    asked: list[tuple[Row, ...]] = run_beside(answers, questions or (), on_done) if answers else []
    fresh = iter([summary(list(rows)) for rows in zip(*asked, strict=True)])
    return [next(fresh) if one.result is None else _only(one.result, questions, one.name) for one in sides]


def _only(result: dict[str, Any], questions: Sequence[Golden] | None, name: str) -> dict[str, Any]:
    """Return the result of these questions alone."""
    if questions is None:
        return result
    rows = {row["id"]: row for row in result["questions"]}
    if lacking := [golden.id for golden in questions if golden.id not in rows]:
        raise Rejected(f"{name} lacks {len(lacking)} of the questions, such as {lacking[0]}: evaluate it again")
    return {**result, "questions": [rows[golden.id] for golden in questions]}
