"""`assistant index`: keep the knowledge base fresh, and its versions. The commands stand in `index_*.py`, by theme."""

from __future__ import annotations

import click

from assistant.entrypoints import index_build, index_follow, index_look, index_recalled, index_versions
from assistant.entrypoints.index_audit import NO_AUDIT
from assistant.entrypoints.index_progress import progress_bar

__all__ = ["index", "progress_bar"]


@click.group("index")
@click.option("--no-audit", is_flag=True, hidden=True, help="Its caller keeps the row of the audit.")
@click.pass_context
def index(context: click.Context, *, no_audit: bool) -> None:
    """Keep the knowledge base fresh, and its versions."""
    context.meta[NO_AUDIT] = no_audit


for command in (
    index_build.build,
    index_build.update,
    index_follow.sources,
    index_look.diff_versions,
    index_look.list_findings,
    index_recalled.recalled,
    index_follow.watch,
    index_versions.list_versions,
    index_versions.show,
    index_versions.promote,
    index_versions.rollback,
    index_versions.resume,
    index_versions.verify,
    index_versions.prune,
):
    index.add_command(command)
