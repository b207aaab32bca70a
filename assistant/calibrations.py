"""The calibration of a home: one file, read when it changes, used only for the way of answering it was made for.

`HOME/calibration.json` is replaced in one step, so that a reader and a crash see the old one or the new one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING

import structlog
from pydantic import TypeAdapter, ValidationError

from assistant.core import calibration as core
from assistant.core.calibration import Calibration, ValidFor, weights_hash, why_unfit
from assistant.errors import NotConfigured
from indexing.durable import sync_directory, write_atomically

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from assistant.core.decision import DecisionModel

FILE = "calibration.json"
FORMAT = 1
MEND = "run `assistant calibrate` again, or take it away with `assistant calibrate --remove`"

log = structlog.get_logger(__name__)


@cache
def _adapter() -> TypeAdapter[Calibration]:
    adapter: TypeAdapter[Calibration] = TypeAdapter(Calibration)
    adapter.rebuild(force=True, _types_namespace={**vars(core), "Mapping": Mapping})
    return adapter


def write(path: Path, calibration: Calibration) -> None:
    """Put the calibration in force.

    Raises:
        OSError: The disk is full or cannot be written.
    """
    content = {"format": FORMAT, **_adapter().dump_python(calibration, mode="json")}
    write_atomically(path, json.dumps(content, indent=1) + "\n")


def read(path: Path) -> Calibration | None:
    """Return the calibration, or None where there is none.

    Raises:
        NotConfigured: The file is damaged, or of another format.
    """
    try:
        content = json.loads(path.read_text("utf-8"))
        if content.pop("format") != FORMAT:
            raise NotConfigured(f"{path} is of another format: {MEND}")
        return _adapter().validate_python(content, strict=False)
    except FileNotFoundError:
        return None
    except (ValidationError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise NotConfigured(f"{path} is damaged: {MEND}") from error


def remove(path: Path) -> bool:
    """Take the calibration away; False when there was none."""
    try:
        path.unlink()
    except FileNotFoundError:
        return False
    sync_directory(path.parent)
    return True


class InForce:
    """Gives the calibration of a way of answering; see `core.calibration.Calibrated`.

    What does not fit, or cannot be read, is not used: the shipped threshold holds then, and one warning is logged for
    each reason. A file that was written since is read without a restart.

    Args:
        path: Of the file.
        model: Weights in force.
        embedder_of: Index version -> fingerprint of the embedder that it was built with, or None when unknown.
    """

    def __init__(self, path: Path, model: DecisionModel, embedder_of: Callable[[str], str | None]) -> None:
        self._path = path
        self._model = model
        self._embedder_of = cache(embedder_of)
        self._seen: tuple[int, int, int] | None = None
        self._calibration: Calibration | None = None
        self._warned: set[str] = set()

    def __call__(self, index_version: str, answered_by: str) -> Calibration | None:
        """Return the calibration if it was made for this way."""
        try:
            found = self._current()
        except (NotConfigured, OSError) as error:
            self._warn(str(error))
            return None
        if found is None:
            return None
        why = self.why_unfit(found, index_version, answered_by)
        if why:
            self._warn(f"the calibration is not used: {why}; {MEND}")
        return None if why else found

    def why_unfit(self, found: Calibration, index_version: str, answered_by: str) -> str:
        """Return why a calibration is not for this way, or empty; `decide` looks at the way of searching itself."""
        lexical = found.valid_for.lexical_only
        weights = weights_hash(self._model.weights(lexical_only=lexical))
        embedder = self._embedder_of(index_version) or ""
        return why_unfit(found.valid_for, ValidFor(embedder, answered_by, weights, lexical))

    def _current(self) -> Calibration | None:
        try:
            status = self._path.stat()
        except FileNotFoundError:
            self._seen = self._calibration = None
            return None
        seen = (status.st_ino, status.st_mtime_ns, status.st_size)
        if seen != self._seen:
            self._calibration = None
            self._calibration = read(self._path)
            self._seen = seen
        return self._calibration

    def _warn(self, why: str) -> None:
        if why not in self._warned:
            self._warned.add(why)
            log.warning("calibration.not_used", why=why)
