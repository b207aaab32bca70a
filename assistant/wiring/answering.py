"""What turns a question into a decision, for people and for measurements. A part of `assistant.wiring`."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from assistant.errors import NotConfigured
from assistant.wiring.knowledge import cross_encoder, embedder, second_look
from assistant.wiring.place import home, index_root, store

if TYPE_CHECKING:
    from collections.abc import Sequence

    from assistant.calibrations import InForce
    from assistant.core.calibration import Calibration
    from assistant.core.model import Check
    from assistant.ports import Answer, LanguageModel
    from assistant.settings import Settings
    from assistant.workflows.backtest import Past
    from assistant.workflows.recall import RecallReport
    from indexing.as_of import AsOf
    from indexing.live import LiveIndex
    from indexing.retrieve import Retriever


def language_model(settings: Settings) -> LanguageModel | None:
    """Return the configured model, or None: answers are quotations then.

    Raises:
        NotConfigured: Only one of address and name is set.
    """
    if not settings.model and not settings.openai_base_url:
        return None
    if not settings.model or not settings.openai_base_url:
        missing = "OPENAI_BASE_URL" if settings.model else "ASSISTANT_MODEL"
        raise NotConfigured(f"a model needs both OPENAI_BASE_URL and ASSISTANT_MODEL: set {missing}")
    from assistant.adapters.openai_model import OpenAIModel  # noqa: PLC0415 - loads the openai client
    from assistant.adapters.openai_wire import Endpoint, Limits  # noqa: PLC0415 - as above
    from assistant.core.links import without_links  # noqa: PLC0415 - as above
    from assistant.core.neutralise import model_safe  # noqa: PLC0415 - as above
    from assistant.prompting import AnswerPrompt  # noqa: PLC0415 - as above

    endpoint = Endpoint(settings.openai_base_url, settings.model, settings.openai_api_key.get_secret_value())
    prompt = AnswerPrompt(model_safe, without_links, settings.model_prompt_tokens)
    limits = Limits(
        total_s=settings.model_timeout_s,
        first_token_s=settings.model_timeout_s,
        between_s=settings.model_timeout_s / 2,
        max_tokens=settings.model_answer_tokens,
    )
    return OpenAIModel(endpoint, prompt, limits)


def answer(settings: Settings, index: LiveIndex | Retriever | AsOf, model: LanguageModel | None = None) -> Answer:
    """Return what turns a question into a decision."""
    from assistant.workflows.answer import Answering, load_decision_model  # noqa: PLC0415 - loads when used

    decision = load_decision_model()
    calibrated = calibration_in_force(settings)
    return Answering(index, model, decision, settings.audiences, embed=index.embed, calibrated=calibrated)


def calibration_in_force(settings: Settings) -> InForce:
    """Return what gives the calibration of a way of answering, while it fits."""
    from assistant import calibrations  # noqa: PLC0415 - heavy rooms load when they are used
    from assistant.workflows.answer import load_decision_model  # noqa: PLC0415 - as above

    path = home(settings) / calibrations.FILE
    return calibrations.InForce(path, load_decision_model(), partial(embedder_of_version, settings))


def calibration_state(settings: Settings) -> tuple[Calibration | None, str]:
    """Return the calibration of this home, and why it is not used for the live version and the configured model.

    Raises:
        NotConfigured: The file is damaged.
    """
    from assistant import calibrations  # noqa: PLC0415 - heavy rooms load when they are used
    from assistant.core.quoting import NAME  # noqa: PLC0415 - as above
    from indexing.versions import Versions  # noqa: PLC0415 - as above

    found = calibrations.read(home(settings) / calibrations.FILE)
    if found is None:
        return None, ""
    model = language_model(settings)
    live = Versions(index_root(settings)).live() or ""
    return found, calibration_in_force(settings).why_unfit(found, live, model.name if model else NAME)


def embedder_of_version(settings: Settings, name: str) -> str | None:
    """Return what a calibration holds for: the fingerprints of the version's embedder and of the reranker, if any.

    None when the version cannot be read any more.

    Raises:
        NotConfigured: As of `cross_encoder`.
    """
    from indexing.versions import Versions  # noqa: PLC0415 - heavy rooms load when they are used

    found = (one.manifest for one in Versions(index_root(settings)).list() if one.name == name)
    embedder = next((manifest.embedder for manifest in found if manifest is not None), None)
    reranker = cross_encoder(settings)
    return embedder if embedder is None or reranker is None else f"{embedder} {reranker.fingerprint}"


def answerer(
    settings: Settings, *, version: str | None = None, use_model: bool = True, thresholds: bool = True
) -> Answer:
    """Return the answer function over one index version, for evaluation: it waits for the embedding model.

    Args:
        settings: As loaded.
        version: Name of an index version, searched with the embedder that made it; None is the live one, searched with
            the embedder that is set.
        use_model: Draft with the configured model; False quotes.
        thresholds: False gives every draft that stands, by the score alone: what a calibration is made from.

    Raises:
        NoIndex: There is no such version.
        Incompatible: Another embedder made the version, and it is not here.
    """
    from assistant.reindexing import embedder_of  # noqa: PLC0415 - heavy rooms load when they are used
    from indexing.retrieve import Retriever  # noqa: PLC0415 - loads faiss
    from indexing.versions import Versions  # noqa: PLC0415 - as above

    versions = Versions(index_root(settings))
    opened = versions.open(version) if version else versions.open_live()
    chosen = embedder_of(settings)(opened) if version else embedder(settings)
    retriever = Retriever(opened, chosen, second_look=second_look(settings))
    model = language_model(settings) if use_model else None
    if thresholds:
        return answer(settings, retriever, model)
    from assistant.workflows.answer import load_decision_model, make_answer  # noqa: PLC0415 - as above
    from assistant.workflows.labelling import without_thresholds  # noqa: PLC0415 - as above

    decision = without_thresholds(load_decision_model())
    return make_answer(retriever, model, decision=decision, audiences=settings.audiences, embed=retriever.embed)


def past(settings: Settings, *, version: str | None, use_model: bool, strict_pages: bool, told: Sequence[str]) -> Past:
    """Return an index version that can be asked about its own past, for a back-test.

    Args:
        settings: As loaded.
        version: Its name; None is the live one.
        use_model: Draft with the configured model; False quotes.
        strict_pages: See `indexing.as_of.came_on`.
        told: Audiences beside `public` whose documents are used.

    Raises:
        NoIndex: There is no such version.
    """
    from assistant.workflows.backtest import CONVERSATION, PLATFORM, Past  # noqa: PLC0415 - loads when used
    from indexing.as_of import AsOf  # noqa: PLC0415 - as above
    from indexing.retrieve import Retriever  # noqa: PLC0415 - loads faiss
    from indexing.versions import Versions  # noqa: PLC0415 - as above

    versions = Versions(index_root(settings))
    opened = versions.open(version) if version else versions.open_live()
    readable = [part for part in opened.manifest.partitions if part.audience in {"public", *told}]
    issues = opened.catalog.chunked([part for part in readable if part.kind == "issue"], opened.withdrawn)
    names = {source for source, _ in opened.catalog.counts_by_source()}
    stored = [facts for name in sorted(names) for facts in opened.catalog.documents_of(name)]
    seen = {(part.kind, part.audience) for part in readable}
    documents = [
        facts
        for facts in stored
        if facts.document.id not in opened.withdrawn and (facts.document.kind, facts.document.audience) in seen
    ]
    index = AsOf(
        Retriever(opened, embedder(settings), second_look=second_look(settings)), documents, strict_pages=strict_pages
    )
    readers = settings.model_copy(update={"audiences": {f"{PLATFORM}/{CONVERSATION}": tuple(told)}})
    model = language_model(settings) if use_model else None
    return Past(index, answer(readers, index, model), documents, list(issues), opened.name)


def model_checks(settings: Settings) -> Sequence[Check]:
    """Ask the configured model one question, for `doctor`; empty without a model."""
    from assistant.adapters.openai_checks import check_model  # noqa: PLC0415 - heavy rooms load when they are used
    from assistant.adapters.openai_model import OpenAIModel  # noqa: PLC0415 - loads the openai client

    model = language_model(settings)
    return check_model(model) if isinstance(model, OpenAIModel) else ()


def recall_after(settings: Settings, version: str | None = None) -> RecallReport:
    """Check given answers again after a version became live, and list those it does not support any more.

    Args:
        settings: As loaded.
        version: Its name; None is the live one.

    Raises:
        NoIndex: There is no such version.
    """
    from assistant.core.audiences import audiences_of  # noqa: PLC0415 - heavy rooms load when they are used
    from assistant.workflows.recall import VersionTexts, recall  # noqa: PLC0415 - as above
    from indexing.versions import Versions  # noqa: PLC0415 - as above

    versions = Versions(index_root(settings))
    opened = versions.open(version) if version else versions.open_live()
    readers = partial(audiences_of, table=settings.audiences)
    return recall(store(settings), VersionTexts(opened), settings.keep_days, readers)
