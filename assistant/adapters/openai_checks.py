"""What `assistant doctor` says about the model: it answers in a stream, and it keeps the citation format."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from assistant.core.model import Check, Question, ThreadRef
from assistant.errors import AssistantError
from indexing.model import Chunk, Passage

if TYPE_CHECKING:
    from assistant.adapters.openai_model import OpenAIModel

_TEXT = "The registry keeps images for 14 days. Older images are deleted at night."


def check_model(model: OpenAIModel) -> list[Check]:
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
        return [Check("model", "failed", str(error))]
    seconds = time.monotonic() - begun
    checks = [Check("model", "ok", f"{model.name} answered in {seconds:.1f} s")]
    if not any(claim.cites for claim in draft.claims):
        told = "gives no citations, so its answers are dropped and passages quoted: use a larger model"
        checks.append(Check("model citations", "warning", told))
    elif not any("14" in claim.text for claim in draft.claims):
        checks.append(Check("model answers", "warning", "missed a fact in one short passage: use a larger model"))
    else:
        checks.append(Check("model citations", "ok", "cites the passage"))
    return checks
