"""What of a decision is kept for `explain`: at most so much of a prompt and of a draft, whatever a model wrote."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from assistant.core.model import Decision

PROMPT_MAX = 40_000
"""Characters of a prompt."""
CLAIMS_MAX = 40
"""Claims of a draft, and checks."""
CLAIM_MAX = 2_000
"""Characters of each."""
_CUT = "… (cut)"


def bounded(decision: Decision) -> Decision:
    """Return the decision with what is kept of prompt, draft and checks; outcome and passages stay as they are."""
    draft = decision.draft
    if draft is not None:
        claims = tuple(replace(claim, text=_cut(claim.text, CLAIM_MAX)) for claim in draft.claims[:CLAIMS_MAX])
        draft = replace(draft, claims=claims)
    checks = tuple(replace(check, text=_cut(check.text, CLAIM_MAX)) for check in decision.checks[:CLAIMS_MAX])
    return replace(decision, prompt=_cut(decision.prompt, PROMPT_MAX), draft=draft, checks=checks)


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - len(_CUT)] + _CUT
