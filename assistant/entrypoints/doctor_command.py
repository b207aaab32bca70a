"""`assistant doctor`: every connection, token, model and index, each with what to do."""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from assistant.core.model import Check
from assistant.entrypoints.ending import DONE, NEGATIVE, errors

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from assistant.settings import Settings

MARKS = {"ok": "ok     ", "warning": "warning", "failed": "FAILED "}


@click.command(
    "doctor",
    epilog="\b\nExamples:\n  assistant doctor\n  assistant doctor --json | jq '.checks[] | select(.state != \"ok\")'",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on standard output.")
def doctor(*, as_json: bool) -> None:
    """Check settings, index, embedder, reranker, sources, model and GitLab.

    It only reads. Ends with 3 when something failed.
    """
    with errors():
        from assistant import logs  # noqa: PLC0415 - keeps `--help` quick
        from assistant import settings as configuration  # noqa: PLC0415 - as above

        settings = configuration.load()
        logs.set_up("error")
        lines = [
            line
            for check in (_state, _index, _embedder, _reranker, _sources, _model, _calibration, _gitlab)
            for line in _safely(check, settings)
        ]
    if as_json:
        click.echo(json.dumps({"checks": [asdict(line) for line in lines]}, ensure_ascii=False))
    else:
        for line in lines:
            click.echo(f"{MARKS[line.state]}  {line.name}: {line.detail}")
    raise SystemExit(NEGATIVE if any(line.state == "failed" for line in lines) else DONE)


def _safely(check: Callable[[Settings], Iterable[Check]], settings: Settings) -> list[Check]:
    """One failed check must not hide the others."""
    from assistant.errors import AssistantError  # noqa: PLC0415 - keeps `--help` quick
    from indexing.errors import IndexingError  # noqa: PLC0415 - as above

    try:
        return list(check(settings))
    except (AssistantError, IndexingError, OSError) as error:
        return [Check(check.__name__.strip("_"), "failed", str(error))]


def _state(settings: Settings) -> Iterable[Check]:
    from assistant import wiring  # noqa: PLC0415 - keeps `--help` quick

    address = wiring.store(settings).engine.url.render_as_string(hide_password=True)
    yield Check("home", "ok", str(wiring.home(settings)))
    yield Check("database", "ok", address)


def _index(settings: Settings) -> Iterable[Check]:
    from assistant import wiring  # noqa: PLC0415 - keeps `--help` quick
    from indexing.versions import Versions  # noqa: PLC0415 - as above

    versions = Versions(wiring.index_root(settings))
    if versions.live() is None:
        yield Check("index", "failed", "none yet: assistant index build --docs DIR")
        return
    version = versions.open_live()
    counts = version.manifest.counts
    held = (
        f"{version.name} of {version.manifest.created_at}: {counts['documents']} documents, {counts['chunks']} chunks"
    )
    if version.damage:
        yield Check(
            "index", "warning", f"served from {held}; newer is damaged: {'; '.join(version.damage)}. Build again"
        )
    else:
        yield Check("index", "ok", held)
    if versions.paused():
        yield Check("promotion", "warning", "paused by a rollback: assistant index resume")


def _embedder(settings: Settings) -> Iterable[Check]:
    from assistant import reindexing, wiring  # noqa: PLC0415 - keeps `--help` quick
    from indexing.versions import Versions  # noqa: PLC0415 - as above

    embedder = wiring.embedder(settings)
    embedder.encode_query("ready")
    versions = Versions(wiring.index_root(settings))
    if versions.live() is not None and versions.open_live().manifest.embedder != embedder.fingerprint:
        reindexing.embedder_of(settings)(versions.open_live())  # says what to do when it is not here any more
        told = "the live version was built with another one, which answers: assistant index update builds with this one"
        yield Check("embedder", "warning", told)
    else:
        yield Check("embedder", "ok", f"{settings.embedder}, {embedder.dimension} dimensions")


def _reranker(settings: Settings) -> Iterable[Check]:
    from assistant import wiring  # noqa: PLC0415 - keeps `--help` quick
    from indexing.cross_encoder import tells_apart  # noqa: PLC0415 - as above

    encoder = wiring.cross_encoder(settings)
    if encoder is None:
        return
    encoder.score("ready", ["ready"])  # the first one is slow: a model is loaded
    since = time.perf_counter()
    knows = tells_apart(encoder)
    took = f"{(time.perf_counter() - since) * 500.0:.0f} ms for two texts"  # of two questions
    if knows:
        yield Check("reranker", "ok", f"{settings.reranker}, {took}")
    else:
        told = (
            f"{settings.reranker} prefers wrong answers to plain questions ({took}): set ASSISTANT_RERANKER to another"
        )
        yield Check("reranker", "failed", told)


def _sources(settings: Settings) -> Iterable[Check]:
    from assistant.source_checks import check_sources  # noqa: PLC0415 - keeps `--help` quick

    yield from check_sources(settings)


def _model(settings: Settings) -> Iterable[Check]:
    from assistant import wiring  # noqa: PLC0415 - keeps `--help` quick

    model = wiring.language_model(settings)
    if model is None:
        yield Check("model", "warning", "none: answers are quotations. Set OPENAI_BASE_URL and ASSISTANT_MODEL")
        return
    yield from wiring.model_checks(settings)


def _calibration(settings: Settings) -> Iterable[Check]:
    from assistant import calibrations, wiring  # noqa: PLC0415 - keeps `--help` quick

    found, why = wiring.calibration_state(settings)
    if found is None:
        told = "none: the shipped threshold holds. `assistant calibrate` chooses one for your questions"
        yield Check("calibration", "warning", told)
    elif why:
        yield Check("calibration", "warning", f"not used: {why}. To mend it, {calibrations.MEND}")
    else:
        wish = f"at most {found.measured.max_risk:.1%} wrong, with {found.measured.assurance:.0%} assurance"
        yield Check("calibration", "ok", f"{wish}; made {found.measured.made_at}")


def _gitlab(settings: Settings) -> Iterable[Check]:
    from assistant import wiring  # noqa: PLC0415 - keeps `--help` quick

    if wiring.tracker(settings) is None:
        told = "none: nothing is escalated. Set GITLAB_URL, GITLAB_PROJECT and GITLAB_TOKEN"
        yield Check("gitlab", "warning", told)
        return
    yield from wiring.tracker_checks(settings)
