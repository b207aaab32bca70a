"""Settings -> running parts. The only place that builds adapters."""

from __future__ import annotations

import os
import secrets
import threading
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from assistant.errors import AssistantError, NotConfigured

if TYPE_CHECKING:
    from collections.abc import Sequence

    from assistant.adapters.console import ConsoleChat
    from assistant.adapters.gitlab import GitLabTracker
    from assistant.calibrations import InForce
    from assistant.core.calibration import Calibration
    from assistant.core.model import Check, Decision, IssueDraft, IssueRef, Question
    from assistant.ports import Answer, LanguageModel, Now, Tracker
    from assistant.settings import Settings
    from assistant.store import Store
    from assistant.workflows.administer import Administering
    from assistant.workflows.ask import Asking
    from assistant.workflows.backtest import Past
    from assistant.workflows.escalate import DraftIssue, Escalation
    from assistant.workflows.recall import RecallReport
    from assistant.workflows.telling import Telling
    from assistant.workflows.worker import Worker
    from indexing.as_of import AsOf
    from indexing.cross_encoder import CrossEncoder
    from indexing.embedder import Embedder
    from indexing.live import LiveIndex
    from indexing.model import Clean
    from indexing.onnx_embedder import Precision
    from indexing.prefixes import Prefixes
    from indexing.retrieve import Retriever
    from indexing.second_look import SecondLook
    from indexing.sources import Source as DocumentSource

KEY_BYTES = 32
log = structlog.get_logger(__name__)


def utc_now() -> datetime:
    """Return the time in UTC."""
    return datetime.now(UTC)


def home(settings: Settings) -> Path:
    """Return the home, made when absent and closed to other users."""
    path = settings.home.resolve()
    try:
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise NotConfigured(f"ASSISTANT_HOME={settings.home} cannot be made: {error.strerror}") from error
    return path


# --- the knowledge base


def index_root(settings: Settings) -> Path:
    """Return the folder of the index versions."""
    return home(settings) / "index"


def embedder(settings: Settings) -> Embedder:
    """Return the embedder that is set; its model is loaded at its first use.

    Raises:
        NotConfigured: The setting names nothing that can be loaded.
    """
    from indexing.embedder import HashingEmbedder  # noqa: PLC0415 - heavy rooms load when they are used
    from indexing.sentence_transformers_embedder import (  # noqa: PLC0415 - as above
        PACKAGED_SHA256,
        SentenceTransformersEmbedder,
        packaged_model,
    )

    if settings.embedder == "hashing":
        return HashingEmbedder()
    if settings.embedder.startswith(("http://", "https://")):
        return _endpoint_embedder(settings)
    cache = home(settings) / "checked-models.json"
    if settings.embedder == "packaged":
        return SentenceTransformersEmbedder(packaged_model(), PACKAGED_SHA256, cache=cache)
    if settings.embedder in {"packaged-onnx", "packaged-int8", "multilingual"}:
        return _onnx_embedder(settings, cache)
    path = Path(settings.embedder)
    if not (path / "modules.json").is_file():
        raise NotConfigured(
            f"ASSISTANT_EMBEDDER={settings.embedder}: no folder with a sentence-transformers model (modules.json); "
            "use `packaged-onnx`, `packaged`, `packaged-int8`, `multilingual`, such a folder, the address of an "
            "endpoint, or `hashing`"
        )
    given = _prefixes(settings)
    return SentenceTransformersEmbedder(
        path,
        None,
        cache=cache,
        prefixes=given if given.mark else None,
        multilingual=settings.embedder_multilingual,
    )


def _onnx_embedder(settings: Settings, cache: Path) -> Embedder:
    import click  # noqa: PLC0415 - as above

    from indexing.e5_weights import PackedE5  # noqa: PLC0415 - as above
    from indexing.onnx_embedder import PREPARED, OnnxEmbedder  # noqa: PLC0415 - as above
    from indexing.sentence_transformers_embedder import PACKAGED_SHA256, packaged_model  # noqa: PLC0415 - as above

    multilingual = settings.embedder == "multilingual"
    precision: Precision = "float32" if settings.embedder == "packaged-onnx" else "int8"
    return OnnxEmbedder(
        PackedE5() if multilingual else packaged_model(),
        None if multilingual else PACKAGED_SHA256,
        home(settings) / "models",
        precision,
        cache=cache,
        tell=partial(click.echo, err=True),
        prepared=PREPARED,
    )


def _prefixes(settings: Settings) -> Prefixes:
    from indexing.prefixes import Prefixes  # noqa: PLC0415 - as above

    return Prefixes(settings.embedder_question_prefix, settings.embedder_document_prefix)


def _endpoint_embedder(settings: Settings) -> Embedder:
    from indexing.openai_embedder import OpenAIEmbedder  # noqa: PLC0415 - as above

    if not settings.embedder_model:
        raise NotConfigured("ASSISTANT_EMBEDDER is the address of an endpoint: set ASSISTANT_EMBEDDER_MODEL too")
    return OpenAIEmbedder(
        settings.embedder,
        settings.embedder_model,
        settings.openai_api_key.get_secret_value(),
        multilingual=settings.embedder_multilingual,
        prefixes=_prefixes(settings),
        cache=home(settings) / "embedding-endpoints.json",
    )


def cross_encoder(settings: Settings) -> CrossEncoder | None:
    """Return the reranker that is set, or None; a model in a folder is loaded at its first use.

    Raises:
        NotConfigured: The setting names nothing that can rerank.
    """
    if not settings.reranker:
        if settings.reranker_model:
            raise NotConfigured("ASSISTANT_RERANKER_MODEL names a model of no endpoint: set ASSISTANT_RERANKER too")
        return None
    from indexing.errors import NoCrossEncoder  # noqa: PLC0415 - heavy rooms load when they are used
    from indexing.rerank_endpoint import RerankEndpoint  # noqa: PLC0415 - as above
    from indexing.sentence_transformers_cross_encoder import SentenceTransformersCrossEncoder  # noqa: PLC0415 - as above

    if settings.reranker.startswith(("http://", "https://")):
        return RerankEndpoint(settings.reranker, settings.reranker_model, settings.openai_api_key.get_secret_value())
    try:
        return SentenceTransformersCrossEncoder(Path(settings.reranker))
    except NoCrossEncoder as error:
        raise NotConfigured(str(error)) from error


def second_look(settings: Settings) -> SecondLook | None:
    """Return what reorders the first documents by the reranker that is set, or None.

    Raises:
        NotConfigured: As of `cross_encoder`.
    """
    encoder = cross_encoder(settings)
    if encoder is None:
        return None
    from indexing.second_look import SecondLook  # noqa: PLC0415 - heavy rooms load when they are used

    return SecondLook(encoder, lambda why: log.warning("reranker.failed", served="the order of the search", why=why))


def clean(settings: Settings) -> Clean:
    """Return what strips invisible characters and masks secrets before anything is stored."""
    del settings
    from assistant.adapters.secret_scanner import make_mask  # noqa: PLC0415 - loads the rule engine

    return make_mask()


def sources(settings: Settings, docs: Sequence[Path] = (), issues: Sequence[Path] = ()) -> list[DocumentSource]:
    """Return the sources given on the command line, or else those of `assistant.toml`.

    Raises:
        NotConfigured: There are none, or one is set up wrongly.
    """
    from assistant.sourcing import configured_sources, given_sources  # noqa: PLC0415 - heavy rooms load when used

    return given_sources(docs, issues) if docs or issues else configured_sources(settings, home(settings))


def live_index(settings: Settings) -> LiveIndex:
    """Return retrieval over whichever version is live."""
    from indexing.live import LiveIndex  # noqa: PLC0415 - loads faiss

    def warn(damage: Sequence[str]) -> None:
        log.warning("index.damaged", served="the newest whole version", problems=list(damage))

    def named(name: str) -> Embedder:
        # A version names what made it; an address or a folder is only followed when it is the one that is set.
        follows = name in {"packaged", "packaged-onnx", "packaged-int8", "multilingual", "hashing"}
        return embedder(settings.model_copy(update={"embedder": name}) if follows else settings)

    return LiveIndex(index_root(settings), named, warn, second_look=second_look(settings))


# --- answering


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


# --- escalation


def tracker(settings: Settings) -> GitLabTracker | None:
    """Return the project that takes issues, or None when no GitLab is set up.

    Raises:
        NotConfigured: GitLab is set up by halves.
    """
    values = {
        "GITLAB_URL": settings.gitlab_url,
        "GITLAB_PROJECT": settings.gitlab_project,
        "GITLAB_TOKEN": settings.gitlab_token.get_secret_value(),
    }
    missing = [name for name, value in values.items() if not value]
    reads_only = missing == ["GITLAB_PROJECT", "GITLAB_TOKEN"] and settings.gitlab_read_token.get_secret_value()
    if len(missing) == len(values) or reads_only:
        return None
    if missing:
        raise NotConfigured(f"GitLab is set up by halves: set {', '.join(missing)} as well")
    from assistant.adapters.gitlab import GitLabTracker  # noqa: PLC0415 - loads python-gitlab

    return GitLabTracker(
        values["GITLAB_URL"],
        values["GITLAB_TOKEN"],
        values["GITLAB_PROJECT"],
        timeout_s=settings.gitlab_timeout_s,
        now=utc_now,
    )


def tracker_checks(settings: Settings) -> Sequence[Check]:
    """Look at token, role, project and labels, for `doctor`; empty without GitLab."""
    from assistant.adapters.gitlab_checks import check_gitlab  # noqa: PLC0415 - loads python-gitlab

    found = tracker(settings)
    return check_gitlab(found, (settings.label_support, settings.label_awaiting_feedback)) if found else ()


def store(settings: Settings) -> Store:
    """Return the state of this home.

    Raises:
        NotConfigured: The database's URL is wrong or its file is damaged.
    """
    from assistant.store import Store, open_database  # noqa: PLC0415 - loads SQLAlchemy

    home(settings)
    return Store(open_database(settings.database()), utc_now)


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


def secret_key(settings: Settings) -> bytes:
    """Return the key of this home's issue markers; made once, readable by the owner alone."""
    path = home(settings) / "secret.key"
    if not path.exists():
        # Written whole beside it and linked: a crash in between leaves no half key, and the first of two starts wins.
        made = path.with_name(f"secret.key.{os.getpid()}")
        with os.fdopen(os.open(made, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600), "wb") as file:
            file.write(secrets.token_bytes(KEY_BYTES))
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            path.hardlink_to(made)
        made.unlink()
    key = path.read_bytes()
    if len(key) != KEY_BYTES:
        raise NotConfigured(f"{path} is damaged: restore it from a backup; issues are found again by it")
    return key


def issue_drafter(settings: Settings) -> DraftIssue:
    """Return what builds the text of an issue from a question and its decision."""
    from assistant.core import escalation  # noqa: PLC0415 - heavy rooms load when they are used
    from assistant.core.labels import Labels  # noqa: PLC0415 - as above

    key = secret_key(settings)
    labels = Labels(settings.label_support, settings.label_awaiting_feedback)

    def draft(question: Question, decision: Decision | None, *, awaiting: bool, confidential: bool) -> IssueDraft:
        terms = escalation.Terms(
            marker=escalation.marker_for(question.id, key),
            awaiting=awaiting,
            confidential=confidential,
            labels=labels,
            topics=settings.topic_labels,
        )
        return escalation.draft_issue(question, escalation.searched_from(decision, labels), terms)

    return draft


class _NoTracker:
    """Stands where no GitLab is set up: new questions are not escalated; rows of a time with one keep waiting."""

    _TOLD = "no issue tracker is set up: set GITLAB_URL, GITLAB_PROJECT and GITLAB_TOKEN"

    def open_issue(self, draft: IssueDraft) -> IssueRef:
        del draft
        raise NotConfigured(self._TOLD)

    def find_issue(self, marker: str, since: datetime) -> IssueRef | None:
        del marker, since
        raise NotConfigured(self._TOLD)

    def ensure_labels(self, names: Sequence[str]) -> tuple[str, ...]:
        del names
        raise NotConfigured(self._TOLD)


@dataclass(frozen=True, slots=True)
class Assistant:
    """The running parts of one home.

    Attributes:
        asking: The life of a question.
        mask: Cleans and masks a text; everything people write passes it first.
        index: Retrieval over the live version.
        tracker: None when no GitLab is set up.
        administering: Admin commands of chats.
        stopping: Set when this process ends: a command of an admin that runs is ended with it.
    """

    settings: Settings
    store: Store
    asking: Asking
    worker: Worker
    console: ConsoleChat
    mask: Clean
    index: LiveIndex
    tracker: Tracker | None
    draft_issue: DraftIssue
    administering: Administering
    stopping: threading.Event


def _escalation(settings: Settings, telling: Telling, issues: Tracker, drafter: DraftIssue) -> Escalation:
    from assistant.core.environment import is_security  # noqa: PLC0415 - heavy rooms load when they are used
    from assistant.core.escalation import marker_for  # noqa: PLC0415 - as above
    from assistant.workflows.escalate import Escalation  # noqa: PLC0415 - as above

    key = secret_key(settings)
    return Escalation(
        telling.store,
        telling.work,
        telling,
        issues,
        drafter,
        lambda question_id: marker_for(question_id, key),
        must_hide=lambda question: is_security(question.full_text),
        confirm_wait_s=settings.confirm_within * 3600,
    )


def assistant(settings: Settings, *, now: Now = utc_now, stop: threading.Event | None = None) -> Assistant:
    """Build all parts of a home.

    Args:
        settings: As loaded.
        now: The clock.
        stop: Set by the caller when the process is to end; see `Assistant.stopping`.

    Raises:
        NotConfigured: A setting is wrong; the message says how to mend it.
    """
    from assistant.adapters.console import ConsoleChat  # noqa: PLC0415 - heavy rooms load when they are used
    from assistant.command_child import run_in_child  # noqa: PLC0415 - as above
    from assistant.store import Store, open_database  # noqa: PLC0415 - as above
    from assistant.work import WorkTable  # noqa: PLC0415 - as above
    from assistant.workflows.administer import Administering  # noqa: PLC0415 - as above
    from assistant.workflows.ask import Asking  # noqa: PLC0415 - as above
    from assistant.workflows.telling import Telling  # noqa: PLC0415 - as above
    from assistant.workflows.worker import Worker, boot_clock  # noqa: PLC0415 - as above

    place = home(settings)
    engine = open_database(settings.database())
    store, work = Store(engine, now), WorkTable(engine, now)
    console = ConsoleChat(place / "console.db")
    telling = Telling(store, work, {"console": console})
    issues, drafter = tracker(settings), issue_drafter(settings)
    escalation = _escalation(settings, telling, issues or _NoTracker(), drafter)
    index = live_index(settings)
    decide = answer(settings, index, language_model(settings))
    asking = Asking(store, work, telling, escalation, decide, settings.needs_detail_after * 60)
    stopping = stop or threading.Event()
    sources = [source.name for source in settings.source]
    run = run_in_child(settings, stopping.is_set)
    administering = Administering(store, work, {"console": console}, run, settings.admins, sources)
    handlers = {**asking.handlers(issue_wait_s=settings.uncertain_write_wait_s), **administering.handlers()}
    worker = Worker(engine, handlers, now, place / "worker.lock", elapsed=boot_clock)
    return Assistant(
        settings,
        store,
        asking,
        worker,
        console,
        clean(settings),
        index,
        issues,
        drafter,
        administering,
        stopping,
    )


def make_labels(parts: Assistant) -> None:
    """Make the labels of escalations that are missing, at start-up; `doctor` shows what stands in the way."""
    if parts.tracker is None:
        return
    try:
        made = parts.tracker.ensure_labels((parts.settings.label_support, parts.settings.label_awaiting_feedback))
    except AssistantError as error:  # questions are answered all the same, and issues wait for GitLab
        log.warning("labels.not_made", error=str(error))
    else:
        log.info("labels.present", made=list(made))
