"""A project whose webhooks are sent to a place that writes down what came, and fails or sleeps when told to."""

from __future__ import annotations

import json
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gitlab.v4.objects import Project, ProjectIssue

    from tests.fakes.gitlab_process import GitLabSwitches

EVENTS = ("push", "issues", "confidential_issues", "note", "confidential_note", "wiki_page")


@dataclass(frozen=True)
class Delivery:
    """One POST.

    Attributes:
        headers: Names in lower case.
        raw: The body as it came.
    """

    headers: dict[str, str]
    raw: bytes

    @property
    def event(self) -> str:
        """What `X-Gitlab-Event` names."""
        return self.headers["x-gitlab-event"]

    @property
    def body(self) -> dict[str, Any]:
        """The JSON object."""
        found: dict[str, Any] = json.loads(self.raw)
        return found


@dataclass
class Receiver:
    """What came, and how to answer.

    Attributes:
        url: Where to send to.
        status: Answered to the next ones.
        sleep_s: Waited before answering.
    """

    url: str
    status: int = 200
    sleep_s: float = 0.0
    deliveries: list[Delivery] = field(default_factory=list)
    _more: threading.Condition = field(default_factory=threading.Condition)

    def take(self, delivery: Delivery) -> None:
        """Write down one delivery."""
        with self._more:
            self.deliveries.append(delivery)
            self._more.notify_all()

    def wait(self, count: int, seconds: float = 10.0) -> list[Delivery]:
        """Return all that came as soon as there are so many."""
        with self._more:
            came = self._more.wait_for(lambda: len(self.deliveries) >= count, seconds)
        assert came, f"only {[delivery.event for delivery in self.deliveries]} came"
        return list(self.deliveries)


@contextmanager
def receiving() -> Iterator[Receiver]:
    """Take webhooks in at a port of this machine until the end."""
    made: list[Receiver] = []

    class Take(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            made[0].take(Delivery({name.lower(): value for name, value in self.headers.items()}, body))
            status = made[0].status
            time.sleep(made[0].sleep_s)
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Stay quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Take)
    made.append(Receiver(f"http://127.0.0.1:{server.server_address[1]}/hook"))
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield made[0]
    finally:
        server.shutdown()
        server.server_close()


class Office:
    """A project of its own whose webhooks arrive at a receiver."""

    def __init__(self, project: Project, switches: GitLabSwitches, receiver: Receiver) -> None:
        self.project = project
        self.switches = switches
        self.receiver = receiver

    def hook(self, **more: Any) -> Any:
        wanted = {f"{name}_events": True for name in EVENTS}
        return self.project.hooks.create({"url": self.receiver.url, **wanted, **more})

    def issue(self, **fields: Any) -> ProjectIssue:
        return self.project.issues.create({"title": "A question", "description": "How?", **fields})

    def all(self) -> list[Delivery]:
        """Return everything that was sent up to now: the last is a push that tells of the end."""
        before = len([one for one in self.receiver.deliveries if one.event == "Push Hook"])
        self.switches.post("push", path=self.project.path_with_namespace)
        while True:
            came = self.receiver.wait(len(self.receiver.deliveries))
            pushes = [one for one in came if one.event == "Push Hook"]
            if len(pushes) > before:
                return came[: came.index(pushes[-1])]
            self.receiver.wait(len(came) + 1)

    def events(self) -> list[str]:
        return [one.event for one in self.all()]
