"""One question to one decision: retrieve, draft, check, decide. Reads and computes; writes nothing outside."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field, replace
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import structlog

from assistant.core.audiences import audiences_of
from assistant.core.decision import DecisionModel, Weights, decide, weigh
from assistant.core.evidence import check
from assistant.core.followup import is_answered_by, standing_alone, with_earlier
from assistant.core.keeping import bounded
from assistant.core.model import Abstained, Answered, Decision, NeedsDetail
from assistant.core.quoting import NAME as EXTRACTIVE
from assistant.core.quoting import Extractive
from assistant.core.requests import is_picture_only, says_nothing, wants_people
from assistant.errors import AssistantError, Rejected
from assistant.texts import Text, tell

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from assistant.core.calibration import Calibrated
    from assistant.core.claims_meaning import Embed
    from assistant.core.decision import Weighed
    from assistant.core.evidence import Supported
    from assistant.core.model import Draft, Outcome, Question
    from assistant.ports import Answer, LanguageModel, Retrieve
    from indexing.model import Retrieval

MILLISECONDS = 1000.0
log = structlog.get_logger(__name__)


def check_question(text: str, limit: int = 8000, language: str = "en") -> None:
    """Refuse what cannot be answered, with a clear word in the asker's language.

    Args:
        text: Cleaned.
        limit: Characters at most.
        language: Of the refusal.

    Raises:
        Rejected: Empty, too long, or a picture only.
    """
    if len(text) > limit:
        raise Rejected(tell(language, Text.TOO_LONG, length=len(text), limit=limit))
    if is_picture_only(text):
        raise Rejected(tell(language, Text.PICTURE_ONLY))
    if not any(character.isalnum() for character in text):
        raise Rejected(tell(language, Text.EMPTY))


def load_decision_model(content: str | None = None) -> DecisionModel:
    """Read the fitted weights; None reads the ones that ship with the package.

    Raises:
        ValueError: The content is no decision model.
    """
    text = content if content is not None else files("assistant").joinpath("decision_model.json").read_text("utf-8")
    found = json.loads(text)
    try:
        return DecisionModel(_weights(found["full"]), _weights(found["lexical"]))
    except (KeyError, TypeError) as error:
        raise ValueError(f"no decision model: {error}") from error


def _weights(found: dict[str, Any]) -> Weights:
    lists = {name: tuple(value) for name, value in found.items() if isinstance(value, list)}
    return Weights(**{**found, **lists})


@dataclass
class _Laps:
    clock: Callable[[], float]
    milliseconds: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._begun = self._last = self.clock()

    def end(self, stage: str) -> None:
        now = self.clock()
        self.milliseconds[stage] = (now - self._last) * MILLISECONDS
        self._last = now

    def total(self) -> float:
        return (self.clock() - self._begun) * MILLISECONDS


@dataclass(frozen=True, slots=True)
class _Judged:
    """A draft with all that was said of it."""

    draft: Draft
    supported: Supported
    weighed: Weighed
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Answering:
    """Turns questions into decisions; safe to share between threads as far as its parts are.

    Attributes:
        retrieve: Searches the live index version.
        model: Writes drafts; None quotes passages.
        decision: Fitted weights.
        audiences: Place -> audiences beside `public`; see `core.audiences`.
        clock: Seconds, for the timings.
        on_text: Called with each piece of a model's text as it streams in.
        embed: Of the index that `retrieve` searches; None leaves meaning out of the evidence check.
        calibrated: Gives the calibration of a way of answering; None decides by the score alone.
    """

    retrieve: Retrieve
    model: LanguageModel | None
    decision: DecisionModel
    audiences: Mapping[str, Sequence[str]] = field(default_factory=dict)
    clock: Callable[[], float] = time.perf_counter
    on_text: Callable[[str], None] | None = None
    embed: Embed | None = None
    calibrated: Calibrated | None = None

    def __call__(self, question: Question) -> Decision:
        """Decide one question.

        Raises:
            Exception: What retrieval raises (no index, damaged index).
        """
        laps = _Laps(self.clock)
        asked = standing_alone(question)
        retrieval = self.retrieve(asked.search_text, audiences_of(question.thread, self.audiences))
        laps.end("retrieve")
        draft, prompt, degraded = self._draft(question, asked, retrieval)
        laps.end("model")
        judged = self._judged(draft, asked, retrieval)
        last = self._by_quotations(judged, asked, retrieval)
        outcome = last.outcome
        if last is not judged and isinstance(outcome, Answered):
            degraded = "unsupported_draft"
        if wants_people(question.full_text):
            outcome = _for_people(outcome)
        elif says_nothing(question.full_text):
            outcome = Abstained("no_passages", 0.0)
        elif isinstance(outcome, Answered) and not is_answered_by(question, _cited_text(outcome, retrieval)):
            outcome = Abstained("weak_evidence", outcome.score, outcome.confidence, outcome)
        laps.end("evidence")
        return bounded(
            Decision(
                outcome,
                retrieval,
                last.draft.written_by if isinstance(outcome, Answered) else draft.written_by,
                degraded or ("lexical_only" if retrieval.lexical_only else ""),
                {**retrieval.timings_ms, **laps.milliseconds, "total": laps.total()},
                prompt,
                searched_for=asked.search_text if asked.text != question.text else "",
                draft=draft,
                checks=judged.supported.checks,
                features=last.weighed.features,
                threshold=last.weighed.threshold,
            )
        )

    def _judged(self, draft: Draft, question: Question, retrieval: Retrieval) -> _Judged:
        """Check a draft, and decide by what is left of it."""
        supported = check(draft, retrieval.passages, question.search_text, self.embed)
        calibration = self.calibrated(retrieval.index_version, draft.written_by) if self.calibrated else None
        weighed = weigh(question, retrieval, supported, self.decision, calibration)
        outcome = decide(question, retrieval, supported, self.decision, calibration)
        return _Judged(draft, supported, weighed, outcome)

    def _by_quotations(self, judged: _Judged, question: Question, retrieval: Retrieval) -> _Judged:
        """Quote where a model wrote nothing that stands in the passages, if they are good enough for that.

        When the model itself says that they do not answer, the quotations go to the responder alone.
        """
        draft = judged.draft
        if draft.written_by == EXTRACTIVE or (draft.found and judged.supported.text):
            return judged
        quoted = self._judged(self._quote(question, retrieval), question, retrieval)
        outcome = quoted.outcome
        if draft.found and isinstance(outcome, Answered):
            return quoted
        if isinstance(judged.outcome, NeedsDetail):
            return judged
        suggested = outcome if isinstance(outcome, Answered) else _suggested(outcome)
        reason = "unsupported_draft" if draft.found else "weak_evidence"
        return replace(quoted, outcome=Abstained(reason, outcome.score, outcome.confidence, suggested))

    def _draft(self, question: Question, asked: Question, retrieval: Retrieval) -> tuple[Draft, str, str]:
        """Return draft, prompt, and why the model was not used although one is set.

        A model reads the asker's own words beside the earlier question; `asked` is what was searched.
        """
        if self.model is None or not retrieval.passages:
            return self._quote(asked, retrieval), "", ""
        try:
            return *self.model.draft(with_earlier(question), retrieval.passages, self.on_text), ""
        except AssistantError as error:
            log.warning("answer.model_unavailable", question=question.id, error=str(error))
            return self._quote(asked, retrieval), "", "model_unavailable"

    def _quote(self, question: Question, retrieval: Retrieval) -> Draft:
        return Extractive().draft(question, retrieval.passages)[0]


def _for_people(outcome: Outcome) -> Abstained:
    suggested = outcome if isinstance(outcome, Answered) else _suggested(outcome)
    return Abstained("asked_for_people", outcome.score, outcome.confidence, suggested)


def _cited_text(outcome: Answered, retrieval: Retrieval) -> str:
    cited = {citation.document for citation in outcome.citations}
    return "\n".join(p.chunk.embedded_text for p in retrieval.passages if p.chunk.document in cited)


def _suggested(outcome: Outcome) -> Answered | None:
    return outcome.suggested if isinstance(outcome, Abstained) else None


def make_answer(
    retrieve: Retrieve,
    model: LanguageModel | None,
    *,
    decision: DecisionModel | None = None,
    audiences: Mapping[str, Sequence[str]] | None = None,
    embed: Embed | None = None,
) -> Answer:
    """Return the function that decides questions."""
    return Answering(retrieve, model, decision or load_decision_model(), audiences or {}, embed=embed)
