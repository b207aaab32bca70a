"""What `assistant doctor` says about the model: it answers in a stream, and it keeps the citation format."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

from assistant.core.model import Question, ThreadRef
from assistant.errors import AssistantError
from indexing.model import Chunk, Passage

if TYPE_CHECKING:
    from assistant.adapters.openai_model import OpenAIModel

_TEXT = "The registry keeps images for 14 days. Older images are deleted at night."


@dataclass(frozen=True, slots=True)
class ModelCheck:
    """One line of the doctor's report; the same shape as GitLab's."""

    name: str
    state: Literal["ok", "warning", "failed"]
    detail: str


def check_model(model: OpenAIModel) -> list[ModelCheck]:
    """Ask one question whose answer stands in one passage."""
    now = datetime.now(UTC)
    question = Question(
        "doctor", "For how many days does the registry keep images?", ThreadRef("console", "", ""), "", now
    )
    passage = Passage(1, Chunk("check", 0, ("Registry",), _TEXT), 1.0, "page", "Registry", "")
    pieces: list[str] = []
    begun = time.monotonic()
    try:
        draft, _ = model.draft(question, [passage], pieces.append)
    except AssistantError as error:
        return [ModelCheck("model", "failed", str(error))]
    seconds = time.monotonic() - begun
    checks = [ModelCheck("model", "ok", f"{model.name} answered in {seconds:.1f} s")]
    if not any(claim.cites for claim in draft.claims):
        told = "gives no citations, so its answers are dropped and passages quoted: use a larger model"
        checks.append(ModelCheck("model citations", "warning", told))
    elif not any("14" in claim.text for claim in draft.claims):
        checks.append(ModelCheck("model answers", "warning", "missed a fact in one short passage: use a larger model"))
    else:
        checks.append(ModelCheck("model citations", "ok", "cites the passage"))
    return checks
