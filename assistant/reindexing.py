"""Settings -> what keeps the knowledge base up to date: the gate, an update, and which sources are due."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import structlog

from assistant import wiring
from assistant.core import schedule
from assistant.errors import AssistantError
from assistant.sourcing import audiences
from indexing.errors import DamagedIndex, Incompatible, IndexingError, NoIndex

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from assistant.core.gate import GoldenQuestion
    from assistant.settings import Settings
    from assistant.workflows.reindex import Gate, Reindexing
    from indexing.build import BuildOptions, Progress
    from indexing.embedder import Embedder
    from indexing.index_version import IndexVersion
    from indexing.source_store import LeftOut, SourceState
    from indexing.sources import Source

log = structlog.get_logger(__name__)


def reindexing(
    settings: Settings, sources: Sequence[Source], on_progress: Callable[[Progress], None] = lambda _: None
) -> Reindexing:
    """Return what brings the index up to date.

    Args:
        settings: As loaded.
        sources: All that the index is made of, in their order.
        on_progress: Called often, from the thread that updates.

    Raises:
        NotConfigured: The embedder cannot be loaded.
    """
    from assistant.workflows.reindex import Reindexing  # noqa: PLC0415 - heavy rooms load when they are used

    return Reindexing(
        gate=gate(settings, {source.name for source in sources}, on_progress),
        sources=sources,
        clean=wiring.clean(settings),
        embedder=wiring.embedder(settings),
        keep=settings.keep_versions,
        after=lambda version: recalled_by(settings, version),
    )


def recalled_by(settings: Settings, version: str) -> int:
    """Check given answers again after a version became live; return how many do not stand on what they cited."""
    try:
        found = wiring.recall_after(settings, version)
    except (
        AssistantError,
        IndexingError,
    ) as error:  # the version is live all the same, and the next one checks them again
        log.warning("recall.failed", version=version, error=str(error))
        return 0
    return found.changed + found.gone


def after_promotion(settings: Settings, version: str) -> int:
    """Do what follows when a person made a version live; return how many given answers it takes back."""
    from indexing.build import after_promotion  # noqa: PLC0415 - heavy rooms load when they are used

    after_promotion(wiring.index_root(settings))
    return recalled_by(settings, version)


def gate(
    settings: Settings, configured: Collection[str], on_progress: Callable[[Progress], None] = lambda _: None
) -> Gate:
    """Return what checks a version against the live one.

    Args:
        settings: As loaded.
        configured: Names of the sources that are set up; the documents of others may leave.
        on_progress: Called often.
    """
    from assistant.core.gate import Limits  # noqa: PLC0415 - heavy rooms load when they are used
    from assistant.workflows.reindex import Gate  # noqa: PLC0415 - as above

    limits = Limits(settings.gate_margin, settings.shrink_limit, frozenset(configured))
    return Gate(
        wiring.index_root(settings), embedder_of(settings), lambda: golden_questions(settings), limits, on_progress
    )


def build_options(settings: Settings) -> BuildOptions:
    """Return how sources are refreshed and versions written, as it is set up."""
    from indexing.build import BuildOptions  # noqa: PLC0415 - heavy rooms load when they are used

    return BuildOptions(
        audiences=audiences(settings),
        shrink_limit=settings.shrink_limit,
        stored_as=settings.vectors,
        embedder_name=settings.embedder,
    )


def embedder_of(settings: Settings) -> Callable[[IndexVersion], Embedder]:
    """Return what loads the embedder that a version was built with; each is loaded once."""
    loaded: dict[str, Embedder] = {}

    def load(version: IndexVersion) -> Embedder:
        wanted, name = version.manifest.embedder, version.manifest.embedder_name
        # An address is only followed when it is the one that is set: questions are sent there.
        for setting in dict.fromkeys((settings.embedder, "" if name.startswith("http") else name)):
            if wanted not in loaded and setting:
                found = wiring.embedder(settings.model_copy(update={"embedder": setting}))
                loaded.setdefault(found.fingerprint, found)
        if wanted not in loaded:
            raise Incompatible(
                f"{version.name} was built with an embedder that is not here any more ({name or wanted}): "
                "set it up again, or promote the new version with --force"
            )
        return loaded[wanted]

    return load


def golden_questions(settings: Settings) -> list[GoldenQuestion]:
    """Return the golden questions of people: those of the file, and confirmed answers.

    Raises:
        Rejected: A line of the file is malformed.
        OSError: The file cannot be read.
    """
    from assistant.workflows.golden import from_confirmed, from_file  # noqa: PLC0415 - heavy rooms load when used

    written = from_file(settings.golden) if settings.golden is not None else []
    store = wiring.store(settings)
    try:
        return [*written, *from_confirmed(store.confirmed_answers())]
    finally:
        store.engine.dispose()


# --- sources


def source_states(settings: Settings) -> tuple[tuple[SourceState, tuple[LeftOut, ...]], ...]:
    """Return what is known of every source that was read, with what was left out of it."""
    from indexing.build import STORE  # noqa: PLC0415 - heavy rooms load when they are used
    from indexing.source_store import SourceStore  # noqa: PLC0415 - as above

    path = wiring.index_root(settings) / STORE
    if not path.exists():
        return ()
    store = SourceStore(path, wiring.utc_now)
    try:
        return tuple((state, store.left_out(state.name)) for state in store.states())
    finally:
        store.close()


def schedules(settings: Settings, states: Sequence[SourceState]) -> list[schedule.Schedule]:
    """Return when each configured source was swept last, and is due next."""
    known = {state.name: state for state in states}
    return [
        schedule.Schedule(
            source.name,
            timedelta(minutes=source.refresh_minutes or settings.refresh_minutes),
            _moment(known[source.name].last_sweep) if source.name in known else None,
            failed=source.name in known and bool(known[source.name].last_error),
        )
        for source in settings.source
    ]


def due_sources(settings: Settings, states: Sequence[SourceState], now: datetime) -> tuple[str, ...]:
    """Return the names of the configured sources that are due, those that wait longest first.

    Args:
        settings: As loaded.
        states: Of the sources that were read before.
        now: In UTC.
    """
    return schedule.due_sources(schedules(settings, states), now)


def _moment(told: str) -> datetime | None:
    return datetime.fromisoformat(told).astimezone(UTC) if told else None


def due_now(settings: Settings, *, by_hand: bool = False) -> tuple[str, ...]:
    """Return the names of the configured sources that are due at this moment.

    All are when their store is damaged, or when the last update was killed or failed: what it had read, built or not
    yet checked is not live. One that goes by itself waits a little then, lest it is killed again and again. All are by
    hand, too, when a version that passed the gate waits since a rollback, or the embedder was changed.

    Args:
        settings: As loaded.
        by_hand: A person asks, and waits for nothing.
    """
    from indexing.build_lock import cut_off  # noqa: PLC0415 - heavy rooms load when they are used
    from indexing.source_store import DamagedStore  # noqa: PLC0415 - as above

    now = wiring.utc_now()
    begun = cut_off(wiring.index_root(settings), "update")
    is_again = begun is not None and (by_hand or now - begun >= schedule.AFTER_FAILURE)
    if is_again or (by_hand and _is_behind(settings)):
        return due_sources(settings, (), now)
    try:
        states = [state for state, _ in source_states(settings)]
    except DamagedStore as error:  # the update sets it aside, and reads everything again
        log.warning("sources.damaged_store", error=str(error))
        states = []
    return due_sources(settings, states, now)


def _is_behind(settings: Settings) -> bool:
    """Return whether an update could make another version live though no source has changed."""
    from indexing.versions import Versions  # noqa: PLC0415 - heavy rooms load when they are used

    versions = Versions(wiring.index_root(settings))
    live, names = versions.live(), versions.names()
    if live is None or not names or versions.paused():
        return False
    newest = names[-1]
    try:
        built_with, report = versions.open(newest).manifest.embedder_name, versions.read_report(newest)
    except (DamagedIndex, NoIndex):
        return True
    waits = newest != live and report is not None and bool(report.get("passed"))
    return waits or bool(built_with and built_with != settings.embedder)


def next_refresh(settings: Settings) -> tuple[str, datetime] | None:
    """Return which source is due next, and when; None when one is due already, or there is none."""
    plans = schedules(settings, [state for state, _ in source_states(settings)])
    following = [(plan.next, plan.name) for plan in plans if plan.next is not None]
    if not following or len(following) < len(plans):
        return None
    moment, name = min(following)
    return name, moment
