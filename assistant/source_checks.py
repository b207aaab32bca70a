"""What `assistant doctor` says about sources: can each be read, and does somebody read it. See `assistant.wiring`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from assistant import sourcing
from assistant.core.audiences import PUBLIC
from assistant.core.model import Check

if TYPE_CHECKING:
    from collections.abc import Iterator

    from assistant.settings import Settings


def check_sources(settings: Settings) -> Iterator[Check]:
    """Look at the audiences, at GitLab with the token that reads, and at how the last refresh of each source ended.

    Raises:
        NotConfigured: A source is set up by halves.
        IndexingError: The store of the sources cannot be read.
    """
    from assistant import reindexing, wiring  # noqa: PLC0415 - keeps `--help` quick

    if not settings.source:
        return
    count = len(sourcing.configured_sources(settings, wiring.home(settings)))
    yield Check("sources", "ok", f"{count} in assistant.toml")
    yield from _audiences(settings)
    yield from _gitlab(settings)
    for state, _ in reindexing.source_states(settings):
        if state.last_error or state.held:
            yield Check(f"source {state.name}", "warning", state.last_error or state.held)


def _audiences(settings: Settings) -> Iterator[Check]:
    kept = sourcing.audiences(settings) - {PUBLIC}
    given = {audience for allowed in settings.audiences.values() for audience in allowed} - {PUBLIC}
    for audience in sorted(kept - given):
        yield Check("audiences", "warning", f"no place may read {audience}: name one under [audiences]")
    for audience in sorted(given - kept):
        yield Check("audiences", "warning", f"no source has visibility = {audience!r}: look for a wrong letter")


def _gitlab(settings: Settings) -> Iterator[Check]:
    """Look up each project and group with the token that reads."""
    from indexing.errors import BuildRefused  # noqa: PLC0415 - heavy rooms load when they are used
    from indexing.sources.gitlab_client import look_up  # noqa: PLC0415 - as above

    token = settings.gitlab_read_token.get_secret_value() or settings.gitlab_token.get_secret_value()
    for source in settings.source:
        if source.type != "gitlab":
            continue
        name = f"source {source.name}"
        try:
            look_up(settings.gitlab_url, token, project=source.project, group=source.group)
        except BuildRefused as error:
            yield Check(name, "failed", str(error))
        else:
            yield Check(name, "ok", f"{source.project or source.group} can be read")
