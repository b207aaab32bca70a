"""`assistant serve`: takes GitLab's webhooks, follows the sources, and works on what is waiting."""

from __future__ import annotations

import signal
import threading
from typing import TYPE_CHECKING

import click

from assistant.entrypoints.ending import errors

if TYPE_CHECKING:
    import uvicorn

    from assistant.serving import Serving

_SCHEDULE_S = 15.0  # between two looks at which sources are due
_THREADS = 3  # a refresh takes one of them for as long as it lasts


@click.command(
    "serve",
    epilog="""\b
Examples:
  assistant serve
  assistant serve --listen 0.0.0.0:8080
  GITLAB_WEBHOOK_SECRET_FILE=/run/secrets/hook assistant serve

In GitLab (Settings > Webhooks): URL https://THIS-HOST/webhooks/gitlab, the secret token, and the triggers
Push, Issues, Confidential issues, Comments, Confidential comments, Wiki page.""",
)
@click.option("--listen", help="Address and port; the setting ASSISTANT_LISTEN by default.")
def serve(listen: str | None) -> None:
    """Keep the knowledge base fresh: GitLab's webhooks at once, a sweep of every source when it is due.

    Questions and issues that wait are worked on too. Ctrl-C or SIGTERM ends it when what was begun is done.
    """
    with errors("stopped"):
        from assistant import logs  # noqa: PLC0415 - keeps `--help` quick
        from assistant import settings as configuration  # noqa: PLC0415 - as above
        from assistant.serving import serving  # noqa: PLC0415 - as above

        settings = configuration.load(**({"listen": listen} if listen else {}))
        host, port = _address(settings.listen)
        logs.set_up(settings.log_level)
        stop = threading.Event()
        parts = serving(settings, stop)
        parts.parts.index.start_loading()
        if not settings.gitlab_webhook_secret.get_secret_value():
            click.echo("No webhook is taken until GITLAB_WEBHOOK_SECRET is set; sources are swept.", err=True)
        with parts.worker.owning():
            _run(parts, _server(parts, host, port), stop)


def _run(parts: Serving, server: uvicorn.Server, stop: threading.Event) -> None:
    """Serve until the process is told to end, then finish what was begun."""
    loops = [
        threading.Thread(target=parts.worker.run_forever, args=(stop, _THREADS), name="worker"),
        threading.Thread(target=_schedule, args=(parts, stop), name="schedule"),
    ]
    # The server ends at these signals, and then sends itself the signal again: it finds this handler.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    for loop in loops:
        loop.start()
    try:
        click.echo(f"Listening on http://{parts.settings.listen} (webhooks: /webhooks/gitlab). Ctrl-C ends.", err=True)
        server.run()
    finally:
        stop.set()
        for loop in loops:
            loop.join()


def _address(listen: str) -> tuple[str, int]:
    """Return host and port of `HOST:PORT`.

    Raises:
        NotConfigured: It is something else.
    """
    from assistant.errors import NotConfigured  # noqa: PLC0415 - keeps `--help` quick

    host, _, port = listen.rpartition(":")
    if not host or not port.isdecimal() or not 0 <= int(port) < 1 << 16:
        raise NotConfigured(f"ASSISTANT_LISTEN={listen}: HOST:PORT is expected, such as 127.0.0.1:8080")
    return host.strip("[]"), int(port)


def _server(parts: Serving, host: str, port: int) -> uvicorn.Server:
    import uvicorn  # noqa: PLC0415 - keeps `--help` quick

    from assistant.entrypoints.server import Hooks, make_app  # noqa: PLC0415 - as above

    secret = parts.settings.gitlab_webhook_secret.get_secret_value()
    app = make_app(Hooks(secret, parts.following), parts.is_ready)
    # The server's own log would tell addresses of callers; ours tells what was taken.
    return uvicorn.Server(uvicorn.Config(app, host=host, port=port, log_config=None, access_log=False))


def _schedule(parts: Serving, stop: threading.Event) -> None:
    """Refresh the sources that are due, until `stop` is set."""
    import structlog  # noqa: PLC0415 - keeps `--help` quick

    from assistant.errors import AssistantError  # noqa: PLC0415 - as above
    from indexing.errors import IndexingError  # noqa: PLC0415 - as above

    log = structlog.get_logger(__name__)
    while not stop.is_set():
        try:
            parts.following.sweep(parts.due())
        except (AssistantError, IndexingError, OSError) as error:  # locked, or no disk left: the next look may be well
            log.warning("schedule.not_read", error=str(error))
        stop.wait(_SCHEDULE_S)
